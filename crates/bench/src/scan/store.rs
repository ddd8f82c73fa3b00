//! The SQL of the synthetic registry: repositories, manifests, tags, completed scans, and their subjects.

use std::collections::BTreeSet;

use anyhow::Result;
use base::Ctx;
use db::{Db, args};

/// One tag an image, in a hundred repositories.
const REGISTRY: &[&str] = &[
    "INSERT INTO repositories (id, name, namespace, visibility, immutable, scan_on_push, short_description, long_description,
        tag_limit, created_at)
     WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 99)
     SELECT printf('scan%022d', i), printf('admin/scan-%02d', i), 'admin', 'private', FALSE, TRUE, '', '', 0, 0 FROM n",
    "INSERT INTO manifests (digest, media_type, size, total_bytes, os, architecture, created_at)
     WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)
     SELECT printf('sha256:%064x', i), 'application/vnd.oci.image.manifest.v1+json', 500, 500, 'linux', 'amd64', 0 FROM n",
    "INSERT INTO repository_manifests (repository, digest, pushed_by, pushed_at)
     WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)
     SELECT printf('scan%022d', i % 100), printf('sha256:%064x', i), 'admin', 0 FROM n",
    "INSERT INTO tags (repository, name, digest, pushed_by, pushed_at, origin)
     WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)
     SELECT printf('scan%022d', i % 100), printf('t%04d', i), printf('sha256:%064x', i), 'admin', 0, 'push' FROM n",
    "INSERT INTO held_against (id, snapshot, closed) VALUES (1, 'none', FALSE)",
    "INSERT INTO scans (digest, state, inventory, snapshot, held, critical, major, minor, unknown, unknowns, scanner_version)
     WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)
     SELECT printf('sha256:%064x', i), 'done', printf('sha256:1%063x', i), 'none', 1, 0, 0, 0, 0, '[]', 1000 FROM n",
];

/// Writes the registry, as if its images had been scanned with a snapshot that nobody has any more.
pub async fn seed(db: &Db, ctx: &Ctx, subjects: &[String], images: &[BTreeSet<u64>]) -> Result<()> {
    db::write!(db, ctx, |tx| {
        for sql in REGISTRY {
            tx.execute(sql, &[]).await?;
        }
        for (number, body) in (0_i64..).zip(subjects) {
            tx.execute("INSERT INTO subjects (id, body) VALUES ($1, $2)", &args![number, body]).await?;
        }
        for (number, numbers) in images.iter().enumerate() {
            let inventory = format!("sha256:1{number:063x}");
            let sql = "INSERT INTO inventory_subjects (inventory, subjects) VALUES ($1, $2)";
            tx.execute(sql, &args![inventory, list(numbers)]).await?;
        }
        Ok::<_, db::Error>(())
    })?;
    Ok(())
}

/// As the scanner writes a list: LEB128 of the distance to the number before, and of how often it counts.
fn list(numbers: &BTreeSet<u64>) -> Vec<u8> {
    let (mut bytes, mut before) = (Vec::new(), 0);
    for number in numbers {
        for mut rest in [number - before, 1] {
            while rest >= 0x80 {
                bytes.push((rest & 0x7f) as u8 | 0x80);
                rest >>= 7;
            }
            bytes.push(rest as u8);
        }
        before = *number;
    }
    bytes
}

/// As if the snapshot that everything was held against were gone.
pub async fn forget_snapshot(db: &Db, ctx: &Ctx) -> Result<()> {
    db::write!(db, ctx, |tx| tx.execute("UPDATE held_against SET snapshot = 'none'", &[]).await.map(drop))
        .map_err(|error: db::Error| error.into())
}

/// How many images were last held against this snapshot, and of how many it changed the result.
pub async fn held(db: &Db, snapshot: &str) -> Result<(i64, i64)> {
    let sql = "SELECT COUNT(*) AS held, COALESCE(SUM(CASE WHEN scans.snapshot = $1 THEN 1 ELSE 0 END), 0) AS changed
        FROM scans WHERE held IN (SELECT id FROM held_against WHERE snapshot = $1)";
    let row = db.read().await?.one(sql, &args![snapshot]).await?;
    Ok((row.int("held")?, row.int("changed")?))
}
