//! The whole guard on its socket, without server and without engine.

use std::{os::unix::fs::FileTypeExt, path::Path};

use admit::document;
use base::{Clock, Entropy, Secret};
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tlog::Signer;
use tokio::net::UnixStream;
use tokio_util::sync::CancellationToken;

use super::run_with;
use crate::{Config, decide::tests::set};

fn config(folder: &Path) -> Config {
    Config {
        server_url: "https://127.0.0.1:1".to_owned(),
        token: Secret::new("x".to_owned()),
        ca_pem: None,
        socket: folder.join("plugins/assay.sock"),
        engine_socket: folder.join("engine.sock"),
        state_dir: folder.join("state"),
        verifier_key: None,
        resolve: Vec::new(),
        refresh_ms: 50,
    }
}

async fn ask(socket: &Path, path: &str, body: Value) -> Value {
    let stream = loop {
        match UnixStream::connect(socket).await {
            Ok(stream) => break stream,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    let request = Request::post(path).header("host", "x").body(Full::new(Bytes::from(body.to_string()))).unwrap();
    let exchange = async {
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.headers()["content-type"], crate::question::MEDIA_TYPE);
        response.into_body().collect().await.unwrap().to_bytes()
    };
    tokio::pin!(exchange, connection);
    let bytes = tokio::select! {
        bytes = &mut exchange => bytes,
        _ = &mut connection => exchange.await,
    };
    serde_json::from_slice(&bytes).unwrap()
}

#[tokio::test]
async fn answers_from_the_last_set_while_the_server_is_down() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let signer = Signer::generate(document::key_name("dtr.example.test:4443").unwrap(), &Entropy::seeded(1));
    std::fs::create_dir_all(&config.state_dir).unwrap();
    std::fs::write(config.state_dir.join("key"), signer.verifier().to_string()).unwrap();
    std::fs::write(config.state_dir.join("set"), document::seal(set(), &signer).unwrap()).unwrap();
    // Left behind by a life that was killed.
    std::fs::create_dir_all(config.socket.parent().unwrap()).unwrap();
    drop(std::os::unix::net::UnixListener::bind(&config.socket).unwrap());

    let clock = Clock::fixed("2026-01-01T00:01:00Z".parse().unwrap());
    let (shutdown, socket) = (CancellationToken::new(), config.socket.clone());
    let asking = async {
        assert_eq!(ask(&socket, "/Plugin.Activate", json!({})).await, json!({"Implements": ["authz"]}));
        let pull = |tag: &str| {
            let uri = format!("/v1.41/images/create?fromImage=dtr.example.test%3A4443%2Fadmin%2Fflask&tag={tag}");
            json!({"RequestMethod": "POST", "RequestUri": uri, "RequestHeaders": {"Content-Length": "0"}})
        };
        let answer = ask(&socket, "/AuthZPlugin.AuthZReq", pull("v3")).await;
        assert_eq!(answer, json!({"Allow": true, "Msg": "", "Err": ""}));
        let answer = ask(&socket, "/AuthZPlugin.AuthZReq", pull("v9")).await;
        assert_eq!(answer["Allow"], false);
        assert_eq!(answer["Msg"], "dtr.example.test:4443/admin/flask:v9 is not signed");
        let answer = ask(&socket, "/AuthZPlugin.AuthZReq", json!([1])).await;
        assert_eq!(answer["Allow"], false);
        let answer = ask(&socket, "/AuthZPlugin.AuthZRes", json!({"ResponseBody": "x".repeat(6_000_000)})).await;
        assert_eq!(answer["Allow"], true);
        assert!(
            run_with(self::config(folder.path()), Clock::System, CancellationToken::new()).await.is_err(),
            "one guard a socket"
        );
        assert!(socket.metadata().unwrap().file_type().is_socket());
        shutdown.cancel();
    };
    let (outcome, ()) = tokio::join!(run_with(config, clock, shutdown.clone()), asking);
    outcome.unwrap();
    assert!(!socket.exists(), "the socket goes with the guard");
}

#[tokio::test]
async fn a_set_by_another_key_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let signer = |seed| Signer::generate(document::key_name("dtr.example.test:4443").unwrap(), &Entropy::seeded(seed));
    std::fs::create_dir_all(&config.state_dir).unwrap();
    std::fs::write(config.state_dir.join("key"), signer(1).verifier().to_string()).unwrap();
    std::fs::write(config.state_dir.join("set"), document::seal(set(), &signer(2)).unwrap()).unwrap();
    let state = crate::state::Folder::open(&config.state_dir).unwrap();
    assert!(state.set(signer(1).verifier()).unwrap().is_none());
    let other = Config { verifier_key: Some(signer(2).verifier().to_string()), ..config };
    let refused = run_with(other, Clock::System, CancellationToken::new()).await.unwrap_err();
    assert!(refused.to_string().contains("remove the state folder"), "{refused}");
}
