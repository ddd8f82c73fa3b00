//! Words of a licence's name, and the table of all names that are known.

use std::{collections::HashMap, sync::LazyLock};

/// Longest name of the table, in words. The SPDX list's longest has 21.
pub(crate) const PHRASE_WORDS: usize = 24;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// In lower case, digits apart from letters, `2.0` as `2`; with its place in the text, and whether nothing but `-`
    /// stands between it and the one before.
    Word {
        key: String,
        start: usize,
        end: usize,
        glued: bool,
    },
    /// Whether it stands right behind a word.
    Plus {
        glued: bool,
    },
    Slash,
    Comma,
    Ampersand,
    Pipe,
    Open,
    Close,
}

/// Said with every licence, and never what tells two apart.
const EMPTY_WORDS: [&str; 14] = [
    "a", "an", "license", "licence", "licenses", "licensed", "of", "terms", "the", "under", "v", "ver", "version",
    "versions",
];

/// Spellings of our own and the names of the SPDX list, by their words.
static NAMES: LazyLock<HashMap<String, &'static str>> = LazyLock::new(|| {
    let mut names = HashMap::new();
    for license in spdx::identifiers::LICENSES {
        let current = current_id(license.name);
        names.insert(key(license.full_name), current);
    }
    for license in spdx::identifiers::LICENSES {
        names.insert(key(license.name), current_id(license.name));
    }
    for line in include_str!("../data/names.txt").lines().filter(|line| !line.starts_with('#')) {
        let (spellings, id) = line.rsplit_once(" = ").expect("every line of names.txt names an identifier");
        names.extend(spellings.split("; ").map(|spelling| (key(spelling), id)));
    }
    names.remove("");
    names
});

/// What a name means, given by its words joined with a space.
pub(crate) fn by_words(words: &str) -> Option<&'static str> {
    NAMES.get(words).copied()
}

/// The words of a text joined with a space, as [`by_words`] takes them. `+` is a word.
pub(crate) fn key(text: &str) -> String {
    let tokens = tokens(text);
    let words: Vec<&str> = tokens
        .iter()
        .filter_map(|token| match token {
            Token::Word { key, .. } => Some(key.as_str()),
            Token::Plus { .. } => Some("+"),
            _ => None,
        })
        .collect();
    words.join(" ")
}

pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let bytes = text.as_bytes();
    let mut tokens = Vec::new();
    let (mut at, mut glued) = (0, false);
    while at < bytes.len() {
        let byte = bytes[at];
        if byte.is_ascii_alphanumeric() || byte >= 0x80 {
            let end = word_end(bytes, at);
            push_word(&mut tokens, &text[at..end], at, glued);
            (at, glued) = (end, true);
            continue;
        }
        let sign = match byte {
            b'+' => Some(Token::Plus { glued }),
            b'/' => Some(Token::Slash),
            b',' | b';' => Some(Token::Comma),
            b'&' => Some(Token::Ampersand),
            b'|' => Some(Token::Pipe),
            b'(' => Some(Token::Open),
            b')' => Some(Token::Close),
            _ => None,
        };
        glued = glued && matches!(byte, b'-' | b'+' | b'.');
        tokens.extend(sign);
        at += 1;
    }
    tokens
}

/// The end of a run of letters or of a number; letters and digits do not mix. Bytes outside of ASCII are letters, so that
/// a word never ends inside of a character.
fn word_end(bytes: &[u8], start: usize) -> usize {
    let digits = bytes[start].is_ascii_digit();
    let mut end = start + 1;
    while let Some(byte) = bytes.get(end) {
        let goes_on = if digits {
            byte.is_ascii_digit() || (*byte == b'.' && bytes.get(end + 1).is_some_and(u8::is_ascii_digit))
        } else {
            byte.is_ascii_alphabetic() || *byte >= 0x80
        };
        if !goes_on {
            break;
        }
        end += 1;
    }
    end
}

/// `gplv2` is `gpl` and `2`, `2.0` is `2`; empty words are left out, but keep what is around them apart or together.
fn push_word(tokens: &mut Vec<Token>, word: &str, start: usize, glued: bool) {
    let end = start + word.len();
    let mut key = word.to_ascii_lowercase();
    if key.starts_with(|first: char| first.is_ascii_digit()) {
        while let Some(shorter) = key.strip_suffix(".0") {
            key = shorter.to_owned();
        }
    } else if let Some(shorter) = key.strip_suffix('v')
        && ["gpl", "lgpl", "agpl", "apache", "bsd", "mpl", "epl", "asl", "gfdl", "psl"].contains(&shorter)
    {
        key = shorter.to_owned();
    }
    if !EMPTY_WORDS.contains(&key.as_str()) {
        tokens.push(Token::Word { key, start, end, glued });
    }
}

/// Identifiers that SPDX deprecated, as it says to write them now.
pub(crate) fn current_id(id: &'static str) -> &'static str {
    match id {
        "GPL-1.0" => "GPL-1.0-only",
        "GPL-2.0" => "GPL-2.0-only",
        "GPL-3.0" => "GPL-3.0-only",
        "LGPL-2.0" => "LGPL-2.0-only",
        "LGPL-2.1" => "LGPL-2.1-only",
        "LGPL-3.0" => "LGPL-3.0-only",
        "AGPL-1.0" => "AGPL-1.0-only",
        "AGPL-3.0" => "AGPL-3.0-only",
        "GFDL-1.1" => "GFDL-1.1-only",
        "GFDL-1.2" => "GFDL-1.2-only",
        "GFDL-1.3" => "GFDL-1.3-only",
        "GPL-1.0+" => "GPL-1.0-or-later",
        "GPL-2.0+" => "GPL-2.0-or-later",
        "GPL-3.0+" => "GPL-3.0-or-later",
        "LGPL-2.0+" => "LGPL-2.0-or-later",
        "LGPL-2.1+" => "LGPL-2.1-or-later",
        "LGPL-3.0+" => "LGPL-3.0-or-later",
        "GPL-2.0-with-classpath-exception" => "GPL-2.0-only WITH Classpath-exception-2.0",
        "GPL-2.0-with-autoconf-exception" => "GPL-2.0-only WITH Autoconf-exception-2.0",
        "GPL-2.0-with-bison-exception" => "GPL-2.0-only WITH Bison-exception-2.2",
        "GPL-2.0-with-font-exception" => "GPL-2.0-only WITH Font-exception-2.0",
        "GPL-2.0-with-GCC-exception" => "GPL-2.0-only WITH GCC-exception-2.0",
        "GPL-3.0-with-GCC-exception" => "GPL-3.0-only WITH GCC-exception-3.1",
        "GPL-3.0-with-autoconf-exception" => "GPL-3.0-only WITH Autoconf-exception-3.0",
        "BSD-2-Clause-FreeBSD" | "BSD-2-Clause-NetBSD" => "BSD-2-Clause",
        "bzip2-1.0.5" => "bzip2-1.0.6",
        "StandardML-NJ" => "SMLNJ",
        "eCos-2.0" => "GPL-2.0-or-later WITH eCos-exception-2.0",
        "wxWindows" => "LGPL-2.0-or-later WITH WxWindows-exception-3.1",
        "Net-SNMP" => "LicenseRef-Net-SNMP",
        "Nunit" => "zlib-acknowledgement",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_means_a_valid_expression() {
        for (name, id) in NAMES.iter() {
            spdx::Expression::parse(id).unwrap_or_else(|error| panic!("{name} = {id}: {error}"));
            assert!(name.split(' ').count() <= PHRASE_WORDS, "{name}");
        }
    }

    #[test]
    fn words_of_names() {
        assert_eq!(key("The Apache License, Version 2.0"), "apache 2");
        assert_eq!(key("GPLv2+"), "gpl 2 +");
        assert_eq!(key("LGPLv2.1"), "lgpl 2.1");
        assert_eq!(key("BSD-3-Clause"), "bsd 3 clause");
    }
}
