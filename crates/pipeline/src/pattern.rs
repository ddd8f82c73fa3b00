//! Regular expressions of `=~`, `only` and `except`: RE2 as GitLab has it, bounded in size and number.

use std::collections::HashMap;

use base::limits;
use regex::{Regex, RegexBuilder};

/// One compiled expression, and the cache of its lazy automaton, may hold this much.
const COMPILED_BYTES: usize = 256 * 1024;
/// Text that one plan searches: a commit message may be long, and thousands of rules may ask about it.
const SEARCHED_BYTES: usize = 8 * 1024 * 1024;

/// Compiled expressions of one parse or plan, so that the same one is compiled once.
#[derive(Debug, Default)]
pub(crate) struct Patterns {
    compiled: HashMap<String, Result<Regex, String>>,
    searched: usize,
}

impl Patterns {
    /// Whether the expression is found anywhere in the text.
    pub fn found(&mut self, literal: &str, text: &str) -> Result<bool, String> {
        self.searched += text.len();
        if self.searched > SEARCHED_BYTES {
            return Err(
                "regular expressions search more than 8 MiB of text; ask fewer of them, or shorter variables".into()
            );
        }
        Ok(self.get(literal)?.is_match(text))
    }

    /// The expression of a `/text/flags` literal, or a sentence that says what is wrong with it.
    pub fn get(&mut self, literal: &str) -> Result<&Regex, String> {
        if !self.compiled.contains_key(literal) {
            if self.compiled.len() >= limits::PIPELINE_PATTERNS {
                let most = limits::PIPELINE_PATTERNS;
                return Err(format!("more than {most} different regular expressions; use fewer"));
            }
            self.compiled.insert(literal.to_owned(), compile(literal));
        }
        self.compiled[literal].as_ref().map_err(Clone::clone)
    }
}

/// Splits `/text/flags`; `None` when it has not that form.
pub(crate) fn split(literal: &str) -> Option<(&str, &str)> {
    let (text, flags) = literal.strip_prefix('/')?.rsplit_once('/')?;
    let fits = !text.is_empty() && flags.bytes().all(|flag| matches!(flag, b'i' | b's' | b'm' | b'U'));
    fits.then_some((text, flags))
}

fn compile(literal: &str) -> Result<Regex, String> {
    let (text, flags) = split(literal).ok_or_else(|| {
        format!("`{literal}` is no regular expression; write `/text/`, with flags i, m, s or U behind")
    })?;
    // `/` needs no escape outside the delimiters, and this library refuses escapes it does not know.
    let text = text.replace("\\/", "/");
    RegexBuilder::new(&text)
        .case_insensitive(flags.contains('i'))
        .dot_matches_new_line(flags.contains('s'))
        .multi_line(flags.contains('m'))
        .swap_greed(flags.contains('U'))
        .size_limit(COMPILED_BYTES)
        .dfa_size_limit(COMPILED_BYTES)
        .nest_limit(50)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => format!("`{literal}` is too large a regular expression; repeat less"),
            error => {
                let reason = error.to_string();
                let reason = reason.lines().last().unwrap_or("not valid").trim_start_matches("error: ");
                format!("`{literal}` is no regular expression of RE2: {reason}")
            }
        })
}
