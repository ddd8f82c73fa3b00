//! Who signed an image, in every form: `/api/v1/repositories/{namespace}/{repo}/images/{reference}/signatures`; and whose signatures
//! from elsewhere count: `/api/v1/anchors`.

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    routing::{get, put},
};
use base::Kind;
use oci::{Reference, RepoName};
use serde::Deserialize;
use serde_json::{Value, json};
use trust::{AnchorName, AttachedSignature, SignedBy, SignedTagView, SignerView, TrustAnchor, Verdict};

use crate::{
    App,
    caller::Caller,
    dtr::{Body, Params},
    error::ApiError,
};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v1/repositories/{namespace}/{repo}/images/{reference}/signatures", get(signatures))
        .route("/api/v1/anchors", get(anchors))
        .route("/api/v1/anchors/{name}", put(set_anchor).delete(remove_anchor))
}

#[derive(Deserialize)]
struct Of {
    namespace: String,
    repo: String,
    /// A tag, or the digest of an image.
    reference: String,
}

/// For whoever may pull the image.
async fn signatures(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(of): Params<Of>,
) -> Result<Json<Value>, ApiError> {
    let name: RepoName =
        format!("{}/{}", of.namespace, of.repo).parse().map_err(|error| ApiError::new(Kind::NotFound, error))?;
    let reference: Reference = of.reference.parse().map_err(|error| ApiError::new(Kind::NotFound, error))?;
    let digest = app.registry.image(&ctx, &name, &reference).await?.digest;
    let own_key = app.scan.attestation_key();
    let attached = app.trust.attached_signatures(&app.registry, &ctx, own_key.as_deref(), (&name, &digest)).await?;
    let tags = app.trust.signed_tags_of(&mut app.db.read().await?, ctx.now, &name).await?;
    let by_tag = tags.iter().filter(|tag| tag.digest == digest).flat_map(of_tag);
    let all: Vec<Value> = by_tag.chain(attached.iter().map(of_attached)).collect();
    Ok(Json(json!({"digest": digest, "signatures": all})))
}

/// What trust data of Content Trust says: one for each signer, or for the tag where nobody signed it as himself.
fn of_tag(tag: &SignedTagView) -> Vec<Value> {
    let nobody = SignerView { role: tag.released_by.clone(), keys: Default::default(), accounts: Vec::new() };
    let signers = if tag.signers.is_empty() { std::slice::from_ref(&nobody) } else { &tag.signers };
    let one = |signer: &SignerView| {
        let by: Vec<Value> = signer.accounts.iter().map(|account| json!({"account": account.name})).collect();
        let keys: Vec<&str> = signer.keys.iter().map(|key| key.as_str()).collect();
        json!({
            "form": "content-trust", "tag": tag.tag, "role": signer.role, "manifest": null, "predicateType": null,
            "accepted": true, "reason": null, "by": by, "keys": keys, "subject": null, "madeAt": null, "expiresAt": null,
        })
    };
    signers.iter().map(one).collect()
}

fn of_attached(signature: &AttachedSignature) -> Value {
    let (accepted, by, keys, subject, reason) = match &signature.verdict {
        Verdict::Accepted { by, key, subject } => (true, vec![whose(by)], vec![key], subject.as_ref(), None),
        Verdict::Refused(why) => (false, Vec::new(), Vec::new(), None, Some(why)),
    };
    json!({
        "form": signature.form.map(|form| form.as_str()), "tag": null, "role": null, "manifest": signature.manifest,
        "predicateType": signature.predicate_type, "accepted": accepted, "reason": reason, "by": by, "keys": keys,
        "subject": subject, "madeAt": signature.made, "expiresAt": signature.expires,
    })
}

fn whose(by: &SignedBy) -> Value {
    match by {
        SignedBy::Account(name) => json!({"account": name}),
        SignedBy::Anchor(name) => json!({"anchor": name}),
        SignedBy::Server => json!({"server": true}),
    }
}

async fn anchors(State(app): State<App>, Caller(ctx): Caller) -> Result<Json<Value>, ApiError> {
    let all: Vec<Value> = app.trust.anchors(&ctx).await?.iter().map(of_anchor).collect();
    Ok(Json(json!({"anchors": all})))
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

impl Named {
    fn name(&self) -> Result<AnchorName, ApiError> {
        self.name.parse().map_err(ApiError::invalid)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    /// One block, `PUBLIC KEY` or `CERTIFICATE`.
    pem: String,
}

async fn set_anchor(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(named): Params<Named>,
    Body(given): Body<Given>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(of_anchor(&app.trust.set_anchor(&ctx, &named.name()?, &given.pem).await?)))
}

async fn remove_anchor(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(named): Params<Named>,
) -> Result<StatusCode, ApiError> {
    app.trust.remove_anchor(&ctx, &named.name()?).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn of_anchor(anchor: &TrustAnchor) -> Value {
    json!({
        "name": anchor.name.to_string(), "kind": anchor.kind.as_str(), "id": anchor.kind.id(), "pem": anchor.pem,
        "setBy": anchor.set_by, "setAt": anchor.set_at,
    })
}
