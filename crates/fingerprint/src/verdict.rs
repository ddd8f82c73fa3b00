//! From what was found to what is said: which products are there, and how surely.

use std::collections::BTreeMap;

use crate::evidence::{Evidence, Identification};
use crate::index::Product;
use crate::pass::{Hits, Seen};
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
const ENOUGH_PER_TEXT: f64 = 0.005;
/// The part of the texts of one kind of file that must be there, and how many: of a library, which is linked in by parts, and of a
/// program, which is not.
const OF_A_LIBRARY: f64 = 0.06;
const OF_A_PROGRAM: f64 = 0.25;
const TOGETHER: u32 = 3;
/// So many exported names make a file that library, or hold all of it.
const EXPORTING: usize = 3;
const MOST: f64 = 0.6;
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
    let texts = f64::from(product.texts);
    // A file that exports the library's names is that library, or all of it is inside: then few texts are enough.
    let exporting = is_exporting(&product, hits);
    let enough = score >= ENOUGH + ENOUGH_PER_TEXT * texts && (exporting || is_coherent(seen, &product, hits));
    let whole_banner = hits.banners.iter().any(|banner| banner.alone) && score >= ENOUGH + 1.0;
    (enough || whole_banner || !hits.identities.is_empty()).then_some(Case { product, hits, score })
}

/// Whether a file exports enough of the product's names. Several products offer one interface (`setxattr` of attr and of the C
/// library): unless most are there, texts have to stand beside them.
fn is_exporting(product: &Product<'_>, hits: &Hits) -> bool {
    let most = hits.exports.len() as f64 >= MOST * f64::from(product.exports);
    hits.exports.len() >= EXPORTING && (most || !hits.texts.is_empty())
}

/// Whether the texts that were found are a fair part of those of one kind of file: a stray file that a product once took from
/// somewhere else brings few of them.
fn is_coherent(seen: &Seen<'_>, product: &Product<'_>, hits: &Hits) -> bool {
    let mut kinds: BTreeMap<u8, (u32, bool)> = BTreeMap::new();
    for text in hits.texts.values() {
        let (found, library) = kinds.entry(text.kind).or_default();
        *found += 1;
        *library |= text.library;
    }
    kinds.into_iter().any(|(kind, (found, library))| {
        let all = seen.index.texts_of_kind(product, kind).unwrap_or(u16::MAX);
        let part = if library { OF_A_LIBRARY } else { OF_A_PROGRAM };
        found >= TOGETHER && f64::from(found) >= part * f64::from(all)
    })
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
