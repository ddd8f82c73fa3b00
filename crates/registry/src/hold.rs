//! Holds: what another context depends on is not deleted.

use oci::{Digest, RepoName, Tag};

use crate::Error;

/// What is held in a repository. A held tag may still move to another digest where tags may move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hold {
    Repository,
    Tag(Tag),
    Manifest(Digest),
}

/// A row: somebody's reason to keep something.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) hold: Hold,
    pub(crate) owner: String,
    pub(crate) reason: String,
}

impl Hold {
    /// The two columns that store it.
    pub(crate) fn columns(&self) -> (&'static str, &str) {
        match self {
            Hold::Repository => ("repository", ""),
            Hold::Tag(tag) => ("tag", tag.as_str()),
            Hold::Manifest(digest) => ("manifest", digest.as_str()),
        }
    }

    pub(crate) fn of_columns(kind: &str, name: &str) -> Result<Hold, db::Error> {
        let corrupt = |error: base::InvalidName| db::Error::Corrupt(format!("a hold: {error}"));
        match kind {
            "repository" => Ok(Hold::Repository),
            "tag" => name.parse().map(Hold::Tag).map_err(corrupt),
            "manifest" => name.parse().map(Hold::Manifest).map_err(corrupt),
            other => Err(db::Error::Corrupt(format!("{other:?} is no kind of hold"))),
        }
    }
}

impl Held {
    pub(crate) fn refusal(self, repository: &RepoName) -> Error {
        let what = match self.hold {
            Hold::Repository => repository.to_string(),
            Hold::Tag(tag) => format!("{repository}:{tag}"),
            Hold::Manifest(digest) => format!("{repository}@{digest}"),
        };
        Error::Held { what, owner: self.owner, reason: self.reason }
    }
}
