//! Copying an image from the registry of the DTR into this server's, each byte as it is.
//!
//! ```text
//!   manifest ─► children of an index first ─► blobs that are not here, some at once ─► manifest under its digest or tag
//!                                               └ in another repository here: mounted; else streamed, never whole in memory
//! ```
//!
//! Whether bytes are those of their digest is for the server to say, which hashes what it takes.

use std::{
    collections::{BTreeMap, HashMap},
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use anyhow::anyhow;
use axum::http::{Method, StatusCode, header};
use futures_util::{StreamExt, TryStreamExt, stream};
use oci::{Descriptor, Digest, Manifest};
use reqwest::Response;

use super::{
    dtr::{TRIES, Trouble, pause},
    part,
    registry::{Document, Registry, said},
    report::Outcome,
    target::Target,
};

/// Blobs that are on the way at once.
const AT_ONCE: usize = 4;
/// An index in an index in an index is no image that anybody runs.
const DEPTH: usize = 4;

#[derive(Debug)]
pub(super) struct Copier<'i> {
    from: Registry<'i>,
    to: &'i Target,
    /// Where a blob is here, of those that this run saw.
    places: Mutex<HashMap<Digest, String>>,
    pub(super) bytes: AtomicU64,
}

/// Why an image did not come over.
#[derive(Debug)]
pub(super) enum NotCopied {
    Stop(anyhow::Error),
    Because(Outcome, String),
}

type Copied<T> = Result<T, NotCopied>;

impl<'i> Copier<'i> {
    pub(super) fn new(from: Registry<'i>, to: &'i Target) -> Copier<'i> {
        Copier { from, to, places: Mutex::default(), bytes: AtomicU64::new(0) }
    }

    /// The digest of a tag here.
    pub(super) async fn tag_here(&self, repository: &str, tag: &str) -> Copied<Option<String>> {
        let response = self.send(Method::HEAD, &format!("/v2/{repository}/manifests/{tag}"), Vec::new()).await?;
        match response.status() {
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => {
                let digest = response.headers().get("docker-content-digest").and_then(|value| value.to_str().ok());
                Ok(Some(digest.unwrap_or_default().to_owned()))
            }
            _ => Err(refused(response).await),
        }
    }

    /// The digest of a tag there, from the registry itself.
    pub(super) async fn tag_there(&self, repository: &str, tag: &str) -> Copied<Option<String>> {
        self.from.digest(repository, tag).await.map_err(|trouble| lacking(trouble, "the tag"))
    }

    /// Copy what a tag names.
    pub(super) async fn tag(&self, repository: &str, tag: &str) -> Copied<()> {
        let document = self.from.document(repository, tag).await.map_err(|trouble| lacking(trouble, "the tag"))?;
        self.document(repository, tag, document, 0).await
    }

    fn document<'c>(
        &'c self,
        repository: &'c str,
        put_as: &'c str,
        document: Document,
        depth: usize,
    ) -> Pin<Box<dyn Future<Output = Copied<()>> + 'c>> {
        Box::pin(async move {
            let because = |why: String| NotCopied::Because(Outcome::Left, why);
            let manifest = Manifest::parse(&document.bytes, document.content_type.as_deref())
                .map_err(|error| because(format!("its manifest {} is refused here: {error}", document.digest)))?;
            if depth > DEPTH {
                return Err(because("it is an index of indexes of indexes".to_owned()));
            }
            for child in manifest.manifests() {
                self.child(repository, child, depth).await?;
            }
            // An empty layer stands in many images more than once.
            let blobs: BTreeMap<&str, &Descriptor> =
                manifest.required_blobs().map(|blob| (blob.digest.as_str(), blob)).collect();
            let blobs = stream::iter(blobs.into_values().map(|blob| self.blob(repository, blob)));
            blobs.buffer_unordered(AT_ONCE).try_collect::<Vec<()>>().await?;
            let path = format!("/v2/{repository}/manifests/{put_as}");
            let kind = manifest.media_type().to_string();
            let response = self.send(Method::PUT, &path, vec![(header::CONTENT_TYPE, kind, document.bytes)]).await?;
            match response.status().is_success() {
                true => Ok(()),
                false => Err(refused(response).await),
            }
        })
    }

    /// What an index names: a manifest, or a blob that some caches put there.
    async fn child(&self, repository: &str, child: &Descriptor, depth: usize) -> Copied<()> {
        if child.media_type.is_nondistributable() {
            return Ok(());
        }
        if !child.media_type.is_manifest() && !child.media_type.is_index() {
            return self.blob(repository, child).await;
        }
        let digest = child.digest.to_string();
        if self.tag_here(repository, &digest).await?.is_some() {
            return Ok(());
        }
        let document = self.from.document(repository, &digest).await;
        let document = document.map_err(|trouble| lacking(trouble, &format!("the manifest {digest} of its index")))?;
        self.document(repository, &digest, document, depth + 1).await
    }

    /// Have a blob in a repository here.
    async fn blob(&self, repository: &str, blob: &Descriptor) -> Copied<()> {
        let digest = &blob.digest;
        let known = self.send(Method::HEAD, &format!("/v2/{repository}/blobs/{digest}"), Vec::new()).await?;
        match known.status() {
            status if status.is_success() => {}
            StatusCode::NOT_FOUND => {
                let mut failed = Ok(());
                for attempt in 0..TRIES {
                    pause(attempt).await;
                    failed = self.carry(repository, blob).await;
                    if !matches!(failed, Err(NotCopied::Because(Outcome::Failed, _))) {
                        break;
                    }
                }
                failed?;
            }
            _ => return Err(refused(known).await),
        }
        self.places.lock().expect("no holder of this lock can panic").insert(digest.clone(), repository.to_owned());
        Ok(())
    }

    async fn carry(&self, repository: &str, blob: &Descriptor) -> Copied<()> {
        let digest = &blob.digest;
        let elsewhere = self.places.lock().expect("no holder of this lock can panic").get(digest).cloned();
        let mount = elsewhere.map(|from| format!("?mount={}&from={}", part(digest.as_str()), part(&from)));
        let start = format!("/v2/{repository}/blobs/uploads/{}", mount.unwrap_or_default());
        let begun = self.send(Method::POST, &start, Vec::new()).await?;
        if begun.status() == StatusCode::CREATED {
            return Ok(());
        }
        if begun.status() != StatusCode::ACCEPTED {
            return Err(refused(begun).await);
        }
        let location = begun.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
        let location = location.filter(|location| location.starts_with('/')).map(str::to_owned);
        let location =
            location.ok_or_else(|| NotCopied::Stop(anyhow!("the server does not say where to upload to")))?;
        let sent = self.stream(repository, blob, &location).await;
        if sent.is_err() {
            // What came is of no use; the server would drop it by itself, later.
            let _ = self.send(Method::DELETE, &location, Vec::new()).await;
        }
        sent
    }

    async fn stream(&self, repository: &str, blob: &Descriptor, location: &str) -> Copied<()> {
        let digest = &blob.digest;
        let source = self.from.blob(repository, digest).await;
        let source = source.map_err(|trouble| lacking(trouble, &format!("the blob {digest}")))?;
        let (broken, noted, mut left) = (Arc::new(Mutex::new(None)), blob.size, blob.size);
        let note = Arc::clone(&broken);
        let stream = source.bytes_stream().map(move |chunk| {
            let why = match &chunk {
                Ok(chunk) if chunk.len() as u64 > left => format!("the DTR sent more than its {noted} bytes"),
                Ok(chunk) => {
                    left -= chunk.len() as u64;
                    return Ok(chunk.clone());
                }
                Err(_) => format!("the DTR broke off after {} of {noted} bytes", noted - left),
            };
            *note.lock().expect("no holder of this lock can panic") = Some(why.clone());
            Err(std::io::Error::other(why))
        });
        let separator = if location.contains('?') { '&' } else { '?' };
        let path = format!("{location}{separator}digest={}", part(digest.as_str()));
        let request = self.to.client.registry(Method::PUT, &path, &self.to.name);
        let request = request.header(header::CONTENT_TYPE, "application/octet-stream");
        let answer = request.header(header::CONTENT_LENGTH, blob.size).body(reqwest::Body::wrap_stream(stream)).send();
        let answer = answer.await;
        let broken = broken.lock().expect("no holder of this lock can panic").take();
        if let Some(why) = broken {
            return Err(NotCopied::Because(Outcome::Failed, format!("the blob {digest}: {why}")));
        }
        let response = answer.map_err(lost)?;
        match response.status().is_success() {
            true => {
                self.bytes.fetch_add(blob.size, Ordering::Relaxed);
                Ok(())
            }
            false => Err(match refused(response).await {
                NotCopied::Because(outcome, why) => NotCopied::Because(outcome, format!("the blob {digest}: {why}")),
                stop @ NotCopied::Stop(_) => stop,
            }),
        }
    }

    /// One request to this server's registry, with a body or without.
    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Vec<(header::HeaderName, String, Vec<u8>)>,
    ) -> Copied<Response> {
        let mut request = self.to.client.registry(method, path, &self.to.name);
        for (name, value, bytes) in body {
            request = request.header(name, value).body(bytes);
        }
        request.send().await.map_err(lost)
    }
}

/// This server is gone.
fn lost(error: reqwest::Error) -> NotCopied {
    NotCopied::Stop(
        anyhow::Error::from(error.without_url())
            .context("this server cannot be reached; once it can, the same command goes on where this one ended"),
    )
}

/// This server said no.
async fn refused(response: Response) -> NotCopied {
    let status = response.status();
    let body = response.bytes().await.unwrap_or_default();
    let (code, why) = said(&body, status);
    if status == StatusCode::UNAUTHORIZED {
        return NotCopied::Stop(super::signed_out(why));
    }
    // Other bytes than the digest says may be the right ones next time.
    let again = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS || code == "DIGEST_INVALID";
    NotCopied::Because(if again { Outcome::Failed } else { Outcome::Left }, why)
}

/// The DTR has not what it should have.
fn lacking(trouble: Trouble, what: &str) -> NotCopied {
    match trouble {
        Trouble::Stop(error) => NotCopied::Stop(error),
        Trouble::Absent => NotCopied::Because(Outcome::Left, format!("the DTR does not have {what}")),
        Trouble::Said(why) => NotCopied::Because(Outcome::Failed, format!("{what}: {why}")),
    }
}
