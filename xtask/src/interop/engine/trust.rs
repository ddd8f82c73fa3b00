//! Content trust with the newer engine: its own client has it no more, so Debian's signs and checks, and the engine moves bytes.
//!
//! With a graph driver only: an engine with containerd's store does not tell its client the digest of what it pushed, which the
//! client would sign (`no hashes specified for target ""`).

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};
use serde_json::Value;

use super::bench::Bench;
use crate::command;
use crate::engine::Software;
use crate::stage::Steps;

const REPOSITORY: &str = "admin/signed";
const PASSPHRASE: &str = "of a test, not of a secret";

/// # Errors
/// It does not work with this server.
pub fn play(steps: &mut Steps, bench: &Bench) -> Result<()> {
    steps.step("docker trust sign with Debian's client: what the engine pushed is signed", || sign(bench))
}

fn sign(bench: &Bench) -> Result<()> {
    let home = bench.engine.home().join("signer");
    let trusted = home.join("tls").join(&bench.server.authority);
    fs::create_dir_all(&trusted)?;
    fs::copy(bench.server.ca(), trusted.join("ca.crt"))?;
    let (repository, image) = (bench.server.image(REPOSITORY), bench.server.image(&format!("{REPOSITORY}:1")));
    let run = |words: &[&str]| command::run(&mut client(bench, &home, words));
    let mut login = client(bench, &home, &["login", "-u", "admin", "--password-stdin", &bench.server.authority]);
    command::run_with_input(&mut login, &bench.server.password)?;
    bench.renew()?;
    bench.build(&image, &["--provenance=false"])?;
    run(&["trust", "key", "generate", "--dir", &home.display().to_string(), "someone"])?;
    let key = home.join("someone.pub").display().to_string();
    run(&["trust", "signer", "add", "--key", &key, "someone", &repository])?;
    run(&["trust", "sign", "--local", &image])?;
    let (digest, _) = bench.tag(REPOSITORY, "1")?;
    let seen: Value = serde_json::from_str(&run(&["trust", "inspect", &image])?)?;
    let signed = seen[0]["SignedTags"][0]["Digest"].as_str().unwrap_or_default();
    ensure!(digest == format!("sha256:{signed}"), "{digest} was pushed, and the trust data is {seen}");
    let tag = bench.server.ask("GET", &format!("/api/v0/repositories/{REPOSITORY}/tags/1"), None)?;
    ensure!(tag[0]["inNotary"] == true && tag[0]["hashMismatch"] == false, "the tag is {tag}");
    bench.forget()?;
    let said = command::run(client(bench, &home, &["pull", &image]).env("DOCKER_CONTENT_TRUST", "1"))?;
    ensure!(said.contains(&digest), "docker pull says {said}");
    Ok(())
}

/// Inside the namespaces, as it speaks to the trust server itself.
fn client(bench: &Bench, home: &Path, words: &[&str]) -> Command {
    let mut client = bench.engine.inside(Software::DEBIANS_CLIENT);
    client.args(words).env("HOME", home).env("DOCKER_CONFIG", home);
    for kind in ["ROOT", "REPOSITORY"] {
        client.env(format!("DOCKER_CONTENT_TRUST_{kind}_PASSPHRASE"), PASSPHRASE);
    }
    client
}
