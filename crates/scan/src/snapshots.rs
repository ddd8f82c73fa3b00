//! The advisory snapshot in use.

use std::sync::{Arc, RwLock};

use advisory::Snapshot;
use audit::Entry;
use base::{Ctx, Timestamp};
use serde::Serialize;

use crate::{Error, REMATCH_JOB, Scan, store};

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
    pub advisories: usize,
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
            never_stale: about.never_stale,
        }
    }

    /// Use another snapshot from now on, and match every stored inventory again. Administrators only.
    pub async fn use_snapshot(&self, ctx: &Ctx, bytes: Vec<u8>) -> Result<SnapshotInfo, Error> {
        let parsed = tokio::task::spawn_blocking(move || Snapshot::parse(&bytes)).await;
        let snapshot = parsed.map_err(|error| Error::Internal(error.to_string()))?;
        let snapshot = snapshot.map_err(|error| Error::Invalid(format!("this is no advisory snapshot: {error}")))?;
        self.adopt(ctx, snapshot).await
    }

    /// At the start: the snapshot of the database, or the built-in one when there is none or an older built-in one.
    pub(crate) async fn load_current(&self, ctx: &Ctx) -> Result<(), Error> {
        let starter = advisory::starter();
        match store::current_snapshot(&mut self.db.read().await?).await? {
            Some(row) if row.name != starter.about().name || row.digest == starter.digest() => {
                let digest = row.digest.parse().map_err(|_| Error::Internal("a snapshot's digest".to_owned()))?;
                let bytes = Arc::new(self.records.read(&digest, row.size).await?);
                match Snapshot::open(bytes.clone(), row.digest.as_str()) {
                    Ok(snapshot) => self.current.set(Arc::new(snapshot)),
                    // What an earlier program stored is read, and kept in today's form from now on.
                    Err(_) => {
                        let snapshot = Snapshot::parse(&bytes).map_err(|error| Error::Internal(error.to_string()))?;
                        self.adopt(ctx, snapshot).await?;
                    }
                }
            }
            _ => drop(self.adopt(ctx, starter.clone()).await?),
        }
        Ok(())
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
            let job = ::jobs::NewJob::new(REMATCH_JOB, serde_json::json!({})).in_lane(REMATCH_JOB).caused_by(&entry);
            ::jobs::enqueue(tx, ctx, job).await?;
            Ok::<_, Error>(())
        })?;
        self.current.set(Arc::new(snapshot));
        Ok(self.snapshot())
    }
}
