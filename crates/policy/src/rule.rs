//! Rules as they travel: DTR's JSON, and the words that may stand in it.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::{
    Field, PolicyError,
    group::{text_member, wrong},
};

/// `{"field": "vulnerability_all", "operator": "lte", "values": ["0"]}`, as DTR's API has it for promotion, mirroring and
/// pruning. Values are strings, also for numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    pub field: String,
    pub operator: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub values: Vec<String>,
}

/// How the value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operator {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    StartsWith,
    EndsWith,
    Contains,
    OneOf,
    NotOneOf,
    Before,
    After,
    /// A regular expression that is found anywhere in the text.
    Matches,
}

impl Operator {
    pub const ALL: [Operator; 14] = [
        Operator::Equal,
        Operator::NotEqual,
        Operator::Greater,
        Operator::GreaterOrEqual,
        Operator::Less,
        Operator::LessOrEqual,
        Operator::StartsWith,
        Operator::EndsWith,
        Operator::Contains,
        Operator::OneOf,
        Operator::NotOneOf,
        Operator::Before,
        Operator::After,
        Operator::Matches,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Operator::Equal => "eq",
            Operator::NotEqual => "neq",
            Operator::Greater => "gt",
            Operator::GreaterOrEqual => "gte",
            Operator::Less => "lt",
            Operator::LessOrEqual => "lte",
            Operator::StartsWith => "sw",
            Operator::EndsWith => "ew",
            Operator::Contains => "c",
            Operator::OneOf => "oo",
            Operator::NotOneOf => "noo",
            Operator::Before => "bf",
            Operator::After => "af",
            Operator::Matches => "matches",
        }
    }

    /// What the pages of the product call it.
    pub fn label(self) -> &'static str {
        match self {
            Operator::Equal => "equals",
            Operator::NotEqual => "not equals",
            Operator::Greater => "greater than",
            Operator::GreaterOrEqual => "greater than or equals",
            Operator::Less => "less than",
            Operator::LessOrEqual => "less than or equals",
            Operator::StartsWith => "starts with",
            Operator::EndsWith => "ends with",
            Operator::Contains => "contains",
            Operator::OneOf => "one of",
            Operator::NotOneOf => "not one of",
            Operator::Before => "before",
            Operator::After => "after",
            Operator::Matches => "matches",
        }
    }
}

impl Rule {
    pub(crate) fn parsed_field(&self) -> Result<Field, PolicyError> {
        Field::ALL.into_iter().find(|field| field.as_str() == self.field).ok_or_else(|| PolicyError::Field {
            given: PolicyError::shortened(&self.field),
            operator: PolicyError::shortened(&self.operator),
            value: self.shown_values(),
            allowed: Field::ALL.map(Field::as_str).join(", "),
        })
    }

    pub(crate) fn parsed_operator(&self, field: Field) -> Result<Operator, PolicyError> {
        let allowed = field.operators();
        allowed.iter().copied().find(|operator| operator.as_str() == self.operator).ok_or_else(|| {
            let names: Vec<&str> = allowed.iter().map(|operator| operator.as_str()).collect();
            PolicyError::Operator {
                field: field.as_str(),
                given: PolicyError::shortened(&self.operator),
                value: self.shown_values(),
                allowed: names.join(", "),
            }
        })
    }

    /// The values in one line for an error, cut.
    pub(crate) fn shown_values(&self) -> String {
        let first: Vec<&str> = self.values.iter().take(5).map(String::as_str).collect();
        PolicyError::shortened(&first.join(", "))
    }
}

/// A rule of a JSON object that stands at a place.
pub(crate) fn read(members: &Map<String, Value>, place: &str) -> Result<Rule, PolicyError> {
    const MEMBERS: [&str; 3] = ["field", "operator", "values"];
    if let Some(other) = members.keys().find(|name| !MEMBERS.contains(&name.as_str())) {
        let other = PolicyError::shortened(other);
        let problem = format!("{other:?} is not known; a rule has \"field\", \"operator\" and \"values\"");
        return Err(wrong(place, problem));
    }
    let values = match members.get("values") {
        Some(Value::Array(values)) => values.as_slice(),
        None | Some(Value::Null) => &[],
        Some(_) => return Err(wrong(&format!("{place}.values"), "expected an array of texts".to_owned())),
    };
    let text = |(at, value): (usize, &Value)| match value {
        Value::String(text) => Ok(text.clone()),
        other => {
            let other = PolicyError::shortened(&other.to_string());
            let problem = format!("expected a text, in quotes also for a number; got {other}");
            Err(wrong(&format!("{place}.values[{at}]"), problem))
        }
    };
    Ok(Rule {
        field: text_member(members, "field", place)?,
        operator: text_member(members, "operator", place)?,
        values: values.iter().enumerate().map(text).collect::<Result<_, _>>()?,
    })
}

/// `FIELD OPERATOR VALUE`, as people type it; with `oo` and `noo` `VALUE[,VALUE]`.
impl FromStr for Rule {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Rule, PolicyError> {
        let mut words = text.trim().splitn(3, ' ');
        let (Some(field), Some(operator), Some(values)) = (words.next(), words.next(), words.next()) else {
            let problem = "expected FIELD OPERATOR VALUE[,VALUE]".to_owned();
            return Err(PolicyError::Place { place: format!("the rule {:?}", PolicyError::shortened(text)), problem });
        };
        // The other operators take one value, in which a comma may stand.
        let values = match operator {
            "oo" | "noo" => values.split(',').map(|value| value.trim().to_owned()).collect(),
            _ => vec![values.trim().to_owned()],
        };
        Ok(Rule { field: field.to_owned(), operator: operator.to_owned(), values })
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {} {}", self.field, self.operator, self.values.join(","))
    }
}

/// Go writes a list that was never filled as `null`.
fn null_is_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
