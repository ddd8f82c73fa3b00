//! Whether a rule, an `only` or an `except` holds in a situation.

use std::collections::BTreeMap;

use crate::{
    expression::Expression,
    glob::Glob,
    job::{AllowFailure, Need, When, YamlVariable},
    pattern::Patterns,
    problem::Problem,
    situation::{RefType, Situation},
    variable::{Undefined, expand},
    yaml::Mark,
};

/// Characters of patterns times characters of paths that one plan compares. Beyond it files are taken as changed, as in
/// GitLab: a job too many is better than one too few.
pub(crate) const COMPARISONS: usize = 500_000_000;

/// One entry of `rules`. What it does not say is said by the job.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rule {
    pub mark: Mark,
    pub condition: Option<Expression>,
    pub changes: Option<Vec<String>>,
    pub exists: Option<Vec<String>>,
    pub when: Option<When>,
    pub start_in_seconds: Option<u64>,
    pub allow_failure: Option<AllowFailure>,
    pub variables: Vec<YamlVariable>,
    pub needs: Option<Vec<Need>>,
    pub interruptible: Option<bool>,
}

/// `only` or `except`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selector {
    pub refs: Option<Vec<Ref>>,
    pub variables: Option<Vec<Expression>>,
    pub changes: Option<Vec<String>>,
    /// `kubernetes: active`, which never holds: there is no cluster integration.
    pub kubernetes: bool,
}

/// A branch or tag name, a keyword such as `tags` or `triggers`, or a `/pattern/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ref {
    pub text: String,
    pub is_pattern: bool,
    /// Behind `@`: holds in the project of this path only.
    pub project: Option<String>,
}

/// What rules are asked about; the variables are those of the job, expanded.
pub(crate) struct Facts<'a> {
    pub situation: &'a Situation,
    pub variables: &'a BTreeMap<String, String>,
    pub patterns: &'a mut Patterns,
    /// What is left of [`COMPARISONS`].
    pub comparisons: &'a mut usize,
}

impl Rule {
    /// All that the rule asks holds; a rule that asks nothing holds.
    pub fn holds(&self, facts: &mut Facts<'_>) -> Result<bool, Problem> {
        if let Some(condition) = &self.condition
            && !facts.condition(condition, self.mark)?
        {
            return Ok(false);
        }
        let situation = facts.situation;
        let changed = self.changes.as_ref().is_none_or(|globs| facts.any_fits(globs, &situation.changed_files));
        Ok(changed && self.exists.as_ref().is_none_or(|globs| facts.any_fits(globs, &situation.files)))
    }
}

impl Selector {
    /// For `only`: each part that is there holds.
    pub fn all_hold(&self, facts: &mut Facts<'_>, mark: Mark) -> Result<bool, Problem> {
        Ok(self.parts(facts, mark)?.into_iter().flatten().all(|holds| holds))
    }

    /// For `except`: one part that is there holds.
    pub fn any_holds(&self, facts: &mut Facts<'_>, mark: Mark) -> Result<bool, Problem> {
        Ok(self.parts(facts, mark)?.into_iter().flatten().any(|holds| holds))
    }

    fn parts(&self, facts: &mut Facts<'_>, mark: Mark) -> Result<[Option<bool>; 4], Problem> {
        let mut refs = None;
        for one in self.refs.iter().flatten() {
            refs = Some(refs == Some(true) || facts.is_ref(one, mark)?);
        }
        let mut variables = None;
        for condition in self.variables.iter().flatten() {
            variables = Some(variables == Some(true) || facts.condition(condition, mark)?);
        }
        let situation = facts.situation;
        let changes = self.changes.as_ref().map(|globs| facts.any_fits(globs, &situation.changed_files));
        let kubernetes = self.kubernetes.then_some(false);
        Ok([refs.or(self.refs.as_ref().map(|_| false)), variables, changes, kubernetes])
    }
}

impl Facts<'_> {
    fn condition(&mut self, condition: &Expression, mark: Mark) -> Result<bool, Problem> {
        let variables = self.variables;
        let lookup = |name: &str| variables.get(name).map(String::as_str);
        condition.holds_with(&lookup, self.patterns).map_err(|error| Problem::new(mark, "", error.message))
    }

    fn is_ref(&mut self, one: &Ref, mark: Mark) -> Result<bool, Problem> {
        let situation = self.situation;
        if one.project.as_ref().is_some_and(|project| self.variables.get("CI_PROJECT_PATH") != Some(project)) {
            return Ok(false);
        }
        if one.is_pattern {
            let found = self.patterns.found(&one.text, &situation.ref_name);
            return found.map_err(|message| Problem::new(mark, "", message));
        }
        let source = situation.source.as_str();
        let plural = if source == "push" { "pushes".to_owned() } else { format!("{source}s") };
        Ok(match one.text.as_str() {
            "branches" => situation.ref_type == RefType::Branch,
            "tags" => situation.ref_type == RefType::Tag,
            text => text == source || text == plural || text == situation.ref_name,
        })
    }

    /// Whether one path fits one pattern; what is not known fits.
    fn any_fits(&mut self, globs: &[String], paths: &Option<Vec<String>>) -> bool {
        let Some(paths) = paths else { return true };
        let variables = self.variables;
        let lookup = |name: &str| variables.get(name).map(String::as_str);
        for glob in globs {
            let Ok(glob) = expand(glob, Undefined::Keep, lookup) else { return true };
            let glob = Glob::new(glob.trim_start_matches("./"));
            for path in paths {
                let Some(left) = self.comparisons.checked_sub(glob.length() * (path.len() + 1)) else { return true };
                *self.comparisons = left;
                if glob.fits(path) {
                    return true;
                }
            }
        }
        false
    }
}
