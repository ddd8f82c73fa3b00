//! Which jobs run in a situation, and why the others do not.

mod decide;

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
};

use serde::{Deserialize, Serialize};

use crate::{
    budget::Budget,
    job::{AllowFailure, Artifacts, Cache, Environment, Image, Need, Retry, When},
    pattern::Patterns,
    pipeline::Pipeline,
    problem::Problem,
    select::COMPARISONS,
    situation::{Layers, Situation},
    variable::{Undefined, Variable, expand},
    yaml::Mark,
};
use decide::Planner;

/// What comes of a file in a situation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Pipeline(Plan),
    Nothing(Why),
}

/// Why there is no pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// No rule of `workflow:rules` holds, or the first that does says never.
    FilteredByWorkflow,
    /// No job's rules hold.
    NoJobs,
    /// Only jobs of `.pre` and `.post` would run, and these alone make no pipeline.
    OnlyPreAndPost,
}

/// The jobs of one pipeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// `workflow:name`, expanded.
    pub name: Option<String>,
    /// Stages that have jobs, in order.
    pub stages: Vec<String>,
    /// By stage, inside a stage in the order of the file.
    pub jobs: Vec<PlannedJob>,
    pub skipped: Vec<Skipped>,
}

/// A job that does not run, and the sentence that says why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    pub name: String,
    pub why: String,
}

/// One job as it shall run. Image, services, cache and artifacts are expanded by the runner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedJob {
    pub name: String,
    pub stage: String,
    /// Place of the stage among all stages of the file; `.pre` is 0.
    pub stage_index: usize,
    pub image: Option<Image>,
    pub services: Vec<Image>,
    /// `before_script` and `script`, which are one step.
    pub script: Vec<String>,
    pub after_script: Vec<String>,
    /// What the file declares for this job, not expanded: top of the file, `workflow`, job, matching rule, of which the
    /// later cover the earlier. Predefined variables lie below them; project and pipeline variables above.
    pub variables: Vec<Variable>,
    pub when: When,
    /// With `When::Delayed`: seconds to wait.
    pub start_in_seconds: Option<u64>,
    pub allow_failure: AllowFailure,
    /// `None`: waits for all earlier stages. Otherwise for these alone; all of them are in the plan.
    pub needs: Option<Vec<Need>>,
    pub downloads: Downloads,
    pub artifacts: Option<Artifacts>,
    pub cache: Vec<Cache>,
    pub timeout_seconds: Option<u64>,
    pub retry: Retry,
    /// Expanded.
    pub tags: Vec<String>,
    /// Name, address and `on_stop` expanded as far as variables are known; others stay as written.
    pub environment: Option<Environment>,
    /// Expanded.
    pub resource_group: Option<String>,
    pub interruptible: bool,
    /// The expression, with its slashes.
    pub coverage: Option<String>,
}

/// Whose artifacts a job fetches before it begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Downloads {
    AllEarlierStages,
    Only(Vec<String>),
}

/// Decides which jobs run.
///
/// # Errors
/// When a job that runs needs one that does not, when a regular expression in a variable cannot be used, and when the
/// plan grows beyond its limits.
pub fn plan(pipeline: &Pipeline, situation: &Situation) -> Result<Outcome, Problem> {
    let mut planner = Planner {
        pipeline,
        situation,
        patterns: Patterns::default(),
        comparisons: COMPARISONS,
        budget: Budget::new(),
        shared: shared(pipeline, situation),
    };
    if !planner.workflow()? {
        return Ok(Outcome::Nothing(Why::FilteredByWorkflow));
    }
    let stage_at: HashMap<&str, usize> =
        pipeline.stages.iter().enumerate().map(|(at, stage)| (stage.as_str(), at)).collect();
    let (mut jobs, mut skipped) = (Vec::new(), Vec::new());
    for job in &pipeline.jobs {
        // Pipeline::parse has checked that every stage exists.
        let stage_index = stage_at.get(job.stage.as_str()).copied().unwrap_or_default();
        match planner.job(job, stage_index)? {
            Ok(planned) => jobs.push((planned, job.mark)),
            Err(why) => skipped.push(Skipped { name: job.name.clone(), why }),
        }
    }
    if jobs.is_empty() {
        return Ok(Outcome::Nothing(Why::NoJobs));
    }
    if jobs.iter().all(|(job, _)| job.stage == ".pre" || job.stage == ".post") {
        return Ok(Outcome::Nothing(Why::OnlyPreAndPost));
    }
    jobs.sort_by_key(|(job, _)| job.stage_index);
    keep_present(&mut jobs, &skipped)?;
    let jobs: Vec<PlannedJob> = jobs.into_iter().map(|(job, _)| job).collect();
    let mut stages: Vec<String> = jobs.iter().map(|job| job.stage.clone()).collect();
    stages.dedup();
    Ok(Outcome::Pipeline(Plan { name: name(pipeline, planner.shared)?, stages, jobs, skipped }))
}

impl fmt::Display for Why {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Why::FilteredByWorkflow => "no pipeline: `workflow:rules` exclude this situation",
            Why::NoJobs => "no pipeline: no job's rules hold in this situation",
            Why::OnlyPreAndPost => "no pipeline: only jobs of `.pre` and `.post` would run",
        })
    }
}

/// Variables every job begins with.
fn shared(pipeline: &Pipeline, situation: &Situation) -> Shared {
    let declared = pipeline
        .variables
        .iter()
        .map(|declared| Variable { raw: declared.raw, ..Variable::public(&declared.key, &declared.value) });
    Shared { lowest: situation.lowest(), declared: declared.collect() }
}

/// The layers that are the same for every job.
pub(crate) struct Shared {
    pub lowest: Layers,
    pub declared: Vec<Variable>,
}

/// Takes absent jobs out of `needs` and `downloads`; refuses when one was needed.
fn keep_present(jobs: &mut [(PlannedJob, Mark)], skipped: &[Skipped]) -> Result<(), Problem> {
    let why: BTreeMap<&str, &str> = skipped.iter().map(|skipped| (&*skipped.name, &*skipped.why)).collect();
    let present: std::collections::HashSet<String> = jobs.iter().map(|(job, _)| job.name.clone()).collect();
    for (job, mark) in jobs {
        let absent = |need: &&Need| !need.optional && !present.contains(&need.job);
        if let Some(need) = job.needs.iter().flatten().find(absent) {
            let reason = why.get(need.job.as_str()).copied().unwrap_or("there is no such job");
            let message = format!(
                "`{}` needs `{}`, which is not in this pipeline ({reason}); give both the same rules, or write `optional: true`",
                job.name, need.job
            );
            return Err(Problem::new(*mark, &format!("{}:needs", job.name), message));
        }
        if let Some(needs) = &mut job.needs {
            needs.retain(|need| present.contains(&need.job));
        }
        if let Downloads::Only(names) = &mut job.downloads {
            names.retain(|name| present.contains(name));
        }
    }
    Ok(())
}

fn name(pipeline: &Pipeline, shared: Shared) -> Result<Option<String>, Problem> {
    let Some(name) = &pipeline.name else { return Ok(None) };
    let mut layers = shared.lowest;
    shared.declared.iter().for_each(|variable| layers.lay(variable));
    let too_much =
        |error: crate::variable::TooMuchExpansion| Problem::new(Mark::default(), "workflow:name", error.to_string());
    let variables = layers.expanded().map_err(too_much)?;
    let lookup = |name: &str| variables.get(name).map(String::as_str);
    expand(name, Undefined::Keep, lookup).map(Some).map_err(too_much)
}
