//! The server that everything is carried to: the one that was signed in to.

use anyhow::{Context, Result};
use axum::http::{Method, StatusCode};
use serde_json::Value;

use super::{Import, report::Outcome};
use crate::client::{Client, http::Refused};

#[derive(Debug)]
pub(super) struct Target {
    pub(super) client: Client,
    /// Who is signed in; the registry wants a name beside the token.
    pub(super) name: String,
    pub(super) dry_run: bool,
}

impl Target {
    /// Accounts, and repositories of others, are made by administrators only; better said now than with every row.
    pub(super) async fn new(client: Client, dry_run: bool) -> Result<Target> {
        let own = client.get("/api/v4/user").await?;
        let name = own["username"].as_str().context("the server does not say who is signed in")?.to_owned();
        if own["is_admin"] != true {
            let message = format!("{name} is no administrator here; only administrators import: assay login as one");
            let (status, code) = (StatusCode::FORBIDDEN, String::new());
            return Err(Refused { status, code, message, request_id: None }.into());
        }
        Ok(Target { client, name, dry_run })
    }

    /// A list; empty where what it is of is not here. `None` where the server has no such lists.
    pub(super) async fn list(&self, path: &str) -> Result<Option<Vec<Value>>> {
        let asked = if path.contains('?') { path.to_owned() } else { format!("{path}?") };
        match self.client.all(&asked).await {
            Ok(Value::Array(items)) => Ok(Some(items)),
            Ok(Value::Object(map)) => Ok(map.into_iter().find_map(|(_, value)| match value {
                Value::Array(items) => Some(items),
                _ => None,
            })),
            Ok(_) => Ok(Some(Vec::new())),
            Err(error) => match error.downcast_ref::<Refused>() {
                Some(refused) if is_no_route(refused) => Ok(None),
                Some(refused) if refused.status == StatusCode::NOT_FOUND => Ok(Some(Vec::new())),
                _ => Err(error),
            },
        }
    }

    /// One thing, if it is here.
    pub(super) async fn find(&self, path: &str) -> Result<Option<Value>> {
        match self.client.get(path).await {
            Ok(value) => Ok(Some(value)),
            Err(error) => match error.downcast_ref::<Refused>() {
                Some(refused) if refused.status == StatusCode::NOT_FOUND => Ok(None),
                _ => Err(error),
            },
        }
    }
}

impl Import {
    /// Make a thing here, unless this is a dry run, and say what came of it.
    pub(super) async fn make(
        &mut self,
        kind: &'static str,
        name: &str,
        (method, path): (Method, &str),
        body: &Value,
    ) -> Result<Option<Value>> {
        if self.target.dry_run {
            self.report.carried(kind, name);
            return Ok(None);
        }
        match self.target.client.call(method, path, Some(body)).await {
            Ok(answer) => {
                self.report.carried(kind, name);
                Ok(Some(answer))
            }
            Err(error) => {
                let (outcome, why) = judge(error, kind)?;
                self.report.row(kind, name, outcome, why);
                Ok(None)
            }
        }
    }

    /// The server has no such things at all.
    pub(super) fn unknown_here(&mut self, kind: &'static str, name: &str) {
        self.report.row(kind, name, Outcome::Left, no_such(kind));
    }
}

/// What a refusal means for one thing; an error where it means that nothing more can be done.
pub(super) fn judge(error: anyhow::Error, kind: &str) -> Result<(Outcome, String)> {
    let Some(refused) = error.downcast_ref::<Refused>() else {
        return Err(error.context("the import stopped; the same command goes on where it ended"));
    };
    let outcome = match refused.status {
        StatusCode::UNAUTHORIZED => return Err(error),
        StatusCode::TOO_MANY_REQUESTS => Outcome::Failed,
        status if status.is_server_error() => Outcome::Failed,
        _ if is_no_route(refused) => return Ok((Outcome::Left, no_such(kind))),
        _ => Outcome::Left,
    };
    Ok((outcome, refused.to_string()))
}

fn no_such(kind: &str) -> String {
    format!("this server has no way to make a {kind}")
}

/// Whether the server serves nothing there, rather than knowing no thing of that name.
fn is_no_route(refused: &Refused) -> bool {
    refused.status == StatusCode::METHOD_NOT_ALLOWED
        || refused.status == StatusCode::NOT_FOUND && refused.message.starts_with("nothing is served at")
}
