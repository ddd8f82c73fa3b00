//! Signing in: Basic, or a token of the service that the registry names (distribution, "Token Authentication Specification" and
//! "OAuth2 Token Authentication").

use base::{Secret, limits};
use reqwest::{Method, Url, header};
use serde::Deserialize;

use crate::{Error, Remote, transport::shown};

/// What shows who is asking.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// A user and a password or access token.
    Password { name: String, secret: Secret },
    /// A refresh token of the registry's token service, as `docker login` calls it an identity token.
    Refresh(Secret),
}

/// Answer of a token service.
#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    token: String,
    #[serde(default)]
    access_token: String,
}

impl Remote {
    /// Follow a challenge; what comes of it is used from then on.
    pub(crate) async fn sign_in(&self, challenge: &str) -> Result<(), Error> {
        let Some(parameters) = challenge.strip_prefix("Bearer ") else {
            return Err(Error::Denied(format!("{} refuses the sign-in", self.place())));
        };
        let parameter = |name: &str| {
            let parts = parameters.split("\",").filter_map(|part| part.split_once("=\""));
            let mut values = parts.filter(|(key, _)| key.trim() == name);
            values.next().map(|(_, value)| value.trim_end_matches('"').to_owned())
        };
        let unexpected = |why: &str| Error::Unexpected(format!("{}: {why}", self.place()));
        let realm = parameter("realm").ok_or_else(|| unexpected("it wants a token and does not say from where"))?;
        let mut url: Url = realm.parse().map_err(|_| unexpected("its token service has no valid address"))?;
        if url.scheme() != "https" && self.base.scheme() == "https" {
            return Err(unexpected("it sends credentials to an address that is not encrypted"));
        }
        let service = parameter("service").unwrap_or_default();
        let request = match &self.credentials {
            Some(Credentials::Refresh(secret)) => {
                let scope = self.scopes.join(" ");
                let form = [
                    ("grant_type", "refresh_token"),
                    ("client_id", "assay"),
                    ("service", &service),
                    ("scope", &scope),
                    ("refresh_token", secret.expose()),
                ];
                self.transport.request(Method::POST, &url).await?.form(&form)
            }
            other => {
                if !service.is_empty() {
                    url.query_pairs_mut().append_pair("service", &service);
                }
                for scope in &self.scopes {
                    url.query_pairs_mut().append_pair("scope", scope);
                }
                let request = self.transport.request(Method::GET, &url).await?;
                match other {
                    Some(Credentials::Password { name, secret }) => request.basic_auth(name, Some(secret.expose())),
                    _ => request,
                }
            }
        };
        let place = shown(&url);
        let response = self.transport.send(&Method::POST, &url, request).await?;
        let status = response.status();
        if !status.is_success() {
            return Err(Error::Denied(format!("{place} refuses the sign-in ({status})")));
        }
        let body = self.whole(response, limits::REMOTE_ANSWER_BYTES).await?;
        let Token { token, access_token } =
            serde_json::from_slice(&body).map_err(|_| Error::Unexpected(format!("{place} gave no token")))?;
        let token = if token.is_empty() { access_token } else { token };
        *self.token.lock().expect("no holder of this lock can panic") = Some(Secret::new(token));
        Ok(())
    }

    /// The challenge in an answer that asks for a sign-in.
    pub(crate) fn challenge(&self, response: &reqwest::Response) -> Result<String, Error> {
        let challenges = response.headers().get_all(header::WWW_AUTHENTICATE).iter();
        let mut texts = challenges.filter_map(|value| value.to_str().ok());
        let missing = || Error::Denied(format!("{} wants a sign-in and does not say which", self.place()));
        texts.next().map(str::to_owned).ok_or_else(missing)
    }
}
