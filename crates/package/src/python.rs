//! Installed Python distributions: `*.dist-info/METADATA` and `*.egg-info` (PyPA "Recording installed projects").

use crate::Package;

/// Longer lines in `License` are whole licence texts, not names.
const LICENSE_NAME_BYTES: usize = 100;

/// True for a file whose head names a distribution and its version.
pub(crate) fn is_metadata(path: &str) -> bool {
    let (directory, name) = crate::path::split(path);
    match name {
        "METADATA" => directory.ends_with(".dist-info"),
        "PKG-INFO" => directory.ends_with(".egg-info") || directory.ends_with(".egg/EGG-INFO"),
        _ => name.ends_with(".egg-info"),
    }
}

/// Name and version from the head of core metadata; the description that follows is not read.
pub(crate) fn package(text: &str) -> Option<Package> {
    let fields = fields(text);
    let field = |wanted: &str| {
        let mut values = fields.iter().filter(|field| field.name.eq_ignore_ascii_case(wanted));
        values.next().map(|field| field.value)
    };
    let name = field("Name").filter(|name| !name.is_empty())?;
    let version = field("Version").filter(|version| !version.is_empty())?;
    let name = normalised(name);
    Some(Package {
        licenses: licenses(&fields),
        source: name.clone(),
        source_version: version.to_owned(),
        name,
        version: version.to_owned(),
        ..Package::default()
    })
}

struct Field<'a> {
    name: &'a str,
    value: &'a str,
    /// More lines of the value follow.
    goes_on: bool,
}

fn fields(text: &str) -> Vec<Field<'_>> {
    let mut fields: Vec<Field<'_>> = Vec::new();
    // A line of spaces goes on with the value before; only an empty one ends the head.
    for line in text.lines().take_while(|line| !line.is_empty()) {
        if line.starts_with([' ', '\t']) {
            fields.last_mut().into_iter().for_each(|field| field.goes_on = true);
        } else if let Some((name, value)) = line.split_once(':') {
            fields.push(Field { name, value: value.trim(), goes_on: false });
        }
    }
    fields
}

/// Core metadata, "License-Expression"; before that one `License`, or else the classifiers.
fn licenses(fields: &[Field<'_>]) -> Vec<String> {
    let named = |wanted: &str| {
        let name = fields.iter().find(|field| field.name.eq_ignore_ascii_case(wanted))?;
        let is_name = !name.value.is_empty() && !name.goes_on && name.value.len() <= LICENSE_NAME_BYTES;
        (is_name && !name.value.eq_ignore_ascii_case("unknown")).then(|| name.value.to_owned())
    };
    if let Some(name) = named("License-Expression").or_else(|| named("License")) {
        return vec![name];
    }
    let classifiers = fields.iter().filter(|field| field.name.eq_ignore_ascii_case("Classifier"));
    let mut names: Vec<String> = classifiers
        .filter_map(|field| field.value.strip_prefix("License :: "))
        .filter_map(|path| path.rsplit(" :: ").next().map(str::trim))
        .filter(|name| !name.is_empty() && name.len() <= LICENSE_NAME_BYTES && *name != "OSI Approved")
        .map(str::to_owned)
        .collect();
    names.dedup();
    names
}

/// PyPA "Names and normalization": lower case, runs of `-`, `_` and `.` are one `-`.
pub(crate) fn normalised(name: &str) -> String {
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
    fn an_expression_wins_over_a_name_and_a_name_over_classifiers() {
        let of = |fields: &str| package(&format!("Name: x\nVersion: 1\n{fields}\n")).unwrap().licenses;
        let classifier = "Classifier: License :: OSI Approved :: BSD License\nClassifier: License :: OSI Approved\n";
        assert_eq!(of(&format!("License: BSD\nLicense-Expression: BSD-3-Clause\n{classifier}")), ["BSD-3-Clause"]);
        assert_eq!(of(&format!("License: BSD\n{classifier}")), ["BSD"]);
        assert_eq!(of(&format!("License: UNKNOWN\n{classifier}")), ["BSD License"]);
        let text = "License: Copyright (c) 2020\n        All rights reserved.\n        \n        More.\n";
        assert_eq!(of(&format!("{text}{classifier}")), ["BSD License"]);
    }

    #[test]
    fn metadata_is_known_by_its_place() {
        assert!(is_metadata("usr/lib/python3/dist-packages/flask-2.2.2.egg-info/PKG-INFO"));
        assert!(is_metadata("usr/lib/python3.11/site-packages/six-1.16.0.dist-info/METADATA"));
        assert!(is_metadata("usr/lib/python2.7/argparse.egg-info"));
        assert!(is_metadata("usr/lib/python3.9/site-packages/x-1.0-py3.9.egg/EGG-INFO/PKG-INFO"));
        assert!(!is_metadata("src/METADATA"));
    }
}
