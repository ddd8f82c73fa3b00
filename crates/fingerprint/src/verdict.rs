//! From what was found to what is said: which products are there, and how surely.

use std::collections::BTreeMap;

use crate::evidence::{Evidence, Identification};
use crate::index::Product;
use crate::pass::{Hits, Seen};
use crate::skeleton::is_library_name;
use crate::versions::{Told, versions};

/// A file or section that is known, and the number of its version.
#[derive(Debug, Clone)]
pub struct Identity {
    pub version: u32,
    pub what: Evidence,
}

/// A product that is there.
#[derive(Debug)]
pub struct Case<'s> {
    pub product: Product<'s>,
    pub hits: &'s Hits,
    /// What was found of it, in long texts.
    pub score: f64,
}

/// What must come together, in long texts, before a product is said to be there: one stray text is never enough, and of a product
/// with many texts more than of one with few.
const ENOUGH: f64 = 3.0;
const ENOUGH_PER_TEXT: f64 = 0.002;
/// What all texts of a product must weigh where there are only a few, and every one of them is there.
const ENOUGH_OF_FEW: f64 = 2.0;
/// The part of the texts of one kind of file that must be there, and how many: of a library, which is linked in by parts, and of a
/// program, which is not.
const OF_A_LIBRARY: f64 = 0.08;
const OF_A_PROGRAM: f64 = 0.25;
const TOGETHER: u32 = 3;
/// The part of all texts of a product that a part of its libraries brings.
const OF_ALL: f64 = 0.03;
/// The part of all texts that must be in a file which asks for the product's library at run time: names of its interface stand in it.
const BESIDE_A_NEED: f64 = 0.5;
/// So many exported names make a file that library, or hold all of it: with texts beside them, and without any. Several products
/// offer one interface (`setxattr` of attr and of the C library).
const EXPORTING: usize = 3;
const BESIDE_EXPORTS: usize = 2;
const EXPORTING_ALONE: usize = 6;
/// What a banner counts that nobody else's binaries hold, and one that others mention.
const ALONE: f64 = 2.5;
const MENTIONED: f64 = 1.0;
/// What an exported name counts, and all of them at most.
const EXPORT: f64 = 0.5;
const EXPORTS: f64 = 6.0;

/// The identifications, the surest first, then by name.
#[must_use]
pub fn judge(seen: &Seen<'_>) -> Vec<Identification> {
    let cases: Vec<Case<'_>> = seen.products.iter().filter_map(|(number, hits)| case(seen, *number, hits)).collect();
    let told = versions(seen, &cases);
    let mut found: Vec<Identification> = cases.iter().zip(told).map(|(case, told)| say(case, told)).collect();
    found.sort_by(|one, other| other.confidence.cmp(&one.confidence).then_with(|| one.product.cmp(&other.product)));
    found
}

fn case<'s>(seen: &'s Seen<'_>, number: u16, hits: &'s Hits) -> Option<Case<'s>> {
    let product = seen.index.product(number)?;
    let score = score(hits);
    let whole_banner = hits.banners.iter().any(|banner| banner.alone) && score >= ENOUGH + 1.0;
    let enough = score >= ENOUGH + ENOUGH_PER_TEXT * f64::from(product.texts);
    let is_there = !hits.identities.is_empty()
        || whole_banner
        || has_all_of_few(&product, hits, score)
        || (enough && (is_exporting(hits) || is_coherent(seen, &product, hits)));
    is_there.then_some(Case { product, hits, score })
}

/// Whether every text of a product with few of them is there.
fn has_all_of_few(product: &Product<'_>, hits: &Hits, score: f64) -> bool {
    hits.texts.len() >= 2
        && hits.texts.len() == usize::from(product.texts)
        && hits.texts.values().all(|text| text.library)
        && score >= ENOUGH_OF_FEW
}

/// Whether a file exports enough of the product's names.
fn is_exporting(hits: &Hits) -> bool {
    let exports = hits.exports.len();
    exports >= EXPORTING_ALONE || (exports >= EXPORTING && hits.texts.len() >= BESIDE_EXPORTS)
}

/// Whether the texts that were found are a fair part of those of one kind of file: a stray file that a product once took from
/// somewhere else brings few of them.
fn is_coherent(seen: &Seen<'_>, product: &Product<'_>, hits: &Hits) -> bool {
    if !hits.texts.values().any(|text| text.telling) {
        return false;
    }
    let of_all = hits.texts.len() as f64 / f64::from(product.texts.max(1));
    if is_only_needed(hits) {
        return of_all >= BESIDE_A_NEED;
    }
    let mut kinds: BTreeMap<u8, (u32, bool)> = BTreeMap::new();
    for text in hits.texts.values() {
        let (found, library) = kinds.entry(text.kind).or_default();
        *found += 1;
        *library |= text.library;
    }
    kinds.into_iter().any(|(kind, (found, library))| {
        let all = seen.index.texts_of_kind(product, kind).unwrap_or(u16::MAX);
        let part = if library { OF_A_LIBRARY } else { OF_A_PROGRAM };
        found >= TOGETHER && f64::from(found) >= part * f64::from(all) && (!library || of_all >= OF_ALL)
    })
}

/// Whether all that a file says of the product's version is the name of its library, which is loaded at run time.
fn is_only_needed(hits: &Hits) -> bool {
    !hits.banners.is_empty() && hits.banners.iter().all(|banner| is_library_name(&banner.template))
}

fn score(hits: &Hits) -> f64 {
    let texts: f64 = hits.texts.values().map(|text| f64::from(text.weight) / 16.0).sum();
    let exports = (hits.exports.len() as f64 * EXPORT).min(EXPORTS);
    let banner = if hits.banners.iter().any(|banner| banner.alone) {
        ALONE
    } else if hits.banners.is_empty() {
        0.0
    } else {
        MENTIONED
    };
    texts + exports + banner
}

fn say(case: &Case<'_>, told: Told) -> Identification {
    let (product, hits) = (&case.product, case.hits);
    let mut evidence: Vec<Evidence> = hits.identities.iter().map(|identity| identity.what.clone()).take(8).collect();
    evidence.extend(told.evidence);
    if !hits.texts.is_empty() {
        evidence.push(texts(product, hits));
    }
    if !hits.exports.is_empty() {
        evidence.push(Evidence::Exports { matched: count(hits.exports.len()), of: u32::from(product.exports) });
    }
    let by_score = 100.0 * (1.0 - 0.5_f64.powf(case.score / ENOUGH));
    let confidence = if hits.identities.is_empty() { by_score.min(97.0) } else { 99.0 } * told.sure;
    Identification {
        product: product.name.to_owned(),
        version: told.version,
        confidence: confidence.round() as u8,
        cpe: (!product.cpe.is_empty()).then(|| product.cpe.to_owned()),
        evidence,
    }
}

fn texts(product: &Product<'_>, hits: &Hits) -> Evidence {
    let weight: u32 = hits.texts.values().map(|text| u32::from(text.weight)).sum();
    Evidence::Texts {
        matched: count(hits.texts.len()),
        of: u32::from(product.texts),
        weight: weight * 100 / 16,
        examples: hits.examples.clone(),
    }
}

pub fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
