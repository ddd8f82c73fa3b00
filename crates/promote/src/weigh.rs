//! What policies of other contexts come to: pruning and mirroring hold the same evidence against the same rules.

use base::Timestamp;
use db::Tx;
use oci::{Digest, RepoName, Tag};
use policy::{Decision, Policy, decide};
use registry::TagView;

use crate::{
    Error, Promote,
    asked::{About, Asked},
    facts,
};

/// What one policy says of a tag, and what that rests on.
#[derive(Clone, Debug)]
pub struct Weighed {
    pub decision: Decision,
    /// Of the scan's result and what is said of it; `None` where the policy asks for neither.
    basis: Option<String>,
    asked: Asked,
}

impl Promote {
    /// Hold each of these policies against what is known of a tag. Reads files too, so it is not for a transaction that writes.
    pub async fn weigh(
        &self,
        tx: &mut Tx,
        now: Timestamp,
        repository: &RepoName,
        view: &TagView,
        policies: &[&Policy],
    ) -> Result<Vec<Weighed>, Error> {
        let needs_scan = policies.iter().any(|policy| policy.needs_scan());
        let facts = match needs_scan {
            true => Some(self.facts(tx, now, repository, &view.image.digest).await?),
            false => None,
        };
        let about = About { holder: repository, digest: &view.image.digest, repository, tag: &view.tag };
        let asked = self.asked(tx, now, policies, about, view).await?;
        let bare = facts::evidence(repository, view, None, now);
        let full = facts::evidence(repository, view, facts.as_ref(), now);
        let weighed = policies.iter().map(|policy| {
            let (evidence, basis) = match policy.needs_scan() {
                true => (&full, facts.as_ref().map(|facts| facts.basis.clone())),
                false => (&bare, None),
            };
            let evidence = asked.added(policy, view, evidence.clone());
            Weighed { decision: decide(policy, &evidence), basis, asked: asked.clone() }
        });
        Ok(weighed.collect())
    }

    /// The tags that name an index of this image: each of them waits for all its images to be scanned.
    pub async fn tags_of_indexes(&self, repository: &RepoName, image: &Digest) -> Result<Vec<Tag>, Error> {
        let found = self.tags(repository, Some(image)).await?;
        Ok(found.into_iter().map(|(_, subject)| subject.tag).collect())
    }

    /// Whether what was weighed is still so, by SQL alone: for the transaction that acts on it. The tag itself is for the caller to
    /// compare.
    pub async fn still_weighs(
        &self,
        tx: &mut Tx,
        now: Timestamp,
        (repository, view): (&RepoName, &TagView),
        weighed: &Weighed,
    ) -> Result<bool, Error> {
        let about = About { holder: repository, digest: &view.image.digest, repository, tag: &view.tag };
        if !self.still_signed(tx, now, &weighed.asked, about).await? {
            return Ok(false);
        }
        match &weighed.basis {
            Some(basis) => Ok(*basis == self.basis(tx, now, repository, &view.image.digest).await?),
            None => Ok(true),
        }
    }
}
