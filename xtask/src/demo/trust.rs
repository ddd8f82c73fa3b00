//! Act 5: who may sign. The later edition's commands on `admin/flask`, the first edition's on `admin/flask_first`.
//!
//! ```text
//! the owner's home       root key, repository keys            signer add / notary init, delegation add
//! the signer's home      the robot's key, and nothing else    key load; mounted into jobs as /root/.docker
//! ```
//!
//! The reference architecture keeps both in one home and mounts that. A signer needs no more than its own key.

use std::process::Command;

use anyhow::{Result, ensure};
use serde_json::Value;

use super::accounts::{Account, People};
use super::client::Client;
use super::scene::Scene;
use super::server::Server;
use super::site;
use super::sources::Builder;
use crate::command;
use crate::engine::Engine;
use crate::stage::Steps;

/// Gives the robot's key to the signer's home and its certificate to `admin/flask`.
///
/// # Errors
/// A step does not hold.
pub fn later_edition(
    steps: &mut Steps,
    scene: &Scene,
    server: &Server,
    people: &People,
    builder: &Builder,
) -> Result<Client> {
    let signer = Client::new(scene.run, "signer", &server.ca)?;
    let engine = &builder.engine;
    steps.step("docker trust key load: the bundle's key, into the signer's home", || {
        load_key(&signer, engine, &people.robot)
    })?;
    steps.step("docker trust signer add: the bundle's certificate, to admin/flask", || {
        add_signer(&builder.admin, engine, &people.robot, site::RELEASES)
    })?;
    Ok(signer)
}

/// `docker trust key load key.pem`: the key of an account's bundle, into a home.
///
/// # Errors
/// The client refuses the key.
pub fn load_key(home: &Client, engine: &Engine, account: &Account) -> Result<String> {
    let key = account.bundle.join("key.pem").to_string_lossy().into_owned();
    command::run(&mut home.docker(engine, ["trust", "key", "load", "--name", &account.name, &key]))
}

/// `docker trust signer add --key cert.pem NAME REPOSITORY`, by its owner.
///
/// # Errors
/// The trust server refuses it.
pub fn add_signer(owner: &Client, engine: &Engine, account: &Account, repository: &str) -> Result<String> {
    let certificate = account.bundle.join("cert.pem").to_string_lossy().into_owned();
    let repository = site::image(repository);
    let add = ["trust", "signer", "add", "--key", &certificate, &account.name, &repository];
    command::run(&mut owner.docker(engine, add))
}

/// The first edition: `notary` sets the repository up, and delegates to the same certificate.
///
/// # Errors
/// A step does not hold.
pub fn first_edition(
    steps: &mut Steps,
    server: &Server,
    people: &People,
    builder: &Builder,
    repository: &str,
) -> Result<()> {
    let name = site::image(repository);
    let certificate = people.robot.bundle.join("cert.pem").to_string_lossy().into_owned();
    // NOTARY_AUTH is the credential as HTTP Basic writes it.
    let credential = format!("admin:{}", people.admin_token);
    let credential = command::run_with_input(Command::new("base64").arg("--wrap=0"), &credential)?;
    let notary = |words: &[&str]| {
        let mut notary = builder.admin.program(&builder.engine, "notary");
        notary.args(["--server", site::URL, "--trustDir"]).arg(builder.admin.folder().join("trust"));
        notary.arg("--tlscacert").arg(&server.ca).args(words);
        command::run(notary.env("NOTARY_AUTH", &credential))
    };
    steps.step("notary init, and the snapshot key into the server's hands", || {
        notary(&["init", "-p", &name])?;
        notary(&["key", "rotate", &name, "snapshot", "-r"])
    })?;
    steps.step("notary delegation add targets/releases and targets/gitlab, publish", || {
        for role in ["targets/releases", "targets/gitlab"] {
            notary(&["delegation", "add", &name, role, &certificate, "--all-paths"])?;
        }
        notary(&["publish", &name])
    })?;
    steps.step("notary list", || notary(&["list", &name])).map(drop)
}

/// A tag's signature as `docker trust inspect` tells it.
#[derive(Debug)]
pub struct Signature {
    pub digest: String,
    pub signers: Vec<String>,
}

/// Reads a signature with the stock client; a tag without one gives nothing.
///
/// # Errors
/// The client cannot read the repository.
pub fn signature(client: &Client, engine: &Engine, image: &str) -> Result<Option<Signature>> {
    let (repository, tag) = image.rsplit_once(':').unwrap_or((image, "latest"));
    // With nobody there to ask, the client says what it was told before, and that all is well.
    let said = command::run_anew(&mut client.docker(engine, ["trust", "inspect", &site::image(repository)]))?;
    let answer: Value = serde_json::from_str(&said)?;
    ensure!(answer.as_array().is_some_and(|list| list.len() == 1), "docker trust inspect says {answer}");
    let signed = answer[0]["SignedTags"].as_array().cloned().unwrap_or_default();
    Ok(signed.iter().find(|entry| entry["SignedTag"] == tag).map(|entry| {
        let digest = format!("sha256:{}", entry["Digest"].as_str().unwrap_or_default());
        let signers = entry["Signers"].as_array().into_iter().flatten();
        Signature { digest, signers: signers.filter_map(|signer| signer.as_str().map(str::to_owned)).collect() }
    }))
}

/// Asserts that a tag is signed, for this digest, by the robot.
///
/// # Errors
/// It is not.
pub fn signed_by_robot(client: &Client, engine: &Engine, image: &str, digest: &str) -> Result<()> {
    let found = signature(client, engine, image)?;
    let holds = found.as_ref().is_some_and(|found| found.digest == digest && found.signers == [site::ROBOT]);
    ensure!(holds, "{image} should be signed for {digest} by {}, but trust data say {found:?}", site::ROBOT);
    Ok(())
}
