//! Deletion that nobody asks for tag by tag: by a pruning policy, or by a tag limit. What somebody relies on is kept, with the
//! reason.

use std::fmt;

use base::Ctx;
use db::Tx;
use oci::{Digest, RepoName};

use crate::{
    Error, Hold, Origin, Registry, Repository, Right, TagView,
    delete::{self, Because},
    store,
};

/// Why a tag is kept though a rule says that it may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// Another context holds it: trust data names it.
    Held(String),
    /// By the digest: a signature that cosign, notation or Sigstore attached.
    Signed,
    /// It is where cosign keeps what it says of an image that is here.
    SignatureOf(Digest),
    PartOf(Digest),
    Promoted(RepoName),
}

/// A tag that a limit leaves over.
#[derive(Clone, Debug)]
pub struct BeyondLimit {
    pub view: TagView,
    /// Why it stays all the same.
    pub kept: Option<Kept>,
}

impl Registry {
    /// Why the tag is kept from automatic deletion, if it is; with `promoted_too` a promotion is no reason. What runs on engines is
    /// not known here: guards report what begins, and nobody what ends.
    pub async fn why_kept(
        tx: &mut Tx,
        name: &RepoName,
        view: &TagView,
        promoted_too: bool,
    ) -> Result<Option<Kept>, Error> {
        match store::repository(tx, name).await? {
            Some(repository) => why_kept(tx, &repository, view, promoted_too).await,
            None => Ok(None),
        }
    }

    /// Delete a tag because a policy says so, in the caller's transaction; gives whether it was there as it was seen and nothing
    /// keeps it. It can be brought back like any other.
    pub async fn prune_tag(
        &self,
        tx: &mut Tx,
        ctx: &Ctx,
        name: &RepoName,
        seen: &TagView,
        (policy, reasons, promoted_too): (&str, &[String], bool),
    ) -> Result<bool, Error> {
        let repository = Registry::authorize(tx, ctx, name, Right::Push).await?;
        Registry::require_writable(tx).await?;
        let same = |view: &TagView| view.image.digest == seen.image.digest && view.pushed_at == seen.pushed_at;
        let Some(view) = store::tag_view(tx, &repository.id, &seen.tag).await?.filter(same) else { return Ok(false) };
        if why_kept(tx, &repository, &view, promoted_too).await?.is_some() {
            return Ok(false);
        }
        let because = Because { removal: self.removal("pruning policy"), policy: Some(policy), reasons };
        delete::remove_tag(tx, ctx, &repository, &view, because).await?;
        Ok(true)
    }

    /// What the next push of a new tag would drop if the limit were this one, the newest first; at most 1,000. For those who may set it.
    pub async fn beyond_limit(&self, ctx: &Ctx, name: &RepoName, limit: u32) -> Result<Vec<BeyondLimit>, Error> {
        let mut tx = self.db.read().await?;
        let repository = Registry::authorize(&mut tx, ctx, name, Right::Admin).await?;
        let limited = Repository { tag_limit: limit, ..repository.clone() }.check()?;
        beyond_limit(&mut tx, &limited).await
    }
}

/// The tags that the repository's limit leaves over.
pub(crate) async fn beyond_limit(tx: &mut Tx, repository: &Repository) -> Result<Vec<BeyondLimit>, Error> {
    let mut beyond = Vec::new();
    if repository.tag_limit == 0 {
        return Ok(beyond);
    }
    for view in store::tags_beyond(tx, &repository.id, repository.tag_limit).await? {
        let kept = why_kept(tx, repository, &view, false).await?;
        beyond.push(BeyondLimit { view, kept });
    }
    Ok(beyond)
}

async fn why_kept(
    tx: &mut Tx,
    repository: &Repository,
    view: &TagView,
    promoted_too: bool,
) -> Result<Option<Kept>, Error> {
    let digest = &view.image.digest;
    // Before what costs a question each: all tags of a promotion's target came so.
    if let (Origin::Promoted { source, .. }, false) = (&view.origin, promoted_too) {
        return Ok(Some(Kept::Promoted(source.clone())));
    }
    if let Some(held) = store::held(tx, &repository.id, &Hold::Tag(view.tag.clone())).await? {
        return Ok(Some(Kept::Held(held.reason)));
    }
    if let Some(subject) = Registry::companion_of(&view.tag)
        && store::manifest_size(tx, &repository.id, &subject).await?.is_some()
    {
        return Ok(Some(Kept::SignatureOf(subject)));
    }
    if store::is_signed(tx, &repository.id, digest).await? {
        return Ok(Some(Kept::Signed));
    }
    Ok(store::referenced_by(tx, &repository.id, digest).await?.map(Kept::PartOf))
}

impl fmt::Display for Kept {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kept::Held(reason) => out.write_str(reason),
            Kept::Signed => out.write_str("it is signed: a signature in this repository is about its digest"),
            Kept::SignatureOf(subject) => write!(out, "it holds a signature of {subject}, which is in this repository"),
            Kept::PartOf(index) => write!(out, "the index {index} in this repository names it"),
            Kept::Promoted(source) => write!(out, "it was promoted from {source}"),
        }
    }
}
