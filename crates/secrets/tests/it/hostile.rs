//! Any bytes are looked through in bounded time, and no answer shows a secret.

use proptest::prelude::*;
use secrets::find;

use crate::rules::random;

const PATHS: [&str; 8] =
    ["a", ".env", "x/.npmrc", "etc/shadow", ".pgpass", ".docker/config.json", "wp-config.php", ".kube/config"];

fn look(bytes: &[u8]) {
    for path in PATHS {
        let found = find(path, bytes, None);
        assert!(found.secrets.len() <= base::limits::SECRETS_OF_FILE);
        let lines = bytes.iter().filter(|byte| **byte == b'\n').count() + 1;
        for secret in &found.secrets {
            assert!(secret.line <= lines && secret.column >= 1);
            assert!(secret.masked.chars().count() <= 7, "{}", secret.masked);
        }
    }
}

#[test]
fn a_file_of_secrets_is_cut() {
    let text: String = (0..500).map(|seed| format!("glpat-{}\n", random("alnum", 20, seed + 1))).collect();
    assert_eq!(find("a", text.as_bytes(), None).secrets.len(), base::limits::SECRETS_OF_FILE);
}

/// As many bytes as a file may have, of nothing but beginnings: each would be followed for kilobytes.
#[test]
fn a_file_of_beginnings_is_given_up() {
    for beginning in ["-----BEGIN PRIVATE KEY-----\n", "PuTTY-User-Key-File-2: x\n", "-eyJ"] {
        let text = beginning.repeat(base::limits::SECRETS_FILE_BYTES / beginning.len());
        assert_eq!(find("a", text.as_bytes(), None).skipped, Some(secrets::Skipped::TooMany), "{beginning}");
    }
    let certificates = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n".repeat(20_000);
    assert_eq!(find("a", certificates.as_bytes(), None).skipped, None);
}

#[test]
fn beginnings_without_ends() {
    for beginning in
        ["-----BEGIN ", "eyJ", "://", "password=", "AKIA", "PuTTY-User-Key-File-", "token: \"", "Q~", ":AA"]
    {
        look(beginning.repeat(3_000).as_bytes());
        look(format!("{beginning}{}", "a".repeat(50_000)).as_bytes());
    }
}

proptest! {
    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        look(&bytes);
    }

    #[test]
    fn any_text(text in "\\PC{0,200}") {
        look(text.as_bytes());
    }
}
