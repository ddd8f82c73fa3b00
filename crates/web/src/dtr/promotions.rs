//! Promotion policies and promotion by hand.

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::IntoResponse,
    routing::{get, post},
};
use base::{AccountName, Id};
use oci::{RepoName, Tag};
use policy::PolicyForm;
use promote::{PolicyChange, Promotion, PromotionPolicy};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    body::{Asked, Body, Params},
    webhooks::NEVER,
};
use crate::{App, caller::Caller, error::ApiError};

pub(crate) fn routes() -> Router<App> {
    const POLICIES: &str = "/api/v0/repositories/{org}/{repo}/promotionPolicies";
    Router::new()
        .route(POLICIES, get(list).post(create))
        .route(&format!("{POLICIES}/{{policy}}"), get(show).put(update).delete(remove))
        .route("/api/v0/repositories/{org}/{repo}/tags/{tag}/promotion", post(promote_by_hand))
}

#[derive(Deserialize)]
struct Side {
    #[serde(default = "yes")]
    source: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Apply {
    /// `true` is the button Save & Apply, `false` is Save.
    #[serde(default = "yes")]
    pub(super) initial_evaluation: bool,
}

fn yes() -> bool {
    true
}

async fn list(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params((org, repo)): Params<(AccountName, String)>,
    Asked(side): Asked<Side>,
) -> Result<Json<Value>, ApiError> {
    let found = app.promote.policies(&ctx, &name(&org, &repo)?, side.source).await?;
    Ok(Json(found.iter().map(view).collect()))
}

async fn create(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params((org, repo)): Params<(AccountName, String)>,
    Asked(apply): Asked<Apply>,
    Body(body): Body<Value>,
) -> Result<impl IntoResponse, ApiError> {
    // The rules first: what is wrong in them is told with its place and as what it is.
    policy::read_rules(&body["rules"]).map_err(promote::Error::from)?;
    let form: PolicyForm =
        serde_json::from_value(body).map_err(|error| ApiError::invalid(error).coded("INVALID_JSON"))?;
    let made = app.promote.create_policy(&ctx, &name(&org, &repo)?, form, apply.initial_evaluation).await?;
    Ok((StatusCode::CREATED, Json(view(&made))))
}

/// An id as it came; one that has not the form of ours is simply no policy.
type PolicyPath = (AccountName, String, String);

async fn show(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params((org, repo, policy)): Params<PolicyPath>,
) -> Result<Json<Value>, ApiError> {
    let found = app.promote.policy(&ctx, &name(&org, &repo)?, &policy_id(&policy)?).await?;
    Ok(Json(view(&found)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Update {
    enabled: Option<bool>,
    rules: Option<Value>,
    target_repository: Option<String>,
    tag_template: Option<String>,
    ignore_unknown_severities: Option<bool>,
    initial_evaluation: Option<bool>,
}

/// `initialEvaluation` is a query parameter in DTR's specification of POST and a member of the body in scripts of PUT: both
/// are understood.
async fn update(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params((org, repo, policy)): Params<PolicyPath>,
    Asked(apply): Asked<Apply>,
    Body(body): Body<Update>,
) -> Result<Json<Value>, ApiError> {
    let rules = body.rules.as_ref().map(policy::read_rules).transpose();
    let change = PolicyChange {
        enabled: body.enabled,
        rules: rules.map_err(promote::Error::from)?,
        target_repository: body.target_repository,
        tag_template: body.tag_template,
        ignore_unknown_severities: body.ignore_unknown_severities,
    };
    let apply = body.initial_evaluation.unwrap_or(apply.initial_evaluation);
    let id = policy_id(&policy)?;
    Ok(Json(view(&app.promote.update_policy(&ctx, &name(&org, &repo)?, &id, change, apply).await?)))
}

async fn remove(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params((org, repo, policy)): Params<PolicyPath>,
) -> Result<StatusCode, ApiError> {
    app.promote.delete_policy(&ctx, &name(&org, &repo)?, &policy_id(&policy)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ByHand {
    target_repository: RepoName,
    target_tag: String,
}

async fn promote_by_hand(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params((org, repo, tag)): Params<(AccountName, String, Tag)>,
    Body(body): Body<ByHand>,
) -> Result<impl IntoResponse, ApiError> {
    let source = name(&org, &repo)?;
    let invalid = |error| ApiError::invalid(error).coded("INVALID_TAG_NAME");
    let target_tag: Tag = body.target_tag.parse().map_err(invalid)?;
    let made = app.promote.promote_by_hand(&ctx, &source, &tag, &body.target_repository, &target_tag).await?;
    Ok((StatusCode::CREATED, Json(promotion_view(&made))))
}

fn name(org: &AccountName, repo: &str) -> Result<RepoName, ApiError> {
    format!("{org}/{repo}").parse().map_err(ApiError::invalid)
}

fn policy_id(text: &str) -> Result<Id<PromotionPolicy>, ApiError> {
    let missing = |_| promote::Error::NotFound { what: "promotion policy", name: text.chars().take(80).collect() };
    Ok(text.parse().map_err(missing)?)
}

/// A policy as DTR showed it.
fn view(policy: &PromotionPolicy) -> Value {
    let form = PolicyForm::from(policy.policy.clone());
    json!({
        "id": policy.id,
        "enabled": form.enabled,
        "rules": form.rules,
        "sourceRepository": policy.source,
        "targetRepository": policy.target,
        "tagTemplate": form.tag_template,
        "ignoreUnknownSeverities": form.ignore_unknown_severities,
        "lastPromotedAt": policy.last_promoted_at.map_or(NEVER.to_owned(), |at| at.to_string()),
        "digest": policy.policy.digest(),
    })
}

fn promotion_view(promotion: &Promotion) -> Value {
    json!({
        "id": promotion.id,
        "promotionPolicyID": promotion.policy.as_ref().map(ToString::to_string).unwrap_or_default(),
        "sourceRepository": promotion.source,
        "sourceTag": promotion.source_tag,
        "targetRepository": promotion.target,
        "targetTag": promotion.target_tag,
        "digest": promotion.digest,
        "promotedAt": promotion.promoted_at.to_string(),
        "author": promotion.promoted_by,
    })
}

impl From<promote::Error> for ApiError {
    fn from(error: promote::Error) -> ApiError {
        let code = match &error {
            promote::Error::Policy(_) => "INVALID_PROMOTION_POLICY",
            promote::Error::NotFound { what: "promotion policy", .. } => "NO_SUCH_PROMOTION_POLICY",
            promote::Error::NotFound { what: "waiver", .. } => "NO_SUCH_WAIVER",
            promote::Error::NotFound { what: "VEX document", .. } => "NO_SUCH_VEX_DOCUMENT",
            promote::Error::Registry(registry::Error::NameUnknown(_)) => "NO_SUCH_REPOSITORY",
            promote::Error::Registry(registry::Error::ManifestUnknown { .. }) => "NO_SUCH_TAG",
            promote::Error::Identity(error) => return error.clone().into(),
            _ => return ApiError::new(error.kind(), error),
        };
        ApiError::new(error.kind(), error).coded(code)
    }
}
