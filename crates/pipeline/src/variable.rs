//! Variables: their form in a job, expansion of `$NAME`, `${NAME}` and `%NAME%`, and which values can be masked.

use std::collections::HashMap;

use base::limits;
use serde::{Deserialize, Serialize};

/// One variable as a job gets it; the runner protocol wants all of these on each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variable {
    pub key: String,
    pub value: String,
    /// May be shown on the job's page.
    #[serde(default)]
    pub public: bool,
    /// The job gets the path of a file that holds the value.
    #[serde(default)]
    pub file: bool,
    /// Is blotted out of the job's log.
    #[serde(default)]
    pub masked: bool,
    /// References in the value are no references.
    #[serde(default)]
    pub raw: bool,
}

/// What becomes of a reference to a variable that is not defined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undefined {
    /// It stays as written, for somebody later who may know more (`keep_undefined`).
    Keep,
    /// It becomes nothing.
    Blank,
}

/// Variables that name each other grow beyond `limits::PIPELINE_EXPANDED_BYTES`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the variables grow beyond {} MiB when expanded; let fewer of them contain each other", limits::PIPELINE_EXPANDED_BYTES >> 20)]
pub struct TooMuchExpansion;

/// Why a value cannot be masked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMasked {
    #[error("a masked value is one line; store a longer text as a file variable that is not masked")]
    Lines,
    #[error("a masked value has at least 8 characters, because a shorter one would blot out half the log")]
    Short,
}

impl Variable {
    /// A public variable that is expanded: what a `.gitlab-ci.yml` declares.
    pub fn public(key: impl Into<String>, value: impl Into<String>) -> Variable {
        Variable { key: key.into(), value: value.into(), public: true, file: false, masked: false, raw: false }
    }
}

/// Whether the value of a masked variable can be found in a log again: one line of at least
/// `limits::MASKED_CHARS` characters.
pub fn check_masked(value: &str) -> Result<(), InvalidMasked> {
    if value.contains(['\n', '\r']) {
        return Err(InvalidMasked::Lines);
    }
    if value.chars().count() < limits::MASKED_CHARS { Err(InvalidMasked::Short) } else { Ok(()) }
}

/// Replaces each reference once by what `lookup` says; `$$` and `%%` stay, since the runner reads the text again.
pub fn expand<'v>(
    text: &str,
    undefined: Undefined,
    lookup: impl Fn(&str) -> Option<&'v str>,
) -> Result<String, TooMuchExpansion> {
    let mut expanded = String::with_capacity(text.len());
    for part in parts(text) {
        expanded.push_str(match part {
            Part::Text(text) => text,
            Part::Name { name, written } => match (lookup(name), undefined) {
                (Some(value), _) => value,
                (None, Undefined::Keep) => written,
                (None, Undefined::Blank) => "",
            },
        });
        if expanded.len() > limits::PIPELINE_EXPANDED_BYTES {
            return Err(TooMuchExpansion);
        }
    }
    Ok(expanded)
}

/// Expands variables in each other, whatever their order. Of a repeated key the last counts, for references and in the
/// answer. Raw ones keep their references; file and raw ones are not put into others; circles and unknown names stay as
/// written.
pub fn expand_all(variables: &[Variable]) -> Result<Vec<Variable>, TooMuchExpansion> {
    let mut at: HashMap<&str, usize> = HashMap::new();
    for (index, variable) in variables.iter().enumerate() {
        at.insert(&variable.key, index);
    }
    let mut values: Vec<Option<String>> = vec![None; variables.len()];
    let mut open = vec![false; variables.len()];
    let mut bytes = 0_usize;
    // An explicit stack: a chain of references may be as long as the list.
    let mut stack: Vec<usize> = (0..variables.len()).rev().collect();
    while let Some(&top) = stack.last() {
        let variable = &variables[top];
        if values[top].is_some() || at.get(variable.key.as_str()) != Some(&top) {
            stack.pop();
            continue;
        }
        if !open[top] && !variable.raw {
            open[top] = true;
            let wanted = parts(&variable.value).filter_map(|part| part.name().and_then(|name| at.get(name)));
            stack.extend(wanted.copied().filter(|&index| values[index].is_none() && !open[index]));
            continue;
        }
        let lookup = |name: &str| {
            let index = *at.get(name)?;
            if variables[index].raw || variables[index].file { None } else { values[index].as_deref() }
        };
        let value =
            if variable.raw { variable.value.clone() } else { expand(&variable.value, Undefined::Keep, lookup)? };
        bytes += value.len();
        if bytes > limits::PIPELINE_EXPANDED_BYTES {
            return Err(TooMuchExpansion);
        }
        values[top] = Some(value);
        stack.pop();
    }
    let kept = variables.iter().zip(values);
    Ok(kept.filter_map(|(variable, value)| Some(Variable { value: value?, ..variable.clone() })).collect())
}

enum Part<'t> {
    Text(&'t str),
    Name { name: &'t str, written: &'t str },
}

impl<'t> Part<'t> {
    fn name(&self) -> Option<&'t str> {
        if let Part::Name { name, .. } = self { Some(name) } else { None }
    }
}

/// The text in pieces: plain text and references.
fn parts(text: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (part, length) = match rest.find(['$', '%']) {
            _ if rest.is_empty() => return None,
            Some(0) => reference(rest),
            plain => {
                let length = plain.unwrap_or(rest.len());
                (Part::Text(&rest[..length]), length)
            }
        };
        rest = &rest[length..];
        Some(part)
    })
}

/// Reads what begins with `$` or `%`, and its length.
fn reference(text: &str) -> (Part<'_>, usize) {
    let (sign, after) = text.split_at(1);
    if after.starts_with(sign) {
        return (Part::Text(&text[..2]), 2);
    }
    let braced = sign == "$" && after.starts_with('{');
    let from = if braced { 2 } else { 1 };
    let name = &text[from..from + name_length(&text[from..])];
    let end = from + name.len();
    let closed = match (sign, braced) {
        ("%", _) => text[end..].starts_with('%'),
        (_, true) => text[end..].starts_with('}'),
        _ => true,
    };
    if name.is_empty() || !closed {
        return (Part::Text(sign), 1);
    }
    let length = if sign == "%" || braced { end + 1 } else { end };
    (Part::Name { name, written: &text[..length] }, length)
}

/// Length of the name a text begins with: `[A-Za-z_][A-Za-z0-9_]*`.
pub(crate) fn name_length(text: &str) -> usize {
    if text.starts_with(|first: char| first.is_ascii_digit()) {
        return 0;
    }
    text.bytes().take_while(|&byte| byte.is_ascii_alphanumeric() || byte == b'_').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(pairs: &[(&str, &str)]) -> Vec<String> {
        let variables: Vec<Variable> = pairs.iter().map(|&(key, value)| Variable::public(key, value)).collect();
        expand_all(&variables).unwrap().into_iter().map(|variable| variable.value).collect()
    }

    #[test]
    fn the_three_forms_and_the_escapes() {
        let lookup = |name: &str| (name == "A").then_some("x");
        let keep = |text: &str| expand(text, Undefined::Keep, lookup).unwrap();
        assert_eq!(
            keep("$A ${A} %A% $B ${B} %B% $$A %%A%% ${A $ % 100% é$A"),
            "x x x $B ${B} %B% $$A %%A%% ${A $ % 100% éx"
        );
        assert_eq!(expand("<$B${B}%B%>", Undefined::Blank, lookup).unwrap(), "<>");
    }

    #[test]
    fn order_does_not_matter_and_circles_stay() {
        assert_eq!(all(&[("A", "$B!"), ("B", "$C"), ("C", "c")]), ["c!", "c", "c"]);
        assert_eq!(all(&[("A", "${A}/bin")]), ["${A}/bin"]);
        let circle = all(&[("A", "1$B"), ("B", "2$A")]);
        assert_eq!(circle, ["12$A", "2$A"]);
        assert_eq!(all(&[("A", "old"), ("B", "$A"), ("A", "new")]), ["new", "new"]);
    }

    #[test]
    fn raw_and_file_variables_are_not_put_into_others() {
        let raw = Variable { raw: true, ..Variable::public("R", "$X") };
        let file = Variable { file: true, ..Variable::public("F", "content") };
        let other = Variable::public("O", "$R $F");
        let values = expand_all(&[raw, file, other]).unwrap();
        assert_eq!(values[0].value, "$X");
        assert_eq!(values[2].value, "$R $F");
    }

    #[test]
    fn doubling_stops_at_the_limit_and_a_long_chain_does_not_overflow() {
        let mut bomb: Vec<Variable> =
            (0..60).map(|i| Variable::public(format!("V{i}"), format!("$V{0}$V{0}", i + 1))).collect();
        bomb.push(Variable::public("V60", "boom"));
        assert_eq!(expand_all(&bomb), Err(TooMuchExpansion));
        let chain: Vec<Variable> =
            (0..50_000).map(|i| Variable::public(format!("V{i}"), format!("$V{}", i + 1))).collect();
        assert_eq!(expand_all(&chain).unwrap()[0].value, "$V50000");
    }

    #[test]
    fn masked_values() {
        assert_eq!(check_masked("12345678"), Ok(()));
        assert_eq!(check_masked("1234567"), Err(InvalidMasked::Short));
        assert_eq!(check_masked("12345678\n"), Err(InvalidMasked::Lines));
    }
}
