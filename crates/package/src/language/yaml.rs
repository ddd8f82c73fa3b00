//! YAML of lock files, which tools write: scalars stay text, aliases are refused, and it becomes the same values as JSON.

use base::limits::METADATA_VALUES;
use saphyr_parser::{Event, Parser};
use serde_json::{Map, Value};

use crate::Error;

/// No lock file is nested deeper than some ten levels.
const DEPTH: usize = 64;

/// The first document of a file.
pub(super) fn parse(text: &str, expected: &'static str) -> Result<Value, Error> {
    let broken = |reason: &str| Error::Broken { expected, reason: reason.to_owned() };
    let mut open: Vec<Open> = Vec::new();
    let mut values = 0;
    let mut parser = Parser::new_from_str(text);
    while let Some(step) = parser.next_event() {
        let (event, _) = step.map_err(|fault| broken(&format!("line {}: {}", fault.marker().line(), fault.info())))?;
        let complete = match event {
            Event::Scalar(text, ..) => Value::String(text.into_owned()),
            Event::Alias(_) => return Err(broken("an alias, which no tool writes there")),
            Event::SequenceStart(..) => {
                open.push(Open::List(Vec::new()));
                Value::Null
            }
            Event::MappingStart(..) => {
                open.push(Open::Map(Map::new(), None));
                Value::Null
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open::List(list)) => Value::Array(list),
                Some(Open::Map(map, _)) => Value::Object(map),
                None => return Err(broken("an end without a beginning")),
            },
            Event::DocumentEnd => return Ok(Value::Null),
            _ => continue,
        };
        if complete.is_null() {
            values += 1;
            if values > METADATA_VALUES || open.len() > DEPTH {
                return Err(Error::TooLarge { what: "values", limit: METADATA_VALUES as u64 });
            }
            continue;
        }
        values += 1;
        match open.last_mut() {
            None => return Ok(complete),
            Some(Open::List(list)) => list.push(complete),
            Some(Open::Map(map, key)) => match (key.take(), complete) {
                (Some(key), value) => {
                    map.insert(key, value);
                }
                (None, Value::String(text)) => *key = Some(text),
                (None, _) => return Err(broken("a key that is no text")),
            },
        }
    }
    Ok(Value::Null)
}

enum Open {
    List(Vec<Value>),
    /// With the key whose value comes next.
    Map(Map<String, Value>, Option<String>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_stay_text_and_aliases_are_refused() {
        let value = parse("a: 1.10\nb: [x, {c: yes}]\n", "YAML").unwrap();
        assert_eq!(value, serde_json::json!({"a": "1.10", "b": ["x", {"c": "yes"}]}));
        assert!(parse("a: &x 1\nb: *x\n", "YAML").is_err());
        assert!(parse(&"[".repeat(200), "YAML").is_err());
        assert_eq!(parse("", "YAML").unwrap(), Value::Null);
    }
}
