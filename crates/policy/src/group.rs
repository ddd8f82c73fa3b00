//! Groups of rules: any, all and not, in each other.
//!
//! ```text
//!   {"any": [rule, …]}    one of them must hold        satisfied as soon as one is, unsatisfied when all are
//!   {"all": [rule, …]}    each of them must hold       unsatisfied as soon as one is, satisfied when all are
//!   {"not": rule}         it must not hold             the other way round
//! ```
//!
//! What is not known stays not known (Kleene's logic): a group says more only where each thing it could turn out to be says the same.

use base::limits;
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Value};

use crate::{Criterion, Evidence, Outcome, PolicyError, Reason, Rule, rule, sentence};

/// A rule, or a group, as it travels in `rules`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleForm {
    Rule(Rule),
    Any(Vec<RuleForm>),
    All(Vec<RuleForm>),
    Not(Box<RuleForm>),
}

/// A rule, or a group, that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    Criterion(Criterion),
    Any(Vec<Condition>),
    All(Vec<Condition>),
    Not(Box<Condition>),
}

/// The rules of a JSON array. What is wrong is named with its place: `rules[2].any[0]: …`.
pub fn read_rules(value: &Value) -> Result<Vec<RuleForm>, PolicyError> {
    read_list(value, "rules", 0)
}

/// The same for whoever reads a document with the array in it.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<RuleForm>, D::Error> {
    read_rules(&Value::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

fn read_list(value: &Value, place: &str, depth: usize) -> Result<Vec<RuleForm>, PolicyError> {
    match value {
        Value::Array(items) => {
            items.iter().enumerate().map(|(at, item)| read(item, &format!("{place}[{at}]"), depth)).collect()
        }
        // Go writes a list that was never filled as `null`.
        Value::Null => Ok(Vec::new()),
        _ => Err(wrong(place, "expected an array of rules".to_owned())),
    }
}

fn read(value: &Value, place: &str, depth: usize) -> Result<RuleForm, PolicyError> {
    const GROUPS: [&str; 3] = ["any", "all", "not"];
    if depth > limits::POLICY_GROUP_DEPTH {
        return Err(too_deep(place));
    }
    let Value::Object(members) = value else {
        let expected = "expected a rule {\"field\", \"operator\", \"values\"} or a group {\"any\": […]}, {\"all\": […]}, {\"not\": {…}}";
        return Err(wrong(place, expected.to_owned()));
    };
    let Some(group) = GROUPS.into_iter().find(|name| members.contains_key(*name)) else {
        return rule::read(members, place).map(RuleForm::Rule);
    };
    if let Some(other) = members.keys().find(|name| *name != group) {
        let other = PolicyError::shortened(other);
        return Err(wrong(place, format!("a group has one member; {other:?} cannot stand beside {group:?}")));
    }
    let (inner, inside) = (&members[group], format!("{place}.{group}"));
    Ok(match group {
        "any" => RuleForm::Any(read_list(inner, &inside, depth + 1)?),
        "all" => RuleForm::All(read_list(inner, &inside, depth + 1)?),
        _ => RuleForm::Not(Box::new(read(inner, &inside, depth + 1)?)),
    })
}

/// Understand the rules of a policy.
pub(crate) fn understand(rules: Vec<RuleForm>) -> Result<Vec<Condition>, PolicyError> {
    let count = rules.iter().map(RuleForm::size).fold(0, usize::saturating_add);
    if count > limits::POLICY_RULES {
        return Err(PolicyError::TooManyRules { count });
    }
    let each = rules.into_iter().enumerate();
    each.map(|(at, rule)| Condition::understand(rule, &format!("rules[{at}]"), 0)).collect()
}

impl RuleForm {
    /// Rules and groups in it, itself included.
    fn size(&self) -> usize {
        let sum = |list: &[RuleForm]| list.iter().map(RuleForm::size).fold(0, usize::saturating_add);
        match self {
            RuleForm::Rule(_) => 1,
            RuleForm::Any(list) | RuleForm::All(list) => sum(list) + 1,
            RuleForm::Not(inner) => inner.size() + 1,
        }
    }
}

impl From<Rule> for RuleForm {
    fn from(rule: Rule) -> RuleForm {
        RuleForm::Rule(rule)
    }
}

impl Serialize for RuleForm {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = match self {
            RuleForm::Rule(rule) => return rule.serialize(serializer),
            _ => serializer.serialize_map(Some(1))?,
        };
        match self {
            RuleForm::Rule(_) => {}
            RuleForm::Any(list) => map.serialize_entry("any", list)?,
            RuleForm::All(list) => map.serialize_entry("all", list)?,
            RuleForm::Not(inner) => map.serialize_entry("not", inner)?,
        }
        map.end()
    }
}

impl Condition {
    fn understand(form: RuleForm, place: &str, depth: usize) -> Result<Condition, PolicyError> {
        if depth > limits::POLICY_GROUP_DEPTH {
            return Err(too_deep(place));
        }
        let all = |list: Vec<RuleForm>, name: &str| {
            if list.is_empty() {
                return Err(wrong(&format!("{place}.{name}"), "a group has one rule or more".to_owned()));
            }
            let each = list.into_iter().enumerate();
            each.map(|(at, one)| Condition::understand(one, &format!("{place}.{name}[{at}]"), depth + 1)).collect()
        };
        Ok(match form {
            RuleForm::Rule(rule) => {
                let at = |error| PolicyError::Rule { place: place.to_owned(), error: Box::new(error) };
                Condition::Criterion(Criterion::try_from(rule).map_err(at)?)
            }
            RuleForm::Any(list) => Condition::Any(all(list, "any")?),
            RuleForm::All(list) => Condition::All(all(list, "all")?),
            RuleForm::Not(inner) => {
                Condition::Not(Box::new(Condition::understand(*inner, &format!("{place}.not"), depth + 1)?))
            }
        })
    }

    pub(crate) fn form(&self) -> RuleForm {
        match self {
            Condition::Criterion(criterion) => RuleForm::Rule(criterion.rule().clone()),
            Condition::Any(list) => RuleForm::Any(list.iter().map(Condition::form).collect()),
            Condition::All(list) => RuleForm::All(list.iter().map(Condition::form).collect()),
            Condition::Not(inner) => RuleForm::Not(Box::new(inner.form())),
        }
    }

    /// The criteria in it, in the order they were written.
    pub(crate) fn criteria<'a>(&'a self, into: &mut Vec<&'a Criterion>) {
        match self {
            Condition::Criterion(criterion) => into.push(criterion),
            Condition::Any(list) | Condition::All(list) => list.iter().for_each(|one| one.criteria(into)),
            Condition::Not(inner) => inner.criteria(into),
        }
    }

    /// What comes of it, as the rule at this place among its like; a group with what came of its members.
    pub(crate) fn test(&self, at: usize, evidence: &Evidence, ignore_unknown_severities: bool) -> Reason {
        let test = |(at, one): (usize, &Condition)| one.test(at, evidence, ignore_unknown_severities);
        let (outcome, sentence, members) = match self {
            Condition::Criterion(criterion) => {
                let (outcome, sentence) = criterion.test(evidence, ignore_unknown_severities);
                (outcome, sentence, Vec::new())
            }
            Condition::Any(list) => {
                let members: Vec<Reason> = list.iter().enumerate().map(test).collect();
                let outcome = !Outcome::all(members.iter().map(|one| !one.outcome));
                (outcome, sentence::any(outcome, &members), members)
            }
            Condition::All(list) => {
                let members: Vec<Reason> = list.iter().enumerate().map(test).collect();
                let outcome = Outcome::all(members.iter().map(|one| one.outcome));
                (outcome, sentence::all(outcome, &members), members)
            }
            Condition::Not(inner) => {
                let member = test((0, inner));
                let outcome = !member.outcome;
                (outcome, sentence::not(outcome, &member), vec![member])
            }
        };
        Reason { rule: at, outcome, sentence, members }
    }
}

pub(crate) fn wrong(place: &str, problem: String) -> PolicyError {
    PolicyError::Place { place: place.chars().take(200).collect(), problem }
}

fn too_deep(place: &str) -> PolicyError {
    wrong(
        place,
        format!("groups stand at most {} deep in each other; part the policy in two", limits::POLICY_GROUP_DEPTH),
    )
}

/// What a rule's object may have, each checked where it stands.
pub(crate) fn text_member(members: &Map<String, Value>, name: &str, place: &str) -> Result<String, PolicyError> {
    match members.get(name) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(_) => Err(wrong(&format!("{place}.{name}"), "expected a text".to_owned())),
        None => Err(wrong(place, format!("the rule has no {name:?}"))),
    }
}
