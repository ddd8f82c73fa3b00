//! The SQL of jobs as they are shown, of those that ended, and of schedules.

use std::time::Duration;

use base::{Id, Timestamp, micros};
use db::{Error, Row, Tx, args};

use crate::{Cron, History, Job, JobRecord, board::State, board::Wanted};

pub(super) const RECORDS_STEP: &str = "ALTER TABLE jobs ADD COLUMN kept BOOLEAN NOT NULL DEFAULT TRUE;
      ALTER TABLE jobs ADD COLUMN worker TEXT NOT NULL DEFAULT '';
      ALTER TABLE jobs ADD COLUMN cancel BOOLEAN NOT NULL DEFAULT FALSE;
      ALTER TABLE jobs ADD COLUMN started_at BIGINT;
      ALTER TABLE jobs ADD COLUMN ended_at BIGINT;
      ALTER TABLE jobs ADD COLUMN log TEXT NOT NULL DEFAULT '';
      UPDATE jobs SET ended_at = run_at, lane = NULL WHERE state = 'failed';
      CREATE INDEX jobs_ended ON jobs (ended_at, id) WHERE ended_at IS NOT NULL;
      CREATE TABLE job_schedules (kind TEXT PRIMARY KEY, schedule TEXT NOT NULL);
      CREATE TABLE job_history (
        id BIGINT PRIMARY KEY, compaction BOOLEAN NOT NULL, to_keep BIGINT NOT NULL, max_age_s BIGINT NOT NULL)";

/// Holds how much is kept of jobs that ended.
pub(crate) const HISTORY_KEY: &str = "jobs/history";

/// Rows that one transaction forgets.
const BATCH: i64 = 2_000;

/// Holds a schedule that somebody set.
pub(crate) fn schedule_key(kind: &str) -> String {
    format!("jobs/schedule/{kind}")
}

/// A schedule as the column and the log have it.
pub(crate) fn schedule_text(schedule: Option<&Cron>) -> String {
    schedule.map_or_else(|| "never".to_owned(), ToString::to_string)
}

pub(crate) async fn records(tx: &mut Tx, wanted: &Wanted, start: usize, limit: usize) -> Result<Vec<JobRecord>, Error> {
    let number = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let kinds = wanted.kinds.as_ref().map(|kinds| format!(",{},", kinds.join(",")));
    let running = wanted.running.map(i64::from);
    let rows = tx
        .all(
            "SELECT * FROM jobs WHERE (kept OR state = 'failed') AND ($1 IS NULL OR $1 LIKE '%,' || kind || ',%')
                AND ($2 IS NULL OR worker = $2)
                AND ($3 IS NULL OR CASE WHEN state = 'running' THEN 1 ELSE 0 END = $3)
             ORDER BY created_at DESC, ordinal DESC LIMIT $4 OFFSET $5",
            &args![kinds.as_ref(), wanted.worker.as_ref(), running, number(limit), number(start)],
        )
        .await?;
    rows.iter().map(record_of).collect()
}

pub(crate) async fn record(tx: &mut Tx, id: &str) -> Result<Option<JobRecord>, Error> {
    tx.opt("SELECT * FROM jobs WHERE id = $1", &args![id]).await?.as_ref().map(record_of).transpose()
}

fn record_of(row: &Row) -> Result<JobRecord, Error> {
    let state = row.text("state")?;
    let time = |column: &str| Ok::<_, Error>(row.opt_int(column)?.map(base::from_micros));
    Ok(JobRecord {
        id: row.parse("id")?,
        kind: row.text("kind")?,
        payload: serde_json::from_str(&row.text("payload")?).map_err(|error| Error::Corrupt(error.to_string()))?,
        state: State::of_column(&state).ok_or_else(|| Error::Corrupt(format!("a job in the state {state:?}")))?,
        worker: row.text("worker")?,
        attempts: row.int("attempts")?,
        cause: row.opt_text("cause")?,
        created_at: row.time("created_at")?,
        run_at: row.time("run_at")?,
        started_at: time("started_at")?,
        ended_at: time("ended_at")?,
        last_error: row.opt_text("last_error")?,
        log: row.text("log")?,
    })
}

/// A job that nobody will do.
pub(crate) async fn end_canceled(tx: &mut Tx, id: &Id<Job>, now: Timestamp) -> Result<(), Error> {
    let sql = "UPDATE jobs SET state = 'canceled', ended_at = $2, lane = NULL, kept = TRUE WHERE id = $1";
    tx.execute(sql, &args![id, now]).await?;
    Ok(())
}

/// Its worker learns of it when it renews its lease.
pub(crate) async fn ask_to_cancel(tx: &mut Tx, id: &Id<Job>) -> Result<(), Error> {
    tx.execute("UPDATE jobs SET cancel = TRUE WHERE id = $1 AND state = 'running'", &args![id]).await?;
    Ok(())
}

pub(crate) async fn history(tx: &mut Tx) -> Result<History, Error> {
    let Some(row) = tx.opt("SELECT * FROM job_history WHERE id = 1", &[]).await? else {
        return Ok(History::default());
    };
    let negative = |_| Error::Corrupt("job_history holds a negative number".to_owned());
    Ok(History {
        compaction: row.bool("compaction")?,
        to_keep: u32::try_from(row.int("to_keep")?).map_err(negative)?,
        max_age: Duration::from_secs(u64::try_from(row.int("max_age_s")?).map_err(negative)?),
    })
}

pub(crate) async fn set_history(tx: &mut Tx, history: &History) -> Result<(), Error> {
    let age_s = i64::try_from(history.max_age.as_secs()).unwrap_or(i64::MAX);
    tx.execute(
        "INSERT INTO job_history (id, compaction, to_keep, max_age_s) VALUES (1, $1, $2, $3)
         ON CONFLICT (id) DO UPDATE SET compaction = excluded.compaction, to_keep = excluded.to_keep,
            max_age_s = excluded.max_age_s",
        &args![history.compaction, history.to_keep, age_s],
    )
    .await?;
    Ok(())
}

/// Forget jobs that ended the longest ago, some at once; gives whether there may be more.
pub(crate) async fn forget(tx: &mut Tx, now: Timestamp) -> Result<bool, Error> {
    let history = history(tx).await?;
    let last = tx
        .opt(
            "SELECT ended_at FROM jobs WHERE ended_at IS NOT NULL ORDER BY ended_at DESC, id DESC LIMIT 1 OFFSET $1",
            &args![history.most()],
        )
        .await?;
    let beyond = last.map(|row| row.int("ended_at")).transpose()?.unwrap_or(i64::MIN);
    let old = match history.age().and_then(|age| now.checked_sub(age).ok()) {
        Some(at) => micros(at),
        None => i64::MIN,
    };
    let forgotten = tx
        .execute(
            "DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE ended_at IS NOT NULL AND ended_at <= $1
             ORDER BY ended_at, id LIMIT $2)",
            &args![beyond.max(old), BATCH],
        )
        .await?;
    Ok(i64::try_from(forgotten).is_ok_and(|forgotten| forgotten >= BATCH))
}

/// Schedules that somebody set; `None` stands for never.
pub(crate) async fn schedules(tx: &mut Tx) -> Result<Vec<(String, Option<Cron>)>, Error> {
    let rows = tx.all("SELECT kind, schedule FROM job_schedules ORDER BY kind", &[]).await?;
    rows.iter().map(|row| Ok((row.text("kind")?, schedule_of(row)?))).collect()
}

/// What somebody set for this kind, if anybody did.
pub(crate) async fn schedule(tx: &mut Tx, kind: &str) -> Result<Option<Option<Cron>>, Error> {
    let row = tx.opt("SELECT schedule FROM job_schedules WHERE kind = $1", &args![kind]).await?;
    row.as_ref().map(schedule_of).transpose()
}

fn schedule_of(row: &Row) -> Result<Option<Cron>, Error> {
    let text = row.text("schedule")?;
    if text == "never" {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|error| Error::Corrupt(format!("job_schedules: {error}")))
}

pub(crate) async fn set_schedule(tx: &mut Tx, kind: &str, schedule: Option<&Cron>) -> Result<(), Error> {
    let sql = "INSERT INTO job_schedules (kind, schedule) VALUES ($1, $2)
         ON CONFLICT (kind) DO UPDATE SET schedule = excluded.schedule";
    tx.execute(sql, &args![kind, schedule_text(schedule)]).await?;
    Ok(())
}

pub(crate) async fn state(tx: &mut Tx) -> Result<Vec<(String, String)>, Error> {
    let mut state = Vec::new();
    for (kind, schedule) in schedules(tx).await? {
        state.push((schedule_key(&kind), schedule_text(schedule.as_ref())));
    }
    if tx.opt("SELECT id FROM job_history WHERE id = 1", &[]).await?.is_some() {
        state.push((HISTORY_KEY.to_owned(), history(tx).await?.guard()));
    }
    Ok(state)
}
