//! Package URLs (ECMA-427, and the type definitions for deb, apk and pypi).

use std::fmt::Write;

use crate::{OsRelease, PackageType};

/// `pkg:deb/debian/openssl@3.0.11-1?arch=amd64&distro=debian-12`. Without an os-release the namespace is the family's.
pub fn purl(
    kind: PackageType,
    name: &str,
    version: &str,
    architecture: Option<&str>,
    os: Option<&OsRelease>,
) -> String {
    if !kind.is_distribution() && kind != PackageType::Pypi {
        return of_language(kind, name, version);
    }
    let mut out = format!("pkg:{}/", kind.as_str());
    if kind != PackageType::Pypi {
        let family = if kind == PackageType::Deb { "debian" } else { "alpine" };
        let namespace = os.map(|os| os.id.as_str()).filter(|id| !id.is_empty()).unwrap_or(family);
        escape(&mut out, &namespace.to_lowercase());
        out.push('/');
    }
    escape(&mut out, &if kind == PackageType::Apk { name.to_lowercase() } else { name.to_owned() });
    out.push('@');
    escape(&mut out, version);
    let mut separator = '?';
    if let Some(architecture) = architecture.filter(|value| !value.is_empty()) {
        out.push_str("?arch=");
        escape(&mut out, architecture);
        separator = '&';
    }
    if kind != PackageType::Pypi
        && let Some(os) = os.filter(|os| !os.id.is_empty() && !os.version_id.is_empty())
    {
        let _ = write!(out, "{separator}distro=");
        escape(&mut out, &format!("{}-{}", os.id, os.version_id));
    }
    out
}

/// Languages write the namespace before the name: `@angular/core`, `org.slf4j:slf4j-api`, `github.com/docker/cli`.
fn of_language(kind: PackageType, name: &str, version: &str) -> String {
    let lower = matches!(kind, PackageType::Composer | PackageType::Golang | PackageType::Hex | PackageType::Npm);
    let name = if lower { name.to_lowercase() } else { name.to_owned() };
    let separator = if kind == PackageType::Maven { ':' } else { '/' };
    let mut out = format!("pkg:{}/", kind.as_str());
    for part in name.split(separator).filter(|part| !part.is_empty()) {
        escape(&mut out, part);
        out.push('/');
    }
    out.pop();
    out.push('@');
    escape(&mut out, version);
    out
}

/// "Character encoding": letters, digits, `.-_~` and the colon stand for themselves.
fn escape(out: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b".-_~:".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_own_shape() {
        let debian = OsRelease { id: "debian".into(), version_id: "12".into(), ..OsRelease::default() };
        assert_eq!(
            purl(PackageType::Deb, "libstdc++6", "1:12.2.0-14+b1", Some("amd64"), Some(&debian)),
            "pkg:deb/debian/libstdc%2B%2B6@1:12.2.0-14%2Bb1?arch=amd64&distro=debian-12"
        );
        assert_eq!(purl(PackageType::Apk, "busybox", "1.36.1-r5", None, None), "pkg:apk/alpine/busybox@1.36.1-r5");
        assert_eq!(purl(PackageType::Pypi, "flask", "2.2.2", None, Some(&debian)), "pkg:pypi/flask@2.2.2");
        let language = |kind, name, version| purl(kind, name, version, None, Some(&debian));
        assert_eq!(language(PackageType::Npm, "@angular/core", "17.0.0"), "pkg:npm/%40angular/core@17.0.0");
        assert_eq!(language(PackageType::Maven, "org.slf4j:slf4j-api", "2.0"), "pkg:maven/org.slf4j/slf4j-api@2.0");
        assert_eq!(language(PackageType::Golang, "github.com/A/b/v2", "v2.0"), "pkg:golang/github.com/a/b/v2@v2.0");
        assert_eq!(language(PackageType::Nuget, "Newtonsoft.Json", "13"), "pkg:nuget/Newtonsoft.Json@13");
    }
}
