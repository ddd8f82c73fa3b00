//! The scanner as its operators see it: how it stands, all images at once, new advisories by upload.

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, FromRequest, Request, State},
    http::{Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use base::{Kind, limits};
use identity::Level;
use multer::{Constraints, Multipart, SizeLimit};
use registry::RepositoryChanges;
use scan::Standing;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    body::{Asked, Body, Params},
    repositories::{self, Named},
    scans::NEVER,
};
use crate::{App, caller::Caller, error::ApiError};

/// Bytes of a form around the file in it.
const FORM_BYTES: u64 = 64 * 1024;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v0/imagescan/scan/update", put(update))
        .layer(DefaultBodyLimit::disable())
        .route("/api/v0/imagescan/status", get(status))
        .route("/api/v0/imagescan/scan", post(all))
        .route("/api/v0/repositories/scan/toggle", post(toggle).fallback(its_repository))
}

/// Everybody who signed in may know what findings are made with.
async fn status(State(app): State<App>, Caller(ctx): Caller) -> Result<Json<Value>, ApiError> {
    ctx.principal().ok_or(identity::Error::Unauthenticated)?;
    Ok(Json(view(&app.scan.standing(&ctx).await?)))
}

/// `db_version` counts the snapshots there were; the label, the digest its age and signature, and the reason of a refusal are ours.
fn view(standing: &Standing) -> Value {
    let at = |time: Option<base::Timestamp>| time.map_or_else(|| NEVER.to_owned(), |time| time.to_string());
    json!({
        "state": if standing.settings.enabled { "enabled" } else { "disabled" },
        "scanner_version": standing.scanner_version,
        "scannerUpdatedAt": at(standing.scanner_since),
        "db_version": standing.snapshot_number,
        "db_updated_at": at(standing.snapshot_since),
        "lastDBUpdateFailed": standing.update_error.is_some(),
        // There are no overrides apart from waivers, and those are never fetched.
        "lastVulnOverridesDBUpdateFailed": false,
        "replicas": {},
        "snapshot": standing.snapshot.digest,
        "snapshotLabel": standing.snapshot.label,
        "snapshotCreated": standing.snapshot.created,
        "snapshotAge": standing.age.words(),
        "snapshotAgeDays": standing.age.days,
        "snapshotStale": standing.age.stale,
        "snapshotSignedBy": standing.snapshot.signed_by,
        "lastDBUpdateError": standing.update_error,
        "lastDBUpdateCheck": at(standing.asked_at),
        "lastDBUpdateAnswer": at(standing.answered_at),
        "dbUpdateProgress": standing.progress,
    })
}

#[derive(Deserialize)]
struct All {
    /// Read every image again that was scanned before.
    #[serde(default)]
    scan: bool,
    /// Hold the advisories against what is known of every image.
    #[serde(default)]
    check: bool,
}

async fn all(State(app): State<App>, Caller(ctx): Caller, Body(body): Body<All>) -> Result<StatusCode, ApiError> {
    if !body.scan && !body.check {
        return Err(ApiError::invalid("say what to do: {\"scan\": true}, {\"check\": true} or both"));
    }
    if body.scan {
        app.scan.request_all(&ctx).await?;
    }
    if body.check {
        app.scan.request_recheck(&ctx).await?;
    }
    Ok(StatusCode::OK)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Toggle {
    scan_on_push: bool,
}

/// Whether repositories scan on push, all at once. Each that changes has its own entry in the log; whoever stops this halfway
/// can ask again.
async fn toggle(State(app): State<App>, Caller(ctx): Caller, Body(body): Body<Toggle>) -> Result<StatusCode, ApiError> {
    Level::require_admin(&mut app.db.read().await?, &ctx.actor).await?;
    let mut after = String::new();
    loop {
        let page = app.registry.repositories(&ctx, None, &after, limits::PAGE_MAX).await?;
        for repository in &page.items {
            after = repository.name.to_string();
            if repository.scan_on_push == body.scan_on_push {
                continue;
            }
            let changes = RepositoryChanges { scan_on_push: Some(body.scan_on_push), ..RepositoryChanges::default() };
            match app.registry.update_repository(&ctx, &repository.name, changes).await {
                // It was deleted meanwhile.
                Err(error) if error.kind() == Kind::NotFound => {}
                outcome => drop(outcome?),
            }
        }
        if !page.more {
            return Ok(StatusCode::OK);
        }
    }
}

/// There may be a repository with the name of this route.
async fn its_repository(State(app): State<App>, Caller(ctx): Caller, request: Request) -> Response {
    let (app, named) = (State(app), Params(Named::of("scan", "toggle")));
    match *request.method() {
        Method::GET | Method::HEAD => repositories::show(app, Caller(ctx), named).await.into_response(),
        Method::DELETE => repositories::remove(app, Caller(ctx), named).await.into_response(),
        Method::PATCH => match Body::<repositories::Update>::from_request(request, &app.0).await {
            Ok(body) => repositories::update(app, Caller(ctx), named, body).await.into_response(),
            Err(error) => ApiError::into_response(error),
        },
        _ => {
            let error = ApiError::invalid("this method is not served here; the header Allow names what is");
            let error = error.coded("NOT_ALLOWED").answered(StatusCode::METHOD_NOT_ALLOWED);
            ([(header::ALLOW, "GET,HEAD,POST,PATCH,DELETE")], error).into_response()
        }
    }
}

#[derive(Deserialize)]
struct Update {
    #[serde(default)]
    online: bool,
    #[serde(default)]
    force: bool,
}

/// New advisories: the part `file` of a form, a snapshot, a delta or a tar archive with either; or, online, whatever the set
/// addresses have, which is fetched by a job. What is refused changes nothing.
async fn update(
    State(app): State<App>,
    Caller(ctx): Caller,
    Asked(asked): Asked<Update>,
    request: Request,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    // Before reading a large body, and again in the transaction that adopts it.
    Level::require_admin(&mut app.db.read().await?, &ctx.actor).await?;
    if !app.scan.settings().await?.enabled {
        return Err(scan::Error::SwitchedOff.into());
    }
    if asked.online {
        app.scan.request_fetch(&ctx).await?;
        let mut status = view(&app.scan.standing(&ctx).await?);
        // Done is a check that began after this.
        status["requestedAt"] = json!(ctx.now);
        return Ok((StatusCode::ACCEPTED, Json(status)));
    }
    let bytes = uploaded(request).await?;
    app.scan.use_snapshot(&ctx, bytes, asked.force).await?;
    Ok((StatusCode::OK, Json(view(&app.scan.standing(&ctx).await?))))
}

/// The part `file` of a form.
pub(crate) async fn uploaded(request: Request) -> Result<Vec<u8>, ApiError> {
    let unread = |error: multer::Error| match error {
        multer::Error::StreamSizeExceeded { .. } | multer::Error::FieldSizeExceeded { .. } => {
            ApiError::new(Kind::TooLarge, format!("a snapshot has at most {} bytes", limits::SNAPSHOT_BYTES))
        }
        error => ApiError::invalid(format!("the form cannot be read: {error}")),
    };
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let boundary = multer::parse_boundary(kind.unwrap_or_default()).map_err(unread)?;
    let most = limits::SNAPSHOT_BYTES as u64;
    let size = SizeLimit::new().whole_stream(most.saturating_add(FORM_BYTES)).per_field(most);
    let body = request.into_body().into_data_stream();
    let mut form = Multipart::with_constraints(body, boundary, Constraints::new().size_limit(size));
    while let Some(mut field) = form.next_field().await.map_err(unread)? {
        if field.name() != Some("file") {
            continue;
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = field.chunk().await.map_err(unread)? {
            bytes.extend_from_slice(&chunk);
        }
        return Ok(bytes);
    }
    Err(ApiError::invalid("the form has no part with the name \"file\""))
}
