//! Statements for signing.

use bom::{Error, Predicate, attest};
use serde_json::Value;

use crate::cases;

const DIGEST: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

#[test]
fn a_statement_names_its_subject_and_holds_the_document() {
    for (name, report) in cases::all() {
        for (predicate, kind, field) in [
            (Predicate::CycloneDx, "https://cyclonedx.org/bom", "bomFormat"),
            (Predicate::Spdx, "https://spdx.dev/Document", "spdxVersion"),
            (Predicate::Spdx3, "https://spdx.dev/Document", "@graph"),
            (Predicate::Vulnerabilities, "https://in-toto.io/attestation/vulns/v0.2", "scanner"),
        ] {
            let bytes = attest(&report, predicate, "registry.example/shop", DIGEST).unwrap();
            assert_eq!(bytes, attest(&report.clone().sorted(), predicate, "registry.example/shop", DIGEST).unwrap());
            assert!(!bytes.contains(&b'\n'));
            let statement: Value = serde_json::from_slice(&bytes).unwrap();
            assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
            assert_eq!(statement["predicateType"], kind);
            assert_eq!(statement["subject"][0]["digest"]["sha256"], DIGEST["sha256:".len()..]);
            assert!(!statement["predicate"][field].is_null(), "{name} {predicate:?}");
        }
    }
}

#[test]
fn the_result_of_a_scan_lists_every_finding() {
    let (_, report) = cases::all().into_iter().find(|(name, _)| name == "shop").unwrap();
    let bytes = attest(&report, Predicate::Vulnerabilities, "", DIGEST).unwrap();
    let statement: Value = serde_json::from_slice(&bytes).unwrap();
    let scanner = &statement["predicate"]["scanner"];
    assert_eq!(scanner["result"].as_array().unwrap().len(), report.findings.len());
    assert_eq!(scanner["db"]["version"], "2026-11-29");
    assert_eq!(statement["predicate"]["metadata"]["scanFinishedOn"], "2026-11-30T11:30:00Z");
    assert_eq!(statement["predicate"]["metadata"]["open"]["critical"], 2);
}

#[test]
fn a_subject_without_digest_is_refused() {
    let (_, report) = cases::all().remove(0);
    for digest in ["", "sha256:", "sha256:AA", &DIGEST.to_uppercase(), "sha512:00"] {
        assert!(matches!(attest(&report, Predicate::Spdx, "x", digest), Err(Error::Nothing(_))), "{digest}");
    }
}
