//! The SQL of jobs and their logs.

use base::{Ctx, Id, Timestamp};
use db::{Error, Row, Tx, args};
use forge::ProjectId;
use identity::AccessToken;

use super::{from_json, to_json};
use crate::{FailureReason, Job, JobStatus, job::TraceState};

pub(crate) async fn insert(tx: &mut Tx, job: &Job, place: i64) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO ci_jobs (id, pipeline, project, name, stage_index, place, plan, resource_group, status,
            created_at, retry_of, trace_received, trace_kept, trace_crc, trace_resets)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, 0, 0, 0)",
        &args![
            job.id,
            job.pipeline,
            job.project.0,
            &job.plan.name,
            i64::try_from(job.plan.stage_index).unwrap_or(i64::MAX),
            place,
            to_json(&job.plan),
            job.plan.resource_group.as_ref(),
            job.status.as_str(),
            job.created_at,
            job.retry_of
        ],
    )
    .await?;
    Ok(())
}

pub(crate) async fn get(tx: &mut Tx, id: i64) -> Result<Option<Job>, Error> {
    tx.opt("SELECT * FROM ci_jobs WHERE id = $1", &args![id]).await?.as_ref().map(job_of).transpose()
}

/// All attempts of all jobs of a pipeline, in the order of the file.
pub(crate) async fn of_pipeline(tx: &mut Tx, pipeline: i64) -> Result<Vec<Job>, Error> {
    let sql = "SELECT * FROM ci_jobs WHERE pipeline = $1 ORDER BY stage_index, place, id";
    tx.all(sql, &args![pipeline]).await?.iter().map(job_of).collect()
}

/// Jobs of a project, the newest first.
pub(crate) async fn of_project(tx: &mut Tx, project: ProjectId, limit: i64, offset: i64) -> Result<Vec<Job>, Error> {
    let sql = "SELECT * FROM ci_jobs WHERE project = $1 ORDER BY id DESC LIMIT $2 OFFSET $3";
    tx.all(sql, &args![project.0, limit, offset]).await?.iter().map(job_of).collect()
}

pub(crate) async fn place_of(tx: &mut Tx, id: i64) -> Result<i64, Error> {
    tx.one("SELECT place FROM ci_jobs WHERE id = $1", &args![id]).await?.int("place")
}

pub(crate) async fn by_token(tx: &mut Tx, hash: &str) -> Result<Option<Job>, Error> {
    tx.opt("SELECT * FROM ci_jobs WHERE token_hash = $1", &args![hash]).await?.as_ref().map(job_of).transpose()
}

pub(crate) async fn with_status(tx: &mut Tx, status: JobStatus) -> Result<Vec<Job>, Error> {
    let sql = "SELECT * FROM ci_jobs WHERE status = $1 ORDER BY id";
    tx.all(sql, &args![status.as_str()]).await?.iter().map(job_of).collect()
}

/// Whether some job may be due for a runner; which runner is not looked at.
pub(crate) async fn any_due(tx: &mut Tx, now: Timestamp) -> Result<bool, Error> {
    let sql =
        "SELECT 1 AS one FROM ci_jobs WHERE status = 'pending' AND (not_before IS NULL OR not_before <= $1) LIMIT 1";
    Ok(tx.opt(sql, &args![now]).await?.is_some())
}

/// Jobs that wait for a runner and are due, the oldest first.
pub(crate) async fn due(tx: &mut Tx, now: Timestamp) -> Result<Vec<Job>, Error> {
    let rows = tx
        .all(
            "SELECT * FROM ci_jobs WHERE status = 'pending' AND (not_before IS NULL OR not_before <= $1)
             ORDER BY id LIMIT 500",
            &args![now],
        )
        .await?;
    rows.iter().map(job_of).collect()
}

/// Whether a job of this resource group waits for a runner or runs.
pub(crate) async fn resource_taken(tx: &mut Tx, project: ProjectId, group: &str) -> Result<bool, Error> {
    let sql = "SELECT 1 AS one FROM ci_jobs WHERE project = $1 AND resource_group = $2
        AND status IN ('pending', 'running') LIMIT 1";
    Ok(tx.opt(sql, &args![project.0, group]).await?.is_some())
}

/// The job that has waited longest for a resource.
pub(crate) async fn next_for_resource(tx: &mut Tx, project: ProjectId, group: &str) -> Result<Option<Job>, Error> {
    let sql = "SELECT * FROM ci_jobs WHERE project = $1 AND resource_group = $2
        AND status = 'waiting_for_resource' ORDER BY id LIMIT 1";
    tx.opt(sql, &args![project.0, group]).await?.as_ref().map(job_of).transpose()
}

/// Change a job's state; `false` when it is no longer in the one expected.
pub(crate) async fn set_status(tx: &mut Tx, job: &Job, expected: JobStatus) -> Result<bool, Error> {
    let changed = tx
        .execute(
            "UPDATE ci_jobs SET status = $2, not_before = $3, queued_at = $4, started_at = $5, finished_at = $6,
                contact_at = $7, runner = $8, failure = $9, exit_code = $10
             WHERE id = $1 AND status = $11",
            &args![
                job.id,
                job.status.as_str(),
                job.not_before,
                job.queued_at,
                job.started_at,
                job.finished_at,
                job.contact_at,
                job.runner,
                job.failure.map(FailureReason::as_str),
                job.exit_code,
                expected.as_str()
            ],
        )
        .await?;
    Ok(changed == 1)
}

/// What a job gets with its runner.
pub(crate) async fn set_credentials(
    tx: &mut Tx,
    job: i64,
    token_hash: &str,
    registry_token: Option<&Id<AccessToken>>,
    secrets: &[u8],
) -> Result<(), Error> {
    let sql = "UPDATE ci_jobs SET token_hash = $2, registry_token = $3, secrets = $4 WHERE id = $1";
    tx.execute(sql, &args![job, token_hash, registry_token, secrets]).await?;
    Ok(())
}

pub(crate) async fn forget_secrets(tx: &mut Tx, job: i64) -> Result<(), Error> {
    tx.execute("UPDATE ci_jobs SET secrets = NULL, trace_held = NULL WHERE id = $1", &args![job]).await?;
    Ok(())
}

pub(crate) async fn set_retried_by(tx: &mut Tx, job: i64, by: i64) -> Result<bool, Error> {
    let sql = "UPDATE ci_jobs SET retried_by = $2 WHERE id = $1 AND retried_by IS NULL";
    Ok(tx.execute(sql, &args![job, by]).await? == 1)
}

pub(crate) async fn touch(tx: &mut Tx, job: i64, now: Timestamp) -> Result<(), Error> {
    tx.execute("UPDATE ci_jobs SET contact_at = $2 WHERE id = $1 AND status = 'running'", &args![job, now]).await?;
    Ok(())
}

/// A server that was down must not take its own absence for the runners', and remembers it of the jobs that met it.
pub(crate) async fn touch_running(tx: &mut Tx, now: Timestamp) -> Result<u64, Error> {
    tx.execute("UPDATE ci_jobs SET contact_at = $1, resumed_at = $1 WHERE status = 'running'", &args![now]).await
}

// ── logs ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/// The sealed secrets of a job, and the sealed end of its log that is held back.
pub(crate) async fn masking(tx: &mut Tx, job: i64) -> Result<(Option<Vec<u8>>, Option<Vec<u8>>), Error> {
    let row = tx.one("SELECT secrets, trace_held FROM ci_jobs WHERE id = $1", &args![job]).await?;
    Ok((row.opt_bytes("secrets")?, row.opt_bytes("trace_held")?))
}

/// Append to a log.
pub(crate) async fn append(tx: &mut Tx, ctx: &Ctx, job: &Job, shown: &[u8], held: &[u8]) -> Result<(), Error> {
    if !shown.is_empty() {
        let start = job.trace.kept - i64::try_from(shown.len()).expect("a log is small");
        tx.execute("INSERT INTO ci_traces (job, start, bytes) VALUES ($1, $2, $3)", &args![job.id, start, shown])
            .await?;
    }
    let trace = job.trace;
    tx.execute(
        "UPDATE ci_jobs SET trace_received = $2, trace_kept = $3, trace_crc = $4, trace_held = $5, contact_at = $6
         WHERE id = $1",
        &args![job.id, trace.received, trace.kept, i64::from(trace.crc), held, ctx.now],
    )
    .await?;
    Ok(())
}

/// Throw a log away: its runner sends it again.
pub(crate) async fn reset_trace(tx: &mut Tx, job: i64) -> Result<(), Error> {
    tx.execute("DELETE FROM ci_traces WHERE job = $1", &args![job]).await?;
    tx.execute(
        "UPDATE ci_jobs SET trace_received = 0, trace_kept = 0, trace_crc = 0, trace_held = NULL,
            trace_resets = trace_resets + 1 WHERE id = $1",
        &args![job],
    )
    .await?;
    Ok(())
}

/// The pieces of a log that reach beyond `from`, with where each begins.
pub(crate) async fn trace(tx: &mut Tx, job: i64, from: i64) -> Result<Vec<(i64, Vec<u8>)>, Error> {
    let sql = "SELECT start, bytes FROM ci_traces WHERE job = $1 AND start + LENGTH(bytes) > $2 ORDER BY start";
    let rows = tx.all(sql, &args![job, from]).await?;
    rows.iter().map(|row| Ok((row.int("start")?, row.bytes("bytes")?))).collect()
}

fn job_of(row: &Row) -> Result<Job, Error> {
    Ok(Job {
        id: row.int("id")?,
        pipeline: row.int("pipeline")?,
        project: ProjectId(row.int("project")?),
        plan: from_json(row, "plan")?,
        status: row.parse("status")?,
        not_before: row.opt_time("not_before")?,
        created_at: row.time("created_at")?,
        queued_at: row.opt_time("queued_at")?,
        started_at: row.opt_time("started_at")?,
        finished_at: row.opt_time("finished_at")?,
        contact_at: row.opt_time("contact_at")?,
        resumed_at: row.opt_time("resumed_at")?,
        runner: row.opt_int("runner")?,
        failure: row.opt_parse("failure")?,
        exit_code: row.opt_int("exit_code")?,
        retry_of: row.opt_int("retry_of")?,
        retried_by: row.opt_int("retried_by")?,
        token_hash: row.opt_text("token_hash")?,
        registry_token: row.opt_parse("registry_token")?,
        trace: TraceState {
            received: row.int("trace_received")?,
            kept: row.int("trace_kept")?,
            crc: u32::try_from(row.int("trace_crc")?).unwrap_or_default(),
            resets: row.int("trace_resets")?,
        },
    })
}
