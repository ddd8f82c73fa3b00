//! Act 9: the engine of production, which asks Assay's guard about every request. The build engine stays outside.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::accounts::{Account, People};
use super::client::Client;
use super::scene::Scene;
use super::server::Server;
use super::site;
use crate::engine::{Engine, EngineConfig, EngineTls, Software};
use crate::stage::{Program, Recipe, Steps};
use crate::{command, wait};

const START: Duration = Duration::from_secs(30);
/// How long a guard may believe what is no longer so.
const REFRESH: Duration = Duration::from_secs(5);
/// A pull, a start and a first health check.
const SERVICE: Duration = Duration::from_secs(90);
/// The service of the stack `flask`.
const WEB: &str = "flask_web";

/// The production engine, its guard, and somebody who uses it from afar.
pub struct Production {
    pub engine: Engine,
    pub user: Client,
    /// The client certificate that `user` shows.
    pub bundle: PathBuf,
    pub guard: Arc<Program>,
}

/// Starts guard and engine, and makes a Swarm of one node of it.
///
/// # Errors
/// A step does not hold.
pub fn start(steps: &mut Steps, scene: &Scene, server: &Server, people: &People) -> Result<Production> {
    let tls = steps.step("a certificate for the production engine, by the same authority", || {
        let folder = scene.run.dir().join("production-tls");
        let (address, to) = (scene.production.to_string(), folder.to_string_lossy().into_owned());
        server.admin.ask(["certificate", "create", site::PRODUCTION, &address, "--folder", &to])?;
        let file = |name: &str| folder.join(name);
        Ok(EngineTls { ca: file("ca.pem"), cert: file("cert.pem"), key: file("key.pem"), port: site::ENGINE_PORT })
    })?;
    let configured = steps
        .step("run only what team ci/gitlab signed; an account for the guard", || configure_guard(scene, server))?;
    let guard = Arc::new(Program::start(scene.cleanup, guard_recipe(scene, configured)?)?);
    let steps = &mut steps.beside(&guard);
    steps.step("start `assay guard`", || guard.wait())?;
    steps.watch("assay guard", &scene.run.dir().join("guard.log"));
    let config = EngineConfig {
        name: site::PRODUCTION.to_owned(),
        software: Software::debian(),
        address: scene.production,
        hosts: scene.hosts(),
        registries: vec![(site::REGISTRY.to_owned(), fs::read_to_string(&server.ca)?)],
        tls: Some(tls),
        authorization_plugin: Some("assay".to_owned()),
    };
    let engine = steps.step("start the production engine, which asks the guard first", || {
        Engine::start(scene.cleanup, scene.run, scene.switch, config)
    })?;
    steps.watch("the production engine", &engine.log());
    let user = Client::new(scene.run, "user", &server.ca)?;
    let production = Production { engine, user, bundle: people.robot.bundle.clone(), guard };
    steps.step("a client bundle opens it from afar; without one it stays closed", || {
        command::run(&mut production.docker(["version"]))?;
        let mut closed = production.docker(["version"]);
        command::refused(closed.env("DOCKER_CERT_PATH", scene.run.folder("no-bundle")?))
    })?;
    steps.step("docker login over TLS, and a Swarm of one node by the machine's own administrator", || {
        production.user.login(&production.engine, &people.robot.name, &people.robot.token)?;
        let address = scene.production.to_string();
        let mut init = production.engine.docker(["swarm", "init", "--advertise-addr", &address]);
        command::run_once(&mut init, &["already part of a swarm"])
    })?;
    Ok(production)
}

/// Gives the guard's configuration file.
fn configure_guard(scene: &Scene, server: &Server) -> Result<PathBuf> {
    let admin = &server.admin;
    admin.ask(["account", "create", "guard"])?;
    let token = admin.ask(["token", "create", "--account", "guard", "--label", "production"])?;
    admin.ask(["admission", "require", "--team", site::TEAM, "--guard", "guard"])?;
    let key = admin.ask(["admission", "key"])?;
    let socket = guard_socket(scene)?;
    let state = scene.run.folder("guard")?;
    let text = |path: &Path| json!(path.to_string_lossy());
    let config = format!(
        "server_url = {}\ntoken = {}\nca_pem = {}\nsocket = {}\nengine_socket = {}\nstate_dir = {}\nverifier_key = {}\n\
         resolve = {}\nrefresh_ms = 200\n",
        json!(site::URL),
        token["token"],
        json!(fs::read_to_string(&server.ca)?),
        text(&socket),
        text(&scene.run.dir().join(site::PRODUCTION).join("docker.sock")),
        text(&state),
        key["verifierKey"],
        json!([[site::REGISTRY, scene.server()]]),
    );
    let file = scene.run.dir().join("guard.toml");
    fs::write(&file, config)?;
    Ok(file)
}

fn guard_socket(scene: &Scene) -> Result<PathBuf> {
    Ok(Engine::plugins(scene.run, site::PRODUCTION)?.join("assay.sock"))
}

fn guard_recipe(scene: &Scene, config: PathBuf) -> Result<Recipe> {
    let (binary, socket) = (scene.binary.to_owned(), guard_socket(scene)?);
    let make = move || {
        let mut command = Command::new(&binary);
        command.arg("guard").arg("--config").arg(&config);
        command
    };
    // A guard that was killed leaves the file of its socket.
    let ready = move || Ok(UnixStream::connect(&socket).is_ok());
    let (name, log) = ("assay guard".to_owned(), scene.run.dir().join("guard.log"));
    Ok(Recipe { name, log, limit: START, make: Box::new(make), ready: Box::new(ready) })
}

impl Production {
    /// The user's docker client, over TLS with the bundle.
    pub fn docker<const N: usize>(&self, arguments: [&str; N]) -> Command {
        self.user.docker_over_tls(&self.engine, &self.bundle, arguments)
    }
}

/// The service runs this digest, and nothing else.
///
/// # Errors
/// It does not.
pub fn runs(production: &Production, digest: &str) -> Result<()> {
    let format = "{{.Spec.TaskTemplate.ContainerSpec.Image}}";
    let image = command::run(&mut production.docker(["service", "inspect", "--format", format, WEB]))?;
    let wanted = format!("{}:latest@{digest}", site::image(site::RELEASES));
    ensure!(image.trim() == wanted, "{WEB} runs {}, not {wanted}", image.trim());
    wait::patiently(&format!("a running task of {WEB} with {digest}"), SERVICE, || {
        let list = ["service", "ps", "--no-trunc", "--filter", "desired-state=running", "--format"];
        let mut ps = production.docker(list);
        let tasks = command::run(ps.args(["{{.Image}} {{.CurrentState}}", WEB]))?;
        Ok(tasks.lines().any(|task| task.contains(digest) && task.contains(" Running ")).then_some(()))
    })
}

/// The published port answers with this text.
///
/// # Errors
/// It does not, in good time.
pub fn answers(production: &Production, wanted: &str) -> Result<()> {
    let server = SocketAddr::from((production.engine.address(), 8080));
    wait::until(&format!("{wanted:?} from {server}"), SERVICE, || {
        Ok(get(server).filter(|answer| answer.contains(wanted)).map(drop))
    })
}

/// What is signed by the team may be pulled, run and made a service; the digest is the signed one.
///
/// # Errors
/// It may not.
pub fn allows_signed(steps: &mut Steps, production: &Production, digest: &str) -> Result<()> {
    let image = site::image(&format!("{}:latest", site::RELEASES));
    let pinned = format!("{}@{digest}", site::image(site::RELEASES));
    steps.step("docker pull of the signed image", || {
        command::run(&mut production.docker(["pull", "--quiet", &image]))?;
        let listed =
            command::run(&mut production.docker(["image", "inspect", "--format", "{{.RepoDigests}}", &image]))?;
        ensure!(listed.contains(digest), "the engine pulled {listed}, not {digest}");
        Ok(())
    })?;
    steps.step("docker run of the signed image", || {
        let said = command::run(&mut production.docker(["run", "--rm", &pinned, "cat", "/app/edition.txt"]))?;
        ensure!(!said.trim().is_empty(), "the container said nothing");
        Ok(())
    })?;
    steps.step("docker service create of the signed image", || {
        let create = ["service", "create", "--quiet", "--detach", "--with-registry-auth", "--name", "again", &pinned];
        command::run_once(&mut production.docker(create), &["already exists"])?;
        command::run_once(&mut production.docker(["service", "rm", "again"]), &["not found"])
    })?;
    Ok(())
}

/// Somebody far from production, who relies on content trust: the client resolves the tag through the trust data itself.
///
/// # Errors
/// It gets another digest, or none.
pub fn consumer_gets_signed(
    steps: &mut Steps,
    scene: &Scene,
    server: &Server,
    engine: &Engine,
    reader: &Account,
    digest: &str,
) -> Result<()> {
    let image = site::image(&format!("{}:latest", site::RELEASES));
    let consumer = Client::new(scene.run, "consumer", &server.ca)?;
    steps.step("a consumer with DOCKER_CONTENT_TRUST=1 pulls the signed digest", || {
        consumer.login(engine, &reader.name, &reader.token)?;
        let mut pull = consumer.docker(engine, ["pull", &image]);
        let said = command::run(pull.env("DOCKER_CONTENT_TRUST", "1"))?;
        ensure!(said.contains(digest), "content trust gave another digest than {digest}:\n{said}");
        Ok(())
    })
}

fn get(server: SocketAddr) -> Option<String> {
    let mut stream = TcpStream::connect_timeout(&server, Duration::from_secs(2)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

/// Waits until the guard refuses a docker command in these words; a guard knows within five seconds what changed.
///
/// # Errors
/// It goes on to allow it, or to say something else.
pub fn refused(what: &str, mut command: impl FnMut() -> Command, words: &str) -> Result<String> {
    let mut said = String::new();
    let found = wait::patiently(&format!("the refusal of {what}, saying {words:?}"), REFRESH, || {
        let output = command::output(&mut command())?;
        said = String::from_utf8_lossy(&output.stderr).into_owned();
        let line = said.lines().find(|line| line.contains(words) && !output.status.success());
        Ok(line.map(|line| line.trim().to_owned()))
    });
    found.with_context(|| format!("it says:\n{said}"))
}
