//! Snapshots: one file for one set, named by its digest.

use std::{cmp::Ordering, sync::Arc};

use advisory::{
    About, Advisory, Affected, Claim, Ecosystem, Error, Profile, Snapshot, Status, find, find_distinct, starter,
};
use proptest::prelude::*;

use crate::made::{advisories, snapshot, subjects};

fn about() -> About {
    About {
        created: "2026-11-01T00:00:00Z".parse().unwrap(),
        label: "a label".to_owned(),
        name: "test".to_owned(),
        ..About::default()
    }
}

#[test]
fn file_and_digest_come_back() {
    let file = starter().serialise();
    let again = Snapshot::parse(&file).unwrap();
    assert_eq!(again.digest(), starter().digest());
    assert_eq!(again.digest(), format!("sha256:{}", base::digest_hex(&file)));
    assert_eq!(again.about(), starter().about());
    let opened = Snapshot::open(Arc::new(file), again.digest()).unwrap();
    assert_eq!(opened.records().unwrap(), starter().records().unwrap());
    assert!(Claim::of(&opened).to_string().parse::<Claim>().unwrap().is_of(starter()));
}

#[test]
fn the_text_makes_the_file_and_the_order_of_its_lines_does_not_matter() {
    let text = String::from_utf8(starter().export().unwrap()).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    lines[1..].reverse();
    assert_eq!(Snapshot::parse(lines.join("\n\n").as_bytes()).unwrap().digest(), starter().digest());
}

#[test]
fn wrong_lines_are_named() {
    let head = r#"{"about":{"created":"2026-11-01T00:00:00Z","label":"","name":"x"},"format":"assay-advisories/2"}"#;
    for (text, line) in [
        (String::new(), 1),
        ("{}".to_owned(), 1),
        (head.replace("/2", "/3"), 1),
        (format!("{head}\n\n{{\"id\":1}}\n"), 3),
        (format!("{head}\n{{\"affected\":[{{\"ecosystem\":\"zpm\",\"package\":\"x\"}}],\"id\":\"a\"}}"), 2),
    ] {
        let error = Snapshot::parse(text.as_bytes()).unwrap_err();
        assert!(matches!(&error, Error::Line { line: at, .. } if *at == line), "{error}");
    }
}

/// What the first version of the program stored.
#[test]
fn the_old_text_is_read() {
    let text = concat!(
        r#"{"created":"2026-11-01T00:00:00Z","format":"assay-advisories/1","label":"l","name":"osv","never_stale":false}"#,
        "\n",
        r#"{"affected":[{"ecosystem":"debian:12","package":"curl","ranges":[{"fixed":"7.88"}]}],"aliases":["GHSA-1"],"#,
        r#""cvss_tenths":98,"id":"CVE-1","name":"Curled","severity":"critical","source_severity":"CVSS 9.8"}"#,
        "\n",
    );
    let snapshot = Snapshot::parse(text.as_bytes()).unwrap();
    assert_eq!((snapshot.about().name.as_str(), snapshot.advisory_count()), ("osv", 1));
    let subject = advisory::Subject::new("debian:12".parse().ok(), "curl", "7.0");
    let found = find(&[subject], &snapshot);
    let finding = &found.findings[0];
    assert_eq!(
        (finding.severity.as_str(), finding.cvss_tenths, finding.aliases.as_slice()),
        ("critical", Some(98), &["GHSA-1".to_owned()][..])
    );
    assert!(finding.reason.contains("CVE-1 (Curled)"), "{}", finding.reason);
}

#[test]
fn age_is_counted_from_the_date_inside_and_what_is_covered_is_said() {
    let covered = ["alpine:3.22".parse().unwrap()].into();
    let snapshot = Snapshot::new(About { covered, ..about() }, Vec::new()).unwrap();
    assert!(!snapshot.is_stale("2026-11-07T00:00:00Z".parse().unwrap(), 7));
    assert!(snapshot.is_stale("2026-11-08T00:00:00Z".parse().unwrap(), 7));
    assert!(snapshot.covers(&"alpine:3.22".parse().unwrap()) && !snapshot.covers(&"alpine:3.21".parse().unwrap()));
    snapshot.verify().unwrap();
}

#[test]
fn every_id_leads_to_its_vulnerability() {
    let mut one = Advisory { id: "GHSA-1".to_owned(), aliases: vec!["CVE-1".to_owned()], ..Advisory::default() };
    one.affected.push(Affected::new("npm".parse().unwrap(), "x"));
    let bulletin = Advisory {
        id: "ALSA-1".to_owned(),
        covers: vec!["CVE-1".to_owned(), "CVE-2".to_owned()],
        ..Advisory::default()
    };
    let snapshot = snapshot(vec![one, bulletin]);
    assert_eq!(snapshot.resolve("GHSA-1"), ["CVE-1"]);
    assert_eq!(snapshot.resolve("ALSA-1"), ["CVE-1", "CVE-2"]);
    assert_eq!(snapshot.resolve("CVE-9"), Vec::<&str>::new());
    assert_eq!((snapshot.advisory_count(), snapshot.vulnerability_count(), snapshot.package_count()), (2, 2, 1));
}

/// The plain reading of records, without an index: is the subject found by any of them?
fn plainly_found(
    records: &[Advisory],
    subject: &advisory::Subject<'_>,
    vulnerability: &str,
    snapshot: &Snapshot,
) -> bool {
    let ecosystem = subject.ecosystem.as_ref().unwrap();
    let general = Ecosystem::new(ecosystem.family(), None);
    let about = |record: &&Advisory| {
        if record.is_bulletin() {
            record
                .covers
                .iter()
                .map(String::as_str)
                .chain(record.cves())
                .any(|id| snapshot.resolve(id).contains(&vulnerability))
        } else {
            snapshot.resolve(&record.id).contains(&vulnerability)
        }
    };
    let of_subject = |entry: &&Affected| {
        let module = entry.module.is_none() || entry.module.as_deref() == subject.module;
        entry.package == subject.package && module
    };
    let entries: Vec<&Affected> =
        records.iter().filter(about).flat_map(|record| &record.affected).filter(of_subject).collect();
    let exactly: Vec<&&Affected> = entries.iter().filter(|entry| entry.ecosystem == *ecosystem).collect();
    let said: Vec<&&Affected> =
        if exactly.is_empty() { entries.iter().filter(|entry| entry.ecosystem == general).collect() } else { exactly };
    let holding: Vec<Status> =
        said.iter().filter(|entry| entry.holding(subject.version).is_some()).map(|entry| entry.status).collect();
    !holding.is_empty() && !holding.contains(&Status::NotAffected)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Snapshot::parse(&bytes);
    }

    /// However records are split and ordered, the set is the same, and its records make it again.
    #[test]
    fn one_set_has_one_file(records in advisories()) {
        let forward = snapshot(records.clone());
        let backward = snapshot(records.iter().rev().cloned().collect());
        prop_assert_eq!(forward.bytes(), backward.bytes());
        forward.verify().unwrap();
        let text = Snapshot::parse(&forward.export().unwrap()).unwrap();
        prop_assert_eq!(text.digest(), forward.digest());
    }

    /// The index finds exactly what a plain reading of the records finds.
    #[test]
    fn the_index_says_what_the_records_say(records in advisories()) {
        let snapshot = snapshot(records);
        let records = snapshot.records().unwrap();
        let subjects = subjects();
        let hits = find_distinct(&subjects, &snapshot, Profile::Dtr);
        let mut ids: Vec<&str> = records.iter().flat_map(|record| snapshot.resolve(&record.id)).collect();
        let others = records.iter().flat_map(|record| record.covers.iter().chain(&record.aliases));
        ids.extend(others.flat_map(|id| snapshot.resolve(id)));
        ids.sort_unstable();
        ids.dedup();
        for (at, subject) in subjects.iter().enumerate() {
            let found: Vec<String> =
                hits.of(at).iter().map(|hit| snapshot.explain(subject, hit, Profile::Dtr).advisory).collect();
            let expected: Vec<&str> =
                ids.iter().filter(|id| plainly_found(&records, subject, id, &snapshot)).copied().collect();
            prop_assert_eq!(&found, &expected, "{:?}", subject);
            for hit in hits.of(at) {
                let finding = snapshot.explain(subject, hit, Profile::Dtr);
                let said = finding.severities.iter().filter(|one| Some(one.said()) == finding.source_severity);
                let known = said.map(|one| one.severity(Profile::Dtr)).max().unwrap_or_default();
                prop_assert!(known == hit.severity, "{:?}", finding);
            }
            prop_assert!(hits.of(at).windows(2).all(|two| two[0].cmp(&two[1]) == Ordering::Less));
        }
    }
}
