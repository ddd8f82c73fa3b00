//! Sentences and tags that say under which licence something is, without its text.

use base::limits;

use crate::{
    Evidence, Match, expression, parse,
    words::{Word, hash},
};

const UNDER: u32 = hash("under");
const TERMS: u32 = hash("terms");
const GENERAL: u32 = hash("general");
const PUBLIC: u32 = hash("public");
const LICENSE: u32 = hash("license");
const LATER: u32 = hash("later");
const SPDX: u32 = hash("spdxlicenseidentifier");

/// Words that make a sentence a grant rather than a mention, before it.
const GRANTS: [u32; 9] = [
    UNDER,
    TERMS,
    hash("licensed"),
    hash("covered"),
    hash("released"),
    hash("distributed"),
    hash("redistribute"),
    hash("modify"),
    hash("conditions"),
];

/// Words around a GNU licence's name in which its version stands.
const BEFORE: usize = 12;
const AFTER: usize = 26;

/// Notices outside of the texts that are known.
pub(crate) fn find(text: &[u8], words: &[Word], explained: &[bool]) -> Vec<Match> {
    let mut found: Vec<Match> = Vec::new();
    let mut note = |id: String, evidence: Evidence, at: usize, score_percent: u8| {
        let known = found.iter().any(|other| other.id == id && other.evidence == evidence);
        if !known && found.len() < limits::LICENSE_MATCHES {
            found.push(Match { id, evidence, score_percent, offset: words[at].start as usize });
        }
    };
    for (at, word) in words.iter().enumerate().filter(|(at, _)| !explained[*at]) {
        match word.hash {
            SPDX => {
                let line = line_after(text, word.end as usize);
                if let Some(spdx) = expression(line.trim_end_matches(['*', '/', '-', '>', ' '])).spdx {
                    note(spdx, Evidence::Tag, at, 100);
                }
            }
            GENERAL => note_some(gnu(text, words, at), |id| note(id, Evidence::Notice, at, 90)),
            UNDER | TERMS => note_some(named(text, words, at), |id| note(id, Evidence::Notice, at, 90)),
            _ => {}
        }
    }
    found
}

fn note_some(id: Option<String>, note: impl FnOnce(String)) {
    if let Some(id) = id {
        note(id);
    }
}

/// "… under the terms of the GNU [Lesser] General Public License … version 2 …, or (at your option) any later version".
fn gnu(text: &[u8], words: &[Word], at: usize) -> Option<String> {
    if words.get(at + 1)?.hash != PUBLIC || words.get(at + 2)?.hash != LICENSE {
        return None;
    }
    let before = &words[at.saturating_sub(BEFORE)..at];
    if !before.iter().any(|word| GRANTS.contains(&word.hash)) {
        return None;
    }
    let family = match before.last().map(|word| word.hash) {
        Some(word) if word == hash("lesser") || word == hash("library") => "LGPL",
        Some(word) if word == hash("affero") => "AGPL",
        _ => "GPL",
    };
    let after = &words[at + 3..(at + 3 + AFTER).min(words.len())];
    // The next licence's name ends what is said of this one.
    let after = &after[..after.iter().position(|word| word.hash == GENERAL).unwrap_or(after.len())];
    let version = after.iter().find_map(|word| version(text, word));
    let version = version.or_else(|| before.iter().rev().find_map(|word| self::version(text, word)));
    let later = version.is_none() || before.iter().chain(after).any(|word| word.hash == LATER);
    let later = if later { " or later" } else { "" };
    expression(&format!("{family} {}{later}", version.unwrap_or_default())).spdx.filter(|id| !id.contains("LicenseRef"))
}

fn version<'a>(text: &'a [u8], word: &Word) -> Option<&'a str> {
    let word = std::str::from_utf8(text.get(word.start as usize..word.end as usize)?).ok()?;
    let word = word.strip_prefix(['v', 'V']).unwrap_or(word);
    matches!(word, "1" | "2" | "3" | "1.0" | "2.0" | "2.1" | "3.0").then_some(word)
}

/// "licensed under the Apache License, Version 2.0", "subject to the terms of the Mozilla Public License". GNU names are read above.
fn named(text: &[u8], words: &[Word], at: usize) -> Option<String> {
    let near = &words[at.saturating_sub(4)..(at + 10).min(words.len())];
    if !near.iter().any(|word| [LICENSE, hash("licensed"), hash("licenses")].contains(&word.hash)) {
        return None;
    }
    let start = words[at].end as usize;
    let end = words[(at + 14).min(words.len() - 1)].end as usize;
    let after = String::from_utf8_lossy(&text[start..end]);
    let id = parse::leading_name(&after)?;
    (!id.starts_with("LicenseRef-") && !id.contains("GPL-")).then_some(id)
}

fn line_after(text: &[u8], at: usize) -> String {
    let rest = &text[at..text.len().min(at + limits::LICENSE_NAME_BYTES)];
    let line = rest.split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
    String::from_utf8_lossy(line).trim_start_matches([':', ' ', '\t']).to_owned()
}
