//! Tokens of the Docker token service: short-lived JWTs that say who asks, for the registry and for trust data.
//!
//! Such a token is a statement about a principal, not a right: every request made with it is decided from the rows again.
//! Its `access` only narrows what the client asked for. See the distribution token specification, "jwt".

use std::sync::Arc;

use base::{Credential, Ctx, Id, Principal, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use crate::{Error, verified_tokens::VerifiedTokens};

/// How long a token is valid: a push of a large image renews it several times.
pub const LIFETIME_SECONDS: i64 = 300;

/// One scope: `repository:admin/flask:pull,push`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    #[serde(rename = "type")]
    pub kind: String,
    pub name: String,
    pub actions: Vec<String>,
}

/// What a token says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Claims {
    iss: String,
    /// The account's name; empty for an anonymous token.
    pub sub: String,
    aud: String,
    exp: i64,
    nbf: i64,
    iat: i64,
    jti: String,
    pub access: Vec<Access>,
    /// Our own: the account's id, so that a token dies with its account and not with its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<Id<Principal>>,
    /// Our own: the access token that was used, so that it can be revoked at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    /// Our own: the job whose token was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<i64>,
}

/// The key pair of the token service and the names that go into a token.
#[derive(Clone)]
pub struct TokenKeys {
    encoding: EncodingKey,
    decoding: DecodingKey,
    issuer: String,
    verified: Arc<VerifiedTokens>,
}

impl std::fmt::Debug for TokenKeys {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "TokenKeys({})", self.issuer)
    }
}

impl TokenKeys {
    /// From a PKCS#8 EC P-256 key and its public half, both PEM; `issuer` is this installation's host and port.
    pub fn new(private_pem: &str, public_pem: &str, issuer: &str) -> Result<TokenKeys, Error> {
        let broken =
            |error: jsonwebtoken::errors::Error| Error::Internal(format!("the token key cannot be read: {error}"));
        Ok(TokenKeys {
            encoding: EncodingKey::from_ec_pem(private_pem.as_bytes()).map_err(broken)?,
            decoding: DecodingKey::from_ec_pem(public_pem.as_bytes()).map_err(broken)?,
            issuer: issuer.to_owned(),
            verified: Arc::default(),
        })
    }

    /// The service name that challenges and tokens carry.
    pub fn service(&self) -> &str {
        &self.issuer
    }

    /// A token for the context's actor that is good for so many seconds.
    pub fn issue(&self, ctx: &Ctx, access: Vec<Access>, seconds: i64) -> Result<String, Error> {
        let principal = ctx.principal();
        let now = ctx.now.as_second();
        let token = principal.and_then(Principal::token).map(str::to_owned);
        let job = principal.and_then(Principal::job);
        let claims = Claims {
            iss: self.issuer.clone(),
            sub: principal.map(|principal| principal.name.to_string()).unwrap_or_default(),
            aud: self.issuer.clone(),
            exp: now + seconds,
            nbf: now - 10,
            iat: now,
            jti: ctx.entropy.token(26),
            access,
            account: principal.map(|principal| principal.account.clone()),
            token,
            job,
        };
        jsonwebtoken::encode(&Header::new(Algorithm::ES256), &claims, &self.encoding)
            .map_err(|error| Error::Internal(format!("a token could not be signed: {error}")))
    }

    /// What a token says, if we signed it and it is valid `now`.
    pub fn open(&self, token: &str, now: Timestamp) -> Result<Arc<Claims>, Error> {
        let claims = self.verified.claims(token, now, || self.verify(token))?;
        let now = now.as_second();
        if now < claims.nbf || claims.exp <= now { Err(Error::Unauthenticated) } else { Ok(claims) }
    }

    /// What a token says, if we signed it. The algorithm is ours, never the header's.
    fn verify(&self, token: &str) -> Result<Claims, Error> {
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_audience(&[&self.issuer]);
        validation.set_issuer(&[&self.issuer]);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        // Checked by `open` against the request's own now.
        validation.validate_exp = false;
        let decoded = jsonwebtoken::decode::<Claims>(token, &self.decoding, &validation);
        Ok(decoded.map_err(|_| Error::Unauthenticated)?.claims)
    }
}

impl Claims {
    /// From when on it is not valid any more.
    pub fn ends_at(&self) -> Timestamp {
        Timestamp::from_second(self.exp).unwrap_or(Timestamp::MIN)
    }

    /// Whose token it is; `None` for an anonymous one. Whether the account still stands is for [`crate::Identity`].
    pub(crate) fn principal(&self) -> Result<Option<Principal>, Error> {
        let Some(account) = self.account.clone() else { return Ok(None) };
        let credential = match (self.token.clone(), self.job) {
            (Some(token), Some(job)) => Credential::JobToken { token, job },
            (Some(token), None) => Credential::Token(token),
            (None, _) => Credential::Password,
        };
        Ok(Some(Principal { account, name: self.sub.parse()?, credential }))
    }
}
