//! The advisory snapshot in use.

use std::sync::{Arc, RwLock};

use advisory::Snapshot;
use audit::Entry;
use base::{Ctx, Timestamp, limits::SNAPSHOT_AHEAD};
use db::Tx;
use oci::Digest;
use serde::Serialize;

use crate::{
    Error, REMATCH_JOB, Scan,
    incoming::{Incoming, named},
    mapped,
    store::{self, SnapshotRow},
};

/// The snapshot in memory; the row of the database says which one it should be.
#[derive(Clone, Debug)]
pub(crate) struct Current(Arc<RwLock<Held>>);

#[derive(Clone, Debug)]
struct Held {
    snapshot: Arc<Snapshot>,
    signed_by: Arc<[String]>,
}

/// How a snapshot comes to be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Somebody brought it, and may insist.
    Given { force: bool },
    /// It was fetched from this folder.
    Fetched { from: String },
    /// It is part of the program, or was in use before.
    Kept,
}

/// What people see of a snapshot.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotInfo {
    pub digest: String,
    pub name: String,
    /// Shown wherever its findings are.
    pub label: String,
    pub created: Timestamp,
    /// Records in it, and the vulnerabilities they are about.
    pub advisories: usize,
    pub vulnerabilities: usize,
    pub packages: usize,
    /// Where its records come from.
    pub sources: Vec<advisory::Source>,
    pub never_stale: bool,
    /// Names and ids of the trusted keys that signed it; empty for one that nobody vouches for.
    pub signed_by: Vec<String>,
}

impl Current {
    pub(crate) fn new(snapshot: Snapshot) -> Current {
        Current(Arc::new(RwLock::new(Held { snapshot: Arc::new(snapshot), signed_by: Arc::default() })))
    }

    pub(crate) fn get(&self) -> Arc<Snapshot> {
        self.held().snapshot
    }

    fn held(&self) -> Held {
        self.0.read().expect("no holder of this lock can panic").clone()
    }

    fn set(&self, snapshot: Snapshot, signed_by: &[String]) {
        let held = Held { snapshot: Arc::new(snapshot), signed_by: signed_by.into() };
        *self.0.write().expect("no holder of this lock can panic") = held;
    }
}

impl Scan {
    /// The snapshot in use.
    pub fn snapshot(&self) -> SnapshotInfo {
        let Held { snapshot, signed_by } = self.current.held();
        info(&snapshot, &signed_by)
    }

    /// Use another snapshot from now on, and match every stored inventory again unless the settings say that somebody asks for
    /// that. The file is a snapshot, a delta to the present one, or a tar archive of either with its signed note. Refused is what
    /// no trusted key signed, if any key is trusted, and what is older than the present one, but that not with `force`. What is
    /// refused changes nothing besides the note that it was. Administrators only.
    pub async fn use_snapshot(&self, ctx: &Ctx, bytes: Vec<u8>, force: bool) -> Result<SnapshotInfo, Error> {
        let admin = identity::Level::require_admin(&mut self.db.read().await?, &ctx.actor).await;
        admin.map_err(|error| Error::Registry(error.into()))?;
        let way = Way::Given { force };
        let taken = self.take(ctx, bytes, &way).await;
        if let Err(error @ Error::Invalid(_)) = &taken {
            self.note_refusal(ctx, &way, &error.to_string()).await?;
        }
        taken
    }

    /// Verify a file and use what is in it.
    pub(crate) async fn take(&self, ctx: &Ctx, bytes: Vec<u8>, way: &Way) -> Result<SnapshotInfo, Error> {
        let _one_by_one = self.adopting.lock().await;
        self.load_current_now(ctx).await?;
        let trusted = store::updates(&mut self.db.read().await?).await?.keys;
        let current = self.current.get();
        let read = tokio::task::spawn_blocking(move || Incoming::read(&bytes, &trusted, &current)).await;
        self.adopt(ctx, read.map_err(|error| Error::Internal(error.to_string()))??, way).await
    }

    /// The log says what was refused, and the status why.
    pub(crate) async fn note_refusal(&self, ctx: &Ctx, way: &Way, why: &str) -> Result<(), Error> {
        db::write!(self.db, ctx, |tx| {
            store::set_refused(tx, ctx, why).await?;
            audit::append(tx, ctx, way.tell(Entry::new("snapshot.refused").detail("error", why))).await?;
            Ok::<_, Error>(())
        })
    }

    /// At the start, and before everything is matched again: the snapshot of the database, or the built-in one when there is none
    /// or an older built-in one.
    pub(crate) async fn load_current(&self, ctx: &Ctx) -> Result<(), Error> {
        let _one_by_one = self.adopting.lock().await;
        self.load_current_now(ctx).await
    }

    async fn load_current_now(&self, ctx: &Ctx) -> Result<(), Error> {
        let starter = advisory::starter();
        // Apart, because what follows may open another transaction.
        let row = store::current_snapshot(&mut self.db.read().await?).await?;
        match row {
            Some(row) if row.digest == self.current.get().digest() => {}
            Some(row) if row.name != starter.about().name || row.digest == starter.digest() => {
                let digest = row.digest.parse().map_err(|_| Error::Internal("a snapshot's digest".to_owned()))?;
                match self.open_snapshot(&digest).await {
                    Ok(snapshot) => self.current.set(snapshot, &row.signed_by),
                    // Of an early state, or of another format: it is built anew, under the digest that it has then.
                    Err(error) => {
                        tracing::info!(%error, "the advisory snapshot is built anew");
                        let bytes = self.records.read(&digest, row.size).await?;
                        let read = tokio::task::spawn_blocking(move || Snapshot::parse(&bytes)).await;
                        let snapshot = read.map_err(|error| Error::Internal(error.to_string()))?;
                        let snapshot = snapshot.map_err(|error| Error::Invalid(error.to_string()))?;
                        // What was signed is the file that it was, not the one that it becomes.
                        let incoming = Incoming { snapshot, signed_by: Vec::new() };
                        drop(self.adopt(ctx, incoming, &Way::Kept).await?);
                    }
                }
            }
            _ => {
                let incoming = Incoming { snapshot: starter.clone(), signed_by: Vec::new() };
                drop(self.adopt(ctx, incoming, &Way::Kept).await?);
            }
        }
        Ok(())
    }

    /// Whoever calls this holds `adopting`.
    pub(crate) async fn open_current(&self) -> Result<(), Error> {
        let Some(row) = store::current_snapshot(&mut self.db.read().await?).await? else { return Ok(()) };
        let digest = row.digest.parse().map_err(|_| Error::Internal("a snapshot's digest".to_owned()))?;
        self.current.set(self.open_snapshot(&digest).await?, &row.signed_by);
        Ok(())
    }

    /// The snapshot in use, or an earlier one.
    pub(crate) async fn snapshot_of(&self, digest: &str) -> Result<Arc<Snapshot>, Error> {
        let current = self.current.get();
        if current.digest() == digest {
            return Ok(current);
        }
        let digest = digest.parse().map_err(|_| Error::Internal("a snapshot's digest".to_owned()))?;
        Ok(Arc::new(self.open_snapshot(&digest).await?))
    }

    /// Map a stored snapshot, or hold it in memory where the store is no folder. It was verified when it was taken.
    async fn open_snapshot(&self, digest: &Digest) -> Result<Snapshot, Error> {
        let bytes = match self.records.file(digest).await? {
            Some(file) => mapped::map(&file).map_err(|error| Error::Internal(error.to_string()))?,
            None => {
                let size = self.records.stat(digest).await?;
                let size = size.ok_or_else(|| Error::Internal(format!("the snapshot {digest} is not in the store")))?;
                Arc::new(self.records.read(digest, size).await?)
            }
        };
        Snapshot::open(bytes, digest.to_string()).map_err(|error| Error::Internal(error.to_string()))
    }

    /// Whoever calls this holds `adopting`, so that the memory follows the database. What is refused is looked for before the
    /// bytes are written, and again in the transaction, where another server's snapshot may have come first.
    async fn adopt(&self, ctx: &Ctx, incoming: Incoming, way: &Way) -> Result<SnapshotInfo, Error> {
        let Incoming { snapshot, signed_by } = incoming;
        let about = snapshot.about().clone();
        let digest: Digest =
            snapshot.digest().parse().map_err(|_| Error::Internal("a snapshot's digest".to_owned()))?;
        let size = snapshot.bytes().len() as u64;
        let row = SnapshotRow {
            digest: snapshot.digest().to_owned(),
            name: about.name.clone(),
            size,
            created: about.created,
            signed_by,
        };
        self.allow(&mut self.db.read().await?, ctx, &row, way).await?;
        self.records.put(ctx, &digest, snapshot.serialise()).await?;
        db::write!(self.db, ctx, |tx| {
            self.allow(tx, ctx, &row, way).await?;
            store::set_current_snapshot(tx, ctx, &row).await?;
            let entry = Entry::new("snapshot.adopted")
                .about(format!("snapshot/{digest}"))
                .detail("name", &about.name)
                .detail("label", &about.label)
                .detail("advisories", snapshot.advisory_count())
                .detail("signedBy", &row.signed_by)
                .set("scan/snapshot", row.guard());
            let entry = audit::append(tx, ctx, way.tell(entry)).await?;
            store::set_taken(tx, ctx).await?;
            self.tell_update(tx, ctx, (&row.digest, &about.label), &entry).await?;
            if store::settings(tx).await?.auto_recheck {
                let job = ::jobs::NewJob::new(REMATCH_JOB, serde_json::json!({})).in_lane(REMATCH_JOB);
                ::jobs::enqueue(tx, ctx, job.caused_by(&entry)).await?;
            }
            Ok::<_, Error>(())
        })?;
        self.current.set(snapshot, &row.signed_by);
        Ok(self.snapshot())
    }

    /// Whether this snapshot may follow the one in use: who brings it, who signed it, how old it is. The built-in set is only a
    /// beginning: any other may follow it.
    async fn allow(&self, tx: &mut Tx, ctx: &Ctx, new: &SnapshotRow, way: &Way) -> Result<(), Error> {
        identity::Level::require_admin(tx, &ctx.actor).await.map_err(|error| Error::Registry(error.into()))?;
        let force = match way {
            Way::Kept => return Ok(()),
            Way::Given { force } => *force,
            Way::Fetched { .. } => false,
        };
        let trusted = named(&store::updates(tx).await?.keys);
        if !trusted.is_empty() && !new.signed_by.iter().any(|by| trusted.contains(by)) {
            return Err(Error::Invalid(
                "the trusted keys were changed while this snapshot came; send it again".to_owned(),
            ));
        }
        let ahead = ctx.now.checked_add(SNAPSHOT_AHEAD).unwrap_or(Timestamp::MAX);
        if !force && new.created > ahead {
            let why = format!("this snapshot says that it is of {}, which is in the future", new.created);
            return Err(Error::Invalid(format!("{why}; force takes it all the same")));
        }
        let Some(mut old) = store::current_snapshot(tx).await? else { return Ok(()) };
        let held = self.current.get();
        if held.digest() == old.digest {
            // Also where an earlier program wrote the row, which did not note it.
            old.created = held.about().created;
        }
        if !force && new.created < old.created && old.digest != advisory::starter().digest() {
            let (new, old, name) = (new.created, old.created, old.name);
            let why = format!("this snapshot is of {new}, older than the one in use, {name:?} of {old}");
            return Err(Error::Invalid(format!("{why}; force takes it all the same")));
        }
        Ok(())
    }
}

pub(crate) fn info(snapshot: &Snapshot, signed_by: &[String]) -> SnapshotInfo {
    let about = snapshot.about();
    SnapshotInfo {
        digest: snapshot.digest().to_owned(),
        name: about.name.clone(),
        label: about.label.clone(),
        created: about.created,
        advisories: snapshot.advisory_count(),
        vulnerabilities: snapshot.vulnerability_count(),
        packages: snapshot.package_count(),
        sources: about.sources.clone(),
        never_stale: about.never_stale,
        signed_by: signed_by.to_vec(),
    }
}

impl Way {
    fn tell(&self, entry: Entry) -> Entry {
        match self {
            Way::Fetched { from } => entry.detail("from", from),
            Way::Given { .. } | Way::Kept => entry,
        }
    }
}
