//! Corpus of npm packages: programs, addons and libraries with much linked in statically, none of them built by Debian.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::{Map, Value};

use super::archives::{self, Wanted};
use super::executable::{self, Seen};
use super::table::{Heading, Table};
use super::{library, wheels};
use crate::command;

const LIST: &str = include_str!("npm.txt");
const HEADING: Heading<'_> = Heading {
    name: "npm",
    builder: "the projects' own runners (node, sharp, embedded-postgres, prebuilt addons)",
    truth: "versions.json of sharp, process.versions of node, sources inside the packages, answers and names of libraries",
    complete: false,
};

/// Where `versions.json` of sharp has another word for a product.
const SHARP: [(&str, &str); 14] = [
    ("archive", "libarchive"),
    ("exif", "libexif"),
    ("ffi", "libffi"),
    ("gdkpixbuf", "gdk-pixbuf"),
    ("heif", "libheif"),
    ("imagequant", "libimagequant"),
    ("lcms", "lcms2"),
    ("png", "libpng"),
    ("rsvg", "librsvg"),
    ("spng", "libspng"),
    ("uhdr", "libultrahdr"),
    ("webp", "libwebp"),
    ("xml", "libxml2"),
    ("xml2", "libxml2"),
];
/// Only a handful of functions, or no code at all.
const SHARP_EMPTY: [&str; 2] = ["proxy-libintl", "gettext"];
/// The same for node's `process.versions`: data, interfaces and JavaScript are no components in the bytes of the program.
const NODE: [(&str, &str); 3] = [("ares", "c-ares"), ("uv", "libuv"), ("node", "nodejs")];
const NODE_DATA: [&str; 13] = [
    "acorn",
    "amaro",
    "cjs_module_lexer",
    "cldr",
    "modules",
    "napi",
    "tz",
    "undici",
    "unicode",
    "http_parser",
    "base64",
    "nbytes",
    "ncrypto",
];
/// Forks that keep most of what they came from, so that naming that is not wrong.
const FORKS: [(&str, &str); 2] = [("mozjpeg", "libjpeg-turbo"), ("zlib-ng", "zlib")];

/// Makes the corpus below `folder` if it is not there.
///
/// # Errors
/// An archive cannot be unpacked, or node cannot be started.
pub fn make(folder: &Path, downloads: &Path) -> Result<()> {
    if folder.join("truth.tsv").exists() {
        return Ok(());
    }
    let listed = || LIST.lines().filter(|line| !line.starts_with('#')).filter_map(row);
    let wanted = listed().map(|(name, version, _)| Wanted {
        folder: downloads.join(key(name, version)),
        commands: vec![pack(name, version)],
    });
    let had = archives::fetch(wanted.collect())?;
    let files = folder.join("files");
    let mut table = Table::default();
    let mut seen = Seen::default();
    let mut nodes = HashMap::new();
    for (name, version, how) in listed() {
        let archive = downloads.join(key(name, version));
        if !had.contains(&archive) {
            continue;
        }
        let into = files.join(key(name, version));
        let said = unpack(&archive, &into)?;
        let kept: Vec<PathBuf> = executable::list(&into)?;
        let mut fresh = Vec::new();
        for path in kept {
            if seen.is_new(&path)? {
                fresh.push(path);
            }
        }
        match how {
            "versions" => sharp(&mut table, folder, &into, &said),
            "node" => node(&mut table, folder, version, &fresh, &mut nodes)?,
            _ => held(&mut table, folder, &fresh, how)?,
        }
    }
    let rows = table.write(folder, HEADING)?;
    eprintln!("npm: {} packages, {rows} components known", had.len());
    Ok(())
}

fn row(line: &'static str) -> Option<(&'static str, &'static str, &'static str)> {
    let mut fields = line.split_whitespace();
    Some((fields.next()?, fields.next()?, fields.next()?))
}

fn key(name: &str, version: &str) -> String {
    format!("{}-{version}", name.replace('/', "+"))
}

fn pack(name: &str, version: &str) -> Command {
    let mut npm = Command::new("npm");
    npm.args(["pack", "--silent", "--ignore-scripts"]).arg(format!("{name}@{version}"));
    npm
}

/// Keeps the executables; gives what `versions.json` says, if there is one.
fn unpack(archive: &Path, into: &Path) -> Result<Map<String, Value>> {
    // Not `with_extension`: what stands behind the last dot belongs to the package's version.
    let versions = PathBuf::from(format!("{}.versions.json", into.display()));
    if !into.exists() {
        let making = PathBuf::from(format!("{}.unpacking", into.display()));
        fs::create_dir_all(&making)?;
        for tar in executable::list(archive)?.iter().filter(|path| path.extension().is_some_and(|end| end == "tgz")) {
            command::run(Command::new("tar").arg("-xzf").arg(tar).arg("-C").arg(&making))?;
        }
        let said = executable::list(&making)?.into_iter().find(|path| path.ends_with("versions.json"));
        if let Some(said) = said {
            fs::copy(said, &versions)?;
        }
        executable::keep(&making)?;
        fs::rename(making, into)?;
    }
    let text = fs::read_to_string(versions).unwrap_or_else(|_| "{}".to_owned());
    serde_json::from_str(&text).context("versions.json has another form")
}

/// One case is the whole package: some have a thin library beside the thick one.
fn sharp(table: &mut Table, folder: &Path, into: &Path, said: &Map<String, Value>) {
    let case = into.strip_prefix(folder).unwrap_or(into);
    for (word, version) in said {
        if SHARP_EMPTY.contains(&word.as_str()) {
            continue;
        }
        let product = SHARP.iter().find(|(other, _)| other == word).map_or(word.as_str(), |(_, product)| product);
        table.holds(case, product, version.as_str());
        fork(table, case, product);
    }
}

fn fork(table: &mut Table, case: &Path, product: &str) {
    for (_, origin) in FORKS.iter().filter(|(fork, _)| *fork == product) {
        table.also(case, origin, None);
    }
}

fn node(
    table: &mut Table,
    folder: &Path,
    version: &'static str,
    files: &[PathBuf],
    nodes: &mut HashMap<&'static str, Map<String, Value>>,
) -> Result<()> {
    for path in files {
        let case = path.strip_prefix(folder).unwrap_or(path);
        // The list has this machine's platform first.
        if !nodes.contains_key(version) {
            let said = command::run(Command::new(path).args(["-p", "JSON.stringify(process.versions)"]))?;
            nodes.insert(version, serde_json::from_str(&said).context("process.versions has another form")?);
        }
        for (word, said) in &nodes[version] {
            if NODE_DATA.contains(&word.as_str()) {
                continue;
            }
            let product = NODE.iter().find(|(other, _)| other == word).map_or(word.as_str(), |(_, product)| product);
            let said = said.as_str().unwrap_or_default();
            // Their own marks on a version: `3.0.13+quic`; zlib is Chromium's, between releases.
            let said = said.split(['+', '-']).next().unwrap_or_default();
            table.holds(case, product, (product != "zlib").then_some(said));
        }
    }
    Ok(())
}

/// `NAME=VERSION,NAME=VERSION` for what is no library with a name of its own.
fn held(table: &mut Table, folder: &Path, files: &[PathBuf], how: &str) -> Result<()> {
    let answers = wheels::ask(folder, files)?;
    for path in files {
        let case = path.strip_prefix(folder).unwrap_or(path);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let answer = answers.get(path);
        // PostgreSQL's loadable modules are small, and no part of what the name stands for elsewhere.
        if case.components().any(|part| part.as_os_str() == "pgxs" || part.as_os_str() == "postgresql") {
            continue;
        }
        if answer.is_some() || library::read(&name).is_some_and(|library| !how.starts_with(library.product)) {
            wheels::add(table, folder, path, answer);
            continue;
        }
        // A library that nobody has described.
        let library = name.ends_with(".dll") || name.ends_with(".dylib") || name.contains(".so");
        if library && library::read(&name).is_none() {
            continue;
        }
        for pair in how.split(',') {
            let (product, version) = pair.split_once('=').context("the list says NAME=VERSION")?;
            table.holds(case, product, (version != "-").then_some(version));
        }
    }
    Ok(())
}
