//! What is asked of the provider: its discovery document, its keys, tokens for codes.
//!
//! Its answers are another system's: bounded in time and bytes, reached through [`Outbound`], no redirect followed.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base::{Ctx, Secret, Timestamp, limits};
use jsonwebtoken::jwk::JwkSet;
use outbound::{Outbound, Trust};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    OidcSettings,
    id_token::{Expected, Refused, verify},
};
use crate::Error;

/// How long what was discovered counts.
const DISCOVERED_FOR: Duration = Duration::from_secs(60 * 60);
/// How often keys are asked for again because a token names an unknown one: forged tokens must not make us hammer the provider.
const KEYS_ANEW: u32 = 5;
const KEYS_ANEW_IN: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Clone, Debug)]
pub(super) struct Provider {
    issuer: String,
    client_id: String,
    client_secret: Option<Secret>,
    ca_pem: Option<String>,
    outbound: Outbound,
    known: Arc<Mutex<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    discovered: Option<(Arc<Discovered>, Timestamp)>,
    keys: Option<(Arc<JwkSet>, Timestamp)>,
    /// How often they were asked for anew since.
    anew: Option<(Timestamp, u32)>,
}

/// OpenID Connect Discovery 1.0, section 3.
#[derive(Debug, Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    userinfo_endpoint: Option<String>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
}

/// What of it is used.
#[derive(Debug)]
pub(super) struct Discovered {
    pub(super) authorization_endpoint: Url,
    token_endpoint: Url,
    jwks_uri: Url,
    userinfo_endpoint: Option<Url>,
    secret_by_header: bool,
}

/// What a code is worth.
#[derive(Deserialize)]
pub(super) struct Tokens {
    pub(super) id_token: String,
    access_token: Option<Secret>,
}

impl Known {
    fn may_ask_anew(&mut self, now: Timestamp) -> bool {
        let (since, count) = self.anew.filter(|(since, _)| is_fresh(*since, now, KEYS_ANEW_IN)).unwrap_or((now, 0));
        self.anew = Some((since, count + 1));
        count < KEYS_ANEW
    }
}

impl Provider {
    pub(super) fn new(settings: &OidcSettings, outbound: Outbound) -> Result<Provider, Error> {
        let issuer = settings.issuer.parse::<Url>();
        let issuer = issuer.map_err(|error| Error::Invalid(format!("issuer {:?}: {error}", settings.issuer)))?;
        require_https(&issuer)?;
        if issuer.query().is_some() || issuer.fragment().is_some() {
            return Err(Error::Invalid(format!("issuer {issuer} has a query or a fragment, which no issuer has")));
        }
        Ok(Provider {
            issuer: settings.issuer.clone(),
            client_id: settings.client_id.clone(),
            client_secret: settings.client_secret.clone(),
            ca_pem: settings.ca_pem.clone(),
            outbound,
            known: Arc::default(),
        })
    }

    /// Its endpoints, as it says itself.
    pub(super) async fn discovered(&self, ctx: &Ctx) -> Result<Arc<Discovered>, Error> {
        if let Some((known, at)) = &self.lock().discovered
            && is_fresh(*at, ctx.now, DISCOVERED_FOR)
        {
            return Ok(Arc::clone(known));
        }
        let url = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let url = url.parse().map_err(|error| Error::Internal(format!("{url}: {error}")))?;
        let found: Document = self.get(&url, None).await?;
        if found.issuer != self.issuer {
            let why =
                format!("the provider calls itself {:?}, not {:?}; set that as the issuer", found.issuer, self.issuer);
            return Err(unavailable(&why));
        }
        let methods = &found.token_endpoint_auth_methods_supported;
        let found = Arc::new(Discovered {
            authorization_endpoint: endpoint(&found.authorization_endpoint)?,
            token_endpoint: endpoint(&found.token_endpoint)?,
            jwks_uri: endpoint(&found.jwks_uri)?,
            userinfo_endpoint: found.userinfo_endpoint.as_deref().map(endpoint).transpose()?,
            secret_by_header: methods.is_empty() || methods.iter().any(|method| method == "client_secret_basic"),
        });
        self.lock().discovered = Some((Arc::clone(&found), ctx.now));
        Ok(found)
    }

    /// The tokens that a code is worth, once.
    pub(super) async fn exchange(
        &self,
        ctx: &Ctx,
        code: &str,
        verifier: &str,
        redirect_uri: &str,
    ) -> Result<Tokens, Error> {
        let known = self.discovered(ctx).await?;
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect_uri),
            ("code_verifier", verifier),
        ];
        let request = self.request(Method::POST, &known.token_endpoint).await?;
        let request = match &self.client_secret {
            // RFC 6749, section 2.3.1: both are form-encoded first.
            Some(secret) if known.secret_by_header => {
                request.basic_auth(encoded(&self.client_id), Some(encoded(secret.expose())))
            }
            Some(secret) => {
                form.extend([("client_id", self.client_id.as_str()), ("client_secret", secret.expose())]);
                request
            }
            None => {
                form.push(("client_id", &self.client_id));
                request
            }
        };
        let response = request.form(&form).send().await.map_err(|error| unavailable(&outbound::sentence(error)))?;
        match response.status() {
            StatusCode::OK => read(response).await,
            StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED => {
                // `invalid_grant` is the person's, `invalid_client` the operator's; both are told apart in the log.
                let told: Value = read(response).await.unwrap_or_default();
                tracing::warn!(error = %told["error"], "the provider gives no token for a code");
                Err(Error::Denied("the provider takes the sign-in back; begin again, or ask the operator".to_owned()))
            }
            status => Err(unavailable(&format!("it answered {status} to a code"))),
        }
    }

    /// The claims of an ID token that this provider signed for us.
    pub(super) async fn verified(&self, ctx: &Ctx, token: &str, nonce: &str) -> Result<Value, Error> {
        let expected = Expected { issuer: &self.issuer, client_id: &self.client_id, nonce, now: ctx.now };
        let refused = |refused: Refused| {
            let why = match refused {
                Refused::UnknownKey => "no key of the provider signed it",
                Refused::Other(why) => why,
            };
            Error::Denied(format!("the provider's token is not believed: {why}"))
        };
        let keys = self.keys(ctx, false).await?;
        match verify(token, &keys, &expected) {
            // Providers change their keys.
            Err(Refused::UnknownKey) => verify(token, &*self.keys(ctx, true).await?, &expected).map_err(refused),
            outcome => outcome.map_err(refused),
        }
    }

    async fn keys(&self, ctx: &Ctx, anew: bool) -> Result<Arc<JwkSet>, Error> {
        {
            let mut known = self.lock();
            if let Some((keys, at)) = known.keys.clone()
                && is_fresh(at, ctx.now, DISCOVERED_FOR)
                && !(anew && known.may_ask_anew(ctx.now))
            {
                return Ok(keys);
            }
        }
        let url = self.discovered(ctx).await?.jwks_uri.clone();
        // A key of a kind that is not known here must not hide the others.
        let set: Value = self.get(&url, None).await?;
        let keys = set["keys"].as_array().map(Vec::as_slice).unwrap_or_default();
        let keys = keys.iter().take(100).filter_map(|key| serde_json::from_value(key.clone()).ok()).collect();
        let keys = Arc::new(JwkSet { keys });
        self.lock().keys = Some((Arc::clone(&keys), ctx.now));
        Ok(keys)
    }

    /// What it says of who holds the access token; `None` when it does not serve that.
    pub(super) async fn user_info(&self, ctx: &Ctx, tokens: &Tokens) -> Result<Option<Value>, Error> {
        let known = self.discovered(ctx).await?;
        match (&known.userinfo_endpoint, &tokens.access_token) {
            (Some(url), Some(token)) => Ok(Some(self.get(url, Some(token)).await?)),
            _ => Ok(None),
        }
    }

    async fn get<T: DeserializeOwned>(&self, url: &Url, token: Option<&Secret>) -> Result<T, Error> {
        let mut request = self.request(Method::GET, url).await?;
        if let Some(token) = token {
            request = request.bearer_auth(token.expose());
        }
        let response = request.send().await.map_err(|error| unavailable(&outbound::sentence(error)))?;
        match response.status() {
            StatusCode::OK => read(response).await,
            status => Err(unavailable(&format!("{} answered {status}", url.path()))),
        }
    }

    async fn request(&self, method: Method, url: &Url) -> Result<RequestBuilder, Error> {
        let addresses = self.outbound.checked(url).await.map_err(|why| unavailable(&why))?;
        let trust = self.ca_pem.as_deref().map_or(Trust::Roots, Trust::Pinned);
        let client = self.outbound.client("assay-sign-in", addresses, trust).map_err(|why| unavailable(&why))?;
        let client = client.timeout(PATIENCE).build().map_err(|error| unavailable(&outbound::sentence(error)))?;
        Ok(client.request(method, url.clone()).header("accept", "application/json"))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The operator reads why; whoever signs in hears that it is not their fault.
fn unavailable(why: &str) -> Error {
    tracing::warn!(why, "the identity provider cannot be asked");
    Error::Unavailable(
        "the identity provider cannot be asked at present; try again, or sign in with a password".to_owned(),
    )
}

/// Everything here is a secret or becomes one; a provider on this machine needs no cable.
fn require_https(url: &Url) -> Result<(), Error> {
    let here = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    if url.scheme() == "https" || url.scheme() == "http" && here {
        return Ok(());
    }
    Err(Error::Invalid(format!("{url}: a provider is reached over https")))
}

fn endpoint(text: &str) -> Result<Url, Error> {
    let url = text.parse().map_err(|error| unavailable(&format!("its endpoint {text:?}: {error}")))?;
    require_https(&url).map_err(|error| unavailable(&error.to_string()))?;
    Ok(url)
}

fn is_fresh(at: Timestamp, now: Timestamp, age: Duration) -> bool {
    now.duration_since(at).unsigned_abs() < age
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// A JSON body of a bounded size.
async fn read<T: DeserializeOwned>(mut response: Response) -> Result<T, Error> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > limits::OIDC_ANSWER_BYTES => {
                return Err(unavailable("its answer is too long"));
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => break,
            Err(error) => return Err(unavailable(&outbound::sentence(error))),
        }
    }
    serde_json::from_slice(&body).map_err(|error| unavailable(&format!("its answer cannot be read: {error}")))
}
