//! The SQL of the queue; that of what is shown of it is in `store/records.rs`.

mod records;

use std::collections::{BTreeMap, BTreeSet};

use base::{Ctx, Id, Timestamp, from_micros, micros};
use db::{Bulk, Error, Row, Schema, Tx, Val, args};

pub(crate) use self::records::*;
use crate::{Job, NewJob, Subscription};

pub const SCHEMA: Schema = Schema {
    context: "jobs",
    steps: &[
        "CREATE TABLE jobs (
        id TEXT PRIMARY KEY, kind TEXT NOT NULL, lane TEXT, payload TEXT NOT NULL, cause TEXT,
        state TEXT NOT NULL, run_at BIGINT NOT NULL, attempts BIGINT NOT NULL, lease_until BIGINT NOT NULL,
        last_error TEXT, created_at BIGINT NOT NULL, ordinal BIGINT NOT NULL);
      CREATE INDEX jobs_next ON jobs (state, run_at);
      CREATE INDEX jobs_lane ON jobs (lane, created_at, ordinal);
      CREATE TABLE event_subscriptions (event TEXT NOT NULL, job TEXT NOT NULL, PRIMARY KEY (event, job))",
        // The order in which waiting jobs are claimed, so that a long queue is not sorted for each.
        "DROP INDEX jobs_next;
      CREATE INDEX jobs_next ON jobs (state, run_at, ordinal)",
        // Where the filtered subscriptions of a job count.
        "ALTER TABLE event_subscriptions ADD COLUMN filtered BOOLEAN NOT NULL DEFAULT FALSE;
      CREATE TABLE event_scopes (job TEXT NOT NULL, scope TEXT NOT NULL, PRIMARY KEY (job, scope))",
        // What is shown of jobs, also after they ended; schedules.
        records::RECORDS_STEP,
    ],
};

static INSERT: Bulk<12> = Bulk::new(
    "INSERT INTO jobs (id, kind, lane, payload, cause, state, run_at, attempts, lease_until, created_at, ordinal, kept) VALUES {rows}",
    0,
);

/// Write jobs, each with its id and its place among those of the same moment.
pub(crate) async fn insert(tx: &mut Tx, ctx: &Ctx, jobs: &[(Id<Job>, NewJob, i64)]) -> Result<(), Error> {
    let row = |(id, job, ordinal): &(Id<Job>, NewJob, i64)| {
        let delay = i64::try_from(job.delay.as_micros()).unwrap_or(i64::MAX / 2);
        args![
            id,
            &job.kind,
            job.lane.as_ref(),
            job.payload.to_string(),
            job.cause.as_ref(),
            "waiting",
            micros(ctx.now) + delay,
            0,
            0,
            ctx.now,
            *ordinal,
            job.kept
        ]
    };
    INSERT.execute(tx, &[], &jobs.iter().map(row).collect::<Vec<_>>()).await?;
    Ok(())
}

/// A job that was taken, and whether it stays when it is done.
#[derive(Debug)]
pub(crate) struct Claimed {
    pub(crate) job: Job,
    pub(crate) kept: bool,
}

/// Take the next jobs that may run, at most `limit`: due, or left behind by a worker that died, and first of their lanes.
pub(crate) async fn claim(
    tx: &mut Tx,
    worker: &str,
    (now, lease_until): (Timestamp, Timestamp),
    limit: usize,
) -> Result<Vec<Claimed>, Error> {
    if limit == 0 {
        return Ok(Vec::new());
    }
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = tx
        .all(
            "UPDATE jobs SET state = 'running', lease_until = $2, attempts = attempts + 1, worker = $4,
                started_at = $1
             WHERE id IN (SELECT id FROM (
                SELECT * FROM (SELECT j.id, j.run_at, j.ordinal FROM jobs j
                    WHERE j.state = 'waiting' AND j.run_at <= $1 AND (j.lane IS NULL OR NOT EXISTS (
                        SELECT 1 FROM jobs e WHERE e.lane = j.lane AND e.state IN ('waiting', 'running')
                        AND (e.created_at, e.ordinal) < (j.created_at, j.ordinal)))
                    ORDER BY j.run_at, j.ordinal LIMIT $3) waiting
                UNION ALL
                SELECT * FROM (SELECT j.id, j.run_at, j.ordinal FROM jobs j
                    WHERE j.state = 'running' AND j.lease_until < $1 AND (j.lane IS NULL OR NOT EXISTS (
                        SELECT 1 FROM jobs e WHERE e.lane = j.lane AND e.state IN ('waiting', 'running')
                        AND (e.created_at, e.ordinal) < (j.created_at, j.ordinal)))
                    ORDER BY j.run_at, j.ordinal LIMIT $3) left_behind
                ) due ORDER BY run_at, ordinal LIMIT $3)
             RETURNING id, kind, payload, cause, attempts, created_at, kept",
            &args![now, lease_until, limit, worker],
        )
        .await?;
    rows.iter().map(|row| Ok(Claimed { job: job_of(row)?, kept: row.bool("kept")? })).collect()
}

fn job_of(row: &Row) -> Result<Job, Error> {
    Ok(Job {
        id: row.parse("id")?,
        kind: row.text("kind")?,
        payload: serde_json::from_str(&row.text("payload")?).map_err(|error| Error::Corrupt(error.to_string()))?,
        cause: row.opt_text("cause")?,
        attempt: row.int("attempts")?,
        created_at: row.time("created_at")?,
    })
}

/// Say that a job's worker lives; gives whether somebody wants it stopped.
pub(crate) async fn renew(tx: &mut Tx, id: &Id<Job>, lease_until: Timestamp) -> Result<bool, Error> {
    let sql = "UPDATE jobs SET lease_until = $2 WHERE id = $1 AND state = 'running' RETURNING cancel";
    tx.opt(sql, &args![id, lease_until]).await?.map_or(Ok(false), |row| row.bool("cancel"))
}

/// A job that succeeded: it stays for a while, or is gone.
pub(crate) async fn done(tx: &mut Tx, Claimed { job, kept }: &Claimed, now: Timestamp) -> Result<(), Error> {
    if !kept {
        tx.execute("DELETE FROM jobs WHERE id = $1", &args![&job.id]).await?;
        return Ok(());
    }
    let sql = "UPDATE jobs SET state = 'done', ended_at = $2, lane = NULL, last_error = NULL WHERE id = $1";
    tx.execute(sql, &args![&job.id, now]).await?;
    Ok(())
}

/// Try again later, unless somebody wants it stopped.
pub(crate) async fn retry_at(
    tx: &mut Tx,
    id: &Id<Job>,
    (now, run_at): (Timestamp, Timestamp),
    (error, line): (&str, &str),
) -> Result<(), Error> {
    tx.execute(
        "UPDATE jobs SET state = CASE WHEN cancel THEN 'canceled' ELSE 'waiting' END, run_at = $2, last_error = $3,
            log = log || $4, ended_at = CASE WHEN cancel THEN $5 ELSE NULL END,
            lane = CASE WHEN cancel THEN NULL ELSE lane END WHERE id = $1",
        &args![id, run_at, error, line, now],
    )
    .await?;
    Ok(())
}

pub(crate) async fn fail(tx: &mut Tx, id: &Id<Job>, now: Timestamp, (error, line): (&str, &str)) -> Result<(), Error> {
    tx.execute(
        "UPDATE jobs SET state = 'failed', ended_at = $2, lane = NULL, last_error = $3, log = log || $4 WHERE id = $1",
        &args![id, now, error, line],
    )
    .await?;
    Ok(())
}

/// Give back what a dead process of this database held. Only right when no other process can be alive.
pub(crate) async fn release_all(tx: &mut Tx, now: Timestamp) -> Result<u64, Error> {
    let sql = "UPDATE jobs SET state = 'canceled', ended_at = $1, lane = NULL WHERE state = 'running' AND cancel";
    tx.execute(sql, &args![now]).await?;
    tx.execute("UPDATE jobs SET lease_until = 0 WHERE state = 'running'", &[]).await
}

/// Whether some job may be due; lanes are not looked at.
pub(crate) async fn any_due(tx: &mut Tx, now: Timestamp) -> Result<bool, Error> {
    let row = tx
        .opt(
            "SELECT 1 AS one FROM jobs
             WHERE (state = 'waiting' AND run_at <= $1) OR (state = 'running' AND lease_until < $1) LIMIT 1",
            &args![now],
        )
        .await?;
    Ok(row.is_some())
}

/// When the next waiting job is due.
pub(crate) async fn next_due(tx: &mut Tx) -> Result<Option<Timestamp>, Error> {
    let row = tx.one("SELECT MIN(run_at) AS due FROM jobs WHERE state = 'waiting'", &[]).await?;
    Ok(row.opt_int("due")?.map(from_micros))
}

static SUBSCRIBERS: Bulk<1> = Bulk::new(
    "SELECT r.column1 AS repository, s.job FROM (VALUES {rows}) AS r, event_subscriptions s
     WHERE s.event = $1 AND (NOT s.filtered OR EXISTS (
        SELECT 1 FROM event_scopes w WHERE w.job = s.job AND w.scope IN ('', r.column1))) ORDER BY s.job",
    1,
);

/// Jobs that are wanted for this event, by repository; repositories without any are left out.
pub(crate) async fn subscribers(
    tx: &mut Tx,
    event: &str,
    repositories: &BTreeSet<&str>,
) -> Result<BTreeMap<String, Vec<String>>, Error> {
    let rows: Vec<[Val; 1]> = repositories.iter().map(|name| args![*name]).collect();
    let mut wanted: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in SUBSCRIBERS.all(tx, &args![event], &rows).await? {
        wanted.entry(row.text("repository")?).or_default().push(row.text("job")?);
    }
    Ok(wanted)
}

pub(crate) async fn replace_subscriptions(tx: &mut Tx, subscriptions: &[Subscription]) -> Result<(), Error> {
    tx.execute("DELETE FROM event_subscriptions", &[]).await?;
    for subscription in subscriptions {
        tx.execute(
            "INSERT INTO event_subscriptions (event, job, filtered) VALUES ($1, $2, $3)",
            &args![subscription.event, subscription.job, subscription.filtered],
        )
        .await?;
    }
    Ok(())
}

pub(crate) async fn replace_wanted(tx: &mut Tx, job: &str, scopes: &[String]) -> Result<(), Error> {
    tx.execute("DELETE FROM event_scopes WHERE job = $1", &args![job]).await?;
    for scope in scopes {
        tx.execute("INSERT INTO event_scopes (job, scope) VALUES ($1, $2)", &args![job, scope]).await?;
    }
    Ok(())
}
