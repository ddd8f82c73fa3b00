//! Corpus of Debian's own binaries that the index was not learnt from: everything named in them must be there.
//!
//! Packages are drawn from the archive by the hash of their names, so that nobody picked them; to them come those of the sources
//! most often installed. A release that the index was learnt from or whose source it was (`crates/fingerprint/data/sources.txt`) is left out; until
//! that list exists, all but the tenth part that learning has to leave alone.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::executable;
use super::table::{Heading, Table};
use crate::command;

const HEADING: Heading<'_> = Heading {
    name: "debian",
    builder: "Debian; none of these releases is in the learning set",
    truth: "the source package of each file; what a source is known to embed (embedded.txt)",
    complete: true,
};
/// One package in this many is drawn.
const DRAWN: u64 = 48;
const DRAW: u64 = 7;
/// Packages above this size are left out; a few games would be most of the corpus.
const MOST_BYTES: u64 = 4 << 20;
/// Packages that `apt-get download` is asked for at once.
const AT_ONCE: usize = 60;
/// The tenth of releases that learning leaves alone.
const HELD_OUT: u64 = 7;

/// A package of the archive.
#[derive(Debug)]
struct Package {
    name: String,
    source: String,
    /// Upstream's version.
    version: String,
}

/// Makes the corpus below `folder` anew; what was fetched stays in `downloads`.
///
/// # Errors
/// Not Debian, or a package cannot be unpacked.
pub fn make(folder: &Path, downloads: &Path, learnt: &Path) -> Result<()> {
    let learnt = learnt_releases(learnt)?;
    let packages = draw()?;
    fs::create_dir_all(downloads)?;
    fetch(&packages, downloads)?;
    let files = folder.join("files");
    let mut table = Table::default();
    let embedded = embedded();
    let (mut left_out, mut sources) = (0, BTreeSet::new());
    for package in &packages {
        if is_learnt(package, learnt.as_ref()) {
            left_out += 1;
            continue;
        }
        let Some(into) = unpack(package, downloads, &files)? else { continue };
        for path in executable::list(&into)? {
            let case = path.strip_prefix(folder).unwrap_or(&path);
            table.also(case, &package.source, Some(&package.version));
            if let Some(product) = unversioned(&package.source) {
                table.also(case, product, Some(&package.version));
            }
            for product in embedded.get(package.source.as_str()).into_iter().flatten() {
                table.also(case, product, None);
            }
            // Compilers and the C library leave parts of themselves in every program.
            table.also(case, "gcc", None);
            table.also(case, "glibc", None);
            sources.insert(&package.source);
        }
    }
    let rows = table.write(folder, HEADING)?;
    eprintln!("debian: {} sources, {rows} rows; {left_out} packages of learnt releases left out", sources.len());
    Ok(())
}

/// `source` or `source version` a line.
fn learnt_releases(list: &Path) -> Result<Option<HashSet<String>>> {
    if !list.exists() {
        eprintln!("{} is not there: releases are told apart by the rule", list.display());
        return Ok(None);
    }
    let text = fs::read_to_string(list)?;
    Ok(Some(text.lines().filter(|line| !line.starts_with('#')).map(|line| line.trim().to_owned()).collect()))
}

fn is_learnt(package: &Package, learnt: Option<&HashSet<String>>) -> bool {
    let release = format!("{} {}", package.source, package.version);
    match learnt {
        Some(learnt) => learnt.contains(&release) || learnt.contains(&package.source),
        None => fnv(&release) % 10 != HELD_OUT,
    }
}

/// FNV-1a, 64 bits: the same everywhere and easily said.
fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The drawn packages and those installed here.
fn draw() -> Result<Vec<Package>> {
    let installed = command::run(Command::new("dpkg-query").args(["-W", "-f", "${Package}\\n"]))?;
    let installed: HashSet<&str> = installed.lines().collect();
    let available = command::run(Command::new("apt-cache").arg("dumpavail"))?;
    let mut packages = BTreeMap::new();
    for stanza in available.split("\n\n") {
        let fields: BTreeMap<&str, &str> = stanza.lines().filter_map(|line| line.split_once(": ")).collect();
        let field = |name: &str| fields.get(name).copied();
        let (Some(name), Some(version), Some(path)) = (field("Package"), field("Version"), field("Filename")) else {
            continue;
        };
        let size = field("Size").and_then(|size| size.parse().ok()).unwrap_or(u64::MAX);
        // The archive's own layout; other vendors' repositories on this machine have another.
        let compiled = field("Architecture").is_some_and(|arch| arch != "all") && path.starts_with("pool/");
        if !compiled
            || size > MOST_BYTES
            || !(installed.contains(name) || fnv(name) % DRAWN == DRAW)
            || name.ends_with("-dbg")
        {
            continue;
        }
        let (source, version) = match field("Source").map(|source| source.split_once(" (")) {
            Some(Some((source, version))) => (source, version.trim_end_matches(')')),
            Some(None) => (field("Source").unwrap_or(name), version),
            None => (name, version),
        };
        let package =
            Package { name: name.to_owned(), source: source.to_owned(), version: upstream(version).to_owned() };
        packages.insert(name.to_owned(), package);
    }
    Ok(packages.into_values().collect())
}

/// Without epoch and Debian's revision (deb-version(7)).
fn upstream(version: &str) -> &str {
    let version = version.split_once(':').map_or(version, |(_, rest)| rest);
    version.rsplit_once('-').map_or(version, |(upstream, _)| upstream)
}

/// `python3.11`, `postgresql-15` and `libpng1.6` are releases of what the name without the digits says.
fn unversioned(source: &str) -> Option<&str> {
    let name = source.trim_end_matches(|sign: char| sign.is_ascii_digit() || sign == '.');
    let digits = &source[name.len()..];
    let product = name.trim_end_matches(['-', '+']);
    (!digits.is_empty() && (product.len() < name.len() || digits.contains('.')) && product.len() > 1).then_some(product)
}

fn fetch(packages: &[Package], downloads: &Path) -> Result<()> {
    let had: HashSet<String> = fs::read_dir(downloads)?
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().split_once('_')?.0.to_owned()))
        .collect();
    let missing: Vec<&str> =
        packages.iter().map(|package| package.name.as_str()).filter(|name| !had.contains(*name)).collect();
    if !missing.is_empty() {
        eprintln!("fetching {} packages of Debian", missing.len());
    }
    for some in missing.chunks(AT_ONCE) {
        let mut apt = Command::new("apt-get");
        apt.args(["download", "-q"]).args(some).current_dir(downloads);
        if let Err(error) = command::run(&mut apt) {
            eprintln!(
                "NOT HAD, some of these: {}: {}",
                some.join(" "),
                format!("{error:#}").lines().last().unwrap_or_default()
            );
        }
    }
    Ok(())
}

fn unpack(package: &Package, downloads: &Path, files: &Path) -> Result<Option<PathBuf>> {
    let into = files.join(&package.name);
    if into.exists() {
        return Ok(Some(into));
    }
    let start = format!("{}_", package.name);
    let mut all = fs::read_dir(downloads)?.filter_map(Result::ok);
    let Some(archive) = all.find(|entry| entry.file_name().to_string_lossy().starts_with(&start)) else {
        return Ok(None);
    };
    let making = files.join(format!("{}.unpacking", package.name));
    fs::create_dir_all(&making)?;
    command::run(Command::new("dpkg-deb").arg("-x").arg(archive.path()).arg(&making))?;
    executable::keep(&making)?;
    fs::rename(making, &into).context("cannot put an unpacked package in place")?;
    Ok(Some(into))
}

fn embedded() -> BTreeMap<&'static str, Vec<&'static str>> {
    let lines = include_str!("embedded.txt").lines().filter(|line| !line.starts_with('#'));
    let words = lines.map(|line| line.split('#').next().unwrap_or_default().split_whitespace());
    words.filter_map(|mut words| Some((words.next()?, words.collect()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upstreams_version_has_neither_epoch_nor_revision() {
        assert_eq!(upstream("1:1.2.13.dfsg-1+b1"), "1.2.13.dfsg");
        assert_eq!(upstream("2.36-9+deb12u13"), "2.36");
        assert_eq!(upstream("5.7"), "5.7");
    }

    #[test]
    fn a_release_in_the_name_is_taken_off() {
        assert_eq!(unversioned("python3.11"), Some("python"));
        assert_eq!(unversioned("postgresql-15"), Some("postgresql"));
        assert_eq!(unversioned("gtk+2.0"), Some("gtk"));
        assert_eq!(unversioned("bzip2"), None);
        assert_eq!(unversioned("zlib"), None);
    }

    #[test]
    fn the_draw_is_the_same_everywhere() {
        assert_eq!(fnv(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv("a"), 0xaf63_dc4c_8601_ec8c);
    }
}
