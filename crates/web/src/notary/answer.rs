//! Answers in the words of the Notary v1 API.

use axum::{
    Json,
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use base::Kind;
use serde_json::{Value, json};
use trust::{Change, Error, Gun, Served, Which};
use tuf::RoleName;

use crate::{
    App,
    error::{message_for, status},
    v2,
};

/// Stock clients read 1 KiB of an error; code, detail (400 bytes escaped at most twice) and braces need the rest.
const MESSAGE_BYTES: usize = 200;

/// Something refused, as clients of the API read it.
pub(super) fn refused(status: StatusCode, code: &str, message: &str, detail: &Value) -> Response {
    let message: String = message.chars().filter(char::is_ascii).take(MESSAGE_BYTES).collect();
    let body = json!({"errors": [{"code": code, "message": message, "detail": detail}]});
    (status, Json(body)).into_response()
}

/// 401 with the challenge that tells where to get a token, and for what.
pub(super) fn unauthorized(app: &App, scope: &str, message: &str) -> Response {
    let mut response = refused(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", message, &Value::Null);
    response.headers_mut().insert(header::WWW_AUTHENTICATE, v2::challenge(app, Some(scope)));
    response
}

/// No such path, method or document.
pub(super) fn not_found() -> Response {
    let message = "You have requested metadata that does not exist.";
    refused(StatusCode::NOT_FOUND, "METADATA_NOT_FOUND", message, &json!({}))
}

/// A failure of the service. Who lacks a right hears 401 whether or not signed in, as Notary's clients expect: the stock one
/// asks anonymously first and comes back with credentials only then.
pub(super) fn failure(app: &App, gun: Option<&Gun>, actions: &str, error: &Error) -> Response {
    let kind = error.kind();
    match error {
        Error::Unauthenticated(message) | Error::Denied(message) => {
            let scope = match gun {
                Some(gun) => format!("repository:{gun}:{actions}"),
                None => "registry:catalog:*".to_owned(),
            };
            unauthorized(app, &scope, message)
        }
        Error::NotFound { .. } | Error::NoAnchor(_) => not_found(),
        Error::Gun { .. } => refused(StatusCode::BAD_REQUEST, "INVALID_GUN", &error.to_string(), &json!({})),
        Error::Publish(refusal) if kind != Kind::Internal => {
            refused(StatusCode::BAD_REQUEST, refusal.code(), refusal.title(), &refusal.detail())
        }
        Error::Invalid(message) => refused(StatusCode::BAD_REQUEST, "INVALID_PARAMETERS", message, &json!({})),
        Error::Busy(_) => refused(status(kind), "UPDATING", &error.to_string(), &json!({})),
        Error::Publish(_) | Error::Registry(_) | Error::Database(_) | Error::Internal(_) => {
            refused(status(kind), "UNKNOWN", &message_for(kind, error), &json!({}))
        }
    }
}

/// A document, or that the client has it already.
pub(super) fn document(served: Served, role: &RoleName, which: &Which, asked: &HeaderMap) -> Response {
    let tag = format!("\"{}\"", served.sha256);
    let known = asked.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let unchanged =
        known.flat_map(|value| value.split(',')).any(|each| matches!(each.trim(), "*") || each.trim() == tag);
    let mut response = if unchanged {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, "application/json")], Body::from(served.bytes)).into_response()
    };
    let modified = served.at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching(role, which, served.public)));
    for (name, value) in [(header::ETAG, tag), (header::LAST_MODIFIED, modified)] {
        headers.insert(name, HeaderValue::from_str(&value).expect("hex digits and a date are printable"));
    }
    response
}

/// How long a cache may keep a document. What rights guard, no shared cache may keep; and the timestamp, which proves
/// freshness, is asked for again each time (an unchanged one costs a 304).
fn caching(role: &RoleName, which: &Which, public: bool) -> &'static str {
    match (which, public) {
        (Which::Current, false) => "private, no-cache",
        (Which::Current, true) if *role == RoleName::Timestamp => "public, no-cache",
        (Which::Current, true) => "public, max-age=300, s-maxage=300, must-revalidate",
        (Which::Sha256(_) | Which::Version(_), true) => "public, max-age=2592000, s-maxage=2592000",
        (Which::Sha256(_) | Which::Version(_), false) => "private, max-age=2592000",
    }
}

/// A public key, which is JSON already.
pub(super) fn key(public: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")], public).into_response()
}

/// Go writes an empty list as `null`, and clients of the feed know it so.
pub(super) fn changes(changes: &[Change]) -> Response {
    let record = |change: &Change| {
        json!({
            "ID": change.id.to_string(),
            "CreatedAt": change.created_at.to_string(),
            "GUN": change.gun,
            "Version": change.version,
            "SHA256": change.sha256,
            "Category": change.kind.as_str(),
        })
    };
    let records: Option<Vec<Value>> = (!changes.is_empty()).then(|| changes.iter().map(record).collect());
    Json(json!({"count": changes.len(), "records": records})).into_response()
}
