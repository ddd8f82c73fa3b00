//! Proves the harness end to end, without Assay: what it starts works, and what it ends is gone.

mod certificates;
mod plugin;
pub mod traces;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use rustix::process::Signal;

use crate::engine::{Engine, EngineConfig, EngineTls, Software, Switch};
use crate::images::{self, Images};
use crate::stage::{Cleanup, Process, Run, Steps, signal, with_cleanup};
use crate::{command, packages, wait};

const LIMIT: Duration = Duration::from_secs(60);

/// Plays everything; with `keep`, leaves it up until Ctrl-C.
///
/// # Errors
/// The first thing that does not hold.
pub fn run(root: &Path, cache: &Path, keep: bool) -> Result<()> {
    let mut steps = Steps::new();
    with_cleanup(keep, |cleanup| {
        let report = steps.step("the machine has what engines need", || packages::ensure(cleanup))?;
        steps.note(&report);
        let images = steps.step("layers of both images", || Images::prepare(cache))?;
        let run = Run::open(root)?;
        let before = traces::machine()?;
        let switch = steps.step("a switch for the run", || Switch::start(cleanup, &run))?;
        steps.note(&format!("{} is the host on {}", switch.host_address(), switch.device()));

        let mut build = steps.step("start the build engine", || start_build(cleanup, &run, &switch))?;
        steps.watch("the build engine", &build.log());
        let production = start_production(cleanup, &run, &switch, &mut steps)?;
        check_build(&mut steps, &run, &images, &mut build)?;
        check_reach(&mut steps, cleanup, &run, &switch, &build)?;
        check_production(&mut steps, &run, &images, &build, &production)?;
        if keep {
            steps.note(&format!("DOCKER_HOST=unix://{}", build.socket().display()));
            steps.note(&format!("DOCKER_HOST=unix://{}", production.socket().display()));
            return Ok(());
        }
        check_end(&mut steps, run, switch, build, production, &before)
    })?;
    println!("{}", steps.summary());
    Ok(())
}

fn start_build(cleanup: &Cleanup, run: &Run, switch: &Switch) -> Result<Engine> {
    let config = EngineConfig {
        name: "build".to_owned(),
        software: Software::debian(),
        address: switch.next_address()?,
        hosts: vec![("assay.test".to_owned(), switch.host_address())],
        registries: vec![],
        tls: None,
        authorization_plugin: None,
    };
    Engine::start(cleanup, run, switch, config)
}

fn start_production(cleanup: &Cleanup, run: &Run, switch: &Switch, steps: &mut Steps) -> Result<Engine> {
    let address = switch.next_address()?;
    let keys = run.folder("keys")?;
    steps.step("certificates for the production engine and its client", || certificates::make(&keys, address))?;
    let tls =
        EngineTls { ca: keys.join("ca.pem"), cert: keys.join("server.pem"), key: keys.join("server.key"), port: 2376 };
    let config = EngineConfig {
        name: "production".to_owned(),
        software: Software::debian(),
        address,
        hosts: vec![("assay.test".to_owned(), switch.host_address())],
        registries: vec![("assay.test:8443".to_owned(), fs::read_to_string(keys.join("ca.pem"))?)],
        tls: Some(tls),
        authorization_plugin: Some("guard".to_owned()),
    };
    plugin::serve(&Engine::plugins(run, "production")?.join("guard.sock"), "forbidden")?;
    let production =
        steps.step("start the production engine beside it", || Engine::start(cleanup, run, switch, config))?;
    steps.watch("the production engine", &production.log());
    steps.step("an authorization plugin answers from outside", || command::run(&mut production.docker(["version"])))?;
    Ok(production)
}

fn check_build(steps: &mut Steps, run: &Run, images: &Images, build: &mut Engine) -> Result<()> {
    steps.step("load the base image", || images.load_base(build, "source/python:3-flask"))?;
    steps.step("load the job image", || images.load_job(build, "source/docker:latest"))?;
    let context = run.folder("context")?;
    images::deb::empty(&context, "harmless", "1:1.2-3")?;
    let dockerfile = "FROM source/python:3-flask AS made\nCOPY *.deb /tmp/\nRUN dpkg --install /tmp/*.deb\n\
                      FROM made\nLABEL a=b\nCMD [\"python3\", \"-c\", \"import flask; print('flask', flask.__version__)\"]\n";
    fs::write(context.join("Dockerfile"), dockerfile)?;
    steps.step("build on it, installing a package made on the spot", || {
        command::run(build.docker(["build", "-t", "code:1"]).arg(&context))
    })?;
    let said = steps.step("run what was built", || command::run(&mut build.docker(["run", "--rm", "code:1"])))?;
    ensure!(said.starts_with("flask "), "the container said {said:?}");
    let listed = command::run(&mut build.docker(["run", "--rm", "code:1", "dpkg-query", "-W", "harmless"]))?;
    ensure!(listed.trim() == "harmless\t1:1.2-3", "the package database says {listed:?}");

    let socket = format!("{}:/var/run/docker.sock", build.socket().display());
    steps.step("a job's container drives the engine that runs it", || {
        let script = "git --version && docker version --format '{{.Server.Version}}' && docker image inspect code:1";
        command::run(&mut build.docker(["run", "--rm", "-v", &socket, "source/docker:latest", "sh", "-c", script]))
    })?;
    steps.step("the client inside the namespaces knows the private hosts file", || {
        command::run(build.inside("getent").args(["hosts", "assay.test"]))?;
        command::run(&mut build.docker_inside(["version"]))
    })?;
    steps.step("restart the build engine; its images stay", || {
        build.restart()?;
        command::run(&mut build.docker(["image", "inspect", "code:1"]))
    })?;
    Ok(())
}

/// What Assay will rely on: the host's address is reached from containers, and programs are supervised.
fn check_reach(steps: &mut Steps, cleanup: &Cleanup, run: &Run, switch: &Switch, build: &Engine) -> Result<()> {
    let listener = TcpListener::bind((switch.host_address(), 0))?;
    let address = listener.local_addr()?;
    let follow = build.docker(["events", "--since", "1h", "--format", "{{.Type}} {{.Action}}"]);
    let events = Process::spawn(cleanup, "docker events", &follow, &run.dir().join("events.log"))?;
    steps.step("a container reaches a server on the host's address, by name", || {
        let alias = format!("--add-host=assay.test:{}", address.ip());
        let script = format!("import socket; socket.create_connection(('assay.test', {}), 20)", address.port());
        command::run(&mut build.docker(["run", "--rm", &alias, "code:1", "python3", "-c", &script]))?;
        listener.set_nonblocking(true)?;
        let (_, peer) = listener.accept()?;
        ensure!(peer.ip() == build.address(), "the container came from {peer}, not by its engine's address");
        Ok(())
    })?;
    steps.step("a supervised program saw it in the engine's events", || {
        events.ready("the container's end", LIMIT, || Ok(events.said().contains("container die")))?;
        events.stop(LIMIT)
    })
}

fn check_production(steps: &mut Steps, run: &Run, images: &Images, build: &Engine, production: &Engine) -> Result<()> {
    let keys = run.dir().join("keys");
    let host = format!("tcp://{}:2376", production.address());
    let trusted = ["--host", &host, "--tlsverify", "--tlscacert"].map(str::to_owned);
    let with_client = |rest: &[&str]| {
        let mut command = production.docker(trusted.iter());
        command.arg(keys.join("ca.pem")).arg("--tlscert").arg(keys.join("client.pem"));
        command.arg("--tlskey").arg(keys.join("client.key")).args(rest);
        command
    };
    steps.step("a client certificate opens the production engine from outside", || {
        command::run(&mut with_client(&["version"]))
    })?;
    let refusal = steps.step("without one it stays closed", || {
        command::refused(production.docker(trusted.iter()).arg(keys.join("ca.pem")).arg("version"))
    })?;
    steps.note(refusal.lines().last().unwrap_or_default());
    images.load_base(production, "source/python:3-flask")?;
    let refusal = steps.step("the plugin refuses an image by name", || {
        command::run(&mut production.docker(["tag", "source/python:3-flask", "forbidden:1"]))?;
        command::refused(&mut with_client(&["run", "--rm", "forbidden:1"]))
    })?;
    steps.note(refusal.lines().next().unwrap_or_default());

    let address = production.address().to_string();
    steps.step("a Swarm of one node", || {
        command::run(&mut with_client(&["swarm", "init", "--advertise-addr", &address]))
    })?;
    steps.step("deploy a stack from a job's container over TLS", || deploy(run, &keys, &host, build))?;
    steps.step("its service answers on its published port", || {
        let server = SocketAddr::from((production.address(), 8080));
        wait::until("the service", LIMIT, || Ok(first_line(server).filter(|line| line.contains(" 200 "))))
    })?;
    Ok(())
}

/// The second stage of the signer in small: a container of the build engine speaks to the production engine.
fn deploy(run: &Run, keys: &Path, host: &str, build: &Engine) -> Result<String> {
    let stack = "version: \"3.8\"\nservices:\n  web:\n    image: source/python:3-flask\n    command: [python3, -m, http.server, \"8080\"]\n    \
                 ports:\n      - {target: 8080, published: 8080, mode: host}\n";
    let bundle = run.folder("bundle")?;
    fs::write(bundle.join("stack.yml"), stack)?;
    for (from, to) in [("ca.pem", "ca.pem"), ("client.pem", "cert.pem"), ("client.key", "key.pem")] {
        fs::copy(keys.join(from), bundle.join(to))?;
    }
    let mount = format!("{}:/bundle:ro", bundle.display());
    let mut job = build.docker(["run", "--rm", "-v", &mount, "-e", "DOCKER_TLS_VERIFY=1"]);
    job.args(["-e", "DOCKER_CERT_PATH=/bundle", "-e", &format!("DOCKER_HOST={host}"), "source/docker:latest"]);
    job.args(["docker", "stack", "deploy", "--resolve-image", "never", "-c", "/bundle/stack.yml", "story"]);
    command::run(&mut job)
}

/// The status line a web server answers with; nothing while it is not there.
fn first_line(server: SocketAddr) -> Option<String> {
    let mut stream = TcpStream::connect_timeout(&server, Duration::from_secs(2)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").ok()?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).ok()?;
    Some(line)
}

fn check_end(
    steps: &mut Steps,
    run: Run,
    switch: Switch,
    build: Engine,
    production: Engine,
    before: &traces::Traces,
) -> Result<()> {
    let first = build.first_pid();
    steps.step("kill -9 the build engine's first process, and end it", || {
        signal(first, Signal::KILL)?;
        build.down()
    })?;
    steps.step("end the production engine with its Swarm", || production.down())?;
    steps.step("end the switch", || switch.down())?;
    steps.step("no process, mount, network device or control group is left", || {
        wait::until("the kernel to let go", Duration::from_secs(10), || {
            Ok(traces::left(before, &run)?.is_empty().then_some(()))
        })
        .map_err(|error| error.context(traces::left(before, &run).unwrap_or_default().join("\n")))
    })?;
    run.remove()
}
