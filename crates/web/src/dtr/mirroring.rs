//! Mirroring policies, one push by hand, the Connect button, and how far everything is.

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::StatusCode,
    response::IntoResponse,
    routing::{get, post},
};
use base::{Id, Kind, Secret};
use mirror::{Direction, MirroringForm, MirroringPolicy, Work};
use oci::{Reference, RepoName, Tag};
use policy::PolicyForm;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    body::{Asked, Body, Params},
    promotions::Apply,
    repositories::Named,
    tags::NamedTag,
    webhooks::NEVER,
};
use crate::{App, caller::Caller, error::ApiError};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v0/repositories/{namespace}/{repo}/pushMirroringPolicies", get(list::<Push>).post(create::<Push>))
        .route(
            "/api/v0/repositories/{namespace}/{repo}/pushMirroringPolicies/{policy}",
            get(show::<Push>).put(update::<Push>).delete(remove::<Push>),
        )
        .route("/api/v0/repositories/{namespace}/{repo}/pollMirroringPolicies", get(list::<Poll>).post(create::<Poll>))
        .route(
            "/api/v0/repositories/{namespace}/{repo}/pollMirroringPolicies/{policy}",
            get(show::<Poll>).put(update::<Poll>).delete(remove::<Poll>),
        )
        .route("/api/v0/repositories/{namespace}/{repo}/mirroringPolicies", get(list_all).delete(remove_all))
        .route("/api/v0/repositories/{namespace}/{repo}/tags/{tag}/pushMirroring", post(push_once))
        .route("/api/v0/remote/registry", post(connect))
        .route("/api/v1/repositories/{namespace}/{repo}/mirroring/{policy}", get(status))
        .route("/api/v1/repositories/{namespace}/{repo}/mirroring/{policy}/run", post(run))
        .route("/api/v1/mirroring/poll", post(poll_now))
}

/// The direction of the policies that a route is about.
trait Way: Send + 'static {
    const DIRECTION: Direction;
}

enum Push {}
enum Poll {}

impl Way for Push {
    const DIRECTION: Direction = Direction::Push;
}

impl Way for Poll {
    const DIRECTION: Direction = Direction::Poll;
}

/// DTR's members and two of ours. What it only answers may come along, as scripts send back what they read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Form {
    remote_host: Option<String>,
    remote_repository: Option<String>,
    #[serde(rename = "remoteCA")]
    remote_ca: Option<String>,
    #[serde(rename = "skipTLSVerification")]
    skip_tls: Option<bool>,
    username: Option<String>,
    password: Option<Secret>,
    auth_token: Option<Secret>,
    enabled: Option<bool>,
    /// With groups in it; read where its places can be named.
    rules: Option<Value>,
    tag_template: Option<String>,
    ignore_unknown_severities: Option<bool>,
    /// Ours: whether signatures, attestations and other referrers come along; they do.
    referrers: Option<bool>,
    initial_evaluation: Option<bool>,
    /// Of a push by hand; as here when it is absent.
    remote_tag: Option<Tag>,
    #[serde(rename = "id")]
    _id: Option<Value>,
    #[serde(rename = "localRepository")]
    _local_repository: Option<Value>,
    #[serde(rename = "lastMirroredAt")]
    _last_mirrored_at: Option<Value>,
    #[serde(rename = "lastStatus")]
    _last_status: Option<Value>,
}

impl Form {
    fn form(self) -> Result<MirroringForm, mirror::Error> {
        Ok(MirroringForm {
            host: self.remote_host,
            remote_repository: self.remote_repository,
            ca_pem: self.remote_ca,
            skip_tls: self.skip_tls,
            username: self.username,
            // Scripts send back an empty one, which is not shown and not meant.
            password: self.password.filter(|secret| !secret.expose().is_empty()),
            auth_token: self.auth_token.filter(|secret| !secret.expose().is_empty()),
            enabled: self.enabled,
            rules: self.rules.as_ref().map(policy::read_rules).transpose()?,
            tag_template: self.tag_template,
            ignore_unknown_severities: self.ignore_unknown_severities,
            referrers: self.referrers,
        })
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
    fn split(&self, direction: Direction) -> Result<(RepoName, Id<MirroringPolicy>), ApiError> {
        let missing = |_| mirror::Error::NoSuchPolicy(direction, self.policy.chars().take(80).collect());
        Ok((Named::of(&self.namespace, &self.repo).name()?, self.policy.parse().map_err(missing)?))
    }
}

type Answer = Result<Json<Value>, ApiError>;
type Made = Result<(StatusCode, Json<Value>), ApiError>;

async fn list<W: Way>(State(app): State<App>, Caller(ctx): Caller, Params(named): Params<Named>) -> Answer {
    let found = app.mirror.list(&ctx, &named.name()?, Some(W::DIRECTION)).await?;
    Ok(Json(found.iter().map(view).collect()))
}

async fn list_all(State(app): State<App>, Caller(ctx): Caller, Params(named): Params<Named>) -> Answer {
    let found = app.mirror.list(&ctx, &named.name()?, None).await?;
    let told = |policy: &MirroringPolicy| {
        let mut view = view(policy);
        view["mirroringType"] = policy.direction.way().into();
        view
    };
    Ok(Json(found.iter().map(told).collect()))
}

async fn create<W: Way>(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(named): Params<Named>,
    Asked(apply): Asked<Apply>,
    Body(body): Body<Form>,
) -> Made {
    let apply = body.initial_evaluation.unwrap_or(apply.initial_evaluation);
    let form = body.form().map_err(wrong::<W>)?;
    let made = app.mirror.create(&ctx, &named.name()?, (W::DIRECTION, form), apply).await.map_err(wrong::<W>)?;
    Ok((StatusCode::CREATED, Json(view(&made))))
}

/// A policy that cannot be has a code for each direction.
fn wrong<W: Way>(error: mirror::Error) -> ApiError {
    let code = match W::DIRECTION {
        Direction::Poll => "INVALID_POLL_MIRRORING_POLICY",
        Direction::Push | Direction::Once => "INVALID_PUSH_MIRRORING_POLICY",
    };
    match error {
        error @ mirror::Error::Policy(_) => ApiError::from(error).coded(code),
        error => error.into(),
    }
}

async fn show<W: Way>(State(app): State<App>, Caller(ctx): Caller, Params(named): Params<NamedPolicy>) -> Answer {
    let (name, id) = named.split(W::DIRECTION)?;
    Ok(Json(view(&app.mirror.policy(&ctx, &name, (&id, W::DIRECTION)).await?)))
}

async fn update<W: Way>(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(named): Params<NamedPolicy>,
    Asked(apply): Asked<Apply>,
    Body(body): Body<Form>,
) -> Answer {
    let (name, id) = named.split(W::DIRECTION)?;
    let apply = body.initial_evaluation.unwrap_or(apply.initial_evaluation);
    let form = body.form().map_err(wrong::<W>)?;
    let changed = app.mirror.update(&ctx, (&name, &id), (W::DIRECTION, form), apply).await.map_err(wrong::<W>)?;
    Ok(Json(view(&changed)))
}

async fn remove<W: Way>(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(named): Params<NamedPolicy>,
) -> Result<StatusCode, ApiError> {
    let (name, id) = named.split(W::DIRECTION)?;
    app.mirror.delete(&ctx, &name, (&id, W::DIRECTION)).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
struct PolicyId {
    id: String,
}

/// Those that the body names, or all without one.
async fn remove_all(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(named): Params<Named>,
    body: Bytes,
) -> Result<StatusCode, ApiError> {
    let ids: Option<Vec<PolicyId>> = match body.is_empty() {
        true => None,
        false => Some(serde_json::from_slice(&body).map_err(|error| ApiError::invalid(error).coded("INVALID_JSON"))?),
    };
    let ids: Option<Vec<String>> = ids.map(|ids| ids.into_iter().map(|one| one.id).collect());
    app.mirror.delete_all(&ctx, &named.name()?, ids.as_deref()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// One tag, now and once: it goes on in the background, and the answer's id tells how far it is.
async fn push_once(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(named): Params<NamedTag>,
    Body(body): Body<Form>,
) -> Result<impl IntoResponse, ApiError> {
    let (name, tag) = named.split()?;
    let remote_tag = body.remote_tag.clone().unwrap_or_else(|| tag.clone());
    let made = app.mirror.push_once(&ctx, (&name, &tag, &remote_tag), body.form()?).await?;
    let digest = app.registry.image(&ctx, &name, &Reference::Tag(tag)).await?.digest;
    let mut shown = view(&made);
    shown["mirroringPolicyID"] = shown["id"].clone();
    shown["digest"] = digest.to_string().into();
    shown["remoteTag"] = remote_tag.to_string().into();
    Ok((StatusCode::CREATED, Json(shown)))
}

/// The Connect button.
async fn connect(State(app): State<App>, Caller(ctx): Caller, Body(body): Body<Form>) -> Made {
    let found = app.mirror.connect(&ctx, &body.form()?).await?;
    if !found.read && !found.write {
        let why = "the other registry lets these credentials neither read nor write there; check username, password and remoteRepository";
        return Err(ApiError::new(Kind::Invalid, why).coded("REMOTE_REGISTRY_INVALID_PERMISSIONS"));
    }
    let permissions = json!({"read": found.read, "write": found.write});
    Ok((StatusCode::CREATED, Json(json!({"registryType": "registry", "permissions": permissions}))))
}

/// `GET /api/v1/…/mirroring/{policy}`: the policy, and how far each of its tags is.
async fn status(State(app): State<App>, Caller(ctx): Caller, Params(named): Params<NamedPolicy>) -> Answer {
    let (name, id) = named.split(Direction::Push)?;
    let (policy, work) = app.mirror.work(&ctx, &name, &id).await?;
    let mut shown = view(&policy);
    shown["direction"] = policy.direction.way().into();
    shown["images"] = work.iter().map(work_view).collect();
    Ok(Json(shown))
}

async fn run(State(app): State<App>, Caller(ctx): Caller, Params(named): Params<NamedPolicy>) -> Made {
    let (name, id) = named.split(Direction::Push)?;
    let policy = app.mirror.run_now(&ctx, &name, &id).await?;
    Ok((StatusCode::ACCEPTED, Json(view(&policy))))
}

/// What DTR's job `poll_mirror` did: every policy that polls does so now.
async fn poll_now(State(app): State<App>, Caller(ctx): Caller) -> Made {
    let (_, policies) = app.mirror.poll_now(&ctx).await?;
    Ok((StatusCode::ACCEPTED, Json(json!({"policies": policies}))))
}

/// A policy as DTR showed it; never a password.
fn view(policy: &MirroringPolicy) -> Value {
    let form = PolicyForm::from(policy.policy.clone());
    let mut view = json!({
        "id": policy.id,
        "localRepository": policy.repository,
        "remoteHost": policy.place.host,
        "remoteRepository": policy.place.repository,
        "remoteCA": policy.place.ca_pem,
        "skipTLSVerification": policy.place.skip_tls,
        "username": policy.username,
        "enabled": form.enabled,
        "lastMirroredAt": policy.last_mirrored_at.map_or(NEVER.to_owned(), |at| at.to_string()),
        "lastStatus": {"code": "PENDING", "detail": "", "timestamp": NEVER},
        "referrers": policy.referrers,
    });
    if let Some(status) = &policy.status {
        view["lastStatus"] = json!({"code": status.code, "detail": status.detail, "timestamp": status.at.to_string()});
    }
    if policy.direction == Direction::Push {
        view["rules"] = json!(form.rules);
        view["tagTemplate"] = form.tag_template.into();
        view["ignoreUnknownSeverities"] = form.ignore_unknown_severities.into();
    }
    view
}

fn work_view(work: &Work) -> Value {
    let progress = work.progress;
    json!({
        "tag": work.tag,
        "digest": work.digest,
        "remoteTag": work.remote_tag,
        "state": match (work.done, &work.error) {
            (true, _) => "mirrored",
            (false, None) => "waiting",
            (false, Some(_)) => "failing",
        },
        "blobsDone": progress.blobs_done,
        "blobs": progress.blobs,
        "bytesDone": progress.bytes_done,
        "bytes": progress.bytes,
        "failures": work.failures,
        "error": work.error,
        "updatedAt": work.updated_at.to_string(),
    })
}

impl From<mirror::Error> for ApiError {
    fn from(error: mirror::Error) -> ApiError {
        let code = match error {
            mirror::Error::Policy(_) => "INVALID_MIRRORING_POLICY",
            mirror::Error::NoSuchPolicy(Direction::Poll, _) => "NO_SUCH_POLL_MIRRORING_POLICY",
            mirror::Error::NoSuchPolicy(..) => "NO_SUCH_PUSH_MIRRORING_POLICY",
            mirror::Error::Remote(remote::Error::Denied(_)) => "REMOTE_REGISTRY_INVALID_PERMISSIONS",
            mirror::Error::Remote(_) => "REMOTE_REGISTRY_FAILED",
            mirror::Error::Registry(error) => return error.into(),
            mirror::Error::Promote(error) => return error.into(),
            mirror::Error::Identity(error) => return error.into(),
            _ => return ApiError::new(error.kind(), error),
        };
        ApiError::new(error.kind(), error).coded(code)
    }
}
