//! What only some policies ask for: gathered when one does, and part of the evidence of those that do.
//!
//! Evidence that every policy had would make decisions anew of what nobody asked: scores of exploitation come every day.

use std::collections::BTreeSet;

use base::{Timestamp, limits};
use db::Tx;
use oci::{Digest, ImageConfig, RepoName, Tag};
use policy::{Configuration, Counts, Epss, Evidence, Need, Policy, Provenance, Signature, Waived};
use registry::{Registry, TagView};
use scan::ImageFinding;

use crate::{Error, Promote, facts};

/// Which image is asked about, and as what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About<'a> {
    /// The repository that holds it.
    pub(crate) holder: &'a RepoName,
    pub(crate) digest: &'a Digest,
    /// The tag that is decided about, which may have moved on.
    pub(crate) repository: &'a RepoName,
    pub(crate) tag: &'a Tag,
}

/// What was found of it; None where no policy asks, or nothing tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    findings: Option<Findings>,
    configurations: Option<Vec<Configuration>>,
    signatures: Option<Vec<Signature>>,
    provenance: Option<Provenance>,
}

/// The findings of all images behind the tag, with what is said of each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Findings {
    waived: Counts,
    /// The rest of those that are not waived.
    fixable: u64,
    exploited: Option<u64>,
    epss: Option<Epss>,
}

impl Promote {
    /// Gather what these policies ask for. Reads files too, so it is not for a transaction that writes.
    pub(crate) async fn asked(
        &self,
        tx: &mut Tx,
        now: Timestamp,
        policies: &[&Policy],
        about: About<'_>,
        view: &TagView,
    ) -> Result<Asked, Error> {
        let needs = |need| policies.iter().any(|policy| policy.needs(need));
        let mut asked = Asked::default();
        if needs(Need::Findings) {
            asked.findings = self.findings(tx, now, about).await?;
        }
        if needs(Need::Configuration) {
            asked.configurations = self.configurations(tx, about).await?;
        }
        if needs(Need::Signatures) {
            asked.signatures = self.signatures(tx, now, about).await?;
        }
        if needs(Need::Push)
            && let Some(job) = view.job
        {
            let pipeline = ci::Ci::pipeline_of_job(tx, job).await?;
            asked.provenance = pipeline.map(|pipeline| Provenance {
                project: pipeline.path.to_string(),
                reference: pipeline.reference.to_string(),
            });
        }
        Ok(asked)
    }

    /// Whether what was gathered, and can change without the tag, its scan or what is said of that, is the same.
    pub(crate) async fn still_signed(
        &self,
        tx: &mut Tx,
        now: Timestamp,
        asked: &Asked,
        about: About<'_>,
    ) -> Result<bool, Error> {
        match &asked.signatures {
            Some(signatures) => Ok(self.signatures(tx, now, about).await?.as_ref() == Some(signatures)),
            None => Ok(true),
        }
    }

    /// None when the scan is not known.
    async fn findings(&self, tx: &mut Tx, now: Timestamp, about: About<'_>) -> Result<Option<Findings>, Error> {
        let scan::Evidence::Known(known) = self.scan.evidence(tx, about.holder, about.digest).await? else {
            return Ok(None);
        };
        let sources = self.scan.sources_of(&known.snapshot).await?;
        let mut findings = Findings::of(&sources);
        for image in facts::images(tx, about.holder, about.digest).await? {
            let triage = self.triage_in(tx, now, about.holder, about.digest, &image).await?;
            let Some(image) = Registry::image_of(tx, &image).await? else { continue };
            for found in self.found(tx, now, (about.holder, &image), &triage).await? {
                match found.is_open() {
                    true => findings.add(&found.finding),
                    false => *found.finding.count_in(&mut findings.waived) += 1,
                }
            }
        }
        Ok(Some(findings))
    }

    /// What the configuration of each image behind the tag says; None when one cannot be read.
    async fn configurations(&self, tx: &mut Tx, about: About<'_>) -> Result<Option<Vec<Configuration>>, Error> {
        let members = Registry::members(tx, about.holder, about.digest).await?;
        if !members.absent.is_empty() {
            return Ok(None);
        }
        let mut configurations = Vec::new();
        for image in &members.images {
            let bytes = self.registry.config_bytes_in(tx, about.holder, image).await?;
            let config = bytes.and_then(|bytes| ImageConfig::parse(&bytes).ok());
            let bytes = |config: &ImageConfig| -> usize {
                config.labels.iter().map(|(name, value)| name.len() + value.len()).sum()
            };
            let Some(config) = config.filter(|config| bytes(config) <= limits::POLICY_LABELS_BYTES) else {
                return Ok(None);
            };
            let created_at = Configuration::told(config.created);
            configurations.push(Configuration { created_at, labels: config.labels });
        }
        Ok(Some(configurations))
    }

    /// Who signed the tag with this digest, by Content Trust; none when it is not signed, or with another digest. In the words of other
    /// kinds (cosign, notation) nobody is asked yet: they would stand among these under their own kind.
    async fn signatures(&self, tx: &mut Tx, now: Timestamp, about: About<'_>) -> Result<Option<Vec<Signature>>, Error> {
        let Some(trust) = &self.trust else { return Ok(None) };
        let signed = trust.is_signed(tx, now, about.repository, about.tag.as_str()).await?;
        let Some(signed) = signed.filter(|signed| signed.digest == *about.digest) else { return Ok(Some(Vec::new())) };
        let signature = |role: &str, accounts: Vec<String>| Signature {
            kind: Signature::CONTENT_TRUST.to_owned(),
            role: role.to_owned(),
            accounts,
        };
        let each = signed.signers.iter().map(|signer| {
            let names = signer.accounts.iter().map(|account| account.name.to_string());
            signature(&signer.role, names.collect())
        });
        let mut signatures: Vec<Signature> = each.collect();
        if signatures.is_empty() {
            // What consumers read says it, and no signer of his own.
            signatures.push(signature(&signed.released_by, Vec::new()));
        }
        signatures.sort_unstable();
        Ok(Some(signatures))
    }
}

impl Asked {
    /// The evidence with what this policy asks for.
    pub(crate) fn added(&self, policy: &Policy, view: &TagView, mut evidence: Evidence) -> Evidence {
        if let Some(findings) = self.findings.as_ref().filter(|_| policy.needs(Need::Findings)) {
            let Counts { critical, major, minor, unknown, .. } = findings.waived;
            evidence.waived = Some(Waived { critical, major, minor, unknown });
            evidence.fixable = Some(findings.fixable);
            evidence.exploited = findings.exploited;
            evidence.epss = findings.epss;
        }
        if policy.needs(Need::Configuration) {
            evidence.configurations.clone_from(&self.configurations);
        }
        if policy.needs(Need::Signatures) {
            evidence.signatures.clone_from(&self.signatures);
        }
        if policy.needs(Need::Push) {
            evidence.pushed_by = Some(view.pushed_by.clone());
            evidence.provenance.clone_from(&self.provenance);
        }
        evidence
    }
}

impl Findings {
    /// Nothing found yet, of advisories from these sources. Without a source nobody knows what it would say.
    fn of(sources: &BTreeSet<String>) -> Findings {
        Findings {
            exploited: sources.contains("kev").then_some(0),
            epss: sources.contains("epss").then(Epss::default),
            ..Findings::default()
        }
    }

    fn add(&mut self, finding: &ImageFinding) {
        self.fixable += u64::from(finding.about.fixed_version.is_some());
        if let Some(exploited) = &mut self.exploited {
            *exploited += u64::from(finding.about.kev.is_some());
        }
        if let Some(epss) = &mut self.epss {
            match &finding.about.epss {
                // Of 100,000: thousandths of a percent.
                Some(score) => epss.highest = epss.highest.max(u64::from(score.probability_1e5)),
                None => epss.unscored += 1,
            }
        }
    }
}
