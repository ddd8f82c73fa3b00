//! Fetching the images of another registry: what is here already is not fetched again.

use std::{collections::BTreeSet, future::Future, pin::Pin};

use base::{Ctx, limits};
use blob::Chunk;
use oci::{Descriptor, Digest, Manifest, Reference, Tag};
use registry::{ManifestPush, Registry};
use remote::{Fetched, Remote};

use crate::{
    Error, Mirror, MirroringPolicy, Work,
    policies::entry,
    store,
    transfer::{Counting, Meter, after_pause},
};

/// One fetch: from where, and what was seen to.
struct Fetch<'a> {
    policy: &'a MirroringPolicy,
    remote: &'a Remote,
    meter: &'a Meter,
    settled: BTreeSet<Digest>,
}

impl Mirror {
    /// Look at every tag there, and fetch those that name something else here. One that cannot be had keeps no other back.
    pub(crate) async fn poll(&self, ctx: &Ctx, policy: &MirroringPolicy) -> Result<(), Error> {
        if !store::poll_is_due(&mut self.db.read().await?, &policy.id, ctx.now).await? {
            return Ok(());
        }
        let outcome = self.poll_all(ctx, policy).await;
        let now = self.now(ctx);
        // What one tag failed by has its entry already.
        let (failure, fetched, is_news) = match outcome {
            Err(error) if error.is_ours() => return Err(error),
            Err(error) => (Some(error.to_string()), false, policy.failures == 0),
            Ok((failure, fetched)) => (failure, fetched, false),
        };
        let why = failure.map(|why| why.chars().take(limits::MIRROR_ERROR_CHARS).collect::<String>());
        db::write!(self.db, &now, |tx| {
            let failures = if why.is_some() { policy.failures + 1 } else { 0 };
            let next = match why {
                Some(_) => after_pause(now.now, policy.failures),
                None => now.now.checked_add(limits::MIRROR_PAUSE).unwrap_or(base::Timestamp::MAX),
            };
            let status = why.as_deref().map_or(("SUCCESS", ""), |why| ("FAILURE", why));
            store::set_status(tx, &policy.id, status, now.now, fetched).await?;
            store::polled(tx, &policy.id, next, failures).await?;
            if let Some(why) = why.as_deref().filter(|_| is_news) {
                let entry = entry("mirroring.failed", policy)
                    .detail("direction", "poll")
                    .detail("remote", policy.remote())
                    .detail("error", why);
                audit::append(tx, &now, entry).await?;
            }
            Ok(())
        })
    }

    /// Gives the first failure of a tag, and whether anything was fetched.
    async fn poll_all(&self, ctx: &Ctx, policy: &MirroringPolicy) -> Result<(Option<String>, bool), Error> {
        let remote = self.remote_of(policy)?;
        let (mut failure, mut fetched) = (None, false);
        let tags = remote.tags().await?;
        // Lists of referrers come with their images.
        for tag in tags.iter().filter(|tag| !is_list(tag)).filter_map(|tag| tag.parse::<Tag>().ok()) {
            let Some(digest) = remote.digest_of(&Reference::Tag(tag.clone())).await? else { continue };
            let mut tx = self.db.read().await?;
            let here = Registry::tagged(&mut tx, &policy.repository, &tag).await?;
            drop(tx);
            if here.is_some_and(|view| view.image.digest == digest) {
                continue;
            }
            let now = self.now(ctx);
            db::write!(self.db, &now, |tx| {
                Ok::<_, Error>(store::want_again(tx, policy, (&tag, &digest), now.now).await?)
            })?;
            let Some(work) = store::work(&mut self.db.read().await?, &policy.id, &tag).await? else { continue };
            let meter = Meter::default();
            let outcome = self.metered(ctx, &work, &meter, self.fetch(ctx, policy, &remote, &work, &meter)).await;
            let lost = matches!(&outcome, Err(Error::Remote(remote::Error::Unreachable(_))));
            match &outcome {
                Ok(()) => fetched = true,
                Err(error) => {
                    failure.get_or_insert(format!("{tag}: {error}"));
                }
            }
            self.end(&self.now(ctx), policy, &work, &meter, outcome).await?;
            if lost {
                break;
            }
        }
        Ok((failure, fetched))
    }

    /// One tag.
    async fn fetch(
        &self,
        ctx: &Ctx,
        policy: &MirroringPolicy,
        remote: &Remote,
        work: &Work,
        meter: &Meter,
    ) -> Result<(), Error> {
        let mut fetch = Fetch { policy, remote, meter, settled: BTreeSet::new() };
        let image = remote.manifest(&Reference::Digest(work.digest.clone())).await?;
        self.fetch_named(ctx, &mut fetch, &image).await?;
        if policy.referrers {
            let mut subjects: Vec<Digest> = fetch.settled.iter().cloned().chain([work.digest.clone()]).collect();
            while let Some(subject) = subjects.pop() {
                for digest in remote.referrers(&subject).await? {
                    if self.fetch_manifest(ctx, &mut fetch, &digest).await? {
                        subjects.push(digest);
                    }
                }
            }
        }
        self.keep(ctx, policy, &image, &Reference::Tag(work.tag.clone())).await
    }

    /// A manifest with all that it names, by its digest; gives whether it was not seen to before.
    fn fetch_manifest<'a>(
        &'a self,
        ctx: &'a Ctx,
        fetch: &'a mut Fetch<'_>,
        digest: &'a Digest,
    ) -> Pin<Box<dyn Future<Output = Result<bool, Error>> + Send + 'a>> {
        Box::pin(async move {
            if fetch.settled.len() > limits::IMAGE_MANIFESTS {
                let most = limits::IMAGE_MANIFESTS;
                return Err(Error::Policy(format!("an image with all that is about it has at most {most} manifests")));
            }
            if !fetch.settled.insert(digest.clone()) {
                return Ok(false);
            }
            let here = Registry::holds_image(&mut self.db.read().await?, &fetch.policy.repository, digest).await?;
            if !here {
                let manifest = fetch.remote.manifest(&Reference::Digest(digest.clone())).await?;
                self.fetch_named(ctx, fetch, &manifest).await?;
                self.keep(ctx, fetch.policy, &manifest, &Reference::Digest(digest.clone())).await?;
            }
            Ok(true)
        })
    }

    /// Children and blobs of a manifest.
    async fn fetch_named(&self, ctx: &Ctx, fetch: &mut Fetch<'_>, manifest: &Fetched) -> Result<(), Error> {
        let parsed = Manifest::parse(&manifest.bytes, Some(&manifest.media_type)).map_err(registry::Error::from)?;
        for child in parsed.manifests() {
            self.fetch_manifest(ctx, fetch, &child.digest).await?;
        }
        let blobs: Vec<&Descriptor> = parsed.required_blobs().collect();
        let bytes = blobs.iter().fold(0_u64, |sum, blob| sum.saturating_add(blob.size));
        fetch.meter.more(i64::try_from(blobs.len()).unwrap_or(i64::MAX), i64::try_from(bytes).unwrap_or(i64::MAX));
        for blob in blobs {
            let fetched = self.fetch_blob(ctx, fetch, blob).await?;
            fetch.meter.done(blob.size, fetched);
        }
        Ok(())
    }

    /// Gives whether the bytes came; else they were here, in this repository or in another.
    async fn fetch_blob(&self, ctx: &Ctx, fetch: &Fetch<'_>, blob: &Descriptor) -> Result<bool, Error> {
        let name = &fetch.policy.repository;
        match self.registry.stat_blob(ctx, name, &blob.digest).await {
            Ok(_) => return Ok(false),
            Err(registry::Error::BlobUnknown { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        if self.registry.mount(ctx, name, &blob.digest, None).await?.is_some() {
            return Ok(false);
        }
        let bytes = Counting::new(fetch.remote.blob(&blob.digest).await?, fetch.meter);
        let chunk = Chunk { offset: None, length: Some(blob.size) };
        match self.registry.put_blob(ctx, name, &blob.digest, chunk, bytes).await {
            Ok(_) => Ok(true),
            // The other side broke off.
            Err(error @ registry::Error::Blob(blob::Error::Body(_))) => {
                Err(Error::Broken(format!("{} broke off: {error}", blob.digest)))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Push it here, as anybody would: with the same checks, entry and event, and so it is scanned.
    async fn keep(
        &self,
        ctx: &Ctx,
        policy: &MirroringPolicy,
        manifest: &Fetched,
        reference: &Reference,
    ) -> Result<(), Error> {
        let push = ManifestPush {
            repository: &policy.repository,
            reference,
            content_type: Some(&manifest.media_type),
            bytes: manifest.bytes.clone(),
            tags: &[],
        };
        self.registry.push_manifest(&self.now(ctx), push).await?;
        Ok(())
    }
}

/// Whether a tag holds a list of referrers (OCI distribution specification 1.1, "Referrers Tag Schema"): `sha256-<hex>` and no more.
fn is_list(tag: &str) -> bool {
    tag.split_once('-').is_some_and(|(algorithm, hex)| format!("{algorithm}:{hex}").parse::<Digest>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::is_list;

    #[test]
    fn lists_of_referrers_are_no_images() {
        let hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert!(is_list(&format!("sha256-{hex}")));
        for other in [format!("sha256-{hex}.sig"), "1.0-rc1".to_owned(), "latest".to_owned()] {
            assert!(!is_list(&other), "{other}");
        }
    }
}
