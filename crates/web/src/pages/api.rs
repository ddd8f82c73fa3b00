//! The page of the API.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::Response,
};

use super::{POLICY, Visitor, html_page};

/// For everybody, as the description is. Its style sheet has pictures in it.
pub(super) async fn show(visitor: Visitor) -> Response {
    let html = ui::api(&visitor.frame(), "/api/v1/openapi.json").into_string();
    let mut page = html_page(StatusCode::OK, html);
    let policy = POLICY.replace("img-src 'self'", "img-src 'self' data:");
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        page.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    page
}
