//! A licence's text as words that stay the same however it is set: case, line ends, quotes, bullets and comment signs are gone.

/// A word's hash and where it stands. Hash 0 is a gap that no n-gram goes across.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) hash: u32,
    pub(crate) start: u32,
    pub(crate) end: u32,
}

/// What a learnt text has where everybody writes something else (a year, a name).
pub(crate) const GAP: u8 = 0;

/// A word of the file as [`words`] hashes it; for comparing with words that are known. Lower case only.
pub(crate) const fn hash(word: &str) -> u32 {
    let bytes = word.as_bytes();
    let (mut hash, mut at) = (START, 0);
    while at < bytes.len() {
        hash = step(hash, bytes[at]);
        at += 1;
    }
    finish(hash)
}

const START: u32 = 0x811c_9dc5;

/// FNV-1a.
const fn step(hash: u32, byte: u8) -> u32 {
    (hash ^ byte as u32).wrapping_mul(0x0100_0193)
}

const fn finish(hash: u32) -> u32 {
    if hash == 0 { 1 } else { hash }
}

/// Words that are spelt in two ways, and how they are hashed.
const SPELLINGS: [(u32, u32); 8] = [
    (hash("licence"), hash("license")),
    (hash("licences"), hash("licenses")),
    (hash("licenced"), hash("licensed")),
    (hash("https"), hash("http")),
    (hash("organisation"), hash("organization")),
    (hash("authorised"), hash("authorized")),
    (hash("acknowledgement"), hash("acknowledgment")),
    (hash("owner"), hash("holder")),
];

/// Bytes outside of ASCII stand between words: they are quotation marks and copyright signs in nearly every licence.
pub(crate) fn words(text: &[u8]) -> Vec<Word> {
    let html = text.get(..text.len().min(1_000)).is_some_and(looks_like_html);
    let mut words = Vec::with_capacity(text.len() / 6);
    let mut line_start = true;
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        if byte.is_ascii_alphanumeric() {
            let (hash, end) = read_word(text, at);
            if !is_bullet(text, at, end, line_start) && end - at > usize::from(!byte.is_ascii_digit()) {
                let hash = SPELLINGS.iter().find(|(other, _)| *other == hash).map_or(hash, |(_, usual)| *usual);
                words.push(Word { hash, start: place(at), end: place(end) });
            }
            line_start = false;
            at = end;
            continue;
        }
        match byte {
            GAP => words.push(Word { hash: 0, start: place(at), end: place(at) }),
            b'\n' => line_start = true,
            b'<' if html => at += text[at..].iter().take(TAG_BYTES).position(|byte| *byte == b'>').unwrap_or(0),
            _ => {}
        }
        at += 1;
    }
    words
}

/// Longest tag of HTML that is passed over.
const TAG_BYTES: usize = 500;

fn place(at: usize) -> u32 {
    u32::try_from(at).expect("callers cut files at a few megabytes")
}

fn looks_like_html(head: &[u8]) -> bool {
    let tags: [&[u8]; 4] = [b"<html", b"<!doctype html", b"<p>", b"<body"];
    tags.iter().any(|tag| head.windows(tag.len()).any(|window| window.eq_ignore_ascii_case(tag)))
}

/// A run of letters and digits; a point inside of a number belongs to it, a hyphen inside of a word does not tell it apart
/// ("sub-license"), also at the end of a line.
fn read_word(text: &[u8], start: usize) -> (u32, usize) {
    let (mut hash, mut at) = (START, start);
    while let Some(&byte) = text.get(at) {
        if byte.is_ascii_alphanumeric() {
            hash = step(hash, byte.to_ascii_lowercase());
            at += 1;
            continue;
        }
        let before = text[at - 1];
        let after = text.get(at + 1).copied().unwrap_or(b' ');
        if byte == b'.' && before.is_ascii_digit() && after.is_ascii_digit() {
            hash = step(hash, byte);
            at += 1;
        } else if byte == b'-' && before.is_ascii_alphabetic() && after.is_ascii_alphabetic() {
            at += 1;
        } else if byte == b'-' && before.is_ascii_alphabetic() && matches!(after, b'\n' | b'\r') {
            let signs = |byte: &&u8| byte.is_ascii_whitespace() || matches!(**byte, b'*' | b'#' | b'/');
            let skipped = text[at + 1..].iter().take(40).take_while(signs).count();
            if !text.get(at + 1 + skipped).is_some_and(u8::is_ascii_alphabetic) {
                break;
            }
            at += 1 + skipped;
        } else {
            break;
        }
    }
    (finish(hash), at)
}

/// `1.`, `a)`, `(ii)`: the same list is numbered, lettered or starred.
fn is_bullet(text: &[u8], start: usize, end: usize, line_start: bool) -> bool {
    let word = &text[start..end];
    if word.len() > 4 {
        return false;
    }
    let counts = word.iter().all(u8::is_ascii_digit)
        || word.len() == 1
        || word.iter().all(|byte| matches!(byte.to_ascii_lowercase(), b'i' | b'v' | b'x'));
    let after = text.get(end).copied().unwrap_or(b' ');
    let opened = start > 0 && text[start - 1] == b'(';
    counts && ((line_start && matches!(after, b'.' | b')' | b':')) || (opened && after == b')'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashes(text: &str) -> Vec<u32> {
        words(text.as_bytes()).iter().map(|word| word.hash).collect()
    }

    #[test]
    fn the_same_words_however_they_are_set() {
        let plain = hashes("Redistributions of source code must retain the sublicense, this list.");
        assert_eq!(plain.len(), 10);
        for other in [
            " * 1. Redistributions of source code\n * must retain the “Sub-license”, this list.",
            "#   a) redistributions of source code must re-\n#      tain the sublicense; this\n#      list",
            "<html><p>(ii) Redistributions of <b>source</b> code must retain the sublicense, this list.</p></html>",
        ] {
            assert_eq!(hashes(other), plain, "{other}");
        }
        assert_eq!(hashes("Version 2.0"), [hash("version"), hash("2.0")]);
        assert_eq!(hashes("a \u{0}b"), [0]);
    }
}
