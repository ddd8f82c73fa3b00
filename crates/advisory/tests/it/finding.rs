//! Matching: which records speak of a component, and what is said when none can.

use advisory::{
    About, Advisory, Affected, Ecosystem, Finding, Kev, Matches, Named, Profile, Range, Rating, Severity, Snapshot,
    Status, Subject, Unknown, find, find_distinct, find_with,
};
use proptest::prelude::*;

fn record(id: &str, covers: &[&str], word: &str, affected: &[(&str, &str)]) -> Advisory {
    let entry = |(ecosystem, fixed): &(&str, &str)| {
        Affected::new(ecosystem.parse().unwrap(), "curl").with_range(Range::before(*fixed))
    };
    Advisory {
        id: id.to_owned(),
        covers: covers.iter().map(|id| (*id).to_owned()).collect(),
        ratings: vec![Rating::of_word("test", word)],
        affected: affected.iter().map(entry).collect(),
        source: "test".to_owned(),
        ..Advisory::default()
    }
}

fn snapshot(advisories: Vec<Advisory>) -> Snapshot {
    let snapshot = Snapshot::new(About::default(), advisories).unwrap();
    snapshot.verify().unwrap();
    snapshot
}

fn curl<'a>(ecosystem: &str, version: &'a str) -> Subject<'a> {
    Subject::new(ecosystem.parse().ok(), "curl", version)
}

fn one(subject: Subject<'_>, advisories: Vec<Advisory>) -> Matches {
    find(&[subject], &snapshot(advisories))
}

#[test]
fn what_is_said_of_a_release_replaces_what_is_said_of_all() {
    let advisory = || vec![record("CVE-1", &[], "major", &[("debian", "9"), ("debian:12", "7")])];
    assert_eq!(one(curl("debian:12", "6"), advisory()).findings[0].fixed_version.as_deref(), Some("7"));
    assert_eq!(one(curl("debian:12", "8"), advisory()).findings, []);
    assert_eq!(one(curl("debian:13", "8"), advisory()).findings[0].fixed_version.as_deref(), Some("9"));
    assert_eq!(one(curl("alpine:3.20", "6"), advisory()).findings, []);
}

#[test]
fn one_vulnerability_is_found_once() {
    let mut alias = record("DEBIAN-CVE-1", &[], "critical", &[("debian:12", "2")]);
    alias.aliases.push("CVE-1".to_owned());
    let found = one(
        curl("debian:12", "1"),
        vec![
            record("CVE-1", &[], "minor", &[("debian:12", "2")]),
            alias,
            record("CVE-2", &[], "major", &[("debian:12", "2")]),
            record("DSA-1", &["CVE-1", "CVE-2"], "critical", &[("debian:12", "2")]),
            record("DSA-2", &["CVE-1", "CVE-3"], "unknown", &[("debian:12", "2")]),
        ],
    );
    let ids: Vec<(&str, Severity)> =
        found.findings.iter().map(|f: &Finding| (f.advisory.as_str(), f.severity)).collect();
    // The severity of a bulletin is of the worst that it is about, and does not make the others worse.
    assert_eq!(ids, [("CVE-1", Severity::Minor), ("CVE-2", Severity::Major), ("CVE-3", Severity::Unknown)]);
    assert_eq!(found.findings[0].aliases, ["DEBIAN-CVE-1", "DSA-1", "DSA-2"]);
    assert_eq!((found.findings[0].record.as_str(), found.findings[2].record.as_str()), ("CVE-1", "DSA-2"));
    assert_eq!(found.findings[0].severities.len(), 2);
}

/// A record of one package's status, in this release.
fn status(source: &str, status: Status, ecosystem: &str, ranges: Vec<Range>) -> Advisory {
    let affected = vec![Affected { status, ranges, ..Affected::new(ecosystem.parse().unwrap(), "curl") }];
    Advisory { id: "CVE-1".to_owned(), source: source.to_owned(), affected, ..Advisory::default() }
}

#[test]
fn a_publishers_status_is_kept_and_not_affected_is_never_found() {
    for (given, words) in [
        (Status::WillNotFix, "will not fix it"),
        (Status::EndOfLife, "no fixes any more"),
        (Status::UnderInvestigation, "not decided yet"),
        (Status::Deferred, "mends it later"),
    ] {
        let found = one(curl("debian:12", "1"), vec![status("a", given, "debian:12", vec![])]);
        let [finding] = &found.findings[..] else { panic!("{found:?}") };
        assert_eq!((finding.status, finding.fixed_version.as_deref()), (given, None));
        assert!(finding.reason.contains(words), "{}", finding.reason);
    }
    let fixed = || status("a", Status::Affected, "debian:12", vec![Range::before("9")]);
    let none = |release| status("b", Status::NotAffected, release, vec![]);
    assert_eq!(one(curl("debian:12", "1"), vec![fixed(), none("debian:12")]).findings, []);
    assert_eq!(one(curl("debian:12", "1"), vec![fixed(), none("debian")]).findings.len(), 1);
    let general = || status("a", Status::Affected, "debian", vec![Range::before("9")]);
    assert_eq!(one(curl("debian:12", "1"), vec![general(), none("debian:12")]).findings, []);
    // A statement with a fix says more than one without.
    let found = one(curl("debian:12", "1"), vec![status("c", Status::WillNotFix, "debian:12", vec![]), fixed()]);
    assert_eq!((found.findings[0].status, found.findings[0].source.as_str()), (Status::Affected, "a"));
}

#[test]
fn rpm_feeds_name_what_is_installed_and_others_the_source() {
    let record = |ecosystem: &str, package: &str, named| {
        let affected = Affected { named, ..Affected::new(ecosystem.parse().unwrap(), package) };
        let affected = vec![affected.with_range(Range::before("1:3.0-5"))];
        vec![Advisory { id: "CVE-1".to_owned(), affected, ..Advisory::default() }]
    };
    let subject = |ecosystem: &str| {
        Subject::new(ecosystem.parse().ok(), "openssl", "1:3.0-1").installed_as("openssl-libs", "1:3.0-1")
    };
    for (ecosystem, package, named, expected) in [
        ("almalinux:9", "openssl-libs", None, 1),
        ("almalinux:9", "openssl", None, 0),
        ("redhat:9", "openssl", Some(Named::Source), 1),
        ("debian:12", "openssl", None, 1),
        ("debian:12", "openssl-libs", None, 0),
    ] {
        let found = one(subject(ecosystem), record(ecosystem, package, named));
        assert_eq!(found.findings.len(), expected, "{ecosystem} {package}");
    }
    let plain = Subject::new("almalinux:9".parse().ok(), "openssl", "1:3.0-1");
    let found = one(plain, record("almalinux:9", "openssl", None));
    assert_eq!(found.findings[0].fixed_version.as_deref(), Some("1:3.0-5"));
}

#[test]
fn modules_architectures_and_vendors_are_told_apart() {
    let base = |ecosystem: &str| Affected::new(ecosystem.parse().unwrap(), "curl");
    let found = |affected: Affected, subject: Subject<'_>| {
        let record = Advisory { id: "CVE-1".to_owned(), affected: vec![affected], ..Advisory::default() };
        one(subject, vec![record]).findings.len()
    };
    let of_module = |module| Subject { module, ..curl("redhat:8", "1") };
    let module = || Affected { module: Some("nodejs:18".to_owned()), ..base("redhat:8") };
    assert_eq!([Some("nodejs:18"), Some("nodejs:20"), None].map(|one| found(module(), of_module(one))), [1, 0, 0]);
    let of_machine = |architecture| Subject { architecture, ..curl("redhat:8", "1") };
    let machine = || Affected { architecture: Some("s390x".to_owned()), ..base("redhat:8") };
    assert_eq!([Some("s390x"), Some("x86_64"), None].map(|one| found(machine(), of_machine(one))), [1, 0, 1]);
    let of_vendor = |package| Subject::new("any".parse().ok(), package, "1");
    let vendor = || Affected { vendor: Some("Haxx".to_owned()), ..base("any") };
    assert_eq!(["haxx/curl", "other/curl", "CURL"].map(|one| found(vendor(), of_vendor(one))), [1, 0, 1]);
}

#[test]
fn a_finding_says_what_every_source_says() {
    let nvd = Advisory {
        id: "CVE-1".to_owned(),
        source: "nvd".to_owned(),
        ratings: vec![Rating::of_vector("nvd", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H")],
        references: vec!["https://example.org/1".to_owned()],
        published: "2026-01-01T00:00:00Z".parse().ok(),
        ..Advisory::default()
    };
    let kev = Advisory {
        id: "CVE-1".to_owned(),
        source: "kev".to_owned(),
        kev: Some(Kev { added: "2026-02-01".to_owned(), ransomware: true }),
        summary: Some("curl runs what it fetches".to_owned()),
        ..Advisory::default()
    };
    let epss = advisory::Epss { date: "2026-03-01".to_owned(), percentile_1e5: 99_000, probability_1e5: 91_234 };
    let scores = Advisory { id: "CVE-1".to_owned(), epss: Some(epss.clone()), ..Advisory::default() };
    let other = Advisory { id: "CVE-9".to_owned(), epss: Some(epss.clone()), ..Advisory::default() };
    let mut debian = record("CVE-1", &[], "medium", &[("debian:12", "2")]);
    debian.source = "debian".to_owned();
    let snapshot = snapshot(vec![scores, other, kev, nvd, debian]);
    assert_eq!((snapshot.epss("CVE-1").as_ref(), snapshot.epss("CVE-9")), (Some(&epss), None));
    let found = find(&[curl("debian:12", "1")], &snapshot);
    let finding = &found.findings[0];
    // The distribution's own word counts for its packages.
    assert_eq!((finding.severity, finding.source_severity.as_deref()), (Severity::Major, Some("medium")));
    assert_eq!((finding.source.as_str(), finding.severities.len()), ("debian", 2));
    assert_eq!(finding.kev.as_ref().map(|kev| kev.ransomware), Some(true));
    assert_eq!(finding.epss, Some(epss));
    assert_eq!(finding.summary.as_deref(), Some("curl runs what it fetches"));
    assert_eq!(finding.references, ["https://example.org/1"]);
    let hits = find_distinct(&[curl("debian:12", "1"), curl("debian:12", "3")], &snapshot, Profile::Vendor);
    assert_eq!((hits.of(0).len(), hits.of(1).len(), hits.subjects()), (1, 0, 2));
    let vendor = find_with(&[curl("debian:12", "1")], &snapshot, Profile::Vendor);
    assert_eq!(vendor.findings[0].severity, Severity::Major);
}

#[test]
fn what_cannot_be_judged_is_said() {
    let advisories = || vec![record("CVE-1", &[], "major", &[("debian:12", "2")])];
    let debian: Ecosystem = "debian".parse().unwrap();
    for (subject, expected) in [
        (curl("linuxmint:21", "1"), Unknown::Distribution),
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
        let advisories = vec![record("CVE-1", &[], "major", &[("debian:12", &fixed.to_string())])];
        let version_text = version.to_string();
        let found = one(curl(&format!("debian:{release}"), &version_text), advisories);
        prop_assert_eq!(found.findings.len(), usize::from(release == 12 && version < fixed));
        prop_assert_eq!(found.unknown.len(), usize::from(release != 12));
    }
}
