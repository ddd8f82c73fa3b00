//! The language of `rules:if` and `only:variables`: parsed to a tree, evaluated here, never by a host language.
//!
//! ```text
//! or     = and  { "||" and }
//! and    = test { "&&" test }
//! test   = term { ("==" | "!=" | "=~" | "!~") term }
//! term   = "(" or ")" | "!" term | $NAME | "text" | 'text' | /regex/flags | null | true | false
//! ```
//!
//! True is what is not null, not false and not empty. (In old versions of GitLab an empty variable on the left of `&&`
//! counted as true, through Ruby; nobody wrote that on purpose.)

mod lexer;
mod parser;
#[cfg(test)]
mod tests;

use std::{borrow::Cow, fmt, str};

use crate::pattern::{self, Patterns};
use parser::{Operator, Term};

/// A condition that was understood. Its text form parses to the same condition again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expression {
    root: Term,
}

/// A condition that was not understood, or whose regular expression cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct InvalidExpression {
    pub message: String,
}

impl InvalidExpression {
    fn new(message: impl Into<String>) -> InvalidExpression {
        InvalidExpression { message: message.into() }
    }
}

impl Expression {
    /// Whether the condition holds when `lookup` knows the variables.
    pub fn holds<'v>(&self, lookup: impl Fn(&str) -> Option<&'v str>) -> Result<bool, InvalidExpression> {
        self.holds_with(&lookup, &mut Patterns::default())
    }

    pub(crate) fn holds_with<'v>(
        &self,
        lookup: &dyn Fn(&str) -> Option<&'v str>,
        patterns: &mut Patterns,
    ) -> Result<bool, InvalidExpression> {
        Ok(evaluate(&self.root, lookup, patterns)?.is_true())
    }

    /// Compiles every regular expression written in the condition, so that a wrong one is found before it is needed.
    pub(crate) fn check(&self, patterns: &mut Patterns) -> Result<(), InvalidExpression> {
        let mut open = vec![&self.root];
        while let Some(term) = open.pop() {
            match term {
                Term::Regex(literal) => {
                    patterns.get(literal).map_err(InvalidExpression::new)?;
                }
                Term::Not(inner) => open.push(inner),
                Term::Both(left, _, right) => open.extend([&**left, &**right]),
                _ => {}
            }
        }
        Ok(())
    }
}

impl str::FromStr for Expression {
    type Err = InvalidExpression;

    fn from_str(text: &str) -> Result<Expression, InvalidExpression> {
        Ok(Expression { root: parser::parse(lexer::tokens(text)?)? })
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.root.fmt(out)
    }
}

/// What a term comes to.
enum Value<'e> {
    Null,
    Bool(bool),
    Text(Cow<'e, str>),
}

impl Value<'_> {
    fn is_true(&self) -> bool {
        match self {
            Value::Null => false,
            Value::Bool(value) => *value,
            Value::Text(text) => !text.is_empty(),
        }
    }

    fn text(&self) -> &str {
        match self {
            Value::Text(text) => text,
            Value::Bool(true) => "true",
            Value::Bool(false) => "false",
            Value::Null => "",
        }
    }

    /// Null equals null only; a variable that holds `true` equals true.
    fn equals(&self, other: &Value<'_>) -> bool {
        matches!(self, Value::Null) == matches!(other, Value::Null) && self.text() == other.text()
    }
}

fn evaluate<'e, 'v: 'e>(
    term: &'e Term,
    lookup: &dyn Fn(&str) -> Option<&'v str>,
    patterns: &mut Patterns,
) -> Result<Value<'e>, InvalidExpression> {
    Ok(match term {
        Term::Null => Value::Null,
        Term::Bool(value) => Value::Bool(*value),
        Term::Text(text) | Term::Regex(text) => Value::Text(text.into()),
        Term::Variable(name) => lookup(name).map_or(Value::Null, |value| Value::Text(value.into())),
        Term::Not(inner) => Value::Bool(!evaluate(inner, lookup, patterns)?.is_true()),
        Term::Both(left, operator, right) => {
            let left = evaluate(left, lookup, patterns)?;
            match operator {
                Operator::And if !left.is_true() => return Ok(left),
                Operator::Or if left.is_true() => return Ok(left),
                _ => {}
            }
            let right = evaluate(right, lookup, patterns)?;
            match operator {
                Operator::And | Operator::Or => right,
                Operator::Equal => Value::Bool(left.equals(&right)),
                Operator::NotEqual => Value::Bool(!left.equals(&right)),
                Operator::Matches => Value::Bool(found(&left, &right, patterns)?.unwrap_or(false)),
                Operator::NotMatches => Value::Bool(!found(&left, &right, patterns)?.unwrap_or(false)),
            }
        }
    })
}

/// Whether the pattern is found in the text; `None` when what stands on the right is no pattern, which matches nothing.
fn found(text: &Value<'_>, literal: &Value<'_>, patterns: &mut Patterns) -> Result<Option<bool>, InvalidExpression> {
    if pattern::split(literal.text()).is_none() {
        return Ok(None);
    }
    patterns.found(literal.text(), text.text()).map(Some).map_err(InvalidExpression::new)
}
