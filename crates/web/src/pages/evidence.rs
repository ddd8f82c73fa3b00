//! What a scan saw besides packages, in words for pages: evidence in bytes, secrets, facts.

use fingerprint::Evidence;
use inventory::{Component, ImageInventory};
use ui::{FactView, SecretView};

/// Reasons that are shown of one component, and files of secrets: who needs all of them has the API.
const REASONS: usize = 12;
const SECRETS: usize = 200;

/// Why a component is thought to be in a file.
pub(super) fn of(component: &Component) -> Vec<String> {
    let all = component.evidence.iter().flat_map(|(path, all)| all.iter().map(move |one| (path, one)));
    all.take(REASONS).map(|(path, one)| format!("{path}: {}", sentence(one))).collect()
}

fn sentence(evidence: &Evidence) -> String {
    match evidence {
        Evidence::File { sha256 } => format!("the whole file is known, SHA-256 {sha256}"),
        Evidence::Section { name, offset, .. } => format!("its section {name} at byte {offset} is known"),
        Evidence::Banner { offset, text, .. } => format!("{text:?} at byte {offset} tells the version"),
        Evidence::BareVersion { offset, text } => format!("the version {text:?} at byte {offset}"),
        Evidence::PackageName { offset, text } => format!("{text:?} at byte {offset} names its package"),
        Evidence::Texts { matched, of, .. } => format!("{matched} of {of} known texts"),
        Evidence::VersionTexts { agreeing, of } => format!("{agreeing} of {of} texts that tell versions apart"),
        Evidence::Exports { matched, of } => format!("{matched} of {of} exported names"),
        Evidence::PeVersion { field, text } => format!("the version resource says {field}: {text:?}"),
    }
}

/// Keys and tokens, masked when they were read.
pub(super) fn secrets(inventory: &ImageInventory) -> Vec<SecretView> {
    let view = |(path, secrets): (&String, &inventory::Secrets)| SecretView {
        path: path.clone(),
        layer: secrets.layer + 1,
        removed: secrets.removed,
        found: secrets
            .found
            .iter()
            .take(REASONS)
            .map(|one| format!("{} {} (line {})", one.title, one.masked, one.line))
            .collect(),
    };
    inventory.secrets.iter().take(SECRETS).map(view).collect()
}

/// What the configuration and the files of the image are like.
pub(super) fn facts(config: &posture::Config, inventory: &ImageInventory) -> Vec<FactView> {
    let files = inventory.notable.iter().map(|(path, notable)| posture::File {
        path,
        mode: notable.mode,
        uid: None,
        size_bytes: notable.size_bytes,
    });
    let view =
        |fact: posture::Fact| FactView { sentence: fact.sentence.to_owned(), places: fact.places, count: fact.count };
    posture::facts(config, files).into_iter().map(view).collect()
}
