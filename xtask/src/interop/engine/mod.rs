//! A newer Docker than Debian's, with the image store of containerd and with its older one, against a server of our own.
//!
//! ```text
//! Go's proxy ─► dockerd, containerd, its shim, docker, buildx      Debian ─► runc
//!                                     │
//!  host: assay serve on 10.199.N.1 ───┴── switch ── engine `newer`       images in containerd's store
//!                                               └── engine `classic`     images in a graph driver
//! ```
//!
//! One file for what each store does, one for content trust, and one for what the server refuses and how Docker says it.

mod bench;
mod classic;
mod containerd;
mod platforms;
mod refusals;
mod trust;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use serde_json::{Map, json};

use self::bench::Bench;
use super::server::Server;
use super::tools::{self, Tools};
use crate::check::traces;
use crate::engine::{Engine, EngineConfig, Software, Switch};
use crate::stage::{Cleanup, Run, Steps, with_cleanup};
use crate::{demo, packages, wait};

/// Builds the engine, and plays with it.
///
/// # Errors
/// The first thing that does not hold.
pub fn run(folder: &Path) -> Result<()> {
    let mut steps = Steps::new();
    with_cleanup(false, |cleanup| {
        let report = steps.step("the machine has what engines need", || packages::ensure(cleanup))?;
        steps.note(&report);
        let tools = Tools::below(&folder.join("tools"))?;
        let built = tools::ENGINE.iter().map(|tool| Ok((tool.name, tools.program(&mut steps, tool)?)));
        let built = built.collect::<Result<Vec<_>>>()?;
        let binary = steps.step("compile assay", demo::compile)?;
        let run = Run::open(&folder.join("runs"))?;
        let programs = gather(&run, &built)?;
        let before = traces::machine()?;
        let switch = steps.step("a network for the engines", || Switch::start(cleanup, &run))?;
        let address = switch.host_address();
        let server = steps.step("start assay serve", || Server::start(cleanup, &run, &binary, address, &[]))?;
        steps.watch("assay serve", &server.log);

        let engine = |steps: &mut Steps, store: Store| start(steps, cleanup, &run, &switch, &server, &programs, store);
        let newer = engine(&mut steps, Store::Containerd)?;
        let bench = Bench::new(&server, &newer, run.folder("newer-context")?)?;
        containerd::play(&mut steps, &bench)?;
        platforms::play(&mut steps, &bench)?;
        refusals::play(&mut steps, &bench)?;
        let classic = engine(&mut steps, Store::GraphDriver)?;
        let bench = Bench::new(&server, &classic, run.folder("classic-context")?)?;
        classic::play(&mut steps, &bench)?;
        trust::play(&mut steps, &bench)?;

        steps.step("no process, mount, network device or control group is left", || {
            cleanup.finish();
            wait::until("the kernel to let go", Duration::from_secs(10), || {
                Ok(traces::left(&before, &run)?.is_empty().then_some(()))
            })
            .map_err(|error| error.context(traces::left(&before, &run).unwrap_or_default().join("\n")))
        })?;
        run.remove()
    })?;
    println!("{}", steps.summary());
    Ok(())
}

/// Where an engine keeps its images.
#[derive(Clone, Copy)]
enum Store {
    Containerd,
    GraphDriver,
}

/// A folder in which the programs have the names that they call each other by.
fn gather(run: &Run, built: &[(&str, PathBuf)]) -> Result<PathBuf> {
    let folder = run.folder("programs")?;
    for (name, program) in built {
        symlink(program, folder.join(name))?;
    }
    Ok(folder)
}

fn start(
    steps: &mut Steps,
    cleanup: &Cleanup,
    run: &Run,
    switch: &Switch,
    server: &Server,
    programs: &Path,
    store: Store,
) -> Result<Engine> {
    let (name, title) = match store {
        Store::Containerd => ("newer", "start the engine with containerd's image store"),
        Store::GraphDriver => ("classic", "start the engine with a graph driver"),
    };
    let config = EngineConfig {
        name: name.to_owned(),
        software: Software::of(programs, settings(store)),
        address: switch.next_address()?,
        hosts: vec![],
        registries: vec![(server.authority.clone(), fs::read_to_string(server.ca())?)],
        tls: None,
        authorization_plugin: None,
    };
    let engine = steps.step(title, || Engine::start(cleanup, run, switch, config))?;
    steps.watch(&format!("the engine {name}"), &engine.log());
    // The client finds its parts here.
    let plugins = engine.home().join(".docker/cli-plugins");
    fs::create_dir_all(&plugins)?;
    symlink(programs.join("docker-buildx"), plugins.join("docker-buildx"))?;
    Ok(engine)
}

fn settings(store: Store) -> Map<String, serde_json::Value> {
    let mut settings = Map::new();
    // Published ports are not looked at, and the program that would serve them is not built.
    settings.insert("userland-proxy".to_owned(), json!(false));
    let in_containerd = matches!(store, Store::Containerd);
    // Debian's runc is older than the namespaces of time.
    let features = json!({"containerd-snapshotter": in_containerd, "time-namespaces": false});
    settings.insert("features".to_owned(), features);
    if !in_containerd {
        settings.insert("storage-driver".to_owned(), json!("overlay2"));
    }
    settings
}
