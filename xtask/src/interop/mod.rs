//! Clients that come from other registries than the operating system's and Rust's, against a real server over TLS.
//!
//! ```text
//! tools      Go modules, each pinned by version and checksum, built into target/interop
//! server     `assay serve` on a loopback address, data in the run's folder
//! conformance   the OCI's own program: every check of distribution-spec, nothing switched off
//! clients    crane, oras, regctl, helm: push, pull, copy, attach, delete
//! signing    cosign, notation: sign and verify, as referrers and under tags
//! scan       `assay scan` on one image in a real registry and in archives of every tool
//! mirror     mirroring from and to a real docker-registry
//! storage    the tests of the store with buckets of a real server
//! sign_in    signing in with an identity provider of npm's
//! engine     an engine and a client of Docker that are newer than Debian's, with both of its image stores
//! ```

mod clients;
mod conformance;
mod engine;
mod mirror;
mod scan;
mod server;
mod sign_in;
mod signing;
mod storage;
mod tools;

use std::net::Ipv4Addr;
use std::path::Path;

use anyhow::Result;

use self::server::Server;
use self::tools::Tools;
use crate::demo;
use crate::stage::{Run, Steps, with_cleanup};

/// A part that can be run alone.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// The OCI's conformance program
    Conformance,
    /// crane, oras, regctl, helm
    Clients,
    /// cosign, notation
    Signing,
    /// `assay scan` on what docker, podman, buildah, skopeo and docker-registry make (root)
    Scan,
    /// Signing in with an identity provider of npm's
    SignIn,
    /// Mirroring from and to docker-registry (root)
    Mirror,
    /// The tests of the store, with buckets of a real server that speaks S3
    Storage,
    /// A newer Docker than Debian's (root)
    Engine,
}

/// What a client does with a server.
type Play = fn(&mut Steps, &Run, &Server, &Path) -> Result<()>;

/// In the order of the story: the later ones find what the earlier ones pushed.
const PLAYS: [(Part, &tools::Tool, Play); 7] = [
    (Part::Conformance, &tools::CONFORMANCE, conformance::check),
    (Part::Clients, &tools::CRANE, clients::crane),
    (Part::Clients, &tools::ORAS, clients::oras),
    (Part::Clients, &tools::REGCTL, clients::regctl),
    (Part::Clients, &tools::HELM, clients::helm),
    (Part::Signing, &tools::NOTATION, signing::notation),
    (Part::Signing, &tools::COSIGN, signing::cosign),
];

/// Builds the clients, and drives the server with each; or with those of one part.
///
/// # Errors
/// The first thing that does not hold.
pub fn run(folder: &Path, only: Option<Part>) -> Result<()> {
    match only {
        Some(Part::Storage) => return storage::run(folder),
        Some(Part::Scan) => return scan::run(folder),
        Some(Part::SignIn) => return sign_in::run(folder),
        Some(Part::Mirror) => return mirror::run(folder),
        Some(Part::Engine) => return engine::run(folder),
        _ => {}
    }
    let mut steps = Steps::new();
    with_cleanup(false, |cleanup| {
        let tools = Tools::below(&folder.join("tools"))?;
        let plays = PLAYS.iter().filter(|(part, ..)| only.is_none_or(|only| only == *part));
        let ready = plays.map(|(_, tool, play)| Ok((tools.program(&mut steps, tool)?, play)));
        let ready = ready.collect::<Result<Vec<_>>>()?;
        let binary = steps.step("compile assay", demo::compile)?;
        let run = Run::open(&folder.join("runs"))?;
        let server = steps.step("start assay serve", || {
            Server::start(cleanup, &run, &binary, Ipv4Addr::LOCALHOST, &["--sparse-manifests"])
        })?;
        steps.watch("assay serve", &server.log);
        for (program, play) in ready {
            play(&mut steps, &run, &server, &program)?;
        }
        cleanup.finish();
        run.remove()
    })?;
    println!("{}", steps.summary());
    Ok(())
}
