//! The whole program with its blobs in a bucket of a real server, moving there and back, and two replicas that share one.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use base::limits;
use oci::{Algorithm, Digest};
use serde_json::Value;

use crate::{
    gateway::Gateway,
    image::{as_admin, debian, push, scanned},
    server::{Answer, Server, own_schema},
};

const UPLOADS: &str = "/v2/admin/big/blobs/uploads/";

/// The `[storage]` table of a configuration; the secret is in a file beside it.
fn table(gateway: &Gateway, folder: &Path, more: &str) -> String {
    let settings = gateway.settings("");
    let secret = folder.join("secret");
    fs::write(&secret, format!("{}\n", settings.secret.expose())).unwrap();
    format!(
        "[storage]\nendpoint = {:?}\nbucket = {:?}\nprefix = \"registry\"\nkey_id = {:?}\nsecret_file = {secret:?}\n\
         plain_http = true\n{more}\n",
        settings.endpoint, settings.bucket, settings.key_id
    )
}

fn copy(folder: &Path, arguments: &[&str]) -> Output {
    let command = ["storage", "copy", "--format", "json"];
    Command::new(env!("CARGO_BIN_EXE_assay")).args(command).args(arguments).current_dir(folder).output().unwrap()
}

fn report(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn ask(server: &Server, method: &str, path: &str, body: &[u8]) -> Answer {
    let (name, value) = as_admin();
    server.ask(method, path, &[(name, &value), ("Content-Type", "application/octet-stream")], body)
}

/// Letters, because answers are read as text.
fn letters(length: usize) -> Vec<u8> {
    (0_u32..).map(|number| b'a' + (number.wrapping_mul(2_654_435_761) >> 24) as u8 % 26).take(length).collect()
}

#[test]
fn blobs_move_to_a_bucket_while_the_server_runs_and_back() {
    let Some(gateway) = Gateway::start() else { return };
    let mut server = Server::start("127.0.0.1");
    let folder = server.folder.path().to_owned();
    push(&server, "admin/app", "1", &debian(&["base-files 12.4+deb12u5"]));
    scanned(&server, "admin/app:1", 6);
    let data = folder.join("data");
    let bucket = format!("data = {data:?}\n{}", table(&gateway, &folder, ""));
    fs::write(folder.join("bucket.toml"), &bucket).unwrap();
    fs::write(folder.join("folder.toml"), format!("data = {data:?}\n")).unwrap();
    let same = copy(&folder, &["--config", "folder.toml", "--to", "folder.toml"]);
    assert_eq!(same.status.code(), Some(1), "{}", String::from_utf8_lossy(&same.stderr));
    assert_eq!(copy(&folder, &["--config", "folder.toml"]).status.code(), Some(2));
    let there = ["--config", "folder.toml", "--to", "bucket.toml"];
    let first = report(&copy(&folder, &there));
    assert!(first["copied"].as_u64().unwrap() >= 3 && first["damaged"] == 0, "{first}");
    assert!(first["next"].as_str().unwrap().contains("--config bucket.toml"), "{first}");
    // What came meanwhile follows, and the server goes on with the bucket alone.
    push(&server, "admin/late", "1", &debian(&["bash 5.2.15-2+b2"]));
    scanned(&server, "admin/late:1", 6);
    server.kill();
    let second = report(&copy(&folder, &there));
    assert_eq!(second["present"], first["copied"], "{second}");
    assert!(second["copied"].as_u64().unwrap() >= 3, "{second}");
    fs::remove_dir_all(data.join("blobs")).unwrap();
    fs::write(folder.join("assay.toml"), &bucket).unwrap();
    server.start_again();
    push(&server, "admin/new", "1", &debian(&["coreutils 9.1-1"]));
    scanned(&server, "admin/new:1", 6);
    for repository in ["admin/app", "admin/late", "admin/new"] {
        let manifest = ask(&server, "GET", &format!("/v2/{repository}/manifests/1"), b"");
        let layer = manifest.json()["layers"][0]["digest"].as_str().unwrap().to_owned();
        let blob = ask(&server, "GET", &format!("/v2/{repository}/blobs/{layer}"), b"");
        assert_eq!(Digest::of(Algorithm::Sha256, blob.body.as_bytes()).as_str(), layer);
    }
    assert!(!data.join("blobs").exists(), "the folder is not used any more");
    let back = report(&copy(&folder, &["--config", "bucket.toml", "--to", "folder.toml"]));
    assert!(back["copied"].as_u64() > second["copied"].as_u64() && back["damaged"] == 0, "{back}");
    let secret = gateway.settings("").secret;
    assert!(!server.said().contains(secret.expose()), "the secret is in the log");
}

#[test]
fn a_damaged_blob_in_a_bucket_never_arrives_complete_and_is_logged() {
    let Some(gateway) = Gateway::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("assay.toml"), table(&gateway, folder.path(), "")).unwrap();
    let server = Server::start_in("127.0.0.1", folder);
    let whole = letters(2_000_000);
    let digest = Digest::of(Algorithm::Sha256, &whole);
    let put = format!("{UPLOADS}?digest={digest}");
    assert_eq!(ask(&server, "POST", &put, &whole).status, 201);
    let mut spoilt = whole.clone();
    spoilt[1_999_999] = b'!';
    let key = format!("registry/blobs/sha256/{}/{}", &digest.hex()[..2], digest.hex());
    fs::write(gateway.bucket.join(key), spoilt).unwrap();
    let blob = format!("/v2/admin/big/blobs/{digest}");
    let answer = ask(&server, "GET", &blob, b"");
    assert_eq!((answer.status, answer.header("content-length")), (200, Some("2000000")));
    assert!(answer.body.len() < whole.len(), "all {} bytes arrived", answer.body.len());
    crate::server::until("the damage is in the log", || server.said().contains(digest.as_str()));
    assert_eq!(ask(&server, "POST", &put, &whole).status, 201);
    assert_eq!(ask(&server, "GET", &blob, b"").body.as_bytes(), whole);
}

#[test]
fn a_range_from_a_bucket_never_has_a_wrong_byte() {
    let Some(gateway) = Gateway::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("assay.toml"), table(&gateway, folder.path(), "")).unwrap();
    let server = Server::start_in("127.0.0.1", folder);
    let piece = limits::PIECE_BYTES;
    let whole = letters(2 * piece + 5);
    let digest = Digest::of(Algorithm::Sha256, &whole);
    assert_eq!(ask(&server, "POST", &format!("{UPLOADS}?digest={digest}"), &whole).status, 201);
    let range = |first: usize, last: usize| {
        let ((name, value), wanted) = (as_admin(), format!("bytes={first}-{last}"));
        server.ask("GET", &format!("/v2/admin/big/blobs/{digest}"), &[(name, &value), ("Range", &wanted)], b"")
    };
    let answer = range(piece - 3, piece + 3);
    assert_eq!((answer.status, answer.body.as_bytes()), (206, &whole[piece - 3..piece + 4]));
    let mut spoilt = whole.clone();
    spoilt[piece + 100] = b'!';
    let key = format!("registry/blobs/sha256/{}/{}", &digest.hex()[..2], digest.hex());
    fs::write(gateway.bucket.join(key), spoilt).unwrap();
    let answer = range(piece - 3, piece + 3);
    assert_eq!((answer.status, answer.body.as_bytes()), (206, &whole[piece - 3..piece]));
    crate::server::until("it is in quarantine", || range(0, 3).status == 500);
}

#[test]
fn clients_are_sent_to_the_bucket_where_the_operator_wants_it() {
    let Some(gateway) = Gateway::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("assay.toml"), table(&gateway, folder.path(), "redirect = true")).unwrap();
    let server = Server::start_in("127.0.0.1", folder);
    let digest = Digest::of(Algorithm::Sha256, b"behind a link");
    assert_eq!(ask(&server, "POST", &format!("{UPLOADS}?digest={digest}"), b"behind a link").status, 201);
    let path = format!("/v2/admin/big/blobs/{digest}");
    let answer = ask(&server, "GET", &path, b"");
    let location = answer.header("location").unwrap().to_owned();
    assert_eq!((answer.status, answer.header("docker-content-digest")), (307, Some(digest.as_str())));
    assert!(location.starts_with(&gateway.endpoint), "{location}");
    let followed = Command::new("curl").args(["-sf", &location]).output().unwrap();
    assert_eq!(followed.stdout, b"behind a link");
    assert_eq!(ask(&server, "HEAD", &path, b"").status, 200);
    assert_eq!(server.ask("GET", &path, &[], b"").status, 401, "nobody else gets a link");
    let signature = location.split("X-Amz-Signature=").nth(1).unwrap();
    assert!(!server.said().contains(signature), "the link is in the log");
}

#[test]
fn an_upload_begun_on_one_replica_is_finished_on_the_other() {
    let Some(gateway) = Gateway::start() else { return };
    let Some(url) = own_schema() else {
        eprintln!("NOT TESTED: two replicas; ASSAY_TEST_POSTGRES names no PostgreSQL database");
        return;
    };
    let replica = |keys: Option<&Path>| {
        let folder = tempfile::tempdir().unwrap();
        let configuration = format!("database = {url:?}\n{}", table(&gateway, folder.path(), ""));
        fs::write(folder.path().join("assay.toml"), configuration).unwrap();
        if let Some(keys) = keys {
            fs::create_dir_all(folder.path().join("data/keys")).unwrap();
            for file in fs::read_dir(keys).unwrap().map(|entry| entry.unwrap().path()) {
                fs::copy(&file, folder.path().join("data/keys").join(file.file_name().unwrap())).unwrap();
            }
        }
        Server::start_in("127.0.0.1", folder)
    };
    let one = replica(None);
    let mut two = replica(Some(&one.folder.path().join("data/keys")));
    let whole = letters(3 * limits::PART_BYTES + 12_345);
    let (first, rest) = whole.split_at(limits::PART_BYTES + 777);
    let (second, third) = rest.split_at(limits::PART_BYTES);
    let begun = ask(&one, "POST", UPLOADS, b"");
    let location = begun.header("location").unwrap().to_owned();
    assert_eq!(ask(&one, "PATCH", &location, first).status, 202);
    let range = format!("0-{}", first.len() - 1);
    assert_eq!(ask(&two, "GET", &location, b"").header("range"), Some(range.as_str()));
    assert_eq!(ask(&two, "PATCH", &location, second).status, 202);
    two.kill_and_restart();
    let digest = Digest::of(Algorithm::Sha256, &whole);
    let put = ask(&two, "PUT", &format!("{location}?digest={digest}"), third);
    assert_eq!(put.status, 201, "{}", put.body);
    for server in [&one, &two] {
        let blob = ask(server, "GET", &format!("/v2/admin/big/blobs/{digest}"), b"");
        assert_eq!(Digest::of(Algorithm::Sha256, blob.body.as_bytes()), digest);
    }
    // An image pushed to one is pulled from the other.
    let pushed = push(&one, "admin/app", "1", &debian(&["base-files 12.4+deb12u5"]));
    let pulled = ask(&two, "GET", "/v2/admin/app/manifests/1", b"");
    assert_eq!(pulled.header("docker-content-digest"), Some(pushed.as_str()));
}
