//! Corpus of wheels: native libraries inside Python packages, none of them built by Debian.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::archives::{self, Wanted};
use super::executable::{self, Seen};
use super::library;
use super::table::{Heading, Table};
use crate::command;

const LIST: &str = include_str!("wheels.txt");
/// Versions of Python asked for, the first that has a wheel wins.
const PYTHONS: [&str; 3] = ["3.11", "3.9", "3.12"];
const HEADING: Heading<'_> = Heading {
    name: "wheels",
    builder: "manylinux and musllinux images, macOS and Windows runners of each project",
    truth: "what each library answers when it is called (ask.py), else its file name where that is sure (libraries.txt)",
    complete: false,
};

/// Makes the corpus below `folder` if it is not there.
///
/// # Errors
/// An archive cannot be unpacked, or Python cannot be started.
pub fn make(folder: &Path, downloads: &Path) -> Result<()> {
    if folder.join("truth.tsv").exists() {
        return Ok(());
    }
    let files = folder.join("files");
    let archives = archives::fetch(wanted(downloads))?;
    for archive in &archives {
        unpack(archive, &files.join(archive.file_name().context("a folder has a name")?))?;
    }
    let all = executable::list(&files)?;
    let answers = ask(folder, &all)?;
    let mut table = Table::default();
    let mut seen = Seen::default();
    for path in &all {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let known = answers.contains_key(path) || library::read(&name).is_some();
        if known && seen.is_new(path)? {
            add(&mut table, folder, path, answers.get(path.as_path()));
        }
    }
    let rows = table.write(folder, HEADING)?;
    eprintln!("wheels: {} archives, {} executables, {rows} components known", archives.len(), all.len());
    Ok(())
}

/// `name version platforms` a line; a platform is a letter.
fn wanted(downloads: &Path) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    for line in LIST.lines().filter(|line| !line.starts_with('#')) {
        let mut fields = line.split_whitespace();
        let (Some(name), Some(version), Some(letters)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        for letter in letters.chars() {
            let commands = PYTHONS.iter().map(|python| download(name, version, letter, python)).collect();
            wanted.push(Wanted { folder: downloads.join(format!("{name}-{version}-{letter}")), commands });
        }
    }
    wanted
}

fn download(name: &str, version: &str, letter: char, python: &str) -> Command {
    let mut pip = Command::new("pip");
    pip.args([
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary=:all:",
        "--implementation",
        "cp",
        "--python-version",
        python,
    ]);
    for tag in platforms(letter) {
        pip.arg("--platform").arg(tag);
    }
    pip.arg(format!("{name}=={version}"));
    pip
}

/// Tags that a letter of the list stands for.
fn platforms(letter: char) -> &'static [&'static str] {
    match letter {
        'l' => &[
            "manylinux2014_x86_64",
            "manylinux_2_17_x86_64",
            "manylinux_2_28_x86_64",
            "manylinux_2_27_x86_64",
            "manylinux_2_24_x86_64",
            "manylinux_2_12_x86_64",
            "manylinux_2_5_x86_64",
            "manylinux2010_x86_64",
            "manylinux1_x86_64",
        ],
        'u' => &["musllinux_1_1_x86_64", "musllinux_1_2_x86_64"],
        'a' => &["manylinux2014_aarch64", "manylinux_2_17_aarch64", "manylinux_2_28_aarch64"],
        'm' => &[
            "macosx_11_0_arm64",
            "macosx_12_0_arm64",
            "macosx_14_0_arm64",
            "macosx_10_9_universal2",
            "macosx_11_0_universal2",
        ],
        _ => &["win_amd64"],
    }
}

fn unpack(archive: &Path, into: &Path) -> Result<()> {
    if into.exists() {
        return Ok(());
    }
    let making = PathBuf::from(format!("{}.unpacking", into.display()));
    // unzip makes one folder, not those above it.
    fs::create_dir_all(&making)?;
    for wheel in executable::list(archive)?.iter().filter(|path| path.extension().is_some_and(|end| end == "whl")) {
        command::run(Command::new("unzip").arg("-qo").arg(wheel).arg("-d").arg(&making))?;
    }
    executable::keep(&making)?;
    fs::rename(making, into)?;
    Ok(())
}

/// What each file says of itself: product and version.
pub fn ask(scratch: &Path, files: &[PathBuf]) -> Result<HashMap<PathBuf, Vec<(String, String)>>> {
    let script = scratch.join("ask.py");
    fs::write(&script, include_str!("ask.py"))?;
    let list: Vec<String> = files.iter().map(|path| path.display().to_string()).collect();
    let said = command::run_with_input(Command::new("python3").arg(&script), &list.join("\n"))?;
    let mut answers: HashMap<PathBuf, Vec<(String, String)>> = HashMap::new();
    for line in said.lines() {
        if let [path, product, version] = line.split('\t').collect::<Vec<_>>()[..] {
            answers.entry(path.into()).or_default().push((product.to_owned(), version.to_owned()));
        }
    }
    Ok(answers)
}

/// A file's rows: what it answered; else what its name says.
pub fn add(table: &mut Table, folder: &Path, path: &Path, answers: Option<&Vec<(String, String)>>) {
    let relative = path.strip_prefix(folder).unwrap_or(path);
    for (product, version) in answers.into_iter().flatten() {
        table.holds(relative, product, Some(version));
    }
    if answers.is_none()
        && let Some(library) = library::read(&path.file_name().unwrap_or_default().to_string_lossy())
    {
        table.holds(relative, library.product, library.version.as_deref());
    }
}
