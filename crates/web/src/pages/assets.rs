//! The style sheet and the scripts; their addresses change with their content, so that they are fetched once.

use axum::{
    extract::{Path, RawQuery},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use ui::Asset;

pub(super) async fn serve(Path(name): Path<String>, RawQuery(query): RawQuery) -> Response {
    let Some(asset) = Asset::at(&format!("/assets/{name}")) else { return StatusCode::NOT_FOUND.into_response() };
    // Under another version than the content's, as a page of an older or newer program asks for, it must not be kept.
    let current = query.is_some_and(|query| query == format!("v={}", asset.version()));
    let keep = if current { "public, max-age=31536000, immutable" } else { "no-cache" };
    ([(header::CONTENT_TYPE, asset.content_type), (header::CACHE_CONTROL, keep)], asset.content).into_response()
}
