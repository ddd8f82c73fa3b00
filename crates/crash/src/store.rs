//! The rows after a crash: each names what is there, and what it names has the right bytes on disk.

use std::{collections::HashMap, fs, path::Path};

use anyhow::{Result, anyhow};
use db::{Db, Location, Tx};
use oci::Digest;

use crate::disk::{Disk, Ino};

/// Blobs whose bytes were compared with their name, and at which stamp of the file.
pub type Verified = HashMap<Ino, u64>;

/// Read a copy of the database as it lies on the disk; gives what is wrong.
pub async fn problems(disk: &Disk, verified: &mut Verified) -> Result<Vec<String>> {
    let Some(database) = disk.at("data/assay.db") else { return Ok(Vec::new()) };
    let folder = tempfile::tempdir()?;
    let copy = folder.path().join("assay.db");
    fs::write(&copy, &disk.content(database).map_err(|fault| anyhow!("{fault:?}"))?.now)?;
    if let Some(Ok(wal)) = disk.at("data/assay.db-wal").map(|wal| disk.content(wal)) {
        fs::write(folder.path().join("assay.db-wal"), &wal.now)?;
    }
    look(&copy, disk, verified).await
}

async fn look(copy: &Path, disk: &Disk, verified: &mut Verified) -> Result<Vec<String>> {
    let db = match Db::open(&Location::Sqlite(copy.to_owned()), &[]).await {
        Ok(db) => db,
        Err(error) => return Ok(vec![format!("the database cannot be opened: {error}")]),
    };
    let found = rows(&db, disk, verified).await;
    db.close().await;
    // A row that cannot be read is what we look for.
    Ok(found.unwrap_or_else(|error| vec![format!("the database cannot be read: {error:#}")]))
}

async fn rows(db: &Db, disk: &Disk, verified: &mut Verified) -> Result<Vec<String>> {
    let mut tx = db.read().await?;
    let mut found = damage(&mut tx).await?;
    let known = "SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'repository_blobs'";
    if tx.opt(known, &[]).await?.is_some() {
        found.extend(dangling(&mut tx).await?);
        found.extend(bytes(&mut tx, disk, verified).await?);
    }
    Ok(found)
}

/// What SQLite itself finds.
async fn damage(tx: &mut Tx) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for row in tx.all("PRAGMA integrity_check", &[]).await? {
        let text = row.text("integrity_check")?;
        if text != "ok" {
            found.push(format!("the database is damaged: {text}"));
        }
    }
    for row in tx.all("PRAGMA foreign_key_check", &[]).await? {
        found.push(format!(
            "a row of {} refers to a row of {} that is not there",
            row.text("table")?,
            row.text("parent")?
        ));
    }
    Ok(found)
}

/// Rows that name what no other row has.
async fn dangling(tx: &mut Tx) -> Result<Vec<String>> {
    let questions = [
        (
            "a tag names a manifest that is not in its repository",
            "SELECT t.repository || ':' || t.name AS what FROM tags t LEFT JOIN repository_manifests m
                ON m.repository = t.repository AND m.digest = t.digest WHERE m.digest IS NULL",
        ),
        (
            "a repository holds a manifest without a row",
            "SELECT l.digest AS what FROM repository_manifests l LEFT JOIN manifests m ON m.digest = l.digest
                WHERE m.digest IS NULL",
        ),
        (
            "a repository holds a blob without a row",
            "SELECT l.digest AS what FROM repository_blobs l LEFT JOIN blobs b ON b.digest = l.digest
                WHERE b.digest IS NULL",
        ),
        (
            "a manifest names a blob that is not in its repository",
            "SELECT r.manifest || ' ' || r.digest AS what FROM repository_manifests l
                JOIN manifest_references r ON r.manifest = l.digest AND r.kind IN ('config', 'layer')
                LEFT JOIN repository_blobs b ON b.repository = l.repository AND b.digest = r.digest
                WHERE b.digest IS NULL",
        ),
    ];
    let mut found = Vec::new();
    for (problem, sql) in questions {
        for row in tx.all(sql, &[]).await? {
            found.push(format!("{problem}: {}", row.text("what")?));
        }
    }
    Ok(found)
}

/// Every blob and manifest that has a row has its bytes on disk.
async fn bytes(tx: &mut Tx, disk: &Disk, verified: &mut Verified) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let rows = tx.all("SELECT digest, size FROM blobs UNION SELECT digest, size FROM manifests", &[]).await?;
    for row in rows {
        let digest: Digest = row.parse("digest")?;
        let problem = compare(disk, verified, &digest, row.int("size")?);
        found.extend(problem.map(|problem| format!("{digest} has a row and {problem}")));
    }
    Ok(found)
}

/// What is wrong with the bytes of a digest, if anything is.
fn compare(disk: &Disk, verified: &mut Verified, digest: &Digest, size: i64) -> Option<String> {
    let Some(ino) = disk.at(&path(digest)) else { return Some("no bytes".to_owned()) };
    let Ok(content) = disk.content(ino) else { return Some("a folder for bytes".to_owned()) };
    if verified.get(&ino) == Some(&content.stamp) {
        return None;
    }
    if i64::try_from(content.now.len()) != Ok(size) {
        return Some(format!("{} bytes on disk instead of {size}", content.now.len()));
    }
    if Digest::of(digest.algorithm(), &content.now) != *digest {
        return Some("other bytes on disk".to_owned());
    }
    verified.insert(ino, content.stamp);
    None
}

/// Where the bytes of a digest lie.
pub fn path(digest: &Digest) -> String {
    let hex = digest.hex();
    format!("data/blobs/blobs/{}/{}/{hex}", digest.algorithm().as_str(), &hex[..2])
}
