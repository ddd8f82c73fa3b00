//! JSON of metadata files, in bounded memory.

use base::limits::METADATA_VALUES;
use serde_json::{Map, Value};

use crate::Error;

/// A whole file. The number of its values is looked at before one of them is made; serde_json bounds how deep they are nested.
pub(super) fn parse(bytes: &[u8], expected: &'static str) -> Result<Value, Error> {
    within_values(bytes)?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    serde_json::from_slice(bytes).map_err(|error| Error::Broken { expected, reason: error.to_string() })
}

/// Every value but the first stands behind a comma, a bracket or a line's end.
pub(super) fn within_values(bytes: &[u8]) -> Result<(), Error> {
    let values = bytes.iter().filter(|byte| matches!(byte, b',' | b'[' | b'{')).count();
    if values > METADATA_VALUES {
        return Err(Error::TooLarge { what: "values", limit: METADATA_VALUES as u64 });
    }
    Ok(())
}

/// The text of a field; empty when it is absent or something else.
pub(super) fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn flag(value: &Value, field: &str) -> bool {
    value.get(field).and_then(Value::as_bool).unwrap_or(false)
}

pub(super) fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value.get(field).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The fields of an object inside; none when it is absent or something else.
pub(super) fn fields<'a>(value: &'a Value, field: &str) -> impl Iterator<Item = (&'a String, &'a Value)> + use<'a> {
    value.get(field).and_then(Value::as_object).into_iter().flat_map(Map::iter)
}

/// The file must be an object of the kind that its name promises.
pub(super) fn object(value: Value, expected: &'static str) -> Result<Value, Error> {
    if value.is_object() {
        return Ok(value);
    }
    Err(Error::Broken { expected, reason: "it holds no object".to_owned() })
}
