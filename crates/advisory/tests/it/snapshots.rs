//! Snapshots: one text for one set, named by its digest.

use advisory::{About, Advisory, Error, Severity, Snapshot, starter};
use proptest::prelude::*;

fn about() -> About {
    About {
        created: "2026-11-01T00:00:00Z".parse().unwrap(),
        label: "a label".to_owned(),
        name: "test".to_owned(),
        never_stale: false,
    }
}

#[test]
fn text_and_digest_come_back() {
    let text = starter().serialise();
    let again = Snapshot::parse(&text).unwrap();
    assert_eq!(again.digest(), starter().digest());
    assert_eq!(again.digest(), format!("sha256:{}", base::digest_hex(&text)));
    assert_eq!(again.serialise(), text);
    assert_eq!(again.about(), starter().about());
}

#[test]
fn the_order_of_lines_does_not_matter() {
    let text = String::from_utf8(starter().serialise()).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    lines[1..].reverse();
    assert_eq!(Snapshot::parse(lines.join("\n\n").as_bytes()).unwrap().digest(), starter().digest());
}

#[test]
fn wrong_lines_are_named() {
    let head =
        r#"{"created":"2026-11-01T00:00:00Z","format":"assay-advisories/1","label":"","name":"x","never_stale":false}"#;
    for (text, line) in [
        (String::new(), 1),
        ("{}".to_owned(), 1),
        (head.replace("/1", "/2"), 1),
        (format!("{head}\n\n{{\"id\":1}}\n"), 3),
        (
            format!(
                "{head}\n{{\"affected\":[{{\"ecosystem\":\"npm\",\"package\":\"x\"}}],\"id\":\"a\",\"severity\":\"minor\"}}"
            ),
            2,
        ),
    ] {
        let error = Snapshot::parse(text.as_bytes()).unwrap_err();
        assert!(matches!(&error, Error::Line { line: at, .. } if *at == line), "{error}");
    }
}

#[test]
fn age_is_counted_from_the_date_inside() {
    let snapshot = Snapshot::new(about(), Vec::new()).unwrap();
    let day = 24 * 3600;
    assert!(!snapshot.is_stale("2026-11-07T00:00:00Z".parse().unwrap(), 7 * day));
    assert!(snapshot.is_stale("2026-11-09T00:00:00Z".parse().unwrap(), 7 * day));
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Snapshot::parse(&bytes);
    }

    /// However records are split and ordered, the set is the same.
    #[test]
    fn one_set_has_one_digest(ids in proptest::collection::vec("[ab]{1,2}", 0..6)) {
        let record = |id: &String| Advisory { id: id.clone(), severity: Severity::Minor, ..Advisory::default() };
        let forward = Snapshot::new(about(), ids.iter().map(record).collect()).unwrap();
        let backward = Snapshot::new(about(), ids.iter().rev().map(record).collect()).unwrap();
        prop_assert_eq!(forward.digest(), backward.digest());
        let again = Snapshot::parse(&forward.serialise()).unwrap();
        prop_assert_eq!(again.digest(), forward.digest());
    }
}
