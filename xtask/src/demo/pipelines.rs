//! Waiting for pipelines and jobs, and showing their log when they fail.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use serde_json::Value;

use super::projects;
use super::server::Server;
use crate::{command, unrest, wait};

/// A build takes ten seconds on two cores, a signature three.
const PIPELINE: Duration = Duration::from_secs(180);
/// Lines of a failed job's log that the error repeats.
const LOG_LINES: usize = 25;

/// The numbers of a project's pipelines so far.
///
/// # Errors
/// The server does not answer.
pub fn known(server: &Server, project: &str) -> Result<BTreeSet<i64>> {
    Ok(list(server, project)?.iter().filter_map(|pipeline| pipeline["id"].as_i64()).collect())
}

/// Waits for the pipeline of a commit; gives its number.
///
/// # Errors
/// None appears.
pub fn of_commit(server: &Server, project: &str, sha: &str) -> Result<i64> {
    wait::patiently(&format!("a pipeline of {project} at {sha}"), PIPELINE, || {
        Ok(list(server, project)?.iter().find(|pipeline| pipeline["sha"] == sha).and_then(|it| it["id"].as_i64()))
    })
}

/// Waits until so many new pipelines are there; gives their numbers.
///
/// # Errors
/// They do not appear.
pub fn new_ones(server: &Server, project: &str, before: &BTreeSet<i64>, count: usize) -> Result<Vec<i64>> {
    wait::patiently(&format!("{count} new pipelines of {project}"), PIPELINE, || {
        let new: Vec<i64> = known(server, project)?.difference(before).copied().collect();
        Ok((new.len() >= count).then_some(new))
    })
}

/// Waits until a job of the pipeline runs; gives its number.
///
/// # Errors
/// It ended before.
pub fn running_job(server: &Server, project: &str, pipeline: i64) -> Result<i64> {
    wait::until("a running job", PIPELINE, || {
        let jobs = jobs(server, project, pipeline)?;
        Ok(jobs.iter().find(|job| job["status"] == "running").and_then(|job| job["id"].as_i64()))
    })
}

/// A pipeline that succeeded.
pub struct Finished {
    /// The newest attempt of each.
    pub jobs: Vec<Value>,
    /// It failed before, and was tried again after others had their turn.
    pub by_hand: bool,
}

/// Waits for a pipeline's success.
///
/// One that failed because outages met all attempts of a job is tried again, as a person would.
///
/// # Errors
/// It failed, with the end of the failed job's log.
pub fn succeeded(server: &Server, project: &str, pipeline: i64) -> Result<Finished> {
    let (number, mut by_hand) = (pipeline.to_string(), false);
    let what = format!("pipeline {pipeline} of {project}");
    wait::patiently(&what, PIPELINE, || {
        let shown = server.admin.ask(["pipeline", "show", project, &number])?;
        match shown["status"].as_str().unwrap_or_default() {
            "success" => Ok(Some(())),
            "failed" if tried_again(server, project, pipeline)? => {
                by_hand = true;
                Ok(None)
            }
            status @ ("failed" | "canceled" | "skipped") => {
                bail!("{what} ended as {status}:\n{}", failure(server, project, pipeline)?)
            }
            _ => Ok(None),
        }
    })?;
    Ok(Finished { jobs: jobs(server, project, pipeline)?, by_hand })
}

/// The number of the job with this name that succeeded.
///
/// # Errors
/// There is none.
pub fn job_named(jobs: &[Value], name: &str) -> Result<i64> {
    let found = jobs.iter().find(|job| job["name"] == name && job["status"] == "success");
    found.and_then(|job| job["id"].as_i64()).with_context(|| format!("no successful job {name:?} in {jobs:?}"))
}

/// A job's log.
///
/// # Errors
/// The server does not answer.
pub fn log(server: &Server, project: &str, job: i64) -> Result<String> {
    let answer = server.admin.ask(["pipeline", "log", project, &job.to_string()])?;
    Ok(answer.as_str().map(str::to_owned).unwrap_or_else(|| answer.to_string()))
}

/// A pipeline's jobs.
///
/// # Errors
/// The server does not answer.
pub fn jobs(server: &Server, project: &str, pipeline: i64) -> Result<Vec<Value>> {
    let answer = server.admin.ask(["pipeline", "jobs", project, &pipeline.to_string()])?;
    answer.as_array().cloned().with_context(|| format!("no list of jobs: {answer}"))
}

/// All attempts of all jobs of a pipeline.
///
/// # Errors
/// The server does not answer.
pub fn attempts(server: &Server, project: &str, pipeline: i64) -> Result<Vec<Value>> {
    let number = projects::number(server, project)?;
    let path = format!("/api/v4/projects/{number}/pipelines/{pipeline}/jobs?include_retried=true&per_page=100");
    let answer = server.admin.get(&path)?;
    answer.as_array().cloned().with_context(|| format!("no list of jobs: {answer}"))
}

/// Tries the failed jobs again if outages met every attempt of each.
fn tried_again(server: &Server, project: &str, pipeline: i64) -> Result<bool> {
    let attempts = attempts(server, project, pipeline)?;
    let newest =
        |job: &&Value| !attempts.iter().any(|other| other["name"] == job["name"] && number_of(other) > number_of(job));
    let failed: Vec<&Value> = attempts.iter().filter(newest).filter(|job| job["status"] == "failed").collect();
    let excused = |job: &&Value| attempts.iter().filter(|other| other["name"] == job["name"]).all(met_an_outage);
    if failed.is_empty() || !failed.iter().all(excused) {
        return Ok(false);
    }
    let number = projects::number(server, project)?;
    for job in failed {
        let retry = format!("/api/v4/projects/{number}/jobs/{}/retry", number_of(job));
        unrest::remark(format!(
            "every attempt of job {} was disturbed; tried again by hand: {}",
            job["name"], job["id"]
        ));
        server.admin.post(&retry, &Value::Null)?;
    }
    Ok(true)
}

fn number_of(job: &Value) -> i64 {
    job["id"].as_i64().unwrap_or_default()
}

fn met_an_outage(job: &Value) -> bool {
    let time = |name: &str| job[name].as_str().and_then(|text| text.parse::<Timestamp>().ok());
    let (Some(started), Some(finished)) = (time("started_at"), time("finished_at")) else { return false };
    unrest::outages().iter().any(|outage| outage.met(started, finished))
}

fn list(server: &Server, project: &str) -> Result<Vec<Value>> {
    let answer = server.admin.ask(["pipeline", "list", project])?;
    answer.as_array().cloned().with_context(|| format!("no list of pipelines: {answer}"))
}

fn failure(server: &Server, project: &str, pipeline: i64) -> Result<String> {
    let jobs = jobs(server, project, pipeline)?;
    let Some(failed) = jobs.iter().find(|job| job["status"] == "failed") else { return Ok("no job failed".to_owned()) };
    let log = log(server, project, failed["id"].as_i64().unwrap_or_default())?;
    Ok(format!("job {} ({}):\n{}", failed["name"], failed["failure_reason"], command::tail(&log, LOG_LINES)))
}
