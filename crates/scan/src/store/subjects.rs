//! The SQL of subjects: each stored once, and per inventory a short list of numbers.

use std::collections::BTreeMap;

use db::{Error, Tx, args};
use oci::Digest;

use crate::subjects::{Numbers, StoredSubject, encode};

/// The inventory of an image with these layers, where this version of the scanner made it before.
pub(crate) async fn image_inventory(tx: &mut Tx, layers: &str, scanner_version: u32) -> Result<Option<Digest>, Error> {
    let sql = "SELECT inventory FROM image_inventories WHERE layers = $1 AND scanner_version = $2";
    let row = tx.opt(sql, &args![layers, scanner_version]).await?;
    row.map(|row| row.parse("inventory")).transpose()
}

pub(crate) async fn insert_image_inventory(
    tx: &mut Tx,
    layers: &str,
    scanner_version: u32,
    inventory: &Digest,
    size: usize,
) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO image_inventories (layers, scanner_version, inventory, size) VALUES ($1, $2, $3, $4)
         ON CONFLICT (layers, scanner_version) DO NOTHING",
        &args![layers, scanner_version, inventory.to_string(), super::int(size)],
    )
    .await?;
    Ok(())
}

/// Note what is judged of an inventory, and how many components each subject stands for. Gives the numbers of the subjects that were
/// not among those already known to the caller.
pub(crate) async fn insert_subjects(
    tx: &mut Tx,
    inventory: &Digest,
    subjects: &BTreeMap<StoredSubject, u64>,
    known: &Numbers,
) -> Result<Vec<(String, u64)>, Error> {
    let there = "SELECT inventory FROM inventory_subjects WHERE inventory = $1";
    if tx.opt(there, &args![inventory.to_string()]).await?.is_some() {
        return Ok(Vec::new());
    }
    let row = tx.one("SELECT COALESCE(MAX(id), -1) AS last FROM subjects", &[]).await?;
    let mut next = row.int("last")? + 1;
    let (mut list, mut learnt) = (Vec::with_capacity(subjects.len()), Vec::new());
    for (subject, times) in subjects {
        let text = subject.to_text();
        if let Some(number) = known.get(&text) {
            list.push((number, *times));
            continue;
        }
        let number = match tx.opt("SELECT id FROM subjects WHERE body = $1", &args![&text]).await? {
            Some(row) => row.int("id")?,
            None => {
                tx.execute("INSERT INTO subjects (id, body) VALUES ($1, $2)", &args![next, &text]).await?;
                next += 1;
                next - 1
            }
        };
        list.push((number.unsigned_abs(), *times));
        learnt.push((text, number.unsigned_abs()));
    }
    tx.execute(
        "INSERT INTO inventory_subjects (inventory, subjects) VALUES ($1, $2)",
        &args![inventory.to_string(), encode(list)],
    )
    .await?;
    Ok(learnt)
}

/// Subjects whose numbers come after this one, by number.
pub(crate) async fn subjects_after(tx: &mut Tx, after: i64, limit: i64) -> Result<Vec<(i64, StoredSubject)>, Error> {
    let sql = "SELECT id, body FROM subjects WHERE id > $1 ORDER BY id LIMIT $2";
    let rows = tx.all(sql, &args![after, limit]).await?;
    let subject = |row: &db::Row| {
        let subject = StoredSubject::from_text(&row.text("body")?);
        Ok((row.int("id")?, subject.map_err(|error| Error::Corrupt(format!("a subject: {error}")))?))
    };
    rows.iter().map(subject).collect()
}

/// Inventories after `after`, each with the list of its subjects as it is stored.
pub(crate) async fn lists_after(tx: &mut Tx, after: &str, limit: i64) -> Result<Vec<(String, Vec<u8>)>, Error> {
    let sql = "SELECT inventory, subjects FROM inventory_subjects WHERE inventory > $1 ORDER BY inventory LIMIT $2";
    let rows = tx.all(sql, &args![after, limit]).await?;
    rows.iter().map(|row| Ok((row.text("inventory")?, row.bytes("subjects")?))).collect()
}

/// A completed scan.
pub(crate) struct Listed {
    pub(crate) digest: Digest,
    pub(crate) inventory: String,
    /// Whether the subjects of the inventory are known.
    pub(crate) has_subjects: bool,
}

/// Completed scans after `after`, by digest.
pub(crate) async fn listed(tx: &mut Tx, after: &str, limit: i64) -> Result<Vec<Listed>, Error> {
    let sql = "SELECT s.digest, s.inventory, i.inventory AS listed FROM scans s
         LEFT JOIN inventory_subjects i ON i.inventory = s.inventory
         WHERE s.state = 'done' AND s.digest > $1 ORDER BY s.digest LIMIT $2";
    let rows = tx.all(sql, &args![after, limit]).await?;
    let listed = |row: &db::Row| {
        Ok(Listed {
            digest: row.parse("digest")?,
            inventory: row.opt_text("inventory")?.unwrap_or_default(),
            has_subjects: row.opt_text("listed")?.is_some(),
        })
    };
    rows.iter().map(listed).collect()
}
