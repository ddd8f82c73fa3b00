//! Names of refs, stricter than git's own rules.
//!
//! A branch name reaches scripts of jobs and command lines of runners that we did not write; several of them ran what stood
//! in it (GHSA-cxfq-cc8j-j2pp, CVE-2026-52806). What a shell or an option parser would read differently is refused here.

use std::{fmt, str::FromStr};

use base::{InvalidName, limits};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The full name of a branch or a tag: `refs/heads/main`, `refs/tags/v1`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RefName(Box<str>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefKind {
    Branch,
    Tag,
}

const EXPECTED: &str = "refs/heads/NAME or refs/tags/NAME, NAME of letters, digits and . _ - + = @ , / where no part begins with '-' or '.'";

impl RefName {
    pub fn branch(name: &str) -> Result<RefName, InvalidName> {
        format!("refs/heads/{name}").parse()
    }

    pub fn tag(name: &str) -> Result<RefName, InvalidName> {
        format!("refs/tags/{name}").parse()
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn kind(&self) -> RefKind {
        if self.0.starts_with("refs/tags/") { RefKind::Tag } else { RefKind::Branch }
    }

    /// Without `refs/heads/` or `refs/tags/`.
    pub fn short(&self) -> &str {
        let prefix = if self.kind() == RefKind::Tag { "refs/tags/" } else { "refs/heads/" };
        &self.0[prefix.len()..]
    }
}

impl FromStr for RefName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<RefName, InvalidName> {
        let short = text.strip_prefix("refs/heads/").or_else(|| text.strip_prefix("refs/tags/"));
        match short {
            Some(short) if text.len() <= limits::GIT_REF_BYTES && plain(short) => Ok(RefName(text.into())),
            _ => Err(InvalidName::new("ref", text, EXPECTED)),
        }
    }
}

fn plain(short: &str) -> bool {
    let letter =
        |letter: char| letter.is_alphanumeric() || matches!(letter, '.' | '_' | '-' | '+' | '=' | '@' | ',' | '/');
    let part = |part: &str| !part.is_empty() && !part.starts_with(['-', '.']) && !part.ends_with(".lock");
    short.chars().all(letter)
        && short.split('/').all(part)
        && !short.contains("..")
        && !short.ends_with('.')
        && short != "@"
        && short != "HEAD"
}

impl fmt::Display for RefName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Debug for RefName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl Serialize for RefName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for RefName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<RefName, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::RefName;

    #[test]
    fn shell_metacharacters_and_options_are_refused() {
        for good in ["main", "feature/x-1", "v1.0+b", "straße", "a@b", "x=1"] {
            assert!(RefName::branch(good).is_ok(), "{good}");
        }
        let bad = [
            "", "-x", "a/-x", ".x", "a..b", "a b", "a;b", "$(id)", "`id`", "a|b", "a&b", "a>b", "a'b", "a\"b", "a\\b",
            "a*b", "a?b", "a~1", "a^", "a:b", "a[b", "a{b", "x.lock", "a//b", "/a", "a/", "a.", "@", "a\nb", "a%b",
            "#a", "!a", "--exec=x",
        ];
        for bad in bad {
            assert!(RefName::branch(bad).is_err(), "{bad}");
        }
        for bad in ["refs/pipelines/1", "refs/heads", "HEAD", "refs/notes/x", "refs/remotes/origin/x"] {
            assert!(bad.parse::<RefName>().is_err(), "{bad}");
        }
        assert_eq!(RefName::tag("v1").unwrap().short(), "v1");
    }

    proptest! {
        #[test]
        fn nothing_that_a_shell_reads_gets_through(text in ".{0,30}") {
            if let Ok(name) = RefName::branch(&text) {
                let read_by_a_shell = |letter: char| " $`;&|<>(){}'\"\\*?!#~^:[]%\n\r\t\0".contains(letter);
                let found = name.short().contains(read_by_a_shell);
                prop_assert!(!found);
                prop_assert!(!name.short().starts_with('-'));
            }
        }
    }
}
