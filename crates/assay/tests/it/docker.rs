//! Docker itself: an engine and its client, pushing schema 2 and pulling both formats, over TLS that they check.

use std::{
    fs::{self, File},
    path::PathBuf,
    process::{Child, Command},
};

use rustix::process::{Pid, Signal, geteuid, kill_process};
use serde_json::json;

use crate::{
    image::{as_admin, call, debian, index_of, layer, push, tag},
    server::{BASIC, Desk, attempt, is_there, until},
};

/// An engine without containers: no bridge, no rules in the machine's firewall, everything in the folder of the desk.
struct Engine<'a> {
    desk: &'a Desk,
    folder: PathBuf,
    child: Child,
}

impl<'a> Engine<'a> {
    /// None where there is no engine to start, or nobody who may.
    fn start(desk: &'a Desk) -> Option<Engine<'a>> {
        if !is_there("dockerd") || !is_there("docker") {
            return None;
        }
        if !geteuid().is_root() {
            eprintln!("NOT TESTED: docker; starting an engine needs root");
            return None;
        }
        let folder = desk.home.join("engine");
        fs::create_dir_all(folder.join("config")).unwrap();
        let auths = json!({"auths": {&desk.server.authority: {"auth": BASIC}}});
        fs::write(folder.join("config/config.json"), auths.to_string()).unwrap();
        let at = |name: &str| folder.join(name).display().to_string();
        let log = File::create(folder.join("log")).unwrap();
        let mut engine = Command::new("dockerd");
        engine.args(["--bridge=none", "--iptables=false", "--ip-forward=false", "--storage-driver", "vfs"]);
        engine.args(["--data-root", &at("data"), "--exec-root", &at("exec"), "--pidfile", &at("pid")]);
        engine.args(["--host", &format!("unix://{}", at("sock"))]);
        // What it has instead of an authority in /etc/docker/certs.d, which is the machine's.
        engine.env("SSL_CERT_FILE", desk.server.ca()).stdout(log.try_clone().unwrap()).stderr(log);
        let mut engine = Engine { desk, folder: folder.clone(), child: engine.spawn().unwrap() };
        until("the engine answers", || {
            let ended = engine.child.try_wait().unwrap();
            assert!(ended.is_none(), "{}", fs::read_to_string(folder.join("log")).unwrap());
            engine.docker(&["version"]).0
        });
        Some(engine)
    }

    fn docker(&self, arguments: &[&str]) -> (bool, String) {
        let (host, config) = (format!("unix://{}/sock", self.folder.display()), self.folder.join("config"));
        let environment = [("DOCKER_HOST", host.as_str()), ("DOCKER_CONFIG", config.to_str().unwrap())];
        attempt("docker", arguments, &self.desk.home, &environment)
    }

    fn docker_ok(&self, arguments: &[&str]) -> String {
        let (succeeded, text) = self.docker(arguments);
        assert!(succeeded, "docker {arguments:?}:\n{text}");
        text
    }

    /// Pull as a machine that has nothing of it: what the engine says the image's digest is.
    fn pull(&self, reference: &str) -> String {
        let all = self.docker_ok(&["images", "--all", "--quiet", "--no-trunc"]);
        for image in all.lines() {
            // Gone with another name of the same image, perhaps.
            let _ = self.docker(&["rmi", "--force", image]);
        }
        self.docker_ok(&["pull", reference]);
        self.docker_ok(&["image", "inspect", "--format", "{{index .RepoDigests 0}}", reference]).trim().to_owned()
    }
}

impl Drop for Engine<'_> {
    fn drop(&mut self) {
        // Asked to, it ends its own containerd; killed, it would leave that behind.
        let pid = Pid::from_child(&self.child);
        if kill_process(pid, Signal::TERM).is_ok() {
            let _ = self.child.wait();
        }
    }
}

/// A person is refused in words that docker shows; a robot signs in with its whole name and pushes.
fn only_robots_push(engine: &Engine<'_>, desk: &Desk) {
    let built = desk.place("admin/built:1");
    call(&desk.server, 201, "POST", "/api/v0/repositories/admin", &json!({"name": "built", "onlyRobotsPush": true}));
    let grants = json!([{"place": "admin/built", "accessLevel": "read-write"}]);
    let robot = json!({"name": "ci", "grants": grants});
    let robot = call(&desk.server, 201, "POST", "/api/v1/namespaces/admin/robots", &robot);
    engine.docker_ok(&["tag", "made-here", &built]);
    let (pushed, said) = engine.docker(&["push", &built]);
    assert!(!pushed && said.contains("denied: no human builds or deploys here: admin/built takes pushes"), "{said}");
    let signed_in = fs::read(engine.folder.join("config/config.json")).unwrap();
    let (authority, token) = (desk.server.authority.as_str(), robot["token"].as_str().unwrap());
    engine.docker_ok(&["login", "--username", "admin+ci", "--password", token, authority]);
    let said = engine.docker_ok(&["push", &built]);
    assert!(said.contains("digest: sha256:"), "{said}");
    call(&desk.server, 200, "POST", "/api/v1/robots/admin+ci/rotate", &json!({"graceMinutes": 0}));
    let (pushed, said) = engine.docker(&["push", &built]);
    assert!(!pushed && said.contains("unauthorized"), "{said}");
    fs::write(engine.folder.join("config/config.json"), signed_in).unwrap();
}

#[test]
fn docker_pushes_schema_2_and_pulls_both_formats() {
    let desk = Desk::new();
    let Some(engine) = Engine::start(&desk) else { return };
    fs::write(desk.home.join("layer.tar"), layer(&debian(&["bash 5.2.15-2"]))).unwrap();
    engine.docker_ok(&["import", "layer.tar", "made-here"]);
    let (one, two) = (desk.place("admin/docker:1"), desk.place("admin/second:1"));
    engine.docker_ok(&["tag", "made-here", &one]);
    let said = engine.docker_ok(&["push", &one]);
    let digest = desk.digest("admin/docker", "1");
    assert!(said.contains(&format!("digest: {digest}")), "{said}");
    let tag = tag(&desk.server, "admin/docker:1");
    assert_eq!(tag["manifest"]["mediaType"], "application/vnd.docker.distribution.manifest.v2+json");
    assert!(engine.docker_ok(&["push", &one]).contains("Layer already exists"));
    engine.docker_ok(&["tag", "made-here", &two]);
    let said = engine.docker_ok(&["push", &two]);
    assert!(said.contains("Mounted from admin/docker"), "{said}");
    only_robots_push(&engine, &desk);
    assert_eq!(engine.pull(&one), format!("{}@{digest}", desk.place("admin/docker")));
    engine.pull(&format!("{}@{digest}", desk.place("admin/docker")));

    let oci = push(&desk.server, "admin/oci", "1", &debian(&["bash 5.2.15-3"]));
    assert_eq!(engine.pull(&desk.place("admin/oci:1")), format!("{}@{oci}", desk.place("admin/oci")));
    let index = index_of(&desk.server, "admin/oci", "index", &[("amd64", &oci)]);
    assert_eq!(engine.pull(&desk.place("admin/oci:index")), format!("{}@{index}", desk.place("admin/oci")));

    let found = engine.docker_ok(&["search", "--format", "{{.Name}}", &desk.place("ock")]);
    assert!(!found.contains("admin/docker"), "{found}");
    let found = engine.docker_ok(&["search", "--format", "{{.Name}}", &desk.place("dock")]);
    assert!(found.contains("admin/docker") && !found.contains("admin/oci"), "{found}");

    let (pulled, said) = engine.docker(&["pull", &desk.place("admin/docker:none")]);
    assert!(!pulled && said.contains("not found"), "{said}");
    let (name, value) = as_admin();
    let gone = desk.server.ask("DELETE", &format!("/v2/admin/docker/manifests/{digest}"), &[(name, &value)], b"");
    assert_eq!(gone.status, 202, "{}", gone.body);
    let (pulled, said) = engine.docker(&["pull", &one]);
    assert!(!pulled && said.contains("not found"), "{said}");
    // Nobody in particular may pull nothing of it, and is told to sign in.
    fs::write(engine.folder.join("config/config.json"), "{}").unwrap();
    let (pulled, said) = engine.docker(&["pull", &desk.place("admin/oci:1")]);
    assert!(!pulled && said.contains("unauthorized: sign in"), "{said}");
    let (pushed, said) = engine.docker(&["push", &desk.place("admin/oci:1")]);
    assert!(!pushed && !said.contains("digest:"), "{said}");
}
