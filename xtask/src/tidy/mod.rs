//! The house law that a program can check; the rest of STYLE.md is for people.
//!
//! [`layers`] reads the manifests, [`sources`] reads the files. Both are pure: what they find is a list of
//! [`Violation`], and this file does the reading and the printing.

mod layers;
mod sources;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use cargo_metadata::MetadataCommand;

/// One broken rule, at one place.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    path: String,
    line: usize,
    what: String,
}

impl Violation {
    fn new(path: &str, line: usize, what: impl Into<String>) -> Violation {
        Violation { path: path.to_owned(), line, what: what.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// Checks the whole repository and prints every violation.
///
/// # Errors
/// The repository cannot be read.
pub fn run(root: &Path) -> Result<ExitCode> {
    let mut found = Vec::new();
    let metadata = MetadataCommand::new().manifest_path(root.join("Cargo.toml")).no_deps().exec()?;
    found.extend(layers::check(&metadata, root)?);
    let mut files = Vec::new();
    for folder in ["crates", "xtask"] {
        collect(&root.join(folder), &mut files)?;
    }
    for file in &files {
        let path = file.strip_prefix(root).unwrap_or(file).to_string_lossy().into_owned();
        let text = fs::read_to_string(file).with_context(|| format!("cannot read {path}"))?;
        found.extend(sources::check(&path, &text));
    }
    found.sort();
    for violation in &found {
        println!("{violation}");
    }
    if found.is_empty() {
        println!("tidy: {} files of {} crates keep the house law", files.len(), metadata.packages.len());
        return Ok(ExitCode::SUCCESS);
    }
    println!("tidy: {} violations; the reasons are in STYLE.md", found.len());
    Ok(ExitCode::FAILURE)
}

/// Rust files below a folder, in order; build output and hidden folders are not ours.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            if name != "target" && !name.starts_with('.') {
                collect(&path, files)?;
            }
        } else if name.ends_with(".rs") {
            files.push(path);
        }
    }
    Ok(())
}
