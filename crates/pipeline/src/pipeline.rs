//! A whole file: its stages, defaults and jobs, and what can only be said when all of them are known.

mod check;

use base::limits;

use crate::{
    budget::Budget,
    job::{Job, Settings, YamlVariable},
    keywords,
    pattern::Patterns,
    problem::{Problem, Report},
    read::{Reader, join},
    resolve,
    select::Rule,
    yaml::{self, Map, Mark, Node, Value},
};

/// A `.gitlab-ci.yml` that was understood.
#[derive(Clone, Debug)]
pub struct Pipeline {
    /// With `.pre` first and `.post` last.
    pub(crate) stages: Vec<String>,
    /// `workflow:name`, not expanded.
    pub(crate) name: Option<String>,
    pub(crate) workflow: Option<Vec<Rule>>,
    pub(crate) variables: Vec<YamlVariable>,
    pub(crate) defaults: Settings,
    /// Bytes of the variables and defaults that each job copies, about.
    pub(crate) shared_weight: usize,
    /// Without the hidden ones, in the order of the file.
    pub(crate) jobs: Vec<Job>,
    warnings: Vec<Problem>,
    merged: Node,
}

impl Pipeline {
    /// Reads a file. The problems are all that were found, in the order of the file.
    pub fn parse(bytes: &[u8]) -> Result<Pipeline, Vec<Problem>> {
        let mut report = Report::default();
        let parsed = Pipeline::read(bytes, &mut report);
        let place = |problem: &Problem| (problem.line, problem.column);
        report.warnings.sort_by_key(place);
        match parsed {
            Ok(mut pipeline) if report.problems.is_empty() => {
                pipeline.warnings = report.warnings;
                return Ok(pipeline);
            }
            Ok(_) => {}
            Err(last) => report.problems.push(last),
        }
        report.problems.sort_by_key(place);
        Err(report.problems)
    }

    /// What may surprise the author.
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// The stages that jobs may name, in order, with `.pre` and `.post`.
    pub fn stages(&self) -> &[String] {
        &self.stages
    }

    /// The variables that the file declares for all jobs, for the page on which a person starts a pipeline.
    pub fn variables(&self) -> &[YamlVariable] {
        &self.variables
    }

    /// Names of the jobs that could run, in the order of the file.
    pub fn job_names(&self) -> impl Iterator<Item = &str> {
        self.jobs.iter().map(|job| job.name.as_str())
    }

    /// The file with aliases, references and `extends` resolved. It serializes as JSON, which is YAML: the answer's
    /// `merged_yaml` of `ci/lint`.
    pub fn merged(&self) -> &Node {
        &self.merged
    }

    fn read(bytes: &[u8], report: &mut Report) -> Result<Pipeline, Problem> {
        let document = yaml::load(bytes, report)?;
        let mut budget = document.budget;
        let root = resolve::references(&document.root, &mut budget)?;
        let Some(map) = root.as_map() else {
            let message = format!("a pipeline is a map of keywords and jobs, and this is {}", root.what());
            return Err(Problem::new(root.mark, "", message));
        };
        let map = resolve::extends(map, &mut budget, report)?;
        let mut reader = Reader { report, patterns: Patterns::default() };
        refuse_unsupported(&map, &mut reader);
        let (defaults, shared_weight) = defaults(&map, &mut reader);
        let variables = map.get("variables").filter(|node| !node.is_null());
        let (name, workflow) = workflow(&map, &mut reader);
        let pipeline = Pipeline {
            stages: stages(&map, &mut reader),
            name,
            workflow,
            variables: variables.map(|node| reader.variables(node, "variables")).unwrap_or_default(),
            defaults,
            shared_weight: shared_weight + variables.map_or(0, Node::weight),
            jobs: jobs(&map, &mut reader)?,
            warnings: Vec::new(),
            merged: Node { value: Value::Map(map.into()), ..root.clone() },
        };
        check::check(&pipeline, reader.report);
        Ok(pipeline)
    }
}

fn refuse_unsupported(map: &Map, reader: &mut Reader<'_>) {
    let filled = |node: &Node| !node.is_null() && node.as_list().is_none_or(|list| !list.is_empty());
    if let Some(entry) = map.entry("include").filter(|entry| filled(&entry.value)) {
        let message = "`include` is not supported; copy what it names into this file";
        reader.report.problem(entry.mark, "include", message);
    }
}

/// What `default`, and the same keywords at the top of the file, say for every job; and what they weigh.
fn defaults(map: &Map, reader: &mut Reader<'_>) -> (Settings, usize) {
    let mut weight = 0;
    let default = map.entry("default").filter(|entry| !entry.value.is_null());
    let mut settings = match default {
        Some(entry) => {
            weight += entry.value.weight();
            reader.default(&entry.value, "default")
        }
        None => Settings::default(),
    };
    for key in ["image", "services", "before_script", "after_script", "cache"] {
        let Some(entry) = map.entry(key).filter(|entry| !entry.value.is_null()) else { continue };
        if default.and_then(|default| default.value.as_map()).is_some_and(|default| default.get(key).is_some()) {
            let message = format!("`{key}` stands here and in `default`; keep the one in `default`");
            reader.report.problem(entry.mark, key, message);
        }
        weight += entry.value.weight();
        reader.setting(&mut settings, key, &entry.value, key);
    }
    (settings, weight)
}

fn stages(map: &Map, reader: &mut Reader<'_>) -> Vec<String> {
    let mut stages = vec![".pre".to_owned()];
    let old = map.entry("types").filter(|_| map.get("stages").is_none());
    if let Some(entry) = old {
        reader.report.warn(entry.mark, "types", "`types` is an old word; write `stages`");
    }
    let named = match map.entry("stages").or(old).filter(|entry| !entry.value.is_null()) {
        Some(entry) => reader.texts(&entry.value, "stages").unwrap_or_default(),
        None => ["build", "test", "deploy"].map(str::to_owned).to_vec(),
    };
    let mut seen = std::collections::HashSet::new();
    stages.extend(named.into_iter().filter(|stage| stage != ".pre" && stage != ".post" && seen.insert(stage.clone())));
    stages.push(".post".to_owned());
    stages
}

fn workflow(map: &Map, reader: &mut Reader<'_>) -> (Option<String>, Option<Vec<Rule>>) {
    let (mut name, mut rules) = (None, None);
    if let Some(node) = map.get("workflow").filter(|node| !node.is_null()) {
        reader.fields(node, "workflow", &["auto_cancel", "name", "rules"], |reader, key, node, path| match key {
            "name" => name = node.scalar_text().map(|text| text.to_string()),
            "rules" => rules = reader.workflow_rules(node, path),
            _ => reader.report.warn(node.mark, path, "`auto_cancel` is ignored: pipelines are not cancelled by others"),
        });
    }
    (name, rules)
}

fn jobs(map: &Map, reader: &mut Reader<'_>) -> Result<Vec<Job>, Problem> {
    let mut budget = Budget::new();
    let mut jobs = Vec::new();
    for entry in map.entries() {
        if keywords::TOP_LEVEL.contains(&&*entry.key) || entry.key.starts_with('.') {
            continue;
        }
        if entry.value.as_map().is_none() {
            let hint = keywords::did_you_mean(&entry.key, keywords::TOP_LEVEL.iter().copied());
            let message = format!("is no known keyword, and a job is a map, and this is {}{hint}", entry.value.what());
            reader.report.problem(entry.mark, &join("", &entry.key), message);
            continue;
        }
        if jobs.len() >= limits::PIPELINE_JOBS {
            let message = format!("more than {} jobs; split the pipeline", limits::PIPELINE_JOBS);
            return Err(Problem::new(entry.mark, "", message));
        }
        let weight = entry.value.weight();
        budget.spend(0, weight).map_err(|spent| Problem::new(entry.mark, &entry.key, spent.message()))?;
        jobs.push(reader.job(entry, weight));
    }
    if jobs.is_empty() && reader.report.problems.is_empty() {
        let message = "has no job; add one, such as `test: {script: [make test]}`";
        return Err(Problem::new(Mark { line: 1, column: 1 }, "", message));
    }
    Ok(jobs)
}
