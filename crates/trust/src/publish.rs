//! Publishing: what a client signed, checked, completed and stored in one transaction.

use std::{collections::BTreeMap, sync::Arc};

use audit::Entry;
use base::{Ctx, Timestamp, limits};
use db::Tx;
use identity::Sealer;
use jobs::Event;
use registry::Right;
use serde_json::Value;
use tuf::{
    Document, HeldKeys, KeyId, PublishError, RoleName, Root, SigningKey, Stored, build,
    publish::{Fault, File, TagChange},
    validate,
};

use crate::{
    ChangeKind, Error, Gun, Trust, access,
    held::Holds,
    key::{KeyState, ServerKey},
    record, store,
};

/// How often a publish is decided again because another came between.
const ATTEMPTS_MAX: usize = 5;

/// What a decision was made on. As long as it is still so, the decision holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The checksum of the newest timestamp: every change of documents makes a new one.
    timestamp: Option<String>,
    keys: Vec<(RoleName, KeyId, KeyState)>,
}

/// What is to be written.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) seen: Seen,
    pub(crate) files: Vec<File>,
    /// New states of the server's keys; `None` for a key that goes.
    pub(crate) keys: Vec<KeyChange>,
    pub(crate) entry: Entry,
    pub(crate) holds: Holds,
    /// What the event says about tags; no event without it.
    pub(crate) tags: Option<Value>,
}

pub(crate) type KeyChange = (RoleName, KeyId, Option<KeyState>);

/// A publish that was accepted and completed.
pub(crate) struct Accepted {
    pub(crate) files: Vec<File>,
    pub(crate) tags: Vec<TagChange>,
    pub(crate) keys: Vec<KeyChange>,
    pub(crate) holds: Holds,
    /// Everything newest, the new documents included.
    pub(crate) stored: Stored,
}

impl Trust {
    /// Store what a client signed, or say why not. For those who may push.
    pub async fn publish(&self, ctx: &Ctx, gun: &Gun, upload: Vec<(RoleName, Vec<u8>)>) -> Result<(), Error> {
        if upload.len() > limits::TRUST_PARTS {
            let message = format!("more than {} documents in one publish; publish fewer at once", limits::TRUST_PARTS);
            let fault = Fault::Upload;
            return Err(PublishError::InvalidUpdate { fault, message, missing: None }.into());
        }
        if upload.is_empty() && self.has_root(ctx, gun).await? {
            // `docker trust sign` of what is signed already sends an empty form and expects to be told that it is well.
            return Ok(());
        }
        let upload = Arc::new(upload);
        for _ in 0..ATTEMPTS_MAX {
            let change = self.decide(ctx, gun, Arc::clone(&upload)).await?;
            if self.commit(ctx, gun, &change).await? {
                return Ok(());
            }
        }
        Err(Error::Busy(gun.to_string()))
    }

    async fn has_root(&self, ctx: &Ctx, gun: &Gun) -> Result<bool, Error> {
        let mut tx = self.db.read().await?;
        access::require(&mut tx, ctx, gun, Right::Push).await?;
        Ok(newest(&mut tx, gun).await?.root.is_some())
    }

    /// Whether the actor may publish; an early answer for those who would send much.
    pub async fn may_publish(&self, ctx: &Ctx, gun: &Gun) -> Result<(), Error> {
        access::require(&mut self.db.read().await?, ctx, gun, Right::Push).await.map(drop)
    }

    async fn decide(&self, ctx: &Ctx, gun: &Gun, upload: Arc<Vec<(RoleName, Vec<u8>)>>) -> Result<Change, Error> {
        let mut tx = self.db.read().await?;
        access::require(&mut tx, ctx, gun, Right::Push).await?;
        let stored = newest(&mut tx, gun).await?;
        let keys = store::keys(&mut tx, gun).await?;
        drop(tx);
        let seen = Seen::new(stored.timestamp.as_deref().map(base::digest_hex), &keys);
        let (sealer, name, now) = (Arc::clone(&self.sealer), gun.clone(), ctx.now);
        // Hundreds of signatures are checked on a hostile upload; not on a thread that others wait for.
        let work = tokio::task::spawn_blocking(move || {
            let accepted = accept(&name, stored, &upload, &keys, &sealer, now)?;
            let (entry, tags) = (record::published(&name, &accepted, now), record::tags(&accepted.tags));
            Ok::<_, Error>(Change {
                seen,
                files: accepted.files,
                keys: accepted.keys,
                holds: accepted.holds,
                entry,
                tags: Some(tags),
            })
        });
        work.await.map_err(|error| Error::Internal(format!("a publish was not decided: {error}")))?
    }

    /// Write a change, unless what it was decided on is no longer so: then nothing is written, and the answer is false.
    pub(crate) async fn commit(&self, ctx: &Ctx, gun: &Gun, change: &Change) -> Result<bool, Error> {
        db::write!(self.db, ctx, |tx| {
            access::require(tx, ctx, gun, Right::Push).await?;
            let timestamp = store::newest_of(tx, gun, &RoleName::Timestamp).await?.map(|stored| stored.file.sha256);
            if Seen::new(timestamp, &store::keys(tx, gun).await?) != change.seen {
                return Ok(false);
            }
            for file in &change.files {
                store::insert_file(tx, ctx, gun, file).await?;
            }
            for (role, id, state) in &change.keys {
                store::set_key_state(tx, gun, (role, id), *state).await?;
            }
            change.holds.apply(tx, ctx, gun).await?;
            let timestamp = change.files.iter().find(|file| file.role == RoleName::Timestamp);
            store::insert_change(tx, ctx, gun, ChangeKind::Update, timestamp).await?;
            let entry = audit::append(tx, ctx, change.entry.clone()).await?;
            if let Some(tags) = &change.tags {
                let event = Event {
                    kind: "trust.published".to_owned(),
                    subject: gun.repository().to_string(),
                    data: record::event(gun, tags),
                    at: ctx.now,
                    entry,
                };
                jobs::emit(tx, ctx, &event).await?;
            }
            Ok::<_, Error>(true)
        })
    }
}

impl Seen {
    pub(crate) fn new(timestamp: Option<String>, keys: &[ServerKey]) -> Seen {
        let keys = keys.iter().map(|key| (key.role.clone(), key.id.clone(), key.state)).collect();
        Seen { timestamp, keys }
    }
}

/// The newest document of every role.
pub(crate) async fn newest(tx: &mut Tx, gun: &Gun) -> Result<Stored, Error> {
    let mut stored = Stored::default();
    for each in store::newest(tx, gun).await? {
        put(&mut stored, &each.file);
    }
    Ok(stored)
}

fn put(stored: &mut Stored, file: &File) {
    let bytes = file.bytes.clone();
    match &file.role {
        RoleName::Root => stored.root = Some(bytes),
        RoleName::Targets => stored.targets = Some(bytes),
        RoleName::Snapshot => stored.snapshot = Some(bytes),
        RoleName::Timestamp => stored.timestamp = Some(bytes),
        RoleName::Delegation(_) => {
            stored.delegations.insert(file.role.clone(), bytes);
        }
    }
}

/// Decide, sign what the server signs, and see what becomes of the server's keys.
fn accept(
    gun: &Gun,
    mut stored: Stored,
    upload: &[(RoleName, Vec<u8>)],
    keys: &[ServerKey],
    sealer: &Sealer,
    now: Timestamp,
) -> Result<Accepted, Error> {
    let ids = |role: RoleName| keys.iter().filter(|key| key.role == role).map(|key| key.id.clone()).collect();
    let held = HeldKeys { snapshot: ids(RoleName::Snapshot), timestamp: ids(RoleName::Timestamp) };
    let validated = validate(gun.as_str(), &stored, upload, &held, now)?;
    let opened: Vec<SigningKey> = keys.iter().map(|key| key.open(gun, sealer)).collect::<Result<_, _>>()?;
    let files = build::complete(&validated, &opened.iter().collect::<Vec<_>>(), now)?;
    let before = stored.clone();
    for file in &files {
        put(&mut stored, file);
    }
    let holds = Holds::between(gun, &before, &stored, now);
    let root = stored.root.as_deref().ok_or_else(|| Error::Internal(format!("{gun} was accepted without a root")))?;
    let root: Document<Root> = Document::parse(&RoleName::Root, root)?;
    Ok(Accepted { files, tags: validated.changes, keys: key_changes(&root.signed, keys), holds, stored })
}

/// A key that the root names becomes active; one that it no longer names has served and goes.
fn key_changes(root: &Root, keys: &[ServerKey]) -> Vec<KeyChange> {
    let named: BTreeMap<RoleName, Vec<KeyId>> = [RoleName::Timestamp, RoleName::Snapshot]
        .into_iter()
        .filter_map(|role| {
            let ids = root.authority(&role)?.keys.into_keys().cloned().collect();
            Some((role, ids))
        })
        .collect();
    let change = |key: &ServerKey| {
        let is_named = named.get(&key.role).is_some_and(|ids| ids.contains(&key.id));
        let state = match (key.state, is_named) {
            (KeyState::Pending, true) => Some(KeyState::Active),
            (KeyState::Active, false) => None,
            (KeyState::Pending, false) | (KeyState::Active, true) => return None,
        };
        Some((key.role.clone(), key.id.clone(), state))
    };
    keys.iter().filter_map(change).collect()
}
