//! Signing in with an OpenID Connect provider: the authorization code flow with PKCE.
//!
//! ```text
//!   browser ── GET /sign-in/oidc ──► here: state, nonce, verifier ── sealed into a cookie of this browser
//!      │ 303                                                                     │
//!      ▼                                                                         │
//!   provider: who are you? ── 303 code, state ──► here: state is the cookie's? ◄─┘
//!                                                   │ code + verifier ──► token endpoint ──► ID token
//!                                                   ▼
//!             signed by a key of its JWKS, for us, now, with the cookie's nonce ──► (issuer, subject) ──► account, session
//! ```
//!
//! OpenID Connect Core 1.0, sections 3.1 and 5; PKCE is RFC 7636; `iss` in the answer is RFC 9207. Nothing is kept here between
//! the two requests; the cookie is sealed, so that its browser alone can go on with what it began, for ten minutes.

mod id_token;
mod provider;

use std::collections::BTreeSet;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base::{Ctx, Secret, Timestamp, limits};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use outbound::Outbound;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use self::provider::Provider;
use crate::{Error, External, GroupRule, Identity, Sealer};

/// What the operator says of the provider.
#[derive(Clone, Debug)]
pub struct OidcSettings {
    /// What stands on the button.
    pub title: String,
    /// Exactly as the provider calls itself.
    pub issuer: String,
    pub client_id: String,
    /// None for a public client, which PKCE alone protects.
    pub client_secret: Option<Secret>,
    /// Beside `openid`.
    pub scopes: Vec<String>,
    /// Which claim is the account's name.
    pub name_claim: String,
    /// Which claim are the groups; a path is parted by dots.
    pub groups_claim: String,
    /// Whether somebody who was never here gets an account.
    pub create_accounts: bool,
    pub rules: Vec<GroupRule>,
    /// Authorities to trust in place of the public ones, PEM.
    pub ca_pem: Option<String>,
}

/// The provider, and how to go through a sign-in.
#[derive(Clone, Debug)]
pub struct Oidc {
    settings: OidcSettings,
    provider: Provider,
    sealer: Sealer,
    /// Where the provider sends browsers back to.
    redirect_uri: String,
}

/// What a browser carries from the first request to the second.
#[derive(Serialize, Deserialize)]
struct Begun {
    state: String,
    nonce: String,
    verifier: String,
    /// Where to go afterwards: a path of ours.
    to: String,
    /// In seconds.
    at: i64,
}

/// What the provider sends a browser back with.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Returned {
    pub code: Option<String>,
    #[serde(default)]
    pub state: String,
    pub iss: Option<String>,
    pub error: Option<String>,
}

/// What the sealed cookie is about.
const ABOUT: &str = "oidc/begun";

impl Oidc {
    /// `redirect_uri` is one of this installation's URLs, as it is registered at the provider.
    pub fn new(
        settings: OidcSettings,
        outbound: Outbound,
        sealer: Sealer,
        redirect_uri: String,
    ) -> Result<Oidc, Error> {
        let provider = Provider::new(&settings, outbound)?;
        Ok(Oidc { settings, provider, sealer, redirect_uri })
    }

    pub fn title(&self) -> &str {
        &self.settings.title
    }

    /// Begin: where to send the browser, and the value of its cookie.
    pub async fn begin(&self, ctx: &Ctx, to: &str) -> Result<(String, String), Error> {
        let known = self.provider.discovered(ctx).await?;
        let begun = Begun {
            state: ctx.entropy.token(40),
            nonce: ctx.entropy.token(40),
            verifier: ctx.entropy.token(64),
            to: to.chars().take(1_000).collect(),
            at: ctx.now.as_second(),
        };
        let scopes = std::iter::once("openid").chain(self.settings.scopes.iter().map(String::as_str));
        let mut url = known.authorization_endpoint.clone();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", &self.redirect_uri)
            .append_pair("scope", &scopes.collect::<Vec<_>>().join(" "))
            .append_pair("state", &begun.state)
            .append_pair("nonce", &begun.nonce)
            .append_pair("code_challenge", &URL_SAFE_NO_PAD.encode(Sha256::digest(&begun.verifier)))
            .append_pair("code_challenge_method", "S256");
        let plain = serde_json::to_vec(&begun).map_err(|error| Error::Internal(error.to_string()))?;
        let cookie = URL_SAFE_NO_PAD.encode(self.sealer.seal(&ctx.entropy, ABOUT, &plain));
        Ok((url.into(), cookie))
    }

    /// What this browser began, if it is the one that comes back.
    fn opened(&self, ctx: &Ctx, cookie: &str, returned: &Returned) -> Result<Begun, Error> {
        let stale = || {
            let why = "this sign-in was begun in another browser or more than ten minutes ago; begin again";
            Error::Invalid(why.to_owned())
        };
        let sealed = URL_SAFE_NO_PAD.decode(cookie).map_err(|_| stale())?;
        let plain = self.sealer.open(ABOUT, &sealed).map_err(|_| stale())?;
        let begun: Begun = serde_json::from_slice(plain.expose()).map_err(|_| stale())?;
        let age_s = ctx.now.as_second() - begun.at;
        let lifetime_s = i64::try_from(limits::OIDC_SIGN_IN.as_secs()).expect("minutes");
        if !(0..=lifetime_s).contains(&age_s)
            || verify_slices_are_equal(begun.state.as_bytes(), returned.state.as_bytes()).is_err()
        {
            return Err(stale());
        }
        Ok(begun)
    }

    /// Who came back, by the ID token that the code is worth.
    async fn who(&self, ctx: &Ctx, begun: &Begun, returned: &Returned) -> Result<External, Error> {
        if returned.iss.as_ref().is_some_and(|iss| *iss != self.settings.issuer) {
            return Err(Error::Denied("the answer is another provider's; begin again".to_owned()));
        }
        if let Some(error) = &returned.error {
            let word: String = error.chars().filter(|char| char.is_ascii_graphic()).take(60).collect();
            return Err(Error::Denied(format!("{} says: {word}", self.settings.title)));
        }
        let code = returned.code.as_deref().unwrap_or_default();
        let tokens = self.provider.exchange(ctx, code, &begun.verifier, &self.redirect_uri).await?;
        let mut claims = self.provider.verified(ctx, &tokens.id_token, &begun.nonce).await?;
        // Many providers say more of somebody to who asks with the access token (Core, section 5.3).
        let settings = &self.settings;
        let lacks = |claims: &Value| {
            text_at(claims, &settings.name_claim).is_none() || at(claims, &settings.groups_claim).is_none()
        };
        if lacks(&claims)
            && let Some(more) = self.provider.user_info(ctx, &tokens).await?
        {
            if more["sub"] != claims["sub"] {
                return Err(Error::Denied("the provider speaks of somebody else than its token".to_owned()));
            }
            let (Value::Object(own), Value::Object(more)) = (&mut claims, more) else {
                return Err(Error::Denied("the provider's answer is no object".to_owned()));
            };
            for (name, value) in more {
                own.entry(name).or_insert(value);
            }
        }
        self.external(&claims)
    }

    fn external(&self, claims: &Value) -> Result<External, Error> {
        let settings = &self.settings;
        let subject = claims["sub"].as_str().filter(|sub| (1..=255).contains(&sub.len()));
        let subject = subject.ok_or_else(|| Error::Denied("the provider does not say who that is".to_owned()))?;
        let name = text_at(claims, &settings.name_claim);
        let name = name.ok_or_else(|| {
            Error::Denied(format!("the provider gives no claim {:?}, which is the name here", settings.name_claim))
        })?;
        Ok(External {
            provider: settings.issuer.clone(),
            subject: subject.to_owned(),
            name: name.to_owned(),
            full_name: text_at(claims, "name").unwrap_or_default().to_owned(),
            groups: groups(at(claims, &settings.groups_claim)),
        })
    }
}

/// A claim by its name, or by a path with dots.
fn at<'a>(claims: &'a Value, path: &str) -> Option<&'a Value> {
    let whole = claims.get(path);
    whole.or_else(|| path.split('.').try_fold(claims, |inside, part| inside.get(part))).filter(|found| !found.is_null())
}

fn text_at<'a>(claims: &'a Value, path: &str) -> Option<&'a str> {
    at(claims, path)?.as_str().filter(|text| !text.is_empty())
}

/// A list of names, or one. Absent is none: who is not said to be in a group is in none.
fn groups(claim: Option<&Value>) -> BTreeSet<String> {
    let found = match claim {
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>(),
        Some(Value::String(one)) => vec![one.clone()],
        _ => Vec::new(),
    };
    found.into_iter().take(limits::EXTERNAL_GROUPS).collect()
}

impl Identity {
    /// The second half: a session for who came back, and where to go.
    pub async fn finish_oidc(
        &self,
        ctx: &Ctx,
        oidc: &Oidc,
        cookie: &str,
        returned: &Returned,
    ) -> Result<(Secret, String), Error> {
        let begun = oidc.opened(ctx, cookie, returned)?;
        let external = oidc.who(ctx, &begun, returned).await?;
        let settings = &oidc.settings;
        let account = self.admit_external(ctx, &external, &settings.rules, settings.create_accounts).await?;
        if !account.active {
            return Err(Error::Unauthenticated);
        }
        Ok((self.begin_session(ctx, &account, Some(&settings.issuer)).await?, begun.to))
    }
}

/// How far clocks may differ: a provider's and ours.
const LEEWAY_S: i64 = 60;

/// Whether `now` is inside, with the leeway.
fn is_valid_at(now: Timestamp, not_before: Option<i64>, expires: i64) -> bool {
    let now = now.as_second();
    now < expires.saturating_add(LEEWAY_S) && not_before.is_none_or(|from| from.saturating_sub(LEEWAY_S) <= now)
}
