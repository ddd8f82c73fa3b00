//! The style sheets, the icon and the scripts; their addresses change with their content, so that they are fetched once.

use std::io::Read;

use axum::{
    extract::{Path, RawQuery},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use flate2::read::GzDecoder;
use ui::Asset;

pub(super) async fn serve(Path(name): Path<String>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let Some(asset) = Asset::at(&format!("/assets/{name}")) else { return StatusCode::NOT_FOUND.into_response() };
    // Under another version than the content's, as a page of an older or newer program asks for, it must not be kept.
    let current = query.is_some_and(|query| query == format!("v={}", asset.version()));
    let keep = if current { "public, max-age=31536000, immutable" } else { "no-cache" };
    let head = [(header::CONTENT_TYPE, asset.content_type), (header::CACHE_CONTROL, keep)];
    if !asset.packed {
        return (head, asset.content).into_response();
    }
    let varies = (header::VARY, "Accept-Encoding");
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // Every browser takes it so; whoever does not say so gets it as it was.
    if accepted.split(',').any(|one| one.trim() == "gzip") {
        return (head, [varies, (header::CONTENT_ENCODING, "gzip")], asset.content).into_response();
    }
    let mut plain = Vec::new();
    match GzDecoder::new(asset.content).read_to_end(&mut plain) {
        Ok(_) => (head, [varies], plain).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
