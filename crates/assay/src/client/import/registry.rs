//! The registry of the DTR: manifests and blobs, as they are (distribution specification, "Pull", and "Token Authentication").

use std::{collections::HashMap, sync::Mutex};

use axum::http::{Method, StatusCode, header};
use base::{Secret, limits::MANIFEST_BYTES};
use oci::{Digest, MediaType};
use reqwest::{Response, Url};
use serde_json::Value;

use super::{
    dtr::{Broken, Dtr, TRIES, Trouble, passes, pause, unanswered, whole},
    text,
};

/// What pulls, with a token for each repository.
#[derive(Debug)]
pub(super) struct Registry<'d> {
    dtr: &'d Dtr,
    tokens: Mutex<HashMap<String, Secret>>,
}

/// A manifest or index, byte for byte.
pub(super) struct Document {
    pub(super) digest: Digest,
    pub(super) content_type: Option<String>,
    pub(super) bytes: Vec<u8>,
}

impl<'d> Registry<'d> {
    pub(super) fn new(dtr: &'d Dtr) -> Registry<'d> {
        Registry { dtr, tokens: Mutex::default() }
    }

    /// What a tag or digest names.
    pub(super) async fn document(&self, repository: &str, reference: &str) -> Result<Document, Trouble> {
        let mut broken = String::new();
        for attempt in 0..TRIES {
            pause(attempt).await;
            let response = self.ask(Method::GET, repository, &format!("manifests/{reference}")).await?;
            let content_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
            let content_type = content_type.map(str::to_owned);
            let bytes = match whole(response, MANIFEST_BYTES).await {
                Ok(bytes) => bytes,
                Err(Broken::Said(trouble)) => return Err(trouble),
                Err(Broken::Off(why)) => {
                    broken = why;
                    continue;
                }
            };
            let wanted: Option<Digest> = reference.parse().ok();
            let digest = match &wanted {
                Some(wanted) => Digest::of(wanted.algorithm(), &bytes),
                None => Digest::sha256_of(&bytes),
            };
            if wanted.is_some_and(|wanted| wanted != digest) {
                return Err(Trouble::Said(format!("the DTR sent another manifest: its digest is {digest}")));
            }
            return Ok(Document { digest, content_type, bytes });
        }
        Err(Trouble::Said(broken))
    }

    /// The digest of a tag, without its manifest.
    pub(super) async fn digest(&self, repository: &str, tag: &str) -> Result<Option<String>, Trouble> {
        let response = self.ask(Method::HEAD, repository, &format!("manifests/{tag}")).await?;
        let digest = response.headers().get("docker-content-digest").and_then(|value| value.to_str().ok());
        Ok(digest.map(str::to_owned))
    }

    /// A blob whose bytes are still to come.
    pub(super) async fn blob(&self, repository: &str, digest: &Digest) -> Result<Response, Trouble> {
        self.ask(Method::GET, repository, &format!("blobs/{digest}")).await
    }

    /// A good answer, after signing in and some patience.
    async fn ask(&self, method: Method, repository: &str, what: &str) -> Result<Response, Trouble> {
        let url = format!("{}/v2/{repository}/{what}", self.dtr.url());
        let (mut signed_in, mut failed) = (false, Trouble::Absent);
        let mut attempt = 0;
        while attempt < TRIES {
            pause(attempt).await;
            let response = match self.send(&method, &url, repository).await {
                Ok(response) => response,
                Err(error) => {
                    failed = unanswered(error);
                    attempt += 1;
                    continue;
                }
            };
            match response.status() {
                status if status.is_success() => return Ok(response),
                StatusCode::UNAUTHORIZED if !signed_in => {
                    // Also when the token of before is too old by now.
                    self.sign_in(&response, repository).await?;
                    signed_in = true;
                }
                StatusCode::NOT_FOUND => return Err(Trouble::Absent),
                status if passes(status) => {
                    failed = Trouble::Said(format!("the DTR's registry answered {status}"));
                    attempt += 1;
                }
                status => return Err(Trouble::Said(format!("the DTR's registry answered {status}"))),
            }
        }
        Err(failed)
    }

    async fn send(&self, method: &Method, url: &str, repository: &str) -> Result<Response, reqwest::Error> {
        let documents =
            [MediaType::OCI_INDEX, MediaType::OCI_MANIFEST, MediaType::DOCKER_INDEX, MediaType::DOCKER_MANIFEST];
        let accept = documents.map(|kind| kind.to_string()).join(", ");
        let request = self.dtr.blobs.request(method.clone(), url).header(header::ACCEPT, accept);
        let token = self.tokens.lock().expect("no holder of this lock can panic").get(repository).cloned();
        match token {
            Some(token) => request.bearer_auth(token.expose()).send().await,
            None => request.send().await,
        }
    }

    /// Get a token from the service that the challenge names, which must be the DTR itself: the password goes there.
    async fn sign_in(&self, challenge: &Response, repository: &str) -> Result<(), Trouble> {
        let said = |why: &str| Trouble::Said(format!("the DTR's registry {why}"));
        let header = challenge.headers().get(header::WWW_AUTHENTICATE).and_then(|value| value.to_str().ok());
        let parameters = header.and_then(|header| header.strip_prefix("Bearer "));
        let parameters = parameters.ok_or_else(|| said("wants a sign-in and does not say which"))?;
        let parameter = |name: &str| {
            let parts = parameters.split("\",").filter_map(|part| part.split_once("=\""));
            let mut values = parts.filter(|(key, _)| key.trim() == name);
            values.next().map(|(_, value)| value.trim_end_matches('"').to_owned())
        };
        let realm = parameter("realm").and_then(|realm| realm.parse::<Url>().ok());
        let mut url = realm.ok_or_else(|| said("wants a token and does not say from where"))?;
        if url.origin() != self.dtr.url.origin() {
            let elsewhere = url.origin().ascii_serialization();
            return Err(said(&format!("has people sign in at {elsewhere}; name that address if it is the DTR's")));
        }
        if let Some(service) = parameter("service") {
            url.query_pairs_mut().append_pair("service", &service);
        }
        url.query_pairs_mut().append_pair("scope", &format!("repository:{repository}:pull"));
        let answer = self.dtr.with_password(url).await?;
        let token = [text(&answer, "token"), text(&answer, "access_token")].into_iter().find(|token| !token.is_empty());
        let token = Secret::new(token.ok_or_else(|| said("gave no token"))?.to_owned());
        self.tokens.lock().expect("no holder of this lock can panic").insert(repository.to_owned(), token);
        Ok(())
    }
}

/// Code and message of an answer in the form of the distribution specification.
pub(super) fn said(body: &[u8], status: StatusCode) -> (String, String) {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    let error = &value["errors"][0];
    let message = match text(error, "message") {
        "" => status.to_string(),
        message => format!("{message} ({status})"),
    };
    (text(error, "code").to_owned(), message)
}
