//! Docker's canonical JSON: the bytes that trust documents are signed over and key ids are hashed from.
//!
//! Object keys sorted bytewise, no space between tokens, only `"` and `\` escaped (control characters and UTF-8 stand raw),
//! integers only. It is what `docker/go/canonical` writes, a cousin of OLPC canonical JSON.

use std::fmt;

use serde::{Deserialize, Deserializer, de};
use serde_json::{Map, Number, Value};

use crate::{Error, error::short};

/// The largest integer that every JSON reader holds exactly; Go decodes numbers through 64-bit floats.
const LARGEST: i64 = 1 << 53;

/// Read one JSON value strictly: UTF-8, nothing behind it, no object key twice, at most 128 levels deep.
pub fn parse(bytes: &[u8]) -> Result<Value, Error> {
    serde_json::from_slice::<Strict>(bytes).map(|strict| strict.0).map_err(|error| Error::Json(error.to_string()))
}

/// The canonical bytes of a value. A fraction, or a number beyond 2^53, is an error.
pub fn encode(value: &Value) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    write(value, Escape::Canonical, &mut out)?;
    Ok(out)
}

/// The same value as JSON that any reader accepts: as canonical, but control characters are escaped.
pub(crate) fn to_json(value: &Value) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    write(value, Escape::Json, &mut out)?;
    Ok(out)
}

#[derive(Clone, Copy)]
enum Escape {
    Canonical,
    Json,
}

fn write(value: &Value, escape: Escape, out: &mut Vec<u8>) -> Result<(), Error> {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => out.extend_from_slice(integer(number)?.to_string().as_bytes()),
        Value::String(text) => write_text(text, escape, out),
        Value::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write(item, escape, out)?;
            }
            out.push(b']');
        }
        Value::Object(members) => {
            // The map is sorted already, unless some crate of the build turns on serde_json's preserve_order.
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by(|left, right| left.0.as_bytes().cmp(right.0.as_bytes()));
            out.push(b'{');
            for (index, (name, member)) in members.into_iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_text(name, escape, out);
                out.push(b':');
                write(member, escape, out)?;
            }
            out.push(b'}');
        }
    }
    Ok(())
}

fn integer(number: &Number) -> Result<i64, Error> {
    let exact = match (number.as_i64(), number.as_f64()) {
        (Some(integer), _) => Some(integer),
        #[expect(clippy::cast_possible_truncation, reason = "a float without fraction and below 2^53 is exact")]
        (None, Some(float)) if float.fract() == 0.0 && float.abs() <= LARGEST as f64 => Some(float as i64),
        _ => None,
    };
    exact.filter(|integer| (-LARGEST..=LARGEST).contains(integer)).ok_or_else(|| {
        Error::Malformed(format!("the number {} is not an integer within 2^53", short(&number.to_string())))
    })
}

fn write_text(text: &str, escape: Escape, out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in text.bytes() {
        match (byte, escape) {
            (b'"' | b'\\', _) => out.extend_from_slice(&[b'\\', byte]),
            (0..=0x1f, Escape::Json) => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

/// A JSON value in which no object names a member twice: readers differ in which of the two they believe.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Strict, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Strict)
    }
}

struct StrictVisitor;

impl<'de> de::Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number that is not finite"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(Strict(item)) = access.next_element()? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = access.next_key::<String>()? {
            if members.contains_key(&name) {
                return Err(de::Error::custom(format_args!("the member {} stands twice", short(&name))));
            }
            let Strict(member) = access.next_value()?;
            members.insert(name, member);
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests;
