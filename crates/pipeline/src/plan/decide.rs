//! One job at a time: its variables, its rules, and what it becomes.

use std::collections::BTreeMap;

use super::{Downloads, PlannedJob, Shared};
use crate::{
    budget::Budget,
    job::{AllowFailure, Job, When, YamlVariable},
    pattern::Patterns,
    pipeline::Pipeline,
    problem::Problem,
    select::{Facts, Rule},
    situation::{Situation, slug},
    variable::{TooMuchExpansion, Undefined, Variable, expand},
    yaml::Mark,
};

pub(super) struct Planner<'a> {
    pub pipeline: &'a Pipeline,
    pub situation: &'a Situation,
    pub patterns: Patterns,
    pub comparisons: usize,
    pub budget: Budget,
    pub shared: Shared,
}

type Known = BTreeMap<String, String>;

impl Planner<'_> {
    /// Whether `workflow:rules` let a pipeline be; the matching rule's variables are laid over those of the file.
    pub fn workflow(&mut self) -> Result<bool, Problem> {
        let Some(rules) = &self.pipeline.workflow else { return Ok(true) };
        let declared = self.shared.declared.clone();
        let known = self.known(&declared, &[], Mark::default(), "workflow")?;
        let Some(rule) = self.first(rules, &known, "workflow:rules")? else { return Ok(false) };
        lay(&mut self.shared.declared, &rule.variables);
        Ok(rule.when != Some(When::Never))
    }

    /// The job as it shall run, or why it does not.
    pub fn job(&mut self, job: &Job, stage_index: usize) -> Result<Result<PlannedJob, String>, Problem> {
        self.spend(job.weight + self.pipeline.shared_weight, job.mark, &job.name)?;
        let mut declared = self.shared.declared.clone();
        lay(&mut declared, &job.variables);
        let own = [
            ("CI_JOB_NAME", job.name.clone()),
            ("CI_JOB_NAME_SLUG", slug(&job.name)),
            ("CI_JOB_STAGE", job.stage.clone()),
        ];
        let known = self.known(&declared, &own, job.mark, &job.name)?;
        let rule = match &job.rules {
            Some(rules) => match self.first(rules, &known, &format!("{}:rules", job.name))? {
                Some(rule) => Some(rule),
                None => return Ok(Err("none of its rules holds".to_owned())),
            },
            None => {
                if let Some(why) = self.deselected(job, &known)? {
                    return Ok(Err(why));
                }
                None
            }
        };
        let when = rule.and_then(|rule| rule.when).or(job.when).unwrap_or(When::OnSuccess);
        if when == When::Never {
            let line = rule.map_or(job.mark.line, |rule| rule.mark.line);
            return Ok(Err(format!("line {line} says `when: never`")));
        }
        // A rule's variables reach environment, tags and resource group as well.
        let known = match rule.filter(|rule| !rule.variables.is_empty()) {
            Some(rule) => {
                lay(&mut declared, &rule.variables);
                self.known(&declared, &own, job.mark, &job.name)?
            }
            None => known,
        };
        let planned = planned(job, rule, when, stage_index, declared, &self.pipeline.defaults);
        expand_fields(planned, &known).map(Ok).map_err(|error| too_much(error, job.mark, &job.name))
    }

    /// Why `only` or `except` leave the job out.
    fn deselected(&mut self, job: &Job, known: &Known) -> Result<Option<String>, Problem> {
        let mut facts = self.facts(known);
        let named = |problem| Problem { path: job.name.clone(), ..problem };
        if let Some(only) = &job.only
            && !only.all_hold(&mut facts, job.mark).map_err(named)?
        {
            return Ok(Some("`only` does not name this situation".to_owned()));
        }
        if let Some(except) = &job.except
            && except.any_holds(&mut facts, job.mark).map_err(named)?
        {
            return Ok(Some("`except` names this situation".to_owned()));
        }
        Ok(None)
    }

    fn first<'r>(&mut self, rules: &'r [Rule], known: &Known, path: &str) -> Result<Option<&'r Rule>, Problem> {
        let mut facts = self.facts(known);
        for rule in rules {
            if rule.holds(&mut facts).map_err(|problem| Problem { path: path.to_owned(), ..problem })? {
                return Ok(Some(rule));
            }
        }
        Ok(None)
    }

    fn facts<'f>(&'f mut self, known: &'f Known) -> Facts<'f> {
        Facts {
            situation: self.situation,
            variables: known,
            patterns: &mut self.patterns,
            comparisons: &mut self.comparisons,
        }
    }

    /// Every variable that is known before the job has an id: predefined, declared, then project and pipeline.
    fn known(
        &mut self,
        declared: &[Variable],
        own: &[(&str, String)],
        mark: Mark,
        path: &str,
    ) -> Result<Known, Problem> {
        let mut layers = self.shared.lowest.clone();
        own.iter().for_each(|(key, value)| layers.cover(key, value));
        let given =
            layers.bytes() + self.situation.variables.iter().map(|variable| variable.value.len()).sum::<usize>();
        declared.iter().chain(&self.situation.variables).for_each(|variable| layers.lay(variable));
        let known = layers.expanded().map_err(|error| too_much(error, mark, path))?;
        let grown: usize = known.values().map(String::len).sum();
        self.spend(grown.saturating_sub(given), mark, path)?;
        Ok(known)
    }

    fn spend(&mut self, bytes: usize, mark: Mark, path: &str) -> Result<(), Problem> {
        self.budget.spend(0, bytes).map_err(|spent| Problem::new(mark, path, spent.message()))
    }
}

fn planned(
    job: &Job,
    rule: Option<&Rule>,
    when: When,
    stage_index: usize,
    variables: Vec<Variable>,
    defaults: &crate::job::Settings,
) -> PlannedJob {
    let own = &job.settings;
    let needs = rule.and_then(|rule| rule.needs.clone()).or_else(|| job.needs.clone());
    let mut script = own.before_script.as_ref().or(defaults.before_script.as_ref()).cloned().unwrap_or_default();
    script.extend_from_slice(&job.script);
    let by_itself = if job.when == Some(When::Manual) { AllowFailure::Yes } else { AllowFailure::No };
    let allow_failure = rule.and_then(|rule| rule.allow_failure.clone()).or_else(|| job.allow_failure.clone());
    let interruptible = rule.and_then(|rule| rule.interruptible).or(own.interruptible).or(defaults.interruptible);
    let fetched = needs
        .as_ref()
        .map(|needs| needs.iter().filter(|need| need.artifacts).map(|need| need.job.clone()).collect::<Vec<_>>());
    PlannedJob {
        name: job.name.clone(),
        stage: job.stage.clone(),
        stage_index,
        image: own.image.as_ref().or(defaults.image.as_ref()).cloned(),
        services: own.services.as_ref().or(defaults.services.as_ref()).cloned().unwrap_or_default(),
        script,
        after_script: own.after_script.as_ref().or(defaults.after_script.as_ref()).cloned().unwrap_or_default(),
        variables,
        when,
        start_in_seconds: rule
            .and_then(|rule| rule.start_in_seconds)
            .or(job.start_in_seconds)
            .filter(|_| when == When::Delayed),
        allow_failure: allow_failure.unwrap_or(by_itself),
        downloads: job.dependencies.clone().or(fetched).map_or(Downloads::AllEarlierStages, Downloads::Only),
        needs,
        artifacts: own.artifacts.as_ref().or(defaults.artifacts.as_ref()).cloned(),
        cache: own.cache.as_ref().or(defaults.cache.as_ref()).cloned().unwrap_or_default(),
        timeout_seconds: own.timeout_seconds.or(defaults.timeout_seconds),
        retry: own.retry.as_ref().or(defaults.retry.as_ref()).cloned().unwrap_or_default(),
        tags: own.tags.as_ref().or(defaults.tags.as_ref()).cloned().unwrap_or_default(),
        environment: job.environment.clone(),
        resource_group: job.resource_group.clone(),
        interruptible: interruptible.unwrap_or(false),
        coverage: job.coverage.clone(),
    }
}

/// The fields that the server expands. What is not known yet (the job's id) stays as written.
fn expand_fields(mut job: PlannedJob, known: &Known) -> Result<PlannedJob, TooMuchExpansion> {
    let text = |text: &str| expand(text, Undefined::Keep, |name| known.get(name).map(String::as_str));
    for tag in &mut job.tags {
        *tag = text(tag)?;
    }
    if let Some(group) = &mut job.resource_group {
        *group = text(group)?;
    }
    if let Some(environment) = &mut job.environment {
        environment.name = text(&environment.name)?;
        for field in [&mut environment.url, &mut environment.on_stop].into_iter().flatten() {
            *field = text(field)?;
        }
    }
    Ok(job)
}

/// Lays declared variables over others: a key that is there gets the new value.
fn lay(under: &mut Vec<Variable>, over: &[YamlVariable]) {
    if over.is_empty() {
        return;
    }
    let mut at: BTreeMap<String, usize> =
        under.iter().enumerate().map(|(index, variable)| (variable.key.clone(), index)).collect();
    for declared in over {
        let variable = Variable { raw: declared.raw, ..Variable::public(&declared.key, &declared.value) };
        match at.get(&declared.key) {
            Some(&index) => under[index] = variable,
            None => {
                at.insert(declared.key.clone(), under.len());
                under.push(variable);
            }
        }
    }
}

fn too_much(error: TooMuchExpansion, mark: Mark, path: &str) -> Problem {
    Problem::new(mark, path, error.to_string())
}
