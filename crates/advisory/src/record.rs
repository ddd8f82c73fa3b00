//! One published vulnerability record.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};
use version::{Scheme, compare};

use crate::{Ecosystem, Severity};

/// Fields stand in the order of the alphabet: their JSON is canonical.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Advisory {
    pub affected: Vec<Affected>,
    /// Other ids of the same vulnerability, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// CVSS base score in tenths, when the source gives one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cvss_tenths: Option<u8>,
    pub id: String,
    /// What people call it: `Heartbleed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub severity: Severity,
    /// The source's own word or vector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_severity: Option<String>,
}

/// The versions of one package that are affected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Affected {
    pub ecosystem: Ecosystem,
    /// Versions that are affected, one by one, beside the ranges.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exact: Vec<String>,
    /// For a distribution, the source package.
    pub package: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ranges: Vec<Range>,
}

/// From `introduced` on, to before `fixed` or to `last_affected` itself; open where nothing is said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Range {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixed: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub introduced: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_affected: Option<String>,
}

impl Affected {
    /// The range that holds this version, or the exact mention as a range of one.
    pub fn holding(&self, version: &str) -> Option<Range> {
        let scheme = self.ecosystem.family().scheme();
        let range = self.ranges.iter().find(|range| range.holds(scheme, version)).cloned();
        range.or_else(|| {
            let exact = self.exact.iter().find(|exact| compare(scheme, exact, version) == Ordering::Equal)?;
            Some(Range { introduced: Some(exact.clone()), last_affected: Some(exact.clone()), fixed: None })
        })
    }
}

impl Range {
    pub fn holds(&self, scheme: Scheme, version: &str) -> bool {
        let order = |bound: &Option<String>| bound.as_deref().map(|bound| compare(scheme, version, bound));
        order(&self.introduced).is_none_or(Ordering::is_ge)
            && order(&self.fixed).is_none_or(Ordering::is_lt)
            && order(&self.last_affected).is_none_or(Ordering::is_le)
    }
}

impl Advisory {
    /// The CVE ids among id and aliases, sorted.
    pub fn cves(&self) -> Vec<&str> {
        let ids = std::iter::once(self.id.as_str()).chain(self.aliases.iter().map(String::as_str));
        let mut cves: Vec<&str> = ids.filter(|id| id.starts_with("CVE-")).collect();
        cves.sort_unstable();
        cves.dedup();
        cves
    }
}
