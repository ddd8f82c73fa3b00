//! Tags of a repository with what is known of them: `/api/v0/repositories/{ns}/{repo}/tags`.

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::get,
};
use base::{Kind, Timestamp};
use db::Tx;
use mirror::Mirror;
use oci::{RepoName, Tag};
use promote::{DecisionRecord, Promote};
use registry::{Origin, TagView};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    body::{Asked, Params},
    repositories::{Named, Paging, held_by_trust, next_page, repo_name},
    scans,
};
use crate::{
    App,
    caller::Caller,
    error::ApiError,
    scanned::scanned,
    signed::{Signed, Standing},
};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v0/repositories/{namespace}/{repo}/tags", get(list))
        .route("/api/v0/repositories/{namespace}/{repo}/tags/{tag}", get(show).delete(remove))
}

/// A tag as the parts of a path name it.
#[derive(Deserialize)]
pub(crate) struct NamedTag {
    namespace: String,
    repo: String,
    tag: String,
}

impl NamedTag {
    pub(crate) fn split(&self) -> Result<(RepoName, Tag), ApiError> {
        Ok((repo_name(&self.namespace, &self.repo)?, tag_name(&self.tag)?))
    }
}

/// What can be no tag is no tag.
pub(super) fn tag_name(text: &str) -> Result<Tag, ApiError> {
    text.parse().map_err(|error| ApiError::new(Kind::NotFound, error).coded("NO_SUCH_TAG"))
}

async fn list(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(named): Params<Named>,
    Asked(paging): Asked<Paging>,
) -> Result<(HeaderMap, Json<Value>), ApiError> {
    let name = named.name()?;
    let page = app.registry.tag_views(&ctx, &name, &paging.page_start, paging.size()).await?;
    let mut tx = app.db.read().await?;
    let signed = Signed::of(&app, &mut tx, ctx.now, &name).await?;
    let mut views = Vec::with_capacity(page.items.len());
    for tag in &page.items {
        views.push(view(&app, &mut tx, (ctx.now, &name, &signed), tag).await?);
    }
    let last = page.items.last().map(|tag| tag.tag.to_string());
    Ok((next_page(page.more, last), Json(views.into())))
}

async fn show(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(named): Params<NamedTag>,
) -> Result<Json<Value>, ApiError> {
    let (name, tag) = named.split()?;
    let tag = app.registry.tag_view(&ctx, &name, &tag).await?;
    let mut tx = app.db.read().await?;
    let signed = Signed::of(&app, &mut tx, ctx.now, &name).await?;
    Ok(Json(view(&app, &mut tx, (ctx.now, &name, &signed), &tag).await?))
}

async fn remove(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(named): Params<NamedTag>,
) -> Result<StatusCode, ApiError> {
    let (name, tag) = named.split()?;
    match app.registry.delete_tag(&ctx, &name, &tag).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(error) if held_by_trust(&error) => Err(ApiError::from(error).coded("TAG_IN_NOTARY")),
        Err(error) => Err(error.into()),
    }
}

/// A tag as DTR showed it.
async fn view(
    app: &App,
    tx: &mut Tx,
    (now, name, signed): (Timestamp, &RepoName, &Signed),
    tag: &TagView,
) -> Result<Value, ApiError> {
    let image = &tag.image;
    let scan = scanned(app, tx, now, name, image).await?;
    let platform = image.platform.as_ref();
    let standing = signed.standing(&tag.tag, &image.digest);
    let lapsed = lapsed(tx, name, tag).await?;
    let mirrored = Mirror::mirrored(tx, name, &tag.tag, &image.digest).await?;
    Ok(json!({
        "name": tag.tag,
        "digest": image.digest,
        "author": tag.pushed_by,
        "updatedAt": tag.pushed_at.to_string(),
        "job": tag.job,
        "manifest": {
            "digest": image.digest,
            "mediaType": image.media_type,
            "size": image.total_bytes,
            "os": platform.map_or("", |platform| &platform.os),
            "architecture": platform.map_or("", |platform| &platform.architecture),
            "configDigest": image.config.as_ref().map(|config| &config.digest),
        },
        "vuln_summary": scans::summary(&scan),
        "promotion": promotion(&tag.origin, lapsed.as_ref()),
        "mirroring": mirrored.map(|(remote, work)| json!({
            "mirroringPolicyID": work.policy,
            "digest": work.digest,
            "remoteRepository": remote,
            "remoteTag": work.remote_tag,
        })),
        "inNotary": standing != Standing::Unsigned,
        "hashMismatch": standing == Standing::Moved,
    }))
}

/// The decision by which a policy would not promote today what it promoted to this tag.
pub(crate) async fn lapsed(
    tx: &mut Tx,
    name: &RepoName,
    tag: &TagView,
) -> Result<Option<DecisionRecord>, promote::Error> {
    if tag.origin == Origin::Pushed {
        return Ok(None);
    }
    match Promote::origin(tx, name, &tag.tag).await? {
        Some(origin) => Promote::lapsed(tx, &origin).await,
        None => Ok(None),
    }
}

/// `lapsed`: the decision by which the policy would not promote the image today.
fn promotion(origin: &Origin, lapsed: Option<&DecisionRecord>) -> Value {
    match origin {
        Origin::Pushed => Value::Null,
        Origin::Promoted { policy, source, source_tag } => json!({
            "promotionPolicyID": policy,
            "sourceRepository": source,
            "sourceTag": source_tag,
            "lapsed": lapsed.map(|record| json!({
                "decision": record.id,
                "verdict": record.decision.verdict,
                "since": record.decided_at.to_string(),
                "objections": record.decision.objections().map(|reason| &reason.sentence).collect::<Vec<_>>(),
            })),
        }),
    }
}
