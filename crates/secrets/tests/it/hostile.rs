//! Any bytes are looked through in bounded time, and no answer shows a secret.

use proptest::prelude::*;
use secrets::find;

use crate::rules::{base62_crc, random};

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
fn a_thousand_mutated_files() {
    let source = format!(
        "password=k4Tz9qWxP2\n-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n{}\n-----END\nghp_{}\nmachine a password b9c8d7e6\n\
         eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjF9.{}\nhttps://a:k4Tz9qWx@b/\nroot:$6$abc$defghijk:1\na:b:c:d:efghij\n\"auth\": \"YTpi\"\n\
         define('DB_PASSWORD', 'x9y8z7');\ntoken: abc\n12345678:AA\nQ~ .atlasv1. PuTTY-User-Key-File-2: x\nEncryption: none\nPrivate-Lines: 4",
        random("base64", 64, 1),
        base62_crc(&random("alnum", 30, 2)),
        random("alnum", 43, 3),
    );
    let mut state = 11u32;
    let mut next = |bound: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize % bound
    };
    for _ in 0..1_000 {
        let mut bytes = source.clone().into_bytes();
        for _ in 0..12 {
            let at = next(bytes.len());
            bytes[at] = b"\"'\n:=@-. \xff\xc3A"[next(12)];
        }
        bytes.truncate(1 + next(bytes.len()));
        look(&bytes);
    }
}

#[test]
fn a_file_of_secrets_is_cut() {
    let text: String = (0..500).map(|seed| format!("glpat-{}\n", random("alnum", 20, seed + 1))).collect();
    assert_eq!(find("a", text.as_bytes(), None).secrets.len(), base::limits::SECRETS_OF_FILE);
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
