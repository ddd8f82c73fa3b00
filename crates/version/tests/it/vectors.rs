//! The public vectors, every line of every file, when they are there; they are not ours to keep here.

use std::{
    cmp::Ordering,
    fs,
    io::{self, Write},
    path::PathBuf,
};

use version::{Scheme, compare, key};

const FILES: [(&str, Scheme); 12] = [
    ("alpine", Scheme::Alpine),
    ("cran", Scheme::Cran),
    ("debian", Scheme::Debian),
    ("hackage", Scheme::Hackage),
    ("maven", Scheme::Maven),
    ("nuget", Scheme::Nuget),
    ("packagist", Scheme::Composer),
    ("pub", Scheme::Pub),
    ("pypi", Scheme::Pypi),
    ("redhat", Scheme::Rpm),
    ("rubygems", Scheme::Gem),
    ("semver", Scheme::Semver),
];

/// Lines that are neither empty nor begin with `#`: what is spoken of as 71,842 vectors. Of these, some begin with `//` and
/// are comments all the same; the rest are pairs.
const LINES: usize = 71_842;
const PAIRS: usize = 71_818;

/// What only `compare` can say and keys cannot, as it is no order.
const NO_ORDER: [&str; 4] = [
    "1.0.0-gradle-rework-beta3 < 1.0.0.RC7-3",
    "2.9.0-1 < 2.9.0.RC1",
    "1.1.0-01-glassfish < 1.1.0.Beta1",
    "1.2.3.# = 1.2.3.1",
];

#[test]
fn every_line_of_every_file_holds() {
    let Some(folder) = vectors() else {
        // Not println: the test harness would swallow it.
        let _ = writeln!(
            io::stderr(),
            "SKIPPED: set ASSAY_DATA to the folder that holds version-vectors/ to compare 71,818 public pairs"
        );
        return;
    };
    let (mut lines, mut pairs, mut wrong) = (0, 0, Vec::new());
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_name().unwrap().to_str().unwrap();
        let (name, _) = file.split_once("-versions").unwrap();
        let (_, scheme) = FILES.into_iter().find(|(known, _)| *known == name).unwrap();
        for line in fs::read_to_string(&path).unwrap().lines() {
            lines += usize::from(!line.trim().is_empty() && !line.starts_with('#'));
            if line.trim().is_empty() || line.starts_with('#') || line.starts_with("//") {
                continue;
            }
            pairs += 1;
            if !holds(scheme, line) {
                wrong.push(format!("{file}: {line}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {pairs} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!((lines, pairs), (LINES, PAIRS));
}

/// `LEFT < RIGHT`, both ways round, and by keys too, save for four lines.
fn holds(scheme: Scheme, line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [left, sign, right] = words[..] else { return false };
    let order = match sign {
        "<" => Ordering::Less,
        "=" => Ordering::Equal,
        ">" => Ordering::Greater,
        _ => return false,
    };
    compare(scheme, left, right) == order
        && compare(scheme, right, left) == order.reverse()
        && (key(scheme, left).cmp(&key(scheme, right)) == order) != NO_ORDER.contains(&line)
}

/// The folder that the vectors were unpacked to, given at test time.
fn vectors() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "a test takes the place of foreign data from its environment")]
    let folder = PathBuf::from(std::env::var("ASSAY_DATA").ok()?).join("version-vectors/semantic/testdata");
    folder.is_dir().then_some(folder)
}
