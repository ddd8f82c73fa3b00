//! Percent-encoding (ECMA-427, "Character encoding"): letters, digits, `.-_~` and the colon stand for themselves.

use std::fmt;

use super::PurlError;

/// One part, written for a package URL.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0.bytes() {
            if byte.is_ascii_alphanumeric() || b".-_~:".contains(&byte) {
                write!(out, "{}", char::from(byte))?;
            } else {
                write!(out, "%{byte:02X}")?;
            }
        }
        Ok(())
    }
}

/// One part, read. A percent sign that no two hex digits follow is an error, as are bytes that make no UTF-8.
pub(super) fn decoded(part: &str) -> Result<String, PurlError> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = rest.split_at_checked(2).ok_or_else(|| PurlError::new("an escape is cut off"))?;
        let decoded = hex::decode(digits.0).map_err(|_| PurlError::new("an escape has other than hex digits"))?;
        bytes.extend(decoded);
        rest = digits.1;
    }
    String::from_utf8(bytes).map_err(|_| PurlError::new("an escape is no UTF-8"))
}

/// Segments between slashes, read one by one; a slash that was escaped would be another segment, and is refused.
pub(super) fn decoded_segments(path: &str) -> Result<String, PurlError> {
    let mut segments = Vec::new();
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        let segment = decoded(segment)?;
        if segment.contains('/') {
            return Err(PurlError::new("a segment holds a slash"));
        }
        segments.push(segment);
    }
    Ok(segments.join("/"))
}
