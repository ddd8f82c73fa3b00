//! Each input that differs is named as the cause, and the differences lead from one report to the other.

use std::collections::BTreeMap;

use advisory::{About, Advisory, Affected, Ecosystem, Family, Profile, Range, Rating};
use bom::{Stated, Status, Waiver};
use package::PackageType;
use proptest::prelude::*;

use super::*;
use crate::report::{About as Image, report};

fn component(name: &str, version: &str) -> inventory::Component {
    inventory::Component {
        architecture: None,
        confidence: None,
        cpe: None,
        evidence: BTreeMap::new(),
        kind: PackageType::Npm,
        layer: 0,
        licenses: Vec::new(),
        module: None,
        name: name.to_owned(),
        paths: Vec::new(),
        purl: format!("pkg:npm/{name}@{version}"),
        source: name.to_owned(),
        source_version: version.to_owned(),
        third_party: None,
        version: version.to_owned(),
    }
}

fn image(components: &[(&str, &str)]) -> ImageInventory {
    let components = components.iter().map(|(name, version)| component(name, version)).collect();
    ImageInventory { components, ..ImageInventory::default() }
}

fn record(id: &str, package: &str, fixed: &str, word: &str) -> Advisory {
    let range = Range { fixed: Some(fixed.to_owned()), ..Range::default() };
    let ecosystem = Ecosystem::new(Family::Npm, None);
    Advisory {
        id: id.to_owned(),
        source: "test".to_owned(),
        ratings: vec![Rating::of_word("test", word)],
        affected: vec![Affected::new(ecosystem, package).with_range(range)],
        ..Advisory::default()
    }
}

fn snapshot(records: Vec<Advisory>) -> Snapshot {
    Snapshot::new(About::default(), records).unwrap()
}

/// What a comparison must always be.
fn check(before: Side<'_>, after: Side<'_>) -> Comparison {
    let comparison = compare(before, after);
    let mut findings = before.report.clone().sorted().findings;
    for change in &comparison.findings {
        assert!(!change.reason.is_empty(), "{change:?}");
        assert_eq!(change.fields.is_empty(), change.change != Change::Changed, "{change:?}");
        if let Some(old) = &change.before {
            let at = findings.iter().position(|one| one == old).unwrap();
            findings.remove(at);
        }
        findings.extend(change.after.clone());
    }
    findings.sort();
    assert_eq!(findings, after.report.clone().sorted().findings);
    let same = findings.len() - comparison.findings.iter().filter(|one| one.after.is_some()).count();
    assert_eq!(comparison.unchanged, same as u64);
    let back: Comparison = serde_json::from_slice(&comparison.to_json()).unwrap();
    assert_eq!(back, comparison);
    let mut turned = compare(after, before);
    turned.findings.retain(|one| one.change != Change::Changed);
    let moved = comparison.findings.iter().filter(|one| one.change != Change::Changed).count();
    assert_eq!(turned.findings.len(), moved, "the way back has as many");
    comparison
}

fn causes(comparison: &Comparison) -> Vec<(Change, Cause)> {
    comparison.findings.iter().map(|one| (one.change, one.cause)).collect()
}

/// The causes between two images under two snapshots that are at hand.
fn between(old: &ImageInventory, new: &ImageInventory, first: &Snapshot, second: &Snapshot) -> Vec<(Change, Cause)> {
    let made = |image, snapshot| {
        report(&Image::default(), image, Some(judging(snapshot, Profile::Dtr)), Timestamp::UNIX_EPOCH)
    };
    let (before, after) = (made(old, first), made(new, second));
    let before = Side { report: &before, judged: Some((first, old)) };
    causes(&check(before, Side { report: &after, judged: Some((second, new)) }))
}

fn judging(snapshot: &Snapshot, profile: Profile) -> crate::Judging<'_> {
    crate::Judging { snapshot, profile, stale_days: 7 }
}

#[test]
fn each_input_that_differs_is_named() {
    let known = snapshot(vec![record("CVE-1", "a", "2.0", "low")]);
    let one = image(&[("a", "1.0")]);
    use {Cause as C, Change::*};
    let images = |new: &[(&str, &str)]| between(&one, &image(new), &known, &known);
    assert_eq!(images(&[("a", "1.0")]), []);
    assert_eq!(images(&[]), [(Vanished, C::ComponentRemoved)]);
    assert_eq!(images(&[("a", "2.0")]), [(Vanished, C::ComponentVersion)]);
    assert_eq!(images(&[("a", "1.5")]), [(Changed, C::ComponentVersion)]);
    assert_eq!(between(&image(&[]), &one, &known, &known), [(Appeared, C::ComponentAdded)]);
    let records = |records| between(&one, &one, &known, &snapshot(records));
    assert_eq!(records(vec![record("CVE-1", "b", "2.0", "low")]), [(Vanished, C::AdvisoryWithdrawn)]);
    assert_eq!(records(vec![record("CVE-1", "a", "0.9", "low")]), [(Vanished, C::AffectedRange)]);
    assert_eq!(records(vec![record("CVE-1", "a", "3.0", "low")]), [(Changed, C::AffectedRange)]);
    assert_eq!(records(vec![record("CVE-1", "a", "2.0", "high")]), [(Changed, C::SeveritySource)]);
    let named = Advisory { aliases: vec!["GHSA-1".to_owned()], ..record("CVE-1", "a", "2.0", "low") };
    assert_eq!(records(vec![named]), [(Changed, C::AdvisoryChanged)]);
    let more = snapshot(vec![record("CVE-1", "a", "2.0", "low"), record("CVE-2", "a", "2.0", "low")]);
    assert_eq!(between(&one, &one, &known, &more), [(Appeared, C::AdvisoryAdded)]);
}

#[test]
fn what_reports_alone_tell_is_told() {
    let known = snapshot(vec![record("CVE-1", "a", "2.0", "high")]);
    let one = image(&[("a", "1.0")]);
    let now = Timestamp::UNIX_EPOCH;
    let made = |profile| report(&Image::default(), &one, Some(judging(&known, profile)), now);
    let plain = made(Profile::Dtr);
    let told = |before: &Report, after: &Report| {
        let (before, after) = (Side { report: before, judged: None }, Side { report: after, judged: None });
        causes(&check(before, after))
    };
    let with = |change: &dyn Fn(&mut Report)| {
        let mut report = plain.clone();
        change(&mut report);
        report
    };
    assert_eq!(told(&plain, &made(Profile::Cvss)), [(Change::Changed, Cause::SeverityProfile)]);
    let waiver = Waiver { expires: Some(Timestamp::from_second(10).unwrap()), ..Waiver::default() };
    let waived = with(&|report| report.findings[0].waiver = Some(waiver.clone()));
    let late = with(&|report| {
        report.findings[0].waiver = Some(waiver.clone());
        report.created = Timestamp::from_second(10).unwrap();
    });
    assert_eq!(told(&plain, &waived), [(Change::Changed, Cause::WaiverAdded)]);
    assert_eq!(told(&waived, &plain), [(Change::Changed, Cause::WaiverRemoved)]);
    assert_eq!(
        told(&waived, &with(&|report| report.created = late.created)),
        [(Change::Changed, Cause::WaiverExpired)]
    );
    let stated = with(&|report| {
        report.findings[0].status = Status::NotAffected;
        report.findings[0].stated = Some(Stated::default());
    });
    assert_eq!(told(&plain, &stated), [(Change::Changed, Cause::Statement)]);
    let none = with(&|report| {
        report.findings.clear();
        report.scanner.version = "next".to_owned();
    });
    assert_eq!(told(&plain, &none), [(Change::Vanished, Cause::Scanner)]);
    let other = with(&|report| {
        report.findings.clear();
        report.snapshot = None;
    });
    assert_eq!(told(&other, &plain), [(Change::Appeared, Cause::Advisories)]);
    let comparison = compare(Side { report: &waived, judged: None }, Side { report: &plain, judged: None });
    assert_eq!(comparison.reaching(Severity::Critical), 1, "what is not waived any more counts as new");
    assert!(comparison.to_table(100, false).contains("waiver-removed"));
}

/// Few packages, versions and vulnerabilities, so that they meet.
fn any_image() -> impl Strategy<Value = ImageInventory> {
    proptest::collection::vec((0..3_usize, 1..5_u8), 0..6).prop_map(|list| {
        let components =
            list.into_iter().map(|(name, version)| component(["a", "b", "c"][name], &format!("{version}.0")));
        ImageInventory { components: components.collect(), ..ImageInventory::default() }
    })
}

fn any_snapshot() -> impl Strategy<Value = Snapshot> {
    let record = (0..5_u8, 0..3_usize, 1..6_u8, 0..3_usize).prop_map(|(id, package, fixed, word)| {
        record(&format!("CVE-{id}"), ["a", "b", "c"][package], &format!("{fixed}.0"), ["low", "medium", "high"][word])
    });
    proptest::collection::vec(record, 0..8).prop_map(snapshot)
}

proptest! {
    #[test]
    fn differences_lead_from_one_to_the_other_and_each_has_a_cause(
        (old, new) in (any_image(), any_image()),
        (first, second) in (any_snapshot(), any_snapshot()),
        (profile, waived, at_hand, scanner) in (0..3_usize, proptest::collection::vec(any::<bool>(), 6), any::<bool>(), any::<bool>()),
    ) {
        let now = Timestamp::UNIX_EPOCH;
        let before = report(&Image::default(), &old, Some(judging(&first, Profile::Dtr)), now);
        let mut after = report(&Image::default(), &new, Some(judging(&second, Profile::ALL[profile])), now);
        for (finding, waived) in after.findings.iter_mut().zip(waived) {
            finding.waiver = waived.then(Waiver::default);
        }
        if scanner {
            after.scanner.version.push('x');
        }
        let judged = |snapshot, image| at_hand.then_some((snapshot, image));
        let comparison = check(
            Side { report: &before, judged: judged(&first, &old) },
            Side { report: &after, judged: judged(&second, &new) },
        );
        for change in &comparison.findings {
            let differs = match change.cause {
                Cause::AdvisoryAdded | Cause::AdvisoryWithdrawn => at_hand && first.digest() != second.digest(),
                Cause::AdvisoryChanged | Cause::AffectedRange | Cause::SeveritySource => first.digest() != second.digest(),
                Cause::Advisories => !at_hand && first.digest() != second.digest(),
                Cause::SeverityProfile => profile != 0,
                Cause::ComponentAdded | Cause::ComponentRemoved | Cause::ComponentVersion => old != new,
                Cause::WaiverAdded => true,
                _ => false,
            };
            prop_assert!(differs, "{change:?}");
        }
    }
}
