//! What stays of a text when its versions and dates are taken out, so that one template fits every version.
//!
//! ```text
//!   text       deflate 1.2.13 Copyright 1995-2022 Jean-loup Gailly      OpenSSL 3.0.11 19 Sep 2023
//!   skeleton   deflate #      Copyright #-#       Jean-loup Gailly      OpenSSL #      # M   #
//!   number            └─ the first, dotted: may be a version                    └─ the same
//!   keys       full:   the whole skeleton, and which number is meant
//!              prefix: what stands before the number   "deflate "
//!              word:   the last word before the number "deflate "
//! ```
//!
//! A key is a hash; looking it up costs the same for one template as for a hundred thousand. `full` fits builds that changed nothing
//! else, `prefix` and `word` fit those that wrote something of their own behind or around the version.

use crate::hash::text_hash;

/// Longer texts are prose or tables, no banners.
const BANNER_BYTES: usize = 256;
/// Numbers looked at in one text.
const NUMBERS: usize = 12;

const NUMBER: u8 = 1;
const MONTH: u8 = 2;
const DAY: u8 = 3;
const HEX: u8 = 4;

const MONTHS: [&[u8]; 24] = [
    b"Jan",
    b"Feb",
    b"Mar",
    b"Apr",
    b"May",
    b"Jun",
    b"Jul",
    b"Aug",
    b"Sep",
    b"Sept",
    b"Oct",
    b"Nov",
    b"Dec",
    b"January",
    b"February",
    b"March",
    b"April",
    b"June",
    b"July",
    b"August",
    b"September",
    b"October",
    b"November",
    b"December",
];
const DAYS: [&[u8]; 7] = [b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun"];
/// Words that may follow the digits of a version and belong to it.
const STAGES: [&[u8]; 12] = [b"alpha", b"beta", b"rc", b"RC", b"pre", b"dev", b"post", b"pl", b"p", b"b", b"a", b"P"];
/// What only the tail that a distribution appends to a version contains.
const DISTRIBUTIONS: [&[u8]; 7] = [b"deb", b"ubuntu", b"dfsg", b"bpo", b".fc", b".el", b"+ds"];

/// Which part of a skeleton a key was made of, from the most exact to the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    Full,
    Prefix,
    Word,
}

/// A text without its numbers, and where they were.
#[derive(Debug, Default)]
pub struct Skeleton {
    bytes: Vec<u8>,
    numbers: Vec<Number>,
}

#[derive(Debug, Clone, Copy)]
struct Number {
    /// The version in the text.
    start: usize,
    end: usize,
    /// Its place in the skeleton.
    at: usize,
    may_be_version: bool,
}

/// One number that may be a version.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'t> {
    pub value: &'t str,
    index: usize,
}

impl Skeleton {
    /// Reads `text`, reusing the memory of the last one; false when it holds no number that may be a version.
    pub fn read(&mut self, text: &[u8]) -> bool {
        self.bytes.clear();
        self.numbers.clear();
        if text.len() > BANNER_BYTES || !may_hold_version(text) {
            return false;
        }
        let mut at = 0;
        while at < text.len() {
            let byte = text[at];
            let word_begins = at == 0 || !text[at - 1].is_ascii_alphanumeric();
            if word_begins && byte.is_ascii_alphanumeric() {
                let word = word_at(text, at);
                if let Some(mark) = word_mark(word) {
                    self.bytes.push(mark);
                    at += word.len();
                    continue;
                }
            }
            if byte.is_ascii_digit() {
                at = self.number(text, at);
                continue;
            }
            if !(byte.is_ascii_whitespace() && self.bytes.last().is_some_and(u8::is_ascii_whitespace)) {
                self.bytes.push(if byte == b'\t' { b' ' } else { byte });
            }
            at += 1;
        }
        self.numbers.iter().any(|number| number.may_be_version)
    }

    /// The numbers of the text just read that may be versions.
    pub fn candidates<'s, 't: 's>(&'s self, text: &'t [u8]) -> impl Iterator<Item = Candidate<'t>> + 's {
        self.numbers.iter().enumerate().filter(|(_, number)| number.may_be_version).filter_map(|(index, number)| {
            let value = std::str::from_utf8(text.get(number.start..number.end)?).ok()?;
            Some(Candidate { value, index })
        })
    }

    /// Whether the text is nothing but a version (`3.40.1`, `v1.2`, `version 2.1`): it says which, but not of what.
    #[must_use]
    pub fn is_bare(&self) -> bool {
        let [before @ .., NUMBER] = self.bytes.as_slice() else { return false };
        let words = before.to_ascii_lowercase();
        matches!(words.trim_ascii(), b"" | b"v" | b"version" | b"version:" | b"release")
    }

    /// The keys of a candidate, the most exact first.
    #[must_use]
    pub fn keys(&self, candidate: &Candidate<'_>) -> [Option<(Part, u64)>; 3] {
        let before = &self.bytes[..self.numbers[candidate.index].at];
        let full = (named(&self.bytes) || self.is_shaped())
            .then(|| (Part::Full, text_hash(&self.bytes) ^ ((candidate.index as u64 + 1) << 8)));
        let word = last_word(before);
        let prefix =
            (named(before) && before.len() > word.len()).then(|| (Part::Prefix, text_hash(before) ^ (1 << 16)));
        let word = named(word).then(|| (Part::Word, text_hash(word) ^ (2 << 16)));
        [full, prefix, word]
    }

    /// Whether the text says by its form alone what it is: `10.42 2022-12-11`.
    fn is_shaped(&self) -> bool {
        self.numbers.len() >= 3 || self.bytes.iter().any(|byte| matches!(*byte, MONTH | HEX))
    }

    /// The skeleton as a person reads it: `deflate <version> Copyright <n>-<n> …`.
    #[must_use]
    pub fn template(&self, candidate: &Candidate<'_>, part: Part) -> String {
        let at = self.numbers[candidate.index].at;
        let word = last_word(&self.bytes[..at]).len();
        let (shown, first) = match part {
            Part::Full => (&self.bytes[..], at),
            Part::Prefix => (&self.bytes[..=at], at),
            Part::Word => (&self.bytes[at - word..=at], word),
        };
        let mut template = String::with_capacity(shown.len() + 16);
        for (index, byte) in shown.iter().enumerate() {
            match *byte {
                NUMBER if index == first => template.push_str("<version>"),
                NUMBER => template.push_str("<n>"),
                MONTH => template.push_str("<month>"),
                DAY => template.push_str("<day>"),
                HEX => template.push_str("<hex>"),
                other => template.push(char::from(other)),
            }
        }
        template
    }

    /// Takes the number at `at` out; answers where the text goes on.
    fn number(&mut self, text: &[u8], at: usize) -> usize {
        let (digits_end, dots) = digits(text, at);
        // A digit at the end of a name is part of it: `PCRE2` is not `PCRE`, `libxml2` not `libxml`.
        let named = at > 0 && text[at - 1].is_ascii_alphabetic() && text[at - 1] != b'v';
        if named && dots == 0 && digits_end - at <= 2 {
            self.bytes.extend_from_slice(&text[at..digits_end]);
            return digits_end;
        }
        let end = stage(text, digits_end);
        let next = distribution_tail(text, end);
        let before = at.checked_sub(1).map(|index| text[index]);
        let after = text.get(next);
        let closed = after.is_none_or(|byte| !byte.is_ascii_alphanumeric() && *byte != b'%');
        let plain = (2..=8).contains(&(digits_end - at))
            && before.is_none_or(|byte| matches!(byte, b' ' | b'/' | b'-' | b'_' | b'(' | b'v' | b':' | b'='))
            && after != Some(&b':');
        let open_before =
            before.is_none_or(|byte| !matches!(byte, b'.' | b'%' | b'#' | b'$')) || text[..at].ends_with(b".so.");
        let may_be_version = closed && open_before && self.numbers.len() < NUMBERS && (dots > 0 || plain);
        if self.numbers.len() < NUMBERS {
            self.numbers.push(Number { start: at, end, at: self.bytes.len(), may_be_version });
        }
        self.bytes.push(NUMBER);
        next
    }
}

/// A cheap look before the skeleton is made: two digits side by side, or one on either side of a dot. Most texts have no digit at
/// all, which is known soonest without stopping at the first.
fn may_hold_version(text: &[u8]) -> bool {
    let digits = text.iter().fold(false, |any, byte| any | byte.is_ascii_digit());
    digits
        && text
            .windows(2)
            .any(|pair| pair[0].is_ascii_digit() && (pair[1].is_ascii_digit() || pair[1] == b'.' || pair[1] == b'_'))
}

fn word_at(text: &[u8], at: usize) -> &[u8] {
    let length = text[at..].iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    &text[at..at + length]
}

/// What a word of a date or a commit becomes.
fn word_mark(word: &[u8]) -> Option<u8> {
    if MONTHS.contains(&word) {
        return Some(MONTH);
    }
    if DAYS.contains(&word) {
        return Some(DAY);
    }
    let digits = word.iter().filter(|byte| byte.is_ascii_digit()).count();
    let hex = word.len() >= 7 && word.iter().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte));
    (hex && digits > 0 && digits < word.len()).then_some(HEX)
}

/// The end of the digits from `at`, groups joined by dots or by underscores, and how many joints there are.
fn digits(text: &[u8], mut at: usize) -> (usize, usize) {
    let first = at + text[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut joints = 0;
    let mut joint = None;
    loop {
        at += text[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let Some(next) = text.get(at).copied().filter(|byte| matches!(byte, b'.' | b'_')) else { break };
        let digit_follows = text.get(at + 1).is_some_and(u8::is_ascii_digit);
        if !digit_follows {
            break;
        }
        if joint.is_some_and(|joint| joint != next) {
            // `libssh2_1.11.1`: the underscore parts a name from a version, which begins behind it.
            return if joint == Some(b'_') { (first, 0) } else { (at, joints) };
        }
        joint = Some(next);
        joints += 1;
        at += 1;
    }
    (at, joints)
}

/// The end of a version with its stage or letter: `1.1.1n`, `2.0rc1`, `9.2p1`, `3.2.0-beta.2`.
fn stage(text: &[u8], digits_end: usize) -> usize {
    let rest = &text[digits_end..];
    let joint = usize::from(rest.first().is_some_and(|byte| matches!(byte, b'-' | b'_' | b'.' | b'~')));
    for stage in STAGES {
        if !rest[joint..].starts_with(stage) || (joint > 0 && stage.len() == 1) {
            continue;
        }
        let mut end = joint + stage.len();
        if rest.get(end).is_some_and(|byte| matches!(byte, b'.' | b'-'))
            && rest.get(end + 1).is_some_and(u8::is_ascii_digit)
        {
            end += 1;
        }
        let number = rest[end..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let closed = rest.get(end + number).is_none_or(|byte| !byte.is_ascii_alphanumeric());
        if closed && (number > 0 || stage.len() > 1) {
            return digits_end + end + number;
        }
    }
    let letter = rest.first().is_some_and(u8::is_ascii_lowercase);
    let alone = rest.get(1).is_none_or(|byte| !byte.is_ascii_alphanumeric());
    digits_end + usize::from(letter && alone)
}

/// The end of what a distribution appended (`-0+deb12u1`), which is no part of the version.
fn distribution_tail(text: &[u8], end: usize) -> usize {
    let rest = &text[end..];
    if !rest.first().is_some_and(|byte| matches!(byte, b'-' | b'+' | b'~' | b'.')) {
        return end;
    }
    let length = rest
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'~' | b'.' | b':'))
        .count();
    let tail = &rest[..length];
    let named = DISTRIBUTIONS.iter().any(|name| tail.windows(name.len()).any(|part| part == *name));
    if named { end + length } else { end }
}

/// The last word before a number, with what joins them.
fn last_word(before: &[u8]) -> &[u8] {
    let joint = before.iter().rev().take_while(|byte| !is_word(**byte)).count();
    let word = before[..before.len() - joint].iter().rev().take_while(|byte| is_word(**byte)).count();
    &before[before.len() - joint - word..]
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == NUMBER
}

fn named(before: &[u8]) -> bool {
    before.iter().filter(|byte| byte.is_ascii_alphabetic()).count() >= 3
}

/// Whether a template is the name of a library's file: who needs a library at run time says it as well.
pub fn is_library_name(template: &str) -> bool {
    template.contains(".so") || template.contains(".dll")
}

#[cfg(test)]
mod tests {
    use super::Skeleton;
    use proptest::prelude::*;

    /// Every key of a text as a person reads it, with its version.
    fn templates(text: &str) -> Vec<String> {
        let mut skeleton = Skeleton::default();
        skeleton.read(text.as_bytes());
        let candidates: Vec<_> = skeleton.candidates(text.as_bytes()).collect();
        let keys = candidates
            .iter()
            .flat_map(|candidate| skeleton.keys(candidate).into_iter().flatten().map(move |key| (candidate, key.0)));
        keys.map(|(candidate, part)| format!("{} {part:?}: {}", candidate.value, skeleton.template(candidate, part)))
            .collect()
    }

    #[test]
    fn banners_of_known_programs() {
        let zlib = templates("deflate 1.2.13 Copyright 1995-2022 Jean-loup Gailly and Mark Adler");
        assert_eq!(zlib[0], "1.2.13 Full: deflate <version> Copyright <n>-<n> Jean-loup Gailly and Mark Adler");
        assert_eq!(zlib[1], "1.2.13 Word: deflate <version>");
        let openssl = templates("OpenSSL 1.1.1n  15 Mar 2022");
        assert_eq!(openssl[0], "1.1.1n Full: OpenSSL <version> <n> <month> <n>");
        let postgres = templates("PostgreSQL 15.3 (Debian 15.3-0+deb12u1) on x86_64-pc-linux-gnu");
        assert!(postgres.contains(&"15.3 Word: PostgreSQL <version>".to_owned()), "{postgres:?}");
        assert_eq!(templates("libzstd-40ad5e7e.so.1.5.7")[0], "1.5.7 Full: libzstd-<hex>.so.<version>");
        assert_eq!(templates("SSH-2.0-libssh2_1.11.1")[1], "2.0 Word: SSH-<version>");
        assert_eq!(templates("expat_2.5.0")[1], "2.5.0 Word: expat_<version>");
        assert_eq!(templates("FFmpeg version 5.1.6-0+deb12u1")[1], "5.1.6 Prefix: FFmpeg version <version>");
    }

    #[test]
    fn dates_and_commits_do_not_make_a_difference() {
        let one = templates("PCRE2 10.42 2022-12-11");
        assert_eq!(one[0], "10.42 Full: PCRE2 <version> <n>-<n>-<n>");
        assert_eq!(one[..2], templates("PCRE2 10.42 2023-01-02")[..2]);
        assert_eq!(templates("git-3f2a1bc9 tool 1.2")[0], "1.2 Full: git-<hex> tool <version>");
    }

    #[test]
    fn stages_and_letters_belong_to_a_version() {
        for (text, version) in [
            ("OpenSSH_9.2p1", "9.2p1"),
            ("tool 2.0-rc1", "2.0-rc1"),
            ("tool 1.81.0beta2", "1.81.0beta2"),
            ("tool 3.2.0-beta.2", "3.2.0-beta.2"),
            ("BOOST_LIB 1_81_0", "1_81_0"),
        ] {
            assert!(templates(text)[0].starts_with(&format!("{version} ")), "{text}: {:?}", templates(text));
        }
    }

    #[test]
    fn a_version_alone_is_bare() {
        let mut skeleton = Skeleton::default();
        for (text, bare) in
            [("3.40.1", true), ("v1.2", true), ("version 2.1", true), ("zlib 1.2", false), ("1.2 and", false)]
        {
            skeleton.read(text.as_bytes());
            assert_eq!(skeleton.is_bare(), bare, "{text}");
        }
    }

    #[test]
    fn formats_and_lists_hold_no_version() {
        for text in ["%5.2f", "%02d:%02d", "no digits", "1", "x86 a1"] {
            assert_eq!(templates(text), Vec::<String>::new());
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "[ -~\t]{0,300}") {
            let mut skeleton = Skeleton::default();
            skeleton.read(text.as_bytes());
            for candidate in skeleton.candidates(text.as_bytes()) {
                prop_assert!(text.contains(candidate.value));
                for (part, _) in skeleton.keys(&candidate).into_iter().flatten() {
                    prop_assert!(skeleton.template(&candidate, part).contains("<version>"));
                }
            }
        }
    }
}
