//! What a repository has that nobody said anything of.

use db::{Error, Tx, args};

pub(super) const DEFAULTS_STEP: &str =
    "CREATE TABLE new_repositories (id BIGINT PRIMARY KEY, scan_on_push BOOLEAN NOT NULL)";

/// Whether new repositories scan on push; they do while nobody has said otherwise.
pub(crate) async fn scans_new(tx: &mut Tx) -> Result<bool, Error> {
    let row = tx.opt("SELECT scan_on_push FROM new_repositories WHERE id = 1", &[]).await?;
    row.map_or(Ok(true), |row| row.bool("scan_on_push"))
}

pub(crate) async fn set_scans_new(tx: &mut Tx, scan_on_push: bool) -> Result<(), Error> {
    let sql = "INSERT INTO new_repositories (id, scan_on_push) VALUES (1, $1)
         ON CONFLICT (id) DO UPDATE SET scan_on_push = excluded.scan_on_push";
    tx.execute(sql, &args![scan_on_push]).await?;
    Ok(())
}

/// Whether a push makes a repository where there is none; it does while nobody has said otherwise.
pub(crate) async fn made_on_push(tx: &mut Tx) -> Result<bool, Error> {
    let row = tx.opt("SELECT on_push FROM new_repositories WHERE id = 1", &[]).await?;
    row.map_or(Ok(true), |row| row.bool("on_push"))
}

pub(crate) async fn set_made_on_push(tx: &mut Tx, on: bool) -> Result<(), Error> {
    let sql = "INSERT INTO new_repositories (id, scan_on_push, on_push) VALUES (1, TRUE, $1)
         ON CONFLICT (id) DO UPDATE SET on_push = excluded.on_push";
    tx.execute(sql, &args![on]).await?;
    Ok(())
}
