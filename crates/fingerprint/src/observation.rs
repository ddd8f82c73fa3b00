//! What the learner keeps of one executable: hashes of its texts, names and sections, and the texts that may be banners.

use sha2::{Digest as _, Sha256};

use crate::executable::{Executable, Holds, Section, images};
use crate::hash::text_hash;
use crate::runs::Runs;
use crate::skeleton::{Part, Skeleton};

/// Sections smaller than this are alike in programs that have nothing to do with each other.
pub const SECTION_BYTES: usize = 2_048;
/// Texts that may be banners, of one executable.
const BANNERS: usize = 50_000;

/// One executable as the learner sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observation {
    pub sha256: [u8; 32],
    /// First eight bytes of the SHA-256 of code and read-only sections.
    pub sections: Vec<u64>,
    /// Hashes of texts somebody wrote, with their weights; sorted.
    pub texts: Vec<(u64, u8)>,
    /// Hashes of exported names; sorted.
    pub exports: Vec<u64>,
    /// Hashes of all names in the dynamic symbol table; sorted.
    pub names: Vec<u64>,
    pub banners: Vec<Banner>,
    /// Hashes of texts that are nothing but a version, and that version.
    pub bare: Vec<String>,
}

/// A text with a number that may be a version, under one of its keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Banner {
    pub key: u64,
    pub part: Part,
    pub value: String,
    /// How the key reads, for people who look at what was learnt.
    pub template: String,
}

impl Observation {
    /// Looks at an executable; `None` when it is none, or one without sections.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let images = images(bytes);
        let mut seen = Self { sha256: Sha256::digest(bytes).into(), ..Self::default() };
        let mut any = false;
        for image in &images {
            any |= seen.add(image);
        }
        seen.texts.sort_unstable();
        seen.texts.dedup_by_key(|text| text.0);
        seen.exports.sort_unstable();
        seen.exports.dedup();
        seen.names.sort_unstable();
        seen.names.dedup();
        seen.bare.sort_unstable();
        seen.bare.dedup();
        any.then_some(seen)
    }

    fn add(&mut self, image: &Executable<'_>) -> bool {
        let mut any = false;
        for section in image.sections() {
            any = true;
            if let Some(digest) = section_digest(&section) {
                self.sections.push(short(&digest));
            }
            if matches!(section.holds, Holds::ReadOnly | Holds::Data) {
                self.add_texts(section.bytes);
            }
        }
        self.exports.extend(image.exports());
        self.names.extend(image.dynamic_names());
        any
    }

    fn add_texts(&mut self, bytes: &[u8]) {
        let mut skeleton = Skeleton::default();
        let mut sink = |_: u64, text: &[u8]| {
            if let Some(weight) = text_weight(text) {
                self.texts.push((text_hash(text.trim_ascii()), weight));
            }
            if self.banners.len() < BANNERS && skeleton.read(text.trim_ascii()) {
                self.add_banner(&skeleton, text.trim_ascii());
            }
        };
        let mut runs = Runs::new(false);
        runs.feed(bytes, &mut sink);
        runs.finish(&mut sink);
    }

    fn add_banner(&mut self, skeleton: &Skeleton, text: &[u8]) {
        for candidate in skeleton.candidates(text) {
            if skeleton.is_bare() {
                self.bare.push(candidate.value.to_owned());
            }
            for (part, key) in skeleton.keys(&candidate).into_iter().flatten() {
                let template = skeleton.template(&candidate, part);
                self.banners.push(Banner { key, part, value: candidate.value.to_owned(), template });
            }
        }
    }
}

/// The SHA-256 of a section that is worth one. Tables of jumps (`.plt`) are alike in programs that call as many functions.
#[must_use]
pub fn section_digest(section: &Section<'_>) -> Option<[u8; 32]> {
    let named = matches!(section.name.as_str(), ".text" | ".rodata" | ".rdata" | "__text" | "__cstring" | "__const");
    (named && section.bytes.len() >= SECTION_BYTES).then(|| Sha256::digest(section.bytes).into())
}

/// Under what a SHA-256 stands in an index.
#[must_use]
pub fn short(digest: &[u8; 32]) -> u64 {
    u64::from_le_bytes(*digest.first_chunk().expect("32 bytes begin with eight"))
}

/// What a text weighs as evidence, in sixteenths; `None` for what says nothing of who wrote it: too short, mostly digits, a path
/// of the machine it was built on.
#[must_use]
pub fn text_weight(text: &[u8]) -> Option<u8> {
    let text = text.trim_ascii();
    if text.len() < 8 || text.len() > 240 || matches!(text[0], b'/' | b'.') || holds_build_path(text) {
        return None;
    }
    let letters = text.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    let plain = text
        .iter()
        .filter(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'_' | b'-' | b'%' | b'.'))
        .count();
    if letters < 6 || plain * 4 < text.len() * 3 || letters * 2 < text.len() || !has_word(text) || is_monotonous(text) {
        return None;
    }
    Some(match text.len() {
        ..=11 => 6,
        12..=15 => 10,
        16..=23 => 14,
        _ => 16,
    })
}

/// Whether people wrote it: a word of four letters with a vowel, and no more changes between small and capital letters than words
/// have. Tables of numbers look like `OzOTQRQUQiQw`.
fn has_word(text: &[u8]) -> bool {
    let vowel = |byte: &u8| matches!(byte.to_ascii_lowercase(), b'a' | b'e' | b'i' | b'o' | b'u' | b'y');
    let one_case = |one: &u8, other: &u8| {
        (one.is_ascii_lowercase() && other.is_ascii_lowercase())
            || (one.is_ascii_uppercase() && other.is_ascii_uppercase())
    };
    let identifier = text
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b' ' | b'-' | b'.' | b':' | b'/' | b'%'));
    let written = |run: &[u8]| run.len() >= 4 && run.iter().any(vowel) && (run[0].is_ascii_lowercase() || identifier);
    let word = text.chunk_by(one_case).any(written);
    let changes = text
        .windows(2)
        .filter(|pair| pair[0].is_ascii_alphabetic() && pair[1].is_ascii_uppercase() && !one_case(&pair[0], &pair[1]));
    let letters = text.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    word && changes.count() * 4 <= letters
}

/// Whether one letter makes up more than a third: tables look like `VEWEXEZEaEbE`, and like `y1z;z>z7zCzWz`.
fn is_monotonous(text: &[u8]) -> bool {
    let mut counts = [0_u8; 26];
    for byte in text.iter().filter(|byte| byte.is_ascii_alphabetic()) {
        counts[usize::from(byte.to_ascii_lowercase() - b'a')] += 1;
    }
    counts.iter().any(|count| usize::from(*count) * 3 > text.len())
}

fn holds_build_path(text: &[u8]) -> bool {
    [b"../".as_slice(), b"/usr/", b"linux-gnu", b"Debian", b"debian", b"/build"]
        .iter()
        .any(|part| text.windows(part.len()).any(|window| window == *part))
}
