//! The guard beside a real Docker engine, when ASSAY_TEST_ENGINE=1 says that one may be started here (as root).
#![expect(clippy::unwrap_used, reason = "a test says what failed by failing")]

mod engine;

use std::{io::Write, path::Path};

use admit::{AllowSet, Entry, document};
use base::{Clock, Entropy, Secret, from_micros, micros};
use engine::Engine;
use oci::Digest;
use tlog::Signer;
use tokio_util::sync::CancellationToken;

const HOST: &str = "assay.test:8443";

/// A state folder as a guard leaves it: this set counts although no server runs.
fn state(folder: &Path, enabled: bool) {
    let now = Clock::System.now();
    let digest = Digest::sha256_of(b"signed");
    let set = AllowSet {
        authority: HOST.to_owned(),
        enabled,
        expires_at: from_micros(micros(now) + 600_000_000),
        images: vec![Entry {
            allowed: true,
            current_digest: Some(digest.clone()),
            reason: "signed by gitlab".to_owned(),
            repository: "admin/flask".parse().unwrap(),
            signed_digest: digest,
            signers: Vec::new(),
            tag: "v1".parse().unwrap(),
        }],
        issued_at: now,
        teams: Vec::new(),
    };
    let signer = Signer::generate(document::key_name(HOST).unwrap(), &Entropy::seeded(1));
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join("key"), signer.verifier().to_string()).unwrap();
    std::fs::write(folder.join("set"), document::seal(set, &signer).unwrap()).unwrap();
}

fn config(folder: &Path) -> guard::Config {
    guard::Config {
        // Nobody listens there.
        server_url: "https://127.0.0.1:1".to_owned(),
        token: Secret::new("x".to_owned()),
        ca_pem: None,
        socket: folder.join("plugins/assay.sock"),
        engine_socket: folder.join("engine.sock"),
        state_dir: folder.join("state"),
        verifier_key: None,
        resolve: Vec::new(),
        refresh_ms: 1_000,
    }
}

#[expect(clippy::disallowed_methods, reason = "a test asks whether it may start an engine")]
fn may_start_an_engine() -> bool {
    let may = std::env::var("ASSAY_TEST_ENGINE").is_ok_and(|value| value == "1");
    if !may {
        // Past the test harness, which hides the output of what passes.
        let line =
            "SKIPPED: the guard beside a real engine; set ASSAY_TEST_ENGINE=1, as root with docker.io installed\n";
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
    may
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_engine_runs_only_what_is_allowed() {
    if !may_start_an_engine() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    state(&folder.path().join("state"), true);
    let shutdown = CancellationToken::new();
    let root = folder.path().to_owned();
    let using = async {
        let outcome = tokio::task::spawn_blocking(move || use_engine(&root)).await;
        shutdown.cancel();
        outcome.unwrap();
    };
    let (outcome, ()) = tokio::join!(guard::run(config(folder.path()), shutdown.clone()), using);
    outcome.unwrap();
    assert!(!folder.path().join("plugins/assay.sock").exists());
}

fn use_engine(folder: &Path) {
    let engine = Engine::start(folder);
    let archive = folder.join("image.tar");
    std::fs::write(&archive, [0; 10_240]).unwrap();
    let archive = archive.to_str().unwrap();

    engine.allows(&["ps"]);
    engine.allows(&["network", "ls"]);
    engine.allows(&["volume", "create", "vol"]);
    engine.allows(&["volume", "rm", "vol"]);

    let elsewhere = "only images of assay.test:8443 may run here";
    engine.refuses(&["pull", "alpine:latest"], elsewhere);
    engine.refuses(&["pull", &format!("{HOST}/admin/flask:v2")], "assay.test:8443/admin/flask:v2 is not signed");
    engine.refuses(&["pull", "-a", &format!("{HOST}/admin/flask")], "pulling all tags");
    engine.refuses(&["create", "alpine:latest", "/f"], elsewhere);
    engine.refuses(&["create", &format!("{HOST}/admin/flask:v2"), "/f"], "is not signed");
    engine.refuses(&["load", "-i", archive], "loaded from a file");
    engine.refuses(&["import", archive, "imported:1"], "signed by nobody");
    engine.refuses(&["build", "-"], "build in a pipeline");
    engine.refuses(&["tag", "a:1", "b:1"], "another name");
    engine.refuses(&["commit", "x"], "commit of a container");
    engine.refuses(&["plugin", "disable", "x"], "plugins run as root");
    engine.refuses(&["cp", archive, "x:/f"], "copying files");

    // Past the plugin: the engine itself has no such image, and nobody serves the registry.
    engine.fails(&["pull", &format!("{HOST}/admin/flask:v1")], "assay.test");
    engine.fails(&["rm", "nosuch"], "No such container");

    // Requests no client would send.
    let unsigned = r#"{"Image":"a:1"}"#;
    for path in ["/containers/create", "//v1.41/containers/create", "/v1.41/containers%2Fcreate"] {
        engine.posts(path, unsigned, "authorization denied by plugin assay");
    }
    engine.posts("/v1.41/containers/create", r#"{"Image":"a:1","image":"b:1"}"#, "more than one way");
    let large = format!(r#"{{"Image":"{HOST}/admin/flask:v1","Labels":{{"x":"{}"}}}}"#, "x".repeat(1_200_000));
    engine.posts("/v1.41/containers/create", &large, "did not show the body");
    let path = format!("/v1.41/images/create?fromImage={HOST}/admin/flask&tag=v1");
    engine.posts_form(&path, "fromImage=alpine&tag=latest", "without a body");
}
