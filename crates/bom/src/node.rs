//! JSON as it is written: keys in the order they were given, and nothing where nothing is known.

use std::borrow::Cow;

use base::Timestamp;
use serde::{
    Serialize, Serializer,
    ser::{SerializeMap, SerializeSeq},
};

use crate::number::Fixed;

/// A JSON value. Unlike serde_json's it keeps the order of keys whatever features that crate was built with.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    Null,
    Bool(bool),
    Integer(u64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Object(Vec<(Cow<'static, str>, Node)>),
}

impl Node {
    pub(crate) fn object() -> Node {
        Node::Object(Vec::new())
    }

    /// Adds a key to an object, unless its value is null, or an empty text, list or object.
    pub(crate) fn with(self, key: &'static str, value: impl Into<Node>) -> Node {
        let value = value.into();
        if value.is_empty() { self } else { self.always(key, value) }
    }

    /// Adds a key to an object, whatever its value.
    pub(crate) fn always(mut self, key: impl Into<Cow<'static, str>>, value: impl Into<Node>) -> Node {
        if let Node::Object(entries) = &mut self {
            entries.push((key.into(), value.into()));
        }
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Node::Null => true,
            Node::Text(text) => text.is_empty(),
            Node::List(list) => list.is_empty(),
            Node::Object(entries) => entries.is_empty(),
            Node::Bool(_) | Node::Integer(_) | Node::Float(_) => false,
        }
    }

    /// For people and for files: two spaces a level, a line feed at the end.
    pub(crate) fn pretty(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("keys are strings, and numbers are finite or null");
        bytes.push(b'\n');
        bytes
    }

    /// For what is signed: no spaces.
    pub(crate) fn compact(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("keys are strings, and numbers are finite or null")
    }
}

/// A point in time with full seconds, as SPDX wants it and every other format allows it.
pub(crate) fn seconds(at: Timestamp) -> String {
    Timestamp::from_second(at.as_second()).unwrap_or(at).to_string()
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Node::Null => serializer.serialize_unit(),
            Node::Bool(value) => serializer.serialize_bool(*value),
            Node::Integer(value) => serializer.serialize_u64(*value),
            Node::Float(value) => serializer.serialize_f64(*value),
            Node::Text(value) => serializer.serialize_str(value),
            Node::List(list) => {
                let mut out = serializer.serialize_seq(Some(list.len()))?;
                for value in list {
                    out.serialize_element(value)?;
                }
                out.end()
            }
            Node::Object(entries) => {
                let mut out = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    out.serialize_entry(key, value)?;
                }
                out.end()
            }
        }
    }
}

impl From<&str> for Node {
    fn from(value: &str) -> Node {
        Node::Text(value.to_owned())
    }
}

impl From<String> for Node {
    fn from(value: String) -> Node {
        Node::Text(value)
    }
}

impl From<&String> for Node {
    fn from(value: &String) -> Node {
        Node::Text(value.clone())
    }
}

impl From<bool> for Node {
    fn from(value: bool) -> Node {
        Node::Bool(value)
    }
}

impl From<u64> for Node {
    fn from(value: u64) -> Node {
        Node::Integer(value)
    }
}

impl From<usize> for Node {
    fn from(value: usize) -> Node {
        Node::Integer(value as u64)
    }
}

impl<const DIGITS: u32, const MOST: u32> From<Fixed<DIGITS, MOST>> for Node {
    fn from(value: Fixed<DIGITS, MOST>) -> Node {
        Node::Float(value.to_f64())
    }
}

impl From<Timestamp> for Node {
    fn from(value: Timestamp) -> Node {
        Node::Text(seconds(value))
    }
}

impl<T: Into<Node>> From<Option<T>> for Node {
    fn from(value: Option<T>) -> Node {
        value.map_or(Node::Null, Into::into)
    }
}

impl<T: Into<Node>> From<Vec<T>> for Node {
    fn from(value: Vec<T>) -> Node {
        Node::List(value.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Node>> FromIterator<T> for Node {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Node {
        Node::List(items.into_iter().map(Into::into).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_their_order_and_nothing_is_left_out() {
        let node = Node::object()
            .with("z", "last letter")
            .with("a", 1_u64)
            .with("empty", "")
            .with("none", None::<String>)
            .with("list", Node::List(Vec::new()))
            .always("kept", Node::List(Vec::new()));
        assert_eq!(node.compact(), br#"{"z":"last letter","a":1,"kept":[]}"#);
    }

    #[test]
    fn times_have_full_seconds() {
        let at: Timestamp = "2026-11-30T11:22:33.456Z".parse().unwrap();
        assert_eq!(seconds(at), "2026-11-30T11:22:33Z");
    }
}
