//! Matching: which records speak of a component, and what is said when none can.

use advisory::{
    About, Advisory, Affected, Ecosystem, Finding, Matches, Range, Severity, Snapshot, Subject, Unknown, find,
};
use proptest::prelude::*;

fn record(id: &str, aliases: &[&str], severity: Severity, affected: &[(&str, &str)]) -> Advisory {
    let affected = affected
        .iter()
        .map(|(ecosystem, fixed)| Affected {
            ecosystem: ecosystem.parse().unwrap(),
            exact: Vec::new(),
            package: "curl".to_owned(),
            ranges: vec![Range { fixed: Some((*fixed).to_owned()), ..Range::default() }],
        })
        .collect();
    let aliases = aliases.iter().map(|alias| (*alias).to_owned()).collect();
    Advisory { id: id.to_owned(), aliases, severity, affected, ..Advisory::default() }
}

fn snapshot(advisories: Vec<Advisory>) -> Snapshot {
    let created = base::Timestamp::UNIX_EPOCH;
    Snapshot::new(About { created, label: String::new(), name: String::new(), never_stale: false }, advisories).unwrap()
}

fn curl<'a>(ecosystem: &str, version: &'a str) -> Subject<'a> {
    Subject { ecosystem: ecosystem.parse().ok(), package: "curl", version }
}

fn one(subject: Subject<'_>, advisories: Vec<Advisory>) -> Matches {
    find(&[subject], &snapshot(advisories))
}

#[test]
fn what_is_said_of_a_release_replaces_what_is_said_of_all() {
    let advisory = || vec![record("CVE-1", &[], Severity::Major, &[("debian", "9"), ("debian:12", "7")])];
    assert_eq!(one(curl("debian:12", "6"), advisory()).findings[0].fixed_version.as_deref(), Some("7"));
    assert_eq!(one(curl("debian:12", "8"), advisory()).findings, []);
    assert_eq!(one(curl("debian:13", "8"), advisory()).findings[0].fixed_version.as_deref(), Some("9"));
    assert_eq!(one(curl("alpine:3.20", "6"), advisory()).findings, []);
}

#[test]
fn one_vulnerability_is_found_once() {
    let found = one(
        curl("debian:12", "1"),
        vec![
            record("CVE-1", &[], Severity::Minor, &[("debian:12", "2")]),
            record("DEBIAN-CVE-1", &["CVE-1"], Severity::Critical, &[("debian:12", "2")]),
            record("CVE-2", &[], Severity::Major, &[("debian:12", "2")]),
            record("DSA-1", &["CVE-1", "CVE-2"], Severity::Unknown, &[("debian:12", "2")]),
            record("DSA-2", &["CVE-1", "CVE-3"], Severity::Unknown, &[("debian:12", "2")]),
        ],
    );
    let ids: Vec<(&str, Severity)> =
        found.findings.iter().map(|f: &Finding| (f.advisory.as_str(), f.severity)).collect();
    assert_eq!(ids, [("CVE-1", Severity::Critical), ("CVE-2", Severity::Major), ("DSA-2", Severity::Unknown)]);
    assert_eq!(found.findings[0].aliases, ["DEBIAN-CVE-1"]);
}

#[test]
fn what_cannot_be_judged_is_said() {
    let advisories = || vec![record("CVE-1", &[], Severity::Major, &[("debian:12", "2")])];
    let debian: Ecosystem = "debian".parse().unwrap();
    for (subject, expected) in [
        (curl("ubuntu:24.04", "1"), Unknown::Distribution),
        (curl("debian:13", "1"), Unknown::NotCovered { ecosystem: "debian:13".parse().unwrap() }),
        (curl("debian", "1"), Unknown::NoRelease { ecosystem: debian }),
        (curl("pypi", "1"), Unknown::NotCovered { ecosystem: "pypi".parse().unwrap() }),
        (curl("debian:12", ""), Unknown::NoVersion),
    ] {
        let found = one(subject, advisories());
        assert_eq!((found.findings, found.unknown), (Vec::new(), vec![(expected, 1)]));
    }
    assert_eq!(one(curl("debian:12", "3"), advisories()), Matches::default());
}

proptest! {
    /// A version is found exactly when a plain reading of the bound says so.
    #[test]
    fn bounds_are_kept(version in 0_u8..20, fixed in 1_u8..20, release in 11_u8..14) {
        let advisories = vec![record("CVE-1", &[], Severity::Major, &[("debian:12", &fixed.to_string())])];
        let version_text = version.to_string();
        let found = one(curl(&format!("debian:{release}"), &version_text), advisories);
        prop_assert_eq!(found.findings.len(), usize::from(release == 12 && version < fixed));
        prop_assert_eq!(found.unknown.len(), usize::from(release != 12));
    }
}
