//! Installed Python distributions: `*.dist-info/METADATA` and `*.egg-info` (PyPA "Recording installed projects").

use crate::Package;

/// Longer lines in `License` are whole licence texts, not names.
const LICENSE_NAME_BYTES: usize = 100;

/// True for a file whose head names a distribution and its version.
pub(crate) fn is_metadata(path: &str) -> bool {
    let (directory, name) = crate::path::split(path);
    match name {
        "METADATA" => directory.ends_with(".dist-info"),
        "PKG-INFO" => directory.ends_with(".egg-info"),
        _ => name.ends_with(".egg-info"),
    }
}

/// Name and version from the head of core metadata; the description that follows is not read.
pub(crate) fn package(text: &str) -> Option<Package> {
    let field = |wanted: &str| {
        let head = text.lines().take_while(|line| !line.trim().is_empty());
        let mut values = head.filter_map(|line| line.split_once(':'));
        values.find(|(key, _)| key.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim())
    };
    let name = field("Name").filter(|name| !name.is_empty())?;
    let version = field("Version").filter(|version| !version.is_empty())?;
    let license = field("License-Expression").or_else(|| field("License"));
    let license = license.filter(|name| !name.is_empty() && *name != "UNKNOWN" && name.len() <= LICENSE_NAME_BYTES);
    let name = normalised(name);
    Some(Package {
        licenses: license.map(str::to_owned).into_iter().collect(),
        source: name.clone(),
        source_version: version.to_owned(),
        name,
        version: version.to_owned(),
        ..Package::default()
    })
}

/// PyPA "Names and normalization": lower case, runs of `-`, `_` and `.` are one `-`.
fn normalised(name: &str) -> String {
    let parts: Vec<&str> = name.split(['-', '_', '.']).filter(|part| !part.is_empty()).collect();
    parts.join("-").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_is_read_and_the_name_normalised() {
        let text = "Metadata-Version: 2.1\nName: Flask_Login\nVersion: 0.6.2\nLicense: MIT\n\nVersion: 9\n";
        let found = package(text).unwrap();
        assert_eq!((found.name.as_str(), found.version.as_str()), ("flask-login", "0.6.2"));
        assert_eq!(found.licenses, ["MIT"]);
        assert_eq!(package("Name: x\n\nVersion: 1\n"), None);
    }

    #[test]
    fn metadata_is_known_by_its_place() {
        assert!(is_metadata("usr/lib/python3/dist-packages/flask-2.2.2.egg-info/PKG-INFO"));
        assert!(is_metadata("usr/lib/python3.11/site-packages/six-1.16.0.dist-info/METADATA"));
        assert!(is_metadata("usr/lib/python2.7/argparse.egg-info"));
        assert!(!is_metadata("src/METADATA"));
    }
}
