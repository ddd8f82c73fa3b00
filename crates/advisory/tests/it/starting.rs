//! The starter set: what it must find, and what it must leave in peace.

use std::collections::BTreeSet;

use advisory::{Advisory, Ecosystem, Profile, Severity, Subject, find, starter};

fn subject<'a>(ecosystem: &str, package: &'a str, version: &'a str) -> Subject<'a> {
    Subject::new(Some(ecosystem.parse().unwrap()), package, version)
}

fn ids(ecosystem: &str, package: &str, version: &str) -> Vec<String> {
    let matches = find(&[subject(ecosystem, package, version)], starter());
    matches.findings.into_iter().map(|finding| finding.advisory).collect()
}

#[test]
fn it_is_what_it_says() {
    let about = starter().about();
    assert!(about.never_stale && about.label.contains("starter") && about.name == "starter");
    assert!(!starter().is_stale(base::Timestamp::MAX, 1));
    assert!(starter().advisory_count() >= 200, "{}", starter().advisory_count());
    starter().verify().unwrap();
    let rated = |advisory: &Advisory| advisory.ratings[0].severity(Profile::Dtr) != Severity::Unknown;
    assert!(starter().records().unwrap().iter().all(rated));
    for ecosystem in ["debian:11", "debian:12", "debian:13", "alpine:3.20", "pypi"] {
        assert!(starter().covers(&ecosystem.parse().unwrap()), "{ecosystem}");
    }
}

/// A bound that is written wrong often holds nothing at all.
#[test]
fn every_range_has_room_and_stands_once() {
    for advisory in &starter().records().unwrap() {
        let mut seen = BTreeSet::new();
        for affected in &advisory.affected {
            assert!(seen.insert((&affected.ecosystem, &affected.package)), "{}: {affected:?} twice", advisory.id);
            let scheme = affected.ecosystem.family().scheme();
            for range in &affected.ranges {
                let low = range.introduced.as_deref().unwrap_or("0~");
                let bounds = [(&range.fixed, false), (&range.last_affected, true)];
                for (high, included) in
                    bounds.into_iter().filter_map(|(high, included)| Some((high.as_deref()?, included)))
                {
                    let order = version::compare(scheme, low, high);
                    assert!(order.is_lt() || included && order.is_eq(), "{}: {range:?}", advisory.id);
                }
            }
        }
    }
}

/// The demonstration's image is made of these; each line is `SOURCE VERSION`.
#[test]
fn an_updated_debian_12_is_clean() {
    let lines: Vec<(&str, &str)> = include_str!("bookworm.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_once(' ').unwrap())
        .collect();
    assert!(lines.len() > 100);
    let subjects: Vec<Subject<'_>> =
        lines.iter().map(|(package, version)| subject("debian:12", package, version)).collect();
    let matches = find(&subjects, starter());
    let reasons: Vec<&str> = matches.findings.iter().map(|finding| finding.reason.as_str()).collect();
    assert!(reasons.is_empty(), "{}", reasons.join("\n"));
    assert_eq!(matches.unknown, []);
}

/// The refused image of the demonstration installs this package, made on the spot, without a source field.
#[test]
fn the_demonstrations_package_has_exactly_one_advisory() {
    let matches = find(&[subject("debian:12", "liblog4j2-java", "2.14.1-1")], starter());
    let [finding] = &matches.findings[..] else { panic!("{matches:?}") };
    assert_eq!((finding.advisory.as_str(), finding.severity), ("CVE-2021-44228", Severity::Critical));
    assert_eq!((finding.cvss_tenths, finding.fixed_version.as_deref()), (Some(100), Some("2.15.0-1")));
    assert_eq!(
        finding.reason,
        "liblog4j2-java 2.14.1-1 of debian:12 is affected by CVE-2021-44228 (Log4Shell), which touches all versions before 2.15.0-1"
    );
}

#[test]
fn famous_cases_are_found_and_their_fixes_are_not() {
    for (ecosystem, package, bad, good, id) in [
        ("debian:12", "xz-utils", "5.6.1-1", "5.6.1+really5.4.5-1", "CVE-2024-3094"),
        ("debian:12", "openssh", "1:9.2p1-2+deb12u2", "1:9.2p1-2+deb12u3", "CVE-2024-6387"),
        ("debian:11", "openssl", "1.1.1n-0+deb11u3", "1.1.1n-0+deb11u4", "CVE-2023-0286"),
        ("debian:11", "zlib", "1:1.2.11.dfsg-2", "1:1.2.11.dfsg-2+deb11u2", "CVE-2022-37434"),
        ("debian:13", "sudo", "1.9.16p2-2", "1.9.16p2-3", "CVE-2025-32463"),
        ("debian:12", "glibc", "2.36-9", "2.36-9+deb12u3", "CVE-2023-4911"),
        ("debian:7", "openssl", "1.0.1e-2", "1.0.1g-1", "CVE-2014-0160"),
        ("alpine:3.17", "openssl", "3.0.6-r0", "3.0.7-r0", "CVE-2022-3602"),
        ("alpine:3.15", "busybox", "1.34.1-r4", "1.34.1-r5", "CVE-2022-28391"),
        ("alpine:3.12", "apk-tools", "2.10.6-r0", "2.10.7-r0", "CVE-2021-36159"),
        ("pypi", "flask", "2.2.4", "2.2.5", "CVE-2023-30861"),
        ("pypi", "pyyaml", "5.3.1", "5.4", "CVE-2020-14343"),
        ("maven", "org.apache.logging.log4j:log4j-core", "2.14.1", "2.15.0", "CVE-2021-44228"),
    ] {
        assert!(ids(ecosystem, package, bad).iter().any(|found| found == id), "{id} in {package} {bad}");
        assert!(ids(ecosystem, package, good).iter().all(|found| found != id), "{id} in {package} {good}");
    }
}

#[test]
fn a_distribution_is_judged_by_its_own_records() {
    // PyPI's flask 2.2.2 is affected; Debian's carries the fix.
    assert_eq!(ids("pypi", "flask", "2.2.2"), ["CVE-2023-30861"]);
    assert_eq!(ids("debian:12", "flask", "2.2.2-3"), Vec::<String>::new());
    assert!(Ecosystem::of_distribution("linuxmint", "22").is_none());
}
