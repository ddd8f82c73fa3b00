//! The SQL of trust data, of the server's keys and of the changefeed.

use base::{Ctx, Timestamp};
use db::{Error, Row, Schema, Tx, args};
use tuf::{KeyId, RoleName, publish::File};

use crate::{
    Gun,
    anchor::{AnchorKind, AnchorName, TrustAnchor},
    changefeed::{Change, ChangeKind},
    key::{KeyState, ServerKey},
};

pub const SCHEMA: Schema = Schema {
    context: "trust",
    steps: &[
        "CREATE TABLE trust_metadata (
        gun TEXT NOT NULL, role TEXT NOT NULL, version BIGINT NOT NULL, sha256 TEXT NOT NULL, bytes BYTEA NOT NULL,
        created_at BIGINT NOT NULL, PRIMARY KEY (gun, role, version));
      CREATE INDEX trust_metadata_by_sha256 ON trust_metadata (gun, sha256);
      CREATE TABLE trust_keys (
        gun TEXT NOT NULL, role TEXT NOT NULL, key_id TEXT NOT NULL, public_key TEXT NOT NULL, sealed BYTEA NOT NULL,
        state TEXT NOT NULL, created_at BIGINT NOT NULL, PRIMARY KEY (gun, role, key_id));
      CREATE TABLE trust_changes (
        id BIGINT PRIMARY KEY, gun TEXT NOT NULL, version BIGINT NOT NULL, sha256 TEXT NOT NULL,
        category TEXT NOT NULL, created_at BIGINT NOT NULL);
      CREATE INDEX trust_changes_by_gun ON trust_changes (gun, id)",
        "CREATE TABLE trust_anchors (
        name TEXT PRIMARY KEY, pem TEXT NOT NULL, set_by TEXT NOT NULL, set_at BIGINT NOT NULL)",
    ],
};

/// One stored document.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) file: File,
    pub(crate) created_at: Timestamp,
}

fn stored(row: &Row) -> Result<Stored, Error> {
    let file = File {
        role: row.parse("role")?,
        version: row.int("version")?.unsigned_abs(),
        bytes: row.bytes("bytes")?,
        sha256: row.text("sha256")?,
    };
    Ok(Stored { file, created_at: row.time("created_at")? })
}

// ── documents ───────────────────────────────────────────────────────────────────────────────────────────────────────

/// The newest document of every role ever published; not all of them are current.
pub(crate) async fn newest(tx: &mut Tx, gun: &Gun) -> Result<Vec<Stored>, Error> {
    let rows = tx
        .all(
            "SELECT role, version, sha256, bytes, created_at FROM trust_metadata AS each WHERE gun = $1 AND version =
               (SELECT MAX(version) FROM trust_metadata WHERE gun = each.gun AND role = each.role) ORDER BY role",
            &args![gun.as_str()],
        )
        .await?;
    rows.iter().map(stored).collect()
}

pub(crate) async fn newest_of(tx: &mut Tx, gun: &Gun, role: &RoleName) -> Result<Option<Stored>, Error> {
    let row = tx
        .opt(
            "SELECT role, version, sha256, bytes, created_at FROM trust_metadata WHERE gun = $1 AND role = $2
             ORDER BY version DESC LIMIT 1",
            &args![gun.as_str(), role.as_str()],
        )
        .await?;
    row.as_ref().map(stored).transpose()
}

pub(crate) async fn by_sha256(tx: &mut Tx, gun: &Gun, role: &RoleName, sha256: &str) -> Result<Option<Stored>, Error> {
    let row = tx
        .opt(
            "SELECT role, version, sha256, bytes, created_at FROM trust_metadata
             WHERE gun = $1 AND sha256 = $2 AND role = $3",
            &args![gun.as_str(), sha256, role.as_str()],
        )
        .await?;
    row.as_ref().map(stored).transpose()
}

pub(crate) async fn by_version(tx: &mut Tx, gun: &Gun, role: &RoleName, version: u32) -> Result<Option<Stored>, Error> {
    let row = tx
        .opt(
            "SELECT role, version, sha256, bytes, created_at FROM trust_metadata
             WHERE gun = $1 AND role = $2 AND version = $3",
            &args![gun.as_str(), role.as_str(), version],
        )
        .await?;
    row.as_ref().map(stored).transpose()
}

pub(crate) async fn insert_file(tx: &mut Tx, ctx: &Ctx, gun: &Gun, file: &File) -> Result<(), Error> {
    let version = i64::try_from(file.version).expect("versions are limited to 31 bits");
    tx.execute(
        "INSERT INTO trust_metadata (gun, role, version, sha256, bytes, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
        &args![gun.as_str(), file.role.as_str(), version, &file.sha256, &file.bytes, ctx.now],
    )
    .await?;
    Ok(())
}

/// The roles that have a document.
pub(crate) async fn roles(tx: &mut Tx, gun: &Gun) -> Result<Vec<RoleName>, Error> {
    let rows =
        tx.all("SELECT DISTINCT role FROM trust_metadata WHERE gun = $1 ORDER BY role", &args![gun.as_str()]).await?;
    rows.iter().map(|row| row.parse("role")).collect()
}

pub(crate) async fn delete(tx: &mut Tx, gun: &Gun) -> Result<(), Error> {
    tx.execute("DELETE FROM trust_metadata WHERE gun = $1", &args![gun.as_str()]).await?;
    tx.execute("DELETE FROM trust_keys WHERE gun = $1", &args![gun.as_str()]).await?;
    Ok(())
}

/// Every name that has trust data.
pub(crate) async fn guns(tx: &mut Tx) -> Result<Vec<String>, Error> {
    let rows = tx.all("SELECT DISTINCT gun FROM trust_metadata ORDER BY gun", &[]).await?;
    rows.iter().map(|row| row.text("gun")).collect()
}

// ── keys ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/// The server's keys of a repository, the oldest first.
pub(crate) async fn keys(tx: &mut Tx, gun: &Gun) -> Result<Vec<ServerKey>, Error> {
    let rows = tx
        .all(
            "SELECT role, key_id, public_key, sealed, state FROM trust_keys WHERE gun = $1 ORDER BY created_at, key_id",
            &args![gun.as_str()],
        )
        .await?;
    let key = |row: &Row| {
        Ok(ServerKey {
            role: row.parse("role")?,
            id: row.parse("key_id")?,
            public: row.text("public_key")?,
            sealed: row.bytes("sealed")?,
            state: row.parse("state")?,
        })
    };
    rows.iter().map(key).collect()
}

pub(crate) async fn insert_key(tx: &mut Tx, ctx: &Ctx, gun: &Gun, key: &ServerKey) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO trust_keys (gun, role, key_id, public_key, sealed, state, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &args![gun.as_str(), key.role.as_str(), key.id.as_str(), &key.public, &key.sealed, key.state.as_str(), ctx.now],
    )
    .await?;
    Ok(())
}

/// `None` takes the key away.
pub(crate) async fn set_key_state(
    tx: &mut Tx,
    gun: &Gun,
    (role, id): (&RoleName, &KeyId),
    state: Option<KeyState>,
) -> Result<(), Error> {
    match state {
        Some(state) => {
            tx.execute(
                "UPDATE trust_keys SET state = $4 WHERE gun = $1 AND role = $2 AND key_id = $3",
                &args![gun.as_str(), role.as_str(), id.as_str(), state.as_str()],
            )
            .await?
        }
        None => {
            tx.execute(
                "DELETE FROM trust_keys WHERE gun = $1 AND role = $2 AND key_id = $3",
                &args![gun.as_str(), role.as_str(), id.as_str()],
            )
            .await?
        }
    };
    Ok(())
}

// ── changefeed ──────────────────────────────────────────────────────────────────────────────────────────────────────

pub(crate) async fn insert_change(
    tx: &mut Tx,
    ctx: &Ctx,
    gun: &Gun,
    kind: ChangeKind,
    timestamp: Option<&File>,
) -> Result<(), Error> {
    let version = timestamp.map_or(0, |file| i64::try_from(file.version).expect("versions are limited to 31 bits"));
    let sha256 = timestamp.map_or("", |file| file.sha256.as_str());
    tx.execute(
        "INSERT INTO trust_changes (id, gun, version, sha256, category, created_at)
         SELECT COALESCE(MAX(id), 0) + 1, $1, $2, $3, $4, $5 FROM trust_changes",
        &args![gun.as_str(), version, sha256, kind.as_str(), ctx.now],
    )
    .await?;
    Ok(())
}

/// Changes after `id`, the oldest first; or before it, the newest first. An empty `gun` means all.
pub(crate) async fn changes(
    tx: &mut Tx,
    gun: &str,
    id: i64,
    backwards: bool,
    limit: i64,
) -> Result<Vec<Change>, Error> {
    let sql = if backwards {
        "SELECT id, gun, version, sha256, category, created_at FROM trust_changes
         WHERE id < $2 AND ($1 = '' OR gun = $1) ORDER BY id DESC LIMIT $3"
    } else {
        "SELECT id, gun, version, sha256, category, created_at FROM trust_changes
         WHERE id > $2 AND ($1 = '' OR gun = $1) ORDER BY id LIMIT $3"
    };
    let rows = tx.all(sql, &args![gun, id, limit]).await?;
    let change = |row: &Row| {
        Ok(Change {
            id: row.int("id")?,
            gun: row.text("gun")?,
            version: row.int("version")?,
            sha256: row.text("sha256")?,
            kind: row.parse("category")?,
            created_at: row.time("created_at")?,
        })
    };
    rows.iter().map(change).collect()
}

// ── state ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/// GUN, role and checksum of the newest document of each role.
pub(crate) async fn newest_sums(tx: &mut Tx) -> Result<Vec<(String, String, String)>, Error> {
    let rows = tx
        .all(
            "SELECT gun, role, bytes FROM trust_metadata AS each WHERE version =
               (SELECT MAX(version) FROM trust_metadata WHERE gun = each.gun AND role = each.role)",
            &[],
        )
        .await?;
    // The checksum of the bytes as they are now, not the one beside them: who alters one may alter both or either.
    let sum = |row: &Row| Ok((row.text("gun")?, row.text("role")?, base::digest_hex(&row.bytes("bytes")?)));
    rows.iter().map(sum).collect()
}

/// GUN, role, id and state of every key of the server.
pub(crate) async fn key_states(tx: &mut Tx) -> Result<Vec<[String; 4]>, Error> {
    let rows = tx.all("SELECT gun, role, key_id, state FROM trust_keys", &[]).await?;
    rows.iter().map(|row| Ok([row.text("gun")?, row.text("role")?, row.text("key_id")?, row.text("state")?])).collect()
}

// ── anchors ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/// By name.
pub(crate) async fn anchors(tx: &mut Tx) -> Result<Vec<TrustAnchor>, crate::Error> {
    let rows = tx.all("SELECT name, pem, set_by, set_at FROM trust_anchors ORDER BY name", &[]).await?;
    rows.iter().map(anchor).collect()
}

fn anchor(row: &Row) -> Result<TrustAnchor, crate::Error> {
    let pem = row.text("pem")?;
    Ok(TrustAnchor {
        name: row.parse("name")?,
        kind: AnchorKind::from_pem(&pem)?,
        pem,
        set_by: row.text("set_by")?,
        set_at: row.time("set_at")?,
    })
}

pub(crate) async fn set_anchor(tx: &mut Tx, anchor: &TrustAnchor) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO trust_anchors (name, pem, set_by, set_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (name) DO UPDATE SET pem = excluded.pem, set_by = excluded.set_by, set_at = excluded.set_at",
        &args![anchor.name.to_string(), &anchor.pem, &anchor.set_by, anchor.set_at],
    )
    .await?;
    Ok(())
}

pub(crate) async fn remove_anchor(tx: &mut Tx, name: &AnchorName) -> Result<(), Error> {
    tx.execute("DELETE FROM trust_anchors WHERE name = $1", &args![name.to_string()]).await?;
    Ok(())
}
