//! The one row of settings, and what has been in use since when.

use base::{Ctx, Timestamp};
use db::{Error, Tx, args};

use crate::Settings;

/// The key of the log that holds the settings.
pub(crate) const SETTINGS_KEY: &str = "scan/settings";

/// What was set, or the defaults where nobody set anything.
pub(crate) async fn settings(tx: &mut Tx) -> Result<Settings, Error> {
    Ok(row(tx).await?.unwrap_or_default())
}

async fn row(tx: &mut Tx) -> Result<Option<Settings>, Error> {
    let sql = "SELECT enabled, deadline_minutes, sync_online, auto_recheck, attest FROM scan_settings";
    let row = tx.opt(sql, &[]).await?;
    row.map(|row| {
        Ok(Settings {
            enabled: row.bool("enabled")?,
            deadline_minutes: u32::try_from(row.int("deadline_minutes")?).unwrap_or(u32::MAX),
            sync_online: row.bool("sync_online")?,
            auto_recheck: row.bool("auto_recheck")?,
            attest: row.bool("attest")?,
        })
    })
    .transpose()
}

pub(crate) async fn set_settings(tx: &mut Tx, new: &Settings) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO scan_settings (id, enabled, deadline_minutes, sync_online, auto_recheck, attest)
         VALUES (1, $1, $2, $3, $4, $5)
         ON CONFLICT (id) DO UPDATE SET enabled = excluded.enabled, deadline_minutes = excluded.deadline_minutes,
           sync_online = excluded.sync_online, auto_recheck = excluded.auto_recheck, attest = excluded.attest",
        &args![new.enabled, i64::from(new.deadline_minutes), new.sync_online, new.auto_recheck, new.attest],
    )
    .await?;
    Ok(())
}

/// The settings under their key of the log, once somebody set one.
pub(crate) async fn settings_state(tx: &mut Tx) -> Result<Option<(String, String)>, Error> {
    Ok(row(tx).await?.map(|set| (SETTINGS_KEY.to_owned(), set.guard())))
}

/// How many snapshots there have been, and since when the present one is in use.
pub(crate) async fn snapshot_history(tx: &mut Tx) -> Result<(u64, Option<Timestamp>), Error> {
    let count = tx.one("SELECT COUNT(*) AS many FROM snapshots", &[]).await?.int("many")?.unsigned_abs();
    let adopted = match tx.opt("SELECT adopted_at FROM snapshots WHERE current", &[]).await? {
        Some(row) => row.opt_time("adopted_at")?,
        None => None,
    };
    Ok((count, adopted))
}

/// Note that this version of the scanner works here, the first time it does.
pub(crate) async fn see_version(tx: &mut Tx, ctx: &Ctx, version: u32) -> Result<(), Error> {
    let sql = "INSERT INTO scanner_versions (version, seen_at) VALUES ($1, $2) ON CONFLICT (version) DO NOTHING";
    tx.execute(sql, &args![version, ctx.now]).await?;
    Ok(())
}

/// Since when this version works here.
pub(crate) async fn version_seen(tx: &mut Tx, version: u32) -> Result<Option<Timestamp>, Error> {
    match tx.opt("SELECT seen_at FROM scanner_versions WHERE version = $1", &args![version]).await? {
        Some(row) => row.opt_time("seen_at"),
        None => Ok(None),
    }
}
