//! Bytes that nobody means well: depth, size, and references that multiply. Damaged real documents are tried by the crate `fuzz`.

use base::limits;
use bom::{Bill, Error, Report, statements};

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
