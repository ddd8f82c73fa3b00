//! Private keys in PEM (RFC 7468), OpenSSH's, PGP's and PuTTY's forms; nothing of them is ever shown.

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use crate::{
    Confidence,
    find::{Found, Patience},
};

/// The least that a private key has after its header, in base64: an Ed25519 key in PKCS #8 has 64.
const BODY: usize = 60;

/// What is read of a key to see that it is one, and whether it is encrypted.
const LOOK_BYTES: usize = 4_096;

pub(crate) fn follow(bytes: &[u8], start: usize, patience: &mut Patience) -> Option<Found> {
    let rest = &bytes[start..bytes.len().min(start + LOOK_BYTES)];
    let (rule, description, length) = match rest.strip_prefix(b"-----BEGIN ") {
        Some(after) => pem(bytes, start, after, patience)?,
        None => {
            patience.take()?;
            putty(rest)?
        }
    };
    Some(Found { rule, description, start, end: start + length, confidence: Confidence::High, hidden: true })
}

/// The rule, what it is, and the bytes that stand for it.
type Read = (&'static str, &'static str, usize);

fn pem(bytes: &[u8], start: usize, after: &[u8], patience: &mut Patience) -> Option<Read> {
    let label_end = after.windows(5).take(60).position(|window| window == b"-----")?;
    let label = std::str::from_utf8(&after[..label_end]).ok()?;
    // Certificates, of which there are many, end here.
    if !label.contains("PRIVATE KEY") {
        return None;
    }
    patience.take()?;
    let body = &after[label_end + 5..];
    let body = &body[..body.windows(8).position(|window| window == b"-----END").unwrap_or(body.len())];
    let letters = base64_of(body);
    if letters.len() < BODY {
        return None;
    }
    let length = 11 + label_end + 5 + body.len();
    let old_encryption = body.windows(9).take(300).any(|window| window == b"ENCRYPTED");
    let (rule, description) = match label {
        "PRIVATE KEY" if is_service_account(bytes, start) => {
            ("gcp-service-account", "Private key of a Google service account, not encrypted")
        }
        "PRIVATE KEY" => ("private-key", "Private key (PKCS #8), not encrypted"),
        "ENCRYPTED PRIVATE KEY" => ("private-key-encrypted", "Private key (PKCS #8), encrypted"),
        "RSA PRIVATE KEY" if old_encryption => ("private-key-encrypted", "RSA private key, encrypted"),
        "RSA PRIVATE KEY" => ("private-key", "RSA private key, not encrypted"),
        "EC PRIVATE KEY" if old_encryption => ("private-key-encrypted", "Elliptic-curve private key, encrypted"),
        "EC PRIVATE KEY" => ("private-key", "Elliptic-curve private key, not encrypted"),
        "DSA PRIVATE KEY" if old_encryption => ("private-key-encrypted", "DSA private key, encrypted"),
        "DSA PRIVATE KEY" => ("private-key", "DSA private key, not encrypted"),
        "OPENSSH PRIVATE KEY" => match openssh_cipher(&letters)? {
            true => ("private-key-encrypted", "OpenSSH private key, encrypted"),
            false => ("private-key", "OpenSSH private key, not encrypted"),
        },
        "PGP PRIVATE KEY BLOCK" => ("private-key", "PGP private key, perhaps encrypted"),
        "ENCRYPTED NOTARY PRIVATE KEY" | "ENCRYPTED SIGSTORE PRIVATE KEY" | "ENCRYPTED COSIGN PRIVATE KEY" => {
            ("private-key-encrypted", "Signing key of images, encrypted")
        }
        _ => return None,
    };
    Some((rule, description, length))
}

/// The base64 that follows a header, without line ends (also those written `\n`), header fields and PGP's version line.
fn base64_of(body: &[u8]) -> Vec<u8> {
    let mut letters = Vec::new();
    let text = String::from_utf8_lossy(body).replace("\\r", "").replace("\\n", "\n");
    for line in text.lines() {
        let line = line.trim_matches([' ', '\t', '\r', '"', '\'', '+', ',', '\\', '#', '*', '|']);
        if line.contains("-----") {
            break;
        }
        if line.is_empty() || line.contains(": ") {
            continue;
        }
        if !line.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')) {
            break;
        }
        letters.extend_from_slice(line.as_bytes());
    }
    letters
}

/// `openssh-key-v1`, a zero byte, then the cipher's name with its length (OpenSSH, PROTOCOL.key). `None` when it is no such key.
fn openssh_cipher(letters: &[u8]) -> Option<bool> {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let head = GeneralPurpose::new(&STANDARD, config).decode(letters.get(..40)?).ok()?;
    let name = head.strip_prefix(b"openssh-key-v1\0")?;
    let (length, name) = name.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    Some(name.get(..length.min(name.len()))? != b"none")
}

/// A key of Google's JSON has its id before it.
fn is_service_account(bytes: &[u8], start: usize) -> bool {
    let around = &bytes[start.saturating_sub(600)..bytes.len().min(start + 600 + LOOK_BYTES)];
    let has = |text: &[u8]| around.windows(text.len()).any(|window| window == text);
    has(b"\"private_key_id\"") && has(b"service_account")
}

fn putty(rest: &[u8]) -> Option<Read> {
    let text = String::from_utf8_lossy(rest);
    let encryption = text.lines().find_map(|line| line.strip_prefix("Encryption: "))?;
    let private = text.find("Private-Lines: ")?;
    let read = match encryption.trim() {
        "none" => ("private-key", "PuTTY private key, not encrypted"),
        _ => ("private-key-encrypted", "PuTTY private key, encrypted"),
    };
    Some((read.0, read.1, rest.len().min(private)))
}
