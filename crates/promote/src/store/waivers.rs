//! Waivers, and whether they need an approval.

use base::{Id, Timestamp};
use bom::Justification;
use db::{Error, Row, Tx, args};

use crate::{Approval, Waiver, WaiverScope};

/// Who approved a waiver, the version of the component, the account of the author beside the name, and the one row of settings.
pub(super) const APPROVAL_STEP: &str = "ALTER TABLE waivers ADD COLUMN version TEXT;
      ALTER TABLE waivers ADD COLUMN author_account TEXT;
      ALTER TABLE waivers ADD COLUMN proposed BOOLEAN NOT NULL DEFAULT FALSE;
      ALTER TABLE waivers ADD COLUMN approved_by TEXT;
      ALTER TABLE waivers ADD COLUMN approved_at BIGINT;
      CREATE TABLE waiver_settings (id BIGINT PRIMARY KEY, need_approval BOOLEAN NOT NULL)";

/// The key of the log that holds whether waivers need an approval.
pub(crate) const WAIVER_SETTINGS_KEY: &str = "promote/waivers_need_approval";

pub(crate) async fn insert_waiver(tx: &mut Tx, waiver: &Waiver) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO waivers (id, scope, advisory, component, version, reason, author, author_account, created_at, expires_at,
           justification, proposed)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        &args![
            &waiver.id,
            waiver.scope.to_string(),
            &waiver.advisory,
            waiver.component.as_ref(),
            waiver.version.as_ref(),
            &waiver.reason,
            &waiver.author,
            waiver.author_account.as_ref(),
            waiver.created_at,
            waiver.expires_at,
            waiver.justification.map(Justification::as_str),
            waiver.approval == Approval::Proposed
        ],
    )
    .await?;
    Ok(())
}

/// Note an approval; gives whether the waiver still needed one.
pub(crate) async fn approve_waiver(tx: &mut Tx, id: &Id<Waiver>, by: &str, at: Timestamp) -> Result<bool, Error> {
    let sql = "UPDATE waivers SET proposed = FALSE, approved_by = $2, approved_at = $3 WHERE id = $1 AND proposed";
    Ok(tx.execute(sql, &args![id, by, at]).await? > 0)
}

pub(crate) async fn delete_waiver(tx: &mut Tx, id: &Id<Waiver>) -> Result<(), Error> {
    tx.execute("DELETE FROM waivers WHERE id = $1", &args![id]).await?;
    Ok(())
}

pub(crate) async fn waiver(tx: &mut Tx, id: &Id<Waiver>) -> Result<Option<Waiver>, Error> {
    let row = tx.opt("SELECT * FROM waivers WHERE id = $1", &args![id]).await?;
    row.as_ref().map(waiver_of).transpose()
}

/// Expired and proposed ones included; a limit on their number keeps them few.
pub(crate) async fn waivers_of_scope(tx: &mut Tx, scope: &WaiverScope) -> Result<Vec<Waiver>, Error> {
    let sql = "SELECT * FROM waivers WHERE scope = $1 ORDER BY created_at, id";
    tx.all(sql, &args![scope.to_string()]).await?.iter().map(waiver_of).collect()
}

/// Those of all layers.
pub(crate) async fn waivers_of_layers(tx: &mut Tx) -> Result<Vec<Waiver>, Error> {
    let sql = "SELECT * FROM waivers WHERE scope >= 'layer:' AND scope < 'layer;' ORDER BY created_at, id";
    tx.all(sql, &[]).await?.iter().map(waiver_of).collect()
}

/// Waivers whose time is over and whose end nobody has noted yet, the oldest first.
pub(crate) async fn waivers_to_end(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<Vec<Waiver>, Error> {
    let sql = "SELECT * FROM waivers WHERE expires_at <= $1 AND NOT ended ORDER BY expires_at, id LIMIT $2";
    tx.all(sql, &args![now, limit]).await?.iter().map(waiver_of).collect()
}

/// Note the end of a waiver; gives whether nobody had.
pub(crate) async fn end_waiver(tx: &mut Tx, id: &Id<Waiver>) -> Result<bool, Error> {
    Ok(tx.execute("UPDATE waivers SET ended = TRUE WHERE id = $1 AND NOT ended", &args![id]).await? > 0)
}

/// All waivers, for the fold of the audit log.
pub(crate) async fn all_waivers(tx: &mut Tx) -> Result<Vec<Waiver>, Error> {
    tx.all("SELECT * FROM waivers ORDER BY id", &[]).await?.iter().map(waiver_of).collect()
}

/// Whether waivers need an approval; None as long as nobody has said so.
pub(crate) async fn need_approval(tx: &mut Tx) -> Result<Option<bool>, Error> {
    let row = tx.opt("SELECT need_approval FROM waiver_settings", &[]).await?;
    row.map(|row| row.bool("need_approval")).transpose()
}

pub(crate) async fn set_need_approval(tx: &mut Tx, need: bool) -> Result<(), Error> {
    let sql = "INSERT INTO waiver_settings (id, need_approval) VALUES (1, $1)
         ON CONFLICT (id) DO UPDATE SET need_approval = excluded.need_approval";
    tx.execute(sql, &args![need]).await?;
    Ok(())
}

fn waiver_of(row: &Row) -> Result<Waiver, Error> {
    let approval = match (row.bool("proposed")?, row.opt_text("approved_by")?, row.opt_time("approved_at")?) {
        (true, ..) => Approval::Proposed,
        (false, Some(by), Some(at)) => Approval::Given { by, at },
        (false, ..) => Approval::NotNeeded,
    };
    Ok(Waiver {
        id: row.parse("id")?,
        scope: row.parse("scope")?,
        advisory: row.text("advisory")?,
        component: row.opt_text("component")?,
        version: row.opt_text("version")?,
        reason: row.text("reason")?,
        justification: row.opt_parse("justification")?,
        author: row.text("author")?,
        author_account: row.opt_text("author_account")?,
        approval,
        created_at: row.time("created_at")?,
        expires_at: row.opt_time("expires_at")?,
    })
}
