//! Timestamp and snapshot made anew before they expire.
//!
//! Notary's own server waits until they have; then a mirror or an offline copy can hold one that has a second to live. Here
//! the first reader after half of the life finds a new one.

use base::{Actor, Ctx};
use db::Tx;
use tuf::{
    RoleName, SigningKey,
    build::{self, SNAPSHOT_DAYS, TIMESTAMP_DAYS, expiry, past_half_life},
    publish::File,
};

use crate::{
    Error, Gun, Trust,
    held::Holds,
    key::{KeyState, ServerKey},
    publish::{Change, Seen},
    read::{Current, current},
    record, store,
};

impl Trust {
    /// Whether the timestamp, or a snapshot that the server signs, is past the half of its life.
    pub(crate) async fn is_due(&self, tx: &mut Tx, ctx: &Ctx, gun: &Gun) -> Result<bool, Error> {
        let Some(current) = current(tx, gun).await? else { return Ok(false) };
        if past_half_life(current.timestamped.expires, TIMESTAMP_DAYS, ctx.now) {
            return Ok(true);
        }
        Ok(past_half_life(current.listed.expires, SNAPSHOT_DAYS, ctx.now)
            && !signers(&store::keys(tx, gun).await?, &RoleName::Snapshot).is_empty())
    }

    /// Make what is due anew. Somebody who did it meanwhile, or published, has done it for us.
    pub(crate) async fn refresh(&self, ctx: &Ctx, gun: &Gun) -> Result<(), Error> {
        let ctx = ctx.clone().with_actor(Actor::System("trust"));
        let mut tx = self.db.read().await?;
        let Some(current) = current(&mut tx, gun).await? else { return Ok(()) };
        let keys = store::keys(&mut tx, gun).await?;
        drop(tx);
        let files = self.renewed(&ctx, gun, &current, &keys)?;
        let change = Change {
            seen: Seen::new(Some(current.timestamp.file.sha256), &keys),
            entry: record::refreshed(gun, &files),
            files,
            keys: Vec::new(),
            holds: Holds::default(),
            tags: None,
        };
        self.commit(&ctx, gun, &change).await?;
        Ok(())
    }

    fn renewed(&self, ctx: &Ctx, gun: &Gun, current: &Current, keys: &[ServerKey]) -> Result<Vec<File>, Error> {
        let mut files = Vec::new();
        let mut snapshot = current.snapshot.file.bytes.clone();
        let snapshot_keys = self.opened(gun, &signers(keys, &RoleName::Snapshot))?;
        if past_half_life(current.listed.expires, SNAPSHOT_DAYS, ctx.now) && !snapshot_keys.is_empty() {
            let version = current.listed.version + 1;
            snapshot = build::snapshot(&current.listed.meta, version, expiry(ctx.now, SNAPSHOT_DAYS))
                .sign(&snapshot_keys.iter().collect::<Vec<_>>())?;
            files.push(File::new(RoleName::Snapshot, version, snapshot.clone()));
        }
        let version = current.timestamped.version + 1;
        let timestamp_keys = self.opened(gun, &signers(keys, &RoleName::Timestamp))?;
        let timestamp = build::timestamp(&snapshot, version, expiry(ctx.now, TIMESTAMP_DAYS))
            .sign(&timestamp_keys.iter().collect::<Vec<_>>())?;
        files.push(File::new(RoleName::Timestamp, version, timestamp));
        Ok(files)
    }

    fn opened(&self, gun: &Gun, keys: &[&ServerKey]) -> Result<Vec<SigningKey>, Error> {
        keys.iter().map(|key| key.open(gun, &self.sealer)).collect()
    }
}

/// The keys that the present root names for a role.
fn signers<'a>(keys: &'a [ServerKey], role: &RoleName) -> Vec<&'a ServerKey> {
    keys.iter().filter(|key| key.role == *role && key.state == KeyState::Active).collect()
}
