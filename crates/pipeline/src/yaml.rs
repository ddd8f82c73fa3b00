//! A YAML document as nodes that remember their line, with scalars as GitLab's Psych reads them.
//!
//! Parts of a node are shared, not copied: an alias or an inherited key costs a pointer.

mod build;
mod scalar;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, fmt, sync::Arc};

use serde::{Serialize, Serializer, ser::SerializeMap};

pub(crate) use build::load;

/// Where something is written: line and column counted from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    pub line: u32,
    pub column: u32,
}

/// One value of the document and where it is written.
#[derive(Clone, PartialEq)]
pub struct Node {
    pub mark: Mark,
    pub value: Value,
    /// The characters of the file, where the value's own text is another: `010` is 8, `yes` is true.
    pub(crate) written: Option<Arc<str>>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Arc<str>),
    List(Arc<Vec<Node>>),
    Map(Arc<Map>),
    /// GitLab's `!reference [job, key]`, until it is resolved.
    Reference(Arc<[Arc<str>]>),
}

/// Keys in the order of the file. The last value of a repeated key counts, at the place of the first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Map {
    entries: Vec<Entry>,
    index: HashMap<Arc<str>, usize>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub key: Arc<str>,
    /// Where the key is written.
    pub mark: Mark,
    pub value: Node,
}

impl Node {
    pub(crate) fn new(mark: Mark, value: Value) -> Node {
        Node { mark, value, written: None }
    }

    pub fn is_null(&self) -> bool {
        self.value == Value::Null
    }

    pub fn as_map(&self) -> Option<&Map> {
        if let Value::Map(map) = &self.value { Some(map) } else { None }
    }

    pub fn as_list(&self) -> Option<&[Node]> {
        if let Value::List(list) = &self.value { Some(list) } else { None }
    }

    pub fn as_text(&self) -> Option<&str> {
        if let Value::Text(text) = &self.value { Some(text) } else { None }
    }

    /// The value of a scalar as text: a number as GitLab would print it. `None` for lists, maps and null.
    pub fn scalar_text(&self) -> Option<Arc<str>> {
        match &self.value {
            Value::Text(text) => Some(text.clone()),
            Value::Bool(value) => Some(value.to_string().into()),
            Value::Int(value) => Some(value.to_string().into()),
            Value::Float(value) => Some(scalar::float_text(*value).into()),
            _ => None,
        }
    }

    /// Bytes that a copy of the whole tree takes, about.
    pub(crate) fn weight(&self) -> usize {
        const NODE_BYTES: usize = 32;
        NODE_BYTES
            + match &self.value {
                Value::Text(text) => text.len(),
                Value::List(list) => list.iter().map(Node::weight).sum(),
                Value::Map(map) => map.entries.iter().map(|entry| entry.key.len() + entry.value.weight()).sum(),
                _ => 0,
            }
    }

    /// What kind of value it is, for a sentence: "a list".
    pub fn what(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "true or false",
            Value::Int(_) | Value::Float(_) => "a number",
            Value::Text(_) => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
            Value::Reference(_) => "a reference",
        }
    }
}

impl Map {
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.index.get(key).map(|&at| &self.entries[at].value)
    }

    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.index.get(key).map(|&at| &self.entries[at])
    }

    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Sets a key; the entry that stood there before is given back.
    pub(crate) fn set(&mut self, entry: Entry) -> Option<Entry> {
        if let Some(&at) = self.index.get(&entry.key) {
            return Some(std::mem::replace(&mut self.entries[at], entry));
        }
        self.index.insert(entry.key.clone(), self.entries.len());
        self.entries.push(entry);
        None
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:?}@{}:{}", self.value, self.mark.line, self.mark.column)
    }
}

/// As JSON would say it, keys in the order of the file.
impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.value {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Int(value) => serializer.serialize_i64(*value),
            Value::Float(value) => serializer.serialize_f64(*value),
            Value::Text(text) => serializer.serialize_str(text),
            Value::List(list) => serializer.collect_seq(list.iter()),
            Value::Map(map) => map.serialize(serializer),
            Value::Reference(keys) => serializer.collect_seq(keys.iter().map(|key| &**key)),
        }
    }
}

impl Serialize for Map {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        for entry in &self.entries {
            map.serialize_entry(&*entry.key, &entry.value)?;
        }
        map.end()
    }
}
