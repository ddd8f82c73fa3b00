//! The noun: a repository and its settings.

use std::{fmt, str::FromStr};

use base::{Ctx, Id, Timestamp, limits};
use oci::RepoName;

use crate::Error;

/// A repository. Its name never changes.
#[derive(Clone, Debug)]
pub struct Repository {
    pub id: Id<Repository>,
    pub name: RepoName,
    pub visibility: Visibility,
    /// A tag, once pushed, keeps its digest for ever.
    pub immutable: bool,
    pub scan_on_push: bool,
    /// Pushes of persons are refused: robots and jobs of pipelines push.
    pub only_robots_push: bool,
    pub short_description: String,
    /// The README; text, never HTML.
    pub long_description: String,
    /// The most tags that are kept, 0 for all: a push beyond it drops the one that was set the longest ago.
    pub tag_limit: u32,
    pub created_at: Timestamp,
}

/// Who may pull without a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// Everybody, also without signing in.
    Public,
    /// Nobody.
    Private,
}

/// A repository to be created.
#[derive(Clone, Debug)]
pub struct NewRepository {
    pub name: RepoName,
    pub visibility: Visibility,
    pub immutable: bool,
    pub scan_on_push: bool,
    pub only_robots_push: bool,
    pub short_description: String,
    pub long_description: String,
    pub tag_limit: u32,
}

/// Settings to be changed; `None` leaves one as it is.
#[derive(Clone, Debug, Default)]
pub struct RepositoryChanges {
    pub visibility: Option<Visibility>,
    pub immutable: Option<bool>,
    pub scan_on_push: Option<bool>,
    pub only_robots_push: Option<bool>,
    pub short_description: Option<String>,
    pub long_description: Option<String>,
    pub tag_limit: Option<u32>,
}

impl NewRepository {
    /// What a push makes when there is no repository yet: private, and scanned while the scanner is on.
    pub fn private(name: RepoName) -> NewRepository {
        NewRepository {
            name,
            visibility: Visibility::Private,
            immutable: false,
            scan_on_push: true,
            only_robots_push: false,
            short_description: String::new(),
            long_description: String::new(),
            tag_limit: 0,
        }
    }

    pub(crate) fn create(self, ctx: &Ctx) -> Result<Repository, Error> {
        let repository = Repository {
            id: Id::new(ctx),
            name: self.name,
            visibility: self.visibility,
            immutable: self.immutable,
            scan_on_push: self.scan_on_push,
            only_robots_push: self.only_robots_push,
            short_description: self.short_description,
            long_description: self.long_description,
            tag_limit: self.tag_limit,
            created_at: ctx.now,
        };
        repository.check()
    }
}

impl Repository {
    /// The settings as the audit log guards them: `private immutable scan`.
    pub fn settings(&self) -> String {
        let mut text = self.visibility.to_string();
        let words = [(self.immutable, " immutable"), (self.scan_on_push, " scan"), (self.only_robots_push, " robots")];
        for (on, word) in words {
            text.push_str(if on { word } else { "" });
        }
        if self.tag_limit > 0 {
            text.push_str(&format!(" tags={}", self.tag_limit));
        }
        text
    }

    pub(crate) fn changed(mut self, changes: RepositoryChanges) -> Result<Repository, Error> {
        self.visibility = changes.visibility.unwrap_or(self.visibility);
        self.immutable = changes.immutable.unwrap_or(self.immutable);
        self.scan_on_push = changes.scan_on_push.unwrap_or(self.scan_on_push);
        self.only_robots_push = changes.only_robots_push.unwrap_or(self.only_robots_push);
        self.short_description = changes.short_description.unwrap_or(self.short_description);
        self.long_description = changes.long_description.unwrap_or(self.long_description);
        self.tag_limit = changes.tag_limit.unwrap_or(self.tag_limit);
        self.check()
    }

    pub(crate) fn check(self) -> Result<Repository, Error> {
        if self.short_description.len() > limits::TEXT_BYTES || self.long_description.len() > limits::TEXT_BYTES {
            return Err(Error::Invalid(format!("a description has at most {} bytes", limits::TEXT_BYTES)));
        }
        if self.immutable && self.tag_limit > 0 {
            let why = "an immutable repository has no tag limit, for its tags are not replaced; set one of the two";
            return Err(Error::Invalid(why.to_owned()));
        }
        Ok(self)
    }
}

impl fmt::Display for Visibility {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Visibility::Public => "public",
            Visibility::Private => "private",
        })
    }
}

impl FromStr for Visibility {
    type Err = Error;

    fn from_str(text: &str) -> Result<Visibility, Error> {
        match text {
            "public" => Ok(Visibility::Public),
            "private" => Ok(Visibility::Private),
            other => Err(Error::Invalid(format!("visibility {other:?} is not one of public, private"))),
        }
    }
}
