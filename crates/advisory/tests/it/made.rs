//! Records and subjects made up for property tests: few names and versions, so that they meet often.

use advisory::{About, Advisory, Affected, Kev, Range, Rating, Snapshot, Status, Subject};
use proptest::prelude::*;

const ECOSYSTEMS: [&str; 5] = ["debian", "debian:11", "debian:12", "almalinux:9", "npm"];

fn version() -> impl Strategy<Value = String> {
    (0_u8..4, 0_u8..3).prop_map(|(major, minor)| format!("{major}.{minor}"))
}

fn range() -> impl Strategy<Value = Range> {
    let bound = || proptest::option::of(version());
    (bound(), bound(), bound()).prop_map(|(introduced, fixed, last_affected)| Range {
        introduced,
        fixed,
        last_affected,
    })
}

fn affected() -> impl Strategy<Value = Affected> {
    let status = prop_oneof![Just(Status::Affected), Just(Status::NotAffected), Just(Status::WillNotFix)];
    let lists = (proptest::collection::vec(range(), 0..3), proptest::collection::vec(version(), 0..2));
    let rating = proptest::option::of("low|high");
    let qualifier = proptest::option::of("a:1|b:2");
    (0..ECOSYSTEMS.len(), "[ab]", lists, status, rating, qualifier).prop_map(
        |(ecosystem, package, (ranges, exact), status, rating, module)| Affected {
            ranges,
            exact,
            status,
            module,
            rating: rating.map(|word| Rating::of_word("vendor", word)),
            ..Affected::new(ECOSYSTEMS[ecosystem].parse().unwrap(), package)
        },
    )
}

pub(crate) fn advisory() -> impl Strategy<Value = Advisory> {
    let ids = || proptest::collection::vec("(CVE|GHSA|X)-[1-3]", 0..3);
    let affected = proptest::collection::vec(affected(), 0..3);
    let source = "nvd|ghsa|kev";
    let rest = (proptest::option::of(0_u8..=100), proptest::bool::weighted(0.2), proptest::option::of("[a-c ]{0,4}"));
    ("(CVE|GHSA|DSA)-[1-4]", source, ids(), ids(), affected, rest).prop_map(
        |(id, source, aliases, covers, affected, (score, kev, summary))| Advisory {
            id,
            aliases,
            covers,
            affected,
            summary,
            ratings: score.map(|score| Rating::of_score(&source, score)).into_iter().collect(),
            kev: kev.then(|| Kev { added: "2026-01-01".to_owned(), ransomware: false }),
            source,
            ..Advisory::default()
        },
    )
}

pub(crate) fn advisories() -> impl Strategy<Value = Vec<Advisory>> {
    proptest::collection::vec(advisory(), 0..8)
}

pub(crate) fn snapshot(advisories: Vec<Advisory>) -> Snapshot {
    Snapshot::new(About::default(), advisories).unwrap()
}

/// Every ecosystem, package and version there is.
pub(crate) fn subjects() -> Vec<Subject<'static>> {
    let mut subjects = Vec::new();
    for ecosystem in ["debian:11", "debian:12", "debian:13", "almalinux:9", "npm", "pypi"] {
        for package in ["a", "b", "c"] {
            for version in ["0", "0.1", "1.0", "1.2", "2.1", "3.2", "9"] {
                for module in [None, Some("a:1")] {
                    subjects.push(Subject { module, ..Subject::new(ecosystem.parse().ok(), package, version) });
                }
            }
        }
    }
    subjects
}
