//! What was found, held against what is there.
//!
//! ```text
//! recall      one question for each component a case must hold: was the product named; was its version, where that is known
//! precision   one question for each product named in a case: is it there, and in that version
//! ```
//!
//! Several identifications of one product in a case are one; the version that counts is the one of the highest confidence, and
//! where two versions stand equally high the case is not right.

use std::collections::BTreeMap;

use crate::corpus::{Case, Corpus};
use crate::product::{Names, same_version};

/// One identification, by whomever.
#[derive(Debug, Clone)]
pub struct Named {
    pub product: String,
    pub version: Option<String>,
    pub confidence: u8,
    pub evidence: String,
}

/// Counts of one corpus, and what lies behind them.
#[derive(Debug, Default)]
pub struct Score {
    /// Components to find, and those whose product was named.
    pub wanted: usize,
    pub product: usize,
    /// Components to find whose version is known, and those of which both were right.
    pub versioned: usize,
    pub version: usize,
    /// Products named: right, there but in another version, not known to be there.
    pub right: usize,
    pub other_version: usize,
    pub unlisted: usize,
    /// Cases, and those in which nothing was named wrongly.
    pub cases: usize,
    pub clean: usize,
    pub misses: Vec<Miss>,
}

/// One wrong answer.
#[derive(Debug)]
pub struct Miss {
    pub kind: Kind,
    pub case: String,
    pub product: String,
    pub is: String,
    pub said: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    NotFound,
    NoVersion,
    OtherVersion,
    Unlisted,
}

impl Kind {
    pub fn words(self) -> &'static str {
        match self {
            Kind::NotFound => "product not found",
            Kind::NoVersion => "product found, no version said",
            Kind::OtherVersion => "product found, another version said",
            Kind::Unlisted => "product named that is not known to be there",
        }
    }
}

/// Judges what was named in each case of a corpus; `named` has one list a case, in the same order.
pub fn score(corpus: &Corpus, named: &[Vec<Named>], names: &Names) -> Score {
    let mut score = Score::default();
    for (case, named) in corpus.cases.iter().zip(named) {
        score.case(case, &best(named, names));
    }
    score
}

/// The same of the half whose wrong answers are never listed, so that nobody can have worked on them one by one.
pub fn score_closed(corpus: &Corpus, named: &[Vec<Named>], names: &Names) -> Score {
    let mut score = Score::default();
    for (case, named) in corpus.cases.iter().zip(named).filter(|(case, _)| is_closed(&case.path)) {
        score.case(case, &best(named, names));
    }
    score
}

/// Half of all paths, by FNV-1a of their first two parts: the same half always, and the files of one package in the same half.
pub fn is_closed(path: &str) -> bool {
    let package = path.match_indices('/').nth(1).map_or(path, |(at, _)| &path[..at]);
    let hash = package
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (hash >> 32) % 2 == 1
}

/// A product's version as a case's identifications have it.
struct Best<'n> {
    confidence: u8,
    versions: Vec<&'n str>,
    evidence: &'n str,
}

fn best<'n>(named: &'n [Named], names: &Names) -> BTreeMap<String, Best<'n>> {
    let mut products: BTreeMap<String, Best<'n>> = BTreeMap::new();
    for one in named {
        let new = Best { confidence: 0, versions: Vec::new(), evidence: &one.evidence };
        let best = products.entry(names.one(&one.product)).or_insert(new);
        let Some(version) = &one.version else { continue };
        if best.versions.is_empty() || one.confidence > best.confidence {
            *best = Best { confidence: one.confidence, versions: vec![version], evidence: &one.evidence };
        } else if one.confidence == best.confidence && !best.versions.iter().any(|seen| same_version(seen, version)) {
            best.versions.push(version);
        }
    }
    products
}

impl Score {
    fn case(&mut self, case: &Case, named: &BTreeMap<String, Best<'_>>) {
        let mut asked: Vec<&str> = Vec::new();
        for held in case.holds.iter().filter(|held| held.wanted) {
            // A package of two products of one name would be asked twice.
            if asked.contains(&held.product.as_str()) {
                continue;
            }
            asked.push(&held.product);
            self.wanted += 1;
            self.versioned += usize::from(held.version.is_some());
            let is = held.version.as_deref().unwrap_or("-");
            let Some(best) = named.get(&held.product) else {
                self.misses.push(Miss::new(Kind::NotFound, case, &held.product, is, ""));
                continue;
            };
            self.product += 1;
            if held.version.is_none() {
                continue;
            }
            match judged(case, &held.product, &best.versions) {
                Said::Right => self.version += 1,
                Said::Nothing => self.misses.push(Miss::new(Kind::NoVersion, case, &held.product, is, "")),
                Said::Other => {}
            }
        }
        let before = self.other_version + self.unlisted;
        for (product, best) in named {
            let known = case.holds.iter().find(|held| held.product == *product);
            let said = format!("{} {}", best.versions.join(" or "), best.evidence);
            match known {
                None => {
                    self.unlisted += 1;
                    self.misses.push(Miss::new(Kind::Unlisted, case, product, "", &said));
                }
                Some(held) if matches!(judged(case, product, &best.versions), Said::Other) => {
                    self.other_version += 1;
                    let is = held.version.as_deref().unwrap_or("-");
                    self.misses.push(Miss::new(Kind::OtherVersion, case, product, is, &said));
                }
                Some(_) => self.right += 1,
            }
        }
        self.cases += 1;
        self.clean += usize::from(before == self.other_version + self.unlisted);
    }
}

enum Said {
    Right,
    Nothing,
    Other,
}

/// A case may hold a product in several versions; any of them is right.
fn judged(case: &Case, product: &str, versions: &[&str]) -> Said {
    let mut held = case.holds.iter().filter(|held| held.product == product);
    match versions {
        [] => Said::Nothing,
        [said] if held.any(|held| held.version.as_deref().is_none_or(|version| same_version(version, said))) => {
            Said::Right
        }
        _ => Said::Other,
    }
}

impl Miss {
    fn new(kind: Kind, case: &Case, product: &str, is: &str, said: &str) -> Miss {
        Miss { kind, case: case.path.clone(), product: product.to_owned(), is: is.to_owned(), said: said.to_owned() }
    }
}

/// `part` of `whole` in percent; None where nothing was asked.
pub fn percent(part: usize, whole: usize) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "counts of a corpus are far below 2^52")]
    (whole > 0).then(|| 100.0 * part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::corpus::Held;

    fn held(product: &str, version: Option<&str>, wanted: bool) -> Held {
        Held { product: product.to_owned(), version: version.map(str::to_owned), wanted }
    }

    fn named(product: &str, version: Option<&str>, confidence: u8) -> Named {
        Named { product: product.to_owned(), version: version.map(str::to_owned), confidence, evidence: String::new() }
    }

    fn judged(holds: Vec<Held>, said: Vec<Named>) -> Score {
        let case = Case { path: "files/0".to_owned(), files: vec![PathBuf::from("files/0")], holds };
        let corpus = Corpus {
            name: "test".to_owned(),
            builder: String::new(),
            truth: String::new(),
            complete: true,
            folder: PathBuf::new(),
            cases: vec![case],
        };
        score(&corpus, &[said], &Names::builtin())
    }

    fn counts(score: &Score) -> [usize; 7] {
        [score.wanted, score.product, score.versioned, score.version, score.right, score.other_version, score.unlisted]
    }

    #[test]
    fn product_and_version_are_asked_apart() {
        let zlib = || vec![held("zlib", Some("1.2.13"), true)];
        assert_eq!(counts(&judged(zlib(), vec![])), [1, 0, 1, 0, 0, 0, 0]);
        assert_eq!(counts(&judged(zlib(), vec![named("zlib", None, 90)])), [1, 1, 1, 0, 1, 0, 0]);
        assert_eq!(counts(&judged(zlib(), vec![named("Zlib", Some("1.2.13"), 90)])), [1, 1, 1, 1, 1, 0, 0]);
        assert_eq!(counts(&judged(zlib(), vec![named("zlib", Some("1.2.11"), 90)])), [1, 1, 1, 0, 0, 1, 0]);
        assert_eq!(counts(&judged(zlib(), vec![named("xz-utils", None, 90)])), [1, 0, 1, 0, 0, 0, 1]);
    }

    #[test]
    fn the_surest_version_counts_and_two_equally_sure_ones_are_wrong() {
        let zlib = || vec![held("zlib", Some("1.2.13"), true)];
        let sure = vec![named("zlib", Some("1.2.11"), 60), named("zlib", Some("1.2.13"), 90)];
        assert_eq!(judged(zlib(), sure).version, 1);
        let unsure = vec![named("zlib", Some("1.2.11"), 90), named("zlib", Some("1.2.13"), 90)];
        assert_eq!(counts(&judged(zlib(), unsure)), [1, 1, 1, 0, 0, 1, 0]);
    }

    #[test]
    fn what_may_be_named_is_right_and_not_asked_for() {
        let holds = || vec![held("curl", Some("8.4.0"), true), held("gcc", None, false)];
        assert_eq!(counts(&judged(holds(), vec![named("gcc-12", Some("12.2.0"), 50)])), [1, 0, 1, 0, 1, 0, 0]);
    }

    #[test]
    fn about_half_of_the_cases_is_closed() {
        let closed = (0..1000).filter(|number| is_closed(&format!("files/package-{number}-tools/lib.so"))).count();
        assert!((400..600).contains(&closed), "{closed}");
    }
}
