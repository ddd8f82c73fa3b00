//! Judges how well components are identified in executables whose names say nothing.
//!
//! ```text
//! judge FOLDER...  each with a truth.tsv (see corpus.rs), or holding folders that have one
//!   corpus      what is in which file, and who says so
//!   numbered    the same files with numbers for names
//!   ours peers  what each side names in them
//!   product     when two names or versions are the same
//!   score       questions asked, answers right
//!   report      a line a row, JSON, and what was wrong
//! ```
//!
//! What it does not know: how a corpus was made. `cargo xtask bench identify` makes those that can be had from registries.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark talks to the person who started it")]

mod corpus;
mod numbered;
mod product;

mod ours;
mod peers;
mod score;

mod judge;
mod report;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use fingerprint::Index;

use corpus::Corpus;
use judge::Judge;
use peers::{Kind, Peer};
use product::Names;

#[derive(Parser)]
#[command(name = "judge", about = "How well components are identified from bytes alone")]
struct Arguments {
    /// Folders with a truth.tsv, or with folders that have one
    #[arg(required = true)]
    corpora: Vec<PathBuf>,
    /// An index to judge instead of the one that is compiled in
    #[arg(long)]
    index: Option<PathBuf>,
    /// The syft program to judge beside ours
    #[arg(long)]
    syft: Option<PathBuf>,
    /// The trivy program to judge beside ours
    #[arg(long)]
    trivy: Option<PathBuf>,
    /// What a peer gets for each look at a corpus
    #[arg(long, default_value_t = 300)]
    peer_seconds: u64,
    /// Only corpora of these names
    #[arg(long)]
    only: Vec<String>,
    /// Where links to the files under numbers are made
    #[arg(long)]
    scratch: PathBuf,
    /// Also write everything as JSON
    #[arg(long)]
    json: Option<PathBuf>,
    /// Also write what was wrong, the most frequent first
    #[arg(long)]
    misses: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let names = Names::builtin();
    let mut corpora = Vec::new();
    for folder in &arguments.corpora {
        for folder in folders(folder)? {
            let corpus = Corpus::read(&folder, &names)?;
            if arguments.only.is_empty() || arguments.only.contains(&corpus.name) {
                corpora.push(corpus);
            }
        }
    }
    ensure!(!corpora.is_empty(), "there is no corpus to judge");
    let opened;
    let index = match &arguments.index {
        None => Index::builtin(),
        Some(path) => {
            let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
            opened = Index::open(Arc::new(bytes))?;
            &opened
        }
    };
    let about = index.about();
    eprintln!("learning set: {} (index {})", about.created_by, &about.digest[..16.min(about.digest.len())]);
    let given = [(Kind::Syft, &arguments.syft), (Kind::Trivy, &arguments.trivy)];
    let peers = given.into_iter().filter_map(|(kind, program)| Some(Peer { kind, program: program.clone()? }));
    let judge = Judge { index, names, peers: peers.collect(), peer_seconds: arguments.peer_seconds };
    let (mut all, mut lines, mut misses) = (Vec::new(), Vec::new(), String::new());
    for corpus in corpora {
        let judged = judge.judge(corpus, &arguments.scratch)?;
        // Not among the rows, which a program may read.
        eprintln!("{}", report::heading(&judged));
        for line in report::lines(&judged) {
            println!("{line}");
            lines.push(line);
        }
        misses.push_str(&report::misses(&judged));
        all.push(judged);
    }
    if let Some(path) = &arguments.json {
        fs::write(path, format!("{:#}\n", report::json(&about, &all, &lines)))?;
    }
    if let Some(path) = &arguments.misses {
        fs::write(path, misses)?;
    }
    Ok(())
}

/// The folder itself, or those in it that hold a corpus.
fn folders(folder: &Path) -> Result<Vec<PathBuf>> {
    if folder.join("truth.tsv").exists() {
        return Ok(vec![folder.to_owned()]);
    }
    let entries = fs::read_dir(folder).with_context(|| format!("cannot look into {}", folder.display()))?;
    let mut found: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    found.retain(|folder| folder.join("truth.tsv").exists());
    found.sort();
    Ok(found)
}
