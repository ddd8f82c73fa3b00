//! Files that are not what they should be: refused with a sentence when they are imported, survived when they are used.

use std::sync::Arc;

use advisory::{
    Advisory, Affected, Delta, Error, Profile, Range, Rating, Snapshot, Subject, changed, find, find_distinct, starter,
};

use crate::made;

fn small() -> Snapshot {
    let record = |id: &str, covers: &[&str], package: &str, fixed: &str| Advisory {
        id: id.to_owned(),
        source: "test".to_owned(),
        covers: covers.iter().map(|id| (*id).to_owned()).collect(),
        ratings: vec![Rating::of_vector("nvd", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H")],
        affected: ["debian:12", "npm"]
            .map(|ecosystem| Affected {
                exact: vec!["0.1".to_owned(), "0.2".to_owned()],
                module: (package == "b").then(|| "m:1".to_owned()),
                ..Affected::new(ecosystem.parse().unwrap(), package).with_range(Range::before(fixed))
            })
            .to_vec(),
        ..Advisory::default()
    };
    made::snapshot(vec![
        record("CVE-1", &[], "a", "2.0"),
        record("CVE-2", &[], "b", "3.0"),
        record("DSA-1", &["CVE-1", "CVE-3"], "a", "2.0-1"),
    ])
}

/// A sequence without a pattern, the same each time.
fn numbers() -> impl Iterator<Item = usize> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    std::iter::repeat_with(move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    })
}

/// Everything that reads a file.
fn use_all_of(bytes: Vec<u8>, digest: &str, subjects: &[Subject<'_>], good: &Snapshot) {
    let Ok(snapshot) = Snapshot::open(Arc::new(bytes), digest) else { return };
    let hits = find_distinct(subjects, &snapshot, Profile::Cvss);
    for (at, subject) in subjects.iter().enumerate() {
        for hit in hits.of(at) {
            snapshot.explain(subject, hit, Profile::Cvss);
        }
    }
    find(subjects, &snapshot);
    snapshot.resolve("CVE-1");
    snapshot.epss("CVE-2");
    snapshot.sources();
    changed(good, &snapshot);
    if snapshot.records().is_ok() {
        let _ = Delta::between(good, &snapshot);
    }
}

#[test]
fn a_thousand_damaged_files_are_survived_and_each_is_found_out() {
    let good = small();
    let subjects: Vec<Subject<'static>> = made::subjects().into_iter().step_by(5).collect();
    let mut numbers = numbers();
    let mut number = |below: usize| numbers.next().unwrap() % below;
    for round in 0..1_000 {
        let mut bytes = good.serialise();
        match round % 4 {
            0 => bytes.truncate(number(bytes.len())),
            1 => {
                let at = number(bytes.len());
                bytes[at] ^= 1 << number(8);
            }
            2 => {
                let at = number(bytes.len() - 4);
                bytes[at..at + 4].copy_from_slice(&[[0xff; 4], [0; 4], [0x7f, 0, 0, 0]][number(3)]);
            }
            _ => {
                for _ in 0..20 {
                    let at = number(bytes.len());
                    bytes[at] = number(256) as u8;
                }
            }
        }
        if bytes != good.bytes() {
            // With the digest of what it should be, and of what it is: neither is taken.
            assert!(Snapshot::open(Arc::new(bytes.clone()), good.digest()).and_then(|one| one.verify()).is_err());
            if let Ok(parsed) = Snapshot::parse(&bytes) {
                // Some damage makes another right file: a letter of a name is one.
                parsed.verify().unwrap();
            }
        }
        use_all_of(bytes, good.digest(), &subjects, &good);
    }
}

#[test]
fn what_is_no_snapshot_is_refused_with_a_sentence() {
    let good = starter().serialise();
    let with = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        bytes
    };
    for (bytes, expected) in [
        (b"".to_vec(), "it is empty"),
        (b"PK\x03\x04 an archive".to_vec(), "does not begin as an advisory snapshot does"),
        (good[..20].to_vec(), "cut off in its header"),
        (good[..good.len() - 1].to_vec(), "cut off or added to"),
        ([&good[..], b"x"].concat(), "cut off or added to"),
        (with(8, 1), "version 1, and this program reads version 2"),
        (with(8, 3), "version 3, and this program reads version 2"),
        (with(12, 14), "another number of sections"),
        (with(37, 0xff), "does not fit"),
        (with(good.len() - 1, good[good.len() - 1] ^ 0xff), "not what its own records make"),
    ] {
        let error = Snapshot::parse(&bytes).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(error.kind(), base::Kind::Invalid);
    }
    let other = Snapshot::open(Arc::new(good), format!("sha256:{}", "0".repeat(64))).unwrap();
    assert!(other.verify().unwrap_err().to_string().contains("not the file that sha256:000"));
}

/// Keys of another format must not be compared with today's: a file with such is read and written anew.
#[test]
fn another_key_format_is_refused_and_can_be_imported() {
    let mut bytes = small().serialise();
    bytes[14] ^= 1;
    let error = Snapshot::open(Arc::new(bytes.clone()), "x").unwrap_err();
    assert!(matches!(&error, Error::File { reason } if reason.contains("its versions are written")), "{error}");
    assert_eq!(Snapshot::parse(&bytes).unwrap().digest(), small().digest());
}
