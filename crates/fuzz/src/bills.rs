//! Bills of materials and statements of others, and our own reports.

use bom::{Bill, Report, apply, statements};

use crate::reader::{Reader, ending};

const CASES: &str = "bom/tests/it/cases";
const FOREIGN: &str = "bom/tests/it/foreign";

pub(crate) fn readers() -> Vec<Reader> {
    let of_bills = [
        ("cyclonedx", CASES, ".cdx.json"),
        ("spdx2", CASES, ".spdx.json"),
        ("spdx3", CASES, ".spdx3.json"),
        ("spdx-tags", FOREIGN, ".spdx"),
        ("syft", FOREIGN, "syft.json"),
    ];
    let mut readers: Vec<Reader> = of_bills
        .into_iter()
        .map(|(name, folder, end)| Reader::new(format!("bom-{name}"), small(ending(folder, end)), read))
        .collect();
    for (name, folder, end) in [("openvex", CASES, ".vex.json"), ("csaf", FOREIGN, "csaf.json")] {
        readers.push(Reader::new(format!("bom-{name}"), small(ending(folder, end)), read));
    }
    readers.push(Reader::new("bom-report", small(ending(CASES, ".sorted.json")), |bytes| {
        let Ok(report) = Report::from_json(bytes) else { return false };
        let written = report.sorted().to_json();
        assert_eq!(Report::from_json(&written).unwrap().sorted().to_json(), written);
        true
    }));
    readers
}

/// The two smallest: what matters is how often, and large ones say nothing else.
fn small(mut seeds: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    seeds.sort_by_key(Vec::len);
    seeds.truncate(2);
    seeds
}

/// As a bill and as statements: a CycloneDX document may be both, and whoever gives us bytes does not say which they are.
fn read(bytes: &[u8]) -> bool {
    let bill = Bill::read(bytes);
    if let Ok(bill) = &bill {
        assert!(bill.components.is_sorted());
    }
    let stated = statements(bytes);
    if let Ok(stated) = &stated {
        let mut report = Report::from_json(&ending(CASES, "clean.sorted.json")[0]).unwrap();
        apply(&mut report, stated);
    }
    bill.is_ok() || stated.is_ok()
}
