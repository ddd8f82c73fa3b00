//! What is known about an image at the moment of a decision: the scan's result less what does not count.

use base::Timestamp;
use db::Tx;
use oci::{Digest, RepoName};
use policy::{Counts, Evidence};
use registry::{Registry, TagView};

use crate::{Error, Promote, Triage};

/// The facts of one image, and a digest of the rows they came from: when that is still the same, so are they.
pub(crate) struct Facts {
    pub(crate) basis: String,
    scan: scan::Evidence,
    waived: Counts,
}

impl Promote {
    /// Read the scan's result and what is said of it. Reads files too, so it is not for a transaction that writes.
    pub(crate) async fn facts(
        &self,
        tx: &mut Tx,
        now: Timestamp,
        repository: &RepoName,
        digest: &Digest,
    ) -> Result<Facts, Error> {
        let basis = self.basis(tx, now, repository, digest).await?;
        let scan = self.scan.evidence(tx, repository, digest).await?;
        let mut waived = Counts::default();
        for image in images(tx, repository, digest).await? {
            let triage = self.triage_in(tx, now, repository, digest, &image).await?;
            let image = Registry::image_of(tx, &image).await?.filter(|_| !triage.is_empty());
            let Some(image) = image else { continue };
            for found in self.found(tx, now, (repository, &image), &triage).await? {
                if !found.is_open() {
                    *found.finding.count_in(&mut waived) += 1;
                }
            }
        }
        Ok(Facts { basis, scan, waived })
    }

    /// A digest over the rows that [`Promote::facts`] reads, by SQL alone.
    pub(crate) async fn basis(
        &self,
        tx: &mut Tx,
        now: Timestamp,
        repository: &RepoName,
        digest: &Digest,
    ) -> Result<String, Error> {
        let mut text = String::new();
        for image in images(tx, repository, digest).await? {
            let summary = self.scan.summary(tx, repository, &image).await?;
            text.push_str(&serde_json::to_string(&summary).expect("a summary has only text keys"));
            text.push_str(&self.triage_in(tx, now, repository, digest, &image).await?.basis());
            text.push('\n');
        }
        Ok(base::digest_hex(text.as_bytes()))
    }

    /// What is said of an image, and of the index it is judged in.
    pub(crate) async fn triage_in(
        &self,
        tx: &mut Tx,
        now: Timestamp,
        repository: &RepoName,
        digest: &Digest,
        image: &Digest,
    ) -> Result<Triage, Error> {
        let digests = [digest, image];
        let own = if image == digest { &digests[..1] } else { &digests[..] };
        self.triage(tx, now, repository, own).await
    }
}

/// The evidence that policies are held against; without `facts` for those that ask for nothing of a scan.
pub(crate) fn evidence(repository: &RepoName, view: &TagView, facts: Option<&Facts>, now: Timestamp) -> Evidence {
    let mut evidence = Evidence::new(view.tag.as_str(), now);
    evidence.repository = Some(repository.to_string());
    evidence.image = Some(view.image.digest.to_string());
    evidence.updated_at = Some(view.pushed_at);
    match facts.map(|facts| (&facts.scan, &facts.waived)) {
        None => {}
        Some((scan::Evidence::Missing(why), _)) => evidence.missing = Some(why.clone()),
        Some((scan::Evidence::Known(known), waived)) => {
            evidence.components = Some(known.components.clone());
            evidence.licenses = Some(known.licenses.clone());
            evidence.unlicensed = known.unlicensed;
            known.facts.write(&mut evidence);
            evidence.counts = Some(less(&known.counts, waived));
            evidence.snapshot = Some(known.snapshot.clone());
        }
    }
    evidence
}

fn less(found: &Counts, waived: &Counts) -> Counts {
    Counts {
        critical: found.critical.saturating_sub(waived.critical),
        major: found.major.saturating_sub(waived.major),
        minor: found.minor.saturating_sub(waived.minor),
        unknown: found.unknown.saturating_sub(waived.unknown),
        waived: waived.all(),
    }
}

/// The image itself, or those an index names; what of them the repository does not hold stands among them, unknown.
pub(crate) async fn images(tx: &mut Tx, repository: &RepoName, digest: &Digest) -> Result<Vec<Digest>, Error> {
    let members = Registry::members(tx, repository, digest).await?;
    Ok(members.images.into_iter().map(|image| image.digest).chain(members.absent).collect())
}
