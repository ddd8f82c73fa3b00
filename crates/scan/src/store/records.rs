//! The SQL of records: where each lies packed, and which of them nothing names any more.

use base::Timestamp;
use db::{Error, Row, Tx, args};
use oci::Digest;

/// The file of a packed record.
#[derive(Clone, Debug)]
pub(crate) struct Packed {
    pub(crate) digest: Digest,
    pub(crate) size: u64,
}

/// The file of a record, and the size of what is in it.
pub(crate) async fn packed(tx: &mut Tx, record: &Digest) -> Result<Option<(Packed, u64)>, Error> {
    let sql = "SELECT packed, packed_size, size FROM records WHERE digest = $1";
    let row = tx.opt(sql, &args![record.to_string()]).await?;
    row.map(|row| {
        let packed = Packed { digest: row.parse("packed")?, size: row.int("packed_size")?.unsigned_abs() };
        Ok((packed, row.int("size")?.unsigned_abs()))
    })
    .transpose()
}

pub(crate) async fn insert_packed(tx: &mut Tx, record: &Digest, size: u64, packed: &Packed) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO records (digest, size, packed, packed_size) VALUES ($1, $2, $3, $4)
         ON CONFLICT (digest) DO UPDATE SET packed = excluded.packed, packed_size = excluded.packed_size",
        &args![record.to_string(), super::count(size), packed.digest.to_string(), super::count(packed.size)],
    )
    .await?;
    Ok(())
}

pub(crate) async fn delete_packed(tx: &mut Tx, record: &Digest) -> Result<(), Error> {
    tx.execute("DELETE FROM records WHERE digest = $1", &args![record.to_string()]).await?;
    Ok(())
}

/// One layer that some version of the scanner read.
#[derive(Clone, Debug)]
pub(crate) struct LayerRow {
    pub(crate) layer: Digest,
    pub(crate) version: i64,
    pub(crate) inventory: Digest,
}

/// Layers after this one of this version, in that order.
pub(crate) async fn layers_after(tx: &mut Tx, after: &(String, i64), limit: i64) -> Result<Vec<LayerRow>, Error> {
    let sql = "SELECT layer, scanner_version, inventory FROM layer_inventories
         WHERE layer > $1 OR (layer = $1 AND scanner_version > $2) ORDER BY layer, scanner_version LIMIT $3";
    let rows = tx.all(sql, &args![&after.0, after.1, limit]).await?;
    let layer = |row: &Row| {
        Ok(LayerRow {
            layer: row.parse("layer")?,
            version: row.int("scanner_version")?,
            inventory: row.parse("inventory")?,
        })
    };
    rows.iter().map(layer).collect()
}

pub(crate) async fn delete_layer(tx: &mut Tx, layer: &Digest, version: i64) -> Result<(), Error> {
    let sql = "DELETE FROM layer_inventories WHERE layer = $1 AND scanner_version = $2";
    tx.execute(sql, &args![layer.to_string(), version]).await?;
    Ok(())
}

/// Forget which inventories older scanners made of images; gives those.
pub(crate) async fn delete_older_images(tx: &mut Tx, version: u32) -> Result<Vec<Digest>, Error> {
    let sql = "SELECT DISTINCT inventory FROM image_inventories WHERE scanner_version < $1";
    let rows = tx.all(sql, &args![version]).await?;
    tx.execute("DELETE FROM image_inventories WHERE scanner_version < $1", &args![version]).await?;
    rows.iter().map(|row| row.parse("inventory")).collect()
}

/// Whether anything still names a record: a layer, an image, the result of a scan.
pub(crate) async fn is_record_named(tx: &mut Tx, record: &Digest) -> Result<bool, Error> {
    let sql = "SELECT 1 AS one FROM layer_inventories WHERE inventory = $1
         UNION ALL SELECT 1 FROM layer_inventories WHERE listing = $1
         UNION ALL SELECT 1 FROM image_inventories WHERE inventory = $1
         UNION ALL SELECT 1 FROM scans WHERE inventory = $1 OR before_inventory = $1 LIMIT 1";
    Ok(tx.opt(sql, &args![record.to_string()]).await?.is_some())
}

/// Snapshots that were taken into use before this time, and that no scan is of any more. Never the current one.
pub(crate) async fn snapshots_before(tx: &mut Tx, before: Timestamp) -> Result<Vec<Digest>, Error> {
    let sql = "SELECT digest FROM snapshots WHERE NOT current AND adopted_at < $1
         AND NOT EXISTS (SELECT 1 FROM scans WHERE scans.snapshot = snapshots.digest OR scans.before_snapshot = snapshots.digest)
         AND NOT EXISTS (SELECT 1 FROM held_against WHERE held_against.snapshot = snapshots.digest)
         ORDER BY digest";
    tx.all(sql, &args![before]).await?.iter().map(|row| row.parse("digest")).collect()
}
