//! Reading paths, queries and bodies so that a mistake gets DTR's error.

use axum::{
    extract::{
        FromRequest, FromRequestParts, Path, Query, Request,
        rejection::{BytesRejection, FailedToBufferBody, JsonRejection},
    },
    http::request::Parts as Head,
};
use base::{Kind, limits};
use serde::de::DeserializeOwned;

use crate::{App, error::ApiError};

/// The parameters in a path, each parsed into its own type.
#[derive(Debug)]
pub(crate) struct Params<T>(pub(crate) T);

/// A JSON body.
#[derive(Debug)]
pub(crate) struct Body<T>(pub(crate) T);

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
            Err(error) => Err(ApiError::invalid(error.body_text()).coded("INVALID_JSON")),
        }
    }
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
