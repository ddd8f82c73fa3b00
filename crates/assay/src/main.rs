//! Assay: a secure software supply chain in one binary.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod config;
mod folder;
mod listen;
mod serve;
mod wiring;

/// A commit is pushed, a pipeline builds the image, the registry takes it, the scanner opens it, a policy promotes it, a
/// signature follows it, and only then may it run.
#[derive(Debug, Parser)]
#[command(name = "assay", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server.
    Serve(serve::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        Command::Serve(args) => serve::run(args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&format!("assay: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Say something to the person at the terminal.
fn tell(line: &str) {
    use std::io::Write;
    // A closed terminal is no reason to fail.
    let _ = writeln!(std::io::stderr(), "{line}");
}
