//! A YAML document as values in which every scalar is text: `1.10` is a version here, never the number 1.1.

use std::collections::HashMap;

use base::limits::{ADVISORY_BYTES, ADVISORY_YAML_NODES, DOCUMENT_DEPTH};
use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value};

/// The first document. Null is what is left empty, `~` or `null`; what an alias stands for counts against the limits each time.
pub(super) fn read(text: &str) -> Result<Value, String> {
    if text.len() > ADVISORY_BYTES {
        return Err(format!("it has {} bytes, more than the limit of {ADVISORY_BYTES}", text.len()));
    }
    let mut builder = Builder { stack: Vec::new(), anchors: HashMap::new(), root: None, nodes: 0 };
    let mut parser = Parser::new_from_str(text);
    while let Some(step) = parser.next_event() {
        let (event, span) = step.map_err(|fault| format!("line {}: {}", fault.marker().line(), fault.info()))?;
        let more = builder.event(event).map_err(|reason| format!("line {}: {reason}", span.start.line()))?;
        if !more {
            break;
        }
    }
    builder.root.ok_or_else(|| "it is empty".to_owned())
}

struct Builder {
    stack: Vec<(usize, Open)>,
    /// What is named, with its number of nodes and its height.
    anchors: HashMap<usize, (Value, usize, usize)>,
    root: Option<Value>,
    nodes: usize,
}

enum Open {
    List(Vec<Value>),
    Map(Map<String, Value>, Option<String>),
}

impl Builder {
    fn event(&mut self, event: Event<'_>) -> Result<bool, String> {
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let empty = style == ScalarStyle::Plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                let value = if empty { Value::Null } else { Value::String(text.into_owned()) };
                let nodes = size(&value).0;
                self.put(value, anchor, nodes, 0)?;
            }
            Event::Alias(id) => {
                let named = self.anchors.get(&id).ok_or("an alias of nothing that is complete")?;
                let (nodes, height) = (named.1, named.2);
                if self.nodes + nodes > ADVISORY_YAML_NODES || self.stack.len() + height > DOCUMENT_DEPTH {
                    return Err("its aliases stand for too much".to_owned());
                }
                let value = named.0.clone();
                self.put(value, 0, nodes, height)?;
            }
            Event::SequenceStart(anchor, _) => self.open(anchor, Open::List(Vec::new()))?,
            Event::MappingStart(anchor, _) => self.open(anchor, Open::Map(Map::new(), None))?,
            Event::SequenceEnd | Event::MappingEnd => {
                let (anchor, open) = self.stack.pop().ok_or("an end without a beginning")?;
                let value = match open {
                    Open::List(list) => Value::Array(list),
                    Open::Map(map, _) => Value::Object(map),
                };
                let (nodes, height) = if anchor == 0 { (1, 0) } else { size(&value) };
                // Its parts were counted as they came, and are again for what is kept under its name.
                self.nodes = self.nodes.saturating_sub(nodes.saturating_sub(1));
                self.put(value, anchor, nodes, height)?;
            }
            Event::DocumentEnd => return Ok(false),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) => {}
        }
        Ok(true)
    }

    fn open(&mut self, anchor: usize, open: Open) -> Result<(), String> {
        if self.stack.len() >= DOCUMENT_DEPTH {
            return Err(format!("it is more than {DOCUMENT_DEPTH} levels deep"));
        }
        self.stack.push((anchor, open));
        Ok(())
    }

    fn put(&mut self, value: Value, anchor: usize, nodes: usize, height: usize) -> Result<(), String> {
        self.nodes += if anchor == 0 { nodes } else { 2 * nodes };
        if self.nodes > ADVISORY_YAML_NODES {
            return Err(format!("it has more than {ADVISORY_YAML_NODES} values"));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, (value.clone(), nodes, height));
        }
        match self.stack.last_mut() {
            None => self.root = Some(value),
            Some((_, Open::List(list))) => list.push(value),
            Some((_, Open::Map(_, key @ None))) => match value {
                Value::String(text) => *key = Some(text),
                Value::Null => *key = Some(String::new()),
                _ => return Err("a key that is no text".to_owned()),
            },
            Some((_, Open::Map(map, key))) => {
                map.insert(key.take().unwrap_or_default(), value);
            }
        }
        Ok(())
    }
}

/// A text of this many bytes counts as another node.
const LONG: usize = 256;

/// Its nodes and its height.
fn size(value: &Value) -> (usize, usize) {
    let parts: Vec<(usize, usize)> = match value {
        Value::Array(list) => list.iter().map(size).collect(),
        Value::Object(map) => {
            let part = |(key, value): (&String, &Value)| {
                let (nodes, height) = size(value);
                (nodes + 1 + key.len() / LONG, height)
            };
            map.iter().map(part).collect()
        }
        Value::String(text) => return (1 + text.len() / LONG, 0),
        _ => return (1, 0),
    };
    let height = parts.iter().map(|(_, height)| height + 1).max().unwrap_or(1);
    (1 + parts.iter().map(|(nodes, _)| nodes).sum::<usize>(), height)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_are_text() {
        let value = read("a: 1.10\nb: [~, '', yes]\nc: &n {d: x}\ne: *n\n").unwrap();
        assert_eq!(value, serde_json::json!({"a": "1.10", "b": [null, "", "yes"], "c": {"d": "x"}, "e": {"d": "x"}}));
    }

    #[test]
    fn a_bomb_of_aliases_is_refused() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for at in 1..12 {
            let inner = vec![format!("*a{}", at - 1); 10].join(", ");
            bomb += &format!("a{at}: &a{at} [{inner}]\n");
        }
        let refused = read(&bomb).unwrap_err();
        assert!(refused.contains("too much") || refused.contains("more than"), "{refused}");
        let deep = format!("a: {}{}", "[".repeat(500), "]".repeat(500));
        assert!(read(&deep).is_err());
    }
}
