//! The reports of `cases/`: each is written in every format and compared with the files beside it, byte for byte.
//!
//! A new case is a file `NAME.report.json`. What is expected is written by `ASSAY_BLESS=1 cargo test -p bom`, and read by a person
//! before it is committed.

use std::{fs, path::PathBuf};

use bom::{Format, Report};

pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/cases")
}

/// Name and report of each case.
pub fn all() -> Vec<(String, Report)> {
    let mut found: Vec<(String, Report)> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter_map(|path| {
            let name = path.file_name()?.to_str()?.strip_suffix(".report.json")?.to_owned();
            Some((name, Report::from_json(&fs::read(&path).unwrap()).unwrap()))
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    assert!(found.len() >= 3);
    found
}

/// The file of a format beside a report.
pub fn extension(format: Format) -> &'static str {
    match format {
        Format::Json => "sorted.json",
        Format::CycloneDx => "cdx.json",
        Format::Spdx => "spdx.json",
        Format::Spdx3 => "spdx3.json",
        Format::Sarif => "sarif.json",
        Format::OpenVex => "vex.json",
        Format::Table => "txt",
    }
}

#[expect(clippy::disallowed_methods, reason = "a person asks for new expectations in the environment")]
fn bless() -> bool {
    std::env::var("ASSAY_BLESS").is_ok()
}

#[test]
fn each_format_is_as_expected() {
    for (name, report) in all() {
        for format in Format::ALL {
            let path = folder().join(format!("{name}.{}", extension(format)));
            let Ok(written) = format.write(&report, 100) else {
                assert!(format == Format::OpenVex && report.findings.is_empty());
                continue;
            };
            if bless() {
                fs::write(&path, &written).unwrap();
            }
            let expected = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            assert_eq!(String::from_utf8(written).unwrap(), String::from_utf8(expected).unwrap(), "{}", path.display());
        }
    }
}

#[test]
fn order_does_not_matter_and_content_does() {
    for (name, report) in all() {
        let mut turned = report.clone();
        turned.components.reverse();
        turned.findings.reverse();
        turned.gaps.reverse();
        let mut changed = report.clone();
        changed.image.name.push('x');
        for format in Format::ALL {
            let write = |report: &Report| format.write(report, 100).ok();
            assert_eq!(write(&report), write(&turned), "{name} {format:?}");
            if let Some(bytes) = write(&report) {
                assert_ne!(Some(bytes), write(&changed), "{name} {format:?}");
            }
        }
    }
}

#[test]
fn our_own_format_comes_back() {
    for (name, report) in all() {
        let sorted = report.sorted();
        assert_eq!(Report::from_json(&sorted.to_json()).unwrap(), sorted, "{name}");
    }
}

#[test]
fn formats_have_one_name() {
    for format in Format::ALL {
        assert_eq!(format.as_str().parse::<Format>().unwrap(), format);
    }
    assert!("xml".parse::<Format>().unwrap_err().contains("cyclonedx"));
}
