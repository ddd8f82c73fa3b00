//! Matching an inventory with a snapshot: pure.

use advisory::{Ecosystem, Snapshot, Subject, Unknown, find};
use inventory::{Component, ImageInventory};
use package::PackageType;
use policy::Counts;

use crate::ImageFinding;

/// What a snapshot says of an inventory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Matched {
    pub(crate) findings: Vec<ImageFinding>,
    pub(crate) counts: Counts,
    /// What could not be judged, in sentences.
    pub(crate) unknown: Vec<String>,
}

/// Match every component. Python packages are judged by their own advisories where the snapshot has some; a snapshot without any
/// says nothing about them, and that is said.
pub(crate) fn match_inventory(image: &ImageInventory, snapshot: &Snapshot) -> Matched {
    let subjects: Vec<Subject<'_>> = image.components.iter().map(|component| subject(image, component)).collect();
    let matches = find(&subjects, snapshot);
    let mut matched = Matched::default();
    for finding in matches.findings {
        let component = &image.components[finding.subject];
        let severity = finding.severity.as_str();
        let count = match severity {
            "critical" => &mut matched.counts.critical,
            "major" => &mut matched.counts.major,
            "minor" => &mut matched.counts.minor,
            _ => &mut matched.counts.unknown,
        };
        *count += 1;
        matched.findings.push(ImageFinding {
            component: component.name.clone(),
            version: component.version.clone(),
            purl: component.purl.clone(),
            layer: i64::try_from(component.layer).unwrap_or(i64::MAX),
            advisory: finding.advisory,
            aliases: finding.aliases,
            severity: severity.to_owned(),
            source_severity: finding.source_severity,
            fixed_version: finding.fixed_version,
            reason: finding.reason,
        });
    }
    matched.unknown = image.gaps.iter().map(ToString::to_string).collect();
    matched.unknown.extend(matches.unknown.iter().map(|(reason, count)| sentence(reason, *count)));
    matched
}

/// A package of a distribution is judged by that distribution's advisories only; one of another kind than the distribution's own
/// is of no distribution we know.
fn subject<'a>(image: &ImageInventory, component: &'a Component) -> Subject<'a> {
    let distribution = image.os.as_ref().and_then(|os| Ecosystem::of_distribution(&os.id, &os.version_id));
    let ecosystem = Ecosystem::of_package(component.kind.as_str(), distribution.as_ref());
    match component.kind {
        PackageType::Alpm | PackageType::Apk | PackageType::Deb | PackageType::Opkg | PackageType::Rpm => {
            Subject::new(ecosystem, &component.source, &component.source_version)
                .installed_as(&component.name, &component.version)
        }
        _ => Subject::new(ecosystem, &component.name, &component.version),
    }
}

fn sentence(reason: &Unknown, count: u64) -> String {
    format!("{count} components: {reason}")
}
