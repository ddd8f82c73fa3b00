//! The plugin's socket: Docker's plugin protocol over HTTP/1.1 on a unix socket.
//!
//! <https://docs.docker.com/engine/extend/plugin_api/>. The engine looks for the socket when it starts, and refuses every
//! request while nobody answers there.

use std::{
    fs,
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        net::UnixStream as StdUnixStream,
    },
    path::{Path, PathBuf},
    sync::Arc,
};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::State,
    http::header,
    response::{IntoResponse, Response},
    routing::post,
};
use base::limits;
use futures_util::StreamExt;
use serde_json::json;
use tokio::net::UnixListener;
use tokio_util::sync::CancellationToken;

use crate::{
    Error,
    decide::Guard,
    question::{Answer, MEDIA_TYPE, Question},
};

/// A bound socket; its file goes when this does, unless somebody else has bound the path meanwhile.
#[derive(Debug)]
pub(crate) struct Socket {
    listener: UnixListener,
    file: SocketFile,
}

#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    inode: Option<u64>,
}

/// Listen where the engine looks, in place of a socket that nobody answers on any more.
pub(crate) fn bind(path: &Path) -> Result<Socket, Error> {
    let what = || format!("the plugin socket {}", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(Error::io(what()))?;
    }
    if fs::symlink_metadata(path).is_ok() {
        if StdUnixStream::connect(path).is_ok() {
            return Err(Error::Invalid(format!("another plugin answers on {}; stop it first", path.display())));
        }
        fs::remove_file(path).map_err(Error::io(what()))?;
    }
    let listener = UnixListener::bind(path).map_err(Error::io(what()))?;
    // Only the engine, which is root, asks.
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(Error::io(what()))?;
    let inode = fs::symlink_metadata(path).ok().map(|metadata| metadata.ino());
    Ok(Socket { listener, file: SocketFile { path: path.to_owned(), inode } })
}

/// Answer until the shutdown, then finish what is being answered.
pub(crate) async fn serve(socket: Socket, guard: Arc<Guard>, shutdown: CancellationToken) -> Result<(), Error> {
    let Socket { listener, file } = socket;
    let router = Router::new()
        .route("/Plugin.Activate", post(activate))
        .route("/AuthZPlugin.AuthZReq", post(request))
        .route("/AuthZPlugin.AuthZRes", post(response))
        .with_state(guard);
    let what = format!("the plugin socket {}", file.path.display());
    let serving = axum::serve(listener, router).with_graceful_shutdown(shutdown.cancelled_owned());
    let outcome = serving.await.map_err(Error::io(what));
    drop(file);
    outcome
}

async fn activate(body: Body) -> Response {
    drain(body).await;
    plugin_json(&json!({"Implements": ["authz"]}))
}

/// Before the engine acts.
async fn request(State(guard): State<Arc<Guard>>, body: Body) -> Response {
    let answer = match to_bytes(body, limits::GUARD_QUESTION_BYTES).await {
        Ok(bytes) => answer(&guard, &bytes).await,
        Err(error) => Answer::refuse(format!("the engine's question cannot be read: {error}")),
    };
    plugin_json(&answer)
}

async fn answer(guard: &Guard, bytes: &Bytes) -> Answer {
    match serde_json::from_slice::<Question>(bytes) {
        Ok(question) => guard.answer(&question).await,
        Err(error) => Answer::refuse(format!("the engine's question cannot be read: {error}")),
    }
}

/// After the engine acted, with what it answers: nothing is left to decide.
async fn response(body: Body) -> Response {
    drain(body).await;
    plugin_json(&Answer::allow())
}

/// Read to the end without keeping it: a connection that is closed under the engine fails the person's request.
async fn drain(body: Body) {
    let mut chunks = body.into_data_stream();
    while let Some(Ok(_)) = chunks.next().await {}
}

fn plugin_json(value: &impl serde::Serialize) -> Response {
    let text = serde_json::to_string(value).expect("plugin answers have only text keys");
    ([(header::CONTENT_TYPE, MEDIA_TYPE)], text).into_response()
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let own = fs::symlink_metadata(&self.path).ok().map(|metadata| metadata.ino());
        if own.is_some() && own == self.inode {
            // Left behind, it would only be replaced at the next start.
            let _ = fs::remove_file(&self.path);
        }
    }
}
