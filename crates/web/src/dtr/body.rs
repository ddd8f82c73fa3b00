//! Reading paths, queries and bodies so that a mistake gets DTR's error.

use axum::{
    extract::{
        FromRequest, FromRequestParts, Path, Query, RawPathParams, Request,
        rejection::{BytesRejection, FailedToBufferBody, JsonRejection},
    },
    http::{HeaderMap, StatusCode, header, request::Parts as Head},
    middleware::Next,
    response::{IntoResponse, Response},
};
use base::{AccountName, Kind, limits};
use serde::de::DeserializeOwned;

use crate::{App, error::ApiError};

/// The parameters in a path, each parsed into its own type.
#[derive(Debug)]
pub(crate) struct Params<T>(pub(crate) T);

/// A JSON body.
#[derive(Debug)]
pub(crate) struct Body<T>(pub(crate) T);

/// The accounts and teams in a path, each by its name or, as eNZi takes too, by its id. A `{team}` is one of the account before it.
#[derive(Debug)]
pub(crate) struct Whom<const N: usize>(pub(crate) [AccountName; N]);

/// The query of a URL.
#[derive(Debug)]
pub(crate) struct Asked<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<App> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(head: &mut Head, app: &App) -> Result<Params<T>, ApiError> {
        let Path(params) = Path::from_request_parts(head, app).await.map_err(ApiError::invalid)?;
        Ok(Params(params))
    }
}

impl<const N: usize> FromRequestParts<App> for Whom<N> {
    type Rejection = ApiError;

    async fn from_request_parts(head: &mut Head, app: &App) -> Result<Whom<N>, ApiError> {
        let params = RawPathParams::from_request_parts(head, app).await.map_err(ApiError::invalid)?;
        let mut names: Vec<AccountName> = Vec::with_capacity(N);
        for (key, text) in params.iter().take(N) {
            let name = match (key, names.first()) {
                ("team", Some(organization)) => app.identity.team_named(organization, text).await?,
                _ => app.identity.named(text).await?,
            };
            names.push(name);
        }
        let names =
            names.try_into().map_err(|_| ApiError::new(Kind::Internal, "a route has fewer names than its handler"))?;
        Ok(Whom(names))
    }
}

impl<T: DeserializeOwned> FromRequestParts<App> for Asked<T> {
    type Rejection = ApiError;

    async fn from_request_parts(head: &mut Head, app: &App) -> Result<Asked<T>, ApiError> {
        let Query(query) = Query::from_request_parts(head, app).await.map_err(ApiError::invalid)?;
        Ok(Asked(query))
    }
}

impl<T: DeserializeOwned> FromRequest<App> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Body<T>, ApiError> {
        match axum::Json::from_request(request, app).await {
            Ok(axum::Json(body)) => Ok(Body(body)),
            Err(JsonRejection::BytesRejection(error)) => Err(unread(&error)),
            Err(error @ JsonRejection::MissingJsonContentType(_)) => {
                let error = ApiError::invalid(error.body_text()).coded("UNSUPPORTED_MEDIA_TYPE");
                Err(error.answered(StatusCode::UNSUPPORTED_MEDIA_TYPE))
            }
            Err(error) => Err(ApiError::invalid(error.body_text()).coded("INVALID_JSON")),
        }
    }
}

/// DTR's API speaks JSON only, but for what is exported as a table: whoever takes none is told so.
pub(super) async fn json_only(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let is_dtrs = path.starts_with("/api/v0/") || path.starts_with("/enzi/v0/");
    if is_dtrs && !path.ends_with("/export") && !takes_json(request.headers()) {
        let why = "answers are application/json here; name it in the header Accept, or leave that out";
        let error = ApiError::invalid(why).coded("NOT_ACCEPTABLE").answered(StatusCode::NOT_ACCEPTABLE);
        return error.into_response();
    }
    next.run(request).await
}

fn takes_json(headers: &HeaderMap) -> bool {
    let mut ranges = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).peekable();
    let takes = |range: &str| {
        matches!(range.split(';').next().map(str::trim), Some("*/*" | "application/*" | "application/json"))
    };
    ranges.peek().is_none() || ranges.flat_map(|value| value.split(',')).any(takes)
}

/// A body that did not come whole: it is too large, or its sender went away.
pub(crate) fn unread(error: &BytesRejection) -> ApiError {
    match error {
        BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) => {
            let most = limits::API_BODY_BYTES;
            let why =
                format!("the body has more bytes than are taken here, which are mostly {most}; send less at once");
            ApiError::new(Kind::TooLarge, why)
        }
        error => ApiError::invalid(format!("the body did not come whole: {error}; send it again")),
    }
}
