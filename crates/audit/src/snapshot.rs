//! Verifying: one moment of the database and the files, checked from every leaf up to the signed root.

use std::path::PathBuf;

use base::limits;
use db::{Db, Tx};
use tlog::{Checkpoint, TILE_WIDTH, VerifierKey};
use tokio::sync::OwnedMutexGuard;

use crate::{
    Error, Guarded, Log, Problem, Report,
    error::blocking,
    files::{CHECKPOINT, Files},
    log::{Standing, signed},
    report::Problems,
    store::{self, Head},
    walk::Walk,
};

/// One moment of the log. While it is held nothing is sequenced; entries are still appended.
///
/// ```text
/// let mut moment = log.snapshot().await?;
/// let guarded = Guarded::nothing().context("identity/", Identity::state(moment.tx()).await?);
/// let report = moment.verify(guarded, &[]).await?;
/// ```
#[derive(Debug)]
pub struct Snapshot {
    tx: Tx,
    head: Option<Head>,
    trust: Trust,
    _quiet: Option<OwnedMutexGuard<Standing>>,
}

/// Where the files are and what is believed about them.
#[derive(Clone, Debug)]
struct Trust {
    files: Files,
    origin: String,
    key: VerifierKey,
}

impl Log {
    /// Hold one moment of the log to verify it, together with the tables that it guards.
    pub async fn snapshot(&self) -> Result<Snapshot, Error> {
        let quiet = std::sync::Arc::clone(&self.0.standing).lock_owned().await;
        let trust =
            Trust { files: self.0.files.clone(), origin: self.origin().to_owned(), key: self.verifier().clone() };
        Snapshot::take(&self.0.db, trust, Some(quiet)).await
    }
}

impl Snapshot {
    /// A moment of a log whose server does not run, by its public key alone. Nothing is mended or written.
    pub async fn open(db: &Db, folder: PathBuf, origin: &str, key: VerifierKey) -> Result<Snapshot, Error> {
        let trust = Trust { files: Files::new(folder), origin: origin.to_owned(), key };
        Snapshot::take(db, trust, None).await
    }

    async fn take(db: &Db, trust: Trust, quiet: Option<OwnedMutexGuard<Standing>>) -> Result<Snapshot, Error> {
        let mut tx = db.read().await?;
        // The first statement fixes the moment that the transaction sees.
        let head = store::head(&mut tx).await?;
        Ok(Snapshot { tx, head, trust, _quiet: quiet })
    }

    /// The transaction of this moment: contexts read their state in it, so that it is of the same moment as the log.
    pub fn tx(&mut self) -> &mut Tx {
        &mut self.tx
    }

    /// Check everything: rows against files, files against the signed root, columns against bodies, tables against the
    /// fold of all entries, and the log against checkpoints that the caller has kept from earlier.
    pub async fn verify(mut self, guarded: Guarded, earlier: &[Vec<u8>]) -> Result<Report, Error> {
        let mut problems = Problems::default();
        let checkpoint = self.checkpoint(&mut problems).await?;
        let stored = self.head.as_ref().map_or(0, |head| head.size);
        let size = match &checkpoint {
            Some(checkpoint) => checkpoint.size(),
            // Nobody vouches for the stored size; it must not lead the walk beyond what is there.
            None => u64::try_from(stored.min(store::count_sequenced(&mut self.tx).await?)).unwrap_or(0),
        };
        for (id, index) in store::outside(&mut self.tx, signed(size)).await? {
            problems.push(Problem::IndexUnknown { id, index });
        }
        let mut walk = Walk::new(self.trust.files.clone(), size, true, problems);
        let earlier = self.trust.earlier(earlier, size, &mut walk);
        let mut first = 0;
        while let Some((start, end)) = Walk::range(size, first) {
            let rows = store::kept(&mut self.tx, signed(start), signed(end)).await?;
            walk = blocking(move || {
                walk.tile(start, end, rows);
                Ok(walk)
            })
            .await?;
            first = end;
        }
        let waiting = self.waiting(&mut walk).await?;
        let frontier = self.head.map(|head| head.frontier);
        blocking(move || Ok(conclude(walk, guarded, checkpoint, frontier, earlier, (size, waiting)))).await
    }

    /// The signed checkpoint of the row, and whether the file is the same.
    async fn checkpoint(&self, problems: &mut Problems) -> Result<Option<Checkpoint>, Error> {
        let files = self.trust.files.clone();
        let file = blocking(move || files.read_checkpoint()).await;
        let Some(head) = &self.head else {
            problems.push(Problem::HeadAltered { detail: "it is gone".to_owned() });
            return Ok(None);
        };
        let opened = self.trust.open(head.checkpoint.as_bytes());
        let path = CHECKPOINT.to_owned();
        match file {
            Ok(Some(note)) if note == head.checkpoint.as_bytes() => {}
            Ok(Some(note)) => {
                let detail = match self.trust.open(&note) {
                    Ok(other) => format!("it covers {} entries, the database {}", other.size(), head.size),
                    Err(error) => error.to_string(),
                };
                problems.push(Problem::FileAltered { path, detail });
            }
            Ok(None) => problems.push(Problem::FileMissing { path }),
            Err(error) => problems.push(Problem::FileAltered { path, detail: error.to_string() }),
        }
        match opened {
            Ok(checkpoint) => {
                if signed(checkpoint.size()) != head.size {
                    let detail = format!("size is {}, signed were {} entries", head.size, checkpoint.size());
                    problems.push(Problem::HeadAltered { detail });
                }
                Ok(Some(checkpoint))
            }
            Err(error) => {
                problems.push(Problem::HeadAltered { detail: format!("its checkpoint: {error}") });
                Ok(None)
            }
        }
    }

    /// Check the entries that wait for their index; gives how many.
    async fn waiting(&mut self, walk: &mut Walk) -> Result<u64, Error> {
        let mut count = 0;
        let mut last = (i64::MIN, String::new());
        loop {
            let page = store::unsequenced(&mut self.tx, (last.0, &last.1), limits::AUDIT_BATCH_ENTRIES).await?;
            for (ordinal, entry) in &page {
                let subjects = store::subjects(&mut self.tx, &entry.id).await?;
                walk.waiting(entry, &subjects);
                last = (*ordinal, entry.id.clone());
                count += 1;
            }
            if page.len() < limits::AUDIT_BATCH_ENTRIES {
                return Ok(count);
            }
        }
    }
}

impl Trust {
    fn open(&self, note: &[u8]) -> Result<Checkpoint, tlog::Error> {
        Checkpoint::open(note, &self.origin, std::slice::from_ref(&self.key))
    }

    /// The checkpoints of earlier that this log must begin with.
    fn earlier(&self, notes: &[Vec<u8>], size: u64, walk: &mut Walk) -> Vec<Checkpoint> {
        let mut kept = Vec::new();
        for note in notes {
            match self.open(note) {
                Ok(checkpoint) if checkpoint.size() > size => {
                    walk.problems.push(Problem::RolledBack { earlier: checkpoint.size(), size });
                }
                Ok(checkpoint) => {
                    walk.watch(checkpoint.size());
                    kept.push(checkpoint);
                }
                Err(error) => walk.problems.push(Problem::EarlierUnusable { detail: error.to_string() }),
            }
        }
        kept
    }
}

/// Check a copy of the log's folder without the database: what an outsider does, who has only the public files and key.
/// The leaves are believed because they lead to the signed root.
pub fn verify_folder(folder: PathBuf, origin: &str, key: VerifierKey, earlier: &[Vec<u8>]) -> Result<Report, Error> {
    let trust = Trust { files: Files::new(folder), origin: origin.to_owned(), key };
    let mut problems = Problems::default();
    let checkpoint = match trust.files.read_checkpoint()? {
        Some(note) => trust.open(&note).map_err(|error| error.to_string()),
        None => Err("it is missing".to_owned()),
    };
    let checkpoint =
        checkpoint.map_err(|detail| problems.push(Problem::FileAltered { path: CHECKPOINT.to_owned(), detail })).ok();
    let size = checkpoint.as_ref().map_or(0, Checkpoint::size);
    let mut walk = Walk::new(trust.files.clone(), size, false, problems);
    let earlier = trust.earlier(earlier, size, &mut walk);
    for first in (0..size).step_by(usize::from(TILE_WIDTH)) {
        walk.tile(first, size.min(first + u64::from(TILE_WIDTH)), Vec::new());
    }
    Ok(conclude(walk, Guarded::nothing(), checkpoint, None, earlier, (size, 0)))
}

/// Compare what the walk computed with what was signed.
fn conclude(
    walk: Walk,
    guarded: Guarded,
    checkpoint: Option<Checkpoint>,
    frontier: Option<Vec<u8>>,
    earlier: Vec<Checkpoint>,
    (entries, waiting): (u64, u64),
) -> Report {
    let (mut problems, builder) = walk.finish(guarded);
    if let Some(builder) = builder {
        let computed = builder.frontier().root();
        if let Some(signed) = checkpoint.as_ref().map(Checkpoint::root).filter(|signed| *signed != computed) {
            let (signed, computed) = (signed.to_base64(), computed.to_base64());
            problems.push(Problem::RootDiffers { size: entries, signed, computed });
        }
        if frontier.is_some_and(|frontier| frontier != builder.frontier().to_bytes()) {
            problems.push(Problem::HeadAltered { detail: "frontier is not that of the entries".to_owned() });
        }
        for earlier in earlier.iter().filter(|earlier| builder.root_at(earlier.size()) != Some(earlier.root())) {
            problems.push(Problem::HistoryReplaced { earlier: earlier.size() });
        }
    }
    Report { entries, waiting, checkpoint, problems: problems.listed, unlisted: problems.unlisted }
}
