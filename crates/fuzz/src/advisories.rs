//! Feeds of advisories in every format, archives of them, and the files that a scanner keeps and exchanges.

use std::{
    io::{Cursor, Write},
    sync::Arc,
};

use advisory::{
    About, Advisory, Affected, Claim, Delta, Ecosystem, Error, Import, Profile, Range, Snapshot, Subject, changed,
    find_distinct, from_changelog,
};

use crate::reader::{Reader, files};

const FORMATS: [&str; 22] = [
    "alma-errata",
    "arch",
    "csaf",
    "debian-list",
    "debian-tracker",
    "epss",
    "kev-csv",
    "kev-json",
    "nvd",
    "osv-json",
    "osv-yaml",
    "oval",
    "photon",
    "php",
    "rocky",
    "rubysec",
    "rustsec",
    "secdb-json",
    "secdb-yaml",
    "ubuntu-cve",
    "ubuntu-usn",
    "updateinfo",
];

pub(crate) fn readers() -> Vec<Reader> {
    let mut readers: Vec<Reader> = FORMATS.iter().map(|format| feed(format)).collect();
    readers.push(Reader::new("advisory-archive", archives(), |bytes| {
        let mut import = Import::default();
        let read = import.add_archive("records", bytes);
        assert!(matches!(read, Ok(()) | Err(Error::Record { .. })), "{read:?}");
        read.is_ok() && import.advisories.len() == 2
    }));
    readers.push(Reader::new("advisory-changelog", [CHANGELOG.as_bytes().to_vec()], |bytes| {
        !from_changelog("curl", &debian(), bytes).is_empty()
    }));
    readers.push(Reader::new("advisory-claim", [Claim::of(&snapshot("2")).to_string().into_bytes()], |bytes| {
        let Ok(Ok(claim)) = std::str::from_utf8(bytes).map(str::parse::<Claim>) else { return false };
        assert_eq!(claim.to_string().as_bytes(), bytes);
        true
    }));
    let (old, new) = (snapshot("2"), snapshot("3"));
    let delta = Delta::between(&old, &new).unwrap().serialise();
    readers.push(Reader::new("advisory-delta", [delta], move |bytes| {
        let Ok(delta) = Delta::parse(bytes) else { return false };
        delta.apply(&old).is_ok_and(|made| made.digest() == new.digest())
    }));
    readers.push(Reader::new("advisory-snapshot", [snapshot("2").serialise()], read_snapshot));
    readers
}

/// Records of one format: read as what they are known to be, read as whatever they look like, and made a snapshot of.
fn feed(format: &'static str) -> Reader {
    let inputs = files(&format!("advisory/tests/it/cases/import/{format}"));
    let inputs: Vec<_> = inputs.into_iter().filter(|(name, _)| name.contains(".input.")).collect();
    // The reader is told a name, without what marks the file as an input.
    let name = inputs[0].0.replace(".input.", ".");
    let kind = advisory::Format::of(&name, &inputs[0].1).unwrap();
    assert_eq!(kind.as_str(), format);
    let seeds: Vec<Vec<u8>> = inputs.into_iter().map(|(_, bytes)| bytes).collect();
    Reader::new(format!("advisory-{format}"), seeds, move |bytes| {
        Import::default().add(&name, bytes).unwrap();
        let mut import = Import::default();
        // Only a limit refuses a whole file, and none of these reaches one.
        kind.read(&name, bytes, &mut import).unwrap();
        // Some seeds hold wrong records among right ones, and one nothing but what is left out.
        let right = import.wrong_total == 0 || !import.advisories.is_empty();
        let snapshot = Snapshot::new(About::default(), import.advisories).unwrap();
        Snapshot::parse(snapshot.bytes()).unwrap();
        right
    })
}

const CHANGELOG: &str = "curl (7.88.1-10+deb12u5) bookworm-security; urgency=high\n\n  * Fix CVE-2023-46218\n    and CVE-2023-46219\n\n \
    -- A B <a@example.org>  Thu, 07 Dec 2023 10:00:00 +0000\n\ncurl (7.88.1-10) unstable; urgency=medium\n\n  * CVE-2023-1999: mended\n\n \
    -- A B <a@example.org>  Mon, 01 May 2023 10:00:00 +0000\n";

fn debian() -> Ecosystem {
    "debian:12".parse().unwrap()
}

fn records(fixed: &str) -> Vec<Advisory> {
    let record = |id: &str, package: &str| Advisory {
        id: id.to_owned(),
        source: "test".to_owned(),
        affected: vec![
            Affected::new(debian(), package).with_range(Range::before(fixed)),
            Affected { exact: vec!["0.1".to_owned()], ..Affected::new("npm".parse().unwrap(), package) },
        ],
        ..Advisory::default()
    };
    vec![
        record("CVE-1", "a"),
        record("CVE-2", "b"),
        Advisory { covers: vec!["CVE-1".to_owned()], ..record("DSA-1", "a") },
    ]
}

fn snapshot(fixed: &str) -> Snapshot {
    Snapshot::new(About::default(), records(fixed)).unwrap()
}

/// Everything that looks into a file, first with the digest that it should have: a scanner checks that once, when it takes the file.
fn read_snapshot(bytes: &[u8]) -> bool {
    if let Ok(snapshot) = Snapshot::open(Arc::new(bytes.to_vec()), "sha256:any") {
        let subjects =
            [("a", "1"), ("b", "4"), ("c", "")].map(|(name, version)| Subject::new(Some(debian()), name, version));
        let hits = find_distinct(&subjects, &snapshot, Profile::Cvss);
        for (at, subject) in subjects.iter().enumerate() {
            for hit in hits.of(at) {
                snapshot.explain(subject, hit, Profile::Cvss);
            }
        }
        snapshot.resolve("CVE-1");
        snapshot.epss("CVE-2");
        snapshot.sources();
        let _ = (changed(&snapshot, &snapshot), snapshot.records(), snapshot.verify());
    }
    let Ok(snapshot) = Snapshot::parse(bytes) else { return false };
    snapshot.verify().unwrap();
    true
}

/// Two records, as a zip, a tar, and that packed in both ways.
fn archives() -> Vec<Vec<u8>> {
    let record = |id: &str| {
        let affected = r#"[{"package": {"ecosystem": "npm", "name": "x"}, "versions": ["1.0.0"]}]"#;
        format!(r#"{{"id": "{id}", "modified": "2024-01-01T00:00:00Z", "affected": {affected}}}"#).into_bytes()
    };
    let (mut zip, mut tar) = (zip::ZipWriter::new(Cursor::new(Vec::new())), tar::Builder::new(Vec::new()));
    for name in ["GHSA-1", "GHSA-2"] {
        zip.start_file(format!("a/{name}.json"), zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(&record(name)).unwrap();
        let mut header = tar::Header::new_gnu();
        header.set_size(record(name).len() as u64);
        tar.append_data(&mut header, format!("{name}.json"), &record(name)[..]).unwrap();
    }
    let tar = tar.into_inner().unwrap();
    let packed = [crate::layers::gzip(&tar), zstd::encode_all(&tar[..], 3).unwrap()];
    [zip.finish().unwrap().into_inner(), tar].into_iter().chain(packed).collect()
}
