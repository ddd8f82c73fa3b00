//! Which versions of one package a record is about, and what its source says of them.

use std::{cmp::Ordering, fmt};

use serde::{Deserialize, Serialize};
use version::{Scheme, compare};

use crate::{Ecosystem, Rating};

/// A statement about versions of one package. No range and no exact version means every version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Affected {
    pub ecosystem: Ecosystem,
    /// By [`Named`]. It is looked up in [`crate::Family::spelling`].
    pub package: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ranges: Vec<Range>,
    /// Versions that are affected, one by one, beside the ranges.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exact: Vec<String>,
    #[serde(default, skip_serializing_if = "Status::is_affected")]
    pub status: Status,
    /// Which of a package's two names this is, where it is not what the family's feeds use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named: Option<Named>,
    /// Debian's urgency or Red Hat's impact for this package, in this release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rating: Option<Rating>,
    /// `NAME:STREAM` of an rpm module. A subject of another stream, or of none, is not judged by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// `x86_64`, when only that architecture is affected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// For upstream's releases, whose product it is, as the CPE name has it. A component of another vendor is not judged by
    /// it, one of no known vendor is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor: Option<String>,
    /// Who gets the fix: `pro` for Ubuntu Pro, `ltss`. It is said with the finding and does not change who is affected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
}

/// From `introduced` on, to before `fixed` or to `last_affected` itself; open where nothing is said.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Range {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixed: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub introduced: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_affected: Option<String>,
}

/// What the publisher of the package says about the versions named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Affected; a range with a fixed version says that the fix is out.
    #[default]
    Affected,
    /// Affected, and the publisher will mend it later or is about to.
    Deferred,
    /// Affected, and the release gets no fixes any more.
    EndOfLife,
    /// Not affected: never found, whatever a record about all releases says.
    NotAffected,
    /// Nobody has decided yet. Found, and said so.
    UnderInvestigation,
    /// Affected, and the publisher has decided against a fix ("no-dsa", "will not fix").
    WillNotFix,
}

/// Which name of a package a statement uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Named {
    /// What is installed: rpm feeds.
    Binary,
    /// What it was built from: the feeds of Debian, Ubuntu and Alpine.
    Source,
}

impl Affected {
    /// A statement without ranges yet.
    pub fn new(ecosystem: Ecosystem, package: impl Into<String>) -> Affected {
        Affected {
            ecosystem,
            package: package.into(),
            ranges: Vec::new(),
            exact: Vec::new(),
            status: Status::Affected,
            named: None,
            rating: None,
            module: None,
            architecture: None,
            vendor: None,
            channel: None,
        }
    }

    /// The same with one range more.
    pub fn with_range(mut self, range: Range) -> Affected {
        self.ranges.push(range);
        self
    }

    /// The range that holds this version, or the exact mention as a range of one. The plain reading that the snapshot's
    /// index is held against.
    pub fn holding(&self, version: &str) -> Option<Range> {
        let scheme = self.ecosystem.family().scheme();
        if self.ranges.is_empty() && self.exact.is_empty() {
            return Some(Range::default());
        }
        let range = self.ranges.iter().find(|range| range.holds(scheme, version)).cloned();
        range.or_else(|| {
            let exact = self.exact.iter().find(|exact| compare(scheme, exact, version) == Ordering::Equal)?;
            Some(Range { introduced: Some(exact.clone()), last_affected: Some(exact.clone()), fixed: None })
        })
    }

    pub(crate) fn make_canonical(&mut self) {
        let family = self.ecosystem.family();
        self.package = family.spelling(&self.package).into_owned();
        self.named = self.named.filter(|named| *named != Named::of_family(family));
        self.rating.iter_mut().for_each(Rating::make_canonical);
        self.ranges.sort();
        self.ranges.dedup();
        self.exact.sort();
        self.exact.dedup();
        self.vendor = self.vendor.take().map(|vendor| vendor.to_ascii_lowercase());
        for text in [&mut self.module, &mut self.architecture, &mut self.channel, &mut self.vendor] {
            *text = text.take().filter(|text| !text.is_empty());
        }
    }
}

impl Range {
    /// From the first version to before this one.
    pub fn before(fixed: impl Into<String>) -> Range {
        Range { fixed: Some(fixed.into()), ..Range::default() }
    }

    pub fn holds(&self, scheme: Scheme, version: &str) -> bool {
        let order = |bound: &Option<String>| bound.as_deref().map(|bound| compare(scheme, version, bound));
        order(&self.introduced).is_none_or(Ordering::is_ge)
            && order(&self.fixed).is_none_or(Ordering::is_lt)
            && order(&self.last_affected).is_none_or(Ordering::is_le)
    }
}

impl fmt::Display for Range {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.introduced {
            Some(introduced) => write!(out, "versions from {introduced}")?,
            None => write!(out, "all versions")?,
        }
        match (&self.fixed, &self.last_affected) {
            (Some(fixed), _) => write!(out, " before {fixed}"),
            (None, Some(last)) => write!(out, " up to {last}"),
            (None, None) => write!(out, " and has no fixed version"),
        }
    }
}

impl Status {
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Affected => "affected",
            Status::Deferred => "deferred",
            Status::EndOfLife => "end-of-life",
            Status::NotAffected => "not-affected",
            Status::UnderInvestigation => "under-investigation",
            Status::WillNotFix => "will-not-fix",
        }
    }

    fn is_affected(&self) -> bool {
        *self == Status::Affected
    }
}

impl Named {
    /// The name that the family's feeds use.
    pub fn of_family(family: crate::Family) -> Named {
        if family.is_rpm() { Named::Binary } else { Named::Source }
    }
}
