//! The predefined variables, as GitLab's "Predefined CI/CD variables reference" names them.
//!
//! Those that a runner makes (`CI_PROJECT_DIR`, `CI_BUILDS_DIR`, `CI_RUNNER_VERSION`, …) are not sent.

use forge::{Project, RefKind};
use pipeline::Variable;

use crate::{Job, Pipeline, Runner};

/// Under which name this installation is reached.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    /// `https://host:port`.
    pub(crate) url: String,
    /// `host:port`, as it stands in image references.
    pub(crate) authority: String,
}

/// Variables that are known before there are jobs: `rules` may ask for them.
pub(crate) fn of_pipeline(site: &Site, project: &Project, pipeline: &Pipeline) -> Vec<Variable> {
    let mut list = List::default();
    of_server(site, &mut list);
    of_project(site, project, &mut list);
    of_commit(pipeline, &mut list);
    list.add("CI_CONFIG_PATH", ".gitlab-ci.yml");
    list.add("CI_PIPELINE_SOURCE", pipeline.source.as_str());
    list.add("CI_PIPELINE_CREATED_AT", pipeline.created_at.to_string());
    list.add("CI_PIPELINE_NAME", pipeline.name.clone().unwrap_or_default());
    list.add("GITLAB_USER_LOGIN", &pipeline.who);
    list.add("GITLAB_USER_NAME", &pipeline.who);
    if pipeline.trigger.is_some() {
        list.add("CI_PIPELINE_TRIGGERED", "true");
    }
    list.0
}

fn of_server(site: &Site, list: &mut List) {
    let (scheme, host, port) = site.parts();
    let version = env!("CARGO_PKG_VERSION");
    let mut numbers = version.split('.');
    list.add("CI", "true");
    list.add("GITLAB_CI", "true");
    list.add("CI_SERVER", "yes");
    list.add("CI_SERVER_NAME", "Assay");
    list.add("CI_SERVER_URL", &site.url);
    list.add("CI_SERVER_FQDN", &site.authority);
    list.add("CI_SERVER_HOST", host);
    list.add("CI_SERVER_PORT", port);
    list.add("CI_SERVER_PROTOCOL", scheme);
    list.add("CI_SERVER_VERSION", version);
    list.add("CI_SERVER_VERSION_MAJOR", numbers.next().unwrap_or_default());
    list.add("CI_SERVER_VERSION_MINOR", numbers.next().unwrap_or_default());
    list.add("CI_SERVER_VERSION_PATCH", numbers.next().unwrap_or_default());
    list.add("CI_API_V4_URL", format!("{}/api/v4", site.url));
    list.add("CI_REGISTRY", &site.authority);
}

fn of_project(site: &Site, project: &Project, list: &mut List) {
    let path = project.path.to_string();
    list.add("CI_PROJECT_ID", project.id.to_string());
    list.add("CI_PROJECT_NAME", project.path.name.as_str());
    list.add("CI_PROJECT_TITLE", project.path.name.as_str());
    list.text("CI_PROJECT_DESCRIPTION", &project.description);
    list.add("CI_PROJECT_NAMESPACE", project.path.namespace.as_str());
    list.add("CI_PROJECT_ROOT_NAMESPACE", project.path.namespace.as_str());
    list.add("CI_PROJECT_PATH", &path);
    list.add("CI_PROJECT_PATH_SLUG", slug(&path));
    list.add("CI_PROJECT_URL", format!("{}/{path}", site.url));
    list.add("CI_PROJECT_VISIBILITY", project.visibility.to_string());
    list.add("CI_DEFAULT_BRANCH", &project.default_branch);
    list.add("CI_REGISTRY_IMAGE", format!("{}/{}", site.authority, path.to_lowercase()));
}

fn of_commit(pipeline: &Pipeline, list: &mut List) {
    let (commit, name) = (&pipeline.commit, pipeline.reference.short());
    list.add("CI_COMMIT_SHA", pipeline.sha.as_str());
    list.add("CI_COMMIT_SHORT_SHA", pipeline.sha.short());
    list.add("CI_COMMIT_BEFORE_SHA", pipeline.before.as_str());
    list.add("CI_COMMIT_REF_NAME", name);
    list.add("CI_COMMIT_REF_SLUG", slug(name));
    list.add("CI_COMMIT_REF_PROTECTED", pipeline.protected.to_string());
    list.text("CI_COMMIT_TITLE", &commit.title);
    list.text("CI_COMMIT_MESSAGE", &commit.message);
    let description = commit.message.split_once('\n').map_or("", |(_, rest)| rest.trim_start());
    list.text("CI_COMMIT_DESCRIPTION", description);
    list.text("CI_COMMIT_AUTHOR", format!("{} <{}>", commit.author_name, commit.author_email));
    list.add("CI_COMMIT_TIMESTAMP", commit.committed_at.to_string());
    let tag = pipeline.reference.kind() == RefKind::Tag;
    list.add(if tag { "CI_COMMIT_TAG" } else { "CI_COMMIT_BRANCH" }, name);
    // The names before GitLab 9; one file in twelve still uses them.
    list.add("CI_BUILD_REF", pipeline.sha.as_str());
    list.add("CI_BUILD_REF_NAME", name);
    list.add("CI_BUILD_REF_SLUG", slug(name));
    list.add("CI_BUILD_BEFORE_SHA", pipeline.before.as_str());
    if tag {
        list.add("CI_BUILD_TAG", name);
    }
}

/// Variables that only a job has.
pub(crate) fn of_job(
    site: &Site,
    pipeline: &Pipeline,
    job: &Job,
    runner: &Runner,
    token: &str,
    timeout_seconds: u64,
) -> Vec<Variable> {
    let mut list = List::default();
    let id = job.id.to_string();
    let project = format!("{}/{}", site.url, pipeline.path);
    list.add("CI_JOB_ID", &id);
    list.add("CI_JOB_URL", format!("{project}/-/jobs/{id}"));
    list.add("CI_JOB_NAME", &job.plan.name);
    list.add("CI_JOB_NAME_SLUG", slug(&job.plan.name));
    list.add("CI_JOB_STAGE", &job.plan.stage);
    list.add("CI_JOB_STATUS", "running");
    list.add("CI_JOB_TIMEOUT", timeout_seconds.to_string());
    list.add("CI_JOB_STARTED_AT", job.started_at.map(|at| at.to_string()).unwrap_or_default());
    list.add("CI_JOB_IMAGE", job.plan.image.as_ref().map(|image| image.name.clone()).unwrap_or_default());
    list.add("CI_NODE_TOTAL", "1");
    list.add("CI_PIPELINE_ID", pipeline.id.to_string());
    list.add("CI_PIPELINE_IID", pipeline.iid.to_string());
    list.add("CI_PIPELINE_URL", format!("{project}/-/pipelines/{}", pipeline.id));
    list.add("CI_RUNNER_ID", runner.id.to_string());
    list.add("CI_RUNNER_DESCRIPTION", &runner.description);
    list.add("CI_RUNNER_TAGS", crate::store::to_json(&runner.tags));
    list.add("CI_RUNNER_SHORT_TOKEN", &runner.short);
    list.secret("CI_JOB_TOKEN", token, true);
    list.secret("CI_BUILD_TOKEN", token, true);
    list.add("CI_REGISTRY_USER", "gitlab-ci-token");
    list.secret("CI_REGISTRY_PASSWORD", token, true);
    list.secret("CI_REPOSITORY_URL", &site.repository_url(pipeline, token), false);
    if let Some(environment) = &job.plan.environment {
        list.add("CI_ENVIRONMENT_NAME", &environment.name);
        list.add("CI_ENVIRONMENT_SLUG", slug(&environment.name));
        list.add("CI_ENVIRONMENT_URL", environment.url.clone().unwrap_or_default());
        list.add("CI_ENVIRONMENT_ACTION", environment.action.clone().unwrap_or_else(|| "start".to_owned()));
    }
    list.add("CI_BUILD_ID", &id);
    list.add("CI_BUILD_NAME", &job.plan.name);
    list.add("CI_BUILD_STAGE", &job.plan.stage);
    list.0
}

impl Site {
    /// Where a job fetches its source, with its token.
    pub(crate) fn repository_url(&self, pipeline: &Pipeline, token: &str) -> String {
        let (scheme, rest) = self.url.split_once("://").unwrap_or(("https", &self.url));
        format!("{scheme}://gitlab-ci-token:{token}@{rest}/{}.git", pipeline.path)
    }

    /// Scheme, host and port.
    fn parts(&self) -> (String, String, String) {
        let (scheme, rest) = self.url.split_once("://").unwrap_or(("https", &self.url));
        let port = if scheme == "http" { "80" } else { "443" };
        let parted = rest.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
        let (host, port) = parted.unwrap_or((rest, port));
        (scheme.to_owned(), host.to_owned(), port.to_owned())
    }
}

#[derive(Default)]
struct List(Vec<Variable>);

impl List {
    /// A variable that everybody may see.
    fn add(&mut self, key: &str, value: impl Into<String>) {
        self.0.push(Variable::public(key, value));
    }

    /// The same for a text that somebody wrote, who must not reach other variables through it.
    fn text(&mut self, key: &str, value: impl Into<String>) {
        self.0.push(Variable { raw: true, ..Variable::public(key, value) });
    }

    fn secret(&mut self, key: &str, value: &str, masked: bool) {
        self.0.push(Variable { public: false, masked, ..Variable::public(key, value) });
    }
}

/// Lower case, 63 bytes, everything but letters and digits a `-`, none at the ends.
fn slug(text: &str) -> String {
    let letter = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '-' };
    let slug: String = text.to_lowercase().chars().map(letter).take(63).collect();
    slug.trim_matches('-').to_owned()
}
