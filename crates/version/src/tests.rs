//! The orders, on pairs of our own and on the large public vectors when they are there.

use std::{
    cmp::Ordering,
    fs,
    io::{self, Write},
    path::PathBuf,
};

use proptest::prelude::*;

use super::{Scheme, compare};

/// Ascending.
const DEBIAN: [&str; 12] = [
    "0.9~rc1-1",
    "0.9-1",
    "1.0.1f-1",
    "1.0.1g-1",
    "1.0.1g-1+b1",
    "1.0.2~beta1",
    "1.0.2-1~deb12u1",
    "1.0.2-1",
    "1.0.10-1",
    "1.0.10+dfsg-1",
    "1:0.1-1",
    "2:0-1",
];
const ALPINE: [&str; 14] = [
    "1.2_alpha",
    "1.2_alpha2",
    "1.2_beta1",
    "1.2_pre1",
    "1.2_rc1",
    "1.2",
    "1.2-r1",
    "1.2-r10",
    "1.2_git20200101",
    "1.2_p1",
    "1.2a",
    "1.2.01",
    "1.2.1",
    "1.10",
];
const PYPI: [&str; 13] = [
    "1.0.dev1",
    "1.0a1.dev1",
    "1.0a1",
    "1.0a2",
    "1.0b1",
    "1.0rc1",
    "1.0",
    "1.0+local",
    "1.0.post1.dev1",
    "1.0.post1",
    "1.1",
    "1.10",
    "1!0.1",
];

#[test]
fn ascending_lists_ascend() {
    for (scheme, list) in [(Scheme::Debian, &DEBIAN[..]), (Scheme::Alpine, &ALPINE), (Scheme::Pypi, &PYPI)] {
        for (at, left) in list.iter().enumerate() {
            for (other, right) in list.iter().enumerate() {
                assert_eq!(compare(scheme, left, right), at.cmp(&other), "{scheme:?}: {left} and {right}");
            }
        }
    }
    assert_eq!(compare(Scheme::Debian, "1.0", "0:1.0-0"), Ordering::Equal);
    assert_eq!(compare(Scheme::Pypi, "1.0", "v1.0.0"), Ordering::Equal);
    assert_eq!(compare(Scheme::Pypi, "1.0-alpha_1", "1.0a1"), Ordering::Equal);
}

/// The folder that `version-vectors` was unpacked to, given at test time; the vectors are not ours to keep here.
fn vectors() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "a test takes the place of foreign data from its environment")]
    let folder = PathBuf::from(std::env::var("ASSAY_DATA").ok()?).join("version-vectors/semantic/testdata");
    folder.is_dir().then_some(folder)
}

#[test]
fn the_public_vectors_hold() {
    let Some(folder) = vectors() else {
        // Not println: the test harness would swallow it.
        let _ = writeln!(
            io::stderr(),
            "SKIPPED: set ASSAY_DATA to the folder that holds version-vectors/ to compare 41,000 public pairs"
        );
        return;
    };
    for (scheme, name) in [(Scheme::Debian, "debian"), (Scheme::Alpine, "alpine"), (Scheme::Pypi, "pypi")] {
        for file in [format!("{name}-versions.txt"), format!("{name}-versions-generated.txt")] {
            let text = fs::read_to_string(folder.join(&file)).unwrap();
            let wrong: Vec<&str> = text.lines().filter(|line| !holds(scheme, line)).collect();
            println!("{file}: {} lines, {} wrong", text.lines().count(), wrong.len());
            assert!(wrong.is_empty(), "{file}:\n{}", wrong.join("\n"));
        }
    }
}

/// `LEFT < RIGHT`, or a line without a pair.
fn holds(scheme: Scheme, line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [left, sign, right] = words[..] else { return true };
    match sign {
        "<" => compare(scheme, left, right) == Ordering::Less,
        "=" => compare(scheme, left, right) == Ordering::Equal,
        ">" => compare(scheme, left, right) == Ordering::Greater,
        _ => true,
    }
}

/// Text that looks like versions, and some that does not.
fn version() -> impl Strategy<Value = String> {
    prop_oneof!["([0-9]{1,3}[.:~+_-]?(a|b|rc|dev|post|p|r|git)?){1,5}", "\\PC{0,12}",]
}

proptest! {
    #[test]
    fn orders_are_orders(a in version(), b in version(), c in version()) {
        for scheme in [Scheme::Debian, Scheme::Alpine, Scheme::Pypi] {
            let order = |x: &str, y: &str| compare(scheme, x, y);
            prop_assert_eq!(order(&a, &a), Ordering::Equal);
            prop_assert_eq!(order(&a, &b), order(&b, &a).reverse());
            if order(&a, &b).is_le() && order(&b, &c).is_le() {
                prop_assert!(order(&a, &c).is_le(), "{:?}: {} {} {}", scheme, a, b, c);
            }
        }
    }
}
