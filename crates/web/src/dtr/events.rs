//! Events: `/api/v0/events` and those of one repository. They are read from the audit log; there is no second list of them.

use std::collections::BTreeMap;

use audit::StoredEntry;
use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue},
    routing::get,
};
use base::{Ctx, Timestamp, limits};
use registry::{Repository, Right};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    body::{Asked, Params},
    event::Event,
    repositories::Named,
};
use crate::{App, caller::Caller, error::ApiError};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v0/events", get(everywhere))
        .route("/api/v0/repositories/{namespace}/{repo}/events", get(of_repository))
}

/// Events of a page when nobody says how many, as in DTR.
const PAGE: usize = 10;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Query {
    /// The id of the first event of the page.
    #[serde(default)]
    page_start: String,
    page_size: Option<usize>,
    #[serde(default)]
    count: bool,
    published_before: Option<Timestamp>,
    published_after: Option<Timestamp>,
    #[serde(default)]
    actor_id: String,
    #[serde(default)]
    event_type: String,
    #[serde(default)]
    object_type: String,
    /// Pulls are no entries of the log, so that they are always left out.
    #[serde(rename = "excludePull")]
    _exclude_pull: Option<bool>,
}

/// A part of the log, backwards, and who looks at it.
struct Look<'a> {
    app: &'a App,
    ctx: &'a Ctx,
    query: &'a Query,
    /// Only of this repository, since it was made.
    repository: Option<&'a Repository>,
    /// What the caller may do where: asked once.
    rights: BTreeMap<String, Option<Right>>,
}

/// What was found, and the entry at which to go on, if there may be more.
#[derive(Default)]
struct Found {
    events: Vec<Event>,
    next: Option<String>,
}

type Listed = Result<(HeaderMap, Json<Value>), ApiError>;

async fn everywhere(State(app): State<App>, Caller(ctx): Caller, Asked(query): Asked<Query>) -> Listed {
    ctx.principal().ok_or(identity::Error::Unauthenticated)?;
    listed(&app, &ctx, query, None).await
}

async fn of_repository(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(named): Params<Named>,
    Asked(query): Asked<Query>,
) -> Listed {
    ctx.principal().ok_or(identity::Error::Unauthenticated)?;
    let repository = app.registry.repository(&ctx, &named.name()?).await?;
    listed(&app, &ctx, query, Some(&repository)).await
}

async fn listed(app: &App, ctx: &Ctx, mut query: Query, repository: Option<&Repository>) -> Listed {
    // DTR named people by the id of their account.
    if let Some(name) = app.identity.name_of(&query.actor_id).await? {
        query.actor_id = name.to_string();
    }
    let mut look = Look { app, ctx, query: &query, repository, rights: BTreeMap::new() };
    let wanted = query.page_size.unwrap_or(PAGE).clamp(1, limits::PAGE_MAX);
    let found = look.back(&query.page_start, wanted, limits::PAGE_MAX).await?;
    let mut headers = HeaderMap::new();
    let mut head = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    if let Some(next) = found.next {
        head("x-next-page-start", next);
    }
    if query.count {
        let all = look.back("", usize::MAX, limits::AUDIT_ABOUT_ENTRIES).await?;
        // A number that is not the whole one is not told.
        if all.next.is_none() {
            head("x-resource-count", all.events.len().to_string());
        }
    }
    let views: Vec<Value> = found.events.iter().map(Event::view).collect();
    Ok((headers, Json(json!({"events": views}))))
}

impl Look<'_> {
    /// Look back from this entry, or from the newest, until so many events are found or so many entries were looked at: where
    /// the caller may see little, a page is short, and yet the next one goes on where it ended.
    async fn back(&mut self, from: &str, wanted: usize, most: usize) -> Result<Found, ApiError> {
        let subject = self.repository.map(|repository| format!("repository/{}", repository.name));
        let batch = wanted.saturating_add(1).clamp(50, limits::PAGE_MAX);
        let (mut found, mut from, mut looked) = (Found::default(), from.to_owned(), 0);
        loop {
            let before = self.query.published_before;
            let mut entries = self.app.log.backwards(subject.as_deref(), &from, before, batch).await?;
            // The last one is where the next batch begins.
            let rest = (entries.len() == batch).then(|| entries.pop()).flatten();
            for entry in entries.iter().chain(&rest) {
                if found.events.len() == wanted || looked == most {
                    found.next = Some(entry.id.clone());
                    return Ok(found);
                }
                if self.is_too_old(entry) {
                    return Ok(found);
                }
                if rest.as_ref().is_some_and(|rest| rest.id == entry.id) {
                    break;
                }
                looked += 1;
                found.events.extend(self.seen(entry).await?);
            }
            let Some(rest) = rest else { return Ok(found) };
            from = rest.id;
        }
    }

    /// Whether nothing that is wanted stands before this entry. A repository of the same name that was deleted is another one.
    fn is_too_old(&self, entry: &StoredEntry) -> bool {
        self.query.published_after.is_some_and(|after| entry.at <= after)
            || self.repository.is_some_and(|repository| entry.at < repository.created_at)
    }

    /// The event of an entry, if there is one that is wanted and the caller may see it.
    async fn seen(&mut self, entry: &StoredEntry) -> Result<Option<Event>, ApiError> {
        let Some(event) = Event::of(&entry.parsed()?) else { return Ok(None) };
        let is = |asked: &str, value: &str| asked.is_empty() || asked.eq_ignore_ascii_case(value);
        let wanted = self.query.published_before.is_none_or(|before| entry.at < before)
            && self.repository.is_none_or(|repository| event.repository == repository.name.as_str())
            && is(&self.query.event_type, event.kind)
            && is(&self.query.object_type, event.object.kind)
            && is(&self.query.actor_id, &event.actor);
        if !wanted {
            return Ok(None);
        }
        let least = if event.for_admins { Right::Admin } else { Right::Pull };
        Ok((self.right(&event.repository).await? >= Some(least)).then_some(event))
    }

    async fn right(&mut self, repository: &str) -> Result<Option<Right>, ApiError> {
        if let Some(right) = self.rights.get(repository) {
            return Ok(*right);
        }
        let right = match repository.parse() {
            Ok(name) => self.app.registry.right(self.ctx, &name).await?,
            Err(_) => None,
        };
        self.rights.insert(repository.to_owned(), right);
        Ok(right)
    }
}
