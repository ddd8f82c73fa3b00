//! Documents in which somebody states which vulnerabilities matter (VEX): `/api/v1/vex`. They stand beside waivers, and hold where those do.

use axum::{
    Json, Router,
    body::Body,
    extract::{DefaultBodyLimit, State},
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use base::{Id, Kind, limits};
use http_body_util::{BodyExt, Limited};
use promote::{Put, VexDocument};
use serde_json::{Value, json};

use super::{
    body::{Asked, Params},
    waivers::{Scope, Which},
};
use crate::{App, caller::Caller, error::ApiError};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v1/vex", get(list).post(put))
        .route("/api/v1/vex/{document}", get(show).delete(remove))
        .layer(DefaultBodyLimit::disable())
}

async fn list(
    State(app): State<App>,
    Caller(ctx): Caller,
    Asked(which): Asked<Which>,
    Asked(scope): Asked<Scope>,
) -> Result<Json<Value>, ApiError> {
    let documents = match which.is_any()? {
        false => app.promote.vex_documents(&ctx, &scope.parse()?).await?,
        true => app.promote.all_vex_documents(&ctx).await?,
    };
    let documents: Vec<Value> = documents.iter().map(view).collect();
    Ok(Json(json!({"documents": documents})))
}

/// The body is the document: 201 for a new one, 200 where a version of it was there.
async fn put(
    State(app): State<App>,
    Caller(ctx): Caller,
    Asked(scope): Asked<Scope>,
    body: Body,
) -> Result<impl IntoResponse, ApiError> {
    ctx.principal().ok_or(identity::Error::Unauthenticated)?;
    let scope = scope.parse()?;
    let most = limits::VEX_KEPT_BYTES;
    let bytes = Limited::new(body, most).collect().await.map_err(|error| match error.is::<http_body_util::LengthLimitError>() {
        true => {
            let why = format!("the document has more than {most} bytes; split it by product, or hold it against one image with assay scan --vex");
            ApiError::new(Kind::TooLarge, why)
        }
        false => ApiError::invalid(format!("the document did not come whole: {error}; send it again")),
    })?;
    Ok(match app.promote.put_vex(&ctx, scope, bytes.to_bytes().into()).await? {
        Put::Added(document) => (StatusCode::CREATED, Json(view(&document))),
        Put::Replaced(document) | Put::Unchanged(document) => (StatusCode::OK, Json(view(&document))),
    })
}

/// The bytes, as they were put here.
async fn show(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(id): Params<Id<VexDocument>>,
) -> Result<impl IntoResponse, ApiError> {
    let (_, bytes) = app.promote.vex_document(&ctx, &id).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], bytes))
}

async fn remove(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(id): Params<Id<VexDocument>>,
) -> Result<StatusCode, ApiError> {
    app.promote.remove_vex(&ctx, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn view(document: &VexDocument) -> Value {
    json!({
        "id": document.id,
        "scope": document.scope.to_string(),
        "name": document.name,
        "format": document.format,
        "author": document.author,
        "dated": document.dated.map(|at| at.to_string()),
        "statements": document.statements,
        "digest": format!("sha256:{}", document.digest),
        "size": document.size_bytes,
        "addedBy": document.added_by,
        "addedAt": document.added_at.to_string(),
    })
}
