//! Reports of any content: documents stay JSON, bytes depend on nothing but the report, and what is read back is what was written.

use bom::{
    Bill, Component, Confidence, Cvss, Evidence, Finding, Format, Gap, Image, Layer, Report, Scanner, Score, Severity,
    Status, Waiver, statements,
};
use proptest::{collection::vec, option, prelude::*};
use serde_json::Value;

/// Names that repeat, names of other worlds, and what nobody expects.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[a-c]{1,2}", 1 => "@?[a-z]{1,4}/[a-z]{1,4}", 1 => "\\PC{0,8}", 1 => Just("\u{1b}[2J\n\"".to_owned())]
}

fn purl() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "pkg:(deb/debian|npm|generic|maven/g)/[a-c]@[0-9](\\?arch=[ab])?",
        1 => Just(String::new()),
    ]
}

fn layer() -> impl Strategy<Value = Option<usize>> {
    option::of(0_usize..4)
}

prop_compose! {
    fn component()(
        (kind, name, version, purl) in (name(), name(), name(), purl()),
        (paths, licenses, license_names) in (vec(name(), 0..3), vec("MIT|ISC OR MIT|\\PC{0,6}", 0..3), vec(name(), 0..2)),
        (layer, confidence, supplier) in (layer(), option::of(0_u32..=100), option::of(name())),
        details in vec(name(), 0..2),
    ) -> Component {
        let evidence = details.into_iter().map(|detail| Evidence { detail, ..Evidence::default() }).collect();
        let confidence = confidence.map(Confidence::from_units);
        Component { kind, name, version, purl, paths, licenses, license_names, layer, confidence, supplier, evidence, ..Component::default() }
    }
}

prop_compose! {
    fn finding()(
        (id, component, version, purl, reason) in ("(CVE-[0-9]|\\PC{1,4})", name(), name(), purl(), name()),
        (severity, status) in (0_usize..4, 0_usize..5),
        (fixed_in, waived, score) in (option::of(name()), option::of(name()), option::of(0_u32..=100)),
        (layer, urls) in (layer(), vec("https://[a-z]{1,3}|\\PC{0,5}", 0..2)),
    ) -> Finding {
        let severity = [Severity::Unknown, Severity::Minor, Severity::Major, Severity::Critical][severity];
        let waiver = waived.map(|reason| Waiver { reason, ..Waiver::default() });
        let vector = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:L".to_owned();
        let cvss = score.map(|score| Cvss { source: "nvd".to_owned(), vector, score: Score::from_units(score) }).into_iter().collect();
        let status = Status::ALL[status];
        Finding { id, component, version, purl, reason, severity, status, fixed_in, waiver, cvss, layer, urls, ..Finding::default() }
    }
}

prop_compose! {
    fn report()(
        (image, digest) in (name(), option::of(Just(format!("sha256:{}", "0a".repeat(32))))),
        components in vec(component(), 0..6),
        mut findings in vec(finding(), 0..5),
        (layers, gaps) in (vec(option::of(name()), 0..4), vec(name(), 0..2)),
    ) -> Report {
        // Half of the findings are about a component that is there.
        for (finding, component) in findings.iter_mut().step_by(2).zip(&components) {
            finding.component.clone_from(&component.name);
            finding.version.clone_from(&component.version);
            finding.purl.clone_from(&component.purl);
        }
        Report {
            image: Image { name: image, digest, ..Image::default() },
            layers: layers.into_iter().map(|instruction| Layer { instruction, ..Layer::default() }).collect(),
            components,
            findings,
            gaps: gaps.into_iter().map(|reason| Gap { reason, ..Gap::default() }).collect(),
            scanner: Scanner { name: "assay".to_owned(), version: "1".to_owned() },
            ..Report::default()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_format_holds_every_report(report in report()) {
        let mut turned = report.clone();
        turned.components.reverse();
        turned.findings.reverse();
        turned.gaps.reverse();
        turned.components.extend(report.components.first().cloned());
        for format in Format::ALL {
            let Ok(bytes) = format.write(&report, 60) else { continue };
            prop_assert_eq!(&bytes, &format.write(&turned, 60).unwrap());
            if format != Format::Table {
                prop_assert!(serde_json::from_slice::<Value>(&bytes).is_ok(), "{:?}", format);
            }
        }
    }

    #[test]
    fn our_own_format_comes_back(report in report()) {
        let sorted = report.sorted();
        prop_assert_eq!(Report::from_json(&sorted.to_json()).unwrap(), sorted);
    }

    #[test]
    fn what_we_write_is_read(report in report()) {
        let report = report.sorted();
        for format in [Format::Json, Format::CycloneDx, Format::Spdx, Format::Spdx3] {
            let bill = Bill::read(&format.write(&report, 0).unwrap());
            let bill = bill.map_err(|error| TestCaseError::fail(format!("{format:?}: {error}")))?;
            // Components that differ in what a format cannot say become one.
            prop_assert!(bill.components.len() <= report.components.len());
            prop_assert_eq!(bill.components.is_empty(), report.components.is_empty());
        }
        if let Ok(bytes) = Format::OpenVex.write(&report, 0) {
            prop_assert!(statements(&bytes).is_ok());
        }
        prop_assert!(statements(&Format::CycloneDx.write(&report, 0).unwrap()).is_ok());
    }

    #[test]
    fn references_in_documents_are_unique_and_lead_somewhere(report in report()) {
        let document: Value = serde_json::from_slice(&Format::CycloneDx.write(&report, 0).unwrap()).unwrap();
        let components = document["components"].as_array().unwrap();
        let refs: std::collections::BTreeSet<&str> = components.iter().map(|c| c["bom-ref"].as_str().unwrap()).collect();
        prop_assert_eq!(refs.len(), components.len());
        for vulnerability in document["vulnerabilities"].as_array().into_iter().flatten() {
            for affects in vulnerability["affects"].as_array().into_iter().flatten() {
                prop_assert!(refs.contains(affects["ref"].as_str().unwrap()));
            }
        }
        let document: Value = serde_json::from_slice(&Format::Spdx3.write(&report, 0).unwrap()).unwrap();
        let graph = document["@graph"].as_array().unwrap();
        let ids: Vec<&str> = graph.iter().filter_map(|element| element["spdxId"].as_str()).collect();
        let known: std::collections::BTreeSet<&str> = ids.iter().copied().collect();
        prop_assert_eq!(ids.len(), known.len());
        for element in graph {
            for target in element["to"].as_array().into_iter().flatten() {
                prop_assert!(known.contains(target.as_str().unwrap()));
            }
        }
    }
}
