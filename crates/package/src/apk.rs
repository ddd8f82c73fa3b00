//! Alpine's database of installed packages, `lib/apk/db/installed` (apk-tools, "Apk spec": one letter, colon, value).

use base64::{Engine, prelude::BASE64_STANDARD};

use crate::{OwnedFile, Package, document::sorted};

pub(crate) fn packages(text: &str) -> Vec<Package> {
    let mut found = Vec::new();
    let mut package = Package::default();
    let mut directory = "";
    for line in text.lines().chain([""]) {
        let Some((field, value)) = line.split_once(':') else {
            if line.trim().is_empty() {
                found.extend(complete(std::mem::take(&mut package)));
                directory = "";
            }
            continue;
        };
        match field {
            "P" => package.name = value.to_owned(),
            "V" => package.version = value.to_owned(),
            "A" => package.architecture = Some(value.to_owned()),
            "L" if !value.is_empty() => package.licenses = vec![value.to_owned()],
            "o" => package.source = value.to_owned(),
            "F" => directory = value,
            "R" => {
                package.owns.push(OwnedFile { path: crate::path::join(directory, value), sum: None });
            }
            // The file of the line above.
            "Z" => {
                if let Some(file) = package.owns.last_mut() {
                    file.sum = Some(sum(value));
                }
            }
            _ => {}
        }
    }
    sorted(found)
}

/// `Q1` and a SHA-1 of the content in base64; apk 3 may write `Q2` and a SHA-256. Anything else equals no sum of ours.
fn sum(value: &str) -> String {
    let digest = value.get(2..).and_then(|text| BASE64_STANDARD.decode(text).ok());
    match (value.get(..2), digest) {
        (Some("Q1"), Some(digest)) if digest.len() == 20 => format!("sha1:{}", hex::encode(digest)),
        (Some("Q2"), Some(digest)) if digest.len() == 32 => format!("sha256:{}", hex::encode(digest)),
        _ => format!("unknown:{value}"),
    }
}

/// All packages of one origin share its version.
fn complete(mut package: Package) -> Option<Package> {
    if package.name.is_empty() || package.version.is_empty() {
        return None;
    }
    if package.source.is_empty() {
        package.source = package.name.clone();
    }
    package.source_version = package.version.clone();
    Some(package)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origin_licence_and_owned_metadata_are_read() {
        let text = "C:Q1abc=\nP:libcrypto3\nV:3.1.4-r5\nA:x86_64\nL:Apache-2.0\no:openssl\nF:lib\nR:libcrypto.so.3\n\n\
            P:py3-flask\nV:2.3.2-r1\nF:usr/lib/python3.11/site-packages/flask-2.3.2.dist-info\nR:METADATA\n";
        let found = packages(text);
        assert_eq!(found[0].source, "openssl");
        assert_eq!(found[0].licenses, ["Apache-2.0"]);
        assert_eq!(found[0].source_version, "3.1.4-r5");
        assert_eq!(found[1].source, "py3-flask");
        assert_eq!(found[1].owns[0].path, "usr/lib/python3.11/site-packages/flask-2.3.2.dist-info/METADATA");
    }

    #[test]
    fn sums_are_those_of_the_content() {
        let text = "P:a\nV:1-r0\nF:etc\nR:motd\nZ:Q12jmj7l5rSw0yVb/vlWAYkK/YBwk=\nR:empty\nR:odd\nZ:Q1?\n";
        let sums: Vec<_> = packages(text)[0].owns.iter().map(|file| file.sum.clone()).collect();
        let empty = Some("sha1:da39a3ee5e6b4b0d3255bfef95601890afd80709".to_owned());
        assert_eq!(sums, [empty, None, Some("unknown:Q1?".to_owned())]);
        assert_eq!(sum(&format!("Q2{}=", "A".repeat(43))), format!("sha256:{}", "0".repeat(64)));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text in "([PVoFR]:[a-z]{0,3}\n|\n|\\PC){0,20}") {
            packages(&text);
        }
    }
}
