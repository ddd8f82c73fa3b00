//! The description of `/api/v1`: OpenAPI 3.1, put together from the files in `openapi/`, one for each tag.
//!
//! It is written by hand. Tests hold it against the router, and against whatever the server answers them.

use std::sync::LazyLock;

use axum::{
    Router,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use oci::Digest;
use serde_json::{Value, map::Entry};

use crate::{App, etag};

const ROOT: &str = include_str!("../openapi/root.json");
const PARTS: [&str; 12] = [
    include_str!("../openapi/accounts.json"),
    include_str!("../openapi/images.json"),
    include_str!("../openapi/signatures.json"),
    include_str!("../openapi/advisories.json"),
    include_str!("../openapi/waivers.json"),
    include_str!("../openapi/vex.json"),
    include_str!("../openapi/promotion.json"),
    include_str!("../openapi/mirroring.json"),
    include_str!("../openapi/webhooks.json"),
    include_str!("../openapi/registry.json"),
    include_str!("../openapi/admission.json"),
    include_str!("../openapi/audit.json"),
];

struct Description {
    text: String,
    etag: String,
}

static DESCRIPTION: LazyLock<Description> = LazyLock::new(|| {
    let mut whole = read(ROOT);
    for part in PARTS {
        add(&mut whole, read(part));
    }
    whole["info"]["version"] = env!("CARGO_PKG_VERSION").into();
    let text = whole.to_string();
    Description { etag: format!("\"{}\"", Digest::sha256_of(text.as_bytes())), text }
});

fn read(part: &str) -> Value {
    serde_json::from_str(part).expect("the files of the description are JSON, which a test shows")
}

/// Put what a part has beside what is there.
fn add(whole: &mut Value, part: Value) {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            for (key, value) in part {
                match whole.entry(key) {
                    Entry::Occupied(mut there) => add(there.get_mut(), value),
                    Entry::Vacant(free) => drop(free.insert(value)),
                }
            }
        }
        (Value::Array(whole), Value::Array(part)) => whole.extend(part),
        (whole, part) => *whole = part,
    }
}

/// The text that `GET /api/v1/openapi.json` answers.
pub fn description() -> &'static str {
    &DESCRIPTION.text
}

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/api/v1/openapi.json", get(show))
}

/// For everybody: it says what can be asked, and nothing of what is here.
async fn show(headers: HeaderMap) -> Response {
    let head = [(header::ETAG, DESCRIPTION.etag.as_str()), (header::CACHE_CONTROL, "public, no-cache")];
    if etag::is_known(&headers, &DESCRIPTION.etag) {
        return (StatusCode::NOT_MODIFIED, head).into_response();
    }
    (head, [(header::CONTENT_TYPE, "application/json")], description()).into_response()
}

#[cfg(test)]
mod tests {
    use super::{PARTS, ROOT, description, read};

    #[test]
    fn no_part_hides_what_another_says() {
        let whole = read(description());
        for place in ["/paths", "/components/schemas", "/tags"] {
            let size = |value: &serde_json::Value| match value.pointer(place) {
                Some(found) => found.as_array().map_or_else(|| found.as_object().unwrap().len(), Vec::len),
                None => 0,
            };
            let parts: usize = PARTS.iter().chain([&ROOT]).map(|part| size(&read(part))).sum();
            assert_eq!(size(&whole), parts, "{place}");
        }
    }
}
