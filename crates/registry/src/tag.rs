//! The one gate that every tag goes through, whoever sets it: a push, a promotion, a mirror.

use audit::Entry;
use base::{Ctx, Timestamp};
use db::Tx;
use oci::{Digest, RepoName, Tag};

use crate::{Error, Image, Origin, Registry, Repository, attach, record, store};

/// A tag to be set.
#[derive(Clone, Debug)]
pub(crate) struct NewTag {
    pub(crate) tag: Tag,
    pub(crate) digest: Digest,
    pub(crate) pushed_by: String,
    pub(crate) pushed_at: Timestamp,
    pub(crate) job: Option<i64>,
    pub(crate) origin: Origin,
}

/// What setting a tag would mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    New,
    Moves {
        from: Digest,
    },
    /// It names this digest already.
    Same,
}

impl NewTag {
    /// How the tag came, as the audit log guards it: `pushed by gitlab job/7`.
    pub(crate) fn account(&self) -> String {
        let job = self.job.map(|job| format!(" job/{job}")).unwrap_or_default();
        format!("{} by {}{job}", self.origin, self.pushed_by)
    }
}

impl Registry {
    /// Decide whether the tag may name the digest. An immutable repository gives a name away once: also a deleted tag only
    /// comes back with the digest it had.
    pub(crate) async fn gate(
        &self,
        tx: &mut Tx,
        repository: &Repository,
        tag: &Tag,
        digest: &Digest,
    ) -> Result<Step, Error> {
        let place = || self.place_of(&repository.name);
        match store::tag_digest(tx, &repository.id, tag).await? {
            Some(present) if present == *digest => Ok(Step::Same),
            Some(_) if repository.immutable => Err(Error::Immutable { tag: tag.clone(), place: place() }),
            Some(from) => Ok(Step::Moves { from }),
            None => match store::bound_digest(tx, &repository.id, tag).await? {
                Some(bound) if repository.immutable && bound != *digest => {
                    Err(Error::TagUsed { tag: tag.clone(), place: place(), digest: bound })
                }
                _ => Ok(Step::New),
            },
        }
    }
}

/// Write a tag that passed the gate, and say so in the entry that is to be appended.
pub(crate) async fn set(
    tx: &mut Tx,
    ctx: &Ctx,
    repository: &Repository,
    new: &NewTag,
    entry: Entry,
) -> Result<Entry, Error> {
    store::set_tag(tx, &repository.id, new).await?;
    attach::make_way_for_tag(tx, ctx, &repository.id, &new.tag).await?;
    let name = &repository.name;
    Ok(entry
        .about(record::tag_subject(name, &new.tag))
        .set(record::tag_key(name, &new.tag), &new.digest)
        .set(record::tag_name_key(name, &new.tag), &new.digest)
        .set(record::origin_key(name, &new.tag), new.account()))
}

/// Say in an entry that a tag is no more.
pub(crate) fn unset(entry: Entry, name: &RepoName, tag: &Tag) -> Entry {
    entry.about(record::tag_subject(name, tag)).unset(record::tag_key(name, tag)).unset(record::origin_key(name, tag))
}

/// The event `image.pushed`, once per tag, or once without a tag. `manifest_pushed` stands in the first of a push only, so
/// that both of DTR's webhooks can be told from it: a tag was pushed, a manifest was pushed.
pub(crate) async fn emit_pushed(
    tx: &mut Tx,
    ctx: &Ctx,
    repository: &Repository,
    image: &Image,
    tags: &[NewTag],
    entry: &str,
) -> Result<(), Error> {
    let name = &repository.name;
    let tags: Vec<Option<&NewTag>> = if tags.is_empty() { vec![None] } else { tags.iter().map(Some).collect() };
    for (index, new) in tags.into_iter().enumerate() {
        let tag = new.map(|new| &new.tag);
        let job = new.map_or(ctx.job(), |new| new.job);
        let mut data = record::image_data(ctx, name, tag, image, job);
        data["manifest_pushed"] = (index == 0).into();
        data["scan_on_push"] = repository.scan_on_push.into();
        data["origin"] = new.map_or(Origin::Pushed, |new| new.origin.clone()).word().into();
        let subject = record::image_subject(name, tag, &image.digest);
        record::emit(tx, ctx, "image.pushed", subject, data, entry).await?;
    }
    Ok(())
}
