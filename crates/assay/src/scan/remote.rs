//! Pulling documents and layers from a registry (OCI distribution specification 1.1, "Pull").

use std::{
    io::{self, Read},
    sync::Mutex,
};

use anyhow::{Context, Result, bail, ensure};
use base::{Secret, limits::MANIFEST_BYTES};
use oci::{Digest, Hasher, ImageRef, MediaType, Reference};
use reqwest::{StatusCode, Url, header};
use serde::Deserialize;
use tokio::runtime::Handle;
use tokio_util::io::{StreamReader, SyncIoBridge};

use super::credentials::Credentials;

/// The host that references without one mean, and where it is.
const HUB: &str = "docker.io";
const HUB_REGISTRY: &str = "registry-1.docker.io";

/// One repository of a registry. Its methods block: call them where that is allowed.
#[derive(Debug)]
pub(crate) struct Remote {
    http: reqwest::Client,
    runtime: Handle,
    registry: String,
    path: String,
    reference: Reference,
    credentials: Option<Credentials>,
    token: Mutex<Option<Secret>>,
}

/// Answer of a token service (distribution, "Token Authentication Specification").
#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    token: String,
    #[serde(default)]
    access_token: String,
}

impl Remote {
    /// `http` must follow redirects: registries send layers from elsewhere.
    pub(crate) fn new(
        http: reqwest::Client,
        image: &ImageRef,
        plain_http: bool,
        credentials: Option<Credentials>,
    ) -> Remote {
        let host = image.host().unwrap_or(HUB);
        let path = image.path();
        let (host, path) = match host {
            HUB | "index.docker.io" if !path.contains('/') => (HUB_REGISTRY, format!("library/{path}")),
            HUB | "index.docker.io" => (HUB_REGISTRY, path.to_owned()),
            _ => (host, path.to_owned()),
        };
        let scheme = if plain_http { "http" } else { "https" };
        Remote {
            http,
            runtime: Handle::current(),
            registry: format!("{scheme}://{host}"),
            path,
            reference: image.reference(),
            credentials,
            token: Mutex::new(None),
        }
    }

    /// The manifest or index that the reference names, its digest and media type.
    pub(crate) fn manifest(&self) -> Result<(Digest, Vec<u8>, String)> {
        self.manifest_at(&self.reference)
    }

    /// One that an index names. Registries keep manifests apart from blobs (OCI distribution specification, "Pulling manifests").
    pub(crate) fn child(&self, digest: &Digest) -> Result<Vec<u8>> {
        let (_, bytes, _) = self.manifest_at(&Reference::Digest(digest.clone()))?;
        Ok(bytes)
    }

    fn manifest_at(&self, reference: &Reference) -> Result<(Digest, Vec<u8>, String)> {
        let named = match reference {
            Reference::Digest(digest) => digest.to_string(),
            Reference::Tag(tag) => tag.to_string(),
        };
        let response = self.get(&format!("manifests/{named}"))?;
        let media_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media_type = media_type.context("the registry does not say what the manifest is")?.to_owned();
        let mut bytes = Vec::new();
        let read = self.reader(response).take(MANIFEST_BYTES as u64 + 1).read_to_end(&mut bytes);
        read.context("the manifest cannot be fetched")?;
        ensure!(bytes.len() <= MANIFEST_BYTES, "the manifest is larger than the limit of {MANIFEST_BYTES} bytes");
        let digest = match reference {
            Reference::Digest(digest) => digest.clone(),
            Reference::Tag(_) => Digest::sha256_of(&bytes),
        };
        let found = Digest::of(digest.algorithm(), &bytes);
        ensure!(found == digest, "the registry sent another manifest: its digest is {found}, not {digest}");
        Ok((digest, bytes, media_type))
    }

    /// A blob, whose last read fails when the bytes were not those of the digest.
    pub(crate) fn blob(&self, digest: &Digest) -> Result<Box<dyn Read + Send>> {
        let response = self.get(&format!("blobs/{digest}"))?;
        Ok(Box::new(Checked::new(self.reader(response), digest)))
    }

    fn reader(&self, response: reqwest::Response) -> impl Read + Send + use<> {
        use futures_util::TryStreamExt;
        let stream = Box::pin(response.bytes_stream().map_err(io::Error::other));
        SyncIoBridge::new_with_handle(StreamReader::new(stream), self.runtime.clone())
    }

    fn get(&self, what: &str) -> Result<reqwest::Response> {
        let url = format!("{}/v2/{}/{what}", self.registry, self.path);
        self.runtime.block_on(async {
            let response = self.send(&url).await?;
            if response.status() != StatusCode::UNAUTHORIZED {
                return accepted(response, &url);
            }
            let challenge = response.headers().get(header::WWW_AUTHENTICATE).and_then(|value| value.to_str().ok());
            let challenge = challenge.context("the registry wants a sign-in and does not say which")?.to_owned();
            self.sign_in(&challenge).await?;
            accepted(self.send(&url).await?, &url)
        })
    }

    async fn send(&self, url: &str) -> Result<reqwest::Response> {
        let documents =
            [MediaType::OCI_INDEX, MediaType::OCI_MANIFEST, MediaType::DOCKER_INDEX, MediaType::DOCKER_MANIFEST];
        let accept = documents.map(|kind| kind.to_string()).join(", ");
        let mut request = self.http.get(url).header(header::ACCEPT, accept);
        let token = self.token.lock().expect("no holder of this lock can panic").clone();
        if let Some(token) = token {
            request = request.bearer_auth(token.expose());
        } else if let Some(Credentials { name, secret }) = self.credentials.as_ref().filter(|_| !url.contains("/v2/_"))
        {
            // Registries that want a token answer 401 to this all the same.
            request = request.basic_auth(name, Some(secret.expose()));
        }
        request.send().await.with_context(|| format!("{url} cannot be reached"))
    }

    async fn sign_in(&self, challenge: &str) -> Result<()> {
        let Some(parameters) = challenge.strip_prefix("Bearer ") else {
            bail!("the registry refuses the sign-in; use: docker login");
        };
        let parameter = |name: &str| {
            let parts = parameters.split("\",").filter_map(|part| part.split_once("=\""));
            let mut values = parts.filter(|(key, _)| key.trim() == name);
            values.next().map(|(_, value)| value.trim_end_matches('"').to_owned())
        };
        let realm = parameter("realm").context("the registry wants a token and does not say from where")?;
        let mut url: Url = realm.parse().context("the registry's token service has no valid address")?;
        ensure!(
            url.scheme() == "https" || self.registry.starts_with("http://"),
            "the registry sends credentials to {realm}, which is not encrypted"
        );
        if let Some(service) = parameter("service") {
            url.query_pairs_mut().append_pair("service", &service);
        }
        url.query_pairs_mut().append_pair("scope", &format!("repository:{}:pull", self.path));
        let mut request = self.http.get(url);
        if let Some(Credentials { name, secret }) = &self.credentials {
            request = request.basic_auth(name, Some(secret.expose()));
        }
        let response = request.send().await.context("the registry's token service cannot be reached")?;
        ensure!(
            response.status().is_success(),
            "the registry refuses the sign-in ({}); use: docker login",
            response.status()
        );
        let Token { token, access_token } = response.json().await.context("the token service gave no token")?;
        let token = if token.is_empty() { access_token } else { token };
        *self.token.lock().expect("no holder of this lock can panic") = Some(Secret::new(token));
        Ok(())
    }
}

fn accepted(response: reqwest::Response, url: &str) -> Result<reqwest::Response> {
    match response.status() {
        status if status.is_success() => Ok(response),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            bail!("{url} is not for you ({}); use: docker login", response.status())
        }
        StatusCode::NOT_FOUND => bail!("{url} is unknown to the registry"),
        status => bail!("{url} answered {status}"),
    }
}

/// Bytes that are hashed as they pass, so that the end of other bytes than promised is an error.
pub(crate) struct Checked<R> {
    reader: R,
    hasher: Option<Hasher>,
    digest: Digest,
}

impl<R: Read> Checked<R> {
    pub(crate) fn new(reader: R, digest: &Digest) -> Checked<R> {
        Checked { reader, hasher: Some(Hasher::new(digest.algorithm())), digest: digest.clone() }
    }
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        if count > 0 {
            if let Some(hasher) = &mut self.hasher {
                hasher.update(&buffer[..count]);
            }
        } else if !buffer.is_empty()
            && let Some(hasher) = self.hasher.take()
        {
            let found = hasher.finish();
            if found != self.digest {
                return Err(io::Error::other(format!("{} has other bytes: their digest is {found}", self.digest)));
            }
        }
        Ok(count)
    }
}
