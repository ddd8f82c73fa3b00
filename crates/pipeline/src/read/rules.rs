//! When a job runs: `rules`, `workflow:rules`, `only`, `except`, `when`, `allow_failure`.

use super::Reader;
use crate::{
    expression::Expression,
    job::{AllowFailure, When},
    pattern,
    select::{Ref, Rule, Selector},
    yaml::{Node, Value},
};

const RULE: &[&str] =
    &["allow_failure", "changes", "exists", "if", "interruptible", "needs", "start_in", "variables", "when"];
const WORKFLOW_RULE: &[&str] = &["auto_cancel", "changes", "exists", "if", "variables", "when"];
const WHEN: &[&str] = &["on_success", "on_failure", "always", "manual", "delayed", "never"];

impl Reader<'_> {
    pub(super) fn rules(&mut self, node: &Node, path: &str) -> Option<Vec<Rule>> {
        self.rules_of(node, path, RULE)
    }

    pub(crate) fn workflow_rules(&mut self, node: &Node, path: &str) -> Option<Vec<Rule>> {
        self.rules_of(node, path, WORKFLOW_RULE)
    }

    fn rules_of(&mut self, node: &Node, path: &str, known: &[&str]) -> Option<Vec<Rule>> {
        let Some(list) = node.as_list() else {
            self.expected(node, path, "a list of rules");
            return None;
        };
        let mut rules = Vec::new();
        for item in list {
            // `!reference` of another job's rules gives a list in the list.
            match item.as_list() {
                Some(inner) => rules.extend(inner.iter().map(|item| self.rule(item, path, known))),
                None => rules.push(self.rule(item, path, known)),
            }
        }
        Some(rules)
    }

    fn rule(&mut self, node: &Node, path: &str, known: &[&str]) -> Rule {
        let mut rule = Rule { mark: node.mark, ..Rule::default() };
        self.fields(node, path, known, |reader, key, node, path| match key {
            "if" => rule.condition = reader.condition(node, path),
            "changes" => rule.changes = reader.rule_globs(node, path, &["paths", "compare_to"]),
            "exists" => rule.exists = reader.rule_globs(node, path, &["paths", "project", "ref"]),
            "when" if known == WORKFLOW_RULE => {
                let word = reader.word(node, path, &["always", "never"]);
                rule.when = word.map(|word| if word == "never" { When::Never } else { When::Always });
            }
            "when" => rule.when = reader.when(node, path),
            "start_in" => rule.start_in_seconds = reader.seconds(node, path),
            "allow_failure" => rule.allow_failure = reader.allow_failure(node, path),
            "variables" => rule.variables = reader.variables(node, path),
            "needs" => rule.needs = reader.needs(node, path),
            "interruptible" => rule.interruptible = reader.boolean(node, path),
            _ => reader.report.warn(node.mark, path, "`auto_cancel` is ignored: pipelines are not cancelled by others"),
        });
        rule
    }

    fn rule_globs(&mut self, node: &Node, path: &str, known: &[&str]) -> Option<Vec<String>> {
        if node.as_map().is_none() {
            return self.globs(node, path);
        }
        let mut globs = None;
        self.fields(node, path, known, |reader, key, node, path| match key {
            "paths" => globs = reader.globs(node, path),
            _ => reader.problem(node, path, format!("`{key}` is not supported; leave it out")),
        });
        globs
    }

    fn condition(&mut self, node: &Node, path: &str) -> Option<Expression> {
        let Some(text) = node.as_text() else {
            self.expected(node, path, "a condition such as `$CI_COMMIT_BRANCH == \"main\"`");
            return None;
        };
        let parsed = text.parse::<Expression>().and_then(|parsed| parsed.check(&mut self.patterns).map(|()| parsed));
        parsed.map_err(|error| self.problem(node, path, error.message)).ok()
    }

    pub(super) fn when(&mut self, node: &Node, path: &str) -> Option<When> {
        Some(match self.word(node, path, WHEN)? {
            "on_failure" => When::OnFailure,
            "always" => When::Always,
            "manual" => When::Manual,
            "delayed" => When::Delayed,
            "never" => When::Never,
            _ => When::OnSuccess,
        })
    }

    pub(super) fn allow_failure(&mut self, node: &Node, path: &str) -> Option<AllowFailure> {
        if node.as_map().is_none() {
            let yes = self.boolean(node, path)?;
            return Some(if yes { AllowFailure::Yes } else { AllowFailure::No });
        }
        let mut codes = Vec::new();
        self.fields(node, path, &["exit_codes"], |reader, _, node, path| {
            codes = reader.integers(node, path).unwrap_or_default();
        });
        Some(AllowFailure::ExitCodes(codes))
    }

    /// `only` or `except`: a list of refs, or a map.
    pub(super) fn selector(&mut self, node: &Node, path: &str) -> Option<Selector> {
        let mut selector = Selector::default();
        match &node.value {
            Value::Map(_) => {
                let known = ["refs", "variables", "changes", "kubernetes"];
                self.fields(node, path, &known, |reader, key, node, path| match key {
                    "refs" => selector.refs = reader.refs(node, path),
                    "changes" => selector.changes = reader.globs(node, path),
                    "variables" => {
                        let Some(list) = node.as_list() else {
                            return reader.expected(node, path, "a list of conditions");
                        };
                        let conditions = list.iter().filter_map(|item| reader.condition(item, path));
                        selector.variables = Some(conditions.collect());
                    }
                    _ => {
                        selector.kubernetes = true;
                        let message = "there is no cluster integration, so that this never holds";
                        reader.report.warn(node.mark, path, message);
                    }
                });
            }
            Value::Text(_) => {
                let message = "GitLab wants a list here; it is read as a list of one";
                self.report.warn(node.mark, path, message);
                selector.refs = self.ref_of(node, path).map(|one| vec![one]);
            }
            _ => selector.refs = self.refs(node, path),
        }
        Some(selector)
    }

    fn refs(&mut self, node: &Node, path: &str) -> Option<Vec<Ref>> {
        let Some(list) = node.as_list() else {
            self.expected(node, path, "a list of branches, tags, keywords or `/patterns/`");
            return None;
        };
        Some(list.iter().filter_map(|item| self.ref_of(item, path)).collect())
    }

    fn ref_of(&mut self, node: &Node, path: &str) -> Option<Ref> {
        let text = self.text(node, path)?;
        let (text, project) = match text.rsplit_once('@') {
            Some((text, project)) if project.contains('/') && !project.ends_with('/') => (text, Some(project)),
            _ => (text.as_str(), None),
        };
        let is_pattern = text.len() > 1 && pattern::split(text).is_some();
        if is_pattern && let Err(message) = self.patterns.get(text) {
            self.problem(node, path, message);
            return None;
        }
        Some(Ref { text: text.to_owned(), is_pattern, project: project.map(str::to_owned) })
    }
}
