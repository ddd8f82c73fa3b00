//! Writing to a repository of another registry (OCI distribution specification 1.1, "Push").

use oci::{Descriptor, Digest, Manifest, MediaType, Reference};
use reqwest::{Body, Method, StatusCode, Url, header};
use serde_json::{Value, json};
use tokio::io::AsyncRead;
use tokio_util::io::ReaderStream;

use crate::{
    Error, Remote,
    pull::{accepted, fallback_tag, header_of},
    transport::shown,
};

/// Bytes handed to the network at a time.
const SEND_BYTES: usize = 128 * 1024;

/// How an upload began.
#[derive(Debug)]
pub enum Started {
    /// The registry has the blob already and put it here.
    Mounted,
    /// Where the bytes go.
    Upload(Url),
}

impl Remote {
    pub async fn has_blob(&self, digest: &Digest) -> Result<bool, Error> {
        let url = self.url(&format!("blobs/{digest}"))?;
        let response = self.ask(Method::HEAD, &url, |request| request).await?;
        match response.status() {
            StatusCode::NOT_FOUND => Ok(false),
            _ => accepted(response, &url).map(|_| true),
        }
    }

    /// Begin an upload, or have the blob of another repository mounted instead.
    pub async fn start_upload(&self, digest: &Digest, mount_from: Option<&str>) -> Result<Started, Error> {
        let mut url = self.url("blobs/uploads/")?;
        if let Some(from) = mount_from {
            url.query_pairs_mut().append_pair("mount", digest.as_str()).append_pair("from", from);
        }
        let response = self.ask(Method::POST, &url, |request| request.header(header::CONTENT_LENGTH, 0)).await?;
        if response.status() == StatusCode::CREATED {
            return Ok(Started::Mounted);
        }
        Ok(Started::Upload(location(&accepted(response, &url)?, &url)?))
    }

    /// Send all of a blob, as a stream, and have it kept under its digest.
    pub async fn upload(
        &self,
        to: &Url,
        digest: &Digest,
        size: u64,
        bytes: impl AsyncRead + Send + 'static,
    ) -> Result<(), Error> {
        let request = self.transport.request(Method::PATCH, to).await?;
        let request = request
            .header(header::CONTENT_TYPE, "application/octet-stream")
            .header(header::CONTENT_LENGTH, size)
            .body(Body::wrap_stream(ReaderStream::with_capacity(bytes, SEND_BYTES)));
        let response = self.transport.send(&Method::PATCH, to, self.authorized(request, to)).await?;
        let mut end = location(&accepted(response, to)?, to)?;
        end.query_pairs_mut().append_pair("digest", digest.as_str());
        let closed = self.ask(Method::PUT, &end, |request| request.header(header::CONTENT_LENGTH, 0)).await?;
        accepted(closed, &end).map(drop)
    }

    /// Give up an upload; what a registry does about it is its own matter.
    pub async fn cancel_upload(&self, at: &Url) -> Result<(), Error> {
        self.ask(Method::DELETE, at, |request| request).await.map(drop)
    }

    /// Store a manifest as these bytes under a tag or its digest. Where the registry keeps no list of referrers, the one in a tag is
    /// written (OCI distribution specification 1.1, "Pushing Manifests with Subject").
    pub async fn put_manifest(
        &self,
        reference: &Reference,
        media_type: &MediaType,
        digest: &Digest,
        bytes: &[u8],
    ) -> Result<(), Error> {
        let response = self.store(reference, media_type.as_str(), bytes).await?;
        if let Some(found) = header_of(&response, "docker-content-digest")
            && found != digest.as_str()
        {
            return Err(Error::Unexpected(format!("{} keeps {digest} as {found}", self.place())));
        }
        let parsed = Manifest::parse(bytes, Some(media_type.as_str()));
        let subject = parsed.as_ref().ok().and_then(Manifest::subject);
        match subject {
            Some(subject) if response.headers().get("oci-subject").is_none() => {
                let size = bytes.len() as u64;
                let artifact = parsed.as_ref().ok().and_then(|manifest| manifest.effective_artifact_type());
                self.list_by_tag(subject, artifact, json!({"mediaType": media_type, "digest": digest, "size": size}))
                    .await
            }
            _ => Ok(()),
        }
    }

    async fn store(&self, reference: &Reference, media_type: &str, bytes: &[u8]) -> Result<reqwest::Response, Error> {
        let url = self.url(&format!("manifests/{reference}"))?;
        let with =
            |request: reqwest::RequestBuilder| request.header(header::CONTENT_TYPE, media_type).body(bytes.to_vec());
        let response = self.ask(Method::PUT, &url, with).await?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let denied = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        if denied || status.is_server_error() {
            return accepted(response, &url);
        }
        // What a registry says of a manifest it refuses is what a person needs.
        let body = self.whole(response, base::limits::MANIFEST_BYTES).await.unwrap_or_default();
        let said: Value = serde_json::from_slice(&body).unwrap_or_default();
        let why = said["errors"][0]["message"].as_str().unwrap_or_default();
        Err(Error::Unexpected(format!("{} answered {status}: {why}", shown(&url))))
    }

    /// Add a manifest to the index that stands for the referrers of its subject.
    async fn list_by_tag(
        &self,
        subject: &Descriptor,
        artifact: Option<&MediaType>,
        mut entry: Value,
    ) -> Result<(), Error> {
        let Ok(tag) = fallback_tag(&subject.digest).parse() else { return Ok(()) };
        let reference = Reference::Tag(tag);
        let mut index = match self.manifest(&reference).await {
            Ok(present) => serde_json::from_slice(&present.bytes).unwrap_or_default(),
            Err(Error::NotFound(_)) => Value::Null,
            Err(error) => return Err(error),
        };
        if !index["manifests"].is_array() {
            index = json!({"schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": []});
        }
        if let Some(artifact) = artifact {
            entry["artifactType"] = artifact.as_str().into();
        }
        let Some(listed) = index["manifests"].as_array_mut() else { return Ok(()) };
        if listed.iter().any(|one| one["digest"] == entry["digest"]) {
            return Ok(());
        }
        listed.push(entry);
        self.store(&reference, MediaType::OCI_INDEX.as_str(), index.to_string().as_bytes()).await.map(drop)
    }
}

/// Where to go on, which may be elsewhere; never without TLS where it was with it.
fn location(response: &reqwest::Response, from: &Url) -> Result<Url, Error> {
    let found = header_of(response, header::LOCATION.as_str()).and_then(|location| from.join(&location).ok());
    let found = found.filter(|to| to.scheme() == from.scheme() || to.scheme() == "https");
    found.ok_or_else(|| Error::Unexpected(format!("{} does not say where an upload goes", shown(from))))
}
