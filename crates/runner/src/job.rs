//! One job, from the payload to the report.
//!
//! ```text
//!  prepare ─► get_sources ─► steps ─► after_script ─► artifacts ─► report ─► container removed
//!     └───────────┴────────────┴── fails, timed out, cancelled, shut down ──► report
//! ```

use std::{future::Future, time::Duration};

use base::limits;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::{
    artifacts,
    claim::Claim,
    container::Container,
    dispatch::Runner,
    mask::Masker,
    outcome::{Failure, Outcome, Reason, last_line},
    payload::Payload,
    place::Place,
    server::JobKey,
    source,
    trace::Log,
    uplink::Uplink,
    variables::Variables,
};

/// What a job gets when the server names no time.
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(3600);
const TIMEOUT_MAX: Duration = Duration::from_secs(30 * 24 * 3600);

/// As the stock runner gives it.
const AFTER_SCRIPT: Duration = Duration::from_secs(300);

/// Collecting and uploading artifacts, on top of the job's time.
const ARTIFACTS: Duration = Duration::from_secs(600);

/// What the parts of one job share.
#[derive(Debug)]
pub(crate) struct Job<'a> {
    pub runner: &'a Runner,
    pub payload: &'a Payload,
    pub key: &'a JobKey,
    pub place: &'a Place,
    pub variables: &'a Variables,
    pub log: &'a Log,
    pub claim: &'a Claim,
    gone: CancellationToken,
    deadline: Instant,
}

/// Run one job to its end; nothing of it is left when this returns, and the server knows how it went.
pub(crate) async fn run(runner: &Runner, payload: &Payload, slot: usize) {
    let key = JobKey { id: payload.id, token: payload.token.clone() };
    tracing::info!(
        job = key.id,
        project = payload.job_info.project_full_path,
        name = payload.job_info.name,
        "a job begins"
    );
    let began = Instant::now();
    let time = match payload.runner_info.timeout {
        0 => TIMEOUT_DEFAULT,
        seconds => Duration::from_secs(seconds).min(TIMEOUT_MAX),
    };
    let deadline = began + time;
    let place = Place::new(&runner.config.builds_dir, &payload.job_info.project_full_path);
    let anywhere = Place::new(&runner.config.builds_dir, "project").expect("the name is plain");
    let variables = Variables::of(payload, &runner.config, place.as_ref().unwrap_or(&anywhere), slot);
    let log = Log::new(masker(payload, &variables), runner.clock.clone());
    let interval = Duration::from_millis(runner.config.trace_interval_ms);
    let mut uplink = Uplink::new(&runner.server, key.clone(), &log, interval, deadline, runner.shutdown.clone());
    let gone = uplink.gone.clone();

    let mut kept = None;
    let work = async {
        let outcome = match (Claim::take(&runner.config.work_dir, &key), &place) {
            (Err(error), _) => Err(error.into()),
            (Ok(_), None) => Err(Failure::configuration("the project's path is not one that can be a folder")),
            (Ok(claim), Some(place)) => {
                let claim = kept.insert(claim);
                let (variables, log, key) = (&variables, &log, &key);
                Job { runner, payload, key, place, variables, log, claim, gone, deadline }.work().await
            }
        };
        log.close(&last_line(&outcome));
        outcome
    };
    let (outcome, ()) = tokio::join!(work, uplink.follow());
    let known = uplink.report(&outcome, &payload.features.failure_reasons).await;
    if let Err(error) = runner.engine.remove_all(&runner.system_id, Some(key.id)).await {
        tracing::warn!(job = key.id, %error, "the job's container was not removed; the next start tries again");
    }
    if let Some(claim) = kept {
        if known { claim.release() } else { claim.empty() }
    }
    let took_ms = began.elapsed().as_millis();
    match outcome {
        Ok(()) => tracing::info!(job = key.id, took_ms, "the job succeeded"),
        Err(failure) => tracing::info!(job = key.id, took_ms, reason = failure.word(&[]), %failure, "the job failed"),
    }
}

impl Job<'_> {
    async fn work(&self) -> Outcome {
        let mut container = None;
        let mut outcome = self.guarded(self.main_steps(&mut container)).await;
        let Some(container) = container else { return outcome };
        if outcome.as_ref().is_err_and(|failure| failure.reason != Reason::ScriptFailure) {
            // Whatever still runs in there must not run on beside what follows.
            self.runner.engine.kill(&container.id).await;
        }
        if outcome.as_ref().is_err_and(|failure| !failure.final_steps_run()) {
            return outcome;
        }
        self.after_script(&container, &outcome).await;
        let success = outcome.is_ok();
        let upload = self.limited(Instant::now() + ARTIFACTS, artifacts::upload(self, &container, success)).await;
        if let Err(failure) = upload {
            self.log.line(&format!("\x1b[31;1mERROR: artifacts: {failure}\x1b[0;m"));
            if success || failure.reason == Reason::Gone {
                outcome = Err(failure);
            }
        }
        outcome
    }

    async fn main_steps(&self, made: &mut Option<Container>) -> Outcome {
        let runner = self.runner;
        self.log.line(&format!("Running with assay-runner {} ({})", env!("CARGO_PKG_VERSION"), std::env::consts::ARCH));
        self.log.line(&format!("  on {}, system ID: {}", runner.config.name, runner.system_id));
        self.log.section("prepare_executor", "Preparing the \"docker\" executor");
        let container = made.insert(Container::prepare(self).await?);
        self.log.section_end("prepare_executor");

        self.log.section("get_sources", "Getting source from Git repository");
        source::get(self, container).await?;
        self.log.section_end("get_sources");

        if !self.payload.dependencies.is_empty() {
            self.log.section("download_artifacts", "Downloading artifacts");
            artifacts::download(self, container).await?;
            self.log.section_end("download_artifacts");
        }
        for step in self.payload.steps.iter().filter(|step| step.name != "after_script" && step.when.applies(true)) {
            self.log.section("step_script", &format!("Executing \"step_{}\" stage of the job script", step.name));
            let exit = container.run_step(self, &step.name, &step.script, &[]).await;
            self.log.section_end("step_script");
            Failure::of_exit(exit?)?;
        }
        Ok(())
    }

    /// Its own shell, its own time, and no say in how the job ended.
    async fn after_script(&self, container: &Container, outcome: &Outcome) {
        let Some(step) = self.payload.step("after_script") else { return };
        let status = if outcome.is_ok() { "success" } else { "failed" };
        self.log.section("after_script", "Running after_script");
        let exports = [("CI_JOB_STATUS", status)];
        let run = container.run_step(self, &step.name, &step.script, &exports);
        match self.limited(Instant::now() + AFTER_SCRIPT, run).await {
            Ok(0) => {}
            Ok(code) => self.log.line(&format!("\x1b[0;33mWARNING: after_script failed: exit code {code}\x1b[0;m")),
            Err(failure) => {
                self.runner.engine.kill(&container.id).await;
                self.log.line(&format!("\x1b[0;33mWARNING: after_script failed: {failure}\x1b[0;m"));
            }
        }
        self.log.section_end("after_script");
    }

    async fn guarded<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        self.limited(self.deadline, work).await
    }

    /// Do something until it is done, the time is over, the server has no use for the job, or the runner is stopped.
    async fn limited<T>(&self, until: Instant, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        tokio::select! {
            biased;
            done = work => done,
            () = self.gone.cancelled() => Err(Failure::new(Reason::Gone, "the job was cancelled")),
            () = self.runner.shutdown.cancelled() => Err(Failure::new(Reason::Shutdown, "the runner was stopped")),
            () = sleep_until(until) => Err(Failure::new(Reason::Timeout, "execution took longer than the job's time")),
        }
    }
}

/// Everything that must not be shown: as the server sent it, and as it reads once expanded.
fn masker(payload: &Payload, variables: &Variables) -> Masker {
    let masked = payload.variables.iter().filter(|variable| variable.masked);
    let expanded: Vec<&str> = masked.filter_map(|variable| variables.content(&variable.key)).collect();
    let prefixes = payload.features.token_mask_prefixes.iter().map(String::as_str);
    // A shorter value would strike out ordinary words; no server lets one be masked.
    let secrets = payload.secrets().chain(expanded);
    Masker::new(secrets.filter(|secret| secret.trim().chars().count() >= limits::MASKED_CHARS), prefixes)
}
