//! `assay scan` against what others make: one image in a real registry, in archives and layouts of every tool that writes them.
//!
//! ```text
//!   buildah ─ two platforms ─► docker-registry (TLS, htpasswd) ─┬─ assay scan REFERENCE, credentials of Docker's configuration
//!                                                              ├─ skopeo ─► docker-archive, oci-archive, layout
//!                                                              ├─ podman save, buildah push
//!                                                              └─ docker pull, docker save
//! ```
//!
//! All of them must name the same components.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::engine::{Engine, EngineConfig, Software, Switch};
use crate::stage::{Cleanup, Process, Run, Steps, with_cleanup};
use crate::{command, demo, packages};

const START: Duration = Duration::from_secs(30);
pub(super) const NAME: &str = "anna";
pub(super) const PASSWORD: &str = "sesame open";
const OS: &str = "ID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n";

/// Makes the image, and scans it wherever it lies.
///
/// # Errors
/// A tool is missing, or one place tells other components than the rest.
pub fn run(folder: &Path) -> Result<()> {
    let mut steps = Steps::new();
    with_cleanup(false, |cleanup| {
        steps.note(&packages::ensure_scanned(cleanup)?);
        let binary = steps.step("compile assay", demo::compile)?;
        let run = Run::open(&folder.join("runs"))?;
        let switch = steps.step("a network for the engine", || Switch::start(cleanup, &run))?;
        let bench = steps.step("start docker-registry", || Bench::start(cleanup, &run, &switch, binary))?;
        steps.step("buildah builds for two platforms and pushes", || bench.build())?;
        let reference = bench.reference("app:1");
        let amd64 = steps.step("scan the reference", || bench.components(&reference, &[]))?;
        ensure!(amd64.len() == 4, "the image has four components, and these were found: {amd64:?}");
        steps.step("scan the other platform, and one that is not there", || bench.platforms(&amd64))?;
        steps.step("scan with a credential helper, and be refused without any", || bench.credentials(&amd64))?;
        for (title, place) in steps.step("skopeo, podman and buildah save it", || bench.save())? {
            steps.step(&format!("scan what {title} wrote"), || bench.same(&place, &amd64))?;
        }
        let engine = steps.step("start an engine", || start_engine(cleanup, &run, &switch, &bench))?;
        steps.watch("the engine", &engine.log());
        let saved = steps.step("the engine pulls and saves it", || bench.docker(&engine))?;
        steps.step("scan what docker wrote", || bench.same(&saved, &amd64))?;
        cleanup.finish();
        run.remove()
    })?;
    println!("{}", steps.summary());
    Ok(())
}

fn start_engine(cleanup: &Cleanup, run: &Run, switch: &Switch, bench: &Bench) -> Result<Engine> {
    let config = EngineConfig {
        name: "saver".to_owned(),
        software: Software::debian(),
        address: switch.next_address()?,
        hosts: vec![],
        registries: vec![(bench.authority.clone(), fs::read_to_string(bench.path("ca.pem"))?)],
        tls: None,
        authorization_plugin: None,
    };
    Engine::start(cleanup, run, switch, config)
}

/// The registry, and a folder in which everything is made.
pub(super) struct Bench {
    pub(super) authority: String,
    assay: PathBuf,
    folder: PathBuf,
    /// podman's sockets lie here: its path may have 50 characters at most.
    state: tempfile::TempDir,
}

impl Bench {
    pub(super) fn start(cleanup: &Cleanup, run: &Run, switch: &Switch, assay: PathBuf) -> Result<Bench> {
        let host = switch.host_address();
        let authority = TcpListener::bind((host, 0))?.local_addr()?.to_string();
        let bench = Bench { authority, assay, folder: run.folder("scanned")?, state: tempfile::tempdir()? };
        bench.certificates(&host.to_string())?;
        bench.in_folder("htpasswd", &["-Bbc", "htpasswd", NAME, PASSWORD])?;
        let at = |name: &str| bench.path(name).display().to_string();
        let config = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: \"{}\", tls: \
             {{certificate: {}, key: {}}}}}\nauth: {{htpasswd: {{realm: interop, path: {}}}}}\n",
            at("registry"),
            bench.authority,
            at("server.pem"),
            at("server.key"),
            at("htpasswd")
        );
        fs::write(bench.path("registry.yml"), config)?;
        let mut serve = Command::new("docker-registry");
        serve.args(["serve", &at("registry.yml")]);
        let process = Process::spawn(cleanup, "docker-registry", &serve, &bench.path("registry.log"))?;
        let url = format!("https://{}/v2/", bench.authority);
        let sign_in = format!("{NAME}:{PASSWORD}");
        process.ready("its address", START, || {
            let arguments = ["--silent", "--fail", "--cacert", "ca.pem", "--user", &sign_in, &url];
            Ok(bench.in_folder("curl", &arguments).is_ok())
        })?;
        let basic = command::run_with_input(Command::new("base64").arg("--wrap=0"), &sign_in)?;
        bench.docker_config("home", &json!({"auths": {&*bench.authority: {"auth": basic}}}))?;
        Ok(bench)
    }

    /// An authority, and a certificate of it for this address.
    fn certificates(&self, host: &str) -> Result<()> {
        let key = ["-newkey", "rsa:2048", "-nodes"];
        let ca = ["-x509", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=interop", "-days", "2"];
        self.in_folder("openssl", &[&["req"], &key[..], &ca].concat())?;
        let asked = ["-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=registry"];
        self.in_folder("openssl", &[&["req"], &key[..], &asked].concat())?;
        fs::write(self.path("server.ext"), format!("subjectAltName=IP:{host}\nbasicConstraints=CA:FALSE\n"))?;
        let sign =
            ["x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2"];
        self.in_folder("openssl", &[&sign[..], &["-extfile", "server.ext", "-out", "server.pem"]].concat())?;
        // Where skopeo, podman and buildah look for authorities.
        fs::create_dir_all(self.path("certs"))?;
        fs::copy(self.path("ca.pem"), self.path("certs/ca.crt"))?;
        Ok(())
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn reference(&self, name: &str) -> String {
        format!("{}/team/{name}", self.authority)
    }

    fn in_folder(&self, program: &str, arguments: &[&str]) -> Result<String> {
        command::run(Command::new(program).args(arguments).current_dir(&self.folder))
    }

    /// podman or buildah with images of its own.
    fn storage(&self, program: &str, arguments: &[&str]) -> Result<String> {
        let (root, state) = (self.path("images"), self.state.path());
        let mut command = Command::new(program);
        command.arg("--root").arg(root).arg("--runroot").arg(state).args(["--storage-driver", "vfs"]);
        let said = command::run(command.args(arguments).current_dir(&self.folder))?;
        Ok(said.trim().to_owned())
    }

    fn docker_config(&self, home: &str, config: &Value) -> Result<()> {
        let folder = self.path(home).join(".docker");
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("config.json"), config.to_string())?;
        Ok(())
    }

    /// Two layers a platform: a distribution's database, and an application with packages of two languages.
    pub(super) fn build(&self) -> Result<()> {
        let sign_in = format!("{NAME}:{PASSWORD}");
        self.storage("buildah", &["manifest", "create", "list"])?;
        let metadata = "srv/lib/flask-1.0.dist-info/METADATA";
        for architecture in ["amd64", "arm64"] {
            let package = |name: &str| {
                format!("Package: {name}\nStatus: install ok installed\nArchitecture: all\nVersion: 1.2-3\n\n")
            };
            let status = package("hello") + &package(&format!("only-{architecture}"));
            let base = [("etc/os-release", OS.to_owned()), ("var/lib/dpkg/status", status)];
            let lock = r#"{"lockfileVersion":3,"packages":{"node_modules/lodash":{"version":"4.17.20"}}}"#;
            let python = "Metadata-Version: 2.1\nName: flask\nVersion: 1.0\n";
            let app = [(metadata, python.to_owned()), ("srv/package-lock.json", lock.to_owned())];
            let mut below = "scratch".to_owned();
            for (layer, files) in [("base", base), ("app", app)] {
                let root = self.path(&format!("{layer}-{architecture}"));
                for (path, content) in files {
                    let place = root.join(path);
                    fs::create_dir_all(place.parent().context("a file has a folder")?)?;
                    fs::write(place, content)?;
                }
                let container = self.storage("buildah", &["from", "--arch", architecture, &below])?;
                self.storage("buildah", &["copy", &container, root.to_str().context("a path is text")?, "/"])?;
                below = format!("localhost/{layer}-{architecture}");
                self.storage("buildah", &["commit", "--quiet", &container, &below])?;
            }
            self.storage("buildah", &["manifest", "add", "list", &below])?;
        }
        let target = format!("docker://{}", self.reference("app:1"));
        self.storage(
            "buildah",
            &["manifest", "push", "--all", "--cert-dir", "certs", "--creds", &sign_in, "list", &target],
        )
        .map(drop)
    }

    /// What a tag of the registry names.
    pub(super) fn digest(&self, repository: &str, tag: &str) -> Result<String> {
        let place = format!("docker://{}/{repository}:{tag}", self.authority);
        let sign_in = format!("{NAME}:{PASSWORD}");
        let raw =
            self.in_folder("skopeo", &["inspect", "--raw", "--cert-dir", "certs", "--creds", &sign_in, &place])?;
        fs::write(self.path("manifest"), raw)?;
        let said = self.in_folder("skopeo", &["manifest-digest", "manifest"])?;
        Ok(said.trim().to_owned())
    }

    /// `assay scan`, as somebody with this home.
    fn scan(&self, home: &str, place: &str, more: &[&str]) -> Command {
        let home = self.path(home);
        let mut scan = Command::new(&self.assay);
        scan.args(["scan", place, "--ca", "ca.pem", "--output", "json"]).args(more).current_dir(&self.folder);
        scan.env("HOME", &home).env("DOCKER_CONFIG", home.join(".docker"));
        scan
    }

    /// What is in an image, as text to compare.
    fn components(&self, place: &str, more: &[&str]) -> Result<Vec<String>> {
        components_in(&command::run(&mut self.scan("home", place, more))?)
    }

    fn same(&self, place: &str, expected: &[String]) -> Result<()> {
        let found = self.components(place, &[])?;
        ensure!(found == expected, "{place} has {found:?}, and the registry {expected:?}");
        Ok(())
    }

    fn platforms(&self, amd64: &[String]) -> Result<()> {
        let arm64 = self.components(&self.reference("app:1"), &["--platform", "linux/arm64"])?;
        let renamed: Vec<String> = amd64.iter().map(|one| one.replace("amd64", "arm64")).collect();
        ensure!(arm64 == renamed, "the image of the other platform has {arm64:?}");
        let refused =
            command::refused(&mut self.scan("home", &self.reference("app:1"), &["--platform", "linux/s390x"]))?;
        ensure!(refused.contains("there are linux/amd64, linux/arm64"), "what was said is {refused:?}");
        Ok(())
    }

    fn credentials(&self, amd64: &[String]) -> Result<()> {
        use std::os::unix::fs::PermissionsExt;
        let refused = command::refused(&mut self.scan("nobody", &self.reference("app:1"), &[]))?;
        ensure!(refused.contains("docker login"), "what was said is {refused:?}");
        let helper = self.path("programs/docker-credential-interop");
        fs::create_dir_all(self.path("programs"))?;
        let answer = json!({"ServerURL": self.authority, "Username": NAME, "Secret": PASSWORD});
        fs::write(&helper, format!("#!/bin/sh\ncat > /dev/null\necho '{answer}'\n"))?;
        fs::set_permissions(&helper, fs::Permissions::from_mode(0o755))?;
        self.docker_config("helped", &json!({"credHelpers": {&*self.authority: "interop"}}))?;
        let mut scan = self.scan("helped", &self.reference("app:1"), &[]);
        let mut path = self.path("programs").into_os_string();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        scan.env("PATH", path);
        let found = components_in(&command::run(&mut scan)?)?;
        ensure!(found == amd64, "with a helper's credentials the image has {found:?}");
        Ok(())
    }

    /// Who wrote it, and where it lies.
    fn save(&self) -> Result<Vec<(&'static str, String)>> {
        let (sign_in, from) = (format!("{NAME}:{PASSWORD}"), format!("docker://{}", self.reference("app:1")));
        let mut saved = Vec::new();
        for (title, to, place) in [
            ("skopeo as docker-archive", "docker-archive:skopeo-docker.tar:app:1", "skopeo-docker.tar"),
            ("skopeo as oci-archive", "oci-archive:skopeo-oci.tar:1", "skopeo-oci.tar"),
            ("skopeo as layout", "oci:skopeo-layout:1", "skopeo-layout"),
        ] {
            let creds = ["--override-arch", "amd64", "--src-cert-dir", "certs", "--src-creds", &sign_in];
            self.in_folder("skopeo", &[&["copy"], &creds[..], &[&*from, to]].concat())?;
            saved.push((title, place.to_owned()));
        }
        let all = ["copy", "--all", "--src-cert-dir", "certs", "--src-creds", &sign_in, &from, "oci:skopeo-all:1"];
        self.in_folder("skopeo", &all)?;
        saved.push(("skopeo as layout of all platforms", "skopeo-all".to_owned()));
        for (title, format, file) in [
            ("podman save as oci-archive", "oci-archive", "podman-oci.tar"),
            ("podman save as docker-archive", "docker-archive", "podman-docker.tar"),
            ("podman save as layout", "oci-dir", "podman-layout"),
        ] {
            self.storage("podman", &["save", "--quiet", "--format", format, "--output", file, "localhost/app-amd64"])?;
            saved.push((title, file.to_owned()));
        }
        for (title, to, file) in [
            ("buildah as oci-archive", "oci-archive:buildah-oci.tar:1", "buildah-oci.tar"),
            ("buildah as docker-archive", "docker-archive:buildah-docker.tar:app:1", "buildah-docker.tar"),
        ] {
            self.storage("buildah", &["push", "--quiet", "localhost/app-amd64", to])?;
            saved.push((title, file.to_owned()));
        }
        Ok(saved)
    }

    fn docker(&self, engine: &Engine) -> Result<String> {
        let mut login = engine.docker(["login", "--username", NAME, "--password-stdin", &self.authority]);
        command::run_with_input(&mut login, PASSWORD)?;
        let reference = self.reference("app:1");
        command::run(&mut engine.docker(["pull", "--quiet", &reference]))?;
        let place = self.path("docker.tar").display().to_string();
        command::run(&mut engine.docker(["save", "--output", &place, &reference]))?;
        Ok("docker.tar".to_owned())
    }
}

/// Type, name, version and package URL of each component.
fn components_in(report: &str) -> Result<Vec<String>> {
    let report: Value = serde_json::from_str(report).context("a report in JSON")?;
    let components = report["components"].as_array().context("a report has components")?;
    let text =
        |one: &Value| ["type", "name", "version", "purl"].map(|field| one[field].as_str().unwrap_or("-").to_owned());
    Ok(components.iter().map(|one| text(one).join(" ")).collect())
}
