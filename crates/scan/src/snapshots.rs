//! The advisory snapshot in use.

use std::sync::{Arc, RwLock};

use advisory::Snapshot;
use audit::Entry;
use base::{Ctx, Timestamp};
use oci::Digest;
use serde::Serialize;

use crate::{Error, REMATCH_JOB, Scan, mapped, store, upload::snapshot_in};

/// The snapshot in memory; the row of the database says which one it should be.
#[derive(Clone, Debug)]
pub(crate) struct Current(Arc<RwLock<Arc<Snapshot>>>);

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
}

impl Current {
    pub(crate) fn new(snapshot: Snapshot) -> Current {
        Current(Arc::new(RwLock::new(Arc::new(snapshot))))
    }

    pub(crate) fn get(&self) -> Arc<Snapshot> {
        Arc::clone(&self.0.read().expect("no holder of this lock can panic"))
    }

    fn set(&self, snapshot: Arc<Snapshot>) {
        *self.0.write().expect("no holder of this lock can panic") = snapshot;
    }
}

impl Scan {
    /// The snapshot in use.
    pub fn snapshot(&self) -> SnapshotInfo {
        let snapshot = self.current.get();
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
        }
    }

    /// Use another snapshot from now on, a file or a tar archive that holds one, and match every stored inventory again unless the
    /// settings say that somebody asks for that. One that is older than the present one is refused, but with `force`. What is
    /// refused changes nothing besides the note that it was. Administrators only.
    pub async fn use_snapshot(&self, ctx: &Ctx, bytes: Vec<u8>, force: bool) -> Result<SnapshotInfo, Error> {
        let admin = identity::Level::require_admin(&mut self.db.read().await?, &ctx.actor).await;
        admin.map_err(|error| Error::Registry(error.into()))?;
        let taken = match parse(bytes).await.and_then(|snapshot| self.not_older(snapshot, force)) {
            Ok(snapshot) => self.adopt(ctx, snapshot).await,
            Err(error) => Err(error),
        };
        if let Err(error @ Error::Invalid(_)) = &taken {
            let why = error.to_string();
            db::write!(self.db, ctx, |tx| {
                store::set_update(tx, ctx, Some(&why)).await?;
                audit::append(tx, ctx, Entry::new("snapshot.refused").detail("error", &why)).await?;
                Ok::<_, Error>(())
            })?;
        }
        taken
    }

    /// The built-in set is only a beginning: any other may follow it.
    fn not_older(&self, snapshot: Snapshot, force: bool) -> Result<Snapshot, Error> {
        let current = self.current.get();
        let (new, old) = (snapshot.about().created, current.about().created);
        if !force && new < old && current.digest() != advisory::starter().digest() {
            let label = &current.about().label;
            let why = format!("this snapshot is of {new}, older than the one in use, {label:?} of {old}");
            return Err(Error::Invalid(format!("{why}; force takes it all the same")));
        }
        Ok(snapshot)
    }

    /// At the start, and before everything is matched again: the snapshot of the database, or the built-in one when there is none
    /// or an older built-in one.
    pub(crate) async fn load_current(&self, ctx: &Ctx) -> Result<(), Error> {
        let starter = advisory::starter();
        match store::current_snapshot(&mut self.db.read().await?).await? {
            Some(row) if row.digest == self.current.get().digest() => {}
            Some(row) if row.name != starter.about().name || row.digest == starter.digest() => {
                let digest = row.digest.parse().map_err(|_| Error::Internal("a snapshot's digest".to_owned()))?;
                match self.open_snapshot(&digest).await {
                    Ok(snapshot) => self.current.set(Arc::new(snapshot)),
                    // Of an early state, or of another format: it is built anew, under the digest that it has then.
                    Err(error) => {
                        tracing::info!(%error, "the advisory snapshot is built anew");
                        let bytes = self.records.read(&digest, row.size).await?;
                        drop(self.adopt(ctx, parse(bytes).await?).await?);
                    }
                }
            }
            _ => drop(self.adopt(ctx, starter.clone()).await?),
        }
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

    async fn adopt(&self, ctx: &Ctx, snapshot: Snapshot) -> Result<SnapshotInfo, Error> {
        let bytes = snapshot.serialise();
        let size = bytes.len();
        let digest = snapshot.digest().parse().map_err(|_| Error::Internal("a snapshot's digest".to_owned()))?;
        self.records.put(ctx, &digest, bytes).await?;
        let about = snapshot.about().clone();
        db::write!(self.db, ctx, |tx| {
            identity::Level::require_admin(tx, &ctx.actor).await.map_err(|error| Error::Registry(error.into()))?;
            store::set_current_snapshot(tx, ctx, snapshot.digest(), &about.name, size).await?;
            let entry = Entry::new("snapshot.adopted")
                .about(format!("snapshot/{digest}"))
                .detail("name", &about.name)
                .detail("label", &about.label)
                .detail("advisories", snapshot.advisory_count())
                .set("scan/snapshot", &digest);
            let entry = audit::append(tx, ctx, entry).await?;
            store::set_update(tx, ctx, None).await?;
            if store::settings(tx).await?.auto_recheck {
                let job = ::jobs::NewJob::new(REMATCH_JOB, serde_json::json!({})).in_lane(REMATCH_JOB);
                ::jobs::enqueue(tx, ctx, job.caused_by(&entry)).await?;
            }
            Ok::<_, Error>(())
        })?;
        self.current.set(Arc::new(snapshot));
        Ok(self.snapshot())
    }
}

async fn parse(bytes: Vec<u8>) -> Result<Snapshot, Error> {
    let wrong = |error| Error::Invalid(format!("this is no advisory snapshot: {error}"));
    let parsed = tokio::task::spawn_blocking(move || Snapshot::parse(snapshot_in(&bytes)?).map_err(wrong)).await;
    parsed.map_err(|error| Error::Internal(error.to_string()))?
}
