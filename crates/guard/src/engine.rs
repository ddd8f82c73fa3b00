//! Questions to the guarded engine: which image is behind a local name, what did a service run before.
//!
//! Its own plugin is asked about these calls too, and allows them because they only look.

use std::{path::PathBuf, time::Duration};

use base::limits;
use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::rt::TokioIo;
use oci::ImageRef;
use serde::Deserialize;
use serde_json::Value;
use tokio::{net::UnixStream, time::timeout};

use crate::Error;

/// The engine itself waits for us 30 s at most.
const PATIENCE: Duration = Duration::from_secs(10);

/// The engine behind a unix socket.
#[derive(Debug)]
pub(crate) struct Engine {
    socket: PathBuf,
}

/// An image the engine has.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct LocalImage {
    #[serde(rename = "RepoDigests", default)]
    repo_digests: Option<Vec<String>>,
}

impl LocalImage {
    /// The repositories and digests it was pulled as or pushed to: what ties it to a registry.
    pub(crate) fn origins(&self) -> Vec<ImageRef> {
        let names = self.repo_digests.iter().flatten();
        names.filter_map(|name| name.parse().ok()).filter(|name: &ImageRef| name.digest().is_some()).collect()
    }
}

impl Engine {
    pub(crate) fn new(socket: PathBuf) -> Engine {
        Engine { socket }
    }

    /// The image that the engine takes this name or id for; `None` when it has none.
    pub(crate) async fn image(&self, name: &str) -> Result<Option<LocalImage>, Error> {
        self.get(&format!("/images/{}/json", encoded(name))).await
    }

    /// The task template a service would go back to on a rollback; `None` when there is none.
    pub(crate) async fn previous_task(&self, service: &str) -> Result<Option<Value>, Error> {
        let service: Option<Value> = self.get(&format!("/services/{}", encoded(service))).await?;
        Ok(service.and_then(|service| service.get("PreviousSpec")?.get("TaskTemplate").cloned()))
    }

    async fn get<T: serde::de::DeserializeOwned>(&self, path: &str) -> Result<Option<T>, Error> {
        let late = || Error::Unavailable(format!("the engine did not answer within {} s", PATIENCE.as_secs()));
        let (status, body) = timeout(PATIENCE, self.call(path)).await.map_err(|_| late())??;
        match status {
            StatusCode::OK => serde_json::from_slice(&body)
                .map(Some)
                .map_err(|error| Error::Unavailable(format!("the engine's answer to {path} cannot be read: {error}"))),
            StatusCode::NOT_FOUND => Ok(None),
            other => Err(Error::Unavailable(format!("the engine answered {other} to {path}"))),
        }
    }

    async fn call(&self, path: &str) -> Result<(StatusCode, Bytes), Error> {
        let socket = self.socket.display();
        let away = |error: &dyn std::fmt::Display| Error::Unavailable(format!("the engine at {socket}: {error}"));
        let stream = UnixStream::connect(&self.socket).await.map_err(|error| away(&error))?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| away(&error))?;
        let request = Request::get(path).header(header::HOST, "docker").body(Empty::<Bytes>::new());
        let request = request.map_err(|error| away(&error))?;
        let exchange = async {
            let response = sender.send_request(request).await.map_err(|error| away(&error))?;
            let status = response.status();
            let limited = Limited::new(response.into_body(), limits::GUARD_ENGINE_ANSWER_BYTES);
            let body = limited.collect().await.map_err(|error| away(&error))?;
            Ok((status, body.to_bytes()))
        };
        tokio::pin!(exchange, connection);
        // Both at once: the connection moves the bytes of the exchange, and may end before the exchange looks at the last.
        tokio::select! {
            outcome = &mut exchange => outcome,
            _ended = &mut connection => exchange.await,
        }
    }
}

/// A name inside a path of the engine: all but letters and digits encoded, slashes too.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{LocalImage, encoded};

    #[test]
    fn names_stay_inside_their_place() {
        assert_eq!(encoded("host:1/a/b:v1"), "host%3A1%2Fa%2Fb%3Av1");
        assert_eq!(encoded("x/json?y#z\n"), "x%2Fjson%3Fy%23z%0A");
    }

    #[test]
    fn origins_are_references_with_a_digest() {
        let digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let text = format!(r#"{{"Id":"sha256:0","RepoDigests":["h:1/a/b@{digest}","h:1/a/b:v1","nonsense@x"]}}"#);
        let image: LocalImage = serde_json::from_str(&text).unwrap();
        assert_eq!(image.origins().len(), 1);
        for none in [r#"{}"#, r#"{"Id":"x","RepoDigests":null}"#, r#"{"Id":"x","RepoDigests":[]}"#] {
            assert!(serde_json::from_str::<LocalImage>(none).unwrap().origins().is_empty());
        }
    }
}
