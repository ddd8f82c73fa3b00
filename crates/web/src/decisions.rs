//! Why images were promoted or were not: decisions with what they were made from, and drafts of policies that are tried.

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::IntoResponse,
    routing::{get, post},
};
use base::Id;
use policy::PolicyForm;
use promote::{DecisionRecord, Explained, Trial};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    App,
    caller::Caller,
    dtr::{Asked, Body, Named, NamedTag, Paging, Params},
    error::ApiError,
};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v1/repositories/{namespace}/{repo}/decisions", get(of_repository))
        .route("/api/v1/repositories/{namespace}/{repo}/tags/{tag}/decisions", get(of_tag))
        .route("/api/v1/repositories/{namespace}/{repo}/tags/{tag}/evaluate", post(evaluate))
        .route("/api/v1/repositories/{namespace}/{repo}/promotionPolicies/test", post(test))
        .route("/api/v1/decisions/{decision}", get(show))
        .route("/api/v1/decisions/{decision}/{document}", get(document))
}

/// All decisions about images of a repository, the newest first.
async fn of_repository(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(named): Params<Named>,
    Asked(paging): Asked<Paging>,
) -> Result<Json<Value>, ApiError> {
    let found = app.promote.decisions_in(&ctx, &named.name()?, &paging.page_start, paging.size()).await?;
    let next = (found.len() == paging.size()).then(|| found.last().map(|last| last.id.clone())).flatten();
    let found: Vec<Value> = found.iter().map(view).collect();
    Ok(Json(json!({"decisions": found, "nextPageStart": next})))
}

/// What the policies said of one tag, the newest first.
async fn of_tag(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(named): Params<NamedTag>,
) -> Result<Json<Value>, ApiError> {
    let (name, tag) = named.split()?;
    let found = app.promote.decisions(&ctx, &name, &tag).await?;
    let found: Vec<Value> = found.iter().map(view).collect();
    Ok(Json(json!({"decisions": found})))
}

/// Have a tag decided again, in the background.
async fn evaluate(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(named): Params<NamedTag>,
) -> Result<StatusCode, ApiError> {
    let (name, tag) = named.split()?;
    app.promote.request_evaluation(&ctx, &name, &tag).await?;
    Ok(StatusCode::ACCEPTED)
}

#[derive(Deserialize)]
struct Tried {
    /// On past decisions, with their evidence; else on what is in the source now.
    #[serde(default)]
    past: bool,
}

/// Try a draft. Nothing is kept of it.
async fn test(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(named): Params<Named>,
    Asked(tried): Asked<Tried>,
    Asked(paging): Asked<Paging>,
    Body(form): Body<PolicyForm>,
) -> Result<Json<Value>, ApiError> {
    let name = named.name()?;
    let (start, size) = (&paging.page_start, paging.size());
    let trials = match tried.past {
        true => app.promote.try_past(&ctx, &name, form, start, size).await?,
        false => app.promote.try_now(&ctx, &name, form, start, size).await?,
    };
    let found: Vec<Value> = trials.trials.iter().map(trial_view).collect();
    Ok(Json(json!({"trials": found, "nextPageStart": trials.next})))
}

/// One decision with its documents as text, exactly as they were hashed: whoever has them decides again.
async fn show(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(id): Params<String>,
) -> Result<Json<Value>, ApiError> {
    let explained = explained(&app, &ctx, &id).await?;
    let mut view = view(&explained.record);
    let text = |bytes: &[u8]| Value::from(String::from_utf8_lossy(bytes));
    view["policyDocument"] = text(&explained.policy);
    view["evidenceDocument"] = text(&explained.evidence);
    view["decisionDocument"] = text(&explained.record.decision.canonical());
    view["statement"] = explained.statement.as_deref().map(text).into();
    Ok(Json(view))
}

/// One document of a decision, byte for byte.
async fn document(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params((id, document)): Params<(String, String)>,
) -> Result<impl IntoResponse, ApiError> {
    let Explained { record, policy, evidence, statement } = explained(&app, &ctx, &id).await?;
    let missing = |name| promote::Error::NotFound { what: "document of a decision", name };
    let (kind, bytes) = match document.as_str() {
        "policy" => ("application/json", policy),
        "evidence" => ("application/json", evidence),
        "decision" => ("application/json", record.decision.canonical()),
        "statement" => (scan::BUNDLE_TYPE, statement.ok_or_else(|| missing("statement".to_owned()))?),
        other => return Err(missing(other.chars().take(80).collect()).into()),
    };
    Ok(([(CONTENT_TYPE, kind)], bytes))
}

/// What has not the form of an id is no decision.
async fn explained(app: &App, ctx: &base::Ctx, id: &str) -> Result<Explained, ApiError> {
    let missing = |_| promote::Error::NotFound { what: "decision", name: id.chars().take(80).collect() };
    let id: Id<DecisionRecord> = id.parse().map_err(missing)?;
    Ok(app.promote.decision(ctx, &id).await?)
}

fn view(record: &DecisionRecord) -> Value {
    json!({
        "id": record.id,
        "policy": record.policy,
        "repository": record.repository,
        "tag": record.tag,
        "digest": record.digest,
        "verdict": record.decision.verdict,
        "reasons": record.decision.reasons,
        "evaluator": record.decision.evaluator,
        "policyDigest": record.decision.policy_digest,
        "evidenceDigest": record.decision.evidence_digest,
        "decisionDigest": record.decision.digest(),
        "decidedAt": record.decided_at.to_string(),
        "effect": record.effect.to_string(),
        "effectReason": record.effect.reason(),
        "auditEntry": record.entry,
    })
}

fn trial_view(trial: &Trial) -> Value {
    let past = trial.past.as_ref().map(|past| {
        json!({
            "decision": past.id,
            "policy": past.policy,
            "verdict": past.decision.verdict,
            "effect": past.effect.to_string(),
        })
    });
    json!({
        "tag": trial.tag,
        "digest": trial.digest,
        "verdict": trial.decision.verdict,
        "reasons": trial.decision.reasons,
        "targetTag": trial.target_tag.as_ref().ok(),
        "targetTagProblem": trial.target_tag.as_ref().err(),
        "present": trial.present,
        "at": trial.at.to_string(),
        "past": past,
    })
}
