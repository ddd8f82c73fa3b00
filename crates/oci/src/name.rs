//! Names in a registry: repositories, tags, and what follows `/manifests/` in a path.

use std::{fmt, str};

use base::{InvalidName, limits};

use crate::{Digest, text::text_type};

/// `account/name`, of two or more components. The first is the account that owns the repository.
/// <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests>
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepoName {
    text: Box<str>,
}

/// The name of a manifest that may move: up to 128 of `[a-zA-Z0-9_.-]`, not beginning with `.` or `-`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag {
    text: Box<str>,
}

/// What a client asks a manifest by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reference {
    Tag(Tag),
    Digest(Digest),
}

/// Words that stand behind a repository name in the paths of the protocols; as a last component of a name they would make
/// `/v2/<name>/…` ambiguous.
const RESERVED: [&str; 7] = ["blobs", "manifests", "tags", "referrers", "uploads", "_catalog", "_trust"];

impl RepoName {
    /// The account: the first component.
    pub fn namespace(&self) -> &str {
        self.split().0
    }

    /// All components after the account.
    pub fn name(&self) -> &str {
        self.split().1
    }

    fn split(&self) -> (&str, &str) {
        self.text.split_once('/').expect("a repository name has two components since it was parsed")
    }
}

impl str::FromStr for RepoName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<RepoName, InvalidName> {
        const GRAMMAR: &str =
            "account/name in lower case: each part of a-z and 0-9, parted by '.', '_', '__' or '-', 255 bytes in all";
        const ALONE: &str = "an account in front of the name: push to <host>/<account>/<name>";
        const WORD: &str = "a last part other than blobs, manifests, tags, referrers, uploads, _catalog and _trust";
        let refused = |expected| InvalidName::new("repository name", text, expected);
        let last = text.rsplit('/').next().unwrap_or(text);
        if text.len() > limits::REPOSITORY_NAME_BYTES {
            return Err(refused(GRAMMAR));
        }
        if RESERVED.contains(&last) {
            return Err(refused(WORD));
        }
        if !is_path(text) {
            return Err(refused(GRAMMAR));
        }
        if !text.contains('/') {
            return Err(refused(ALONE));
        }
        Ok(RepoName { text: text.into() })
    }
}

impl str::FromStr for Tag {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Tag, InvalidName> {
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let begins = text.bytes().next().is_some_and(word);
        let goes_on = text.bytes().all(|byte| word(byte) || matches!(byte, b'.' | b'-'));
        if begins && goes_on && text.len() <= limits::TAG_BYTES {
            Ok(Tag { text: text.into() })
        } else {
            const EXPECTED: &str = "1 to 128 of a-z, A-Z, 0-9, '_', '.' and '-', not beginning with '.' or '-'";
            Err(InvalidName::new("tag", text, EXPECTED))
        }
    }
}

impl str::FromStr for Reference {
    type Err = InvalidName;

    /// A colon makes it a digest: no tag has one.
    fn from_str(text: &str) -> Result<Reference, InvalidName> {
        if text.contains(':') { text.parse().map(Reference::Digest) } else { text.parse().map(Reference::Tag) }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reference::Tag(tag) => tag.fmt(out),
            Reference::Digest(digest) => digest.fmt(out),
        }
    }
}

impl Reference {
    pub fn as_str(&self) -> &str {
        match self {
            Reference::Tag(tag) => tag.as_str(),
            Reference::Digest(digest) => digest.as_str(),
        }
    }
}

text_type!(RepoName);
text_type!(Tag);

/// One or more components of the OCI grammar, parted by `/`.
pub(crate) fn is_path(text: &str) -> bool {
    text.split('/').all(is_component)
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_component(text: &str) -> bool {
    let alphanumeric = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let mut rest = text.as_bytes();
    loop {
        let word = rest.iter().take_while(|byte| alphanumeric(byte)).count();
        if word == 0 {
            return false;
        }
        rest = &rest[word..];
        if rest.is_empty() {
            return true;
        }
        let separator = rest.iter().take_while(|byte| !alphanumeric(byte)).count();
        let (parting, behind) = rest.split_at(separator);
        if !matches!(parting, b"." | b"_" | b"__") && !parting.iter().all(|byte| *byte == b'-') {
            return false;
        }
        rest = behind;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Reference, RepoName, Tag};

    #[test]
    fn repository_names() {
        for good in ["admin/flask", "a/b/c/d", "a.b/c_d", "a__b/c", "a---b/c", "0/1", "a/blobs/b", "tags/x"] {
            let name: RepoName = good.parse().unwrap();
            assert_eq!(format!("{}/{}", name.namespace(), name.name()), good);
        }
        let long = format!("a/{}", "b".repeat(254));
        let bad = [
            "",
            "/",
            "a",
            "a/",
            "/a",
            "a//b",
            "A/b",
            "a/B",
            "a/../b",
            "a/.b",
            "a/b.",
            "a/b..c",
            "a/b._c",
            "a/___b",
            "a/b___c",
            "a/b%2fc",
            "a/b\0",
            "a/b c",
            "a/ä",
            "a/b:c",
            "a/blobs",
            "a/b/manifests",
            "a/tags",
            "a/referrers",
            "a/uploads",
            "a/_catalog",
            "a/_trust",
            "_trust",
            "a/-",
            &long,
        ];
        for bad in bad {
            assert!(bad.parse::<RepoName>().is_err(), "{bad}");
        }
        assert!(long[..255].parse::<RepoName>().is_ok());
    }

    #[test]
    fn a_name_without_account_is_told_where_to_push() {
        let error = "flask".parse::<RepoName>().unwrap_err().to_string();
        assert!(error.contains("push to <host>/<account>/<name>"), "{error}");
    }

    #[test]
    fn tags_and_references() {
        for good in ["latest", "1.0", "_x", "A-b_c.d", "v1..2", &"a".repeat(128)] {
            assert!(good.parse::<Tag>().is_ok(), "{good}");
        }
        for bad in ["", ".a", "-a", "a b", "a/b", "a:b", "ä", "a\n", &"a".repeat(129)] {
            assert!(bad.parse::<Tag>().is_err(), "{bad}");
        }
        let digest = format!("sha256:{}", "0".repeat(64));
        assert!(matches!(digest.parse(), Ok(Reference::Digest(_))));
        assert!(matches!("sha256".parse(), Ok(Reference::Tag(_))));
        assert!("sha256:abc".parse::<Reference>().is_err());
    }

    proptest! {
        #[test]
        fn never_panics_and_round_trips(text in "([a-z0-9._/-]{0,40}|.{0,40})") {
            if let Ok(name) = text.parse::<RepoName>() {
                prop_assert_eq!(format!("{}/{}", name.namespace(), name.name()), text.clone());
                prop_assert!(!text.contains("..") && !text.contains("//"));
            }
            if let Ok(reference) = text.parse::<Reference>() {
                prop_assert_eq!(reference.to_string(), text);
            }
        }

        #[test]
        fn what_the_grammar_makes_is_accepted(
            text in "[a-z0-9]{1,5}((\\.|_|__|-{1,3})[a-z0-9]{1,5}){0,2}(/[a-z0-9]{1,5}((\\.|_|__|-{1,3})[a-z0-9]{1,5}){0,2}){1,3}x"
        ) {
            prop_assert!(text.parse::<RepoName>().is_ok(), "{}", text);
        }
    }
}
