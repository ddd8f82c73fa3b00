//! Pushes and pulls of clients that are not Docker's: podman, buildah, skopeo and umoci, over TLS, both manifest formats.

use std::fs;

use oci::Digest;
use serde_json::json;

use crate::{
    image::{debian, index_of, layer, push, scanned},
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
    pub fn digest(&self, repository: &str, tag: &str) -> String {
        let tag = crate::image::tag(&self.server, &format!("{repository}:{tag}"));
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

/// What mirrors do: everything of a repository, with every platform of an index, into the registry and out of it.
#[test]
fn skopeo_mirrors_repositories_and_indexes() {
    if !is_there("skopeo") {
        return;
    }
    let desk = desk();
    desk.login("skopeo");
    let amd64 = push(&desk.server, "admin/from", "amd64", &debian(&["bash 5.2.15-2"]));
    let arm64 = push(&desk.server, "admin/from", "arm64", &debian(&["bash 5.2.15-3"]));
    let index = index_of(&desk.server, "admin/from", "both", &[("amd64", &amd64), ("arm64", &arm64)]);
    let trusted = ["--src-cert-dir", "certs", "--dest-cert-dir", "certs"];
    let from = desk.place("admin/from");
    let mirror = ["sync", "--all", "--preserve-digests", "--src", "docker", "--dest", "docker"];
    desk.skopeo_ok(&[&mirror[..], &trusted, &[from.as_str(), &desk.place("admin/mirror")]].concat());
    for (tag, digest) in [("amd64", &amd64), ("arm64", &arm64), ("both", &index)] {
        assert_eq!(desk.digest("admin/mirror%2Ffrom", tag), digest.to_string(), "{tag}");
    }
    // Over a folder, as a machine without a network is supplied.
    fs::create_dir(desk.home.join("carried")).unwrap();
    let source = format!("docker://{from}:both");
    desk.skopeo_ok(&["copy", "--all", "--preserve-digests", "--src-cert-dir", "certs", &source, "dir:carried/both"]);
    let into = desk.place("admin/carried");
    let supply =
        ["sync", "--all", "--preserve-digests", "--src", "dir", "--dest", "docker", "--dest-cert-dir", "certs"];
    desk.skopeo_ok(&[&supply[..], &["carried", &into]].concat());
    let carried = desk.skopeo_ok(&["inspect", "--raw", "--cert-dir", "certs", &format!("docker://{into}/both")]);
    assert_eq!(Digest::sha256_of(carried.as_bytes()), index);
    // An index goes, and what it named can go after it.
    let tagged = desk.skopeo(&["delete", "--cert-dir", "certs", &format!("docker://{from}:arm64")]);
    assert!(!tagged.0 && tagged.1.contains("names it; delete that first"), "{}", tagged.1);
    for tag in ["both", "arm64"] {
        desk.skopeo_ok(&["delete", "--cert-dir", "certs", &format!("docker://{from}:{tag}")]);
    }
    let listed = desk.skopeo_ok(&["list-tags", "--cert-dir", "certs", &format!("docker://{from}")]);
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed["Tags"], json!(["amd64"]));
}

/// An image that umoci made, there and back, with what is in it.
#[test]
fn umoci_makes_an_image_that_comes_back_as_it_was() {
    if !is_there("skopeo") || !is_there("umoci") {
        return;
    }
    let desk = desk();
    desk.login("skopeo");
    let umoci = |arguments: &[&str]| {
        let (succeeded, said) = attempt("umoci", arguments, &desk.home, &[]);
        assert!(succeeded, "umoci {arguments:?}:\n{said}");
    };
    umoci(&["init", "--layout", "made"]);
    umoci(&["new", "--image", "made:1"]);
    umoci(&["unpack", "--rootless", "--image", "made:1", "bundle"]);
    fs::write(desk.home.join("bundle/rootfs/hello"), "from umoci").unwrap();
    umoci(&["repack", "--image", "made:1", "bundle"]);
    umoci(&["config", "--image", "made:1", "--config.label", "org.opencontainers.image.title=made"]);
    let target = format!("docker://{}", desk.place("admin/umoci:1"));
    desk.skopeo_ok(&["copy", "--preserve-digests", "--dest-cert-dir", "certs", "oci:made:1", &target]);
    desk.skopeo_ok(&["copy", "--preserve-digests", "--src-cert-dir", "certs", &target, "oci:back:1"]);
    let index = |layout: &str| fs::read_to_string(desk.home.join(layout).join("index.json")).unwrap();
    let digest = desk.digest("admin/umoci", "1");
    assert!(index("made").contains(&digest) && index("back").contains(&digest), "{digest}");
    umoci(&["unpack", "--rootless", "--image", "back:1", "again"]);
    assert_eq!(fs::read_to_string(desk.home.join("again/rootfs/hello")).unwrap(), "from umoci");
}
