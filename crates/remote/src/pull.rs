//! Reading from a repository of another registry.

use std::{io, sync::Mutex};

use base::{Secret, limits};
use futures_util::TryStreamExt;
use oci::{Digest, MediaType, Reference};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url, header};
use serde::Deserialize;
use tokio::io::AsyncRead;
use tokio_util::io::StreamReader;

use crate::{Credentials, Error, Transport, transport::shown};

/// The host that references without one mean, and where it is.
const HUB: [&str; 3] = ["docker.io", "index.docker.io", "registry-1.docker.io"];
const HUB_REGISTRY: &str = "registry-1.docker.io";

/// One repository of another registry.
#[derive(Debug)]
pub struct Remote {
    pub(crate) transport: Transport,
    /// `https://host:port/`
    pub(crate) base: Url,
    pub(crate) path: String,
    pub(crate) credentials: Option<Credentials>,
    /// What a token is asked for.
    pub(crate) scopes: Vec<String>,
    pub(crate) token: Mutex<Option<Secret>>,
}

/// A manifest as it came.
#[derive(Clone, Debug)]
pub struct Fetched {
    pub digest: Digest,
    pub media_type: String,
    pub bytes: Vec<u8>,
}

#[derive(Deserialize)]
struct Tags {
    /// `null` in a repository that has none.
    tags: Option<Vec<String>>,
}

impl Remote {
    /// A repository to pull from. `host` may have a port; Docker Hub's names mean what they mean to docker.
    pub fn new(
        transport: Transport,
        host: &str,
        plain_http: bool,
        path: &str,
        credentials: Option<Credentials>,
    ) -> Result<Remote, Error> {
        let (host, path) = match HUB.contains(&host) {
            true if !path.contains('/') => (HUB_REGISTRY, format!("library/{path}")),
            true => (HUB_REGISTRY, path.to_owned()),
            false => (host, path.to_owned()),
        };
        let scheme = if plain_http { "http" } else { "https" };
        let base = format!("{scheme}://{host}/").parse();
        let base = base.map_err(|_| Error::Unreachable(format!("{host:?} is no host of a registry")))?;
        let scopes = vec![format!("repository:{path}:pull")];
        Ok(Remote { transport, base, path, credentials, scopes, token: Mutex::default() })
    }

    /// The same to push to, perhaps with blobs of this other repository.
    #[must_use]
    pub fn to_push(mut self, mount_from: Option<&str>) -> Remote {
        self.scopes = vec![format!("repository:{}:pull,push", self.path)];
        self.scopes.extend(mount_from.map(|from| format!("repository:{from}:pull")));
        self
    }

    /// Where it is, for a person.
    pub fn place(&self) -> String {
        format!("{}{}", shown(&self.base), self.path)
    }

    /// A manifest or index with its bytes, whose digest is checked.
    pub async fn manifest(&self, reference: &Reference) -> Result<Fetched, Error> {
        let url = self.url(&format!("manifests/{reference}"))?;
        let response = accepted(self.ask(Method::GET, &url, accepting).await?, &url)?;
        let media_type = header_of(&response, header::CONTENT_TYPE.as_str());
        let unexpected = |why: String| Error::Unexpected(format!("{}: {why}", shown(&url)));
        let media_type = media_type.ok_or_else(|| unexpected("it is not said what the manifest is".to_owned()))?;
        let bytes = self.whole(response, limits::MANIFEST_BYTES).await?;
        let digest = match reference {
            Reference::Digest(digest) => digest.clone(),
            Reference::Tag(_) => Digest::sha256_of(&bytes),
        };
        let found = Digest::of(digest.algorithm(), &bytes);
        if found != digest {
            return Err(unexpected(format!("another manifest came: its digest is {found}, not {digest}")));
        }
        Ok(Fetched { digest, media_type, bytes })
    }

    /// What a reference names, if anything; without its bytes where the registry tells the digest.
    pub async fn digest_of(&self, reference: &Reference) -> Result<Option<Digest>, Error> {
        let url = self.url(&format!("manifests/{reference}"))?;
        let response = self.ask(Method::HEAD, &url, accepting).await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let response = accepted(response, &url)?;
        match header_of(&response, "docker-content-digest").and_then(|digest| digest.parse().ok()) {
            Some(digest) => Ok(Some(digest)),
            None => Ok(Some(self.manifest(reference).await?.digest)),
        }
    }

    /// The bytes of a blob as they come; whoever reads them compares them with the digest.
    pub async fn blob(&self, digest: &Digest) -> Result<impl AsyncRead + Send + Unpin + use<>, Error> {
        let url = self.url(&format!("blobs/{digest}"))?;
        let response = accepted(self.ask(Method::GET, &url, |request| request).await?, &url)?;
        let stream = Box::pin(response.bytes_stream().map_err(|error| io::Error::other(outbound::sentence(error))));
        Ok(StreamReader::new(stream))
    }

    /// The names of the tags, by page as the registry gives them.
    pub async fn tags(&self) -> Result<Vec<String>, Error> {
        let (mut found, mut url) = (Vec::new(), self.url("tags/list?n=1000")?);
        loop {
            let response = accepted(self.ask(Method::GET, &url, |request| request).await?, &url)?;
            let next = header_of(&response, header::LINK.as_str()).and_then(|link| next_page(&url, &link));
            let body = self.whole(response, limits::REMOTE_ANSWER_BYTES).await?;
            let unexpected = |_| Error::Unexpected(format!("{}: the answer is no list of tags", shown(&url)));
            let page: Tags = serde_json::from_slice(&body).map_err(unexpected)?;
            let page = page.tags.unwrap_or_default();
            let ended = page.is_empty();
            found.extend(page);
            match next.filter(|next| !ended && *next != url) {
                Some(_) if found.len() > limits::REMOTE_TAGS => {
                    let most = limits::REMOTE_TAGS;
                    return Err(Error::Unexpected(format!("{} has more than {most} tags", self.place())));
                }
                Some(next) => url = next,
                None => return Ok(found),
            }
        }
    }

    /// The manifests about this one: by the referrers API, or by the tag that stands for it where there is none (OCI distribution
    /// specification 1.1, "Listing Referrers", "Referrers Tag Schema").
    pub async fn referrers(&self, subject: &Digest) -> Result<Vec<Digest>, Error> {
        let url = self.url(&format!("referrers/{subject}"))?;
        let response = self.ask(Method::GET, &url, accepting).await?;
        let body = match response.status().is_success() {
            true => self.whole(response, limits::MANIFEST_BYTES).await?,
            false => {
                let tag = fallback_tag(subject).parse().map_err(|_| Error::NotFound(subject.to_string()))?;
                match self.manifest(&Reference::Tag(tag)).await {
                    Ok(index) => index.bytes,
                    Err(Error::NotFound(_)) => return Ok(Vec::new()),
                    Err(error) => return Err(error),
                }
            }
        };
        let index = oci::Manifest::parse(&body, Some(MediaType::OCI_INDEX.as_str()));
        let index = index.map_err(|error| Error::Unexpected(format!("{}: {error}", shown(&url))))?;
        Ok(index.manifests().iter().map(|one| one.digest.clone()).collect())
    }

    /// One request, signed in where that is asked for.
    pub(crate) async fn ask(
        &self,
        method: Method,
        url: &Url,
        with: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Response, Error> {
        let request = self.authorized(with(self.transport.request(method.clone(), url).await?), url);
        let response = self.transport.send(&method, url, request).await?;
        if response.status() != StatusCode::UNAUTHORIZED || !self.is_own(url) {
            return Ok(response);
        }
        self.sign_in(&self.challenge(&response)?).await?;
        let request = self.authorized(with(self.transport.request(method.clone(), url).await?), url);
        self.transport.send(&method, url, request).await
    }

    /// Credentials are for the registry itself: an upload may go on elsewhere.
    pub(crate) fn authorized(&self, request: RequestBuilder, url: &Url) -> RequestBuilder {
        if !self.is_own(url) {
            return request;
        }
        let token = self.token.lock().expect("no holder of this lock can panic").clone();
        match (token, &self.credentials) {
            (Some(token), _) => request.bearer_auth(token.expose()),
            // Registries that want a token answer 401 to this all the same.
            (None, Some(Credentials::Password { name, secret })) => request.basic_auth(name, Some(secret.expose())),
            (None, _) => request,
        }
    }

    fn is_own(&self, url: &Url) -> bool {
        url.origin() == self.base.origin()
    }

    pub(crate) fn url(&self, what: &str) -> Result<Url, Error> {
        let url = self.base.join(&format!("v2/{}/{what}", self.path));
        url.map_err(|_| Error::Unreachable(format!("{:?} is no name of a repository", self.path)))
    }

    /// A body that may not be larger than this.
    pub(crate) async fn whole(&self, mut response: Response, limit: usize) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        let broke = |error| Error::Unreachable(format!("{}: {}", self.place(), outbound::sentence(error)));
        while let Some(chunk) = response.chunk().await.map_err(broke)? {
            if bytes.len() + chunk.len() > limit {
                return Err(Error::Unexpected(format!("{}: an answer has more than {limit} bytes", self.place())));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }
}

/// `sha256-<hex>`: where a list of referrers is, in a registry that does not keep one.
pub(crate) fn fallback_tag(subject: &Digest) -> String {
    subject.as_str().replacen(':', "-", 1)
}

pub(crate) fn accepting(request: RequestBuilder) -> RequestBuilder {
    let documents =
        [MediaType::OCI_INDEX, MediaType::OCI_MANIFEST, MediaType::DOCKER_INDEX, MediaType::DOCKER_MANIFEST];
    request.header(header::ACCEPT, documents.map(|kind| kind.to_string()).join(", "))
}

pub(crate) fn accepted(response: Response, url: &Url) -> Result<Response, Error> {
    match response.status() {
        status if status.is_success() => Ok(response),
        status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => Err(Error::denied(&shown(url), status)),
        StatusCode::NOT_FOUND => Err(Error::NotFound(shown(url))),
        status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
            Err(Error::Unreachable(format!("{} answered {status}", shown(url))))
        }
        status => Err(Error::Unexpected(format!("{} answered {status}", shown(url)))),
    }
}

pub(crate) fn header_of(response: &Response, name: &str) -> Option<String> {
    response.headers().get(name)?.to_str().ok().map(str::to_owned)
}

/// `<…>; rel="next"` (RFC 8288), on the same host.
fn next_page(from: &Url, link: &str) -> Option<Url> {
    let (target, parameters) = link.split_once('>')?;
    if !parameters.contains("rel=\"next\"") && !parameters.contains("rel=next") {
        return None;
    }
    from.join(target.trim_start().strip_prefix('<')?).ok().filter(|next| next.origin() == from.origin())
}

#[cfg(test)]
mod tests {
    use reqwest::Url;

    use super::next_page;

    #[test]
    fn the_next_page_is_on_the_same_host() {
        let from: Url = "https://a.test/v2/x/tags/list?n=1".parse().unwrap();
        let next = next_page(&from, "</v2/x/tags/list?last=b&n=1>; rel=\"next\"").unwrap();
        assert_eq!(next.as_str(), "https://a.test/v2/x/tags/list?last=b&n=1");
        for bad in ["", "</x>; rel=\"prev\"", "<https://b.test/>; rel=\"next\"", "/x; rel=\"next\""] {
            assert!(next_page(&from, bad).is_none(), "{bad}");
        }
    }
}
