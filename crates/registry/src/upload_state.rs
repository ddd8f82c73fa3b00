//! What is noted of an upload in its row, and who goes on with it.
//!
//! Replicas that share a bucket take turns: one claims the row for a while and notes how far it is from the length it read. The
//! second one is told so at once, and one that was thought dead finds that its note no longer fits.
//!
//! ```text
//!   claim (holder is nobody, this one, or its time is over) ─► note, note, … ─► last note, which lets go
//! ```

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use base::{Ctx, Id, Timestamp, limits};
use blob::{Upload, UploadState};
use db::Db;
use tokio::time::Instant;

use crate::{Error, Registry, store};

/// What stands in the row.
#[derive(Debug)]
pub(crate) struct Noted {
    pub(crate) state: Option<UploadState>,
    pub(crate) length: i64,
}

/// What is to stand there.
#[derive(Clone, Debug)]
pub(crate) struct Note<'a> {
    pub(crate) state: Option<UploadState>,
    /// Who holds it now.
    pub(crate) holder: &'a str,
    /// Who holds it afterwards, and until when.
    pub(crate) next: (&'a str, Timestamp),
}

/// An upload that this process may go on with.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    db: Db,
    ctx: Ctx,
    id: Id<Upload>,
    /// Empty where the store has one process, which knows by itself who sends.
    holder: String,
    since: Instant,
    /// The length that the row speaks of.
    noted: Arc<AtomicI64>,
}

impl Registry {
    /// Claim an upload whose row was just read.
    pub(crate) async fn claim(&self, ctx: &Ctx, id: &Id<Upload>, noted: &Noted) -> Result<Claim, Error> {
        let holder = if self.blobs.is_shared() { self.replica(ctx) } else { String::new() };
        let (db, since) = (self.db.clone(), Instant::now());
        let noted = Arc::new(AtomicI64::new(noted.length));
        let claim = Claim { db, ctx: ctx.clone(), id: id.clone(), holder, since, noted };
        if self.blobs.is_shared() {
            let (holder, until, now) = (&claim.holder, claim.until(), ctx.now);
            let held = db::write!(self.db, ctx, |tx| store::hold_upload(tx, id, holder, until, now).await);
            let held: bool = held.map_err(|error: db::Error| Error::from(error))?;
            if !held {
                return Err(blob::Error::Busy.into());
            }
        }
        Ok(claim)
    }

    /// A name for this process, the same for its life.
    fn replica(&self, ctx: &Ctx) -> String {
        self.replica.get_or_init(|| ctx.entropy.token(16)).clone()
    }
}

impl Claim {
    /// The same claim of a row that speaks of this length.
    pub(crate) fn after(self, length: i64) -> Claim {
        self.noted.store(length, Ordering::Release);
        self
    }

    /// Note a state and hold on to the upload; without a state only hold on.
    pub(crate) async fn go_on(self, state: Option<UploadState>) -> Result<(), blob::Error> {
        let (holder, until) = (self.holder.as_str(), self.until());
        let outcome = match state {
            Some(state) => self.write(Note { state: Some(state), holder, next: (holder, until) }).await,
            None => {
                let (id, now) = (&self.id, self.now());
                db::write!(self.db, &self.ctx, |tx| store::hold_upload(tx, id, holder, until, now).await)
            }
        };
        match outcome {
            Ok(true) => Ok(()),
            Ok(false) => Err(blob::Error::Busy),
            Err(error) => {
                tracing::warn!(id = %self.id, %error, "how far an upload is could not be noted");
                Err(blob::Error::Unavailable("how far the upload is could not be noted".to_owned()))
            }
        }
    }

    /// Note the last state and let the upload go.
    pub(crate) async fn end(&self, state: Option<UploadState>) -> Result<(), Error> {
        let (holder, next) = (self.holder.as_str(), ("", Timestamp::UNIX_EPOCH));
        if self.write(Note { state, holder, next }).await? { Ok(()) } else { Err(blob::Error::Busy.into()) }
    }

    async fn write(&self, note: Note<'_>) -> Result<bool, db::Error> {
        let was = self.noted.load(Ordering::Acquire);
        let length = note.state.as_ref().map_or(0, UploadState::length);
        let written = db::write!(self.db, &self.ctx, |tx| store::note_upload(tx, &self.id, was, &note).await)?;
        if written {
            self.noted.store(i64::try_from(length).unwrap_or(i64::MAX), Ordering::Release);
        }
        Ok(written)
    }

    fn now(&self) -> Timestamp {
        self.ctx.now.checked_add(self.since.elapsed()).unwrap_or(Timestamp::MAX)
    }

    fn until(&self) -> Timestamp {
        self.now().checked_add(limits::UPLOAD_LEASE).unwrap_or(Timestamp::MAX)
    }
}
