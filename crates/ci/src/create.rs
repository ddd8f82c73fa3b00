//! Making pipelines: by a push, a trigger or a person.

use audit::Entry;
use base::{Ctx, Id, Principal, Timestamp};
use db::Tx;
use forge::{Forge, Oid, Project, ProjectId, ProjectRef, RefName};
use identity::Level;
use jobs::{Event, Failure};
use pipeline::{Plan, Source, Variable};
use serde::Deserialize;
use serde_json::json;

use crate::{
    Ci, Error, Job, JobStatus, Pipeline, PipelineStatus,
    advance::{Advanced, advance},
    job::TraceState,
    plans::Planned,
    service::require,
    store,
};

/// The job that makes pipelines of pushes; it wants the event `git.pushed`.
pub const PUSHED_JOB: &str = "ci.pushed";

/// A push, as the event `git.pushed` tells it.
#[derive(Clone, Debug, Deserialize)]
pub struct Pushed {
    project: ProjectId,
    #[serde(rename = "ref")]
    reference: String,
    before: Oid,
    after: Oid,
    user: String,
    account: Option<Id<Principal>>,
}

/// Who starts a pipeline, and with what.
#[derive(Clone, Debug)]
pub struct Origin {
    pub source: Source,
    pub account: Option<Id<Principal>>,
    pub who: String,
    pub trigger: Option<i64>,
    /// They cover the project's and the file's.
    pub variables: Vec<Variable>,
    /// The name of what led to it (a push, a caller's own name of its call): the same one makes no second pipeline.
    pub once: Option<String>,
}

/// Where a pipeline starts.
struct Start {
    reference: RefName,
    sha: Oid,
    before: Oid,
}

/// What came of it.
pub(crate) enum Created {
    Pipeline(Box<Pipeline>),
    /// There is none, and why.
    Nothing(String),
}

impl Ci {
    /// The job [`PUSHED_JOB`]: a push makes a pipeline, once.
    pub async fn pushed(&self, ctx: &Ctx, event: &Event) -> Result<(), Failure> {
        let pushed: Pushed = serde_json::from_value(event.data.clone())
            .map_err(|error| Failure::last(format!("the event holds no push: {error}")))?;
        let Ok(reference) = pushed.reference.parse::<RefName>() else { return Ok(()) };
        if pushed.after.is_zero() {
            return Ok(());
        }
        let project = Forge::by_id(&mut self.0.db.read().await?, pushed.project).await.map_err(Failure::retry)?;
        let Some(project) = project else { return Ok(()) };
        let origin = Origin {
            source: Source::Push,
            account: pushed.account,
            who: pushed.user,
            trigger: None,
            variables: Vec::new(),
            once: Some(event.entry.clone()),
        };
        let start = Start { reference, sha: pushed.after, before: pushed.before };
        match self.create(ctx, &project, start, origin).await {
            Ok(Created::Pipeline(made)) => {
                tracing::info!(pipeline = made.id, project = %project.path, "a push made a pipeline");
            }
            Ok(Created::Nothing(why)) => tracing::info!(project = %project.path, why, "a push made no pipeline"),
            Err(error) => return Err(Failure::retry(error)),
        }
        Ok(())
    }

    /// `POST /projects/:id/pipeline`: a person starts one on a branch or tag.
    pub async fn start(
        &self,
        ctx: &Ctx,
        which: &ProjectRef,
        reference: &str,
        variables: Vec<Variable>,
    ) -> Result<Pipeline, Error> {
        let project = require(&mut self.0.db.read().await?, ctx, which, Level::ReadWrite).await?;
        let origin = Origin {
            source: Source::Api,
            account: ctx.principal().map(|principal| principal.account.clone()),
            who: ctx.actor.label(),
            trigger: None,
            variables,
            once: None,
        };
        self.start_on(ctx, &project, reference, origin).await
    }

    /// A pipeline on a ref by its name; that there is none is an error here.
    pub(crate) async fn start_on(
        &self,
        ctx: &Ctx,
        project: &Project,
        reference: &str,
        origin: Origin,
    ) -> Result<Pipeline, Error> {
        let found = Forge::find_ref(&mut self.0.db.read().await?, project.id, reference).await?;
        let Some((reference, sha)) = found else {
            let shown: String = reference.chars().take(100).collect();
            return Err(Error::Invalid(format!(
                "Reference not found: {} has no branch or tag {shown:?}",
                project.path
            )));
        };
        let start = Start { reference, sha, before: Oid::zero() };
        match self.create(ctx, project, start, origin).await? {
            Created::Pipeline(pipeline) => Ok(*pipeline),
            Created::Nothing(why) => Err(Error::Invalid(why)),
        }
    }

    async fn create(&self, ctx: &Ctx, project: &Project, start: Start, origin: Origin) -> Result<Created, Error> {
        if let Some(once) = &origin.once
            && store::has_origin(&mut self.0.db.read().await?, once).await?
        {
            return Ok(Created::Nothing("it was made before".to_owned()));
        }
        let Some(commit) = self.0.forge.commit(project.id, &start.sha).await? else {
            return Ok(Created::Nothing(format!("the repository has no commit {}", start.sha)));
        };
        if origin.source == Source::Push && skips(&commit.message) {
            return Ok(Created::Nothing("the commit's message says [skip ci]".to_owned()));
        }
        let mut draft = Pipeline {
            id: 0,
            iid: 0,
            project: project.id,
            path: project.path.clone(),
            protected: start.reference.as_str() == project.default_ref(),
            reference: start.reference,
            // A tag's own object names no tree to run in.
            sha: commit.sha.clone(),
            before: start.before,
            source: origin.source,
            status: PipelineStatus::Created,
            name: None,
            account: origin.account.clone(),
            who: origin.who.clone(),
            commit,
            problems: Vec::new(),
            warnings: Vec::new(),
            trigger: origin.trigger,
            created_at: ctx.now,
            started_at: None,
            finished_at: None,
        };
        let mut variables = self.project_variables(project.id, draft.protected).await?;
        variables.extend(origin.variables.iter().cloned());
        let plan = match self.plan_file(project, &draft, variables).await? {
            Planned::Jobs(plan, warnings) => {
                (draft.name, draft.warnings) = (plan.name.clone(), warnings);
                Some(*plan)
            }
            Planned::Nothing(why) => return Ok(Created::Nothing(why)),
            Planned::Wrong(problems, warnings) => {
                (draft.problems, draft.warnings) = (problems, warnings);
                None
            }
        };
        self.write(ctx, draft, plan, &origin).await
    }

    async fn write(&self, ctx: &Ctx, draft: Pipeline, plan: Option<Plan>, origin: &Origin) -> Result<Created, Error> {
        let variables = serde_json::to_vec(&origin.variables).expect("variables are plain data");
        let written = db::write!(self.0.db, ctx, |tx| {
            if let Some(once) = &origin.once
                && store::has_origin(tx, once).await?
            {
                return Ok(None);
            }
            let mut pipeline = draft.clone();
            pipeline.id = store::next(tx, "pipeline").await?;
            pipeline.iid = store::next_iid(tx, pipeline.project).await?;
            if plan.is_none() {
                (pipeline.status, pipeline.finished_at) = (PipelineStatus::Failed, Some(ctx.now));
            }
            let sealed = self.0.sealer.seal(&ctx.entropy, &variables_place(pipeline.id), &variables);
            store::insert_pipeline(tx, &pipeline, &sealed, origin.once.as_deref()).await?;
            insert_jobs(tx, &pipeline, plan.as_ref(), ctx.now).await?;
            let entry = audit::append(tx, ctx, entry(&pipeline, plan.as_ref())).await?;
            let mut advanced = Advanced::default();
            if plan.is_some() {
                advanced = advance(tx, ctx, pipeline.id).await?;
            } else {
                advanced.finished.push(pipeline.clone());
            }
            advanced.emit(tx, ctx, &entry).await?;
            let pipeline = store::pipeline(tx, pipeline.id).await?.unwrap_or(pipeline);
            Ok::<_, Error>(Some((pipeline, advanced)))
        })?;
        let Some((pipeline, advanced)) = written else {
            return Ok(Created::Nothing("it was made before".to_owned()));
        };
        if !pipeline.status.is_finished() {
            self.0.forge.keep_for_pipeline(pipeline.project, pipeline.id, &pipeline.sha).await?;
        }
        self.after(&advanced).await;
        Ok(Created::Pipeline(Box::new(pipeline)))
    }

    /// The variables a pipeline was started with.
    pub(crate) fn open_variables(&self, pipeline: i64, sealed: &[u8]) -> Result<Vec<Variable>, Error> {
        let opened = self.0.sealer.open(&variables_place(pipeline), sealed)?;
        serde_json::from_slice(opened.expose())
            .map_err(|error| Error::Internal(format!("the variables of pipeline {pipeline}: {error}")))
    }
}

async fn insert_jobs(tx: &mut Tx, pipeline: &Pipeline, plan: Option<&Plan>, now: Timestamp) -> Result<(), Error> {
    for (place, planned) in (0_i64..).zip(plan.iter().flat_map(|plan| &plan.jobs)) {
        let job = Job {
            id: store::next(tx, "job").await?,
            pipeline: pipeline.id,
            project: pipeline.project,
            plan: planned.clone(),
            status: JobStatus::Created,
            not_before: None,
            created_at: now,
            queued_at: None,
            started_at: None,
            finished_at: None,
            contact_at: None,
            resumed_at: None,
            runner: None,
            failure: None,
            exit_code: None,
            retry_of: None,
            retried_by: None,
            token_hash: None,
            registry_token: None,
            trace: TraceState::default(),
        };
        store::jobs::insert(tx, &job, place).await?;
    }
    Ok(())
}

fn entry(pipeline: &Pipeline, plan: Option<&Plan>) -> Entry {
    let problems: Vec<String> = pipeline.problems.iter().take(10).map(ToString::to_string).collect();
    Entry::new("pipeline.created")
        .about(format!("project/{}", pipeline.path))
        .about(format!("commit/{}", pipeline.sha))
        .about(format!("pipeline/{}", pipeline.id))
        .detail("ref", pipeline.reference.as_str())
        .detail("source", pipeline.source.as_str())
        .detail("who", &pipeline.who)
        .detail("jobs", plan.map_or(0, |plan| plan.jobs.len()))
        .detail("problems", json!(problems))
}

fn variables_place(pipeline: i64) -> String {
    format!("pipeline/{pipeline}")
}

fn skips(message: &str) -> bool {
    let message = message.to_lowercase();
    ["[skip ci]", "[ci skip]"].iter().any(|word| message.contains(word))
}
