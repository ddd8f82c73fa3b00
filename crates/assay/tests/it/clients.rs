//! Pushes and pulls of clients that are not Docker's: podman, buildah and skopeo, over TLS, both manifest formats.

use std::fs;

use serde_json::json;

use crate::{
    image::{debian, get, layer, push, scanned},
    server::{Desk, PASSWORD, attempt, is_there},
};

/// A person who trusts the server as `/etc/docker/certs.d/HOST` does, and has a layer.
fn desk() -> Desk {
    let desk = Desk::new();
    fs::create_dir(desk.home.join("certs")).unwrap();
    fs::copy(desk.server.ca(), desk.home.join("certs/ca.crt")).unwrap();
    // Images are unpacked by nobody but these clients; any file will do as a layer.
    fs::write(desk.home.join("layer.tar"), layer(&debian(&["bash 5.2.15-2"]))).unwrap();
    let policy = json!({"default": [{"type": "insecureAcceptAnything"}]});
    fs::write(desk.home.join("policy.json"), policy.to_string()).unwrap();
    desk
}

impl Desk {
    /// Podman and buildah keep images in a folder of this desk; `store` names it.
    fn tool(&self, program: &str, store: &str, arguments: &[&str]) -> (bool, String) {
        let store = self.home.join(store);
        let (root, run) = (store.join("root"), store.join("run"));
        let mut all = vec!["--root", root.to_str().unwrap(), "--runroot", run.to_str().unwrap()];
        all.extend(["--storage-driver", "vfs"]);
        all.extend(arguments);
        attempt(program, &all, &self.home, &[("REGISTRY_AUTH_FILE", "auth.json"), ("STORAGE_OPTS", "")])
    }

    fn tool_ok(&self, program: &str, store: &str, arguments: &[&str]) -> String {
        let (succeeded, text) = self.tool(program, store, arguments);
        assert!(succeeded, "{program} {arguments:?}:\n{text}");
        text
    }

    fn skopeo(&self, arguments: &[&str]) -> (bool, String) {
        let mut all = vec!["--policy", "policy.json"];
        all.extend(arguments);
        attempt("skopeo", &all, &self.home, &[("REGISTRY_AUTH_FILE", "auth.json")])
    }

    fn skopeo_ok(&self, arguments: &[&str]) -> String {
        let (succeeded, text) = self.skopeo(arguments);
        assert!(succeeded, "skopeo {arguments:?}:\n{text}");
        text
    }

    /// The digest that the server has under a tag.
    fn digest(&self, repository: &str, tag: &str) -> String {
        let tag = get(&self.server, &format!("/api/v0/repositories/{repository}/tags/{tag}"));
        tag["digest"].as_str().unwrap().to_owned()
    }

    fn login(&self, program: &str) {
        let mut arguments = vec!["login", "--authfile", "auth.json", "--cert-dir", "certs"];
        arguments.extend(["-u", "admin", "-p", PASSWORD, &self.server.authority]);
        let (succeeded, text) = match program {
            "skopeo" => self.skopeo(&arguments),
            _ => self.tool(program, "store", &arguments),
        };
        assert!(succeeded && text.contains("Login Succeeded"), "{program} login:\n{text}");
    }
}

#[test]
fn podman_pushes_and_pulls() {
    if !is_there("podman") {
        return;
    }
    let desk = desk();
    desk.login("podman");
    desk.tool_ok("podman", "store", &["import", "layer.tar", "made-here"]);
    for (format, tag) in [("oci", "oci"), ("v2s2", "schema2")] {
        let target = desk.place(&format!("admin/podman:{tag}"));
        let push = ["push", "--cert-dir", "certs", "--format", format, "--digestfile", "digest", "made-here", &target];
        desk.tool_ok("podman", "store", &push);
        let pushed = fs::read_to_string(desk.home.join("digest")).unwrap();
        assert_eq!(pushed.trim(), desk.digest("admin/podman", tag));
        // Another machine, which knows nothing of the image.
        let other = format!("other-{tag}");
        desk.tool_ok("podman", &other, &["pull", "--cert-dir", "certs", &target]);
        let seen = desk.tool_ok("podman", &other, &["image", "inspect", "--format", "{{.Digest}}", &target]);
        assert_eq!(seen.trim(), pushed.trim());
    }
    let by_digest = desk.place(&format!("admin/podman@{}", desk.digest("admin/podman", "oci")));
    desk.tool_ok("podman", "by-digest", &["pull", "--cert-dir", "certs", &by_digest]);
    let (succeeded, said) =
        desk.tool("podman", "store", &["pull", "--cert-dir", "certs", &desk.place("admin/podman:none")]);
    assert!(!succeeded && said.contains("manifest unknown"), "{said}");
}

#[test]
fn buildah_builds_pushes_and_pulls() {
    if !is_there("buildah") {
        return;
    }
    let desk = desk();
    desk.login("buildah");
    let container = desk.tool_ok("buildah", "store", &["from", "scratch"]).trim().to_owned();
    desk.tool_ok("buildah", "store", &["add", &container, "layer.tar", "/"]);
    desk.tool_ok("buildah", "store", &["config", "--label", "org.opencontainers.image.title=made here", &container]);
    desk.tool_ok("buildah", "store", &["commit", &container, "made-here"]);
    let target = desk.place("admin/buildah:1");
    desk.tool_ok(
        "buildah",
        "store",
        &["push", "--cert-dir", "certs", "--digestfile", "digest", "made-here", &format!("docker://{target}")],
    );
    assert_eq!(fs::read_to_string(desk.home.join("digest")).unwrap().trim(), desk.digest("admin/buildah", "1"));
    desk.tool_ok("buildah", "other", &["pull", "--cert-dir", "certs", &target]);
    // The scanner has opened what buildah made.
    let tag = scanned(&desk.server, "admin/buildah:1", 6);
    assert_eq!(tag["vuln_summary"]["critical"], 0);
}

#[test]
fn skopeo_copies_lists_and_deletes() {
    if !is_there("skopeo") {
        return;
    }
    let desk = desk();
    desk.login("skopeo");
    let digest = push(&desk.server, "admin/from", "1", &debian(&["bash 5.2.15-2"])).to_string();
    let (from, to) = (desk.place("admin/from:1"), desk.place("admin/to:1"));
    let docker = |image: &str| format!("docker://{image}");
    let trusted = ["--src-cert-dir", "certs", "--dest-cert-dir", "certs"];
    let copy = |more: &[&str]| desk.skopeo_ok(&[&["copy"], &trusted[..], more].concat());
    // Left to itself it compresses a plain layer.
    copy(&["--preserve-digests", &docker(&from), &docker(&to)]);
    assert_eq!(desk.digest("admin/to", "1"), digest);
    // Out of the registry and in again: the bytes are the same.
    copy(&["--preserve-digests", &docker(&to), "oci:layout:1"]);
    copy(&["--preserve-digests", "oci:layout:1", &docker(&desk.place("admin/to:2"))]);
    assert_eq!(desk.digest("admin/to", "2"), digest);
    copy(&["--format", "v2s2", "oci:layout:1", &docker(&desk.place("admin/to:schema2"))]);

    let listed = desk.skopeo_ok(&["list-tags", "--cert-dir", "certs", &docker(&desk.place("admin/to"))]);
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed["Tags"], json!(["1", "2", "schema2"]));
    desk.skopeo_ok(&[
        "sync",
        "--src",
        "docker",
        "--dest",
        "dir",
        "--src-cert-dir",
        "certs",
        &desk.place("admin/to"),
        "synced",
    ]);
    assert_eq!(fs::read_dir(desk.home.join("synced")).unwrap().count(), 3);
    desk.skopeo_ok(&["delete", "--cert-dir", "certs", &docker(&to)]);
    let (succeeded, said) = desk.skopeo(&["inspect", "--cert-dir", "certs", &docker(&to)]);
    assert!(!succeeded && said.contains("manifest unknown"), "{said}");
}
