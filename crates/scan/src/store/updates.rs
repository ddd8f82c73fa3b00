//! The snapshot in use, where new ones come from, and how the last one fared.

use base::{Ctx, Timestamp};
use db::{Error, Row, Tx, args};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tlog::VerifierKey;

use super::int;
use crate::Updates;

/// The key of the log that holds the settings.
pub(crate) const UPDATES_KEY: &str = "scan/updates";

/// The snapshot that is in use.
#[derive(Clone, Debug)]
pub(crate) struct SnapshotRow {
    pub(crate) digest: String,
    pub(crate) name: String,
    pub(crate) size: u64,
    /// As the snapshot says of itself; 1970 where an earlier program took it.
    pub(crate) created: Timestamp,
    /// Names and ids of keys.
    pub(crate) signed_by: Vec<String>,
}

impl SnapshotRow {
    /// How the log writes it.
    pub(crate) fn guard(&self) -> String {
        match self.signed_by.as_slice() {
            [] => self.digest.clone(),
            keys => format!("{} signed by {}", self.digest, keys.join(" ")),
        }
    }
}

/// How the last new snapshot fared, and the last question for one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    /// Why the last one was refused or could not be fetched, if so.
    pub(crate) error: Option<String>,
    /// When the network was last asked for one.
    pub(crate) asked_at: Option<Timestamp>,
    /// When it last had an answer, be it that there is nothing new.
    pub(crate) answered_at: Option<Timestamp>,
    /// Questions without a good answer since.
    pub(crate) failures: u32,
    /// What is being fetched, while something is.
    pub(crate) progress: Option<String>,
    pub(crate) answer: Option<Answered>,
}

/// The last answer, so that the same one need not be sent again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answered {
    pub(crate) url: String,
    pub(crate) etag: String,
    /// The snapshot that was in use once the answer was followed.
    pub(crate) snapshot: String,
}

pub(crate) async fn current_snapshot(tx: &mut Tx) -> Result<Option<SnapshotRow>, Error> {
    let row = tx.opt("SELECT digest, name, size, created_at, signed_by FROM snapshots WHERE current", &[]).await?;
    row.map(|row| {
        Ok(SnapshotRow {
            digest: row.text("digest")?,
            name: row.text("name")?,
            size: row.int("size")?.unsigned_abs(),
            created: row.time("created_at")?,
            signed_by: row.text("signed_by")?.split_whitespace().map(str::to_owned).collect(),
        })
    })
    .transpose()
}

pub(crate) async fn set_current_snapshot(tx: &mut Tx, ctx: &Ctx, row: &SnapshotRow) -> Result<(), Error> {
    tx.execute("UPDATE snapshots SET current = FALSE WHERE current", &[]).await?;
    tx.execute(
        "INSERT INTO snapshots (digest, name, size, current, adopted_at, created_at, signed_by)
         VALUES ($1, $2, $3, TRUE, $4, $5, $6)
         ON CONFLICT (digest) DO UPDATE SET current = TRUE, adopted_at = excluded.adopted_at,
           created_at = excluded.created_at, signed_by = excluded.signed_by",
        &args![
            &row.digest,
            &row.name,
            int(usize::try_from(row.size).unwrap_or(usize::MAX)),
            ctx.now,
            row.created,
            row.signed_by.join(" ")
        ],
    )
    .await?;
    Ok(())
}

/// What was set, or the defaults where nobody set anything.
pub(crate) async fn updates(tx: &mut Tx) -> Result<Updates, Error> {
    Ok(row(tx).await?.unwrap_or_default())
}

async fn row(tx: &mut Tx) -> Result<Option<Updates>, Error> {
    let row = tx.opt("SELECT urls, daily_at, trusted, stale_days FROM update_settings", &[]).await?;
    row.map(|row| {
        Ok(Updates {
            urls: list(&row, "urls")?,
            daily_at: row.parse("daily_at")?,
            keys: list::<VerifierKey>(&row, "trusted")?,
            stale_days: u32::try_from(row.int("stale_days")?).unwrap_or(u32::MAX),
        })
    })
    .transpose()
}

fn list<T: std::str::FromStr<Err: std::fmt::Display>>(row: &Row, column: &str) -> Result<Vec<T>, Error> {
    let texts: Vec<String> = json(&row.text(column)?)?;
    let parsed = texts.iter().map(|text| text.parse::<T>().map_err(|error| Error::Corrupt(error.to_string())));
    parsed.collect()
}

fn json<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|error| Error::Corrupt(error.to_string()))
}

pub(crate) async fn set_updates(tx: &mut Tx, new: &Updates) -> Result<(), Error> {
    let texts = |texts: Vec<String>| serde_json::to_string(&texts).expect("texts always serialise");
    tx.execute(
        "INSERT INTO update_settings (id, urls, daily_at, trusted, stale_days) VALUES (1, $1, $2, $3, $4)
         ON CONFLICT (id) DO UPDATE SET urls = excluded.urls, daily_at = excluded.daily_at, trusted = excluded.trusted,
           stale_days = excluded.stale_days",
        &args![
            texts(new.urls.iter().map(ToString::to_string).collect()),
            new.daily_at.to_string(),
            texts(new.keys.iter().map(ToString::to_string).collect()),
            i64::from(new.stale_days)
        ],
    )
    .await?;
    Ok(())
}

/// The settings under their key of the log, once somebody set one.
pub(crate) async fn updates_state(tx: &mut Tx) -> Result<Option<(String, String)>, Error> {
    Ok(row(tx).await?.map(|set| (UPDATES_KEY.to_owned(), set.guard())))
}

/// How things stand.
pub(crate) async fn outcome(tx: &mut Tx) -> Result<Outcome, Error> {
    let Some(row) = tx.opt("SELECT * FROM snapshot_updates", &[]).await? else { return Ok(Outcome::default()) };
    Ok(Outcome {
        error: row.opt_text("error")?,
        asked_at: row.opt_time("asked_at")?,
        answered_at: row.opt_time("answered_at")?,
        failures: u32::try_from(row.int("failures")?).unwrap_or(u32::MAX),
        progress: row.opt_text("progress")?,
        answer: row.opt_text("answer")?.map(|text| json(&text)).transpose()?,
    })
}

/// Note that a new snapshot was taken.
pub(crate) async fn set_taken(tx: &mut Tx, ctx: &Ctx) -> Result<(), Error> {
    set_error(tx, ctx, None).await
}

/// Note why one was refused.
pub(crate) async fn set_refused(tx: &mut Tx, ctx: &Ctx, error: &str) -> Result<(), Error> {
    set_error(tx, ctx, Some(error)).await
}

async fn set_error(tx: &mut Tx, ctx: &Ctx, error: Option<&str>) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO snapshot_updates (id, error, at) VALUES (1, $1, $2)
         ON CONFLICT (id) DO UPDATE SET error = excluded.error, at = excluded.at",
        &args![error, ctx.now],
    )
    .await?;
    Ok(())
}

/// Note what the network was asked for and how that ended: with an answer, or without one, and why.
pub(crate) async fn answered(tx: &mut Tx, ctx: &Ctx, answer: Result<Option<&Answered>, &str>) -> Result<(), Error> {
    set_error(tx, ctx, answer.err()).await?;
    let Ok(answer) = answer else {
        let sql = "UPDATE snapshot_updates SET asked_at = $1, failures = failures + 1, progress = NULL";
        tx.execute(sql, &args![ctx.now]).await?;
        return Ok(());
    };
    let answer = answer.map(|answer| serde_json::to_string(answer).expect("texts always serialise"));
    let sql = "UPDATE snapshot_updates SET asked_at = $1, answered_at = $1, failures = 0, progress = NULL, answer = $2";
    tx.execute(sql, &args![ctx.now, answer]).await?;
    Ok(())
}

/// Note what is being fetched, or that nothing is.
pub(crate) async fn set_progress(tx: &mut Tx, ctx: &Ctx, progress: Option<&str>) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO snapshot_updates (id, at, progress) VALUES (1, $1, $2)
         ON CONFLICT (id) DO UPDATE SET progress = excluded.progress",
        &args![ctx.now, progress],
    )
    .await?;
    Ok(())
}
