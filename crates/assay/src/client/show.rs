//! Writing answers.

use std::io::Write;

use anyhow::Result;
use serde_json::Value;

use super::Format;

/// What people read of an answer. Scripts get the answer itself.
#[derive(Debug)]
pub(super) enum Text {
    /// All of it, one line a thing.
    Whole,
    /// A sentence, where the answer only says that it was done.
    Said(String),
    /// A list with these columns.
    Table(&'static [Column]),
}

/// The head of a column, and what a thing has there.
pub(super) type Column = (&'static str, fn(&Value) -> String);

/// A longer cell would part the row in two on most screens; the whole value is in `--format json`.
const CELL_CHARS: usize = 72;

/// Write an answer: JSON as it came, or as people read it.
pub(super) fn print(answer: &Value, text: &Text, format: Format) -> Result<()> {
    let text = match (format, text) {
        (Format::Json, _) => serde_json::to_string_pretty(answer)?,
        (Format::Text, Text::Whole) => whole(answer),
        (Format::Text, Text::Said(sentence)) => sentence.clone(),
        (Format::Text, Text::Table(columns)) => table(answer, columns),
    };
    if text.is_empty() {
        return Ok(());
    }
    match writeln!(std::io::stdout().lock(), "{text}") {
        // `assay … | head` is no failure.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        outcome => Ok(outcome?),
    }
}

/// The things of a list: an array, or the one array of a page (`{"accounts": […], "nextPageStart": ""}`).
pub(super) fn things(answer: &Value) -> Option<&Vec<Value>> {
    match answer {
        Value::Array(items) => Some(items),
        Value::Object(map) if map.len() <= 2 || map.contains_key("resourceCount") => {
            map.values().find_map(Value::as_array)
        }
        _ => None,
    }
}

fn table(answer: &Value, columns: &[Column]) -> String {
    let things = things(answer).map(Vec::as_slice).unwrap_or_default();
    if things.is_empty() {
        return String::new();
    }
    let head = columns.iter().map(|(head, _)| (*head).to_owned()).collect();
    let rows = things.iter().map(|thing| columns.iter().map(|(_, of)| cell(&of(thing))).collect());
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// One line, and nothing in it that moves a terminal's cursor.
fn cell(text: &str) -> String {
    let first = text.lines().next().unwrap_or_default();
    let mut shown: String = first.chars().filter(|char| !char.is_control()).take(CELL_CHARS).collect();
    if first.chars().count() > CELL_CHARS || text.lines().count() > 1 {
        shown.push('…');
    }
    if shown.is_empty() { "-".to_owned() } else { shown }
}

fn whole(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        _ => match (things(value), value) {
            (Some(items), _) => items.iter().map(line).collect::<Vec<_>>().join("\n"),
            (None, Value::Object(map)) => {
                map.iter().map(|(name, value)| format!("{name}: {}", line(value))).collect::<Vec<_>>().join("\n")
            }
            (None, other) => other.to_string(),
        },
    }
}

pub(super) fn line(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        Value::Object(map) => map
            .iter()
            .filter(|(_, value)| !value.is_null() && **value != Value::String(String::new()))
            .map(|(name, value)| format!("{name}={}", line(value)))
            .collect::<Vec<_>>()
            .join("  "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Column, table};

    const COLUMNS: &[Column] = &[("NAME", |thing| thing["name"].to_string()), ("N", |thing| thing["n"].to_string())];

    #[test]
    fn columns_stand_beneath_each_other_and_a_thing_is_one_line() {
        let answer =
            json!({"things": [{"name": "a", "n": 1}, {"name": "x\ny\u{1b}[2J", "n": 22}], "nextPageStart": ""});
        assert_eq!(table(&answer, COLUMNS), "NAME             N\n\"a\"              1\n\"x\\ny\\u001b[2J\"  22");
        assert_eq!(table(&json!([]), COLUMNS), "");
        let shown: &[Column] = &[("VALUE", |_| "one\ntwo".to_owned()), ("B", |_| "\u{1b}[2J".to_owned())];
        assert_eq!(table(&json!([1]), shown), "VALUE  B\none…   [2J");
    }
}
