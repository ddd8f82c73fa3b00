//! The real engine: whether there is one, an image for jobs, and what stands on it.

use std::{fs, io::Write, path::PathBuf};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{net::UnixStream, task::JoinSet};

/// A shell and a few tools, built from this machine's static busybox.
pub const IMAGE: &str = "assay-test/runner:1";

const TOOLS: [&str; 14] =
    ["sh", "cat", "echo", "env", "sleep", "mkdir", "ls", "stat", "id", "grep", "printf", "seq", "touch", "readlink"];

pub struct Engine {
    pub socket: PathBuf,
}

impl Engine {
    /// `None`, loudly, when there is none to test with.
    #[expect(clippy::disallowed_methods, reason = "a test finds its engine by the environment")]
    pub async fn find() -> Option<Engine> {
        let Ok(socket) = std::env::var("ASSAY_TEST_DOCKER_SOCKET") else {
            return absent("no Docker engine; set ASSAY_TEST_DOCKER_SOCKET to the socket of one");
        };
        let engine = Engine { socket: socket.into() };
        let Ok(busybox) = fs::read("/bin/busybox") else {
            return absent("no /bin/busybox to make a job image of; install busybox-static");
        };
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o755);
        header.set_size(busybox.len() as u64);
        tar.append_data(&mut header, "bin/busybox", busybox.as_slice()).unwrap();
        for tool in TOOLS {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_size(0);
            tar.append_link(&mut header, format!("bin/{tool}"), "busybox").unwrap();
        }
        let path = "/images/create?fromSrc=-&repo=assay-test/runner&tag=1";
        engine.call("POST", path, tar.into_inner().unwrap()).await;
        Some(engine)
    }

    /// The containers of one runner.
    pub async fn containers(&self, system_id: &str) -> Vec<Value> {
        let path = format!("/containers/json?all=1&filters=%7B%22label%22%3A%5B%22assay.runner%3D{system_id}%22%5D%7D");
        serde_json::from_slice(&self.call("GET", &path, Vec::new()).await).unwrap()
    }

    async fn call(&self, method: &str, path: &str, body: Vec<u8>) -> Bytes {
        let stream = UnixStream::connect(&self.socket).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        let mut owner = JoinSet::new();
        owner.spawn(async move { connection.await.unwrap() });
        let request = http::Request::builder().method(method).uri(format!("/v1.41{path}")).header("Host", "docker");
        let response = sender.send_request(request.body(Full::new(Bytes::from(body))).unwrap()).await.unwrap();
        assert!(response.status().is_success(), "{path}: {}", response.status());
        response.into_body().collect().await.unwrap().to_bytes()
    }
}

/// Written past the test harness, which would keep the words of a test that passes to itself.
#[expect(clippy::explicit_write, reason = "eprintln! is what the harness keeps")]
fn absent(what: &str) -> Option<Engine> {
    writeln!(std::io::stderr(), "NOT TESTED: {what}").unwrap();
    None
}
