//! What executables are known by: learning an index from packages, looking at one.

use std::{fs, path::PathBuf, sync::Arc};

use anyhow::{Context, Result, ensure};
use clap::Subcommand;
use fingerprint::{Aliases, Index, Learner, Observation, read_deb};
use serde_json::{Value, json};

use super::advisories::each_file;
use crate::tell;

/// Folders within folders that are looked into; a mirror's pool has four.
const DEPTH: usize = 16;

#[derive(Debug, Subcommand)]
pub(crate) enum Fingerprints {
    /// The index that executables are known by: the built-in one, or a file.
    Show { file: Option<PathBuf> },
    /// Learn an index from Debian packages in folders, as `apt-get download` or a mirror has them.
    Learn {
        #[arg(required = true, value_name = "FOLDER")]
        folders: Vec<PathBuf>,
        /// Packages that the index shall not name (repeatable): what others have in common with them tells nothing. The more of
        /// these, the fewer wrong names.
        #[arg(long, value_name = "FOLDER")]
        background: Vec<PathBuf>,
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// What the packages are and where they came from; the index says it.
        #[arg(long)]
        label: String,
        /// Names of products by source package; the built-in ones otherwise.
        #[arg(long, value_name = "FILE")]
        aliases: Option<PathBuf>,
    },
}

impl Fingerprints {
    pub(crate) fn run(self) -> Result<Value> {
        match self {
            Fingerprints::Show { file } => show(file),
            Fingerprints::Learn { folders, background, out, label, aliases } => {
                learn(&folders, &background, &out, &label, aliases)
            }
        }
    }
}

fn show(file: Option<PathBuf>) -> Result<Value> {
    let about = match file {
        Some(path) => {
            let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            Index::open(Arc::new(bytes)).with_context(|| format!("{} is no index", path.display()))?.about()
        }
        None => Index::builtin().about(),
    };
    Ok(json!({
        "digest": about.digest,
        "learntFrom": about.created_by,
        "products": about.products,
        "versions": about.versions,
        "texts": about.texts,
        "templates": about.templates,
        "identities": about.identities,
    }))
}

/// A package that cannot be read is named, and the rest goes on.
fn learn(
    folders: &[PathBuf],
    background: &[PathBuf],
    out: &PathBuf,
    label: &str,
    aliases: Option<PathBuf>,
) -> Result<Value> {
    let aliases = match aliases {
        Some(path) => {
            Aliases::parse(&fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?)
        }
        None => Aliases::builtin(),
    };
    let packages = packages(folders)?;
    ensure!(!packages.is_empty(), "there is no Debian package (*.deb) in these folders");
    let background = self::packages(background)?;
    let all = packages.iter().map(|path| (path, true)).chain(background.iter().map(|path| (path, false)));
    let mut learner = Learner::default();
    let (mut executables, mut wrong) = (0_u64, Vec::new());
    for (done, (path, known)) in all.enumerate() {
        if done % 100 == 0 {
            tell(&format!("{done} of {} packages read", packages.len() + background.len()));
        }
        let mut seen = Vec::new();
        let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let control = read_deb(&bytes, &mut |_, inside, executable| {
            seen.extend(Observation::of(executable).map(|observation| (inside.to_owned(), observation)));
        });
        match control {
            Ok(control) => {
                let origin = aliases.origin(&control.source, &control.version);
                for (inside, observation) in &seen {
                    if known {
                        learner.add(&origin, inside, observation);
                    } else {
                        learner.add_background(&origin, inside, observation);
                    }
                }
                executables += seen.len() as u64;
            }
            Err(error) => wrong.push(format!("{}: {error}", path.display())),
        }
    }
    let index = learner.finish(&aliases, label)?;
    fs::write(out, &index).with_context(|| format!("cannot write {}", out.display()))?;
    Ok(json!({
        "packages": packages.len(),
        "background": background.len(),
        "executables": executables,
        "bytes": index.len(),
        "wrong": wrong,
    }))
}

fn packages(folders: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut packages = Vec::new();
    for folder in folders {
        each_file(folder, DEPTH, &mut |path| {
            if path.extension().is_some_and(|extension| extension == "deb") {
                packages.push(path.to_owned());
            }
            Ok(())
        })?;
    }
    Ok(packages)
}
