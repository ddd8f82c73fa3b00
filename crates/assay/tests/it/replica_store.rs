//! The whole program with a replica store: it is filled by itself, heals by itself, and says how far it is.

use std::{fs, path::Path};

use oci::Digest;
use serde_json::{Value, json};

use crate::{
    image::as_admin,
    server::{Answer, Server, until},
};

fn ask(server: &Server, method: &str, path: &str, body: &[u8]) -> Answer {
    let (name, value) = as_admin();
    server.ask(method, path, &[(name, &value), ("Content-Type", "application/octet-stream")], body)
}

fn standing(server: &Server) -> Value {
    ask(server, "GET", "/api/v1/registry/replica", b"").json()
}

fn file(store: &Path, digest: &Digest) -> std::path::PathBuf {
    store.join("blobs/sha256").join(&digest.hex()[..2]).join(digest.hex())
}

#[test]
fn blobs_are_copied_by_themselves_and_heal_what_a_disk_spoilt() {
    let folder = tempfile::tempdir().unwrap();
    let copies = folder.path().join("second/disk");
    fs::write(folder.path().join("assay.toml"), format!("[storage.replica]\nfolder = {copies:?}\n")).unwrap();
    let mut server = Server::start_in("127.0.0.1", folder);
    let main = server.folder.path().join("data/blobs");
    let bytes = b"a blob that a disk will spoil";
    let digest = Digest::sha256_of(bytes);
    let put = format!("/v2/admin/app/blobs/uploads/?digest={digest}");
    assert_eq!(ask(&server, "POST", &put, bytes).status, 201);
    until("the blob is copied", || standing(&server)["behind"] == 0 && standing(&server)["copied"] == 1);
    assert_eq!(standing(&server)["place"], json!(format!("folder {}", copies.display())));
    assert_eq!(fs::read(file(&copies, &digest)).unwrap(), bytes);

    fs::write(file(&main, &digest), b"a blob that a disk has spoilt").unwrap();
    let scrubbed = ask(&server, "POST", "/api/v1/registry/scrub", b"").json();
    assert_eq!((&scrubbed["damaged"], &scrubbed["healed"]), (&json!([]), &json!([digest])), "{scrubbed}");
    assert_eq!(scrubbed["replica"]["behind"], 0, "{scrubbed}");
    let pull = |server: &Server| ask(server, "GET", &format!("/v2/admin/app/blobs/{digest}"), b"");
    assert_eq!(pull(&server).body.as_bytes(), bytes);

    // A pull of what is lost waits until it is healed, also after a restart.
    server.kill_and_restart();
    fs::remove_file(file(&main, &digest)).unwrap();
    assert_eq!((pull(&server).status, fs::read(file(&main, &digest)).unwrap()), (200, bytes.to_vec()));
    assert_eq!(standing(&server)["damaged"], 0);
}

#[test]
fn a_replica_store_in_the_same_place_is_refused_before_anything_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let table = format!("data = {data:?}\n[storage.replica]\nfolder = {:?}\n", data.join("blobs/copies"));
    fs::write(folder.path().join("assay.toml"), table).unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_assay"));
    let output = command.args(["serve", "--config", "assay.toml"]).current_dir(folder.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("a copy must be somewhere else"), "{said}");
    assert!(!data.exists());
}
