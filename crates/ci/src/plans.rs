//! Files into plans: where `.gitlab-ci.yml` is read, and `ci/lint`.

use base::{Ctx, limits};
use forge::{Oid, Project, ProjectRef, RefKind};
use identity::Level;
use pipeline::{Outcome, Plan, Problem, RefType, Situation, Source, Variable};

use crate::{Ci, Error, Pipeline, predefined, service::require};

/// The file that says what a pipeline does.
pub(crate) const FILE: &str = ".gitlab-ci.yml";

/// What a file came to.
#[derive(Debug)]
pub(crate) enum Planned {
    Jobs(Box<Plan>, Vec<Problem>),
    /// The file asks for no pipeline here, and why.
    Nothing(String),
    Wrong(Vec<Problem>, Vec<Problem>),
}

/// The answer to `ci/lint`.
#[derive(Debug)]
pub struct Lint {
    pub problems: Vec<Problem>,
    pub warnings: Vec<Problem>,
    /// JSON, which is YAML.
    pub merged: Option<String>,
    pub jobs: Vec<String>,
}

impl Ci {
    /// Read and plan the file of a pipeline that is about to be made.
    pub(crate) async fn plan_file(
        &self,
        project: &Project,
        pipeline: &Pipeline,
        variables: Vec<Variable>,
    ) -> Result<Planned, Error> {
        let forge = &self.0.forge;
        let limit = limits::PIPELINE_FILE_BYTES;
        let file = match forge.file(project.id, &pipeline.sha, FILE, limit).await {
            Ok(Some(file)) => file,
            Ok(None) => return Ok(Planned::Nothing(format!("the commit has no {FILE}"))),
            Err(forge::Error::TooLarge(_)) => {
                return Ok(wrong(format!("the file is larger than {limit} bytes; split the pipeline")));
            }
            Err(error) => return Err(error.into()),
        };
        let branch = pipeline.reference.kind() == RefKind::Branch;
        let follows = pipeline.source == Source::Push && branch && !pipeline.before.is_zero();
        let changed_files = if follows {
            // Unknown when the commit before is not there any more: then `changes` holds, as on a new branch.
            forge.changed_files(project.id, &pipeline.before, &pipeline.sha).await.ok()
        } else {
            None
        };
        let asks_for_files = file.windows(6).any(|word| word == b"exists");
        let files = if asks_for_files { Some(forge.files(project.id, &pipeline.sha).await?) } else { None };
        let situation = Situation {
            source: pipeline.source,
            ref_name: pipeline.reference.short().to_owned(),
            ref_type: if branch { RefType::Branch } else { RefType::Tag },
            default_branch: project.default_branch.clone(),
            predefined: predefined::of_pipeline(&self.0.site, project, pipeline),
            variables,
            changed_files,
            files,
        };
        // A hostile file costs bounded work, but more than a thread that serves requests should give it.
        let planned = tokio::task::spawn_blocking(move || plan(&file, &situation)).await;
        planned.map_err(|error| Error::Internal(format!("a pipeline could not be planned: {error}")))
    }

    /// What is wrong with a file, and which jobs it would have on the default branch.
    pub async fn lint(&self, ctx: &Ctx, which: &ProjectRef, content: String) -> Result<Lint, Error> {
        let project = require(&mut self.0.db.read().await?, ctx, which, Level::ReadOnly).await?;
        let situation = Situation {
            source: Source::Push,
            ref_name: project.default_branch.clone(),
            ref_type: RefType::Branch,
            default_branch: project.default_branch.clone(),
            predefined: Vec::new(),
            variables: Vec::new(),
            changed_files: None,
            files: None,
        };
        let linted = tokio::task::spawn_blocking(move || lint(content.as_bytes(), &situation)).await;
        linted.map_err(|error| Error::Internal(format!("a pipeline could not be planned: {error}")))
    }

    /// The same for the file of a commit.
    pub async fn lint_commit(&self, ctx: &Ctx, which: &ProjectRef, commit: &Oid) -> Result<Lint, Error> {
        let project = require(&mut self.0.db.read().await?, ctx, which, Level::ReadOnly).await?;
        let file = self.0.forge.file(project.id, commit, FILE, limits::PIPELINE_FILE_BYTES).await?;
        let file = file.ok_or_else(|| Error::no("file", FILE))?;
        self.lint(ctx, which, String::from_utf8_lossy(&file).into_owned()).await
    }
}

fn plan(file: &[u8], situation: &Situation) -> Planned {
    let parsed = match pipeline::Pipeline::parse(file) {
        Ok(parsed) => parsed,
        Err(problems) => return Planned::Wrong(problems, Vec::new()),
    };
    let mut warnings = parsed.warnings().to_vec();
    match pipeline::plan(&parsed, situation) {
        Ok(Outcome::Pipeline(plan)) => {
            warnings.extend(unkept(&parsed, &plan));
            Planned::Jobs(Box::new(plan), warnings)
        }
        Ok(Outcome::Nothing(why)) => Planned::Nothing(why.to_string()),
        Err(problem) => Planned::Wrong(vec![problem], warnings),
    }
}

/// What a plan asks for and is not given yet is said where it is asked for, not dropped.
fn unkept(parsed: &pipeline::Pipeline, plan: &Plan) -> Vec<Problem> {
    let mut told: Vec<Problem> = Vec::new();
    for job in &plan.jobs {
        let asked = [
            (
                job.artifacts.is_some(),
                "artifacts",
                "artifacts are not kept by this server yet; jobs run without handing files to each other",
            ),
            (
                !job.cache.is_empty(),
                "cache",
                "`assay runner` keeps no cache and ignores this; the job runs, and fetches anew what it would have found there",
            ),
            (
                !job.services.is_empty(),
                "services",
                "`assay runner` starts no services and fails this job; take them out, start them in `script`, or leave the \
                 job to a runner that starts them",
            ),
        ];
        for (_, key, message) in asked.into_iter().filter(|(wanted, ..)| *wanted) {
            let problem = said(parsed, &job.name, key, message);
            // What `default` says for all jobs is told once.
            if told.len() < limits::PIPELINE_PROBLEMS && !told.contains(&problem) {
                told.push(problem);
            }
        }
    }
    told.sort_by_key(|problem| (problem.line, problem.column));
    told
}

/// A problem of a job's keyword, at the place where the file has it: in the job, in `default`, or at the top.
fn said(parsed: &pipeline::Pipeline, job: &str, key: &str, message: &str) -> Problem {
    let whole = parsed.merged().as_map();
    let inside = |name: &str| {
        let entry = whole?.entry(name)?.value.as_map()?.entry(key)?;
        Some(Problem::new(entry.mark, &format!("{name}:{key}"), message))
    };
    let top = || Some(Problem::new(whole?.entry(key)?.mark, key, message));
    inside(job)
        .or_else(|| inside("default"))
        .or_else(top)
        .unwrap_or_else(|| problem(&format!("{job}:{key}"), message.to_owned()))
}

fn lint(file: &[u8], situation: &Situation) -> Lint {
    let parsed = pipeline::Pipeline::parse(file);
    let merged = parsed.as_ref().ok().and_then(|parsed| serde_json::to_string(parsed.merged()).ok());
    let mut lint = Lint { problems: Vec::new(), warnings: Vec::new(), merged, jobs: Vec::new() };
    match plan(file, situation) {
        Planned::Jobs(plan, warnings) => {
            lint.jobs = plan.jobs.into_iter().map(|job| job.name).collect();
            lint.warnings = warnings;
        }
        Planned::Nothing(why) => lint.warnings.push(problem("", why)),
        Planned::Wrong(problems, warnings) => (lint.problems, lint.warnings) = (problems, warnings),
    }
    lint
}

fn wrong(message: String) -> Planned {
    Planned::Wrong(vec![problem("", message)], Vec::new())
}

/// A problem of the whole file.
fn problem(path: &str, message: String) -> Problem {
    Problem { line: 0, column: 0, path: path.to_owned(), message }
}
