//! The public databases, when they are there: how many records are read, left out and wrong; and one snapshot of all of them.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use advisory::{About, Ecosystem, Import, Snapshot, Subject, find};

/// Folder, files, records read, wrong ones.
const DATABASES: [(&str, u64, usize, u64); 12] = [
    ("almalinux/advisories", 5_680, 4_483, 0),
    ("alpine", 18, 11_456, 0),
    ("bitnami/data", 7_444, 7_444, 0),
    ("debian/data", 2, 8_707, 0),
    ("golang/data", 4_291, 4_274, 0),
    ("kev", 2, 2_808, 0),
    ("nvd-overrides/data", 32_184, 32_184, 0),
    ("oss-fuzz/vulns", 4_026, 1_588, 0),
    ("php", 1_592, 1_592, 0),
    ("pypa/vulns", 2_661, 2_651, 0),
    ("rubysec", 1_381, 1_379, 0),
    ("rustsec", 1_225, 948, 0),
];

/// The folder of the databases; None, and said so, where it is not given.
pub(crate) fn data() -> Option<PathBuf> {
    let data = std::env::var_os("ASSAY_DATA").map(PathBuf::from);
    if data.is_none() {
        // Not println: the test harness would swallow it.
        let _ = writeln!(
            io::stderr(),
            "SKIPPED: set ASSAY_DATA to the folder that holds rustsec/, golang/, nvd-overrides/, … to read public databases"
        );
    }
    data
}

/// Every file of a folder, by path.
fn walk(folder: &Path, import: &mut Import) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            walk(&path, import);
        } else {
            import.add(path.to_str().unwrap(), &fs::read(&path).unwrap()).unwrap();
        }
    }
}

pub(crate) fn read(data: &Path, folder: &str) -> Import {
    let mut import = Import::default();
    walk(&data.join(folder), &mut import);
    import
}

#[test]
fn public_databases_are_read_whole() {
    let Some(data) = data() else { return };
    let mut different = Vec::new();
    for (folder, files, records, wrong) in DATABASES {
        let import = read(&data, folder);
        let read: u64 = import.files.values().sum();
        let line = format!("{folder}: {read} files, {} records, {} wrong", import.advisories.len(), import.wrong_total);
        let _ = writeln!(io::stderr(), "{line}; left out {:?}; {:?}", import.skipped, import.wrong.first());
        if (read, import.advisories.len(), import.wrong_total) != (files, records, wrong) {
            different.push(line);
        }
    }
    assert!(different.is_empty(), "{different:#?}");
}

#[test]
fn one_snapshot_holds_all_of_them() {
    let Some(data) = data() else { return };
    let mut all = Import::default();
    let started = Instant::now();
    for (folder, ..) in DATABASES {
        walk(&data.join(folder), &mut all);
    }
    let read = started.elapsed();
    let about = About { sources: all.sources(), covered: all.covered.clone(), ..About::default() };
    let records = all.advisories.len();
    let subjects: Vec<_> = synthetic(&all);
    let started = Instant::now();
    let snapshot = Snapshot::new(about, all.advisories).unwrap();
    let built = started.elapsed();
    let file = snapshot.serialise().to_vec();
    let length = file.len();
    let started = Instant::now();
    let opened = Snapshot::open(Arc::new(file), snapshot.digest()).unwrap();
    let open = started.elapsed();
    let mut findings = 0_usize;
    let mut twice: BTreeMap<(usize, String), usize> = BTreeMap::new();
    for (position, (ecosystem, package, version)) in subjects.iter().enumerate() {
        let subject = Subject::new(Some(ecosystem.clone()), package, version);
        for finding in find(&[subject], &opened).findings {
            findings += 1;
            // Bulletins, and records about several CVEs, rightly stand with each of these.
            let aliases = finding.aliases.iter().filter(|id| id.starts_with("CVE-"));
            for id in std::iter::once(&finding.advisory).chain(aliases) {
                *twice.entry((position, id.clone())).or_default() += 1;
            }
        }
    }
    let duplicates: Vec<_> = twice.iter().filter(|(_, times)| **times > 1).collect();
    let _ = writeln!(
        io::stderr(),
        "{records} records read in {read:?}; {} kept, {} vulnerabilities, {} packages, {length} bytes, built in {built:?}, opened in \
         {open:?}; {} subjects, {findings} findings, {} duplicates",
        opened.advisory_count(),
        opened.vulnerability_count(),
        opened.package_count(),
        subjects.len(),
        duplicates.len()
    );
    assert!(findings > 1000 && duplicates.is_empty(), "{findings} {:?}", &duplicates[..duplicates.len().min(9)]);
}

/// A package of every sixtieth statement, at the version that is said to be the last or the first affected.
fn synthetic(import: &Import) -> Vec<(Ecosystem, String, String)> {
    let entries = import.advisories.iter().flat_map(|record| &record.affected).step_by(60);
    let versions = entries.map(|entry| {
        let range = entry.ranges.first();
        let version = range.and_then(|range| range.last_affected.as_ref().or(range.introduced.as_ref()));
        let version = version.or(entry.exact.first()).map_or("0.0.1", String::as_str).to_owned();
        (entry.ecosystem.clone(), entry.package.clone(), version)
    });
    versions.collect()
}
