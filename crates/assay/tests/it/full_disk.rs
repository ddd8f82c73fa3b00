//! A disk that becomes full under a running server: a refusal in words, nothing lost, and no restart needed afterwards.

use std::{
    fs::File,
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
};

use oci::{Algorithm, Digest};
use serde_json::{Value, json};

use crate::{
    image::{as_admin, debian, get, push, scanned},
    server::{Answer, PASSWORD, Server, attempt, until},
};

/// A file system of a few mebibytes; it goes when the test ends.
struct Tiny(tempfile::TempDir);

impl Tiny {
    fn mount() -> Option<Tiny> {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=24m", "tmpfs"]).arg(folder.path()).stderr(Stdio::null());
        mount.status().is_ok_and(|status| status.success()).then_some(Tiny(folder))
    }

    /// Take all the room that is left; gives the file that took it.
    fn fill(&self) -> PathBuf {
        let path = self.0.path().join("filler");
        let mut file = File::create(&path).unwrap();
        for piece in [1 << 16, 1 << 12, 1] {
            while file.write_all(&vec![7; piece]).is_ok() {}
        }
        path
    }
}

impl Drop for Tiny {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

fn ask(server: &Server, method: &str, path: &str, body: &[u8]) -> Answer {
    let (name, value) = as_admin();
    server.ask(method, path, &[(name, &value), ("Content-Type", "application/json")], body)
}

/// A commit of noise that nothing packs, pushed again and again.
struct Work(tempfile::TempDir);

impl Work {
    fn new() -> Work {
        let work = Work(tempfile::tempdir().unwrap());
        let noise: Vec<u8> =
            std::iter::successors(Some(1_u32), |x| Some(x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223)))
                .map(|x| x.to_be_bytes()[0])
                .take(300_000)
                .collect();
        std::fs::write(work.0.path().join("noise"), noise).unwrap();
        for arguments in [&["init", "--quiet"][..], &["add", "."], &["commit", "--quiet", "-m", "noise"]] {
            let (good, said) = work.git(arguments, &[]);
            assert!(good, "{said}");
        }
        work
    }

    fn git(&self, arguments: &[&str], environment: &[(&str, &str)]) -> (bool, String) {
        let own = ["-c", "user.name=T", "-c", "user.email=t@example.org"];
        // A client that hears nothing waits for ever; the test does not.
        attempt("timeout", &[&["60", "git"], &own[..], arguments].concat(), self.0.path(), environment)
    }

    /// Whether the server took it, and what git said.
    fn push(&self, server: &Server) -> (bool, String) {
        let ca = server.ca();
        let environment =
            [("GIT_SSL_CAINFO", ca.to_str().unwrap()), ("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_TERMINAL_PROMPT", "0")];
        let url = format!("https://admin:{}@{}/admin/code.git", PASSWORD.replace(' ', "%20"), server.authority);
        self.git(&["push", "--quiet", &url, "HEAD:main"], &environment)
    }
}

/// Ask for new repositories until there is no room for another; gives the refusal, and how many were made.
fn until_refused(server: &Server) -> (Answer, usize) {
    for number in 0..2000 {
        let new = json!({"name": format!("r{number}"), "longDescription": "x".repeat(3000)}).to_string();
        let answer = ask(server, "POST", "/api/v0/repositories/admin", new.as_bytes());
        if answer.status != 201 {
            return (answer, number);
        }
    }
    panic!("the database grew by 2000 repositories on a full disk");
}

#[test]
fn a_full_disk_is_said_and_survived() {
    let Some(tiny) = Tiny::mount() else {
        eprintln!("NOT TESTED: a full disk; mounting a tmpfs needs root");
        return;
    };
    let folder = tempfile::tempdir_in(tiny.0.path()).unwrap();
    let mut server = Server::start_in("127.0.0.1", folder);
    let digest = push(&server, "admin/shop", "1", &debian(&["base-files 12.4+deb12u5"]));
    scanned(&server, "admin/shop:1", 6);

    assert_eq!(ask(&server, "POST", "/api/v4/projects", br#"{"name":"code"}"#).status, 201);
    let work = Work::new();

    let filler = tiny.fill();
    let blob = vec![9; 1 << 20];
    let path = format!("/v2/admin/shop/blobs/uploads/?digest={}", Digest::of(Algorithm::Sha256, &blob));
    let refused = ask(&server, "POST", &path, &blob);
    assert_eq!((refused.status, refused.code().as_str()), (503, "UNAVAILABLE"), "{}", refused.body);
    let message = refused.json()["errors"][0]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("disk is full"), "{message}");
    assert!(refused.header("retry-after").is_some());
    let (refused, made) = until_refused(&server);
    assert_eq!((refused.status, refused.code().as_str()), (503, "UNAVAILABLE"), "{}", refused.body);
    assert!(refused.body.contains("disk is full"), "{}", refused.body);
    // An upload in steps: its beginning is a row, its bytes are a file.
    let begun = ask(&server, "POST", "/v2/admin/shop/blobs/uploads/", b"");
    assert_eq!((begun.status, begun.code().as_str()), (503, "UNAVAILABLE"), "{}", begun.body);
    let project = ask(&server, "POST", "/api/v4/projects", br#"{"name":"flask"}"#);
    assert_eq!(project.status, 503, "{}", project.body);

    let (taken, said) = work.push(&server);
    assert!(!taken && said.contains("remote unpack failed") && said.contains("disk is full"), "{said}");

    // What was acknowledged is served meanwhile.
    assert_eq!(ask(&server, "GET", "/livez", b"").status, 200);
    let manifest = ask(&server, "GET", "/v2/admin/shop/manifests/1", b"");
    assert_eq!(manifest.status, 200, "{}", manifest.body);
    for descriptor in [&manifest.json()["config"], &manifest.json()["layers"][0]] {
        let path = format!("/v2/admin/shop/blobs/{}", descriptor["digest"].as_str().unwrap());
        assert_eq!(ask(&server, "GET", &path, b"").status, 200);
    }

    // With room again, the same goes through, in the same process.
    std::fs::remove_file(filler).unwrap();
    let taken = ask(&server, "POST", &path, &blob);
    assert_eq!(taken.status, 201, "{}", taken.body);
    let again = json!({"name": format!("r{made}")}).to_string();
    assert_eq!(ask(&server, "POST", "/api/v0/repositories/admin", again.as_bytes()).status, 201);
    assert_eq!(ask(&server, "POST", "/api/v4/projects", br#"{"name":"flask"}"#).status, 201);
    let (taken, said) = work.push(&server);
    assert!(taken, "{said}");
    push(&server, "admin/shop", "2", &debian(&["base-files 12.4+deb12u6"]));
    scanned(&server, "admin/shop:2", 6);
    whole(&server);
    assert!(!server.said().contains("panicked"), "{}", server.said());

    server.kill_and_restart();
    let manifest = ask(&server, "HEAD", "/v2/admin/shop/manifests/1", b"");
    assert_eq!(manifest.header("docker-content-digest"), Some(digest.to_string().as_str()));
    whole(&server);
}

/// The log catches up, and tables and log agree.
fn whole(server: &Server) {
    let waits = || get(server, "/api/v1/audit/entries?subject=repository/admin/shop")["entries"].clone();
    until("every entry has an index", || waits().as_array().unwrap().iter().all(|entry| entry["index"] != Value::Null));
    let report = get(server, "/api/v1/audit/verify");
    assert_eq!(report["problems"], json!([]), "{report}");
}
