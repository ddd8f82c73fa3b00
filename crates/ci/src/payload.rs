//! A job as the runner protocol hands it over: the answer 201 to `POST /jobs/request`.

use forge::RefKind;
use pipeline::{Cache, CacheKey, Image, Variable, When};
use serde_json::{Value, json};

use crate::{FailureReason, Job, Pipeline, Runner, RunnerKind, mask, predefined::Site};

/// Commits of history that a job gets when it asks for nothing else; GitLab's own number.
const DEPTH_DEFAULT: u64 = 20;

/// Seconds that an `after_script` has.
const AFTER_SCRIPT_S: u64 = 300;

/// Everything a payload is made of.
#[derive(Debug)]
pub(crate) struct Assignment<'a> {
    pub(crate) site: &'a Site,
    pub(crate) pipeline: &'a Pipeline,
    pub(crate) job: &'a Job,
    pub(crate) runner: &'a Runner,
    pub(crate) token: &'a str,
    /// Expanded, of each key one.
    pub(crate) variables: &'a [Variable],
    pub(crate) timeout_seconds: u64,
    pub(crate) queued_seconds: f64,
}

impl Assignment<'_> {
    pub(crate) fn payload(&self) -> Value {
        let plan = &self.job.plan;
        let token = self.token;
        json!({
            "id": self.job.id,
            "token": token,
            "allow_git_fetch": true,
            "job_info": self.job_info(),
            "git_info": self.git_info(),
            "runner_info": {"timeout": self.timeout_seconds, "runner_session_url": null},
            "variables": self.variables.iter().map(variable).collect::<Vec<_>>(),
            "steps": self.steps(),
            "hooks": [],
            "image": plan.image.as_ref().map(image),
            "services": plan.services.iter().map(image).collect::<Vec<_>>(),
            "artifacts": null,
            "cache": plan.cache.iter().map(|cache| self.cache(cache)).collect::<Vec<_>>(),
            "credentials": [{
                "type": "registry", "url": self.site.authority, "username": "gitlab-ci-token", "password": token,
            }],
            "dependencies": [],
            "features": {
                "trace_sections": true,
                "token_mask_prefixes": mask::TOKEN_KINDS,
                "failure_reasons": FailureReason::words().collect::<Vec<_>>(),
            },
            "secrets": {},
        })
    }

    fn job_info(&self) -> Value {
        let (pipeline, plan) = (self.pipeline, &self.job.plan);
        let running = if self.runner.kind == RunnerKind::Instance { "0" } else { "+Inf" };
        json!({
            "name": plan.name,
            "stage": plan.stage,
            "pipeline_id": pipeline.id,
            "project_id": pipeline.project,
            "project_name": pipeline.path.name.as_str(),
            "project_full_path": pipeline.path.to_string(),
            "namespace_id": 0,
            "root_namespace_id": 0,
            "organization_id": 1,
            "instance_id": self.site.authority,
            "instance_uuid": "",
            "user_id": 0,
            "time_in_queue_seconds": self.queued_seconds,
            "project_jobs_running_on_instance_runners_count": running,
            "queue_size": 0,
            "queue_depth": 0,
        })
    }

    fn git_info(&self) -> Value {
        let pipeline = self.pipeline;
        let depth = self.value("GIT_DEPTH").and_then(|depth| depth.parse().ok()).unwrap_or(DEPTH_DEFAULT);
        let tag = pipeline.reference.kind() == RefKind::Tag;
        let name = pipeline.reference.short();
        let mut refspecs = vec![format!("+refs/pipelines/{0}:refs/pipelines/{0}", pipeline.id)];
        match (depth, tag) {
            (0, _) => {
                refspecs.push("+refs/heads/*:refs/remotes/origin/*".to_owned());
                refspecs.push("+refs/tags/*:refs/tags/*".to_owned());
            }
            // A branch that is gone or moved on when the job starts would make the whole fetch fail, so a job gets the
            // commit of its pipeline under the name where it looks for its branch.
            (_, true) => refspecs.push(format!("+refs/tags/{name}:refs/tags/{name}")),
            (_, false) => refspecs.push(format!("+refs/pipelines/{}:refs/remotes/origin/{name}", pipeline.id)),
        }
        json!({
            "repo_url": self.site.repository_url(pipeline, self.token),
            "repo_object_format": "sha1",
            "ref": name,
            "sha": pipeline.sha,
            "before_sha": pipeline.before,
            "ref_type": if tag { "tag" } else { "branch" },
            "refspecs": refspecs,
            "depth": depth,
            "protected": pipeline.protected,
        })
    }

    fn steps(&self) -> Vec<Value> {
        let plan = &self.job.plan;
        let mut steps = vec![json!({
            "name": "script", "script": plan.script, "timeout": self.timeout_seconds, "when": "on_success",
            "allow_failure": false,
        })];
        if !plan.after_script.is_empty() {
            steps.push(json!({
                "name": "after_script", "script": plan.after_script, "timeout": AFTER_SCRIPT_S, "when": "always",
                "allow_failure": true,
            }));
        }
        steps
    }

    /// Jobs of protected refs keep a cache of their own, so that no other branch can put something into it.
    fn cache(&self, cache: &Cache) -> Value {
        let key = match &cache.key {
            CacheKey::Text(text) => text.clone(),
            CacheKey::Files { files, prefix } => {
                format!("{}-{}", prefix.as_deref().unwrap_or("files"), base::digest_hex(files.join("\n").as_bytes()))
            }
        };
        let suffix = match (cache.unprotect, self.pipeline.protected) {
            (true, _) => "",
            (false, true) => "-protected",
            (false, false) => "-non_protected",
        };
        json!({
            "key": format!("{key}{suffix}"),
            "untracked": cache.untracked,
            "policy": cache.policy,
            "paths": cache.paths,
            "when": when(cache.when),
            "fallback_keys": cache.fallback_keys.iter().map(|key| format!("{key}{suffix}")).collect::<Vec<_>>(),
        })
    }

    fn value(&self, key: &str) -> Option<&str> {
        self.variables.iter().rfind(|variable| variable.key == key).map(|variable| variable.value.as_str())
    }
}

fn variable(variable: &Variable) -> Value {
    json!({
        "key": variable.key,
        "value": variable.value,
        "public": variable.public,
        "file": variable.file,
        "masked": variable.masked,
        "raw": variable.raw,
    })
}

fn image(image: &Image) -> Value {
    let mut value = json!({
        "name": image.name,
        "alias": image.alias,
        "entrypoint": image.entrypoint,
        "command": image.command,
        "pull_policy": image.pull_policy,
        "ports": [],
        "variables": image.variables.iter().map(|given| {
            json!({"key": given.key, "value": given.value, "public": true, "file": false, "masked": false, "raw": given.raw})
        }).collect::<Vec<_>>(),
    });
    if image.platform.is_some() || image.user.is_some() {
        value["executor_opts"] = json!({"docker": {"platform": image.platform, "user": image.user}});
    }
    value
}

fn when(when: When) -> &'static str {
    match when {
        When::OnFailure => "on_failure",
        When::Always => "always",
        _ => "on_success",
    }
}
