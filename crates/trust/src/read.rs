//! Documents for clients: the current one of a role, or any that ever was.

use std::collections::BTreeMap;

use base::{Ctx, Timestamp};
use db::Tx;
use registry::Right;
use tuf::{Document, Meta, RoleName, Snapshot, Timestamped};

use crate::{Error, Gun, Trust, access, store, store::Stored};

/// Which document of a role is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// The one that holds now.
    Current,
    /// The one with this checksum, 64 hex digits.
    Sha256(String),
    Version(u32),
}

/// One document as it is served.
#[derive(Clone, Debug)]
pub struct Served {
    pub bytes: Vec<u8>,
    /// Of the bytes, hex.
    pub sha256: String,
    /// When it was stored.
    pub at: Timestamp,
    /// Whether everybody may read it; decides what a shared cache may keep.
    pub public: bool,
}

/// What the newest timestamp stands for.
pub(crate) struct Current {
    pub(crate) timestamp: Stored,
    pub(crate) snapshot: Stored,
    pub(crate) timestamped: Timestamped,
    pub(crate) listed: Snapshot,
}

impl Trust {
    /// A document, for those who may pull.
    pub async fn read(&self, ctx: &Ctx, gun: &Gun, role: &RoleName, which: &Which) -> Result<Served, Error> {
        let mut tx = self.db.read().await?;
        let public = access::require(&mut tx, ctx, gun, Right::Pull).await?;
        let renewed = matches!(role, RoleName::Timestamp | RoleName::Snapshot) && *which == Which::Current;
        if renewed && self.is_due(&mut tx, ctx, gun).await? {
            drop(tx);
            if let Err(error) = self.refresh(ctx, gun).await {
                // The old one may still be good; a client that finds it expired says so.
                tracing::warn!(%gun, %error, "the timestamp could not be made anew");
            }
            tx = self.db.read().await?;
        }
        let found = match which {
            Which::Current => current_of(&mut tx, gun, role).await?,
            Which::Sha256(sha256) => store::by_sha256(&mut tx, gun, role, sha256).await?,
            Which::Version(version) => store::by_version(&mut tx, gun, role, *version).await?,
        };
        let found = found.ok_or_else(|| Error::NotFound { what: format!("{role} document"), gun: gun.to_string() })?;
        Ok(Served { bytes: found.file.bytes, sha256: found.file.sha256, at: found.created_at, public })
    }
}

/// The document of a role that holds now, found as a client finds it.
async fn current_of(tx: &mut Tx, gun: &Gun, role: &RoleName) -> Result<Option<Stored>, Error> {
    if *role == RoleName::Timestamp {
        return Ok(store::newest_of(tx, gun, role).await?);
    }
    let Some(current) = current(tx, gun).await? else { return Ok(None) };
    if *role == RoleName::Snapshot {
        return Ok(Some(current.snapshot));
    }
    listed(tx, gun, &current.listed.meta, role).await
}

/// The newest timestamp and the snapshot it names; `None` when nothing was ever published.
pub(crate) async fn current(tx: &mut Tx, gun: &Gun) -> Result<Option<Current>, Error> {
    let Some(timestamp) = store::newest_of(tx, gun, &RoleName::Timestamp).await? else { return Ok(None) };
    let document: Document<Timestamped> = Document::parse(&RoleName::Timestamp, &timestamp.file.bytes)?;
    let timestamped = document.signed;
    let broken = || Error::Internal(format!("the timestamp of {gun} names a snapshot that is not stored"));
    let sha256 = timestamped.snapshot.hashes.sha256.map(hex::encode).ok_or_else(broken)?;
    let snapshot = store::by_sha256(tx, gun, &RoleName::Snapshot, &sha256).await?.ok_or_else(broken)?;
    let document: Document<Snapshot> = Document::parse(&RoleName::Snapshot, &snapshot.file.bytes)?;
    Ok(Some(Current { timestamp, snapshot, timestamped, listed: document.signed }))
}

/// The document of a role that the snapshot lists.
async fn listed(
    tx: &mut Tx,
    gun: &Gun,
    meta: &BTreeMap<RoleName, Meta>,
    role: &RoleName,
) -> Result<Option<Stored>, Error> {
    let Some(sha256) = meta.get(role).and_then(|meta| meta.hashes.sha256) else { return Ok(None) };
    Ok(store::by_sha256(tx, gun, role, &hex::encode(sha256)).await?)
}

/// Root, targets and all delegations that hold now.
pub(crate) async fn current_documents(tx: &mut Tx, gun: &Gun) -> Result<Option<BTreeMap<RoleName, Vec<u8>>>, Error> {
    let Some(current) = current(tx, gun).await? else { return Ok(None) };
    let mut documents = BTreeMap::new();
    for role in current.listed.meta.keys() {
        if let Some(stored) = listed(tx, gun, &current.listed.meta, role).await? {
            documents.insert(role.clone(), stored.file.bytes);
        }
    }
    Ok(Some(documents))
}
