//! The sequencer: gives entries their index and signs the log they make.
//!
//! ```text
//!  read     size, frontier, entries without an index ──► hash, append, sign   (nothing is locked)
//!  commit   UPDATE audit_log … WHERE size = the size that was read, and the indexes; else begin again
//!  publish  tiles, then the checkpoint file, then superseded partial tiles go
//! ```
//!
//! A crash after the commit leaves files that are behind; the next round or start writes them from the rows.

use std::{future::Future, time::Duration};

use base::{Ctx, limits};
use tlog::{Checkpoint, Frontier, leaf_hash};

use crate::{
    Error, Log,
    error::blocking,
    log::{Signed, Standing, signed},
    store,
};

/// Rounds that may meet another replica's before the caller is told to come again.
const ATTEMPTS: u32 = 8;
/// The time between two rounds, so that entries that come together share one signature and one set of files. The more came, the
/// longer the next ones gather; who waits for an index is not made to.
const PAUSE_LEAST: Duration = Duration::from_millis(50);
const PAUSE_OF_ENTRY: Duration = Duration::from_millis(4);
const PAUSE_MOST: Duration = Duration::from_secs(1);
/// The longest time without a look: another replica may have appended, or a failure may have passed.
const POLL: Duration = Duration::from_secs(1);

/// How one round ended.
enum Round {
    Nothing,
    Signed(Box<Signed>),
    /// Another replica was faster.
    Again,
}

impl Log {
    /// Give the entries that wait their indexes, at most `limits::AUDIT_BATCH_ENTRIES`. Gives the checkpoint that covers
    /// them, or none when nothing waited. [`Error::Contradicted`], with nothing signed, when database and files disagree.
    pub async fn sequence(&self, ctx: &Ctx) -> Result<Option<Checkpoint>, Error> {
        let mut standing = self.0.standing.lock().await;
        for _ in 0..ATTEMPTS {
            match self.round(ctx, &mut standing).await? {
                Round::Nothing => return Ok(None),
                Round::Signed(head) => {
                    self.publish(&mut standing, &head).await?;
                    return Ok(Some(head.checkpoint));
                }
                Round::Again => {}
            }
        }
        Err(Error::Unavailable("another replica is sequencing".to_owned()))
    }

    /// Sequence until `stop` resolves, woken by commits and by a timer; then once more, so that a clean end leaves
    /// nothing waiting.
    pub async fn run(&self, stop: impl Future<Output = ()>) {
        let mut stop = std::pin::pin!(stop);
        let mut woken = self.0.db.woken();
        let mut said = None;
        loop {
            woken.mark_unchanged();
            let before = self.size();
            self.rounds(&mut said).await;
            let entries = self.size().saturating_sub(before);
            tokio::select! {
                () = &mut stop => break,
                () = self.pause(entries), if entries > 0 => {}
                () = tokio::time::sleep(POLL), if entries == 0 => {}
                Ok(()) = woken.changed(), if entries == 0 => {}
            }
        }
        self.rounds(&mut said).await;
    }

    /// Rest after a round with so many entries.
    async fn pause(&self, entries: u64) {
        let gather = PAUSE_OF_ENTRY.saturating_mul(u32::try_from(entries).unwrap_or(u32::MAX));
        tokio::time::sleep(PAUSE_LEAST).await;
        let rest = gather.clamp(PAUSE_LEAST, PAUSE_MOST) - PAUSE_LEAST;
        // Whether somebody waits or not, the next round begins.
        let _ = tokio::time::timeout(rest, self.0.hurry.notified()).await;
    }

    /// Sequence all that waits. `said` is the last error that was logged.
    async fn rounds(&self, said: &mut Option<String>) {
        loop {
            match self.sequence(&self.ctx()).await {
                Ok(Some(_)) => {}
                Ok(None) => {
                    *said = None;
                    return;
                }
                Err(error) => {
                    let error = error.to_string();
                    if said.as_ref() != Some(&error) {
                        tracing::error!(error, "audit entries wait for their index");
                        *said = Some(error);
                    }
                    return;
                }
            }
        }
    }

    async fn round(&self, ctx: &Ctx, standing: &mut Standing) -> Result<Round, Error> {
        match standing {
            Standing::Contradicted(why) => return Err(Error::Contradicted(why.clone())),
            Standing::Unknown => self.settle(standing).await?,
            Standing::Ready(_) => {}
        }
        let mut tx = self.0.db.read().await?;
        let head = self.head(&mut tx).await.map_err(|error| self.contradicted(standing, error))?;
        let batch = store::unsequenced(&mut tx, (i64::MIN, ""), limits::AUDIT_BATCH_ENTRIES).await?;
        drop(tx);
        let Standing::Ready(builder) = &*standing else {
            return Err(Error::Unavailable("the files of the log were not compared with the database".to_owned()));
        };
        if head.frontier.size() > builder.size() {
            self.publish(standing, &head).await?;
            return Ok(Round::Again);
        }
        if head.frontier != *builder.frontier() {
            let error = Error::Contradicted("the signed state in the database was set back or replaced".to_owned());
            return Err(self.contradicted(standing, error));
        }
        if batch.is_empty() {
            return Ok(Round::Nothing);
        }
        let (ids, leaves) = batch.into_iter().map(|(_, entry)| (entry.id, entry.body)).unzip();
        let new = self.appended(head.frontier.clone(), leaves).await?;
        self.commit(ctx, &head, &new, ids).await
    }

    /// The signed log with these leaves at its end.
    async fn appended(&self, mut frontier: Frontier, leaves: Vec<String>) -> Result<Signed, Error> {
        let log = self.clone();
        blocking(move || {
            for leaf in leaves {
                frontier.append(leaf_hash(leaf.as_bytes()))?;
            }
            log.sign(frontier)
        })
        .await
    }

    async fn commit(&self, ctx: &Ctx, old: &Signed, new: &Signed, ids: Vec<String>) -> Result<Round, Error> {
        let (old_size, head) = (signed(old.frontier.size()), new.to_head());
        let outcome: Result<(), Refused> = db::write!(self.0.db, ctx, |tx| {
            if !store::advance_head(tx, old_size, &head).await? {
                return Err(Refused::Overtaken);
            }
            for (id, index) in ids.iter().zip(old_size..) {
                if !store::set_index(tx, id, index).await? {
                    return Err(Refused::Overtaken);
                }
            }
            Ok(())
        });
        match outcome {
            Ok(()) => Ok(Round::Signed(Box::new(new.clone()))),
            Err(Refused::Overtaken) => Ok(Round::Again),
            Err(Refused::Database(error)) => Err(error.into()),
        }
    }
}

/// Why a round was not committed.
enum Refused {
    /// The log is not as large as it was, or an entry has its index already.
    Overtaken,
    Database(db::Error),
}

impl From<db::Error> for Refused {
    fn from(error: db::Error) -> Refused {
        Refused::Database(error)
    }
}
