//! Two folders of files: `leaks`, whose first line says what is found in the rest, and `clean`, in which nothing is.
//!
//! No file holds a secret as it stands: `{{alnum:36}}` is filled in by the test, so that nobody's scanner finds one here.

use std::{fs, path::Path};

use secrets::{Confidence, Skipped, find};

use crate::rules::{base62_crc, random};

fn cases(folder: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(folder);
    let mut cases: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(&path).unwrap()))
        .collect();
    cases.sort();
    assert!(cases.len() >= 5);
    cases
}

/// Fills in `{{alphabet:length}}`, each with other characters.
fn filled(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    let mut seed = 1;
    while let Some(at) = rest.find("{{") {
        out.push_str(&rest[..at]);
        let end = rest[at..].find("}}").unwrap() + at;
        let (alphabet, length) = rest[at + 2..end].split_once(':').unwrap();
        seed += 1;
        out.push_str(&match alphabet {
            "github" => base62_crc(&random("alnum", length.parse::<usize>().unwrap() - 6, seed)),
            "begin" => format!("-----BEGIN {length}-----"),
            "end" => format!("-----END {length}-----"),
            "auth" => base64::Engine::encode(
                &base64::engine::general_purpose::STANDARD,
                format!("robot:{}", random("alnum", 20, seed)),
            ),
            alphabet => random(alphabet, length.parse().unwrap(), seed),
        });
        rest = &rest[end + 2..];
    }
    out + rest
}

#[test]
fn leaks_are_found() {
    let mut wrong = Vec::new();
    for (name, text) in cases("leaks") {
        let (expected, body) = text.split_once('\n').unwrap();
        let body = filled(body);
        let path = name.replace('!', "/");
        let found: Vec<String> = find(&path, body.as_bytes(), None)
            .secrets
            .iter()
            .map(|secret| format!("{}:{}:{}:{:?}", secret.rule, secret.line, secret.column, secret.confidence))
            .collect();
        if found.join(" ") != expected {
            wrong.push(format!("{name}: {}\n  instead of {expected}", found.join(" ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_is_found_where_nothing_is() {
    for (name, text) in cases("clean") {
        let found = find(&name.replace('!', "/"), text.as_bytes(), None);
        assert_eq!(found.secrets, [], "{name}");
        assert_eq!(found.skipped, None, "{name}");
    }
}

#[test]
fn binary_and_large_files_are_skipped_and_said_to_be() {
    let token = format!("token {}", base62_crc(&random("alnum", 30, 5)).replacen("", "ghp_", 1));
    assert_eq!(find("a", token.as_bytes(), None).secrets.len(), 1);
    assert_eq!(find("a", format!("\0{token}").as_bytes(), None).skipped, Some(Skipped::Binary));
    let late = format!("{}\0{token}", " ".repeat(9_000));
    assert_eq!(find("a", late.as_bytes(), None).secrets.len(), 1);
    let large = vec![b' '; base::limits::SECRETS_FILE_BYTES + 1];
    assert_eq!(find("a", &large, None).skipped, Some(Skipped::TooLarge));
}

#[test]
fn the_same_file_among_examples_is_less_sure() {
    let token = format!("glpat-{}", random("alnum", 20, 3));
    let confidence = |path: &str| find(path, token.as_bytes(), None).secrets[0].confidence;
    assert_eq!(confidence("app/settings"), Confidence::High);
    assert_eq!(confidence("usr/share/doc/app/settings"), Confidence::Low);
}
