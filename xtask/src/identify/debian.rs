//! Corpora of Debian's own binaries that the index was not learnt from: everything named in them must be there.
//!
//! ```text
//! debian            sources of which nothing was learnt, not even as background     crates/fingerprint/data/held-out.txt
//! debian-releases   releases of learnt sources that learning left alone             those whose name and version hash to 7 of 10
//! ```
//!
//! Packages are drawn from the archive by the hash of their names, so that nobody picked them.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::executable;
use super::table::{Heading, Table};
use crate::command;

const TRUTH: &str = "the source package of each file; what a source is known to embed (embedded.txt, Built-Using)";
const UNLEARNT: Heading<'_> = Heading {
    name: "debian",
    builder: "Debian; nothing of these sources is in the learning set",
    truth: TRUTH,
    complete: true,
};
const RELEASES: Heading<'_> = Heading {
    name: "debian-releases",
    builder: "Debian; other releases of these sources are in the learning set",
    truth: TRUTH,
    complete: true,
};
/// One package in this many is drawn of sources of which nothing was learnt.
const DRAWN: u64 = 2;
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
    /// Sources that were linked in, as far as the package says.
    built_using: Vec<String>,
}

/// Makes both corpora below `corpora` anew; what was fetched stays in `downloads`. `data` is the folder of the learner's lists.
///
/// # Errors
/// Not Debian, or a package cannot be unpacked.
pub fn make(corpora: &Path, downloads: &Path, data: &Path) -> Result<()> {
    let held_out = names(&data.join("held-out.txt"))?;
    let learnt = names(&data.join("sources.txt"))?;
    let packages = available()?;
    let unlearnt = |package: &&Package| held_out.contains(&package.source) && fnv(&package.name).is_multiple_of(DRAWN);
    let release = |package: &&Package| {
        learnt.contains(&package.source) && fnv(&format!("{} {}", package.source, package.version)) % 10 == HELD_OUT
    };
    fs::create_dir_all(downloads)?;
    one(&corpora.join(UNLEARNT.name), downloads, UNLEARNT, &packages.iter().filter(unlearnt).collect::<Vec<_>>())?;
    one(&corpora.join(RELEASES.name), downloads, RELEASES, &packages.iter().filter(release).collect::<Vec<_>>())
}

fn one(folder: &Path, downloads: &Path, heading: Heading<'_>, packages: &[&Package]) -> Result<()> {
    fetch(packages, downloads)?;
    let files = folder.join("files");
    let mut table = Table::default();
    let embedded = embedded();
    let mut sources = BTreeSet::new();
    for package in packages {
        let Some(into) = unpack(package, downloads, &files)? else { continue };
        for path in executable::list(&into)? {
            let case = path.strip_prefix(folder).unwrap_or(&path);
            table.also(case, &package.source, Some(&package.version));
            if let Some(product) = unversioned(&package.source) {
                table.also(case, product, Some(&package.version));
            }
            let built_using = package.built_using.iter().map(String::as_str);
            let embedded = embedded.get(package.source.as_str()).into_iter().flatten().copied();
            // Compilers and the C library leave parts of themselves in every program.
            for product in embedded.chain(built_using).chain(["gcc", "glibc"]) {
                table.also(case, product, None);
            }
            sources.insert(&package.source);
        }
    }
    let rows = table.write(folder, heading)?;
    eprintln!("{}: {} packages of {} sources, {rows} rows", heading.name, packages.len(), sources.len());
    Ok(())
}

/// The first word of each line.
fn names(list: &Path) -> Result<HashSet<String>> {
    let text = fs::read_to_string(list).with_context(|| format!("cannot read {}", list.display()))?;
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    Ok(lines.filter_map(|line| Some(line.split_whitespace().next()?.to_owned())).collect())
}

/// FNV-1a, 64 bits: the same everywhere and easily said.
fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Every compiled package of the archive that is not too large.
fn available() -> Result<Vec<Package>> {
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
        if !compiled || size > MOST_BYTES || name.ends_with("-dbg") || name.ends_with("-dev") {
            continue;
        }
        let (source, version) = match field("Source").map(|source| source.split_once(" (")) {
            Some(Some((source, version))) => (source, version.trim_end_matches(')')),
            Some(None) => (field("Source").unwrap_or(name), version),
            None => (name, version),
        };
        let built_using = ["Built-Using", "Static-Built-Using"].into_iter().filter_map(field);
        let built_using = built_using.flat_map(|list| list.split(',')).filter_map(|one| one.split_whitespace().next());
        let package = Package {
            name: name.to_owned(),
            source: source.to_owned(),
            version: upstream(version).to_owned(),
            built_using: built_using.map(str::to_owned).collect(),
        };
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

fn fetch(packages: &[&Package], downloads: &Path) -> Result<()> {
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
