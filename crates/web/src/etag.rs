//! Whether a client has already what it asks for: RFC 9110, section 13.1.2.

use axum::http::{HeaderMap, header};

/// Whether `If-None-Match` names this entity tag, which stands in quotes.
pub(crate) fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    known.is_some_and(|known| known.split(',').any(|one| one.trim().trim_start_matches("W/") == etag))
}
