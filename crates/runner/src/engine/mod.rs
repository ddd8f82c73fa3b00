//! A small client of the Docker Engine API, 1.41 or 1.44, over a unix socket.
//!
//! Each call opens its own connection, owned by its answer: dropping the answer ends the call, so a job that is cancelled
//! leaves no pull, no upload and no attachment behind.

mod containers;
mod demux;
mod images;

use std::{
    fmt,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use base::limits;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited, combinators::UnsyncBoxBody};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::{net::UnixStream, task::JoinSet, time::timeout};

pub(crate) use containers::ContainerSpec;
use demux::{Demux, Stream};
pub(crate) use images::{Credentials, ImageInfo, Reference};

use crate::Error;

/// Minor versions of the API: 20.10 speaks nothing newer than the first, 29 nothing older than the second.
const OLD: u32 = 41;
const NEW: u32 = 44;

/// A call that does not stream. An engine whose authorization plugin is down answers after 32 s.
const CALL: Duration = Duration::from_secs(120);

pub(crate) type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// One engine.
#[derive(Debug)]
pub(crate) struct Engine {
    socket: PathBuf,
    /// The API version spoken, agreed anew at each ping.
    minor: AtomicU32,
}

/// An answer whose body still comes; the connection ends with it.
pub(crate) struct Answer {
    response: Response<Incoming>,
    _connection: JoinSet<()>,
}

impl Engine {
    pub(crate) fn new(socket: PathBuf) -> Engine {
        Engine { socket, minor: AtomicU32::new(OLD) }
    }

    /// Whether the engine is there, and which version to speak with it.
    pub(crate) async fn ping(&self) -> Result<(), Error> {
        let work = async {
            let answer = self.send_to("/_ping", Request::builder().method(Method::GET), full("")).await?;
            let version = answer.response.headers().get("Api-Version").and_then(|value| value.to_str().ok());
            let newest = version.and_then(|text| text.strip_prefix("1.")?.parse::<u32>().ok());
            self.minor.store(if newest >= Some(NEW) { NEW } else { OLD }, Ordering::Relaxed);
            Ok(())
        };
        timeout(CALL, work).await.unwrap_or_else(|_| Err(late("/_ping")))
    }

    /// A call whose answer is read whole.
    async fn call(&self, method: Method, path: &str, json: Option<&serde_json::Value>) -> Result<Bytes, Error> {
        let body = json.map(|json| Bytes::from(json.to_string()));
        let kind = body.is_some().then_some("application/json");
        let what = format!("{method} {path}");
        let work = async {
            let answer = self.send(method, path, kind, full(body.unwrap_or_default()), None).await?;
            answer.bytes().await
        };
        timeout(CALL, work).await.unwrap_or_else(|_| Err(late(&what)))
    }

    async fn json<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        json: Option<&serde_json::Value>,
    ) -> Result<T, Error> {
        let bytes = self.call(method, path, json).await?;
        serde_json::from_slice(&bytes).map_err(|error| {
            Error::Unavailable(format!("the engine's answer to {path} is not what was expected: {error}"))
        })
    }

    /// Send a request and take the head of its answer; an error status becomes an error with the engine's sentence.
    async fn send(
        &self,
        method: Method,
        path: &str,
        content_type: Option<&'static str>,
        body: Body,
        registry_auth: Option<HeaderValue>,
    ) -> Result<Answer, Error> {
        let mut request = Request::builder().method(method);
        if let Some(kind) = content_type {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        if let Some(value) = registry_auth {
            request = request.header("X-Registry-Auth", value);
        }
        let path = format!("/v1.{}{path}", self.minor.load(Ordering::Relaxed));
        self.send_to(&path, request, body).await
    }

    async fn send_to(&self, path: &str, request: http::request::Builder, body: Body) -> Result<Answer, Error> {
        let away = |error: &dyn fmt::Display| {
            Error::Unavailable(format!("the engine at {} cannot be reached: {error}", self.socket.display()))
        };
        let request = request.uri(path).header(header::HOST, "docker").body(body);
        let request = request.map_err(|error| Error::Invalid(format!("a call of the engine, {path}: {error}")))?;
        let stream = UnixStream::connect(&self.socket).await.map_err(|error| away(&error))?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| away(&error))?;
        let mut owner = JoinSet::new();
        owner.spawn(async move {
            // What goes wrong here is reported by the request or its body.
            let _ = connection.await;
        });
        let response = sender.send_request(request).await.map_err(|error| away(&error))?;
        let answer = Answer { response, _connection: owner };
        if answer.status().is_success() || answer.status() == StatusCode::NOT_MODIFIED {
            return Ok(answer);
        }
        Err(answer.into_error().await)
    }
}

impl Answer {
    fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// The next bytes of the body.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            match self.response.body_mut().frame().await {
                None => return Ok(None),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
                Some(Err(error)) => return Err(Error::Unavailable(format!("the engine's answer broke off: {error}"))),
            }
        }
    }

    async fn bytes(self) -> Result<Bytes, Error> {
        // The connection must live until the body is read.
        let Answer { response, _connection } = self;
        let limited = Limited::new(response.into_body(), limits::RUNNER_ANSWER_BYTES);
        let read = limited.collect().await;
        let whole = read.map_err(|error| Error::Unavailable(format!("the engine's answer broke off: {error}")))?;
        Ok(whole.to_bytes())
    }

    /// The engine's sentence, `{"message": …}`.
    async fn into_error(self) -> Error {
        #[derive(serde::Deserialize)]
        struct Message {
            message: String,
        }
        let status = self.status();
        let bytes = self.bytes().await.unwrap_or_default();
        let text = match serde_json::from_slice::<Message>(&bytes) {
            Ok(message) => message.message,
            Err(_) => format!("the engine answered {status}"),
        };
        if status == StatusCode::NOT_FOUND { Error::NotFound(text) } else { Error::Unavailable(text) }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("Answer").field(&self.status()).finish()
    }
}

fn late(what: &str) -> Error {
    Error::Unavailable(format!("the engine did not answer {what} within {} s", CALL.as_secs()))
}

pub(crate) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// A value inside a path or a query of the engine.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out += &format!("%{byte:02X}");
        }
    }
    out
}
