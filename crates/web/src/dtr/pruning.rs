//! Pruning policies, and what a tag limit would drop.

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
    routing::{get, post},
};
use base::{Ctx, Id, limits};
use oci::RepoName;
use policy::PolicyForm;
use prune::{Judged, PruningForm, PruningPolicy};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    body::{Asked, Body, Params},
    promotions::Apply,
    repositories::{Named, Paging, counted, next_page},
    webhooks::NEVER,
};
use crate::{App, caller::Caller, error::ApiError};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v0/repositories/{namespace}/{repo}/pruningPolicies", get(list).post(create))
        .route("/api/v0/repositories/{namespace}/{repo}/pruningPolicies/test", post(test))
        .route("/api/v0/repositories/{namespace}/{repo}/pruningPolicies/{policy}", get(show).put(update).delete(remove))
        .route("/api/v1/repositories/{namespace}/{repo}/tag-limit", get(beyond_limit))
}

/// The members of a policy. Of DTR's, `repository`, `id` and `lastPrunedAt` may come along, as scripts send back what they read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Form {
    enabled: Option<bool>,
    /// With groups in it; read where its places can be named.
    rules: Option<Value>,
    ignore_unknown_severities: Option<bool>,
    /// Ours: also what came by a promotion goes.
    prune_promoted: Option<bool>,
    initial_evaluation: Option<bool>,
    #[serde(rename = "id")]
    _id: Option<Value>,
    #[serde(rename = "repository")]
    _repository: Option<Value>,
    #[serde(rename = "lastPrunedAt")]
    _last_pruned_at: Option<Value>,
    #[serde(rename = "appliesSince")]
    _applies_since: Option<Value>,
}

impl Form {
    fn split(self) -> Result<(PruningForm, Option<bool>), prune::Error> {
        let form = PruningForm {
            enabled: self.enabled,
            rules: self.rules.as_ref().map(policy::read_rules).transpose()?,
            ignore_unknown_severities: self.ignore_unknown_severities,
            promoted_too: self.prune_promoted,
        };
        Ok((form, self.initial_evaluation))
    }
}

/// The parts of a path that names a policy.
#[derive(Deserialize)]
struct NamedPolicy {
    namespace: String,
    repo: String,
    policy: String,
}

impl NamedPolicy {
    fn split(&self) -> Result<(RepoName, Id<PruningPolicy>), ApiError> {
        let missing = |_| prune::Error::NoSuchPolicy(self.policy.chars().take(80).collect());
        Ok((Named::of(&self.namespace, &self.repo).name()?, self.policy.parse().map_err(missing)?))
    }
}

async fn list(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(named): Params<Named>,
    Asked(paging): Asked<Paging>,
) -> Result<(HeaderMap, Json<Value>), ApiError> {
    let found = app.prune.list(&ctx, &named.name()?).await?;
    let (headers, found) = paging.part(found, |policy| policy.id.to_string())?;
    Ok((headers, Json(found.iter().map(view).collect())))
}

async fn create(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(named): Params<Named>,
    Asked(apply): Asked<Apply>,
    Body(body): Body<Form>,
) -> Result<impl IntoResponse, ApiError> {
    let (form, all) = body.split()?;
    let made = app.prune.create(&ctx, &named.name()?, form, all.unwrap_or(apply.initial_evaluation)).await?;
    Ok((StatusCode::CREATED, Json(view(&made))))
}

async fn show(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(named): Params<NamedPolicy>,
) -> Result<Json<Value>, ApiError> {
    let (name, id) = named.split()?;
    Ok(Json(view(&app.prune.policy(&ctx, &name, &id).await?)))
}

async fn update(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(named): Params<NamedPolicy>,
    Asked(apply): Asked<Apply>,
    Body(body): Body<Form>,
) -> Result<Json<Value>, ApiError> {
    let ((name, id), (form, all)) = (named.split()?, body.split()?);
    let all = all.unwrap_or(apply.initial_evaluation);
    Ok(Json(view(&app.prune.update(&ctx, &name, &id, form, all).await?)))
}

async fn remove(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(named): Params<NamedPolicy>,
) -> Result<StatusCode, ApiError> {
    let (name, id) = named.split()?;
    app.prune.delete(&ctx, &name, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
struct Tested {
    /// Ours: every tag, also those that stay.
    #[serde(default)]
    all: bool,
}

/// What the policy in the body would delete now: DTR's `[{name, digest}]`, with the reasons.
async fn test(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(named): Params<Named>,
    Asked(paging): Asked<Paging>,
    Asked(tested): Asked<Tested>,
    Body(body): Body<Form>,
) -> Result<(HeaderMap, Json<Value>), ApiError> {
    let (name, (form, _)) = (named.name()?, body.split()?);
    let total = if paging.count { Some(how_many(&app, &ctx, &name, form.clone(), tested.all).await?) } else { None };
    let place = (paging.page_start.as_str(), paging.size(), tested.all);
    let page = app.prune.test(&ctx, &name, form, place).await?;
    let mut headers = next_page(page.next.is_some(), page.next.map(|tag| tag.to_string()));
    counted(&mut headers, total);
    Ok((headers, Json(page.tags.iter().map(judged).collect())))
}

/// All pages together.
async fn how_many(app: &App, ctx: &Ctx, name: &RepoName, form: PruningForm, all: bool) -> Result<u64, ApiError> {
    let (mut count, mut after) = (0, String::new());
    loop {
        let page = app.prune.test(ctx, name, form.clone(), (&after, limits::PAGE_MAX, all)).await?;
        count += page.tags.len() as u64;
        match page.next {
            Some(next) => after = next.to_string(),
            None => return Ok(count),
        }
    }
}

#[derive(Deserialize)]
struct Limit {
    limit: u32,
}

/// `GET /api/v1/…/tag-limit?limit=10`: what that limit would drop with the next push, and what would stay all the same.
async fn beyond_limit(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(named): Params<Named>,
    Asked(asked): Asked<Limit>,
) -> Result<Json<Value>, ApiError> {
    let beyond = app.registry.beyond_limit(&ctx, &named.name()?, asked.limit).await?;
    let tags = beyond.iter().map(|one| {
        json!({
            "name": one.view.tag,
            "digest": one.view.image.digest,
            "updatedAt": one.view.pushed_at.to_string(),
            "pruned": one.kept.is_none(),
            "kept": one.kept.as_ref().map(ToString::to_string),
        })
    });
    Ok(Json(json!({"tags": tags.collect::<Vec<Value>>()})))
}

fn view(policy: &PruningPolicy) -> Value {
    let form = PolicyForm::from(policy.policy.clone());
    json!({
        "id": policy.id,
        "enabled": form.enabled,
        "rules": form.rules,
        "repository": policy.repository,
        "lastPrunedAt": policy.last_pruned_at.map_or(NEVER.to_owned(), |at| at.to_string()),
        "ignoreUnknownSeverities": form.ignore_unknown_severities,
        "prunePromoted": policy.promoted_too,
        "appliesSince": policy.since.map(|at| at.to_string()),
    })
}

fn judged(judged: &Judged) -> Value {
    let reasons = judged.decision.reasons.iter().map(|reason| &reason.sentence);
    json!({
        "name": judged.view.tag,
        "digest": judged.view.image.digest,
        "pruned": judged.goes(),
        "verdict": judged.decision.verdict,
        "reasons": reasons.collect::<Vec<_>>(),
        "kept": judged.kept.as_ref().map(ToString::to_string),
    })
}

impl From<prune::Error> for ApiError {
    fn from(error: prune::Error) -> ApiError {
        let code = match error {
            prune::Error::Policy(_) => "INVALID_PRUNING_POLICY",
            prune::Error::NoSuchPolicy(_) => "NO_SUCH_PRUNING_POLICY",
            prune::Error::Registry(error) => return error.into(),
            prune::Error::Promote(error) => return error.into(),
            prune::Error::Identity(error) => return error.into(),
            _ => return ApiError::new(error.kind(), error),
        };
        ApiError::new(error.kind(), error).coded(code)
    }
}
