//! What is judged, and why some of it cannot be.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Serialize};

use crate::{Ecosystem, Family, Snapshot};

/// One thing to be judged.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Subject<'a> {
    /// None for a package of a distribution that no advisories are known for.
    pub ecosystem: Option<Ecosystem>,
    /// For a distribution, the source package; for a component found in bytes, the product or `vendor/product`.
    pub package: &'a str,
    /// For a distribution, the version of the source package.
    pub version: &'a str,
    /// For a distribution, the installed package, where the source's name and version are known beside it. Feeds of the
    /// rpm world speak of this one.
    pub binary: Option<Binary<'a>>,
    /// `NAME:STREAM` of the rpm module that it is of.
    pub module: Option<&'a str>,
    /// As the package says it, `x86_64`; without it every architecture's statements count.
    pub architecture: Option<&'a str>,
}

/// What was installed of a source package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Binary<'a> {
    pub name: &'a str,
    pub version: &'a str,
}

impl<'a> Subject<'a> {
    /// A package that has one name.
    pub fn new(ecosystem: Option<Ecosystem>, package: &'a str, version: &'a str) -> Subject<'a> {
        Subject { ecosystem, package, version, binary: None, module: None, architecture: None }
    }

    /// The names it is looked up by, in its family's spelling. None without an ecosystem.
    pub fn names(&self) -> impl Iterator<Item = Cow<'a, str>> + use<'a> {
        let family = self.ecosystem.as_ref().map(Ecosystem::family);
        let package = match self.package.split_once('/') {
            Some((_, product)) if family == Some(Family::Upstream) => product,
            _ => self.package,
        };
        let binary = self.binary.filter(|_| family.is_some_and(Family::is_distribution)).map(|binary| binary.name);
        let names = std::iter::once(package).chain(binary);
        family.into_iter().flat_map(move |family| names.clone().map(move |name| family.spelling(name)))
    }

    /// The same, installed under this name.
    pub fn installed_as(mut self, name: &'a str, version: &'a str) -> Subject<'a> {
        self.binary = Some(Binary { name, version });
        self
    }
}

/// Why subjects could not be judged. An image with any of these is not clean.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Unknown {
    /// A distribution that no advisories are known for.
    Distribution,
    /// A distribution whose release the image does not name.
    NoRelease { ecosystem: Ecosystem },
    /// An ecosystem that the snapshot says nothing about.
    NotCovered { ecosystem: Ecosystem },
    /// A component without a version.
    NoVersion,
}

/// Why the snapshot cannot judge a subject, or can only in part.
pub(crate) fn unjudged(subject: &Subject<'_>, snapshot: &Snapshot) -> Option<Unknown> {
    let Some(ecosystem) = &subject.ecosystem else { return Some(Unknown::Distribution) };
    if subject.version.is_empty() {
        Some(Unknown::NoVersion)
    } else if ecosystem.family().has_releases() && ecosystem.release().is_none() {
        Some(Unknown::NoRelease { ecosystem: ecosystem.clone() })
    } else if !snapshot.covers(ecosystem) {
        Some(Unknown::NotCovered { ecosystem: ecosystem.clone() })
    } else {
        None
    }
}

impl fmt::Display for Unknown {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unknown::Distribution => out.write_str("no advisories are known for the image's distribution"),
            Unknown::NoRelease { ecosystem } => {
                write!(out, "the image does not say which release of {ecosystem} it is")
            }
            Unknown::NotCovered { ecosystem } => write!(out, "the advisory snapshot has no records of {ecosystem}"),
            Unknown::NoVersion => out.write_str("the version of a component is not known"),
        }
    }
}
