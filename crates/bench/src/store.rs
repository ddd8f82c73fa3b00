//! The SQL of the benchmark: a hundred thousand tags and as many repositories.

use std::path::Path;

use anyhow::Result;
use base::{Clock, Ctx, Entropy};
use db::{Db, Location, args};

use crate::content::REPOSITORY;

/// The tags are one row each, written beside the server: to push them would take longer than all other rows.
const SEED: &str = "INSERT INTO tags (repository, name, digest, pushed_by, pushed_at, job, origin)
    WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 99999)
    SELECT t.repository, printf('s%06d', n.i), t.digest, t.pushed_by, t.pushed_at, t.job, t.origin
    FROM n, tags t JOIN repositories r ON r.id = t.repository WHERE t.name = 't0' AND r.name = $1";

/// Every other one is private.
const REPOSITORIES: &str = "INSERT INTO repositories (id, name, namespace, visibility, immutable, scan_on_push, short_description,
        long_description, tag_limit, created_at)
    WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 99999)
    SELECT printf('seed%022d', n.i), printf('admin/app-%06d', n.i), 'admin', iif(n.i % 2, 'private', 'public'), FALSE, FALSE, '',
        '', 0, 0 FROM n";

/// As the program writes them.
const WORDS: &str = "INSERT INTO repository_words (word, name, repository)
    SELECT 'admin', name, id FROM repositories WHERE id LIKE 'seed%'
    UNION ALL SELECT 'app', name, id FROM repositories WHERE id LIKE 'seed%'
    UNION ALL SELECT substr(name, 11), name, id FROM repositories WHERE id LIKE 'seed%'
    UNION ALL SELECT substr(name, 7), name, id FROM repositories WHERE id LIKE 'seed%'
    UNION ALL SELECT name, name, id FROM repositories WHERE id LIKE 'seed%'";

/// Writes the rows into the database of a running server.
pub fn seed(database: &Path) -> Result<()> {
    let ctx = Ctx::system("bench", &Clock::System, &Entropy::System);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let db = Db::open(&Location::Sqlite(database.to_owned()), &[]).await?;
        db::write!(db, &ctx, |tx| {
            tx.execute(SEED, &args![REPOSITORY]).await?;
            tx.execute(REPOSITORIES, &[]).await?;
            tx.execute(WORDS, &[]).await
        })
    })?;
    Ok(())
}
