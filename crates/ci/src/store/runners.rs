//! The SQL of runners.

use base::Timestamp;
use db::{Error, Row, Tx, args};

use super::{from_json, to_json};
use crate::Runner;

pub(crate) async fn insert(tx: &mut Tx, runner: &Runner, hash: &str) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO ci_runners (id, hash, short, kind, description, tags, run_untagged, paused, protected,
            maximum_timeout, info, created_at, contacted_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        &args![
            runner.id,
            hash,
            &runner.short,
            runner.kind.to_string(),
            &runner.description,
            to_json(&runner.tags),
            runner.run_untagged,
            runner.paused,
            runner.protected,
            runner.maximum_timeout,
            &runner.info,
            runner.created_at,
            runner.contacted_at
        ],
    )
    .await?;
    Ok(())
}

pub(crate) async fn by_hash(tx: &mut Tx, hash: &str) -> Result<Option<Runner>, Error> {
    tx.opt("SELECT * FROM ci_runners WHERE hash = $1", &args![hash]).await?.as_ref().map(runner_of).transpose()
}

pub(crate) async fn get(tx: &mut Tx, id: i64) -> Result<Option<Runner>, Error> {
    tx.opt("SELECT * FROM ci_runners WHERE id = $1", &args![id]).await?.as_ref().map(runner_of).transpose()
}

pub(crate) async fn all(tx: &mut Tx) -> Result<Vec<Runner>, Error> {
    tx.all("SELECT * FROM ci_runners ORDER BY id", &[]).await?.iter().map(runner_of).collect()
}

pub(crate) async fn delete(tx: &mut Tx, id: i64) -> Result<(), Error> {
    tx.execute("DELETE FROM ci_runners WHERE id = $1", &args![id]).await?;
    Ok(())
}

pub(crate) async fn set_paused(tx: &mut Tx, id: i64, paused: bool) -> Result<(), Error> {
    tx.execute("UPDATE ci_runners SET paused = $2 WHERE id = $1", &args![id, paused]).await?;
    Ok(())
}

/// Remember what a runner says of itself and that it was here.
pub(crate) async fn touch(tx: &mut Tx, id: i64, info: &str, now: Timestamp) -> Result<(), Error> {
    tx.execute("UPDATE ci_runners SET info = $2, contacted_at = $3 WHERE id = $1", &args![id, info, now]).await?;
    Ok(())
}

/// The hash of the token with which runners register the old way.
pub(crate) async fn registration(tx: &mut Tx) -> Result<Option<String>, Error> {
    let row = tx.opt("SELECT hash FROM ci_registration WHERE one = 1", &[]).await?;
    row.map(|row| row.text("hash")).transpose()
}

pub(crate) async fn set_registration(tx: &mut Tx, hash: &str) -> Result<(), Error> {
    let sql = "INSERT INTO ci_registration (one, hash) VALUES (1, $1)
        ON CONFLICT (one) DO UPDATE SET hash = excluded.hash";
    tx.execute(sql, &args![hash]).await?;
    Ok(())
}

fn runner_of(row: &Row) -> Result<Runner, Error> {
    Ok(Runner {
        id: row.int("id")?,
        kind: row.parse("kind")?,
        short: row.text("short")?,
        description: row.text("description")?,
        tags: from_json(row, "tags")?,
        run_untagged: row.bool("run_untagged")?,
        paused: row.bool("paused")?,
        protected: row.bool("protected")?,
        maximum_timeout: row.opt_int("maximum_timeout")?,
        info: row.text("info")?,
        created_at: row.time("created_at")?,
        contacted_at: row.opt_time("contacted_at")?,
    })
}
