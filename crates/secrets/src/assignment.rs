//! `NAME=value` in configuration files, where the name says that the value is a secret.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use base::limits;

use crate::{Confidence, find::Found, judge};

/// Endings of files in which people write settings. Programs are none: their assignments are variables.
const ENDINGS: [&str; 20] = [
    "env",
    "ini",
    "cfg",
    "cnf",
    "conf",
    "config",
    "properties",
    "yaml",
    "yml",
    "json",
    "toml",
    "tfvars",
    "tfstate",
    "sh",
    "bash",
    "zsh",
    "profile",
    "bashrc",
    "rc",
    "sql",
];

const NAMES: [&str; 13] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "api_key",
    "apikey",
    "api-key",
    "access_key",
    "accesskey",
    "private_key",
    "credential",
    "auth_key",
];

/// Names that go on so do not hold the secret itself.
const NOT_ITSELF: [&str; 32] = [
    "file", "path", "name", "url", "uri", "id", "policy", "length", "type", "ttl", "expir", "endpoint", "count",
    "regex", "hash", "dir", "field", "header", "min", "max", "alg", "issuer", "ref", "class", "label", "hint",
    "prompt", "version", "limit", "public", "encr", "method",
];

static NAME: LazyLock<AhoCorasick> = LazyLock::new(|| {
    AhoCorasick::builder().ascii_case_insensitive(true).build(NAMES).expect("a dozen short patterns fit")
});

/// Whether people write settings into a file of this name.
pub(crate) fn is_configuration(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    // Lists that tools write: hashes of packages are no secrets.
    if ["package-lock.json", "composer.lock", "yarn.lock", "pnpm-lock.yaml"].contains(&name.as_str()) {
        return false;
    }
    name.starts_with(".env")
        || ["dockerfile", "containerfile", "environment", "credentials"].contains(&name.as_str())
        || name.rsplit_once('.').is_some_and(|(_, ending)| ENDINGS.contains(&ending))
}

pub(crate) fn find(bytes: &[u8]) -> Vec<Found> {
    let mut found = Vec::new();
    let mut from = 0;
    for hit in NAME.find_iter(bytes) {
        if found.len() >= limits::SECRETS_OF_FILE {
            break;
        }
        if hit.start() < from {
            continue;
        }
        if let Some(one) = assigned(bytes, hit.start(), hit.end()) {
            from = one.end;
            found.push(one);
        }
    }
    found
}

fn assigned(bytes: &[u8], start: usize, end: usize) -> Option<Found> {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(*byte, b'_' | b'-' | b'.');
    let name_start = start - bytes[..start].iter().rev().take(60).take_while(|byte| is_name(byte)).count();
    let name_end = end + bytes[end..].iter().take(30).take_while(|byte| is_name(byte)).count();
    let after = String::from_utf8_lossy(&bytes[end..name_end]).to_ascii_lowercase();
    if NOT_ITSELF.iter().any(|word| after.contains(word)) {
        return None;
    }
    let (value_start, value_end, quoted) = value_after(bytes, name_end)?;
    let value = std::str::from_utf8(&bytes[value_start..value_end]).ok()?;
    let name = String::from_utf8_lossy(&bytes[name_start..name_end]).to_ascii_lowercase();
    let found = |rule, description, confidence| {
        Some(Found { rule, description, start: value_start, end: value_end, confidence, hidden: false })
    };
    let aws = value.len() == 40
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'+'))
        && (name.contains("secret_access_key") || name.contains("secretaccesskey") || name.contains("aws"));
    if aws && judge::is_random(value.as_bytes(), 64) && !judge::is_placeholder(value) {
        return found("aws-secret-access-key", "AWS secret access key", Confidence::High);
    }
    let secret = is_secret(value, quoted);
    if secret {
        found("assigned-secret", "Value whose name says that it is a secret", Confidence::Medium)
    } else {
        None
    }
}

/// Letters and digits mixed as chance mixes them; no variable, path, address, version or sentence.
fn is_secret(value: &str, quoted: bool) -> bool {
    let has = |class: fn(&u8) -> bool| value.as_bytes().iter().any(class);
    let plain = value.bytes().all(|byte| byte.is_ascii_graphic());
    let calls = !quoted && value.contains(['(', ')', '[', ']']);
    let addressed = value.starts_with(['/', '.', '~', '@']) || value.contains("://") || value.contains("::");
    let dotted = value.split(['.', '-', '_', '/', ':']).all(|part| part.bytes().all(|byte| byte.is_ascii_alphabetic()));
    (12..=256).contains(&value.len())
        && plain
        && !calls
        && !addressed
        && !dotted
        && has(u8::is_ascii_digit)
        && has(u8::is_ascii_alphabetic)
        && judge::entropy(value.as_bytes()) >= 3.2
        && !judge::is_placeholder(value)
        && !judge::is_reference(value)
}

/// The value behind `=`, `:`, `:=` or `=>`: to the closing quote, or to the next space, comma or bracket.
fn value_after(bytes: &[u8], name_end: usize) -> Option<(usize, usize, bool)> {
    let skip = |at: usize, signs: &[u8], most: usize| {
        at + bytes[at..].iter().take(most).take_while(|byte| signs.contains(byte)).count()
    };
    let at = skip(skip(name_end, b"\"'", 1), b" \t", 20);
    let assigned = skip(at, b":=>", 2);
    if assigned == at || bytes.get(at) == Some(&b'>') || bytes.get(at..at + 2) == Some(b"==") {
        return None;
    }
    let at = skip(assigned, b" \t", 20);
    let quote = bytes.get(at).copied().filter(|byte| matches!(byte, b'"' | b'\'' | b'`'));
    let start = at + usize::from(quote.is_some());
    let ends = |byte: &u8| match quote {
        Some(quote) => *byte == quote || *byte == b'\n',
        None => byte.is_ascii_whitespace() || matches!(*byte, b',' | b';' | b'"' | b'\'' | b'}'),
    };
    let length = bytes[start..]
        .iter()
        .take(limits::SECRET_BYTES)
        .position(ends)
        .unwrap_or((bytes.len() - start).min(limits::SECRET_BYTES));
    Some((start, start + length, quote.is_some()))
}
