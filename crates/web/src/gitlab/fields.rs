//! Reading requests as GitLab reads them: fields come in the query, in a form or in JSON, and mean the same.

use std::collections::BTreeMap;

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Request},
    http::{HeaderMap, StatusCode, header, request::Parts},
};
use base::{Ctx, Secret};
use forge::ProjectRef;
use serde_json::Value;

use super::GitlabError;
use crate::{App, caller::Caller, dtr::unread};

/// The context of a request whose credentials were checked, with GitLab's error when they are wrong.
#[derive(Debug)]
pub(crate) struct Known(pub(crate) Ctx);

/// The project in a path, and what follows it.
#[derive(Debug)]
pub(crate) struct Place(pub(crate) ProjectRef);

#[derive(Debug)]
pub(crate) struct Places(pub(crate) ProjectRef, pub(crate) String);

/// The fields of a request. Those of the body win.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    fields: BTreeMap<String, Value>,
    /// A body that holds no fields of ours: what a webhook posts.
    pub(crate) body: String,
}

/// Fields of one request; more are nobody's.
const FIELDS_MAX: usize = 1_000;

impl FromRequestParts<App> for Known {
    type Rejection = GitlabError;

    async fn from_request_parts(head: &mut Parts, app: &App) -> Result<Known, GitlabError> {
        let asked: Fields = Fields::of_query(head.uri.query());
        if let Some(token) = asked.secret("private_token") {
            let ctx = head.extensions.get::<Ctx>().cloned();
            let ctx = ctx.unwrap_or_else(|| Ctx::system("web", &app.clock, &app.entropy));
            let principal = app.identity.authenticate_token(&ctx, &token).await?;
            return Ok(Known(ctx.with_actor(base::Actor::Account(principal))));
        }
        let Caller(ctx) = Caller::from_request_parts(head, app).await?;
        Ok(Known(ctx))
    }
}

impl FromRequestParts<App> for Place {
    type Rejection = GitlabError;

    async fn from_request_parts(head: &mut Parts, app: &App) -> Result<Place, GitlabError> {
        let params = params(head, app).await?;
        Ok(Place(project(params.first().map_or("", String::as_str))?))
    }
}

impl FromRequestParts<App> for Places {
    type Rejection = GitlabError;

    async fn from_request_parts(head: &mut Parts, app: &App) -> Result<Places, GitlabError> {
        let mut params = params(head, app).await?;
        let last = params.pop().unwrap_or_default();
        Ok(Places(project(params.first().map_or("", String::as_str))?, last))
    }
}

/// The parameters of a path, in order, decoded: `%2F` is a slash inside one of them.
async fn params(head: &mut Parts, app: &App) -> Result<Vec<String>, GitlabError> {
    let Path(params) =
        Path::<Vec<(String, String)>>::from_request_parts(head, app).await.map_err(GitlabError::invalid)?;
    Ok(params.into_iter().map(|(_, value)| value).collect())
}

/// A project that cannot exist is not found, as in GitLab.
fn project(text: &str) -> Result<ProjectRef, GitlabError> {
    text.parse().map_err(|_| GitlabError::new(StatusCode::NOT_FOUND, "404 Project Not Found"))
}

impl Places {
    /// What follows the project, a number.
    pub(crate) fn id(&self) -> Result<i64, GitlabError> {
        self.1.parse().map_err(|_| GitlabError::new(StatusCode::NOT_FOUND, "404 Not Found"))
    }
}

impl FromRequest<App> for Fields {
    type Rejection = GitlabError;

    async fn from_request(request: Request, app: &App) -> Result<Fields, GitlabError> {
        let mut fields = Fields::of_query(request.uri().query());
        let headers = request.headers().clone();
        let body = Bytes::from_request(request, app).await;
        let body = body.map_err(|error| unread(&error))?;
        fields.read(&headers, &body)?;
        Ok(fields)
    }
}

impl Fields {
    fn of_query(query: Option<&str>) -> Fields {
        let mut fields = Fields::default();
        fields.read_form(query.unwrap_or_default().as_bytes());
        fields
    }

    fn read_form(&mut self, text: &[u8]) {
        for (key, value) in form_urlencoded::parse(text).take(FIELDS_MAX) {
            self.fields.insert(key.into_owned(), Value::String(value.into_owned()));
        }
    }

    fn read(&mut self, headers: &HeaderMap, body: &[u8]) -> Result<(), GitlabError> {
        let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if body.is_empty() {
            return Ok(());
        }
        if kind.starts_with("application/x-www-form-urlencoded") {
            self.read_form(body);
            return Ok(());
        }
        self.body = String::from_utf8_lossy(body).into_owned();
        match serde_json::from_slice(body) {
            Ok(Value::Object(object)) => self.fields.extend(object.into_iter().take(FIELDS_MAX)),
            Ok(_) => {}
            Err(error) if kind.starts_with("application/json") => {
                return Err(GitlabError::invalid(format!("the body is not JSON: {error}")));
            }
            Err(_) => {}
        }
        Ok(())
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        self.fields.get(key).filter(|value| !value.is_null())
    }

    /// A text; numbers and truth values are taken for one.
    pub(crate) fn text(&self, key: &str) -> Option<String> {
        match self.get(key)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(value) => Some(value.to_string()),
            _ => None,
        }
    }

    pub(crate) fn require(&self, key: &str) -> Result<String, GitlabError> {
        self.text(key).ok_or_else(|| GitlabError::invalid(format!("{key} is missing")))
    }

    pub(crate) fn secret(&self, key: &str) -> Option<Secret> {
        self.text(key).map(Secret::new)
    }

    pub(crate) fn flag(&self, key: &str) -> Option<bool> {
        match self.text(key)?.as_str() {
            "true" | "1" | "t" | "yes" | "on" => Some(true),
            "false" | "0" | "f" | "no" | "off" => Some(false),
            _ => None,
        }
    }

    pub(crate) fn number(&self, key: &str) -> Option<i64> {
        self.text(key)?.parse().ok()
    }

    /// Texts, as a list or parted by commas.
    pub(crate) fn list(&self, key: &str) -> Vec<String> {
        match self.get(key) {
            Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            Some(Value::String(text)) => {
                text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
            }
            _ => Vec::new(),
        }
    }

    /// `variables`: a map in JSON, `variables[KEY]=VALUE` elsewhere, or a list of `{key, value}`.
    pub(crate) fn variables(&self) -> Result<Vec<(String, String)>, GitlabError> {
        let wrong = || GitlabError::invalid("variables needs to be a map of key-valued strings");
        let mut variables = Vec::new();
        match self.get("variables") {
            Some(Value::Object(map)) => {
                for (key, value) in map {
                    variables.push((key.clone(), value.as_str().ok_or_else(wrong)?.to_owned()));
                }
            }
            Some(Value::Array(items)) => {
                for item in items {
                    let part = |name: &str| item.get(name).and_then(Value::as_str);
                    variables
                        .push((part("key").ok_or_else(wrong)?.to_owned(), part("value").ok_or_else(wrong)?.to_owned()));
                }
            }
            Some(_) => return Err(wrong()),
            None => {}
        }
        for (key, value) in &self.fields {
            if let Some(key) = key.strip_prefix("variables[").and_then(|rest| rest.strip_suffix(']')) {
                variables.push((key.to_owned(), value.as_str().ok_or_else(wrong)?.to_owned()));
            }
        }
        Ok(variables)
    }
}
