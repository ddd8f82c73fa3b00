//! Who runs the jobs: `assay runner`, on the build engine. One for builds, one for signatures.
//!
//! ```text
//! runner of admin/flask     job ── docker.sock of the build engine
//! runner of admin/sign      job ── docker.sock, /root/.docker (the signer's key), /root/bundle (the way to production)
//! ```
//!
//! The reference architecture mounts all of it into every job. Whoever may change a build could then sign; here a build
//! sees no key. Whoever may change the signer's project still can: that is what its protected branch is for.

use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use super::accounts::{self, People};
use super::client::Client;
use super::projects;
use super::scene::Scene;
use super::server::Server;
use super::site;
use super::sources::Builder;
use crate::stage::{Program, Recipe, Steps};
use crate::{command, wait};

/// A first question to engine and server.
const START: Duration = Duration::from_secs(20);

/// The runners of code and signer.
pub struct Runners {
    pub code: Arc<Program>,
    pub signer: Arc<Program>,
}

/// Starts the runners of code and signer.
///
/// # Errors
/// One does not start.
pub fn start_both(
    steps: &mut Steps,
    scene: &Scene,
    server: &Server,
    people: &People,
    builder: &Builder,
    signer: &Client,
) -> Result<Runners> {
    let runners = steps.step("start `assay runner` for builds, and one for signatures", || {
        let code = start(scene, server, builder, site::CODE, &[])?;
        let signer = start(scene, server, builder, site::SIGNER, &signer_volumes(people, signer))?;
        Ok(Runners { code, signer })
    })?;
    for project in [site::CODE, site::SIGNER] {
        steps.watch(&format!("the runner of {project}"), &log(scene, project));
    }
    Ok(runners)
}

/// What the reference architecture mounts into the signer's job.
pub fn signer_volumes(people: &People, signer: &Client) -> [String; 2] {
    [
        format!("{}:/root/.docker", signer.folder().display()),
        format!("{}:/root/bundle:ro", people.robot.bundle.display()),
    ]
}

/// Starts the runner of one project, and waits until the server has heard of it.
///
/// # Errors
/// It does not start.
pub fn start(
    scene: &Scene,
    server: &Server,
    builder: &Builder,
    project: &str,
    volumes: &[String],
) -> Result<Arc<Program>> {
    let number = projects::number(server, project)?;
    let body = json!({
        "runner_type": "project_type", "project_id": number, "run_untagged": true, "description": project,
    });
    let made = server.admin.post("/api/v4/user/runners", &body)?;
    let config = scene.run.dir().join(format!("runner-{number}.toml"));
    fs::write(&config, configuration(scene, server, builder, project, volumes, &accounts::text(&made, "token")?)?)?;
    let binary = scene.binary.to_owned();
    let make = move || {
        let mut command = Command::new(&binary);
        command.arg("runner").arg("--config").arg(&config);
        command
    };
    let (admin, id) = (server.admin.clone(), made["id"].clone());
    // After a restart this holds at once; whether it takes jobs again, the jobs show.
    let ready = move || {
        let output = command::output(admin.command(["api", "GET", "/api/v4/runners/all"]).args(["--format", "json"]))?;
        let runners: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let mut ours = runners.as_array().into_iter().flatten().filter(|runner| runner["id"] == id);
        Ok(ours.any(|runner| runner["contacted_at"].is_string()))
    };
    let (name, log) = (format!("the runner of {project}"), log(scene, project));
    let recipe = Recipe { name, log, limit: START, make: Box::new(make), ready: Box::new(ready) };
    let runner = Arc::new(Program::start(scene.cleanup, recipe)?);
    runner.wait()?;
    Ok(runner)
}

/// Every job is at its end, and its runner has taken its container away, also those of runners that were killed.
///
/// # Errors
/// One is left.
pub fn left_nothing(steps: &mut Steps, builder: &Builder) -> Result<()> {
    steps.step("no container of a job is left on the build engine", || {
        let list = ["ps", "--all", "--quiet", "--filter", "label=assay.runner"];
        wait::patiently("the runners to remove the containers of their jobs", START, || {
            Ok(command::run(&mut builder.engine.docker(list))?.trim().is_empty().then_some(()))
        })
    })
}

/// TOML, which writes texts and lists of texts as JSON does.
fn configuration(
    scene: &Scene,
    server: &Server,
    builder: &Builder,
    project: &str,
    volumes: &[String],
    token: &str,
) -> Result<String> {
    let socket = builder.engine.socket();
    let work = scene.run.folder(&format!("runner/{}", project.replace('/', "-")))?;
    let hosts: Vec<String> = scene.hosts().into_iter().map(|(name, address)| format!("{name}:{address}")).collect();
    let engine = format!("{}:/var/run/docker.sock", socket.display());
    let volumes: Vec<&str> = std::iter::once(engine.as_str()).chain(volumes.iter().map(String::as_str)).collect();
    Ok(format!(
        "server_url = {}\ntoken = {}\nname = {}\ndocker_socket = {}\nwork_dir = {}\nca_pem = {}\nextra_hosts = {}\n\
         volumes = {}\nresolve = {}\ncheck_interval_ms = 200\n",
        json!(site::URL),
        json!(token),
        json!(project),
        json!(socket.to_string_lossy()),
        json!(work.to_string_lossy()),
        json!(fs::read_to_string(&server.ca)?),
        json!(hosts),
        json!(volumes),
        json!([[site::REGISTRY, scene.server()]]),
    ))
}

fn log(scene: &Scene, project: &str) -> std::path::PathBuf {
    scene.run.dir().join(format!("runner-{}.log", project.replace('/', "-")))
}
