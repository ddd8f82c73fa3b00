//! Statements of others, and what they change.

use bom::{Bounds, Finding, Format, Justification, Report, Status, Vex, apply, decide, statements};

use crate::cases;

fn shop() -> Report {
    cases::all().into_iter().find(|(name, _)| name == "shop").unwrap().1.sorted()
}

fn finding<'a>(report: &'a Report, id: &str) -> &'a Finding {
    report.findings.iter().find(|finding| finding.id == id).unwrap()
}

const DIGEST: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// One OpenVEX statement that left-pad's vulnerability does not matter, about these products.
fn openvex(products: &str) -> String {
    format!(
        r#"{{"@context":"https://openvex.dev/ns/v0.2.0","@id":"https://example.org/vex","author":"Shop team","timestamp":"2026-11-01T00:00:00Z",
        "version":1,"statements":[{{"vulnerability":{{"name":"CVE-2024-0001"}},"status":"not_affected",
        "justification":"vulnerable_code_not_present","products":[{products}]}}]}}"#
    )
}

#[test]
fn products_are_matched_by_the_rules_of_package_urls() {
    let image = format!("pkg:oci/shop@sha256%3A{DIGEST}?repository_url=registry.example:5000/team/shop");
    let part = r#""subcomponents":[{"@id":"pkg:npm/left-pad"}]"#;
    for (products, applies) in [
        (r#"{"@id":"pkg:npm/left-pad@1.3.0"}"#.to_owned(), true),
        (r#"{"@id":"pkg:npm/left-pad"}"#.to_owned(), true),
        (r#""pkg:npm/left-pad""#.to_owned(), true),
        (r#"{"@id":"x","identifiers":{"purl":"pkg:npm/left-pad"}}"#.to_owned(), true),
        (r#"{"@id":"pkg:npm/left-pad@1.2.0"}"#.to_owned(), false),
        (r#"{"@id":"pkg:npm/left-pad?arch=arm64"}"#.to_owned(), false),
        (r#"{"@id":"pkg:npm/right-pad"}"#.to_owned(), false),
        (format!(r#"{{"@id":"{image}"}}"#), true),
        (format!(r#"{{"@id":"{image}",{part}}}"#), true),
        (format!(r#"{{"@id":"pkg:oci/shop",{part}}}"#), true),
        (format!(r#"{{"@id":"{image}","subcomponents":[{{"@id":"pkg:npm/left-pad@9"}}]}}"#), false),
        (format!(r#"{{"@id":"pkg:oci/other",{part}}}"#), false),
        (format!(r#"{{"@id":"pkg:oci/shop@sha256%3A00",{part}}}"#), false),
        (format!(r#"{{"@id":"x","hashes":{{"sha-256":"{DIGEST}"}},{part}}}"#), true),
        (format!(r#"{{"@id":"registry.example:5000/team/shop:1.4",{part}}}"#), true),
        (format!(r#"{{"@id":"registry.example:5000/team/shop@sha256:{DIGEST}",{part}}}"#), true),
        (r#"{"@id":"x","identifiers":{"cpe23":"cpe:2.3:a:left-pad:left-pad:*:*:*:*:*:*:*:*"}}"#.to_owned(), false),
        (String::new(), false),
    ] {
        let mut report = shop();
        let read = statements(openvex(&products).as_bytes()).unwrap();
        let count = apply(&mut report, &read);
        let changed = finding(&report, "GHSA-xxxx-yyyy-zzzz");
        assert_eq!((count == 1, changed.status == Status::NotAffected), (applies, applies), "{products}");
        if applies {
            let stated = changed.stated.as_ref().unwrap();
            assert_eq!(stated.justification, Some(Justification::VulnerableCodeNotPresent));
            assert_eq!(
                (stated.author.as_str(), stated.document.as_str()),
                ("Shop team", "https://example.org/vex statements[0]")
            );
            assert!(!changed.is_open(report.created));
        }
    }
}

#[test]
fn other_names_of_an_image_count_where_they_are_given() {
    let (report, index) = (shop(), "b".repeat(64));
    let also = [
        "registry.example:5000/team/shop:stable".to_owned(),
        format!("registry.example:5000/team/shop@sha256:{index}"),
    ];
    for product in [
        r#"{"@id":"registry.example:5000/team/shop:stable"}"#.to_owned(),
        r#"{"@id":"pkg:oci/shop?tag=stable"}"#.to_owned(),
        format!(r#"{{"@id":"pkg:oci/shop@sha256%3A{index}?repository_url=registry.example:5000/team/shop"}}"#),
        format!(r#"{{"@id":"registry.example:5000/team/shop@sha256:{index}"}}"#),
        format!(r#"{{"@id":"x","hashes":{{"sha-256":"{index}"}}}}"#),
    ] {
        let read = statements(openvex(&product).as_bytes()).unwrap();
        let held = |also: &[String]| decide(&report, also, &[&read[0]]).iter().flatten().count();
        assert_eq!((held(&[]), held(&also)), (0, 1), "{product}");
    }
}

#[test]
fn a_document_says_whose_it_is_and_of_when_and_is_bounded() {
    let text = openvex(r#""pkg:npm/left-pad","pkg:npm/right-pad""#);
    let read = Vex::read(text.as_bytes(), Bounds::default()).unwrap();
    assert_eq!(
        (read.format, read.name.as_str(), read.author.as_str()),
        ("OpenVEX", "https://example.org/vex", "Shop team")
    );
    assert_eq!((read.timestamp, read.statements.len()), ("2026-11-01T00:00:00Z".parse().ok(), 1));
    let csaf = Vex::read(CSAF.as_bytes(), Bounds::default()).unwrap();
    assert!(csaf.format == "CSAF" && !csaf.name.is_empty() && csaf.timestamp.is_some(), "{csaf:?}");
    for bounds in [Bounds { products: 1, ..Bounds::default() }, Bounds { product_bytes: 100, ..Bounds::default() }] {
        let refused = Vex::read(text.as_bytes(), bounds).unwrap_err();
        assert_eq!(refused.kind(), base::Kind::TooLarge, "{refused}");
    }
}

#[test]
fn a_cpe_names_components_too() {
    let mut report = shop();
    let text = openvex(r#"{"@id":"x","identifiers":{"cpe23":"cpe:2.3:a:zlib:zlib:*:*:*:*:*:*:*:*"}}"#)
        .replace("CVE-2024-0001", "cve-2022-37434");
    assert_eq!(apply(&mut report, &statements(text.as_bytes()).unwrap()), 1);
    assert_eq!(finding(&report, "CVE-2022-37434").status, Status::NotAffected);
}

#[test]
fn the_newest_statement_wins() {
    let one = |status: &str, time: &str| {
        format!(
            r#"{{"vulnerability":"CVE-2023-5678","status":"{status}","impact_statement":"x","timestamp":"{time}","products":["pkg:deb/debian/libssl3"]}}"#
        )
    };
    let (old, new) = (one("not_affected", "2026-01-01T00:00:00Z"), one("affected", "2026-02-01T00:00:00Z"));
    for order in [[&old, &new], [&new, &old]] {
        let text = format!(r#"{{"@context":"https://openvex.dev/ns","statements":[{},{}]}}"#, order[0], order[1]);
        let mut report = shop();
        apply(&mut report, &statements(text.as_bytes()).unwrap());
        assert_eq!(finding(&report, "CVE-2023-5678").status, Status::Affected);
    }
}

#[test]
fn what_is_written_as_openvex_says_the_same_when_it_is_read() {
    let report = shop();
    let written = Format::OpenVex.write(&report, 0).unwrap();
    let read = statements(&written).unwrap();
    let mut plain = shop();
    for finding in &mut plain.findings {
        (finding.status, finding.waiver, finding.stated) = (Status::Affected, None, None);
    }
    assert_eq!(apply(&mut plain, &read), plain.findings.len());
    for (id, status) in [
        ("CVE-2023-5678", Status::Affected),
        ("CVE-2022-37434", Status::Affected),
        ("GHSA-xxxx-yyyy-zzzz", Status::UnderInvestigation),
        // A waiver with a justification says more than that the risk is accepted.
        ("CVE-2024-1111", Status::NotAffected),
        ("CVE-2024-4444", Status::Affected),
        // This waiver has ended.
        ("CVE-2024-2222", Status::Affected),
        ("CVE-2024-3333", Status::NotAffected),
    ] {
        assert_eq!(finding(&plain, id).status, status, "{id}");
    }
    let accepted = finding(&plain, "CVE-2024-4444").stated.as_ref().unwrap();
    assert_eq!(accepted.action, "Accepted: The risk is accepted.");
}

#[test]
fn analyses_of_cyclonedx_are_statements() {
    let written = Format::CycloneDx.write(&shop(), 0).unwrap();
    let read = statements(&written).unwrap();
    let mut plain = shop();
    for finding in &mut plain.findings {
        (finding.status, finding.waiver, finding.stated) = (Status::Affected, None, None);
    }
    apply(&mut plain, &read);
    assert_eq!(finding(&plain, "CVE-2024-1111").status, Status::NotAffected);
    assert_eq!(finding(&plain, "CVE-2024-3333").status, Status::NotAffected);
    assert_eq!(finding(&plain, "GHSA-xxxx-yyyy-zzzz").status, Status::UnderInvestigation);
    // The same statements say nothing about another image.
    let mut other = shop();
    other.image.digest = Some(format!("sha256:{}", "f".repeat(64)));
    assert_eq!(apply(&mut other, &read), 0);
}

pub const CSAF: &str = include_str!("foreign/csaf.json");

#[test]
fn csaf_states_for_products_of_its_tree() {
    let read = statements(CSAF.as_bytes()).unwrap();
    assert_eq!(read.len(), 2);
    let mut report = shop();
    assert_eq!(apply(&mut report, &read), 1, "the platform is another one");
    let left = finding(&report, "GHSA-xxxx-yyyy-zzzz");
    assert_eq!(left.status, Status::NotAffected);
    let stated = left.stated.as_ref().unwrap();
    assert_eq!((stated.impact.as_str(), stated.author.as_str()), ("It is not called.", "Example PSIRT"));
    assert_eq!(stated.justification, Some(Justification::ComponentNotPresent));

    let mut report = shop();
    report.image.distribution.as_mut().unwrap().cpe = Some("cpe:/o:example:os:9.3".to_owned());
    assert_eq!(apply(&mut report, &read), 2);
    assert_eq!(finding(&report, "CVE-2023-5678").status, Status::WillNotFix);
}

#[test]
fn what_is_no_statement_is_refused_with_its_place() {
    for (text, expected) in [
        ("{}", "this is no format that we read"),
        ("[1]", "cannot be read at line 1"),
        (
            r#"{"@context":"https://openvex.dev/ns","statements":[{"vulnerability":"X","status":"fine","products":[]}]}"#,
            "statements[0].status",
        ),
        (
            r#"{"@context":"https://openvex.dev/ns","statements":[{"vulnerability":"X","status":"not_affected","justification":"because"}]}"#,
            "statements[0].justification",
        ),
        (r#"{"bomFormat":"CycloneDX","specVersion":"3.0"}"#, "specVersion"),
    ] {
        let error = statements(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}
