//! How single fields of signed documents are read: strictly, and within limits.

use base::{Timestamp, limits};
use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

use crate::{Error, RoleName, error::short};

/// Reads `signed` as `T`, whose `_type` must be `expected`.
pub(crate) fn read_as<T: de::DeserializeOwned>(
    role: &RoleName,
    expected: &str,
    signed: &Value,
    kind: impl Fn(&T) -> &String,
) -> Result<T, Error> {
    let raw = T::deserialize(signed).map_err(|error| Error::Malformed(format!("{role} is not valid: {error}")))?;
    let found = kind(&raw);
    if found == expected {
        Ok(raw)
    } else {
        Err(Error::Malformed(format!("{role} has _type {}, expected {expected:?}", short(found))))
    }
}

/// Go writes an empty list or map as `null` when nobody made it.
pub(crate) fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(source: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(source)?.unwrap_or_default())
}

/// RFC 3339 and nothing of what else the time crate reads.
pub(crate) fn rfc3339<'de, D: Deserializer<'de>>(source: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(source)?;
    let plain = text.len() <= 40
        && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'-' | b':' | b'.' | b'T' | b'Z' | b'+'));
    let shaped = plain && text.as_bytes().get(10) == Some(&b'T') && text.as_bytes().get(16) == Some(&b':');
    shaped
        .then(|| text.parse().ok())
        .flatten()
        .ok_or_else(|| de::Error::custom(format_args!("{} is not an RFC 3339 time", short(&text))))
}

pub(crate) fn version<'de, D: Deserializer<'de>>(source: D) -> Result<u64, D::Error> {
    let version = i64::deserialize(source)?;
    let within = u64::try_from(version).ok().filter(|version| (1..=limits::TRUST_VERSION).contains(version));
    within.ok_or_else(|| de::Error::custom(format_args!("version {version} is not in 1 to {}", limits::TRUST_VERSION)))
}

pub(crate) fn threshold<'de, D: Deserializer<'de>>(source: D) -> Result<u32, D::Error> {
    let threshold = i64::deserialize(source)?;
    let within = u32::try_from(threshold).ok().filter(|count| *count >= 1 && *count as usize <= limits::TRUST_KEYS);
    within.ok_or_else(|| de::Error::custom(format_args!("threshold {threshold} is not in 1 to {}", limits::TRUST_KEYS)))
}

/// Checksums: fixed bytes as base64.
pub(crate) mod base64_text {
    use base64::{Engine, engine::general_purpose::STANDARD};
    use serde::Serializer;

    use super::{Deserialize, Deserializer, de};

    pub(crate) fn serialize<S: Serializer, const N: usize>(bytes: &Option<[u8; N]>, out: S) -> Result<S::Ok, S::Error> {
        match bytes {
            Some(bytes) => out.serialize_str(&STANDARD.encode(bytes)),
            None => out.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>, const N: usize>(
        source: D,
    ) -> Result<Option<[u8; N]>, D::Error> {
        let Some(text) = Option::<String>::deserialize(source)? else { return Ok(None) };
        let bytes = STANDARD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Some).ok_or_else(|| de::Error::custom(format_args!("a checksum is not {N} bytes of base64")))
    }
}
