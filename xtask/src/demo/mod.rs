//! The story: commits become images that are promoted, signed and run, on real tools, with nobody in between.
//!
//! ```text
//!  server ─ accounts ─ sources ─ repositories ─ trust ─ projects ─ production          what an operator sets up
//!                                                          │
//!   git push ─► build ─► push ─► scan ─► decide ─► promote ─► webhook ─► sign ─► deploy ─► answer      commits
//!                                   └─ over the threshold ─► refused                                 refusals
//!                                                          │
//!                                       audit verify, chain of the last digest                       proof
//! ```
//!
//! In a kill round one of Assay's own programs is killed in every step, mostly in its middle, and started again at once: the
//! server, in the steps of a commit also the project's runner, in those of production also the guard. Every assertion stays.
//!
//! One file an act, in this order. It is also the test of the whole: each step asserts. What it uses is what a user has:
//! the command line, git, docker, notary, skopeo, curl; the only things looked at from inside are files of the data folder.

mod assay;
mod client;
mod scene;
mod site;

mod accounts;
mod production;
mod projects;
mod repositories;
mod runners;
mod server;
mod sources;
mod trust;

mod commits;
mod first_edition;
mod pipelines;
mod registry;

mod proof;
mod refusals;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

use commits::Way;
use scene::Scene;
pub use scene::{build as compile, secret};
use server::Server;

use crate::check::traces::{self, Traces};
use crate::engine::Switch;
use crate::stage::{Cleanup, Durations, Killer, Run, Steps, with_cleanup};
use crate::{packages, wait};

/// A package whose name and version are in the advisories that Assay brings along (Log4Shell).
const VULNERABLE: (&str, &str) = ("liblog4j2-java", "2.14.1-1");
/// The image may take as long as it takes; the story may not.
const STORY: Duration = Duration::from_secs(120);

/// Plays the story; with `keep`, leaves everything up until Ctrl-C; with `kill`, as a kill round of this seed or a new one.
///
/// # Errors
/// The first step that does not hold.
pub fn run(root: &Path, cache: &Path, keep: bool, kill: Option<Option<u64>>) -> Result<()> {
    let killer = match kill {
        None => None,
        Some(seed) => Some(seed.map_or_else(scene::seed, Ok)?),
    };
    let mut steps = Steps::new();
    with_cleanup(keep, |cleanup| {
        let report = steps.step("the machine has what the story needs", || packages::ensure(cleanup))?;
        steps.note(&report);
        let (binary, images) = scene::compile(&mut steps, cache)?;
        println!("prepared: {}\n", steps.summary());

        let run = Run::open(root)?;
        if let Some(seed) = killer {
            println!("a kill round; `cargo xtask demo --kill --seed {seed}` repeats its choices\n");
        }
        let mut steps = Steps::with(Durations::of(&root.join("durations.json")), killer.map(Killer::new));
        let begun = Instant::now();
        let before = traces::machine()?;
        let switch = steps.step("a network for the engines", || Switch::start(cleanup, &run))?;
        let (build, production) = (switch.next_address()?, switch.next_address()?);
        let (images, binary) = (&images, binary.as_path());
        let scene = Scene { cleanup, run: &run, switch: &switch, images, binary, build, production };
        let (server, chain) = play(&mut steps, &scene)?;
        let took = begun.elapsed();
        println!("the story: {}", steps.summary());
        let kills = steps.calm()?;
        if let Some(kills) = &kills {
            println!("{kills}");
        }
        if kills.is_none() && took > STORY {
            println!("that is longer than the {} s it may take on an idle machine", STORY.as_secs());
        }
        if keep {
            farewell(&scene, &server);
        } else {
            end(&mut steps, cleanup, &run, &server, &before)?;
            run.remove()?;
        }
        println!("\n{chain}");
        Ok(())
    })
}

/// Ends everything, and looks whether anything stayed.
fn end(steps: &mut Steps, cleanup: &Cleanup, run: &Run, server: &Server, before: &Traces) -> Result<()> {
    steps.step("the server ends when it is asked to", || server.program.stop())?;
    steps.step("no process, mount, network device or control group is left", || {
        cleanup.finish();
        wait::until("the kernel to let go", Duration::from_secs(10), || {
            Ok(traces::left(before, run)?.is_empty().then_some(()))
        })
        .map_err(|error| error.context(traces::left(before, run).unwrap_or_default().join("\n")))
    })
}

/// Everything, and the chain of the last digest.
fn play(steps: &mut Steps, scene: &Scene) -> Result<(Server, String)> {
    let server = server::start(steps, scene)?;
    let people = accounts::create(steps, scene, &server)?;
    let engine = sources::start_engine(steps, scene, &server)?;
    let builder = sources::enter(steps, scene, &server, &people, engine)?;
    repositories::create(steps, &server)?;
    let signer = trust::later_edition(steps, scene, &server, &people, &builder)?;
    projects::create(steps, scene, &server, &people)?;
    let runners = runners::start_both(steps, scene, &server, &people, &builder, &signer)?;
    let production = production::start(steps, scene, &server, &people)?;

    let code = projects::work_copy(scene, &server, site::CODE, "flask")?;
    let way = Way {
        scene,
        people: &people,
        builder: &builder,
        signer: &signer,
        production: &production,
        runners: &runners,
        code,
    };
    let first = commits::ship(steps, &server, &way, 1)?;
    let bad = commits::refuse_vulnerable(steps, &server, &way, VULNERABLE, &first)?;
    let last = commits::ship_through_a_crash(steps, &server, &way, 2)?;

    production::allows_signed(&mut steps.beside(&production.guard), &production, &last.digest)?;
    production::consumer_gets_signed(steps, scene, &server, &builder.engine, &people.reader, &last.digest)?;
    refusals::of_the_guard(&mut steps.beside(&production.guard), &server, &way, &first)?;
    refusals::of_the_server(steps, &server, &way, &last, bad)?;
    refusals::signer_has_one_key(steps, &signer)?;
    first_edition::play(steps, &server, &way, &last)?;
    runners::left_nothing(steps, &builder)?;
    proof::vandals(steps, scene, &server)?;
    proof::verify(steps, &server)?;
    let chain = proof::chain(steps, &server, &last)?;
    Ok((server, chain))
}

fn farewell(scene: &Scene, server: &Server) {
    println!("\nAssay is at {} ({} in your hosts file)", site::URL, scene.server());
    println!("sign in as admin with the password {}", server.password);
    println!("its authority is in {}; everything is in {}\n", server.ca.display(), scene.run.dir().display());
}
