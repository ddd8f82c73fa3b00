//! Assay: a secure software supply chain in one binary.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod audit;
mod bucket;
mod client;
mod config;
mod elsewhere;
mod folder;
mod guard;
mod listen;
mod runner;
mod scan;
mod serve;
mod storage;
mod wiring;

/// Decision 10: many threads of a server take and give back large buffers, which glibc keeps apart for each and for good.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// A commit is pushed, a pipeline builds the image, the registry takes it, the scanner opens it, a policy promotes it, a
/// signature follows it, and only then may it run.
#[derive(Debug, Parser)]
#[command(name = "assay", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    common: client::Common,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server.
    Serve(serve::Args),
    /// Run jobs of a server in containers of a Docker engine.
    Runner(runner::Args),
    /// Let a Docker engine run only what may run: its authorization plugin.
    Guard(guard::Args),
    /// The audit log: verify it, look into it.
    #[command(subcommand)]
    Audit(audit::Audit),
    Scan(scan::Scan),
    /// Where blobs are.
    #[command(subcommand)]
    Storage(storage::Command),
    #[command(flatten)]
    Client(client::Noun),
}

/// Exit codes, for scripts: 0 is success, 2 is wrong usage (clap's own).
#[derive(Clone, Copy)]
enum Exit {
    Error = 1,
    /// A policy or a right says no.
    Refused = 3,
    SignIn = 4,
    /// The thing asked for is unknown.
    Unknown = 5,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        Command::Serve(args) => serve::run(args),
        Command::Runner(args) => in_runtime(runner::run(args)),
        Command::Guard(args) => in_runtime(guard::run(args)),
        Command::Audit(command) => in_runtime(async {
            let (answer, good) = command.run().await?;
            client::print(&answer, cli.common)?;
            if good { Ok(()) } else { Err(NotGood.into()) }
        }),
        Command::Storage(command) => in_runtime(async {
            let (answer, good) = command.run().await?;
            client::print(&answer, cli.common)?;
            if good { Ok(()) } else { Err(anyhow::anyhow!("some blobs are damaged; they are listed above")) }
        }),
        Command::Scan(scan) => in_runtime(scan.run(cli.common.format())),
        Command::Client(noun) => in_runtime(client::run(noun, cli.common)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&format!("assay: {error:#}"));
            ExitCode::from(exit_of(&error) as u8)
        }
    }
}

/// What was asked for was verified and is not as it should be.
#[derive(Debug, thiserror::Error)]
#[error("not verified; the problems are listed above")]
struct NotGood;

fn in_runtime(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}

fn exit_of(error: &anyhow::Error) -> Exit {
    if error.is::<NotGood>() || error.is::<client::Incomplete>() || error.is::<scan::Reached>() {
        return Exit::Refused;
    }
    if error.is::<client::Different>() || error.is::<client::NotWhole>() {
        return Exit::Refused;
    }
    if error.is::<client::Foreign>() {
        return Exit::Unknown;
    }
    let Some(refused) = error.downcast_ref::<client::Refused>() else { return Exit::Error };
    match (refused.status.as_u16(), refused.code.as_str()) {
        (401, _) => Exit::SignIn,
        (403 | 409, _) => Exit::Refused,
        // DTR's status for what signatures hold; any other 405 is a method that is not served.
        (405, "REPOSITORY_CONTAINS_TAGS_IN_NOTARY") => Exit::Refused,
        (404, _) => Exit::Unknown,
        _ => Exit::Error,
    }
}

/// Say something to the person at the terminal.
fn tell(line: &str) {
    use std::io::Write;
    // A closed terminal is no reason to fail.
    let _ = writeln!(std::io::stderr(), "{line}");
}
