//! Matching one inventory with a snapshot: pure.

use advisory::{Profile, Snapshot, find_with};
use inventory::ImageInventory;

use crate::{
    ImageFinding,
    judgement::{Totals, judgements},
    subjects::StoredSubject,
};

/// What a snapshot says of an inventory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Matched {
    pub(crate) totals: Totals,
    /// What could not be looked at, in sentences.
    pub(crate) gaps: Vec<String>,
}

impl Matched {
    /// Everything that is not known, in sentences.
    pub(crate) fn unknown(&self) -> Vec<String> {
        self.gaps.iter().cloned().chain(self.totals.sentences()).collect()
    }
}

/// Judge every component.
pub(crate) fn match_inventory(image: &ImageInventory, snapshot: &Snapshot, profile: Profile) -> Matched {
    let stored = crate::subjects::of_image(image);
    let subjects: Vec<_> = stored.keys().map(StoredSubject::as_subject).collect();
    let judgements = judgements(&subjects, snapshot, profile);
    let totals = Totals::of(judgements.iter().zip(stored.values().copied()));
    Matched { totals, gaps: image.gaps.iter().map(ToString::to_string).collect() }
}

/// Every finding in words, by component and advisory.
pub fn findings(image: &ImageInventory, snapshot: &Snapshot, profile: Profile) -> Vec<ImageFinding> {
    let stored: Vec<StoredSubject> =
        image.components.iter().map(|component| StoredSubject::of(image, component)).collect();
    let subjects: Vec<_> = stored.iter().map(StoredSubject::as_subject).collect();
    let found = find_with(&subjects, snapshot, profile).findings;
    found
        .into_iter()
        .map(|finding| {
            let component = &image.components[finding.subject];
            ImageFinding {
                component: component.name.clone(),
                version: component.version.clone(),
                purl: component.purl.clone(),
                layer: i64::try_from(component.layer).unwrap_or(i64::MAX),
                about: finding,
            }
        })
        .collect()
}
