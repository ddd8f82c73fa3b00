//! Bytes of others, held against the limits before anything is made of them.

use base::limits;
use serde::de::DeserializeOwned;

use crate::Error;

/// A JSON document of one shape. serde_json bounds the depth itself (128), so that nothing recurses further.
pub(crate) fn json<T: DeserializeOwned>(bytes: &[u8], format: &'static str) -> Result<T, Error> {
    let bytes = bounded(bytes)?;
    serde_json::from_slice(bytes).map_err(|error| {
        let place = format!("line {} column {}", error.line(), error.column());
        let reason = error.to_string();
        let reason = reason.split(" at line ").next().unwrap_or_default().to_owned();
        Error::Broken { format, place, reason }
    })
}

/// The bytes without a byte order mark, if they are not too many.
pub(crate) fn bounded(bytes: &[u8]) -> Result<&[u8], Error> {
    most("bytes", bytes.len(), limits::BOM_BYTES)?;
    Ok(bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes))
}

pub(crate) fn most(what: &'static str, found: usize, limit: usize) -> Result<(), Error> {
    if found > limit { Err(Error::TooLarge { what, found, limit }) } else { Ok(()) }
}

/// A name, version or identifier that is copied into reports and tables.
pub(crate) fn text(value: &str, format: &'static str, place: impl FnOnce() -> String) -> Result<String, Error> {
    if value.len() > limits::BOM_TEXT_BYTES {
        let reason = format!("{} bytes in one name, and the limit is {}", value.len(), limits::BOM_TEXT_BYTES);
        return Err(Error::Broken { format, place: place(), reason });
    }
    Ok(value.to_owned())
}
