//! What policies ask of an image beside its findings.

use std::collections::BTreeMap;

use base::Timestamp;
use db::Tx;
use inventory::{Component, ImageInventory};
use oci::{Digest, RepoName};
use package::{OsRelease, PackageType};
use policy::Distribution;
use registry::{Registry, Visibility};

use crate::{Error, Scan};

/// Names of base images that are kept for one image.
const BASE_NAMES: usize = 50;

/// The facts of one image, or of all images of an index together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageFacts {
    /// SPDX expressions, each once.
    pub license_expressions: Vec<String>,
    /// Components without one.
    pub unexpressed: u64,
    /// By kind.
    pub secrets: BTreeMap<String, u64>,
    /// By [`posture::Fact::id`], with the number of places; None where a configuration cannot be read.
    pub configuration: Option<BTreeMap<String, u64>>,
    /// For each image, the names of those in public repositories that have its lowest layers.
    pub bases: Vec<Vec<String>>,
    /// In percent.
    pub lowest_confidence: u64,
    /// None where it cannot be told.
    pub distribution: Option<Distribution>,
}

impl Scan {
    /// Names that everybody may read: a decision tells what it rests on to whoever sees it.
    async fn public_bases(tx: &mut Tx, repository: &RepoName, digest: &Digest) -> Result<Vec<String>, Error> {
        let mut names = Vec::new();
        for (base, _) in Registry::built_on(tx, digest).await? {
            for place in Registry::places(tx, &base).await? {
                let found = Registry::find(tx, &place.repository).await?;
                let public = found.is_some_and(|found| found.visibility == Visibility::Public);
                if public && place.repository != *repository {
                    names.extend(place.tags.iter().map(|tag| format!("{}:{tag}", place.repository)));
                }
            }
            if names.len() >= BASE_NAMES {
                break;
            }
        }
        names.truncate(BASE_NAMES);
        Ok(names)
    }

    pub(crate) async fn facts_of(
        &self,
        tx: &mut Tx,
        repository: &RepoName,
        digest: &Digest,
        image: &ImageInventory,
    ) -> Result<ImageFacts, Error> {
        let bases = Scan::public_bases(tx, repository, digest).await?;
        let config = match Registry::image_of(tx, digest).await? {
            Some(found) => self.registry.config_bytes_in(tx, repository, &found).await?,
            None => None,
        };
        Ok(ImageFacts::of(image, config.as_deref(), bases))
    }
}

impl ImageFacts {
    fn of(image: &ImageInventory, config: Option<&[u8]>, bases: Vec<String>) -> ImageFacts {
        let expressed = image.components.iter().filter_map(expression);
        let mut license_expressions: Vec<String> = expressed.collect();
        let unexpressed = image.components.len() as u64 - license_expressions.len() as u64;
        license_expressions.sort();
        license_expressions.dedup();
        let mut secrets = BTreeMap::new();
        for found in image.secrets.values().flat_map(|file| &file.found) {
            *secrets.entry(found.rule.clone()).or_default() += 1;
        }
        let confidence = image.components.iter().map(|one| one.confidence.map_or(100, u64::from)).min();
        let configuration = config.and_then(posture::Config::parse).map(|config| {
            let told = posture::facts(&config, crate::report::notable(image));
            told.into_iter().map(|fact| (fact.id.to_owned(), fact.count.max(1) as u64)).collect()
        });
        ImageFacts {
            license_expressions,
            unexpressed,
            secrets,
            configuration,
            bases: vec![bases],
            lowest_confidence: confidence.unwrap_or(100),
            distribution: distribution(image),
        }
    }

    /// Both together: what holds of an index with both images.
    pub(crate) fn with(mut self, other: &ImageFacts) -> ImageFacts {
        self.license_expressions.extend(other.license_expressions.iter().cloned());
        self.license_expressions.sort();
        self.license_expressions.dedup();
        self.unexpressed += other.unexpressed;
        add(&mut self.secrets, &other.secrets);
        self.configuration = match (self.configuration, &other.configuration) {
            (Some(mut own), Some(others)) => {
                add(&mut own, others);
                Some(own)
            }
            _ => None,
        };
        self.bases.extend(other.bases.iter().cloned());
        self.lowest_confidence = self.lowest_confidence.min(other.lowest_confidence);
        self.distribution = match (self.distribution, &other.distribution) {
            (Some(own), Some(others)) => Some(shorter(own, others)),
            _ => None,
        };
        self
    }

    /// Write it into the evidence of a decision.
    pub fn write(&self, evidence: &mut policy::Evidence) {
        evidence.license_expressions = Some(self.license_expressions.clone());
        evidence.unexpressed = self.unexpressed;
        evidence.secrets = Some(self.secrets.clone());
        evidence.facts = self.configuration.clone();
        evidence.bases = Some(self.bases.clone());
        evidence.lowest_confidence = Some(self.lowest_confidence);
        evidence.distribution = self.distribution.clone();
    }
}

fn add(counts: &mut BTreeMap<String, u64>, others: &BTreeMap<String, u64>) {
    for (kind, count) in others {
        *counts.entry(kind.clone()).or_default() += count;
    }
}

/// What all statements about a component's licence say together; none where one of them says nothing.
fn expression(component: &Component) -> Option<String> {
    let texts = || component.licenses.iter().map(String::as_str);
    let all_said = texts().all(|text| license::expression(text).spdx.is_some());
    license::all(texts()).spdx.filter(|_| all_said)
}

fn distribution(image: &ImageInventory) -> Option<Distribution> {
    let Some(os) = &image.os else {
        let hides = image.components.iter().any(|one| is_of_distribution(one.kind));
        return (!hides).then(Distribution::default);
    };
    let name = format!("{} {}", os.id, os.version_id);
    Some(Distribution { name: name.trim_end().to_owned(), end_of_life: end(os) })
}

fn is_of_distribution(kind: PackageType) -> bool {
    use PackageType::{Alpm, Apk, Deb, Opkg, Rpm};
    matches!(kind, Deb | Apk | Rpm | Alpm | Opkg)
}

/// When the last day for everybody is over; long-term and paid services are not for everybody.
fn end(os: &OsRelease) -> Option<Timestamp> {
    let day = package::end_of_life(os)?.standard.tomorrow().ok()?;
    format!("{day}T00:00:00Z").parse().ok()
}

/// The one whose updates end first; one of which that is not known before all.
fn shorter(own: Distribution, other: &Distribution) -> Distribution {
    let none = |one: &Distribution| one.name.is_empty();
    match (own.end_of_life, other.end_of_life) {
        _ if none(&own) => other.clone(),
        _ if none(other) => own,
        (None, _) => own,
        (Some(left), Some(right)) if left <= right => own,
        _ => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn debian(version: &str) -> ImageInventory {
        let os = OsRelease { id: "debian".to_owned(), version_id: version.to_owned(), ..OsRelease::default() };
        ImageInventory { os: Some(os), ..ImageInventory::default() }
    }

    #[test]
    fn an_index_ends_with_the_image_that_ends_first() {
        let facts = |version: &str| ImageFacts::of(&debian(version), Some(b"{}"), Vec::new());
        let (old, new) = (facts("11"), facts("12"));
        let both = new.with(&old);
        assert_eq!(both.distribution.as_ref().unwrap().name, "debian 11");
        assert_eq!(both.bases, [[""; 0]; 2]);
        let configuration = both.configuration.as_ref().unwrap();
        assert_eq!(configuration.get("runs-as-root"), Some(&2), "{configuration:?}");
        let scratch = ImageFacts::of(&ImageInventory::default(), None, Vec::new());
        assert_eq!(scratch.distribution, Some(Distribution::default()));
        assert_eq!(both.clone().with(&scratch).configuration, None, "what one does not tell is not known of both");
        assert_eq!(both.clone().with(&scratch).distribution, both.distribution);
    }
}
