//! Secrets are struck out of a log while it streams, wherever the chunks are cut.

use std::collections::BTreeSet;

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};

const STRUCK: &[u8] = b"[MASKED]";

/// Replaces secrets by `[MASKED]`. The result is the same for every way of cutting the input into chunks; at most the
/// length of the longest secret is held back, and only while the tail could be the beginning of one.
///
/// Secrets that overlap in the text are struck as one, so no tail of the second stays behind.
#[derive(Debug)]
pub(crate) struct Masker {
    needles: Vec<Needle>,
    /// For each first byte, the needles that begin with it.
    first: Vec<Vec<u16>>,
    held: Vec<u8>,
    /// How many of the held bytes are still covered by a secret found before.
    covered: usize,
    /// The struck text grows while token characters follow.
    open: bool,
}

#[derive(Debug)]
struct Needle {
    bytes: Box<[u8]>,
    /// The beginning of a token of unknown length, as `glpat-`.
    prefix: bool,
}

/// What stands at one place of the text.
enum Found {
    Nothing,
    /// A secret of this length; with `true`, the prefix of one.
    Secret(usize, bool),
    /// Cannot be told before more bytes come.
    Unsure,
}

impl Masker {
    /// A masker for these secrets, their encoded forms, and tokens that begin with one of `prefixes`.
    pub(crate) fn new<'a>(
        secrets: impl IntoIterator<Item = &'a str>,
        prefixes: impl IntoIterator<Item = &'a str>,
    ) -> Masker {
        let mut forms = BTreeSet::new();
        for secret in secrets {
            forms_of(secret, &mut forms);
        }
        let plain = forms.into_iter().map(|form| Needle { bytes: form.into(), prefix: false });
        let prefixes = prefixes.into_iter().filter(|prefix| prefix.len() >= 3);
        let open = prefixes.map(|prefix| Needle { bytes: prefix.as_bytes().into(), prefix: true });
        let needles: Vec<Needle> = plain.chain(open).take(usize::from(u16::MAX)).collect();
        let mut first = vec![Vec::new(); 256];
        for (index, needle) in (0..).zip(&needles) {
            first[usize::from(needle.bytes[0])].push(index);
        }
        Masker { needles, first, held: Vec::new(), covered: 0, open: false }
    }

    /// Take a chunk, append to `out` what is safe to show.
    pub(crate) fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        self.held.extend_from_slice(chunk);
        self.scan(false, out);
    }

    /// No more will come: append the rest.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) {
        self.scan(true, out);
    }

    fn scan(&mut self, last: bool, out: &mut Vec<u8>) {
        let mut at = 0;
        while at < self.held.len() {
            match self.look(at, last) {
                Found::Unsure => break,
                Found::Secret(length, prefix) => {
                    if self.covered == 0 && !self.open {
                        out.extend_from_slice(STRUCK);
                    }
                    self.open |= prefix;
                    self.covered = self.covered.max(length);
                }
                Found::Nothing => {}
            }
            if self.covered > 0 {
                self.covered -= 1;
            } else if !self.open || !token_character(self.held[at]) {
                self.open = false;
                out.push(self.held[at]);
            }
            at += 1;
        }
        self.held.drain(..at);
    }

    /// The longest secret that begins at `at`.
    fn look(&self, at: usize, last: bool) -> Found {
        let rest = &self.held[at..];
        let mut found = Found::Nothing;
        let mut longest = 0;
        for index in &self.first[usize::from(rest[0])] {
            let needle = &self.needles[usize::from(*index)];
            if rest.starts_with(&needle.bytes) {
                if needle.bytes.len() > longest || needle.prefix && needle.bytes.len() == longest {
                    longest = needle.bytes.len();
                    found = Found::Secret(longest, needle.prefix);
                }
            } else if !last && needle.bytes.starts_with(rest) {
                return Found::Unsure;
            }
        }
        found
    }
}

fn token_character(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.=".contains(&byte)
}

/// The forms under which a secret is likely to be printed: as it stands, its lines, URL- and JSON-escaped, and Base64 at
/// each of the three places where it can begin inside a longer text (`user:secret` in an Authorization header).
fn forms_of(secret: &str, forms: &mut BTreeSet<Vec<u8>>) {
    let trimmed = secret.trim();
    if trimmed.is_empty() {
        return;
    }
    forms.insert(trimmed.as_bytes().to_vec());
    let lines = trimmed.lines().map(str::trim);
    forms.extend(
        lines.filter(|line| line.len() >= 8 && !line.starts_with("-----")).map(|line| line.as_bytes().to_vec()),
    );
    forms.insert(percent(trimmed, false));
    forms.insert(percent(trimmed, true));
    if let Ok(json) = serde_json::to_string(trimmed) {
        forms.insert(json.as_bytes()[1..json.len() - 1].to_vec());
    }
    for offset in 0..3 {
        for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            let form = aligned_base64(engine, trimmed.as_bytes(), offset);
            // Shorter ones would strike out ordinary words.
            if form.len() >= 6 {
                forms.insert(form);
            }
        }
    }
}

/// The characters of the Base64 of anything that holds `secret` at a byte place that is `offset` modulo 3, without those
/// at the borders that also depend on the neighbours.
fn aligned_base64(engine: &base64::engine::GeneralPurpose, secret: &[u8], offset: usize) -> Vec<u8> {
    let mut bytes = vec![0; offset];
    bytes.extend_from_slice(secret);
    let text = engine.encode(&bytes).into_bytes();
    let from = (offset * 8).div_ceil(6);
    let to = bytes.len() * 8 / 6;
    text[from.min(to)..to].to_vec()
}

fn percent(text: &str, lower: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(byte);
        } else {
            let digits = if lower { format!("%{byte:02x}") } else { format!("%{byte:02X}") };
            out.extend_from_slice(digits.as_bytes());
        }
    }
    out
}

#[cfg(test)]
mod tests;
