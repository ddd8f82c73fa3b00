//! Where the engine's images are made, pushed and looked at: one engine, one server, one folder to build from.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::super::server::Server;
use crate::engine::Engine;
use crate::{command, wait};

/// So much of a layer is new in every run.
const PAYLOAD_BYTES: usize = 1 << 20;

pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const SCHEMA_2: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// One engine, one server.
pub struct Bench<'a> {
    pub server: &'a Server,
    pub engine: &'a Engine,
    /// `Dockerfile` and what it copies.
    pub context: PathBuf,
}

impl<'a> Bench<'a> {
    /// Fills the folder.
    ///
    /// # Errors
    /// It cannot be written, or the machine has no static program to put into an image.
    pub fn new(server: &'a Server, engine: &'a Engine, context: PathBuf) -> Result<Bench<'a>> {
        let tini = command::run(Command::new("sh").args(["-c", "command -v tini-static"]))?;
        fs::copy(tini.trim(), context.join("tini"))?;
        for architecture in ["amd64", "arm64"] {
            fs::write(context.join(architecture), architecture)?;
        }
        let bench = Bench { server, engine, context };
        bench.renew()?;
        Ok(bench)
    }

    /// Whatever is built from now on is another image.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn renew(&self) -> Result<()> {
        let mut payload = vec![0; PAYLOAD_BYTES];
        File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut payload))?;
        fs::write(self.context.join("payload"), payload)?;
        let dockerfile = "FROM scratch\nARG TARGETARCH\nCOPY tini payload /\nCOPY $TARGETARCH /architecture\n\
                          CMD [\"/tini\", \"--version\"]\n";
        Ok(fs::write(self.context.join("Dockerfile"), dockerfile)?)
    }

    /// The client's words, and what it printed to both outputs.
    ///
    /// # Errors
    /// It fails.
    pub fn docker(&self, words: &[&str]) -> Result<String> {
        let mut docker = self.engine.docker(words);
        // With BuildKit the client asks for tokens itself, and looks into no certs.d.
        let output = command::output(docker.env("SSL_CERT_FILE", self.server.ca()))?;
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        ensure!(output.status.success(), "`docker {}` ended with {}:\n{said}", words.join(" "), output.status);
        Ok(said)
    }

    /// Signs an account in, for a client with this home.
    ///
    /// # Errors
    /// Name or password are wrong.
    pub fn login(&self, config: &Path, name: &str, password: &str) -> Result<String> {
        let mut login = self.engine.docker(["login", "--username", name, "--password-stdin", &self.server.authority]);
        command::run_with_input(login.env("DOCKER_CONFIG", config), password)
    }

    /// `docker build` of the folder, with further words; nothing is pushed unless they say so.
    ///
    /// # Errors
    /// It fails.
    pub fn build(&self, image: &str, more: &[&str]) -> Result<String> {
        let context = self.context.display().to_string();
        self.docker(&[&["build", "--progress", "plain", "--tag", image], more, &[&context]].concat())
    }

    /// Pushes, and gives the digest that the client tells.
    ///
    /// # Errors
    /// It fails, or tells none.
    pub fn push(&self, image: &str) -> Result<(String, String)> {
        let said = self.docker(&["push", image])?;
        let digest = said.split_whitespace().skip_while(|word| *word != "digest:").nth(1);
        Ok((digest.with_context(|| format!("no digest in {said}"))?.to_owned(), said))
    }

    /// Pulls what the engine must not have had, and gives the digest that the client tells.
    ///
    /// # Errors
    /// It fails, tells none, or had it already.
    pub fn pull(&self, words: &[&str]) -> Result<String> {
        let said = self.docker(&[&["pull"], words].concat())?;
        ensure!(said.contains("Downloaded newer image"), "nothing was pulled: {said}");
        let digest = said.lines().find_map(|line| line.trim().strip_prefix("Digest: "));
        Ok(digest.with_context(|| format!("no digest in {said}"))?.to_owned())
    }

    /// The engine forgets every image and all that builds have left.
    ///
    /// # Errors
    /// It does not.
    pub fn forget(&self) -> Result<()> {
        // The record of a build keeps what was built; where there is none, nothing is to be removed.
        let _no_records = self.docker(&["buildx", "history", "rm", "--all"]);
        self.docker(&["buildx", "prune", "--all", "--force"])?;
        for image in self.docker(&["image", "ls", "--all", "--quiet", "--no-trunc"])?.lines() {
            // Gone with another name of the same image, perhaps.
            let _gone_already = self.docker(&["image", "rm", "--force", image]);
        }
        let left = self.docker(&["image", "ls", "--all", "--quiet"])?;
        ensure!(left.trim().is_empty(), "the engine still has {left}");
        let blobs = self.engine.data().join("containerd/daemon/io.containerd.content.v1.content/blobs/sha256");
        wait::until("containerd to drop what no image needs", Duration::from_secs(20), || {
            Ok(fs::read_dir(&blobs).map_or(true, |mut entries| entries.next().is_none()).then_some(()))
        })
    }

    /// A manifest as the registry has it.
    ///
    /// # Errors
    /// It has none under this reference.
    pub fn manifest(&self, repository: &str, reference: &str) -> Result<Value> {
        self.server.ask("GET", &format!("/v2/{repository}/manifests/{reference}"), None)
    }

    /// The digest of a tag and the type of its manifest, as the registry's own API tells them.
    ///
    /// # Errors
    /// There is no such tag.
    pub fn tag(&self, repository: &str, tag: &str) -> Result<(String, String)> {
        let tag = self.server.ask("GET", &format!("/api/v0/repositories/{repository}/tags/{tag}"), None)?;
        let word = |value: &Value| value.as_str().map(str::to_owned).with_context(|| format!("the tag is {tag}"));
        Ok((word(&tag[0]["digest"])?, word(&tag[0]["manifest"]["mediaType"])?))
    }

    /// How many entries of a kind the audit log has.
    ///
    /// # Errors
    /// The server does not tell.
    pub fn entries(&self, kind: &str) -> Result<usize> {
        let listed = self.server.ask("GET", &format!("/api/v1/audit/entries?kind={kind}&limit=1000"), None)?;
        Ok(listed["entries"].as_array().context("a list of entries")?.len())
    }

    /// How much was pushed so far: blobs, blobs mounted, manifests.
    ///
    /// # Errors
    /// As [`Bench::entries`].
    pub fn pushed(&self) -> Result<[usize; 3]> {
        Ok([self.entries("blob.pushed")?, self.entries("blob.mounted")?, self.entries("image.pushed")?])
    }
}
