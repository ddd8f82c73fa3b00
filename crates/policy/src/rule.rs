//! Rules as they travel: DTR's JSON, and the words that may stand in it.

use serde::{Deserialize, Deserializer, Serialize};

use crate::PolicyError;

/// `{"field": "vulnerability_all", "operator": "lte", "values": ["0"]}`, as DTR's API has it for promotion, mirroring and
/// pruning. Values are strings, also for numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    pub field: String,
    pub operator: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub values: Vec<String>,
}

/// What a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    Tag,
    ComponentName,
    LicenseName,
    VulnerabilityAll,
    VulnerabilityCritical,
    VulnerabilityMajor,
    VulnerabilityMinor,
    UpdatedAt,
    UpdatedAtDuration,
    SecretKind,
    SecretAll,
    /// Of the configuration or the files: `runs-as-root`.
    Fact,
    SetuidFiles,
    /// Whether every component's SPDX expression can be met with these licenses, or without them.
    LicenseExpression,
    BaseName,
    ConfidenceLowest,
    EndOfLife,
    EndOfLifeDuration,
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

const STRINGS: [Operator; 7] = [
    Operator::Equal,
    Operator::StartsWith,
    Operator::EndsWith,
    Operator::Contains,
    Operator::OneOf,
    Operator::NotOneOf,
    Operator::Matches,
];
const NUMBERS: [Operator; 6] = [
    Operator::GreaterOrEqual,
    Operator::Greater,
    Operator::Equal,
    Operator::NotEqual,
    Operator::LessOrEqual,
    Operator::Less,
];
const LISTS: [Operator; 2] = [Operator::OneOf, Operator::NotOneOf];
const TIMES: [Operator; 2] = [Operator::Before, Operator::After];

impl Field {
    pub const ALL: [Field; 18] = [
        Field::Tag,
        Field::ComponentName,
        Field::LicenseName,
        Field::VulnerabilityAll,
        Field::VulnerabilityCritical,
        Field::VulnerabilityMajor,
        Field::VulnerabilityMinor,
        Field::UpdatedAt,
        Field::UpdatedAtDuration,
        Field::SecretKind,
        Field::SecretAll,
        Field::Fact,
        Field::SetuidFiles,
        Field::LicenseExpression,
        Field::BaseName,
        Field::ConfidenceLowest,
        Field::EndOfLife,
        Field::EndOfLifeDuration,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Field::Tag => "tag",
            Field::ComponentName => "component.name",
            Field::LicenseName => "license.name",
            Field::VulnerabilityAll => "vulnerability_all",
            Field::VulnerabilityCritical => "vulnerability_critical",
            Field::VulnerabilityMajor => "vulnerability_major",
            Field::VulnerabilityMinor => "vulnerability_minor",
            Field::UpdatedAt => "updated_at",
            Field::UpdatedAtDuration => "updated_at_duration",
            Field::SecretKind => "secret.kind",
            Field::SecretAll => "secret_all",
            Field::Fact => "fact",
            Field::SetuidFiles => "setuid_files",
            Field::LicenseExpression => "license.expression",
            Field::BaseName => "base.name",
            Field::ConfidenceLowest => "confidence_lowest",
            Field::EndOfLife => "end_of_life",
            Field::EndOfLifeDuration => "end_of_life_duration",
        }
    }

    /// What the pages of the product call it.
    pub fn label(self) -> &'static str {
        match self {
            Field::Tag => "Tag name",
            Field::ComponentName => "Component name",
            Field::LicenseName => "License name",
            Field::VulnerabilityAll => "All vulnerabilities",
            Field::VulnerabilityCritical => "Critical vulnerabilities",
            Field::VulnerabilityMajor => "Major vulnerabilities",
            Field::VulnerabilityMinor => "Minor vulnerabilities",
            Field::UpdatedAt => "Last updated at",
            Field::UpdatedAtDuration => "Last updated at, relative",
            Field::SecretKind => "Kind of secret",
            Field::SecretAll => "All secrets",
            Field::Fact => "Configuration fact",
            Field::SetuidFiles => "Setuid files",
            Field::LicenseExpression => "License expression",
            Field::BaseName => "Base image",
            Field::ConfidenceLowest => "Lowest confidence of a component",
            Field::EndOfLife => "End of the distribution's updates",
            Field::EndOfLifeDuration => "End of the distribution's updates, relative",
        }
    }

    /// The operators that go with the field, in the order a form offers them.
    pub fn operators(self) -> &'static [Operator] {
        match self {
            Field::Tag | Field::ComponentName | Field::SecretKind | Field::Fact | Field::BaseName => &STRINGS,
            Field::LicenseName | Field::LicenseExpression => &LISTS,
            Field::VulnerabilityAll
            | Field::VulnerabilityCritical
            | Field::VulnerabilityMajor
            | Field::VulnerabilityMinor
            | Field::SecretAll
            | Field::SetuidFiles
            | Field::ConfidenceLowest => &NUMBERS,
            Field::UpdatedAt | Field::UpdatedAtDuration | Field::EndOfLife | Field::EndOfLifeDuration => &TIMES,
        }
    }

    /// Whether only a scan can tell; such a rule is unknown until the image was scanned.
    pub fn needs_scan(self) -> bool {
        !matches!(self, Field::Tag | Field::UpdatedAt | Field::UpdatedAtDuration)
    }
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

/// Go writes a list that was never filled as `null`.
fn null_is_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
