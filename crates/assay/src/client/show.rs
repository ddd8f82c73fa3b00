//! Writing answers.

use std::io::Write;

use anyhow::Result;
use serde_json::Value;

use super::Format;

/// Write an answer: JSON as it came, or one line a thing.
pub(crate) fn print(answer: &Value, format: Format) -> Result<()> {
    let text = match format {
        Format::Json => serde_json::to_string_pretty(answer)?,
        Format::Text => text(answer),
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

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(line).collect::<Vec<_>>().join("\n"),
        Value::Object(map) => {
            // A page of things: `{"accounts": […], "nextPageStart": ""}`.
            if let Some(items) = map.values().find_map(Value::as_array).filter(|_| map.len() <= 2) {
                return items.iter().map(line).collect::<Vec<_>>().join("\n");
            }
            map.iter().map(|(name, value)| format!("{name}: {}", line(value))).collect::<Vec<_>>().join("\n")
        }
        other => other.to_string(),
    }
}

fn line(value: &Value) -> String {
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
