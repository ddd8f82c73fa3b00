//! Public keys of accounts, client bundles, certificates.

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::{get, patch, post},
};
use base::AccountName;
use identity::{GivenKey, PublicKey};
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::{Asked, Body, Params, Whom};
use crate::{App, caller::Caller, error::ApiError};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/enzi/v0/accounts/{name}/publicKeys", get(keys).post(add))
        .route("/enzi/v0/accounts/{name}/publicKeys/{key}", patch(relabel).delete(revoke_key))
        .route("/api/clientbundle", get(own_bundle))
        .route("/api/v1/accounts/{name}/bundles", post(bundle))
        .route("/api/v1/certificates", post(certificate))
}

async fn keys(State(app): State<App>, Caller(ctx): Caller, Whom([name]): Whom<1>) -> Result<Json<Value>, ApiError> {
    let keys: Vec<Value> = app.identity.keys(&ctx, &name).await?.iter().map(view).collect();
    Ok(Json(json!({"accountPublicKeys": keys, "nextPageStart": ""})))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Given {
    #[serde(default)]
    label: String,
    public_key: String,
    #[serde(default)]
    certificates: Vec<GivenCertificate>,
}

#[derive(Deserialize)]
struct GivenCertificate {
    cert: String,
}

/// A key that was made elsewhere, with at most one certificate.
async fn add(
    State(app): State<App>,
    Caller(ctx): Caller,
    Whom([name]): Whom<1>,
    Body(body): Body<Given>,
) -> Result<impl IntoResponse, ApiError> {
    if body.certificates.len() > 1 {
        return Err(ApiError::invalid("a key has at most one certificate here; give the one in use"));
    }
    let certificate_pem = body.certificates.into_iter().next().map(|given| given.cert);
    let given = GivenKey { label: body.label, public_key_pem: body.public_key, certificate_pem };
    let key = app.identity.add_key(&ctx, &name, given).await?;
    Ok((StatusCode::CREATED, Json(view(&key))))
}

async fn relabel(
    State(app): State<App>,
    Caller(ctx): Caller,
    Whom([name]): Whom<1>,
    Params((_, key)): Params<(String, String)>,
    Body(body): Body<Label>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(view(&app.identity.label_key(&ctx, &name, &key, &body.label).await?)))
}

/// A key as eNZi showed it.
fn view(key: &PublicKey) -> Value {
    let certificates = key.certificate_pem.iter().map(|pem| json!({"label": key.label, "cert": pem}));
    json!({
        "id": key.id,
        "accountID": key.account,
        "publicKey": key.public_key_pem,
        "label": key.label,
        "certificates": certificates.collect::<Vec<_>>(),
        "revokedAt": key.revoked_at.map(|at| at.to_string()),
    })
}

async fn revoke_key(
    State(app): State<App>,
    Caller(ctx): Caller,
    Whom([name]): Whom<1>,
    Params((_, key)): Params<(String, String)>,
) -> Result<StatusCode, ApiError> {
    app.identity.revoke_key(&ctx, &name, &key).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
struct Label {
    #[serde(default)]
    label: String,
}

/// `GET /api/clientbundle`, as UCP served it: a new bundle for oneself, each time with a new key.
async fn own_bundle(
    State(app): State<App>,
    Caller(ctx): Caller,
    Asked(asked): Asked<Label>,
) -> Result<impl IntoResponse, ApiError> {
    let name = ctx.principal().ok_or(identity::Error::Unauthenticated)?.name.clone();
    let bundle = app.identity.create_bundle(&ctx, &name, &asked.label).await?;
    let disposition = format!("attachment; filename=\"bundle-{name}.zip\"");
    let headers = [(header::CONTENT_TYPE, "application/zip".to_owned()), (header::CONTENT_DISPOSITION, disposition)];
    Ok((headers, bundle.zip()?))
}

/// The same for any account, by an administrator, as JSON of the files.
async fn bundle(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(name): Params<AccountName>,
    Body(body): Body<Label>,
) -> Result<impl IntoResponse, ApiError> {
    let bundle = app.identity.create_bundle(&ctx, &name, &body.label).await?;
    let files: serde_json::Map<String, Value> =
        bundle.files().into_iter().map(|(name, content)| (name.to_owned(), content.into())).collect();
    Ok((StatusCode::CREATED, Json(json!({"keyID": bundle.certified.key_id, "files": files}))))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Names {
    names: Vec<String>,
}

/// `POST /api/v1/certificates`: what UCP did by itself for each node, a certificate for an engine's TLS.
async fn certificate(
    State(app): State<App>,
    Caller(ctx): Caller,
    Body(body): Body<Names>,
) -> Result<impl IntoResponse, ApiError> {
    let certified = app.identity.create_server_certificate(&ctx, &body.names).await?;
    let files = json!({
        "ca.pem": app.site.ca_pem, "cert.pem": certified.certificate_pem, "key.pem": certified.private_key_pem,
    });
    Ok((StatusCode::CREATED, Json(json!({"keyID": certified.key_id, "files": files}))))
}
