//! Trust data in the Notary v1 protocol: `/v2/{gun}/_trust/…`, for `notary` and `docker trust`.
//!
//! ```text
//!   GET    …/tuf/{role}.json  {role}.{sha256}.json  {N}.{role}.json     pull         document (HEAD too)
//!   POST   …/tuf/                                                       push, pull   publish, all or nothing
//!   GET    …/tuf/{timestamp,snapshot}.key                               push, pull   the server's public key
//!   POST   …/tuf/{timestamp,snapshot}.key                               *            its next one
//!   DELETE …/tuf/                                                       *            forget all
//!   GET    …/changefeed?records=N[&change_id=ID]                        pull         and /v2/_trust/changefeed of all
//! ```

mod answer;
mod path;

use axum::{
    Json, Router,
    extract::Request,
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use base::{Ctx, Kind, limits};
use multer::{Constraints, Multipart, SizeLimit};
use serde_json::{Value, json};
use trust::{Error, Gun, Which};
use tuf::RoleName;

use crate::{
    App,
    v2::{self, Scope},
};
use path::Asked;

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/_notary_server/health", get(async || Json(json!({}))))
}

/// Whether a path is one of this protocol. It shares `/v2/` with the registry.
pub(crate) fn is_path(path: &str) -> bool {
    path.starts_with("/v2/") && path.contains("/_trust/")
}

/// Who asks, and what the token may be used for.
struct Caller {
    ctx: Ctx,
    scope: Scope,
}

impl Caller {
    /// Whether a token, if there is one, was asked for the list of everything: the scope `registry:catalog:*`.
    fn covers_catalog(&self) -> bool {
        let Scope::Only(claims) = &self.scope else { return true };
        let star = |actions: &[String]| actions.iter().any(|action| action == "*");
        claims.access.iter().any(|each| each.kind == "registry" && each.name == "catalog" && star(&each.actions))
    }
}

/// Answer a request whose path [`is_path`].
pub(crate) async fn serve(app: &App, ctx: Ctx, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let Some(asked) = path::parse(&path) else { return answer::not_found() };
    let caller = match v2::caller(app, ctx, request.headers()).await {
        Ok((ctx, scope)) => Caller { ctx, scope },
        Err(error) if error.kind() == Kind::RateLimited => {
            return answer::refused(StatusCode::TOO_MANY_REQUESTS, "TOOMANYREQUESTS", &error.to_string(), &Value::Null);
        }
        Err(error) => return answer::failure(app, None, "pull", &error.into()),
    };
    let get = matches!(*request.method(), Method::GET | Method::HEAD);
    match (asked, request.method().clone()) {
        (Asked::Document { gun, role, which }, _) if get => {
            document(app, &caller, gun, (&role, &which), request.headers()).await
        }
        (Asked::Key { gun, role }, _) if get => key(app, &caller, gun, &role, false).await,
        (Asked::Key { gun, role }, Method::POST) => key(app, &caller, gun, &role, true).await,
        (Asked::Repository { gun }, Method::POST) => publish(app, &caller, gun, request).await,
        (Asked::Repository { gun }, Method::DELETE) => delete(app, &caller, gun).await,
        (Asked::Changefeed { gun }, _) if get => {
            changefeed(app, &caller, gun, request.uri().query().unwrap_or_default()).await
        }
        _ => answer::not_found(),
    }
}

async fn document(
    app: &App,
    caller: &Caller,
    gun: &str,
    (role, which): (&RoleName, &Which),
    headers: &HeaderMap,
) -> Response {
    let Ok(gun) = app.trust.gun(gun) else { return answer::not_found() };
    if let Some(refusal) = uncovered(app, caller, &gun, "pull") {
        return refusal;
    }
    match app.trust.read(&caller.ctx, &gun, role, which).await {
        Ok(served) => answer::document(served, role, which, headers),
        Err(error) => answer::failure(app, Some(&gun), "pull", &error),
    }
}

/// The server's key of a role: the one in use, or with `rotate` the one to be used next.
async fn key(app: &App, caller: &Caller, gun: &str, role: &RoleName, rotate: bool) -> Response {
    let Ok(gun) = app.trust.gun(gun) else { return answer::not_found() };
    let actions = if rotate { "*" } else { "push,pull" };
    if let Some(refusal) = uncovered(app, caller, &gun, actions) {
        return refusal;
    }
    let key = if rotate {
        app.trust.rotate_key(&caller.ctx, &gun, role).await
    } else {
        app.trust.server_key(&caller.ctx, &gun, role).await
    };
    match key {
        Ok(public) => answer::key(public),
        Err(error) => answer::failure(app, Some(&gun), actions, &error),
    }
}

async fn publish(app: &App, caller: &Caller, gun: &str, request: Request) -> Response {
    let gun = match app.trust.gun(gun) {
        Ok(gun) => gun,
        Err(error) => return answer::failure(app, None, "push,pull", &error),
    };
    if let Some(refusal) = uncovered(app, caller, &gun, "push,pull") {
        return refusal;
    }
    // Before the body is read: megabytes from somebody without rights are not worth reading.
    if let Err(error) = app.trust.may_publish(&caller.ctx, &gun).await {
        return answer::failure(app, Some(&gun), "push,pull", &error);
    }
    let upload = match parts(request).await {
        Ok(upload) => upload,
        Err(refusal) => return refusal,
    };
    match app.trust.publish(&caller.ctx, &gun, upload).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(error) => answer::failure(app, Some(&gun), "push,pull", &error),
    }
}

async fn delete(app: &App, caller: &Caller, gun: &str) -> Response {
    let Ok(gun) = app.trust.gun(gun) else { return answer::not_found() };
    if let Some(refusal) = uncovered(app, caller, &gun, "*") {
        return refusal;
    }
    match app.trust.delete(&caller.ctx, &gun).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(error) => answer::failure(app, Some(&gun), "*", &error),
    }
}

async fn changefeed(app: &App, caller: &Caller, gun: Option<&str>, query: &str) -> Response {
    let gun: Option<Gun> = match gun.map(|gun| app.trust.gun(gun)).transpose() {
        Ok(gun) => gun,
        Err(_) => return answer::not_found(),
    };
    let refusal = match &gun {
        Some(gun) => uncovered(app, caller, gun, "pull"),
        None if caller.covers_catalog() => None,
        None => Some(answer::unauthorized(app, "registry:catalog:*", "the token was not asked for the catalog")),
    };
    if let Some(refusal) = refusal {
        return refusal;
    }
    let value = |key: &str| {
        form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == key).map(|(_, value)| value.into_owned())
    };
    let after = value("change_id").filter(|text| !text.is_empty()).map_or(Ok(0), |text| text.parse());
    let (Some(Ok(records)), Ok(after)) = (value("records").map(|text| text.parse()), after) else {
        let error = Error::Invalid("records must be given, and it and change_id are whole numbers".to_owned());
        return answer::failure(app, gun.as_ref(), "pull", &error);
    };
    match app.trust.changes(&caller.ctx, gun.as_ref(), after, records).await {
        Ok(changes) => answer::changes(&changes),
        Err(error) => answer::failure(app, gun.as_ref(), "pull", &error),
    }
}

/// The refusal of a token that was asked for less than these actions.
fn uncovered(app: &App, caller: &Caller, gun: &Gun, actions: &str) -> Option<Response> {
    if actions.split(',').all(|action| caller.scope.covers(app, gun.repository().as_str(), action)) {
        return None;
    }
    let message = format!("the token was not asked for {actions} of {}", gun.repository());
    Some(answer::unauthorized(app, &format!("repository:{gun}:{actions}"), &message))
}

/// The documents of a publish form. The file name of a part is its role, slashes and all.
async fn parts(request: Request) -> Result<Vec<(RoleName, Vec<u8>)>, Response> {
    let bad = |status, code, message: &str| answer::refused(status, code, message, &json!({}));
    let malformed = |error: multer::Error| match error {
        multer::Error::StreamSizeExceeded { .. } | multer::Error::FieldSizeExceeded { .. } => {
            let message = format!("a publish has at most {} bytes", limits::TRUST_UPLOAD_BYTES);
            bad(crate::error::status(Kind::TooLarge), "MALFORMED_UPLOAD", &message)
        }
        error => bad(StatusCode::BAD_REQUEST, "MALFORMED_UPLOAD", &format!("the form cannot be read: {error}")),
    };
    let boundary = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let boundary = multer::parse_boundary(boundary.unwrap_or_default()).map_err(malformed)?;
    let limit = limits::TRUST_UPLOAD_BYTES as u64;
    let constraints = Constraints::new().size_limit(SizeLimit::new().whole_stream(limit).per_field(limit));
    let mut form = Multipart::with_constraints(request.into_body().into_data_stream(), boundary, constraints);
    let mut parts = Vec::new();
    while let Some(field) = form.next_field().await.map_err(malformed)? {
        let Some(name) = field.file_name().filter(|name| !name.is_empty()).map(str::to_owned) else {
            return Err(bad(StatusCode::BAD_REQUEST, "NO_FILENAME", "a part of the form has no file name"));
        };
        let role = RoleName::from_file_name(&name).map_err(|error| {
            let detail = json!(name.chars().take(limits::TAG_BYTES).collect::<String>());
            answer::refused(StatusCode::BAD_REQUEST, "INVALID_ROLE", &error.to_string(), &detail)
        })?;
        parts.push((role, field.bytes().await.map_err(malformed)?.to_vec()));
        if parts.len() > limits::TRUST_PARTS {
            // The service says in which words that is too much.
            break;
        }
    }
    Ok(parts)
}
