//! Pages of long lists: a hundred out of a hundred thousand tags.

use std::path::Path;

use anyhow::{Context, Result};
use base::{Clock, Ctx, Entropy};
use db::{Db, Location, args};

use crate::content::REPOSITORY;
use crate::report::Line;
use crate::rows::{Say, Turns, read};
use crate::side::Side;

/// The tags are one row each, written beside the server: to push them would take longer than all other rows.
const SEED: &str = "INSERT INTO tags (repository, name, digest, pushed_by, pushed_at, job, origin)
    WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 99999)
    SELECT t.repository, printf('s%06d', n.i), t.digest, t.pushed_by, t.pushed_at, t.job, t.origin
    FROM n, tags t JOIN repositories r ON r.id = t.repository WHERE t.name = 't0' AND r.name = $1";

/// One client goes for the first page and for one deep inside, of each list.
pub fn all(turns: &Turns, ours: &Side, folder: &Path, only: &str, say: Say<'_>) -> Result<()> {
    let rows = [
        ("tags-first-page", format!("/v2/{REPOSITORY}/tags/list?n=100")),
        ("tags-deep-page", format!("/v2/{REPOSITORY}/tags/list?n=100&last=s090000")),
        ("dtr-tags-first-page", format!("/api/v0/repositories/{REPOSITORY}/tags?pageSize=100")),
        ("dtr-tags-deep-page", format!("/api/v0/repositories/{REPOSITORY}/tags?pageSize=100&pageStart=s090000")),
        ("dtr-repositories-page", "/api/v0/repositories?pageSize=100".to_owned()),
    ];
    if !rows.iter().any(|(name, _)| name.contains(only)) {
        return Ok(());
    }
    seed(&folder.join("data/assay.db")).context("the tags could not be written")?;
    let alone = Turns { clients: 1, ..*turns };
    for (name, path) in rows.iter().filter(|(name, _)| name.contains(only)) {
        say(Line::time(name, read(&alone, ours, "GET", path, false)?));
    }
    Ok(())
}

fn seed(database: &Path) -> Result<()> {
    let ctx = Ctx::system("bench", &Clock::System, &Entropy::System);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let db = Db::open(&Location::Sqlite(database.to_owned()), &[]).await?;
        db::write!(db, &ctx, |tx| tx.execute(SEED, &args![REPOSITORY]).await)
    })?;
    Ok(())
}
