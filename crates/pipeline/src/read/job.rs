//! One job, and what `default` says for all.

use super::{Reader, join};
use crate::{
    job::{Environment, Job, Settings, When},
    keywords,
    yaml::{Entry, Node},
};

const ENVIRONMENT: &[&str] = &["action", "auto_stop_in", "deployment_tier", "kubernetes", "name", "on_stop", "url"];
const ACTIONS: &[&str] = &["start", "prepare", "stop", "verify", "access"];
const TIERS: &[&str] = &["production", "staging", "testing", "development", "other"];
/// As in GitLab; names stand in every message about the job.
const JOB_NAME_BYTES: usize = 255;
/// A delayed job starts within a week, as in GitLab.
const START_IN_SECONDS: u64 = 7 * 24 * 60 * 60;

impl Reader<'_> {
    /// One keyword that may stand in `default` as well as in a job.
    pub(crate) fn setting(&mut self, settings: &mut Settings, key: &str, node: &Node, path: &str) {
        match key {
            "image" => settings.image = self.image(node, path),
            "services" => settings.services = self.services(node, path),
            "before_script" => settings.before_script = self.script(node, path),
            "after_script" => settings.after_script = self.script(node, path),
            "cache" => settings.cache = self.caches(node, path),
            "artifacts" => settings.artifacts = self.artifacts(node, path),
            "retry" => settings.retry = self.retry(node, path),
            "timeout" => settings.timeout_seconds = self.timeout(node, path),
            "interruptible" => settings.interruptible = self.boolean(node, path),
            _ => settings.tags = self.texts(node, path),
        }
    }

    pub(crate) fn default(&mut self, node: &Node, path: &str) -> Settings {
        let mut settings = Settings::default();
        let known: Vec<&str> = keywords::DEFAULT.iter().chain(&["hooks", "id_tokens", "identity"]).copied().collect();
        self.fields(node, path, &known, |reader, key, node, path| match refusal(key) {
            Some(message) => reader.problem(node, path, message),
            None => reader.setting(&mut settings, key, node, path),
        });
        settings
    }

    pub(crate) fn job(&mut self, entry: &Entry, weight: usize) -> Job {
        let name = entry.key.to_string();
        let stage = "test".to_owned();
        let mut job = Job { name: name.clone(), mark: entry.mark, weight, stage, ..Job::default() };
        if name.len() > JOB_NAME_BYTES {
            let message = format!("the name of a job has at most {JOB_NAME_BYTES} bytes");
            self.report.problem(entry.mark, &name, message);
            return job;
        }
        let map = entry.value.as_map().map(|map| map.entries()).unwrap_or_default();
        for field in map {
            let path = join(&name, &field.key);
            let key = &*field.key;
            if let Some(message) = refusal(key) {
                self.report.problem(field.mark, &path, message);
            } else if keywords::HARMLESS.contains(&key) {
                self.report.warn(field.mark, &path, format!("`{key}` is not supported yet and is ignored"));
            } else if key == "type" {
                self.report.warn(field.mark, &path, "`type` is an old word; write `stage`");
                job.stage = self.text(&field.value, &path).unwrap_or_default();
            } else if !keywords::JOB.contains(&key) {
                self.unknown(field, &path, keywords::JOB);
            } else if !field.value.is_null() {
                self.job_field(&mut job, key, &field.value, &path);
            }
        }
        self.whole(&job, entry);
        job
    }

    fn job_field(&mut self, job: &mut Job, key: &str, node: &Node, path: &str) {
        match key {
            "script" => job.script = self.script(node, path).unwrap_or_default(),
            "stage" => job.stage = self.text(node, path).unwrap_or_default(),
            "variables" => job.variables = self.variables(node, path),
            "when" => job.when = self.when(node, path),
            "start_in" => job.start_in_seconds = self.seconds(node, path),
            "allow_failure" => job.allow_failure = self.allow_failure(node, path),
            "needs" => job.needs = self.needs(node, path),
            "dependencies" => job.dependencies = self.texts(node, path),
            "rules" => job.rules = self.rules(node, path),
            "only" => job.only = self.selector(node, path),
            "except" => job.except = self.selector(node, path),
            "environment" => job.environment = self.environment(node, path),
            "resource_group" => job.resource_group = self.text(node, path),
            "coverage" => job.coverage = self.text(node, path),
            "extends" => {}
            _ => self.setting(&mut job.settings, key, node, path),
        }
    }

    fn environment(&mut self, node: &Node, path: &str) -> Option<Environment> {
        let mut environment = Environment::default();
        if node.as_map().is_none() {
            environment.name = self.text(node, path)?;
            return Some(environment);
        }
        self.fields(node, path, ENVIRONMENT, |reader, key, node, path| match key {
            "name" => environment.name = reader.text(node, path).unwrap_or_default(),
            "url" => environment.url = reader.text(node, path),
            "on_stop" => environment.on_stop = reader.text(node, path),
            "action" => environment.action = reader.word(node, path, ACTIONS).map(str::to_owned),
            "deployment_tier" => environment.deployment_tier = reader.word(node, path, TIERS).map(str::to_owned),
            "auto_stop_in" => environment.auto_stop_in_seconds = reader.seconds(node, path),
            _ => reader.report.warn(node.mark, path, "`kubernetes` is ignored"),
        });
        if environment.name.is_empty() {
            self.problem(node, path, "has no name; write `name: production`");
            return None;
        }
        Some(environment)
    }

    /// What no keyword can say alone.
    fn whole(&mut self, job: &Job, entry: &Entry) {
        let keys = |key: &str| entry.value.as_map().and_then(|map| map.entry(key));
        let mut problem = |message: &str| self.report.problem(entry.mark, &job.name, message);
        let said_elsewhere = ["trigger", "run"].iter().any(|key| keys(key).is_some());
        match keys("script") {
            None if !said_elsewhere => problem("has no `script`; write what the job does"),
            Some(script) if script.value.is_null() || script.value.as_list().is_some_and(<[Node]>::is_empty) => {
                problem("`script` is empty; write what the job does");
            }
            _ => {}
        }
        if job.rules.is_some() && (job.only.is_some() || job.except.is_some()) {
            problem("`rules` cannot stand with `only` or `except`; write all of it as rules");
        }
        let delayed = job.when == Some(When::Delayed);
        match job.start_in_seconds {
            None if delayed => problem("`when: delayed` needs `start_in`, such as `30 minutes`"),
            Some(_) if !delayed && job.rules.is_none() => problem("`start_in` needs `when: delayed`"),
            Some(seconds) if seconds > START_IN_SECONDS => problem("`start_in` is at most one week"),
            _ => {}
        }
    }
}

/// What to say of a keyword that would change the result and is not supported.
fn refusal(key: &str) -> Option<String> {
    let (_, instead) = keywords::REFUSED.iter().find(|(refused, _)| *refused == key)?;
    Some(format!("`{key}` is not supported; {instead}"))
}
