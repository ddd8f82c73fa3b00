//! Blobs: uploads, mounts, reading.

use audit::Entry;
use base::{Ctx, Id, Timestamp, limits};
use blob::{Blob, Chunk, Upload, UploadState};
use db::Tx;
use oci::{Digest, RepoName};
use tokio::{io::AsyncRead, time::Instant};

use crate::{
    Error, Registry, Repository, Right, collect, record,
    store::{self, HeldBlob},
    upload_state::{Claim, Noted},
};

/// Repositories that are looked at for a mount that names none.
const MOUNT_CANDIDATES: i64 = 50;

/// Expired uploads with bytes in a bucket that one run gives up; the next run goes on.
const EXPIRED_AT_ONCE: i64 = 1_000;

/// Gives up uploads whose time is over: a timer's job, [`Registry::expire_uploads`] runs it.
pub const EXPIRE_JOB: &str = "registry.expire_uploads";

impl Registry {
    /// Begin an upload; it belongs to this repository and this account alone. Makes the repository where a push may.
    pub async fn start_upload(&self, ctx: &Ctx, name: &RepoName) -> Result<Id<Upload>, Error> {
        let id = Id::new(ctx);
        let expires = ctx.now.checked_add(limits::UPLOAD_LIFETIME).unwrap_or(Timestamp::MAX);
        // Who is told of an upload that a power cut undoes begins it again.
        let outcome = db::write_soon!(self.db, ctx, |tx| {
            let repository = self.place_to_push(tx, ctx, name).await?;
            Registry::require_pusher(tx, ctx, name, Some(&repository)).await?;
            let owner = owner(ctx);
            if store::count_uploads(tx, &owner, ctx.now).await? >= limits::UPLOADS_OF_ONE {
                return Err(Error::TooManyUploads);
            }
            Registry::require_room(tx, &repository, 0).await?;
            Ok(store::insert_upload(tx, &id, &repository.id, &owner, expires).await?)
        });
        self.tell_refused(ctx, outcome).await?;
        Ok(id)
    }

    /// Add bytes to an upload; gives its new length.
    pub async fn append(
        &self,
        ctx: &Ctx,
        name: &RepoName,
        id: &Id<Upload>,
        chunk: Chunk,
        body: impl AsyncRead + Unpin + Send,
    ) -> Result<u64, Error> {
        let (claim, mut state) = self.claim_to_send(ctx, name, id, chunk).await?;
        let before = state.clone();
        let note = |state| claim.clone().go_on(state);
        let outcome = self.blobs.append(id, &mut state, chunk, body, note).await;
        self.note_sent(&claim, &before, state, &outcome).await?;
        Ok(outcome?)
    }

    /// The upload, claimed for a chunk that may come, and what was noted of it.
    async fn claim_to_send(
        &self,
        ctx: &Ctx,
        name: &RepoName,
        id: &Id<Upload>,
        chunk: Chunk,
    ) -> Result<(Claim, Option<UploadState>), Error> {
        let mut tx = self.db.read().await?;
        let (repository, noted) = upload_repository(&mut tx, ctx, name, id).await?;
        Registry::require_writable(&mut tx).await?;
        Registry::require_room(&mut tx, &repository, chunk.length.unwrap_or_default()).await?;
        drop(tx);
        let claim = self.claim(ctx, id, &noted).await?;
        // Read again under the claim: another replica may have gone on meanwhile.
        let noted = match self.blobs.is_shared() {
            true => upload_repository(&mut self.db.read().await?, ctx, name, id).await?.1,
            false => noted,
        };
        Ok((claim.after(noted.length), noted.state))
    }

    /// Note how far an upload is after a request that did not finish it, and let it go.
    async fn note_sent<T>(
        &self,
        claim: &Claim,
        before: &Option<UploadState>,
        state: Option<UploadState>,
        outcome: &Result<T, blob::Error>,
    ) -> Result<(), Error> {
        // Somebody else sends, and notes.
        if matches!(outcome, Err(blob::Error::Busy)) {
            return Ok(());
        }
        if state != *before || self.blobs.is_shared() {
            claim.end(state).await?;
        }
        Ok(())
    }

    /// How many bytes of the upload are here.
    pub async fn upload_status(&self, ctx: &Ctx, name: &RepoName, id: &Id<Upload>) -> Result<u64, Error> {
        let (_, noted) = upload_repository(&mut self.db.read().await?, ctx, name, id).await?;
        Ok(self.blobs.length(id, noted.state.as_ref()).await?)
    }

    pub async fn cancel_upload(&self, ctx: &Ctx, name: &RepoName, id: &Id<Upload>) -> Result<(), Error> {
        let (_, noted) = upload_repository(&mut self.db.read().await?, ctx, name, id).await?;
        self.claim(ctx, id, &noted).await?;
        self.blobs.discard(id, noted.state.as_ref()).await?;
        db::write!(self.db, ctx, |tx| Ok(store::delete_upload(tx, id).await?))
    }

    /// Add the last bytes and make the upload a blob of the repository; gives its size. A chunk out of order leaves the
    /// upload as it was; a wrong digest ends it.
    pub async fn finish_upload(
        &self,
        ctx: &Ctx,
        name: &RepoName,
        id: &Id<Upload>,
        digest: &Digest,
        chunk: Chunk,
        body: impl AsyncRead + Unpin + Send,
    ) -> Result<u64, Error> {
        let (claim, mut state) = self.claim_to_send(ctx, name, id, chunk).await?;
        self.keep_bytes(ctx, digest).await?;
        let (before, began) = (state.clone(), Instant::now());
        let note = |state| claim.clone().go_on(state);
        let outcome = self.blobs.complete(id, &mut state, chunk, body, note, digest).await;
        if outcome.is_err() {
            self.note_sent(&claim, &before, state, &outcome).await?;
        }
        let size = match outcome? {
            Ok(size) => size,
            Err(error) => {
                db::write!(self.db, ctx, |tx| Ok::<_, Error>(store::delete_upload(tx, id).await?))?;
                return Err(error.into());
            }
        };
        self.still_stored(ctx, digest, size, began).await?;
        db::write!(self.db, ctx, |tx| {
            let (repository, _) = upload_repository(tx, ctx, name, id).await?;
            store::delete_upload(tx, id).await?;
            link(tx, ctx, &repository, digest, size, None).await
        })?;
        self.wake.notify_one();
        Ok(size)
    }

    /// Take a whole blob in one request; gives its size.
    pub async fn put_blob(
        &self,
        ctx: &Ctx,
        name: &RepoName,
        digest: &Digest,
        chunk: Chunk,
        body: impl AsyncRead + Unpin + Send,
    ) -> Result<u64, Error> {
        let mut tx = self.db.read().await?;
        if let Some(repository) = self.place(&mut tx, ctx, name).await? {
            let may = Registry::require_pusher(&mut tx, ctx, name, Some(&repository)).await;
            self.tell_refused(ctx, may).await?;
            Registry::require_room(&mut tx, &repository, chunk.length.unwrap_or_default()).await?;
        }
        drop(tx);
        self.keep_bytes(ctx, digest).await?;
        let began = Instant::now();
        let size = self.blobs.take(ctx, digest, chunk, body).await?;
        self.still_stored(ctx, digest, size, began).await?;
        db::write!(self.db, ctx, |tx| {
            let repository = self.place_to_push(tx, ctx, name).await?;
            Registry::require_pusher(tx, ctx, name, Some(&repository)).await?;
            link(tx, ctx, &repository, digest, size, None).await
        })?;
        self.wake.notify_one();
        Ok(size)
    }

    /// Bytes that took long to store may have been reviewed meanwhile, just after they were: then the client sends them again.
    async fn still_stored(&self, ctx: &Ctx, digest: &Digest, size: u64, began: Instant) -> Result<(), Error> {
        if began.elapsed() < limits::BYTES_REVIEW_AFTER / 2 {
            return Ok(());
        }
        self.keep_bytes(ctx, digest).await?;
        match self.blobs.stat(digest).await? {
            Some(stored) if stored == size => Ok(()),
            _ => Err(Error::Sweeping(digest.clone())),
        }
    }

    /// Make a blob of another repository readable in this one: of `from`, or of any the actor may pull from. `None` means
    /// that there is none to be seen, and the client must upload. Knowing a digest is no right to it.
    pub async fn mount(
        &self,
        ctx: &Ctx,
        name: &RepoName,
        digest: &Digest,
        from: Option<&RepoName>,
    ) -> Result<Option<u64>, Error> {
        let Some(stored) = self.blobs.stat(digest).await? else { return Ok(None) };
        db::write!(self.db, ctx, |tx| {
            let sources = match from {
                Some(from) => store::repository(tx, from).await?.into_iter().collect(),
                None => store::repositories_with_blob(tx, digest, MOUNT_CANDIDATES).await?,
            };
            let mut found = None;
            // What is damaged is to be pushed again.
            let sources = if store::is_damaged(tx, digest).await? { Vec::new() } else { sources };
            for source in sources {
                let size = store::blob_size(tx, &source.id, digest).await?.filter(|size| *size == stored);
                if size.is_some() && Registry::sees(tx, ctx, &source).await? {
                    found = Some(source.name);
                    break;
                }
            }
            let target = self.place_to_push(tx, ctx, name).await?;
            Registry::require_pusher(tx, ctx, name, Some(&target)).await?;
            match found {
                Some(source) => link(tx, ctx, &target, digest, stored, Some(&source)).await.map(|()| Some(stored)),
                None => Ok(None),
            }
        })
    }

    /// The size of a blob of the repository. One that is lost or damaged is unknown, so that a client pushes it again. Whoever
    /// asks is about to rely on it, so it stays for a while.
    pub async fn stat_blob(&self, ctx: &Ctx, name: &RepoName, digest: &Digest) -> Result<u64, Error> {
        let (repository, held) = self.held_blob(ctx, name, digest).await?;
        let stored = self.blobs.stat(digest).await? == Some(held.size);
        if !stored && !held.damaged {
            self.blobs.suspects().note(digest);
        }
        let whole = !held.damaged && stored && self.keep_link(ctx, &repository.id, digest, held.review_due).await?;
        if whole { Ok(held.size) } else { Err(Error::BlobUnknown { repository: name.clone(), digest: digest.clone() }) }
    }

    pub async fn open_blob(&self, ctx: &Ctx, name: &RepoName, digest: &Digest) -> Result<Blob, Error> {
        let (_, held) = self.held_blob(ctx, name, digest).await?;
        if held.damaged {
            let problem = "found when it was checked".to_owned();
            return Err(blob::Error::Damaged { digest: digest.clone(), problem }.into());
        }
        let opened = match self.blobs.open(digest, held.size).await {
            Err(blob::Error::NotFound(_) | blob::Error::Damaged { .. })
                if self.look_for_reader(ctx, digest).await? =>
            {
                self.blobs.open(digest, held.size).await
            }
            outcome => outcome,
        };
        match opened {
            Err(blob::Error::NotFound(digest)) => Err(Error::BlobUnknown { repository: name.clone(), digest }),
            outcome => Ok(outcome?),
        }
    }

    /// A link to the blob in the store, where the operator wants clients to go there themselves. It lets whoever has it read this
    /// one blob for a short time.
    pub async fn redirect_blob(&self, ctx: &Ctx, name: &RepoName, digest: &Digest) -> Result<Option<String>, Error> {
        if !self.blobs.redirects() {
            return Ok(None);
        }
        self.stat_blob(ctx, name, digest).await?;
        Ok(Some(self.blobs.redirect(digest).await?))
    }

    async fn held_blob(&self, ctx: &Ctx, name: &RepoName, digest: &Digest) -> Result<(Repository, HeldBlob), Error> {
        let mut tx = self.db.read().await?;
        let repository = Registry::authorize(&mut tx, ctx, name, Right::Pull).await?;
        match store::held_blob(&mut tx, &repository.id, digest).await? {
            Some(held) => Ok((repository, held)),
            None => Err(Error::BlobUnknown { repository: name.clone(), digest: digest.clone() }),
        }
    }

    /// Give up uploads whose time is over and files that no upload knows; gives how many. Run now and then.
    pub async fn expire_uploads(&self, ctx: &Ctx) -> Result<usize, Error> {
        let mut ended = 0;
        // What a bucket holds of these shows in no list, so their rows say it.
        let expired = store::expired_uploads(&mut self.db.read().await?, ctx.now, EXPIRED_AT_ONCE).await?;
        for (id, noted) in expired {
            ended += usize::from(self.give_up(&id, noted.state.as_ref()).await?);
            db::write!(self.db, ctx, |tx| Ok::<_, Error>(store::delete_upload(tx, &id).await?))?;
        }
        for (id, modified) in self.blobs.uploads().await? {
            let modified = Timestamp::try_from(modified).unwrap_or(Timestamp::MIN);
            let resting = ctx.now.duration_since(modified).unsigned_abs() > limits::UPLOAD_LIFETIME;
            let wanted = store::upload_is_live(&mut self.db.read().await?, &id, ctx.now).await?;
            if !wanted && resting && ctx.now > modified {
                ended += usize::from(self.give_up(&id, None).await?);
            }
        }
        db::write!(self.db, ctx, |tx| Ok::<_, Error>(store::delete_expired_uploads(tx, ctx.now).await?))?;
        Ok(ended)
    }

    async fn give_up(&self, id: &Id<Upload>, state: Option<&UploadState>) -> Result<bool, Error> {
        match self.blobs.discard(id, state).await {
            Ok(()) => Ok(true),
            Err(blob::Error::Busy) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// The repository of an upload that is this actor's and still runs. Every other id is unknown, whatever it may be.
async fn upload_repository(
    tx: &mut Tx,
    ctx: &Ctx,
    name: &RepoName,
    id: &Id<Upload>,
) -> Result<(Repository, Noted), Error> {
    let repository = Registry::authorize(tx, ctx, name, Right::Push).await?;
    Registry::require_pusher(tx, ctx, name, Some(&repository)).await?;
    let noted = store::upload(tx, id, &repository.id, &owner(ctx), ctx.now).await?;
    noted.map(|noted| (repository, noted)).ok_or(Error::UploadUnknown)
}

/// Make a stored blob readable in a repository. The same again is no change.
async fn link(
    tx: &mut Tx,
    ctx: &Ctx,
    repository: &Repository,
    digest: &Digest,
    size: u64,
    source: Option<&RepoName>,
) -> Result<(), Error> {
    match source {
        // Nothing was stored anew.
        Some(_) => store::refuse_sweeping(tx, digest).await?,
        None => Registry::note_pushed(tx, ctx, digest, size).await?,
    }
    let linked = store::link_blob(tx, &repository.id, digest, ctx.now).await?;
    store::review_link(tx, &repository.id, digest, collect::after(ctx, limits::LINK_REVIEW_AFTER)).await?;
    if !linked {
        return Ok(());
    }
    Registry::require_room(tx, repository, 0).await?;
    let mut entry = Entry::new(if source.is_some() { "blob.mounted" } else { "blob.pushed" })
        .about(digest)
        .about(record::repository_subject(&repository.name))
        .detail("repository", &repository.name)
        .detail("size", size);
    if let Some(source) = source {
        entry = entry.detail("source", source);
    }
    if let Some(job) = ctx.job() {
        entry = entry.about(record::job_subject(job));
    }
    audit::append(tx, ctx, entry).await?;
    Ok(())
}

/// Whose an upload is.
fn owner(ctx: &Ctx) -> String {
    match ctx.principal() {
        Some(principal) => principal.account.to_string(),
        None => ctx.actor.label(),
    }
}
