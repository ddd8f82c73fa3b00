//! What we write is read again, by the readers for the documents of others.

use bom::{Bill, Component, Format, Report};

use crate::cases;

fn read(report: &Report, format: Format) -> Bill {
    Bill::read(&format.write(report, 80).unwrap()).unwrap()
}

/// What every format carries. A component of any name is found again by what identifies it.
fn essence(component: &Component) -> (String, String, String, Vec<String>, Option<usize>) {
    let mut paths: Vec<String> = component.paths.iter().map(|path| path.replace(['\r', '\n'], " ")).collect();
    paths.sort();
    (component.name.clone(), component.version.clone(), component.purl.clone(), paths, component.layer)
}

#[test]
fn components_come_back_from_every_format() {
    for (name, report) in cases::all() {
        let report = report.sorted();
        for format in [Format::Json, Format::CycloneDx, Format::Spdx, Format::Spdx3] {
            let bill = read(&report, format);
            let mut expected: Vec<_> = report.components.iter().map(essence).collect();
            let mut found: Vec<_> = bill.components.iter().map(essence).collect();
            if matches!(format, Format::Spdx | Format::Spdx3) {
                // Their readers find no layers, so components cannot name one.
                assert!(bill.layers.is_empty());
                expected.iter_mut().for_each(|essence| essence.4 = None);
            } else {
                let names = |layers: &[bom::Layer]| layers.iter().map(|l| l.digest.clone()).collect::<Vec<_>>();
                assert_eq!(names(&bill.layers), names(&report.layers), "{name} {format:?}");
            }
            expected.sort();
            found.sort();
            assert_eq!(found, expected, "{name} {format:?}");
            assert_eq!(bill.image.digest, report.image.digest, "{name} {format:?}");
            assert_eq!(bill.image.name, report.image.name, "{name} {format:?}");
            let distribution = |image: &bom::Image| image.distribution.clone().map(|d| (d.id, d.version));
            assert_eq!(distribution(&bill.image), distribution(&report.image), "{name} {format:?}");
            let sources = |list: &[Component]| list.iter().filter_map(|c| c.source.clone()).collect::<Vec<_>>();
            assert_eq!(sources(&bill.components), sources(&report.components), "{name} {format:?}");
        }
    }
}

#[test]
fn a_bill_becomes_a_report_that_can_be_written() {
    for (_, report) in cases::all() {
        let bill = read(&report, Format::CycloneDx);
        let again = bill.clone().into_report(report.scanner.clone(), report.created);
        let second = read(&again, Format::CycloneDx);
        assert_eq!(second.components, bill.components);
    }
}

#[test]
fn everything_of_a_component_survives_cyclonedx() {
    let (_, report) = cases::all().into_iter().find(|(name, _)| name == "shop").unwrap();
    let report = report.sorted();
    let bill = read(&report, Format::CycloneDx);
    let find = |list: &[Component], name: &str| list.iter().find(|c| c.name == name).unwrap().clone();
    for name in ["libssl3", "bash", "zlib", "@angular/core", "org.slf4j:slf4j-api"] {
        let (mut was, mut is) = (find(&report.components, name), find(&bill.components, name));
        // Places of evidence are the places of the component; licences without identifier become references in an expression.
        for component in [&mut was, &mut is] {
            component.evidence.clear();
            if component.license_names.len() == 2 {
                (component.licenses, component.license_names) = Default::default();
            }
        }
        assert_eq!(is, was);
    }
}

#[test]
fn what_a_bill_leaves_open_is_said() {
    let (_, report) = cases::all().into_iter().find(|(name, _)| name == "shop").unwrap();
    let gaps = read(&report, Format::CycloneDx).gaps;
    let has = |text: &str| gaps.iter().any(|gap| gap.reason.contains(text));
    assert!(
        has("opt/blob.zip")
            && has("1 components of the bill have neither")
            && has("1 components of the bill have no version")
    );
}
