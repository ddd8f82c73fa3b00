//! Feeds of every format: small files of our own with what is expected of them, and archives.

use std::{
    fs,
    io::{Cursor, Write},
    path::PathBuf,
};

use advisory::{Ecosystem, Format, Import, Range, from_changelog};
use serde_json::{Value, json};

const FORMATS: usize = 22;

/// `cases/import/FORMAT/NAME.input.EXT` and `NAME.expected.json`; adding a case is adding these two.
fn cases() -> Vec<(String, PathBuf)> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/cases/import");
    let mut cases = Vec::new();
    for folder in fs::read_dir(root).unwrap() {
        let folder = folder.unwrap();
        for file in fs::read_dir(folder.path()).unwrap() {
            let path = file.unwrap().path();
            if path.file_name().unwrap().to_str().unwrap().contains(".input.") {
                cases.push((folder.file_name().into_string().unwrap(), path));
            }
        }
    }
    cases.sort();
    cases
}

/// The name that the reader is told: without what marks it as an input.
fn told(path: &std::path::Path) -> String {
    path.file_name().unwrap().to_str().unwrap().replace(".input.", ".")
}

fn shown(import: &Import) -> Value {
    json!({
        "advisories": import.advisories,
        "covered": import.covered,
        "skipped": import.skipped,
        "wrong": import.wrong.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

#[test]
fn every_case_is_read_as_expected() {
    let (mut seen, mut different) = (Vec::new(), Vec::new());
    for (format, path) in cases() {
        let bytes = fs::read(&path).unwrap();
        let mut import = Import::default();
        let found = import.add(&told(&path), &bytes).unwrap();
        assert_eq!(found.map(Format::as_str), Some(format.as_str()), "{}", path.display());
        seen.push(format);
        let name = path.file_name().unwrap().to_str().unwrap().split(".input.").next().unwrap().to_owned();
        let expected = path.with_file_name(format!("{name}.expected.json"));
        let found = format!("{}\n", serde_json::to_string_pretty(&shown(&import)).unwrap());
        // To write what is new: look at the difference before it is kept.
        if std::env::var_os("ASSAY_WRITE_CASES").is_some() {
            fs::write(&expected, &found).unwrap();
        }
        if fs::read_to_string(&expected).unwrap_or_default() != found {
            different.push(format!("{}:\n{found}", path.display()));
        }
    }
    seen.dedup();
    assert_eq!(seen.len(), FORMATS, "a format without a case: {seen:?}");
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[test]
fn members_of_archives_are_read_one_by_one() {
    let record = |id: &str| {
        let affected = json!([{"package": {"ecosystem": "npm", "name": "x"}, "versions": ["1.0.0"]}]);
        json!({"id": id, "modified": "2024-01-01T00:00:00Z", "affected": affected}).to_string()
    };
    let files = [("a/GHSA-1.json", record("GHSA-1")), ("a/LICENSE", "text".to_owned()), ("b.json", record("GHSA-2"))];
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let mut tar = tar::Builder::new(Vec::new());
    for (name, text) in &files {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
        let mut header = tar::Header::new_ustar();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, text.as_bytes()).unwrap();
    }
    let (zip, tar) = (zip.finish().unwrap().into_inner(), tar.into_inner().unwrap());
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&tar).unwrap();
    let gzip = gzip.finish().unwrap();
    let zstd = zstd::encode_all(&tar[..], 1).unwrap();
    for (name, bytes) in [("all.zip", &zip), ("all.tar", &tar), ("all.tar.gz", &gzip), ("all.tar.zst", &zstd)] {
        let mut import = Import::default();
        import.add_archive(name, bytes).unwrap();
        let ids: Vec<&str> = import.advisories.iter().map(|record| record.id.as_str()).collect();
        assert_eq!(ids, ["GHSA-1", "GHSA-2"], "{name}");
        assert_eq!(import.skipped["file that is no feed"], 1);
        assert_eq!(import.sources()[0].records, 2);
    }
    // One packed file keeps the name of what is in it.
    let mut import = Import::default();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(b"#model_version:v1\ncve,epss,percentile\nCVE-2021-44228,0.9,1\n").unwrap();
    import.add_archive("epss_scores-2026-08-20.csv.gz", &packed.finish().unwrap()).unwrap();
    assert_eq!(import.advisories[0].epss.as_ref().unwrap().date, "2026-08-20");
}

#[test]
fn a_changelog_says_where_something_was_mended_first() {
    let text = "openssl (1.0.1g-1) unstable; urgency=high\n\n  * New upstream (mends CVE-2014-0160 for good)\n\n -- X <x@example.org>  Mon\n\n\
        openssl (1.0.1f-2) unstable; urgency=high\n\n  * Add patch for CVE-2014-0160\n    and CVE-2014-0076.\n\n\
        old-openssl (0.9) unstable; urgency=low\n\n  * CVE-2003-0131\n";
    let release: Ecosystem = "debian:12".parse().unwrap();
    let records = from_changelog("openssl", &release, text.as_bytes());
    let found: Vec<(&str, &[Range])> =
        records.iter().map(|record| (record.id.as_str(), &record.affected[0].ranges[..])).collect();
    let fixed = [Range::before("1.0.1f-2")];
    assert_eq!(found, [("CVE-2014-0076", &fixed[..]), ("CVE-2014-0160", &fixed[..])]);
    assert_eq!(records[0].source, "debian-changelogs");
    assert_eq!(records[0].affected[0].ecosystem, release);
    assert_eq!(from_changelog("openssl", &release, b"\xff (1) x;\n CVE-"), []);
}

#[test]
fn what_is_no_feed_has_no_format() {
    for (name, text) in [
        ("LICENSE", "MIT License"),
        ("README.md", "# Read me"),
        ("package.json", r#"{"name": "x", "version": "1"}"#),
        ("schema.json", r#"{"$schema": "x", "properties": {}}"#),
        ("x.xml", "<html></html>"),
        ("x.yaml", "name: x"),
        ("empty.json", ""),
        ("list.json", "[1, 2]"),
        ("broken.json", "{"),
    ] {
        assert_eq!(Format::of(name, text.as_bytes()), None, "{name}");
    }
}
