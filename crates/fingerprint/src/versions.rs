//! Which version of a product is there: the surest source that names one decides.
//!
//! ```text
//!   identity        the file or a section is one that was learnt
//!   banner          a text that fits a template
//!   package         the name of a file of debugging data, as RPM writes it, says which package the file is from
//!   bare version    a text that is nothing but a version, where the product is known to hold one; near the product's texts
//!   texts           the learnt version that has all texts that were found, when every other lacks some
//! ```

use std::collections::BTreeMap;

use crate::evidence::Evidence;
use crate::index::BARE_VERSIONS;
use crate::pass::{BannerHit, Hits, Seen};
use crate::skeleton::Part;
use crate::verdict::{Case, count};

/// Bytes between a version and the nearest text of the product it is of, in a file that does not export the product's names: texts
/// of one object file lie together.
const NEAR: u64 = 8 * 1024;

/// A version, why, and which part of the confidence is left.
#[derive(Debug, Default)]
pub struct Told {
    pub version: Option<String>,
    pub evidence: Vec<Evidence>,
    pub sure: f64,
}

/// The versions of all products of a file, in their order.
#[must_use]
pub fn versions(seen: &Seen<'_>, cases: &[Case<'_>]) -> Vec<Told> {
    let main = main_case(cases);
    cases.iter().enumerate().map(|(number, case)| version(seen, cases, case, main == Some(number))).collect()
}

/// The product the file itself is of: the one that is found in it most.
fn main_case(cases: &[Case<'_>]) -> Option<usize> {
    let score = |number: &usize| {
        let exports = cases[*number].hits.exports.len() as f64;
        cases[*number].score + 2.0 * exports
    };
    (0..cases.len()).max_by(|one, other| score(one).total_cmp(&score(other)).then(other.cmp(one)))
}

fn version(seen: &Seen<'_>, cases: &[Case<'_>], case: &Case<'_>, is_main: bool) -> Told {
    let learnt: Vec<&str> = seen.index.versions(&case.product).collect();
    let told =
        |version: &str, evidence: Vec<Evidence>, sure: f64| Told { version: Some(version.to_owned()), evidence, sure };
    if let Some(known) = case.hits.identities.iter().find_map(|identity| learnt.get(identity.version as usize)) {
        return told(known, Vec::new(), 1.0);
    }
    if let Some(banner) = best_banner(&case.hits.banners, &learnt) {
        let evidence =
            Evidence::Banner { offset: banner.offset, text: banner.text.clone(), template: banner.template.clone() };
        return told(&banner.version, vec![evidence], 1.0);
    }
    if let Some(package) = seen.package.as_ref().filter(|_| is_main) {
        let evidence = Evidence::PackageName { offset: package.offset, text: package.text.clone() };
        return told(&package.version, vec![evidence], 1.0);
    }
    if case.product.flags & BARE_VERSIONS != 0
        && let Some((offset, text)) = bare_version(seen, cases, case, &learnt)
    {
        return told(&text, vec![Evidence::BareVersion { offset, text: text.clone() }], 0.9);
    }
    if let Some((version, agreeing, of)) = version_by_texts(case.hits, &learnt) {
        return told(version, vec![Evidence::VersionTexts { agreeing, of }], 0.8);
    }
    Told { sure: 1.0, ..Told::default() }
}

/// The banner of the version that most speaks for, when no other is as likely. What has fewer parts than any version that was learnt
/// is the name of a series (`Lua 5.1`, `librocksdb.so.7.8`).
fn best_banner<'b>(banners: &'b [BannerHit], learnt: &[&str]) -> Option<&'b BannerHit> {
    let least = learnt.iter().map(|version| separators(version)).min().unwrap_or(0);
    let banners = || banners.iter().filter(|banner| separators(&banner.version) >= least);
    let weight = |banner: &BannerHit| match banner.part {
        Part::Full => 5,
        Part::Prefix => 3,
        Part::Word => 2,
    };
    let mut votes: BTreeMap<&str, u32> = BTreeMap::new();
    for banner in banners() {
        let vote = votes.entry(banner.version.as_str()).or_default();
        *vote = (*vote).max(weight(banner) * 2 + u32::from(banner.alone));
    }
    let most = *votes.values().max()?;
    let mut winners = votes.iter().filter(|(_, votes)| **votes == most);
    let winner = *winners.next()?.0;
    if winners.next().is_some() {
        return None;
    }
    banners()
        .filter(|banner| banner.version == winner)
        .max_by_key(|banner| (weight(banner), std::cmp::Reverse(banner.offset)))
}

/// The one text that can be the version of this product: shaped like the learnt ones, nearer to its texts than to those of any
/// other product, and clearly nearer than other texts like it.
fn bare_version(seen: &Seen<'_>, cases: &[Case<'_>], case: &Case<'_>, learnt: &[&str]) -> Option<(u64, String)> {
    let mut fitting: Vec<(u64, &str, u64)> = Vec::new();
    for (offset, text) in seen.bare.iter().filter(|(_, text)| fits(text, learnt)) {
        let near = distance(case.hits, *offset)?;
        if near > NEAR && case.hits.exports.len() < 3 {
            continue;
        }
        let rivals = cases.iter().filter(|other| other.product.name != case.product.name);
        if rivals.filter_map(|other| distance(other.hits, *offset)).all(|other| other >= near) {
            fitting.push((near, text, *offset));
        }
    }
    fitting.sort_unstable();
    let (near, text, offset) = *fitting.first()?;
    let second = fitting.iter().find(|(_, other, _)| *other != text);
    if second.is_some_and(|(other, _, _)| near.saturating_mul(8) > *other) {
        return None;
    }
    Some((offset, text.to_owned()))
}

/// Whether a text can be a version of a product: as many parts as a learnt one, and no far older or far newer first part; where the
/// first part is one that was learnt, no far older second part.
fn fits(text: &str, learnt: &[&str]) -> bool {
    let alike = learnt.iter().filter(|known| separators(known) == separators(text));
    let (same, all): (Vec<_>, Vec<_>) = (
        alike.clone().filter(|known| part(known, 0) == part(text, 0)).map(|known| part(known, 1)).collect(),
        alike.map(|known| part(known, 0)).collect(),
    );
    is_among(part(text, 0), &all) && same.iter().flatten().min().is_none_or(|low| part(text, 1) >= Some(low / 2))
}

/// Whether a part of a version is near learnt ones. Who counts slowly stays near; who has come to a hundred counts quickly.
fn is_among(this: Option<u64>, learnt: &[Option<u64>]) -> bool {
    let learnt = || learnt.iter().flatten();
    let (Some(low), Some(high), Some(this)) = (learnt().min(), learnt().max(), this) else { return false };
    (low - low / 2..=high + 1 + high / 2).contains(&this)
}

/// A part of a version as a number.
fn part(version: &str, place: usize) -> Option<u64> {
    version.split(['.', '_']).nth(place)?.parse().ok()
}

fn separators(version: &str) -> usize {
    version.matches(['.', '_']).count()
}

/// How far a place is from the nearest text of a product.
fn distance(hits: &Hits, offset: u64) -> Option<u64> {
    hits.texts.values().map(|hit| hit.offset.abs_diff(offset)).min()
}

/// The learnt version that has all texts that were found, when every other lacks some of them. The oldest and the newest are never
/// named: what is older or newer than anything learnt looks like them.
fn version_by_texts<'v>(hits: &Hits, learnt: &[&'v str]) -> Option<(&'v str, u32, u32)> {
    let found = count(hits.texts.len());
    if found < 12 || learnt.len() < 2 {
        return None;
    }
    let agreeing = |version: usize| count(hits.texts.values().filter(|hit| hit.versions >> version & 1 == 1).count());
    let mut votes: Vec<(u32, usize)> = (0..learnt.len().min(32)).map(|version| (agreeing(version), version)).collect();
    votes.sort_unstable_by(|one, other| other.cmp(one));
    let (best, version) = votes[0];
    let inside = version > 0 && version + 1 < learnt.len();
    (inside && best == found && votes[1].0 + 3 <= best).then(|| (learnt[version], best, found))
}
