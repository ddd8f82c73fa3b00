//! What people do with crane, oras, regctl and helm: push, copy, attach, list, pull, delete.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::server::Server;
use crate::command;
use crate::stage::{Run, Steps};

/// One program in a home of its own, signed in.
pub(super) struct Client<'a> {
    server: &'a Server,
    program: &'a Path,
    pub(super) home: PathBuf,
}

impl<'a> Client<'a> {
    /// A home with a layer in it, `layer.tar`, and a document, `sbom.json`.
    pub(super) fn new(run: &Run, server: &'a Server, program: &'a Path, name: &str) -> Result<Client<'a>> {
        let home = run.folder(name)?;
        fs::write(home.join("hello"), name)?;
        command::run(Command::new("tar").current_dir(&home).args(["-cf", "layer.tar", "hello"]))?;
        fs::write(home.join("sbom.json"), "{\"spdxVersion\": \"SPDX-2.3\"}")?;
        Ok(Client { server, program, home })
    }

    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.server.client(self.program, &self.home);
        command.args(arguments);
        command
    }

    pub(super) fn run(&self, arguments: &[&str]) -> Result<String> {
        let said = command::run(&mut self.command(arguments))?;
        Ok(said.trim().to_owned())
    }

    pub(super) fn login(&self, words: &[&str]) -> Result<()> {
        let mut login = self.server.client(self.program, &self.home);
        login.args(words).args([&self.server.authority, "--username", "admin", "--password-stdin"]);
        command::run_with_input(&mut login, &self.server.password).map(drop)
    }
}

/// # Errors
/// It does not work with this server.
pub fn crane(steps: &mut Steps, run: &Run, server: &Server, program: &Path) -> Result<()> {
    let client = Client::new(run, server, program, "crane")?;
    let (image, copy) = (server.image("admin/crane:1"), server.image("admin/crane-copy:1"));
    steps.step("crane: append, copy, tag, validate, export, delete", || {
        client.login(&["auth", "login"])?;
        client.run(&["append", "--new_layer", "layer.tar", "--new_tag", &image])?;
        client.run(&["copy", &image, &copy])?;
        ensure!(client.run(&["digest", &image])? == client.run(&["digest", &copy])?, "a copy has another digest");
        client.run(&["tag", &image, "also"])?;
        ensure!(client.run(&["ls", &server.image("admin/crane")])? == "1\nalso", "the tags are not those pushed");
        client.run(&["validate", "--remote", &image])?;
        client.run(&["export", &image, "exported.tar"])?;
        let exported = command::run(Command::new("tar").arg("-tf").arg(client.home.join("exported.tar")))?;
        ensure!(exported.trim() == "hello", "the image holds {exported:?}");
        client.run(&["delete", &server.image("admin/crane:also")])?;
        ensure!(client.run(&["ls", &server.image("admin/crane")])? == "1", "a deleted tag is still listed");
        let catalog = client.run(&["catalog", &server.authority])?;
        ensure!(catalog.lines().any(|name| name == "admin/crane-copy"), "the catalogue is {catalog:?}");
        Ok(())
    })
}

/// # Errors
/// It does not work with this server.
pub fn oras(steps: &mut Steps, run: &Run, server: &Server, program: &Path) -> Result<()> {
    let client = Client::new(run, server, program, "oras")?;
    let (artifact, copy) = (server.image("admin/oras:1"), server.image("admin/oras-copy:1"));
    let attached = |to: &str| -> Result<Value> {
        let found: Value = serde_json::from_str(&client.run(&["discover", "--format", "json", to])?)?;
        let first = found["referrers"][0].clone();
        ensure!(first["artifactType"] == "application/spdx+json", "what is attached to {to} is {found}");
        Ok(first["digest"].clone())
    };
    steps.step("oras: push, attach, discover, copy with referrers, pull, delete", || {
        client.login(&["login"])?;
        client.run(&["push", &artifact, "layer.tar:application/vnd.oci.image.layer.v1.tar"])?;
        let document = "sbom.json:application/spdx+json";
        client.run(&["attach", &artifact, "--artifact-type", "application/spdx+json", document])?;
        client.run(&["cp", "-r", &artifact, &copy])?;
        ensure!(attached(&artifact)? == attached(&copy)?, "the copy has another document attached");
        client.run(&["pull", "--output", "pulled", &copy])?;
        let (sent, got) = (fs::read(client.home.join("layer.tar"))?, fs::read(client.home.join("pulled/layer.tar"))?);
        ensure!(sent == got, "what was pulled is not what was pushed");
        client.run(&["manifest", "delete", "--force", &copy])?;
        command::refused(server.client(client.program, &client.home).args(["pull", &copy])).map(drop)
    })
}

/// # Errors
/// It does not work with this server.
pub fn regctl(steps: &mut Steps, run: &Run, server: &Server, program: &Path) -> Result<()> {
    let client = Client::new(run, server, program, "regctl")?;
    let (from, image) = (server.image("admin/oras:1"), server.image("admin/regctl:1"));
    steps.step("regctl: copy with referrers, list, delete a tag", || {
        let mut login = server.client(client.program, &client.home);
        login.args(["registry", "login", &server.authority, "-u", "admin", "--pass-stdin"]);
        command::run_with_input(&mut login, &server.password)?;
        client.run(&["image", "copy", "--referrers", &from, &image])?;
        ensure!(
            client.run(&["image", "digest", &from])? == client.run(&["image", "digest", &image])?,
            "another digest"
        );
        let listed = client.run(&["artifact", "list", &image, "--format", "{{json .Descriptors}}"])?;
        let listed: Value = serde_json::from_str(&listed).with_context(|| listed.clone())?;
        ensure!(listed[0]["artifactType"] == "application/spdx+json", "what is attached is {listed}");
        ensure!(client.run(&["tag", "ls", &server.image("admin/regctl")])? == "1", "the tags are not those pushed");
        client.run(&["tag", "rm", &image])?;
        ensure!(client.run(&["tag", "ls", &server.image("admin/regctl")])?.is_empty(), "a deleted tag is still listed");
        Ok(())
    })
}

/// # Errors
/// It does not work with this server.
pub fn helm(steps: &mut Steps, run: &Run, server: &Server, program: &Path) -> Result<()> {
    let client = Client::new(run, server, program, "helm")?;
    let charts = format!("oci://{}", server.image("admin/charts"));
    steps.step("helm: push a chart, show it, pull it, refuse a version that is not there", || {
        client.login(&["registry", "login"])?;
        client.run(&["create", "shop"])?;
        client.run(&["package", "shop"])?;
        client.run(&["push", "shop-0.1.0.tgz", &charts])?;
        let chart = format!("{charts}/shop");
        let shown = client.run(&["show", "chart", &chart, "--version", "0.1.0"])?;
        ensure!(shown.contains("name: shop"), "the chart is {shown:?}");
        fs::create_dir(client.home.join("pulled"))?;
        client.run(&["pull", &chart, "--version", "0.1.0", "--destination", "pulled"])?;
        let (sent, got) =
            (fs::read(client.home.join("shop-0.1.0.tgz"))?, fs::read(client.home.join("pulled/shop-0.1.0.tgz"))?);
        ensure!(sent == got, "what was pulled is not what was pushed");
        command::refused(&mut client.command(&["pull", &chart, "--version", "0.2.0"])).map(drop)
    })
}
