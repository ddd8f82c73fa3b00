//! JSON from people who may mean harm: one reading only, or none.
//!
//! Go's `encoding/json` matches the keys of a document with the fields of a struct whatever their case (folding U+017F to
//! `s` and U+212A to `k`), and where a field comes twice the last one wins. A reader with another habit can be shown
//! `{"Image":"good","image":"bad"}` and let `bad` through. So a document that could be read in two ways is refused.
//!
//! In a *free map*, whose keys are chosen by a person (labels, annotations), Go keeps case too; there, and only there,
//! keys that differ in case are two keys. The caller names them.

use std::{collections::HashSet, fmt};

use base::limits;
use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Why a document was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    #[error("not JSON: {0}")]
    Syntax(String),
    #[error("nested deeper than {limit} levels")]
    TooDeep { limit: usize },
    #[error("holds more values than the {limit} allowed (a list or object counts as eight)")]
    TooManyValues { limit: usize },
    #[error("key {key:?} stands twice in one object; leave one out")]
    DuplicateKey { key: String },
    #[error("key {key:?} stands twice in one object, written differently; some programs take them for the same")]
    CaseVariant { key: String },
}

/// Read one document of at most `depth` levels, without any free map. The caller has bounded its length.
pub fn strict(bytes: &[u8], depth: usize) -> Result<Value, JsonError> {
    strict_with_maps(bytes, depth, &[])
}

/// The same, where the objects under the keys `maps` (whatever the case of those) are free maps.
pub fn strict_with_maps(bytes: &[u8], depth: usize, maps: &[&str]) -> Result<Value, JsonError> {
    // serde_json itself stops at 128, with an error that could not be told from a syntax error.
    let mut reader = Reader { maps, depth: depth.min(126), weight: 0, refused: None };
    let mut source = serde_json::Deserializer::from_slice(bytes);
    let value = Node { reader: &mut reader, level: 0, free: false }.deserialize(&mut source);
    let value = value.and_then(|value| source.end().map(|()| value));
    value.map_err(|error| reader.refused.unwrap_or_else(|| JsonError::Syntax(error.to_string())))
}

/// The value of `key` in an object that was read by [`strict`], as a Go program would find it: whatever the case.
/// `None` when it is absent and when `value` is no object.
pub fn lookup<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    find(value.as_object()?, key)
}

/// The same for an object.
pub fn find<'a>(object: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    object.get(key).or_else(|| object.iter().find(|(own, _)| same_key(own, key)).map(|(_, value)| value))
}

/// Whether a Go program takes the two keys for the same.
pub fn same_key(left: &str, right: &str) -> bool {
    left.chars().map(fold).eq(right.chars().map(fold))
}

fn fold(letter: char) -> char {
    match letter {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        _ => letter.to_ascii_lowercase(),
    }
}

struct Reader<'m> {
    maps: &'m [&'m str],
    depth: usize,
    weight: usize,
    /// The reason behind an error of serde, which can carry text only.
    refused: Option<JsonError>,
}

struct Node<'r, 'm> {
    reader: &'r mut Reader<'m>,
    level: usize,
    free: bool,
}

impl Reader<'_> {
    fn refuse<E: serde::de::Error>(&mut self, error: JsonError) -> E {
        let text = E::custom(&error);
        self.refused = Some(error);
        text
    }

    fn weigh<E: serde::de::Error>(&mut self, weight: usize) -> Result<(), E> {
        self.weight += weight;
        if self.weight > limits::DOCUMENT_VALUES {
            return Err(self.refuse(JsonError::TooManyValues { limit: limits::DOCUMENT_VALUES }));
        }
        Ok(())
    }

    /// Step into a list or object at `level`.
    fn enter<E: serde::de::Error>(&mut self, level: usize) -> Result<(), E> {
        if level >= self.depth {
            let limit = self.depth;
            return Err(self.refuse(JsonError::TooDeep { limit }));
        }
        self.weigh(7)
    }

    fn is_map(&self, key: &str) -> bool {
        self.maps.iter().any(|map| same_key(map, key))
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_, '_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.reader.weigh(1)?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_, '_> {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let Node { reader, level, .. } = self;
        reader.enter(level)?;
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(Node { reader: &mut *reader, level: level + 1, free: false })? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let Node { reader, level, free } = self;
        reader.enter(level)?;
        let mut object = Map::new();
        let mut folded = HashSet::new();
        while let Some(key) = access.next_key::<String>()? {
            if object.contains_key(&key) {
                return Err(reader.refuse(JsonError::DuplicateKey { key: shortened(&key) }));
            }
            if !free && !folded.insert(key.chars().map(fold).collect::<String>()) {
                return Err(reader.refuse(JsonError::CaseVariant { key: shortened(&key) }));
            }
            let free_child = !free && reader.is_map(&key);
            let child = Node { reader: &mut *reader, level: level + 1, free: free_child };
            let value = access.next_value_seed(child)?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

/// An answer never echoes a huge input.
fn shortened(key: &str) -> String {
    key.chars().take(80).collect()
}

#[cfg(test)]
mod tests;
