//! Act 3: known good sources enter, as everything else will: by a push, scanned, under a tag that cannot move.
//!
//! A person with a public registry in reach pulls, tags and pushes; the demo has none, and loads what it made of Debian
//! packages. From then on builds take their base, and jobs their image, from these repositories only.

use std::thread;

use anyhow::{Result, anyhow, ensure};

use super::accounts::People;
use super::client::Client;
use super::registry::{self, Tag};
use super::scene::Scene;
use super::server::Server;
use super::site;
use crate::command;
use crate::engine::{Engine, EngineConfig, Software};
use crate::stage::Steps;

/// The build engine, and who pushed from it.
pub struct Builder {
    pub engine: Engine,
    pub admin: Client,
}

/// Starts the build engine, which trusts the installation's authority.
///
/// # Errors
/// It does not start.
pub fn start_engine(steps: &mut Steps, scene: &Scene, server: &Server) -> Result<Engine> {
    let config = EngineConfig {
        name: "build".to_owned(),
        software: Software::debian(),
        address: scene.build,
        hosts: scene.hosts(),
        registries: vec![(site::REGISTRY.to_owned(), std::fs::read_to_string(&server.ca)?)],
        tls: None,
        authorization_plugin: None,
    };
    let engine =
        steps.step("start the build engine", || Engine::start(scene.cleanup, scene.run, scene.switch, config))?;
    steps.watch("the build engine", &engine.log());
    Ok(engine)
}

/// Brings in the base image and the job image.
///
/// # Errors
/// A step does not hold.
pub fn enter(steps: &mut Steps, scene: &Scene, server: &Server, people: &People, engine: Engine) -> Result<Builder> {
    let admin = Client::new(scene.run, "admin", &server.ca)?;
    steps.step("docker login, checked by the engine against the authority", || {
        admin.login(&engine, "admin", &people.admin_token)
    })?;
    steps.step("organization sources, with immutable repositories scanned on push", || {
        server.admin.ask(["account", "create", "sources", "--organization"])?;
        for repository in [repository_of(site::BASE), repository_of(site::JOB)] {
            server.admin.ask(["repository", "create", repository, "--immutable", "--scan-on-push"])?;
        }
        server.admin.ask(["grant", "sources", "read-only", "--team", site::TEAM])
    })?;
    let (base, job) = (site::image(site::BASE), site::image(site::JOB));
    let push = |image: &str| command::run(&mut admin.docker(&engine, ["push", "--quiet", image]));
    let images = scene.images;
    steps.step("load the base image, Python and Flask on Debian", || images.load_base(&engine, &base))?;
    steps.step("push it, and load the job image, git and the docker client, meanwhile", || {
        thread::scope(|scope| {
            let loading = scope.spawn(|| images.load_job(&engine, &job));
            push(&base)?;
            loading.join().map_err(|_| anyhow!("the thread that loads the job image broke down"))?
        })
    })?;
    steps.step("push the job image, whose first layer the registry has already", || push(&job))?;
    // What the reference architecture's pipelines call the image of their jobs.
    command::run(&mut engine.docker(["tag", &job, "docker:latest"]))?;
    let builder = Builder { engine, admin };
    let scanned = steps.step(&format!("{} is scanned", site::BASE), || registry::scanned(server, site::BASE))?;
    steps.note(&scanned.sentence());
    check(&builder, site::BASE, &scanned)?;
    // Its docker client is a Go program that no package installed, and the built-in advisories say nothing of Go.
    let what = format!("{} is scanned, and unknown: a program in it that no package installed", site::JOB);
    let (scanned, why) = steps.step(&what, || registry::scanned_in_part(server, site::JOB))?;
    steps.note(&format!("{}: {why}", scanned.sentence()));
    ensure!(why.contains("golang"), "the reason does not speak of the Go program: {why}");
    check(&builder, site::JOB, &scanned)?;
    Ok(builder)
}

fn check(builder: &Builder, source: &str, scanned: &Tag) -> Result<()> {
    let local = registry::local_digest(&builder.engine, &site::image(source))?;
    ensure!(local == scanned.digest, "{source} was pushed as {local} and scanned as {}", scanned.digest);
    Ok(())
}

fn repository_of(source: &str) -> &str {
    source.split_once(':').map_or(source, |(repository, _)| repository)
}
