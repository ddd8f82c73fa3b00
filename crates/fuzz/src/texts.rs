//! What is looked for in texts: licences, secrets, and settings of images.

use license::{classify, expression};
use posture::{Config, base_named, facts, instruction, layers_of_history};
use secrets::find;

use crate::reader::{Reader, ending, files};

/// Each of these has a reader of its own, besides the rules that hold for all.
const PATHS: [&str; 8] =
    ["a", ".env", "x/.npmrc", "etc/shadow", ".pgpass", ".docker/config.json", "wp-config.php", ".kube/config"];

pub(crate) fn readers() -> Vec<Reader> {
    let text = |id: &str| spdx::license_id(id).unwrap().text().as_bytes().to_vec();
    let leaks = files("secrets/tests/cases/leaks").into_iter().map(|(_, bytes)| bytes);
    let spellings =
        "GPLv2+ or ASL 2.0\n(MIT OR Apache-2.0) AND BSD-3-Clause WITH x\nLicense :: OSI Approved :: MIT License";
    vec![
        Reader::new("license-expression", spellings.lines().map(|line| line.as_bytes().to_vec()), |bytes| {
            let found = expression(&String::from_utf8_lossy(bytes));
            // What we give out is an expression to us as well.
            let Some(spdx) = found.spdx else { return false };
            assert_eq!(expression(&spdx).spdx.as_deref(), Some(&*spdx));
            true
        }),
        Reader::new("license-text", ["MIT", "BSD-3-Clause", "Zlib"].map(text), |bytes| {
            let found = classify(bytes);
            assert!(found.len() <= base::limits::LICENSE_MATCHES);
            !found.is_empty()
        }),
        Reader::new("posture-config", ending("posture/tests/cases", ".json"), |bytes| {
            let Some(config) = Config::parse(bytes) else { return false };
            assert!(facts(&config, []).iter().all(|fact| fact.places.len() <= fact.count));
            assert!(layers_of_history(&config) <= config.diff_ids.len());
            base_named(&config.labels);
            config.history.iter().for_each(|step| drop(instruction(&step.created_by)));
            true
        }),
        Reader::new("secrets-file", leaks, |bytes| {
            let lines = bytes.iter().filter(|byte| **byte == b'\n').count() + 1;
            for path in PATHS {
                let found = find(path, bytes, None);
                assert!(found.secrets.len() <= base::limits::SECRETS_OF_FILE);
                for secret in found.secrets {
                    assert!(secret.line <= lines && secret.column >= 1);
                    assert!(secret.masked.chars().count() <= 7, "{}", secret.masked);
                }
            }
            find("a", bytes, None).skipped.is_none()
        }),
    ]
}
