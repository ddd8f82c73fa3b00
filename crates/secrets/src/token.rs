//! Tokens in running text: from a prefix on, or around a part that every one of a kind has.

use base::limits;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{
    Confidence,
    find::{Found, Patience},
    judge,
    rules::{Alphabet, Check, Rule},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    PrivateKey,
    JsonWebToken,
    Telegram,
    Terraform,
    AzureClientSecret,
    Url,
}

/// What is searched for besides the prefixes of rules.
pub(crate) const ANCHORS: [(&str, Anchor); 7] = [
    ("-----BEGIN ", Anchor::PrivateKey),
    ("PuTTY-User-Key-File-", Anchor::PrivateKey),
    ("eyJ", Anchor::JsonWebToken),
    (":AA", Anchor::Telegram),
    (".atlasv1.", Anchor::Terraform),
    ("Q~", Anchor::AzureClientSecret),
    ("://", Anchor::Url),
];

/// The token that begins with this rule's prefix, when it is one.
pub(crate) fn follow(rule: &Rule, bytes: &[u8], start: usize) -> Option<Found> {
    if start > 0 && is_word(bytes[start - 1]) {
        return None;
    }
    let body = start + rule.prefix.len();
    let mut end = body + run(&bytes[body..], rule.alphabet, rule.most + 1);
    while end > body && bytes[end - 1] == b'.' {
        end -= 1;
    }
    let value = &bytes[body..end];
    let goes_on = bytes.get(end).is_some_and(|byte| is_word(*byte));
    if value.len() < rule.least || value.len() > rule.most || goes_on {
        return None;
    }
    let text = std::str::from_utf8(value).ok()?;
    if judge::is_placeholder(text) {
        return None;
    }
    let mut confidence = Confidence::High;
    match rule.check {
        Check::Random => {}
        Check::Crc if has_checksum(value) => {}
        Check::Crc => return None,
        Check::PerhapsCrc if has_checksum(value) => {}
        Check::PerhapsCrc => confidence = Confidence::Medium,
        Check::Holds(part) if text.contains(part) => {}
        Check::Holds(_) => return None,
    }
    // Long ones repeat parts that are not random (headers in base64); chance does not make words without digits.
    let random = judge::is_random(value, rule.alphabet.letters()) && judge::is_mixed(value);
    random.then_some(Found { rule: rule.id, description: rule.description, start, end, confidence, hidden: false })
}

/// The token of which this is a part.
pub(crate) fn around(anchor: Anchor, bytes: &[u8], at: usize, patience: &mut Patience) -> Option<Found> {
    match anchor {
        Anchor::PrivateKey => None,
        Anchor::JsonWebToken => json_web_token(bytes, at, patience),
        Anchor::Telegram => {
            let start = at - back(&bytes[..at], |byte| byte.is_ascii_digit(), 11);
            let end = at + 1 + run(&bytes[at + 1..], Alphabet::Url, 36);
            let fits = (8..=10).contains(&(at - start)) && end - at - 1 == 35;
            some(fits, bytes, start, end, "telegram-bot-token", "Telegram bot token")
        }
        Anchor::Terraform => {
            let start = at - back(&bytes[..at], |byte| byte.is_ascii_alphanumeric(), 15);
            let end = at + 9 + run(&bytes[at + 9..], Alphabet::Url, 71);
            let fits = at - start == 14 && (60..=70).contains(&(end - at - 9));
            some(fits, bytes, start, end, "terraform-token", "Terraform Cloud token")
        }
        Anchor::AzureClientSecret => {
            let has = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'~' | b'.' | b'-');
            let start = at - back(&bytes[..at], has, 5);
            let end = at + 2 + bytes[at + 2..].iter().take(36).take_while(|byte| has(**byte)).count();
            let fits = at - start == 4 && bytes[at - 1].is_ascii_digit() && (31..=34).contains(&(end - at - 2));
            some(fits, bytes, start, end, "azure-client-secret", "Azure application's client secret")
        }
        Anchor::Url => url_password(bytes, at),
    }
}

fn some(
    fits: bool,
    bytes: &[u8],
    start: usize,
    end: usize,
    rule: &'static str,
    description: &'static str,
) -> Option<Found> {
    let value = &bytes[start..end];
    if !fits || start > 0 && is_word(bytes[start - 1]) || judge::is_placeholder(&String::from_utf8_lossy(value)) {
        return None;
    }
    let found = Found { rule, description, start, end, confidence: Confidence::High, hidden: false };
    judge::is_random(value, Alphabet::Url.letters()).then_some(found)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn run(bytes: &[u8], alphabet: Alphabet, most: usize) -> usize {
    bytes.iter().take(most).take_while(|byte| alphabet.has(**byte)).count()
}

fn back(bytes: &[u8], has: impl Fn(u8) -> bool, most: usize) -> usize {
    bytes.iter().rev().take(most).take_while(|byte| has(**byte)).count()
}

/// CRC-32 of all but the last six characters, in base 62 with the digits first.
fn has_checksum(value: &[u8]) -> bool {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let Some((body, sum)) = value.split_last_chunk::<6>() else { return false };
    let mut crc = crc32fast::hash(body);
    let mut digits = [0u8; 6];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(crc % 62) as usize];
        crc /= 62;
    }
    digits == *sum
}

/// Three parts in base64url, the first two JSON objects, and a signature (RFC 7519). Whether it has expired is not known
/// without a clock, so it is never sure.
fn json_web_token(bytes: &[u8], start: usize, patience: &mut Patience) -> Option<Found> {
    if start > 0 && (is_word(bytes[start - 1]) || bytes[start - 1] == b'.') {
        return None;
    }
    patience.take()?;
    let rest = &bytes[start..bytes.len().min(start + limits::SECRET_BYTES)];
    let end = rest.iter().take_while(|byte| Alphabet::Dotted.has(**byte)).count();
    let mut parts = rest[..end].split(|byte| *byte == b'.');
    let (header, payload, signature) = (parts.next()?, parts.next()?, parts.next()?);
    if signature.len() < 40 || parts.next().is_some() {
        return None;
    }
    let object = |part: &[u8]| serde_json::from_slice::<serde_json::Value>(&URL_SAFE_NO_PAD.decode(part).ok()?).ok();
    object(header)?.as_object()?.get("alg")?;
    object(payload)?.as_object()?;
    let description = "JSON Web Token, which may have expired";
    let (rule, confidence) = ("json-web-token", Confidence::Medium);
    judge::is_random(signature, 64).then_some(Found {
        rule,
        description,
        start,
        end: start + end,
        confidence,
        hidden: false,
    })
}

/// `scheme://user:password@host`.
fn url_password(bytes: &[u8], at: usize) -> Option<Found> {
    if at == 0 || !bytes[at - 1].is_ascii_alphanumeric() {
        return None;
    }
    let from = at + 3;
    let rest = &bytes[from..bytes.len().min(from + 300)];
    let ends = |byte: &u8| byte.is_ascii_whitespace() || b"/\"'`<>,;|\\{}[]()?#".contains(byte);
    let authority = &rest[..rest.iter().position(ends)?.min(rest.len())];
    let host = authority.iter().rposition(|byte| *byte == b'@')?;
    let colon = authority[..host].iter().position(|byte| *byte == b':')?;
    let (user, password) = (&authority[..colon], &authority[colon + 1..host]);
    let text = std::str::from_utf8(password).ok()?;
    let mixed = judge::is_mixed(password) || password.iter().any(u8::is_ascii_punctuation);
    // The domains that RFC 2606 keeps for documentation.
    let documented = [&b"example"[..], b".test", b".invalid"]
        .iter()
        .any(|name| authority[host..].windows(name.len()).any(|part| part == *name));
    let told = !documented && text.len() >= 8 && user != password && mixed && judge::entropy(password) >= 2.5;
    if !told || judge::is_placeholder(text) || judge::is_reference(text) {
        return None;
    }
    Some(Found {
        rule: "url-password",
        description: "Password in a URL",
        start: from + colon + 1,
        end: from + host,
        confidence: Confidence::Medium,
        hidden: false,
    })
}
