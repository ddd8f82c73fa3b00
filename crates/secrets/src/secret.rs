//! What is told of a secret, and how little of itself.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use sha2::Sha256;

/// One secret that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Secret {
    /// A stable identifier, such as `github-token`.
    pub rule: &'static str,
    /// What it is, for a person. Says of a private key whether it is encrypted.
    pub description: &'static str,
    /// Where it begins, counted from 1; columns in bytes.
    pub line: usize,
    pub column: usize,
    /// At most the first four and the last two characters, with `…` between.
    pub masked: String,
    pub confidence: Confidence,
    /// Tells the same secret in two places apart from two secrets. Only with a [`Key`]: a plain hash of a weak password could
    /// be guessed.
    pub fingerprint: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// It has the form, and lies where examples lie, or only its name says that it is one.
    Low,
    /// Its place or name says what it is, and it is no placeholder.
    Medium,
    /// The form of its issuer, or a whole private key.
    High,
}

/// The caller's key of fingerprints. Who has it can test guesses, so it is kept like a secret and never stored beside them.
pub struct Key(Vec<u8>);

impl Key {
    pub fn new(bytes: impl Into<Vec<u8>>) -> Key {
        Key(bytes.into())
    }

    /// HMAC-SHA-256 of the rule and the secret, its first 16 bytes in hex.
    pub(crate) fn fingerprint(&self, rule: &str, secret: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(rule.as_bytes());
        mac.update(&[0]);
        mac.update(secret);
        hex::encode(&mac.finalize().into_bytes()[..16])
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

/// The first four and the last two characters, of short ones fewer: never more than a quarter of it.
pub(crate) fn mask(secret: &[u8]) -> String {
    let text = String::from_utf8_lossy(secret);
    let letters: Vec<char> = text.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect();
    let (first, last) = match letters.len() {
        0..8 => (0, 0),
        8..16 => (2, 0),
        16..24 => (4, 0),
        _ => (4, 2),
    };
    let head: String = letters[..first].iter().collect();
    let tail: String = letters[letters.len() - last..].iter().collect();
    format!("{head}…{tail}")
}
