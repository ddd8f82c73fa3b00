//! Package URLs as others write them (ECMA-427), and which component one of them means.

use std::{collections::BTreeMap, fmt::Write};

/// The parts of a package URL, decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PackageUrl {
    /// Lower case.
    pub kind: String,
    pub namespace: String,
    pub name: String,
    /// None means every version.
    pub version: Option<String>,
    pub qualifiers: BTreeMap<String, String>,
    pub subpath: String,
}

impl PackageUrl {
    /// None for what is no package URL: no scheme, type or name, or a broken escape.
    pub fn parse(text: &str) -> Option<PackageUrl> {
        let (scheme, rest) = text.split_once(':')?;
        if !scheme.eq_ignore_ascii_case("pkg") {
            return None;
        }
        let (rest, subpath) = rest.split_once('#').unwrap_or((rest, ""));
        let (rest, qualifiers) = rest.split_once('?').unwrap_or((rest, ""));
        let rest = rest.trim_start_matches('/');
        let (kind, rest) = rest.split_once('/')?;
        let rest = rest.trim_matches('/');
        let name_begins = rest.rfind('/').map_or(0, |at| at + 1);
        let (path, version) = match rest[name_begins..].rfind('@') {
            // A leading @ is a scope that somebody did not escape, and no version.
            Some(at) if at > 0 => (&rest[..name_begins + at], Some(decode(&rest[name_begins + at + 1..])?)),
            _ => split_version_with_slashes(rest)?,
        };
        let (namespace, name) = path.rsplit_once('/').unwrap_or(("", path));
        let url = PackageUrl {
            kind: kind.to_ascii_lowercase(),
            namespace: decode(namespace.trim_matches('/'))?,
            name: decode(name)?,
            version: version.filter(|version| !version.is_empty()),
            qualifiers: parse_qualifiers(qualifiers)?,
            subpath: decode(subpath.trim_matches('/'))?,
        };
        let valid = !url.name.is_empty()
            && url.kind.starts_with(|c: char| c.is_ascii_alphabetic())
            && url.kind.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-+_".contains(&byte));
        valid.then(|| url.normal())
    }

    /// True when a statement about `self` speaks of `component`: same type, namespace and name; the same version, unless `self` has
    /// none; every qualifier of `self` is there with the same value (OpenVEX 0.2.0, "Product"; go-vex and vexctl match so).
    pub fn covers(&self, component: &PackageUrl) -> bool {
        self.base() == component.base()
            && (self.version.is_none() || self.version == component.version)
            && self.qualifiers.iter().all(|(key, value)| component.qualifiers.get(key) == Some(value))
            && (self.subpath.is_empty() || self.subpath == component.subpath)
    }

    /// What all versions share.
    pub fn base(&self) -> (&str, &str, &str) {
        (&self.kind, &self.namespace, &self.name)
    }

    /// Namespace and name as the package's own world writes them.
    pub fn full_name(&self) -> String {
        let separator = if self.kind == "maven" { ':' } else { '/' };
        // The namespace of a distribution's package is the distribution.
        if self.namespace.is_empty() || matches!(self.kind.as_str(), "deb" | "apk" | "rpm" | "alpm" | "opkg") {
            self.name.clone()
        } else {
            format!("{}{separator}{}", self.namespace, self.name)
        }
    }

    /// Types whose definition says that case, or dash and underscore, tell nothing apart.
    fn normal(mut self) -> PackageUrl {
        match self.kind.as_str() {
            "deb" | "apk" | "alpm" | "opkg" | "github" | "bitbucket" | "hex" | "composer" => {
                self.namespace = self.namespace.to_lowercase();
                self.name = self.name.to_lowercase();
            }
            "rpm" => self.namespace = self.namespace.to_lowercase(),
            "pypi" => self.name = self.name.to_lowercase().replace(['_', '.'], "-"),
            "oci" => self.name = self.name.to_lowercase(),
            _ => {}
        }
        self
    }
}

/// An @ before the last slash: `pkg:golang/x@v1/sub` is read as some write it, `pkg:npm/@scope/name` has no version.
fn split_version_with_slashes(rest: &str) -> Option<(&str, Option<String>)> {
    match rest.rfind('@') {
        Some(at) if at > 0 && !rest[..at].ends_with('/') => Some((&rest[..at], Some(decode(&rest[at + 1..])?))),
        _ => Some((rest, None)),
    }
}

fn parse_qualifiers(text: &str) -> Option<BTreeMap<String, String>> {
    let mut qualifiers = BTreeMap::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=')?;
        if !value.is_empty() {
            qualifiers.insert(key.to_ascii_lowercase(), decode(value)?);
        }
    }
    Some(qualifiers)
}

/// Percent escapes decoded; None when one is broken or the result is no UTF-8.
pub(crate) fn decode(text: &str) -> Option<String> {
    if !text.contains('%') {
        return Some(text.to_owned());
    }
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digits = [bytes.next()?, bytes.next()?];
            out.extend(hex::decode(digits).ok()?);
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).ok()
}

/// "Character encoding": letters, digits, `.-_~` and the colon stand for themselves.
pub(crate) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b".-_~:".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// The package URL of an image: `pkg:oci/app@sha256:…?arch=amd64&repository_url=registry.example/team/app&tag=1`. None for images
/// without digest, of which the type has no way to speak.
pub(crate) fn of_image(image: &crate::Image) -> Option<String> {
    // An image that is known by its digest alone has no name in any registry.
    let digest = image.digest.as_deref().filter(|digest| *digest != image.name)?;
    let (repository, tag) = repository(&image.name);
    let name = repository.rsplit('/').next().filter(|name| !name.is_empty())?.to_lowercase();
    let mut out = format!("pkg:oci/{}@{}", encode(&name), encode(digest));
    let architecture = image.platform.as_deref().and_then(|platform| platform.split('/').nth(1));
    let qualifiers = [("arch", architecture), ("repository_url", Some(repository)), ("tag", tag)];
    let mut separator = '?';
    for (key, value) in qualifiers {
        let Some(value) = value.filter(|value| !value.is_empty()) else { continue };
        // Slashes of the URL stay readable: they are allowed in a qualifier's value.
        let _ = write!(out, "{separator}{key}={}", encode(value).replace("%2F", "/"));
        separator = '&';
    }
    Some(out)
}

/// Repository and tag of a reference as a person writes it; the digest is cut off.
pub(crate) fn repository(name: &str) -> (&str, Option<&str>) {
    let name = name.split('@').next().unwrap_or_default();
    let last = name.rfind('/').map_or(0, |at| at + 1);
    match name[last..].find(':') {
        Some(at) => (&name[..last + at], Some(&name[last + at + 1..])),
        None => (name, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> PackageUrl {
        PackageUrl::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn parts_are_decoded() {
        let url = parse("pkg:deb/debian/libstdc%2B%2B6@1:12.2.0-14%2Bb1?arch=amd64&distro=debian-12");
        assert_eq!(url.base(), ("deb", "debian", "libstdc++6"));
        assert_eq!(url.version.as_deref(), Some("1:12.2.0-14+b1"));
        assert_eq!(url.qualifiers["distro"], "debian-12");
        assert_eq!(parse("pkg:npm/%40angular/core@1").full_name(), "@angular/core");
        assert_eq!(parse("pkg:npm/@angular/core").full_name(), "@angular/core");
        assert_eq!(parse("pkg:npm/@angular/core@1").version.as_deref(), Some("1"));
        assert_eq!(parse("pkg://maven/org.slf4j/slf4j-api@2").full_name(), "org.slf4j:slf4j-api");
        assert_eq!(parse("pkg:golang/github.com/docker/cli@v1.2#cmd/docker").subpath, "cmd/docker");
        assert_eq!(parse("pkg:pypi/Foo_Bar").name, "foo-bar");
        for wrong in
            ["", "pkg:", "pkg:deb", "pkg:deb/", "http://x/y", "pkg:npm/%zz", "pkg:npm/%ff", "pkg:1n/x", "pkg:npm/x?a"]
        {
            assert_eq!(PackageUrl::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_statement_covers_what_it_names() {
        let component = parse("pkg:deb/debian/openssl@3.0.11-1?arch=amd64&distro=debian-12");
        for (text, covers) in [
            ("pkg:deb/debian/openssl", true),
            ("pkg:deb/debian/openssl@3.0.11-1", true),
            ("pkg:deb/debian/openssl@3.0.11-2", false),
            ("pkg:deb/debian/openssl?arch=amd64", true),
            ("pkg:deb/debian/openssl?arch=arm64", false),
            ("pkg:deb/debian/openssl?epoch=1", false),
            ("pkg:deb/ubuntu/openssl", false),
            ("pkg:apk/debian/openssl", false),
        ] {
            assert_eq!(parse(text).covers(&component), covers, "{text}");
        }
    }

    #[test]
    fn images_have_package_urls() {
        let image = crate::Image {
            name: "registry.example:5000/team/App:1.2".to_owned(),
            digest: Some("sha256:00ff".to_owned()),
            platform: Some("linux/arm64/v8".to_owned()),
            ..crate::Image::default()
        };
        let text = of_image(&image).unwrap();
        assert_eq!(text, "pkg:oci/app@sha256:00ff?arch=arm64&repository_url=registry.example:5000/team/App&tag=1.2");
        assert_eq!(parse(&text).version.as_deref(), Some("sha256:00ff"));
        assert_eq!(repository("a/b@sha256:1"), ("a/b", None));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text in "(pkg:)?[a-z/@%#?=&:.0-9]{0,30}|\\PC{0,20}") {
            let _ = PackageUrl::parse(&text);
        }

        #[test]
        fn what_is_encoded_comes_back(text in "\\PC{0,20}") {
            proptest::prop_assert_eq!(decode(&encode(&text)), Some(text));
        }
    }
}
