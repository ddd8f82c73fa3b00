//! The signer's side: the next version of a targets document.

use std::collections::BTreeMap;

use base::Timestamp;

use crate::{
    Authority, Error, SigningKey, Target, Targets,
    build::{TARGETS_DAYS, Unsigned, expiry},
};

impl Targets {
    /// The first version of a role that has signed nothing yet.
    pub fn first(now: Timestamp) -> Targets {
        Targets {
            version: 1,
            expires: expiry(now, TARGETS_DAYS),
            targets: BTreeMap::new(),
            keys: BTreeMap::new(),
            delegations: Vec::new(),
        }
    }

    /// The next version, in which `tag` stands for `target`.
    #[must_use]
    pub fn with_target(mut self, tag: &str, target: Target, now: Timestamp) -> Targets {
        self.targets.insert(tag.to_owned(), target);
        self.next(now)
    }

    /// The next version, without `tag`.
    #[must_use]
    pub fn without_target(mut self, tag: &str, now: Timestamp) -> Targets {
        self.targets.remove(tag);
        self.next(now)
    }

    /// Signed for its role by `keys`; an error unless they reach the role's threshold.
    pub fn sign(&self, authority: &Authority<'_>, keys: &[&SigningKey]) -> Result<Vec<u8>, Error> {
        Unsigned::new(self.to_value())?.sign_for(authority, keys)
    }

    fn next(mut self, now: Timestamp) -> Targets {
        self.version += 1;
        self.expires = expiry(now, TARGETS_DAYS);
        self
    }
}

/// The document of `authority.role` in which `tag` stands for `target`, signed by `keys`: version 1 if the role has none
/// yet, else the version after `current`.
pub fn sign_tag(
    current: Option<&Targets>,
    tag: &str,
    target: Target,
    authority: &Authority<'_>,
    keys: &[&SigningKey],
    now: Timestamp,
) -> Result<Vec<u8>, Error> {
    let next = match current {
        Some(current) => current.clone().with_target(tag, target, now),
        None => {
            let mut first = Targets::first(now);
            first.targets.insert(tag.to_owned(), target);
            first
        }
    };
    next.sign(authority, keys)
}
