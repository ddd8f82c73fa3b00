//! From one snapshot to the next: what must be matched again, and what must be sent.

use advisory::{Advisory, Affected, Delta, Epss, Error, Finding, Range, Snapshot, changed, find};
use proptest::prelude::*;

use crate::made::{advisories, snapshot, subjects};

/// What is kept of a finding: EPSS is looked up when it is shown.
fn kept(finding: Finding) -> Finding {
    Finding { epss: None, subject: 0, ..finding }
}

fn judged(snapshot: &Snapshot, subject: &advisory::Subject<'_>) -> (Vec<Finding>, Vec<(advisory::Unknown, u64)>) {
    let matches = find(std::slice::from_ref(subject), snapshot);
    (matches.findings.into_iter().map(kept).collect(), matches.unknown)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Matching again what the difference touches, and keeping the rest, gives what matching everything anew gives.
    #[test]
    fn only_what_changed_is_matched_again(old in advisories(), new in advisories(), same in 0_usize..8) {
        // Most of a day's records are those of the day before.
        let new: Vec<Advisory> = old.iter().take(same).cloned().chain(new).collect();
        let (old, new) = (snapshot(old), snapshot(new));
        let changed = changed(&old, &new);
        prop_assert_eq!(old.digest() == new.digest(), old.bytes() == new.bytes());
        if old.digest() == new.digest() {
            prop_assert!(changed.is_empty());
        }
        for subject in subjects() {
            if !changed.touches(&subject) {
                prop_assert_eq!(judged(&old, &subject), judged(&new, &subject), "{:?}", subject);
            }
        }
    }

    #[test]
    fn a_delta_makes_the_new_file_to_the_byte(old in advisories(), new in advisories()) {
        let (old, new) = (snapshot(old), snapshot(new));
        let delta = Delta::between(&old, &new).unwrap();
        let delta = Delta::parse(&delta.serialise()).unwrap();
        let made = delta.apply(&old).unwrap();
        prop_assert_eq!(made.bytes(), new.bytes());
    }
}

#[test]
fn a_thousand_damaged_deltas_are_survived() {
    let (old, new) = (many(1, 30), many(2, 30));
    let good = Delta::between(&old, &new).unwrap().serialise();
    for at in 0..1_000 {
        let mut bytes = good.clone();
        let place = at * 7919 % bytes.len();
        if at % 5 == 0 {
            bytes.truncate(place);
        } else {
            bytes[place] = bytes[place].wrapping_add((at % 255) as u8 + 1);
        }
        // What can still be read and applied makes the very file that was promised, or nothing.
        let Ok(made) = Delta::parse(&bytes).and_then(|delta| delta.apply(&old)) else { continue };
        assert_eq!(made.bytes(), new.bytes());
    }
}

/// Records of which each hundredth is of this day.
fn many(day: u32, count: u32) -> Snapshot {
    let records = (0..count).map(|number| {
        let fixed = if number % 100 == 0 { format!("{number}.{day}-1") } else { format!("{number}.0-1") };
        let package = format!("package-{}", number / 3);
        Advisory {
            id: format!("CVE-2026-{number:04}"),
            source: "debian".to_owned(),
            summary: Some(format!(
                "package {package} does in case {number} what it should not do, {}",
                number * 7919 % 1000
            )),
            affected: vec![Affected::new("debian:12".parse().unwrap(), package).with_range(Range::before(fixed))],
            references: vec![format!("https://example.org/security/{number}")],
            ..Advisory::default()
        }
    });
    snapshot(records.collect())
}

#[test]
fn a_daily_delta_is_small_and_touches_little() {
    let (old, new) = (many(1, 1_000), many(2, 1_000));
    let delta = Delta::between(&old, &new).unwrap();
    assert_eq!(delta.counts(), (10, 0));
    let (size, file) = (delta.serialise().len(), new.bytes().len());
    assert!(size * 100 < file * 3 / 2, "{size} of {file}");
    assert_eq!(changed(&old, &new).packages().count(), 10);
    let message = delta.apply(&new).unwrap_err().to_string();
    assert!(message.contains(old.digest()) && message.contains(new.digest()), "{message}");
}

#[test]
fn epss_scores_travel_and_change_no_findings() {
    let scores = |probability_1e5| {
        let epss = Epss { date: "2026-01-01".to_owned(), percentile_1e5: 5, probability_1e5 };
        let mut records = many(1, 100).records().unwrap();
        records.push(Advisory { id: "CVE-2026-0007".to_owned(), epss: Some(epss), ..Advisory::default() });
        snapshot(records)
    };
    let (old, new) = (scores(10), scores(20));
    assert!(changed(&old, &new).is_empty());
    assert_eq!(Delta::between(&old, &new).unwrap().counts(), (1, 0));
    let made = Delta::between(&old, &new).unwrap().apply(&old).unwrap();
    assert_eq!(made.epss("CVE-2026-0007").unwrap().probability_1e5, 20);
}

#[test]
fn what_is_no_delta_is_refused() {
    let good = Delta::between(&many(1, 30), &many(2, 30)).unwrap().serialise();
    let head = String::from_utf8_lossy(&good[..60]).into_owned();
    for (bytes, expected) in [
        (b"".to_vec(), "no end"),
        (b"{}\nx".to_vec(), "missing field"),
        (head.replace("/1", "/9").into_bytes(), "no end"),
        (good[..good.len() - 9].to_vec(), "no delta"),
    ] {
        let error = Delta::parse(&bytes).unwrap_err();
        assert!(matches!(error, Error::File { .. }) && error.to_string().contains(expected), "{error}");
    }
}
