//! The SQL of pipelines; that of jobs, settings and runners is below this file.

pub(crate) mod jobs;
pub(crate) mod runners;
pub(crate) mod settings;

use db::{Error, Row, Schema, Tx, args};
use forge::{Oid, ProjectId};
use serde::de::DeserializeOwned;

use crate::{Pipeline, PipelineStatus};

pub const SCHEMA: Schema = Schema {
    context: "ci",
    steps: &[
        "CREATE TABLE ci_counters (name TEXT PRIMARY KEY, value BIGINT NOT NULL);
      INSERT INTO ci_counters (name, value) VALUES ('pipeline', 0), ('job', 0), ('runner', 0), ('trigger', 0);
      CREATE TABLE ci_settings (project BIGINT PRIMARY KEY, one_at_a_time BOOLEAN NOT NULL);
      CREATE TABLE ci_pipelines (
        id BIGINT PRIMARY KEY, iid BIGINT NOT NULL, project BIGINT NOT NULL, path TEXT NOT NULL, ref TEXT NOT NULL,
        sha TEXT NOT NULL, before_sha TEXT NOT NULL, source TEXT NOT NULL, status TEXT NOT NULL, name TEXT,
        account TEXT, who TEXT NOT NULL, commit_info TEXT NOT NULL, problems TEXT NOT NULL, warnings TEXT NOT NULL,
        variables BYTEA NOT NULL, trigger_id BIGINT, protected BOOLEAN NOT NULL, origin TEXT UNIQUE,
        created_at BIGINT NOT NULL, started_at BIGINT, finished_at BIGINT, UNIQUE (project, iid));
      CREATE INDEX ci_pipelines_open ON ci_pipelines (project, status);
      CREATE TABLE ci_jobs (
        id BIGINT PRIMARY KEY, pipeline BIGINT NOT NULL REFERENCES ci_pipelines (id), project BIGINT NOT NULL,
        name TEXT NOT NULL, stage_index BIGINT NOT NULL, place BIGINT NOT NULL, plan TEXT NOT NULL,
        resource_group TEXT, status TEXT NOT NULL, not_before BIGINT, created_at BIGINT NOT NULL, queued_at BIGINT,
        started_at BIGINT, finished_at BIGINT, contact_at BIGINT, runner BIGINT, token_hash TEXT, registry_token TEXT,
        failure TEXT, exit_code BIGINT, retry_of BIGINT, retried_by BIGINT, secrets BYTEA,
        trace_received BIGINT NOT NULL, trace_kept BIGINT NOT NULL, trace_crc BIGINT NOT NULL,
        trace_resets BIGINT NOT NULL, trace_held BYTEA);
      CREATE INDEX ci_jobs_pipeline ON ci_jobs (pipeline);
      CREATE INDEX ci_jobs_status ON ci_jobs (status, id);
      CREATE INDEX ci_jobs_token ON ci_jobs (token_hash);
      CREATE TABLE ci_traces (
        job BIGINT NOT NULL REFERENCES ci_jobs (id), start BIGINT NOT NULL, bytes BYTEA NOT NULL,
        PRIMARY KEY (job, start));
      CREATE TABLE ci_variables (
        project BIGINT NOT NULL, key TEXT NOT NULL, value BYTEA NOT NULL, file BOOLEAN NOT NULL,
        masked BOOLEAN NOT NULL, protected BOOLEAN NOT NULL, raw BOOLEAN NOT NULL, description TEXT NOT NULL,
        PRIMARY KEY (project, key));
      CREATE TABLE ci_triggers (
        id BIGINT PRIMARY KEY, project BIGINT NOT NULL, hash TEXT NOT NULL UNIQUE, short TEXT NOT NULL,
        description TEXT NOT NULL, account TEXT NOT NULL, who TEXT NOT NULL, created_at BIGINT NOT NULL,
        updated_at BIGINT NOT NULL, last_used BIGINT);
      CREATE TABLE ci_runners (
        id BIGINT PRIMARY KEY, hash TEXT NOT NULL UNIQUE, short TEXT NOT NULL, kind TEXT NOT NULL,
        description TEXT NOT NULL, tags TEXT NOT NULL, run_untagged BOOLEAN NOT NULL, paused BOOLEAN NOT NULL,
        protected BOOLEAN NOT NULL, maximum_timeout BIGINT, info TEXT NOT NULL, created_at BIGINT NOT NULL,
        contacted_at BIGINT);
      CREATE TABLE ci_registration (one BIGINT PRIMARY KEY, hash TEXT NOT NULL)",
        // When this server came back while the job ran.
        "ALTER TABLE ci_jobs ADD COLUMN resumed_at BIGINT",
    ],
};

/// The next number of a kind; none is given out twice.
pub(crate) async fn next(tx: &mut Tx, counter: &str) -> Result<i64, Error> {
    let sql = "UPDATE ci_counters SET value = value + 1 WHERE name = $1 RETURNING value";
    tx.one(sql, &args![counter]).await?.int("value")
}

pub(crate) async fn next_iid(tx: &mut Tx, project: ProjectId) -> Result<i64, Error> {
    let sql = "SELECT COALESCE(MAX(iid), 0) + 1 AS iid FROM ci_pipelines WHERE project = $1";
    tx.one(sql, &args![project.0]).await?.int("iid")
}

/// Whether the work of this origin (a push, by its audit entry) was done already.
pub(crate) async fn has_origin(tx: &mut Tx, origin: &str) -> Result<bool, Error> {
    Ok(tx.opt("SELECT 1 AS one FROM ci_pipelines WHERE origin = $1", &args![origin]).await?.is_some())
}

/// The pipeline that came of an origin.
pub(crate) async fn made_by(tx: &mut Tx, origin: &str) -> Result<Option<Pipeline>, Error> {
    tx.opt("SELECT * FROM ci_pipelines WHERE origin = $1", &args![origin]).await?.as_ref().map(pipeline_of).transpose()
}

pub(crate) async fn insert_pipeline(
    tx: &mut Tx,
    pipeline: &Pipeline,
    variables: &[u8],
    origin: Option<&str>,
) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO ci_pipelines (id, iid, project, path, ref, sha, before_sha, source, status, name, account, who,
            commit_info, problems, warnings, variables, trigger_id, protected, origin, created_at, started_at, finished_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)",
        &args![
            pipeline.id,
            pipeline.iid,
            pipeline.project.0,
            pipeline.path.to_string(),
            pipeline.reference.as_str(),
            pipeline.sha.as_str(),
            pipeline.before.as_str(),
            pipeline.source.as_str(),
            pipeline.status.as_str(),
            pipeline.name.as_ref(),
            pipeline.account.as_ref(),
            &pipeline.who,
            to_json(&pipeline.commit),
            to_json(&pipeline.problems),
            to_json(&pipeline.warnings),
            variables,
            pipeline.trigger,
            pipeline.protected,
            origin,
            pipeline.created_at,
            pipeline.started_at,
            pipeline.finished_at
        ],
    )
    .await?;
    Ok(())
}

pub(crate) async fn pipeline(tx: &mut Tx, id: i64) -> Result<Option<Pipeline>, Error> {
    tx.opt("SELECT * FROM ci_pipelines WHERE id = $1", &args![id]).await?.as_ref().map(pipeline_of).transpose()
}

/// The sealed variables a pipeline was started with.
pub(crate) async fn pipeline_variables(tx: &mut Tx, id: i64) -> Result<Vec<u8>, Error> {
    tx.one("SELECT variables FROM ci_pipelines WHERE id = $1", &args![id]).await?.bytes("variables")
}

/// Pipelines of a project, the newest first.
pub(crate) async fn pipelines(
    tx: &mut Tx,
    project: ProjectId,
    (reference, sha, status): (Option<&str>, Option<&Oid>, Option<PipelineStatus>),
    (limit, offset): (i64, i64),
) -> Result<Vec<Pipeline>, Error> {
    let rows = tx
        .all(
            "SELECT * FROM ci_pipelines WHERE project = $1 AND (ref = $2 OR $2 IS NULL) AND (sha = $3 OR $3 IS NULL)
               AND (status = $4 OR $4 IS NULL) ORDER BY id DESC LIMIT $5 OFFSET $6",
            &args![project.0, reference, sha.map(Oid::as_str), status.map(PipelineStatus::as_str), limit, offset],
        )
        .await?;
    rows.iter().map(pipeline_of).collect()
}

pub(crate) async fn count_pipelines(tx: &mut Tx, project: ProjectId) -> Result<i64, Error> {
    tx.one("SELECT COUNT(*) AS n FROM ci_pipelines WHERE project = $1", &args![project.0]).await?.int("n")
}

pub(crate) async fn set_pipeline(tx: &mut Tx, pipeline: &Pipeline) -> Result<(), Error> {
    tx.execute(
        "UPDATE ci_pipelines SET status = $2, started_at = $3, finished_at = $4 WHERE id = $1",
        &args![pipeline.id, pipeline.status.as_str(), pipeline.started_at, pipeline.finished_at],
    )
    .await?;
    Ok(())
}

/// A pipeline that is not at its end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Open {
    pub(crate) id: i64,
    /// Some job of it has had its turn, and it does not wait for another pipeline.
    pub(crate) begun: bool,
}

/// Pipelines of a project that are not at their end, the oldest first; those that wait for a person do not count.
pub(crate) async fn open_pipelines(tx: &mut Tx, project: ProjectId) -> Result<Vec<Open>, Error> {
    let rows = tx
        .all(
            "SELECT id, status IN ('pending', 'running') AS begun FROM ci_pipelines WHERE project = $1
               AND status IN ('created', 'waiting_for_resource', 'pending', 'running') ORDER BY id",
            &args![project.0],
        )
        .await?;
    rows.iter().map(|row| Ok(Open { id: row.int("id")?, begun: row.bool("begun")? })).collect()
}

pub(crate) async fn one_at_a_time(tx: &mut Tx, project: ProjectId) -> Result<bool, Error> {
    let row = tx.opt("SELECT one_at_a_time FROM ci_settings WHERE project = $1", &args![project.0]).await?;
    row.map_or(Ok(false), |row| row.bool("one_at_a_time"))
}

pub(crate) async fn set_one_at_a_time(tx: &mut Tx, project: ProjectId, value: bool) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO ci_settings (project, one_at_a_time) VALUES ($1, $2)
         ON CONFLICT (project) DO UPDATE SET one_at_a_time = excluded.one_at_a_time",
        &args![project.0, value],
    )
    .await?;
    Ok(())
}

fn pipeline_of(row: &Row) -> Result<Pipeline, Error> {
    Ok(Pipeline {
        id: row.int("id")?,
        iid: row.int("iid")?,
        project: ProjectId(row.int("project")?),
        path: row.parse("path")?,
        reference: row.parse("ref")?,
        sha: row.parse("sha")?,
        before: row.parse("before_sha")?,
        source: row.parse("source")?,
        status: row.parse("status")?,
        name: row.opt_text("name")?,
        account: row.opt_parse("account")?,
        who: row.text("who")?,
        commit: from_json(row, "commit_info")?,
        problems: from_json(row, "problems")?,
        warnings: from_json(row, "warnings")?,
        trigger: row.opt_int("trigger_id")?,
        protected: row.bool("protected")?,
        created_at: row.time("created_at")?,
        started_at: row.opt_time("started_at")?,
        finished_at: row.opt_time("finished_at")?,
    })
}

pub(crate) fn to_json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("plain data has a JSON form")
}

pub(crate) fn from_json<T: DeserializeOwned>(row: &Row, column: &str) -> Result<T, Error> {
    serde_json::from_str(&row.text(column)?).map_err(|error| Error::Corrupt(format!("column {column}: {error}")))
}
