//! One file: is it text, one pass for all beginnings, then what each rule says.

use std::{cmp::Reverse, sync::LazyLock};

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use base::limits;
use serde::Serialize;

use crate::{
    Confidence, Key, Secret, assignment, credential_file, judge, private_key,
    rules::RULES,
    secret::mask,
    token::{self, ANCHORS},
};

/// What one file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Findings {
    /// By their place; at most [`limits::SECRETS_OF_FILE`].
    pub secrets: Vec<Secret>,
    /// Why the file was not looked through.
    pub skipped: Option<Skipped>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Skipped {
    /// There is a zero byte among the first 8 KiB.
    Binary,
    /// More than [`limits::SECRETS_FILE_BYTES`].
    TooLarge,
    /// More beginnings than [`limits::SECRETS_FOLLOWED`]: what was found up to there is told.
    TooMany,
}

/// What a rule found, before it is masked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub(crate) rule: &'static str,
    pub(crate) description: &'static str,
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) confidence: Confidence,
    /// Nothing of it may be shown.
    pub(crate) hidden: bool,
}

/// How many beginnings may still be followed for kilobytes.
#[derive(Debug)]
pub(crate) struct Patience(usize);

impl Patience {
    /// None when there is none left.
    pub(crate) fn take(&mut self) -> Option<()> {
        self.0 = self.0.checked_sub(1)?;
        Some(())
    }
}

/// Bytes that git looks at to tell text from binary.
const HEAD: usize = 8_000;

static BEGINNINGS: LazyLock<AhoCorasick> = LazyLock::new(|| {
    AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostLongest)
        .kind(Some(AhoCorasickKind::DFA))
        .build(RULES.iter().map(|rule| rule.prefix).chain(ANCHORS.iter().map(|(text, _)| *text)))
        .expect("some hundred short patterns fit")
});

/// Looks through one file. The path decides which files of credentials it may be and how sure a finding is; the key makes
/// fingerprints.
pub fn find(path: &str, bytes: &[u8], key: Option<&Key>) -> Findings {
    if bytes.len() > limits::SECRETS_FILE_BYTES {
        return Findings { secrets: Vec::new(), skipped: Some(Skipped::TooLarge) };
    }
    if bytes[..bytes.len().min(HEAD)].contains(&0) {
        return Findings { secrets: Vec::new(), skipped: Some(Skipped::Binary) };
    }
    let mut found = credential_file::find(path, bytes);
    let mut patience = Patience(limits::SECRETS_FOLLOWED);
    for hit in BEGINNINGS.find_iter(bytes) {
        if found.len() >= 4 * limits::SECRETS_OF_FILE {
            break;
        }
        let pattern = hit.pattern().as_usize();
        match RULES.get(pattern) {
            Some(rule) => found.extend(token::follow(rule, bytes, hit.start())),
            None => match ANCHORS[pattern - RULES.len()].1 {
                token::Anchor::PrivateKey => found.extend(private_key::follow(bytes, hit.start(), &mut patience)),
                anchor => found.extend(token::around(anchor, bytes, hit.start(), &mut patience)),
            },
        }
    }
    if assignment::is_configuration(path) {
        found.extend(assignment::find(bytes));
    }
    let skipped = (patience.0 == 0).then_some(Skipped::TooMany);
    Findings { secrets: told(path, bytes, found, key), skipped }
}

/// Of what overlaps the surest, with lines, masked.
fn told(path: &str, bytes: &[u8], mut found: Vec<Found>, key: Option<&Key>) -> Vec<Secret> {
    found.sort_by_key(|found| (Reverse(found.confidence), found.start, Reverse(found.end)));
    let mut kept: Vec<Found> = Vec::new();
    for one in found {
        if !kept.iter().any(|other| other.start < one.end && one.start < other.end) {
            kept.push(one);
        }
        if kept.len() == limits::SECRETS_OF_FILE {
            break;
        }
    }
    kept.sort_by_key(|found| found.start);
    let example = judge::lies_among_examples(path);
    let (mut at, mut line, mut line_start) = (0, 1, 0);
    kept.into_iter()
        .map(|found| {
            for (offset, byte) in bytes[at..found.start].iter().enumerate() {
                if *byte == b'\n' {
                    line += 1;
                    line_start = at + offset + 1;
                }
            }
            at = found.start;
            let secret = &bytes[found.start..found.end];
            Secret {
                rule: found.rule,
                description: found.description,
                line,
                column: found.start - line_start + 1,
                masked: if found.hidden { "…".to_owned() } else { mask(secret) },
                confidence: if example { Confidence::Low } else { found.confidence },
                fingerprint: key.map(|key| key.fingerprint(found.rule, secret)),
            }
        })
        .collect()
}
