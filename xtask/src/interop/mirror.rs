//! Mirroring with the registry that everybody knows: an image of two platforms is polled from it, and pushed to it.
//!
//! ```text
//!   buildah ─► docker-registry team/app ── poll ─► assay admin/polled ── push ─► docker-registry team/back
//! ```

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::scan::{Bench, NAME, PASSWORD};
use super::server::Server;
use crate::engine::Switch;
use crate::stage::{Run, Steps, with_cleanup};
use crate::{demo, packages, wait};

const PATIENCE: Duration = Duration::from_secs(60);

/// # Errors
/// A program is missing, or what arrives is not what was sent.
pub fn run(folder: &Path) -> Result<()> {
    let mut steps = Steps::new();
    with_cleanup(false, |cleanup| {
        steps.note(&packages::ensure_scanned(cleanup)?);
        let binary = steps.step("compile assay", demo::compile)?;
        let run = Run::open(&folder.join("runs"))?;
        let switch = steps.step("a network", || Switch::start(cleanup, &run))?;
        let bench = steps.step("start docker-registry", || Bench::start(cleanup, &run, &switch, binary.clone()))?;
        steps.step("buildah builds for two platforms and pushes", || bench.build())?;
        let config = bench.path("assay.toml");
        fs::write(&config, format!("webhook_allow = [{:?}]\n", bench.authority))?;
        let more = ["--config", config.to_str().context("a path is text")?];
        let server =
            steps.step("start assay serve", || Server::start(cleanup, &run, &binary, Ipv4Addr::LOCALHOST, &more))?;
        steps.watch("assay serve", &server.log);
        let sent = bench.digest("team/app", "1")?;
        steps.step("ask what one may do there", || connect(&server, &bench))?;
        let policy = steps.step("say what goes where", || push_policy(&server, &bench))?;
        steps.step("poll the image", || poll(&server, &bench, &sent))?;
        steps.step("it is pushed back", || pushed(&server, &bench, &policy, &sent))?;
        cleanup.finish();
        run.remove()
    })?;
    println!("{}", steps.summary());
    Ok(())
}

fn place(bench: &Bench, repository: &str) -> Result<Value> {
    Ok(json!({
        "remoteHost": format!("https://{}", bench.authority), "remoteRepository": repository, "username": NAME,
        "password": PASSWORD, "remoteCA": fs::read_to_string(bench.path("ca.pem"))?,
    }))
}

fn connect(server: &Server, bench: &Bench) -> Result<()> {
    let said = server.ask("POST", "/api/v0/remote/registry", Some(&place(bench, "team/app")?))?;
    ensure!(said["permissions"] == json!({"read": true, "write": true}), "what was said is {said}");
    Ok(())
}

fn poll(server: &Server, bench: &Bench, sent: &str) -> Result<()> {
    let policies = "/api/v0/repositories/admin/polled/pollMirroringPolicies";
    let policy = server.ask("POST", policies, Some(&place(bench, "team/app")?))?;
    mirrored(server, "polled", &policy, "1")?;
    let tag = server.ask("GET", "/api/v0/repositories/admin/polled/tags/1", None)?;
    ensure!(tag[0]["digest"] == sent, "{sent} was polled as {tag}");
    Ok(())
}

fn push_policy(server: &Server, bench: &Bench) -> Result<Value> {
    server.ask("POST", "/api/v0/repositories/admin", Some(&json!({"name": "polled"})))?;
    let mut form = place(bench, "team/back")?;
    form["rules"] = json!([{"field": "tag", "operator": "eq", "values": ["1"]}]);
    form["tagTemplate"] = "back-%n".into();
    form["enabled"] = true.into();
    server.ask("POST", "/api/v0/repositories/admin/polled/pushMirroringPolicies", Some(&form))
}

fn pushed(server: &Server, bench: &Bench, policy: &Value, sent: &str) -> Result<()> {
    let image = mirrored(server, "polled", policy, "1")?;
    ensure!(image["remoteTag"] == "back-1" && image["bytes"] == image["bytesDone"], "it stands at {image}");
    let found = bench.digest("team/back", "back-1")?;
    ensure!(found == sent, "{sent} came as {found}");
    Ok(())
}

fn mirrored(server: &Server, repository: &str, policy: &Value, tag: &str) -> Result<Value> {
    let id = policy["id"].as_str().context("a policy has an id")?;
    let path = format!("/api/v1/repositories/admin/{repository}/mirroring/{id}");
    wait::until("the image is mirrored", PATIENCE, || {
        let status = server.ask("GET", &path, None)?;
        let images = status["images"].as_array().context("a policy has images")?;
        let failing = images.iter().find(|image| image["state"] == "failing");
        ensure!(failing.is_none(), "it failed: {status}");
        Ok(images.iter().find(|image| image["tag"] == tag && image["state"] == "mirrored").cloned())
    })
}
