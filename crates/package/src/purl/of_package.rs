//! The package URL of a package that was found.

use std::collections::BTreeMap;

use super::Purl;
use crate::{OsRelease, Package, PackageType, path};

/// In canonical form. Packages of a distribution are named within it; without an os-release within the one that their format comes from.
pub fn purl(kind: PackageType, package: &Package, os: Option<&OsRelease>) -> String {
    let mut parts =
        Parts { namespace: String::new(), name: &package.name, version: &package.version, qualifiers: BTreeMap::new() };
    if kind.is_distribution() {
        of_distribution(&mut parts, kind, package, os);
    } else {
        (parts.namespace, parts.name) = split(kind, &package.name);
    }
    let Parts { namespace, name, version, qualifiers } = parts;
    match Purl::new(kind.as_str(), &namespace, name, version, qualifiers.clone(), "") {
        Ok(purl) => purl.to_string(),
        // A name that the type forbids is told as it was found.
        Err(_) => {
            let (kind, name, version) = (kind.as_str().to_owned(), package.name.clone(), version.to_owned());
            Purl { kind, namespace: String::new(), name, version, qualifiers, subpath: String::new() }.to_string()
        }
    }
}

struct Parts<'a> {
    namespace: String,
    name: &'a str,
    version: &'a str,
    qualifiers: BTreeMap<String, String>,
}

fn of_distribution(parts: &mut Parts<'_>, kind: PackageType, package: &Package, os: Option<&OsRelease>) {
    parts.namespace = namespace(kind, os).to_owned();
    let mut qualify = |key: &str, value: String| parts.qualifiers.insert(key.to_owned(), value);
    if let Some(architecture) = &package.architecture {
        qualify("arch", architecture.clone());
    }
    if let Some(os) = os.filter(|os| !os.id.is_empty()) {
        // A rolling release has at most a code name.
        let release = [&os.version_id, &os.codename].into_iter().find(|release| !release.is_empty());
        if let Some(release) = release {
            qualify("distro", format!("{}-{release}", os.id));
        }
    }
    if package.source != package.name || package.source_version != package.version {
        let version =
            Some(&package.source_version).filter(|version| **version != package.version && !version.is_empty());
        let version = version.map(|version| format!("@{version}")).unwrap_or_default();
        if !package.source.is_empty() {
            qualify("upstream", format!("{}{version}", package.source));
        }
    }
    // "The epoch (as in a rpm EVR) is set as a qualifier": only rpm's.
    if kind == PackageType::Rpm
        && let Some((epoch, version)) = parts.version.split_once(':')
    {
        qualify("epoch", epoch.to_owned());
        parts.version = version;
    }
}

/// The vendor: mostly the id of os-release; publishers themselves write the exceptions like this.
fn namespace(kind: PackageType, os: Option<&OsRelease>) -> &str {
    match os.map(|os| os.id.as_str()) {
        Some("rhel") => "redhat",
        Some(id) if id.starts_with("opensuse") => "opensuse",
        Some(id) if !id.is_empty() => id,
        _ => match kind {
            PackageType::Alpm => "arch",
            PackageType::Apk => "alpine",
            PackageType::Opkg => "openwrt",
            PackageType::Rpm => "redhat",
            _ => "debian",
        },
    }
}

/// Namespace and name of a language's package.
fn split(kind: PackageType, name: &str) -> (String, &str) {
    let parts = match kind {
        PackageType::Maven => name.split_once(':'),
        PackageType::Npm if !name.starts_with('@') => None,
        PackageType::Composer | PackageType::Golang | PackageType::Hex | PackageType::Npm | PackageType::Swift => {
            let (directory, last) = path::split(name);
            Some((directory, last))
        }
        _ => None,
    };
    parts.map_or((String::new(), name), |(namespace, name)| (namespace.to_owned(), name))
}
