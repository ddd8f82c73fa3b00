//! The server, spoken to in the background: fetching the key and the set, reporting verdicts.

use std::time::Duration;

use admit::document;
use base::{Secret, limits};
use futures_util::StreamExt;
use http::{StatusCode, header};
use reqwest::{Client, RequestBuilder, Response, Url};
use serde_json::json;
use tlog::VerifierKey;

use crate::{Config, Error, queue::Report};

/// One call; a revocation is to be known within five seconds, so a slow one is given up for the next.
const CALL: Duration = Duration::from_secs(3);
/// How long the server may hold its answer that nothing changed.
const WAIT: &str = "wait=2";

#[derive(Debug)]
pub(crate) struct Server {
    client: Client,
    base: Url,
    token: Secret,
}

/// What came of asking for the set.
#[derive(Debug)]
pub(crate) enum Fetched {
    /// The one that the guard has.
    Same,
    New {
        document: Vec<u8>,
        etag: Option<String>,
    },
}

impl Server {
    pub(crate) fn new(config: &Config, url: &Url) -> Result<Server, Error> {
        let mut client = Client::builder()
            .user_agent(concat!("assay-guard ", env!("CARGO_PKG_VERSION")))
            .https_only(true)
            .timeout(CALL)
            .redirect(reqwest::redirect::Policy::none());
        if let Some(pem) = &config.ca_pem {
            let certificates = reqwest::Certificate::from_pem_bundle(pem.as_bytes());
            client = client.tls_certs_only(certificates.map_err(|error| Error::Invalid(format!("ca_pem: {error}")))?);
        }
        for (host, address) in config.resolved() {
            client = client.resolve(host, address);
        }
        let client = client.build().map_err(|error| Error::Invalid(format!("the HTTP client: {error}")))?;
        let base = url.join("api/v1/admission/").map_err(|error| Error::Invalid(format!("server_url: {error}")))?;
        Ok(Server { client, base, token: config.token.clone() })
    }

    /// The key that signs allow-sets, as the server says: to be pinned at the first contact.
    pub(crate) async fn key(&self) -> Result<VerifierKey, Error> {
        let response = self.send(self.client.get(self.at("key")?)).await?;
        let body = read(response, limits::API_BODY_BYTES).await?;
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Key {
            verifier_key: String,
        }
        let unclear =
            |error: &dyn std::fmt::Display| Error::Unavailable(format!("the server's admission key: {error}"));
        let key: Key = serde_json::from_slice(&body).map_err(|error| unclear(&error))?;
        key.verifier_key.parse().map_err(|error| unclear(&error))
    }

    pub(crate) async fn set(&self, etag: Option<&str>) -> Result<Fetched, Error> {
        let mut request = self.client.get(self.at("set")?);
        if let Some(etag) = etag {
            request = request.header(header::IF_NONE_MATCH, etag).header("prefer", WAIT);
        }
        let response = self.send(request).await?;
        if response.status() == StatusCode::NOT_MODIFIED {
            return Ok(Fetched::Same);
        }
        let etag = response.headers().get(header::ETAG).and_then(|value| value.to_str().ok()).map(str::to_owned);
        // What `document::open` takes at most; more is not even read.
        let document = read(response, limits::ADMISSION_SET_BYTES + limits::NOTE_BYTES).await?;
        Ok(Fetched::New { document, etag })
    }

    pub(crate) async fn report(&self, reports: &[Report]) -> Result<(), Error> {
        let request = self.client.post(self.at("verdicts")?).json(&json!({ "verdicts": reports }));
        self.send(request).await.map(drop)
    }

    fn at(&self, path: &str) -> Result<Url, Error> {
        self.base.join(path).map_err(|error| Error::Invalid(format!("server_url: {error}")))
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, Error> {
        let response = request.bearer_auth(self.token.expose()).send().await.map_err(|error| away(&error))?;
        let status = response.status();
        if status.is_success() || status == StatusCode::NOT_MODIFIED {
            return Ok(response);
        }
        let body = read(response, limits::API_BODY_BYTES).await.unwrap_or_default();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        let message = body["errors"][0]["message"].as_str().unwrap_or("without a reason");
        Err(match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Error::Denied(message.to_owned()),
            StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY => {
                Error::Refused(message.to_owned())
            }
            _ => Error::Unavailable(format!("the server answered {status}: {message}")),
        })
    }
}

/// Read a set that the pinned key signed.
pub(crate) fn open(document: &[u8], key: &VerifierKey) -> Result<admit::AllowSet, Error> {
    document::open(document, key).map_err(|error| Error::Untrusted(error.to_string()))
}

async fn read(response: Response, limit: usize) -> Result<Vec<u8>, Error> {
    let mut body = Vec::new();
    let mut chunks = response.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| away(&error))?;
        if body.len() + chunk.len() > limit {
            return Err(Error::Unavailable(format!("the server's answer has more than {limit} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The innermost cause says what is wrong; the outer ones repeat the URL.
fn away(error: &reqwest::Error) -> Error {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    Error::Unavailable(format!("the server cannot be reached: {cause}"))
}
