//! Clients that come from other registries than the operating system's and Rust's, against a real server over TLS.
//!
//! ```text
//! tools      Go modules, each pinned by version and checksum, built into target/interop
//! server     `assay serve` on a loopback address, data in the run's folder
//! conformance   the OCI's own program: every check of distribution-spec, nothing switched off
//! clients    crane, oras, regctl: push, pull, copy, attach, delete
//! storage    the tests of the store with buckets of a real server
//! ```

mod clients;
mod conformance;
mod server;
pub mod storage;
mod tools;

use std::path::Path;

use anyhow::Result;

use self::server::Server;
use self::tools::Tools;
use crate::demo;
use crate::stage::{Run, Steps, with_cleanup};

/// Builds the clients, and drives the server with each.
///
/// # Errors
/// The first thing that does not hold.
pub fn run(folder: &Path) -> Result<()> {
    let mut steps = Steps::new();
    with_cleanup(false, |cleanup| {
        let tools = Tools::build(&mut steps, &folder.join("tools"))?;
        let binary = steps.step("compile assay", demo::compile)?;
        let run = Run::open(&folder.join("runs"))?;
        let server = steps.step("start assay serve", || Server::start(cleanup, &run, &binary))?;
        steps.watch("assay serve", &server.log);
        conformance::check(&mut steps, &run, &server, &tools)?;
        clients::crane(&mut steps, &run, &server, &tools)?;
        clients::oras(&mut steps, &run, &server, &tools)?;
        clients::regctl(&mut steps, &run, &server, &tools)?;
        cleanup.finish();
        run.remove()
    })?;
    println!("{}", steps.summary());
    Ok(())
}
