//! Archives of pinned packages, fetched with the registries' own clients; what cannot be had is said and left out.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;

use anyhow::{Context, Result};

use crate::command;

/// Downloads under way at once.
const AT_ONCE: usize = 3;
/// Seconds that one download gets.
const SECONDS: &str = "300";

/// One archive: a folder of its own below the cache, and the client's command that fills it, several where the first may find nothing.
#[derive(Debug)]
pub struct Wanted {
    pub folder: PathBuf,
    pub commands: Vec<Command>,
}

/// Fetches what is not there yet; gives the folders that are, in the order they were wanted in.
///
/// # Errors
/// The cache cannot be written.
pub fn fetch(wanted: Vec<Wanted>) -> Result<Vec<PathBuf>> {
    let folders: Vec<PathBuf> = wanted.iter().map(|wanted| wanted.folder.clone()).collect();
    let missing: Vec<Wanted> = wanted.into_iter().filter(|wanted| !is_whole(&wanted.folder)).collect();
    if !missing.is_empty() {
        eprintln!("fetching {} packages", missing.len());
    }
    let queue = Mutex::new(missing);
    thread::scope(|scope| {
        let work = || -> Result<()> {
            loop {
                let Some(wanted) = queue.lock().expect("nobody panics while holding it").pop() else { return Ok(()) };
                one(wanted)?;
            }
        };
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("a download does not panic"))
    })?;
    Ok(folders.into_iter().filter(|folder| is_whole(folder)).collect())
}

fn is_whole(folder: &Path) -> bool {
    folder.join("done").exists()
}

fn one(wanted: Wanted) -> Result<()> {
    let folder = &wanted.folder;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let mut said = String::new();
    for command in wanted.commands {
        let mut bounded = Command::new("timeout");
        bounded.arg(SECONDS).arg(command.get_program()).args(command.get_args());
        bounded.current_dir(folder).stdout(Stdio::null());
        match command::run(&mut bounded) {
            Ok(_) => return Ok(fs::write(folder.join("done"), "")?),
            Err(error) => said = format!("{error:#}"),
        }
    }
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let why = said.lines().find(|line| line.contains("rror")).unwrap_or_default();
    eprintln!("NOT HAD: {name}: {}", why.chars().take(160).collect::<String>());
    Ok(())
}
