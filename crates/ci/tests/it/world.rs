//! A database, an administrator, a project with real commits, and a runner that does what it is told.

use std::{
    path::Path,
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use base::{AccountName, Clock, Ctx, Entropy, Secret};
use ci::{
    Append, Appended, Asked, Ci, Config, FailureReason, Heard, Job, NewRunner, Pipeline, Report, RunnerInfo, Said,
};
use db::{Db, Location};
use forge::{Forge, NewProject, Project, ProjectRef, Visibility};
use identity::{AccountKind, Authority, Identity, NewAccount, TokenKeys};
use jobs::Worker;
use serde_json::Value;

pub struct World {
    pub db: Db,
    pub identity: Identity,
    pub forge: Forge,
    pub ci: Ci,
    pub admin: Ctx,
    pub other: Ctx,
    pub project: Project,
    pub which: ProjectRef,
    pub clock: Clock,
    pub runner: Secret,
    pub folder: tempfile::TempDir,
    worker: Worker,
}

/// A job that a runner was given.
pub struct Given {
    pub id: i64,
    pub token: Secret,
    pub payload: Value,
}

impl World {
    pub async fn new() -> World {
        World::holding(Duration::from_millis(50)).await
    }

    /// One whose server holds questions for so long.
    pub async fn holding(held: Duration) -> World {
        let folder = tempfile::tempdir().unwrap();
        let schemas = [jobs::SCHEMA, audit::SCHEMA, identity::SCHEMA, forge::SCHEMA, ci::SCHEMA];
        let db = Db::open(&Location::Sqlite(folder.path().join("db")), &schemas).await.unwrap();
        let clock = Clock::fixed("2026-01-01T00:00:00Z".parse().unwrap());
        let authority = Authority::generate("assay.test", clock.now()).unwrap();
        let key = authority.client("token", clock.now()).unwrap();
        let keys = TokenKeys::new(&key.private_key_pem, &key.public_key_pem, "assay.test").unwrap();
        let identity = Identity::new(db.clone(), keys, authority, None);
        std::fs::create_dir(folder.path().join("git")).unwrap();
        let forge = Forge::new(db.clone(), folder.path().join("git"));
        let key = Secret::new([3; 32]);
        let config = Config { hold: held, ..Config::new("https://assay.test:8443", "assay.test:8443", key) };
        let ci = Ci::new(db.clone(), forge.clone(), config, clock.clone());
        let system = Ctx::system("test", &clock, &Entropy::System);
        let subscription = jobs::Subscription { event: "git.pushed", job: ci::PUSHED_JOB, filtered: false };
        db::write!(db, &system, |tx| jobs::subscribe(tx, &[subscription]).await)
            .map_err(|error: db::Error| error)
            .unwrap();
        let (admin, other) =
            (user(&identity, &system, "admin", true).await, user(&identity, &system, "other", false).await);
        let new = NewProject {
            path: "admin/flask".parse().unwrap(),
            description: String::new(),
            visibility: Visibility::Private,
            default_branch: None,
        };
        let project = forge.create_project(&admin, new).await.unwrap();
        let handler = ci.clone();
        let worker = Worker::new(db.clone(), clock.clone(), Entropy::System).on(ci::PUSHED_JOB, move |ctx, job| {
            let ci = handler.clone();
            async move { ci.pushed(&ctx, &job.event()?).await }
        });
        let (_, runner) = ci.create_runner(&admin, None, NewRunner::default()).await.unwrap();
        let which = ProjectRef::Id(project.id);
        git(folder.path(), &["init", "--quiet", "work"]).await;
        World { db, identity, forge, ci, admin, other, project, which, clock, runner, folder, worker }
    }

    /// Let time pass.
    pub fn pass(&self, seconds: i64) {
        let Clock::Fixed(at) = &self.clock else { panic!("the clock stands still") };
        AtomicI64::fetch_add(at, seconds * 1_000_000, Ordering::SeqCst);
    }

    /// A request that comes now.
    pub fn now(&self, ctx: &Ctx) -> Ctx {
        Ctx { now: self.clock.now(), ..ctx.clone() }
    }

    /// Commit this `.gitlab-ci.yml` to a branch and push it as the administrator; the commit.
    pub async fn push_to(&self, branch: &str, file: &str) -> String {
        static COUNT: AtomicI64 = AtomicI64::new(0);
        let work = self.folder.path().join("work");
        std::fs::write(work.join(".gitlab-ci.yml"), file).unwrap();
        std::fs::write(work.join("count"), COUNT.fetch_add(1, Ordering::SeqCst).to_string()).unwrap();
        git(&work, &["add", "."]).await;
        git(&work, &["commit", "--quiet", "-m", "change $CI_JOB_TOKEN\n\nbecause"]).await;
        let repository = self.folder.path().join(format!("git/{}.git", self.project.id));
        let refspec = format!("HEAD:refs/heads/{branch}");
        git(&work, &["push", "--quiet", repository.to_str().unwrap(), &refspec]).await;
        let account = self.admin.principal().unwrap().account.to_string();
        let (id, refs) = (base::Id::<World>::new(&self.now(&self.admin)), format!("[\"refs/heads/{branch}\"]"));
        let inserted = db::write!(self.db, &self.admin, |tx| {
            tx.execute(
                "INSERT INTO forge_pushes (id, project, account, who, credential, refs, started_at)
                 VALUES ($1, $2, $3, 'admin', 'password', $4, 0)",
                &db::args![&id, self.project.id.0, &account, &refs],
            )
            .await
        });
        inserted.map_err(|error: db::Error| error).unwrap();
        self.forge.reconcile(&self.now(&self.admin), true).await.unwrap();
        self.worker.run_until_idle().await.unwrap();
        git(&work, &["rev-parse", "HEAD"]).await
    }

    /// Push to main; the pipeline that came of it.
    pub async fn push(&self, file: &str) -> Pipeline {
        self.push_to("main", file).await;
        self.last().await
    }

    pub async fn last(&self) -> Pipeline {
        self.pipelines().await.swap_remove(0)
    }

    pub async fn pipelines(&self) -> Vec<Pipeline> {
        self.ci.pipelines(&self.admin, &self.which, (None, None, None), (100, 0)).await.unwrap().0
    }

    pub async fn pipeline(&self, id: i64) -> Pipeline {
        self.ci.pipeline(&self.admin, &self.which, id).await.unwrap()
    }

    pub async fn job(&self, id: i64) -> Job {
        self.ci.job(&self.admin, &self.which, id).await.unwrap()
    }

    /// Names and states of the last attempts of a pipeline's jobs.
    pub async fn states(&self, pipeline: i64) -> Vec<(String, &'static str)> {
        let jobs = self.ci.pipeline_jobs(&self.admin, &self.which, pipeline, false).await.unwrap();
        jobs.iter().map(|job| (job.plan.name.clone(), job.status.as_str())).collect()
    }

    pub async fn ask(&self) -> Option<Given> {
        let anonymous = self.now(&self.admin).with_actor(base::Actor::Anonymous);
        match self.ci.request_job(&anonymous, &self.runner, &RunnerInfo::default()).await.unwrap() {
            Asked::Job(payload) => Some(Given {
                id: payload["id"].as_i64().unwrap(),
                token: Secret::new(payload["token"].as_str().unwrap().to_owned()),
                payload: *payload,
            }),
            Asked::None => None,
            Asked::Denied => panic!("the runner is known"),
        }
    }

    /// A job that must be there.
    pub async fn take(&self, name: &str) -> Given {
        let given = self.ask().await.unwrap_or_else(|| panic!("there is no job, expected {name}"));
        assert_eq!(given.payload["job_info"]["name"], name);
        given
    }

    pub async fn say(&self, given: &Given, report: &Report) -> Heard {
        self.ci.report(&self.now(&self.admin), given.id, &given.token, report).await.unwrap()
    }

    pub async fn succeed(&self, given: &Given) {
        assert_eq!(self.say(given, &report(Said::Success, None)).await, Heard::Ok);
    }

    pub async fn fail(&self, given: &Given, reason: FailureReason) {
        assert_eq!(self.say(given, &report(Said::Failed, Some(reason))).await, Heard::Ok);
    }

    pub async fn write(&self, given: &Given, start: i64, bytes: &[u8]) -> Appended {
        let append = Append { start, bytes };
        self.ci.append_trace(&self.now(&self.admin), given.id, &given.token, append).await.unwrap()
    }

    pub async fn log(&self, id: i64) -> String {
        let part = self.ci.trace(&self.admin, &self.which, id, 0).await.unwrap();
        String::from_utf8(part.bytes).unwrap()
    }

    pub async fn entries(&self, kind: &str) -> Vec<Value> {
        let mut tx = self.db.read().await.unwrap();
        let sql = "SELECT body FROM audit_entries WHERE kind = $1 ORDER BY at, ordinal";
        let rows = tx.all(sql, &db::args![kind]).await.unwrap();
        rows.iter().map(|row| serde_json::from_str(&row.text("body").unwrap()).unwrap()).collect()
    }
}

pub fn report(said: Said, reason: Option<FailureReason>) -> Report {
    Report { said, reason, exit_code: None, checksum: None, size_bytes: None, can_resend: true }
}

impl Given {
    pub fn variable(&self, key: &str) -> Option<&Value> {
        self.payload["variables"].as_array().unwrap().iter().find(|variable| variable["key"] == key)
    }

    pub fn value(&self, key: &str) -> &str {
        self.variable(key).unwrap_or_else(|| panic!("no {key}"))["value"].as_str().unwrap()
    }
}

async fn user(identity: &Identity, system: &Ctx, name: &str, admin: bool) -> Ctx {
    let password = Secret::new("correct horse".to_owned());
    let new = NewAccount {
        name: name.parse::<AccountName>().unwrap(),
        kind: AccountKind::User,
        full_name: String::new(),
        password: Some(password.clone()),
        admin,
    };
    identity.create_account(system, new).await.unwrap();
    system.clone().with_actor(identity.authenticate(system, name, &password).await.unwrap())
}

pub async fn git(folder: &Path, arguments: &[&str]) -> String {
    let mut command = tokio::process::Command::new("git");
    command.current_dir(folder).env("HOME", folder).env("GIT_CONFIG_NOSYSTEM", "1");
    command.args(["-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"]);
    let output = command.args(arguments).output().await.unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
