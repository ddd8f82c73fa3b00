//! What a job keeps and fetches: `artifacts`, `cache`, `needs`, `dependencies`.

use super::Reader;
use crate::{
    duration,
    job::{Artifacts, Cache, CacheKey, Need, When},
    yaml::{Node, Value},
};

const ARTIFACTS: &[&str] =
    &["access", "exclude", "expire_in", "expose_as", "name", "paths", "public", "reports", "untracked", "when"];
const CACHE: &[&str] = &["fallback_keys", "key", "paths", "policy", "unprotect", "untracked", "when"];
/// Caches of one job, as GitLab limits them.
const CACHES: usize = 4;
/// Needs of one job, as GitLab limits them.
const NEEDS: usize = 50;

impl Reader<'_> {
    pub(super) fn artifacts(&mut self, node: &Node, path: &str) -> Option<Artifacts> {
        let mut artifacts = Artifacts::default();
        let is_map = self.fields(node, path, ARTIFACTS, |reader, key, node, path| match key {
            "name" => artifacts.name = reader.text(node, path),
            "paths" => artifacts.paths = reader.texts(node, path).unwrap_or_default(),
            "exclude" => artifacts.exclude = reader.texts(node, path).unwrap_or_default(),
            "untracked" => artifacts.untracked = reader.boolean(node, path).unwrap_or_default(),
            "when" => artifacts.when = reader.keep_when(node, path),
            "expose_as" => artifacts.expose_as = reader.text(node, path),
            "expire_in" => {
                artifacts.expire_in = node.scalar_text().map(|text| text.to_string());
                let never = artifacts.expire_in.as_deref().is_some_and(|text| text.eq_ignore_ascii_case("never"));
                artifacts.expire_in_seconds = if never { None } else { reader.seconds(node, path) };
            }
            "reports" => reader.reports(&mut artifacts, node, path),
            _ => reader.report.warn(node.mark, path, format!("`{key}` is ignored: who may read the project may fetch")),
        });
        is_map.then_some(artifacts)
    }

    fn reports(&mut self, artifacts: &mut Artifacts, node: &Node, path: &str) {
        let Some(map) = node.as_map() else { return self.expected(node, path, "a map of report kinds and paths") };
        for entry in map.entries() {
            // `coverage_report` alone is a map: {coverage_format, path}.
            let paths = entry.value.as_map().and_then(|map| map.get("path")).unwrap_or(&entry.value);
            let path = super::join(path, &entry.key);
            let paths = self.texts_or_one(paths, &path).unwrap_or_default();
            artifacts.reports.insert(entry.key.to_string(), paths);
        }
    }

    fn keep_when(&mut self, node: &Node, path: &str) -> Option<When> {
        let word = self.word(node, path, &["on_success", "on_failure", "always"])?;
        Some(match word {
            "on_success" => When::OnSuccess,
            "on_failure" => When::OnFailure,
            _ => When::Always,
        })
    }

    /// One cache or a list of them; an empty one is none.
    pub(super) fn caches(&mut self, node: &Node, path: &str) -> Option<Vec<Cache>> {
        let list = node.as_list().unwrap_or(std::slice::from_ref(node));
        if list.len() > CACHES {
            self.problem(node, path, format!("takes at most {CACHES} caches"));
            return None;
        }
        let filled = list.iter().filter(|item| item.as_map().is_none_or(|map| !map.is_empty()));
        Some(filled.filter_map(|item| self.cache(item, path)).collect())
    }

    fn cache(&mut self, node: &Node, path: &str) -> Option<Cache> {
        let mut cache = Cache {
            key: CacheKey::Text("default".to_owned()),
            paths: Vec::new(),
            untracked: false,
            policy: "pull-push".to_owned(),
            when: When::OnSuccess,
            fallback_keys: Vec::new(),
            unprotect: false,
        };
        let is_map = self.fields(node, path, CACHE, |reader, key, node, path| match key {
            "key" => cache.key = reader.cache_key(node, path).unwrap_or(CacheKey::Text("default".to_owned())),
            "paths" => cache.paths = reader.texts(node, path).unwrap_or_default(),
            "untracked" => cache.untracked = reader.boolean(node, path).unwrap_or_default(),
            "unprotect" => cache.unprotect = reader.boolean(node, path).unwrap_or_default(),
            "when" => cache.when = reader.keep_when(node, path).unwrap_or(When::OnSuccess),
            "fallback_keys" => cache.fallback_keys = reader.texts(node, path).unwrap_or_default(),
            // A variable here is expanded by the runner.
            _ if node.as_text().is_some_and(|text| text.contains('$')) => {
                cache.policy = node.as_text().unwrap_or_default().to_owned();
            }
            _ => {
                let word = reader.word(node, path, &["pull-push", "pull", "push"]);
                cache.policy = word.unwrap_or("pull-push").to_owned();
            }
        });
        is_map.then_some(cache)
    }

    fn cache_key(&mut self, node: &Node, path: &str) -> Option<CacheKey> {
        if node.as_map().is_none() {
            return self.text(node, path).map(CacheKey::Text);
        }
        let (mut files, mut prefix) = (Vec::new(), None);
        self.fields(node, path, &["files", "prefix"], |reader, key, node, path| match key {
            "files" => files = reader.texts(node, path).unwrap_or_default(),
            _ => prefix = reader.text(node, path),
        });
        if !(1..=2).contains(&files.len()) {
            self.problem(node, path, "`files` takes one or two paths");
        }
        Some(CacheKey::Files { files, prefix })
    }

    pub(super) fn needs(&mut self, node: &Node, path: &str) -> Option<Vec<Need>> {
        let Some(list) = node.as_list() else {
            self.expected(node, path, "a list of jobs");
            return None;
        };
        if list.len() > NEEDS {
            self.problem(node, path, format!("takes at most {NEEDS} jobs"));
            return None;
        }
        Some(list.iter().filter_map(|item| self.need(item, path)).collect())
    }

    fn need(&mut self, node: &Node, path: &str) -> Option<Need> {
        let mut need = Need { job: String::new(), artifacts: true, optional: false };
        if node.as_map().is_none() {
            need.job = self.text(node, path)?;
            return Some(need);
        }
        let elsewhere = ["project", "ref", "pipeline", "parallel"];
        let known = ["job", "artifacts", "optional", "project", "ref", "pipeline", "parallel"];
        self.fields(node, path, &known, |reader, key, node, path| match key {
            "job" => need.job = reader.text(node, path).unwrap_or_default(),
            "artifacts" => need.artifacts = reader.boolean(node, path).unwrap_or(true),
            "optional" => need.optional = reader.boolean(node, path).unwrap_or_default(),
            _ if elsewhere.contains(&key) => {
                let message = format!("`needs:{key}` is not supported; need a job of this pipeline");
                reader.problem(node, path, message);
            }
            _ => {}
        });
        if need.job.is_empty() {
            self.problem(node, path, "names no job; write `job: NAME`");
            return None;
        }
        Some(need)
    }

    pub(super) fn retry(&mut self, node: &Node, path: &str) -> Option<crate::job::Retry> {
        let mut retry = crate::job::Retry::default();
        if node.as_map().is_none() {
            retry.max = self.retry_max(node, path)?;
            return Some(retry);
        }
        self.fields(node, path, &["max", "when", "exit_codes"], |reader, key, node, path| match key {
            "max" => retry.max = reader.retry_max(node, path).unwrap_or_default(),
            "when" => retry.when = reader.texts_or_one(node, path).unwrap_or_default(),
            _ => retry.exit_codes = reader.integers(node, path).unwrap_or_default(),
        });
        retry.when.retain(|reason| reason != "always");
        Some(retry)
    }

    fn retry_max(&mut self, node: &Node, path: &str) -> Option<u8> {
        if let Value::Int(max @ 0..=2) = node.value {
            return u8::try_from(max).ok();
        }
        self.problem(node, path, "takes 0, 1 or 2");
        None
    }

    pub(super) fn timeout(&mut self, node: &Node, path: &str) -> Option<u64> {
        let seconds = node.scalar_text().and_then(|text| duration::seconds(&text)).filter(|&seconds| seconds > 0);
        if seconds.is_none() {
            self.problem(node, path, "takes a duration above zero, such as `1h 30m`");
        }
        seconds
    }
}
