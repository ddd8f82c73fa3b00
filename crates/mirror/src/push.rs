//! Sending an image to another registry: what is there already is not sent again.

use std::collections::BTreeSet;

use base::Ctx;
use oci::{Descriptor, Reference};
use remote::{Remote, Started};

use crate::{
    Error, Mirror, MirroringPolicy, Work,
    plan::{Planned, total},
    store,
    transfer::{Counting, Meter},
};

impl Mirror {
    /// Push one tag with all that belongs to it. Done again, it asks for each part and sends none.
    pub(crate) async fn push(
        &self,
        ctx: &Ctx,
        policy: &MirroringPolicy,
        work: &Work,
        meter: &Meter,
    ) -> Result<(), Error> {
        let subject = (&work.digest, &work.remote_tag);
        let plan = self.plan(ctx, &policy.repository, subject, policy.referrers).await?;
        let whole = total(&plan);
        meter.more(whole.blobs, whole.bytes);
        let elsewhere = store::beside(&mut self.db.read().await?, policy).await?;
        let remote = self.remote_of(policy)?.to_push(elsewhere.as_deref());
        let mut settled = BTreeSet::new();
        for planned in &plan {
            let reference = match &planned.tag {
                Some(tag) => Reference::Tag(tag.clone()),
                None => Reference::Digest(planned.digest.clone()),
            };
            let there = remote.digest_of(&reference).await?.as_ref() == Some(&planned.digest);
            for blob in &planned.blobs {
                if !settled.insert(blob.digest.clone()) {
                    continue;
                }
                // A manifest that is there has its blobs there.
                let sent = !there && self.send(ctx, policy, (&remote, elsewhere.as_deref()), blob, meter).await?;
                meter.done(blob.size, sent);
            }
            if !there {
                self.put(ctx, policy, &remote, planned, &reference).await?;
            }
        }
        Ok(())
    }

    /// Gives whether the bytes went; else they were there, or in a repository beside.
    async fn send(
        &self,
        ctx: &Ctx,
        policy: &MirroringPolicy,
        (remote, elsewhere): (&Remote, Option<&str>),
        blob: &Descriptor,
        meter: &Meter,
    ) -> Result<bool, Error> {
        if remote.has_blob(&blob.digest).await? {
            return Ok(false);
        }
        let to = match remote.start_upload(&blob.digest, elsewhere).await? {
            Started::Mounted => return Ok(false),
            Started::Upload(to) => to,
        };
        let opened = self.registry.open_blob(ctx, &policy.repository, &blob.digest).await?;
        let size = opened.size();
        let reader = opened.stream(0, size).await.map_err(registry::Error::from)?;
        remote.upload(&to, &blob.digest, size, Counting::new(reader, meter)).await?;
        Ok(true)
    }

    async fn put(
        &self,
        ctx: &Ctx,
        policy: &MirroringPolicy,
        remote: &Remote,
        planned: &Planned,
        reference: &Reference,
    ) -> Result<(), Error> {
        let own = Reference::Digest(planned.digest.clone());
        let stored = self.registry.manifest(ctx, &policy.repository, &own).await?;
        Ok(remote.put_manifest(reference, &planned.media_type, &planned.digest, &stored.bytes).await?)
    }
}
