//! Bytes that nobody means well: mutations of real documents, depth, size, and references that multiply.

use base::limits;
use bom::{Bill, Error, Format, Report, apply, statements};

use crate::cases;

/// A generator of our own, so that a failure can be repeated (Marsaglia, "Xorshift RNGs").
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }
}

/// A few bytes changed, cut out, doubled, or exchanged for what parsers fear.
fn mutate(document: &[u8], random: &mut Random) -> Vec<u8> {
    const FEARED: [&[u8]; 8] = [b"{", b"]", b"\"", b"null", b"-1e999", b"\\ud800", b"\xFF", b"99999999999999999999"];
    let mut bytes = document.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len());
        let end = (at + random.below(40)).min(bytes.len());
        match random.below(4) {
            0 => bytes[at] = u8::try_from(random.below(256)).unwrap(),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            _ => drop(bytes.splice(at..at, FEARED[random.below(FEARED.len())].iter().copied())),
        }
        if bytes.is_empty() {
            break;
        }
    }
    bytes
}

#[test]
fn a_thousand_mutations_of_each_format_do_no_harm() {
    let (_, report) = cases::all().into_iter().find(|(name, _)| name == "shop").unwrap();
    let mut report = report.sorted();
    // Small ones: what matters is how often, and time is short.
    report.components.drain(..6);
    report.components.truncate(1);
    report.findings.truncate(1);
    report.layers.truncate(1);
    let mut documents: Vec<Vec<u8>> = [Format::Json, Format::CycloneDx, Format::Spdx, Format::Spdx3, Format::OpenVex]
        .into_iter()
        .map(|format| format.write(&report, 0).unwrap())
        .collect();
    documents.extend(
        [crate::foreign::TAG_VALUE, crate::foreign::SYFT, crate::stating::CSAF].map(|text| text.as_bytes().to_vec()),
    );
    let mut random = Random(0x5eed);
    let (mut bills, mut stated) = (0, 0);
    for document in &documents {
        for _ in 0..1_000 {
            let bytes = mutate(document, &mut random);
            if let Ok(bill) = Bill::read(&bytes) {
                bills += 1;
                assert!(bill.components.is_sorted());
            }
            if let Ok(statements) = statements(&bytes) {
                stated += 1;
                apply(&mut report.clone(), &statements);
            }
        }
    }
    // Some survive, or nothing was tried.
    assert!(bills > 200 && stated > 200, "{bills} bills, {stated} sets of statements");
}

#[test]
fn depth_is_refused_and_not_followed() {
    let mut nested = r#"{"name":"x"}"#.to_owned();
    for _ in 0..60 {
        nested = format!(r#"{{"name":"x","components":[{nested}]}}"#);
    }
    let bill = format!(r#"{{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{nested}]}}"#);
    let error = Bill::read(bill.as_bytes()).unwrap_err();
    assert!(matches!(error, Error::TooLarge { limit: limits::BOM_DEPTH, .. }), "{error}");
    for text in ["{\"a\":".repeat(100_000), "[".repeat(100_000), format!("{{\"bomFormat\":{}", "[".repeat(100_000))] {
        assert!(Bill::read(text.as_bytes()).is_err() && statements(text.as_bytes()).is_err());
    }
    let branches = format!("{}{}", r#"{"branches":["#.repeat(55), "]}".repeat(55));
    let csaf = format!(r#"{{"document":{{}},"product_tree":{branches}}}"#);
    assert!(statements(csaf.as_bytes()).unwrap_err().to_string().contains("limit is 50"));
}

#[test]
fn size_is_refused_before_it_is_read() {
    let text = " ".repeat(limits::BOM_BYTES + 1);
    for error in [Bill::read(text.as_bytes()).unwrap_err(), statements(text.as_bytes()).unwrap_err()] {
        assert!(matches!(error, Error::TooLarge { what: "bytes", .. }));
        assert_eq!(error.kind(), base::Kind::TooLarge);
    }
    let name = "x".repeat(limits::BOM_TEXT_BYTES + 1);
    let bill = format!(r#"{{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{{"name":"{name}"}}]}}"#);
    assert!(Bill::read(bill.as_bytes()).unwrap_err().to_string().contains("components[0]"));
    let many = r#"{"name":"x"},"#.repeat(limits::BOM_COMPONENTS + 1);
    let bill =
        format!(r#"{{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{}]}}"#, many.trim_end_matches(','));
    assert!(matches!(Bill::read(bill.as_bytes()), Err(Error::TooLarge { what: "components", .. })));
}

#[test]
fn references_that_multiply_are_refused() {
    // One product of 5 kB, named 60,000 times: 300 MB.
    let purl = format!("pkg:npm/{}", "x".repeat(5_000));
    let ids = r#""p","#.repeat(60_000);
    let csaf = format!(
        r#"{{"document":{{}},"product_tree":{{"full_product_names":[{{"product_id":"p","product_identification_helper":{{"purl":"{purl}"}}}}]}},
        "vulnerabilities":[{{"cve":"CVE-1","product_status":{{"fixed":[{}]}}}}]}}"#,
        ids.trim_end_matches(',')
    );
    let error = statements(csaf.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("bytes of products of statements"), "{error}");

    // A group of 5,000 that 5,000 notes name: 25 million.
    let ids = r#""p","#.repeat(5_000);
    let note = r#"{"label":"component_not_present","group_ids":["g"]},"#.repeat(5_000);
    let csaf = format!(
        r#"{{"document":{{}},"product_tree":{{"product_groups":[{{"group_id":"g","product_ids":[{}]}}]}},
        "vulnerabilities":[{{"cve":"CVE-1","flags":[{}]}}]}}"#,
        ids.trim_end_matches(','),
        note.trim_end_matches(',')
    );
    let error = statements(csaf.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("references to products"), "{error}");
}

#[test]
fn a_report_that_is_none_says_where() {
    let error = Report::from_json(b"{\"image\": 1}").unwrap_err().to_string();
    assert!(error.contains("line 1 column"), "{error}");
}
