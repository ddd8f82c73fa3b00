//! `kill -9` at moments that nobody chose, under a mix of requests: what was acknowledged is there, and the log is clean.
//!
//! The kill rounds of the story (`cargo xtask demo --kill`) do this to the whole chain with real clients; this is the small one.

use std::sync::mpsc;

use oci::{Algorithm, Digest};
use serde_json::{Value, json};

use crate::{
    image::{as_admin, get},
    server::{Door, Server},
};

const KILLS: usize = 6;
/// Requests that a life of the server answers before it is killed in one of the next; each life another number.
const LIVES: [usize; KILLS] = [1, 7, 3, 12, 2, 9];

/// What the server said is done.
#[derive(Debug)]
enum Done {
    Repository(String),
    Blob(String, Digest),
    Image(String, String, Digest),
    Account(String),
    Webhook(String),
}

#[test]
fn what_was_acknowledged_survives_every_kill() {
    let mut server = Server::start("127.0.0.1");
    let mut done = Vec::new();
    for (life, requests) in LIVES.into_iter().enumerate() {
        let (acknowledge, acknowledged) = mpsc::channel();
        let door = server.door();
        std::thread::scope(|scope| {
            scope.spawn(move || Life { door, life, acknowledge }.live());
            done.extend(acknowledged.iter().take(requests));
            server.kill_and_restart();
            // What was acknowledged while the signal was on its way counts as well.
            done.extend(acknowledged.iter());
        });
    }
    assert!(done.len() >= LIVES.iter().sum());
    for done in &done {
        still_there(&server, done);
    }
    let report = get(&server, "/api/v1/audit/verify");
    assert_eq!(report["clean"], true, "{report}");
    assert!(report["entries"].as_u64().unwrap() > u64::try_from(done.len()).unwrap() / 2, "{report}");
}

/// Requests until the server is gone.
struct Life {
    door: Door,
    life: usize,
    acknowledge: mpsc::Sender<Done>,
}

impl Life {
    fn live(self) {
        for number in 0.. {
            let name = format!("n{}-{number}", self.life);
            if self.round(&name).is_none() {
                return;
            }
        }
    }

    fn round(&self, name: &str) -> Option<()> {
        let repository = format!("admin/{name}");
        self.json("POST", "/api/v0/repositories/admin", &json!({"name": name}))?;
        self.tell(Done::Repository(repository.clone()));
        let config = json!({"os": "linux", "architecture": "amd64", "config": {"Labels": {"name": name}},
            "rootfs": {"type": "layers", "diff_ids": []}});
        let config = config.to_string().into_bytes();
        let digest = Digest::of(Algorithm::Sha256, &config);
        let path = format!("/v2/{repository}/blobs/uploads/?digest={digest}");
        self.call("POST", &path, "application/octet-stream", &config)?;
        self.tell(Done::Blob(repository.clone(), digest.clone()));
        let kind = "application/vnd.oci.image.manifest.v1+json";
        let manifest = json!({"schemaVersion": 2, "mediaType": kind, "layers": [], "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": config.len()}});
        let manifest = manifest.to_string().into_bytes();
        self.call("PUT", &format!("/v2/{repository}/manifests/1"), kind, &manifest)?;
        self.tell(Done::Image(repository.clone(), "1".to_owned(), Digest::of(Algorithm::Sha256, &manifest)));
        self.json("POST", "/enzi/v0/accounts", &json!({"name": name, "password": "correct horse battery"}))?;
        self.tell(Done::Account(name.to_owned()));
        let hook = json!({"type": "TAG_PUSH", "key": repository, "endpoint": "https://receiver.test/hook"});
        let made = self.json("POST", "/api/v0/webhooks", &hook)?;
        self.tell(Done::Webhook(made["id"].as_str().unwrap().to_owned()));
        Some(())
    }

    fn tell(&self, done: Done) {
        // The test listens until this thread has ended.
        self.acknowledge.send(done).unwrap();
    }

    fn json(&self, method: &str, path: &str, body: &Value) -> Option<Value> {
        let body = self.call(method, path, "application/json", body.to_string().as_bytes())?;
        // An answer that broke off is none.
        serde_json::from_str(&body).ok()
    }

    /// `None` once the server is gone; any other answer than success is a failure.
    fn call(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> Option<String> {
        let (name, value) = as_admin();
        let answer = self.door.try_ask(method, path, &[(name, &value), ("Content-Type", kind)], body)?;
        assert!((200..300).contains(&answer.status), "{method} {path}: {} {}", answer.status, answer.body);
        Some(answer.body)
    }
}

fn still_there(server: &Server, done: &Done) {
    let (name, value) = as_admin();
    let path = match done {
        Done::Repository(repository) => format!("/api/v0/repositories/{repository}"),
        Done::Blob(repository, digest) => format!("/v2/{repository}/blobs/{digest}"),
        Done::Image(repository, tag, _) => format!("/v2/{repository}/manifests/{tag}"),
        Done::Account(account) => format!("/enzi/v0/accounts/{account}"),
        Done::Webhook(_) => "/api/v0/webhooks?pageSize=1000".to_owned(),
    };
    let answer = server.ask("GET", &path, &[(name, &value)], b"");
    assert_eq!(answer.status, 200, "{done:?}: {}", answer.body);
    if let Done::Webhook(id) = done {
        assert!(answer.body.contains(id.as_str()), "{done:?}: {}", answer.body);
    }
    if let Done::Blob(_, digest) | Done::Image(_, _, digest) = done {
        assert_eq!(*digest, Digest::of(Algorithm::Sha256, answer.body.as_bytes()), "{done:?}");
    }
}
