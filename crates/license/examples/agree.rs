//! Compares what packages say about their licence with what their licence files hold: `agree FOLDER…`, each a folder of
//! packages (crates with Cargo.toml, npm with package.json, Python with dist-info). Prints where they differ, and how often.

#![expect(clippy::print_stdout, reason = "it is a tool whose output is what it says")]
use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    time::Instant,
};

#[derive(Default)]
struct Sum {
    packages: usize,
    with_files: usize,
    agree: usize,
    found: usize,
    right: usize,
    stated: usize,
    met: usize,
    bytes: usize,
    seconds: f64,
    names: BTreeSet<String>,
    names_known: usize,
}

fn main() {
    let mut sum = Sum::default();
    for folder in env::args().skip(1) {
        walk(Path::new(&folder), 0, &mut sum);
    }
    let share = |part: usize, whole: usize| 100.0 * part as f64 / whole.max(1) as f64;
    println!("packages {}, with a statement and licence files {}", sum.packages, sum.with_files);
    println!("agree (files hold something, and nothing that is not stated): {:.1} %", share(sum.agree, sum.with_files));
    println!("precision of texts {:.1} % ({} of {})", share(sum.right, sum.found), sum.right, sum.found);
    println!("recall of texts {:.1} % ({} of {})", share(sum.met, sum.stated), sum.met, sum.stated);
    println!("spellings {}, without LicenseRef {:.1} %", sum.names.len(), share(sum.names_known, sum.names.len()));
    println!("{:.1} MB/s over {} bytes", sum.bytes as f64 / 1e6 / sum.seconds.max(1e-9), sum.bytes);
}

fn walk(folder: &Path, depth: usize, sum: &mut Sum) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    if let Some(statement) = statement(folder) {
        compare(folder, &paths, &statement, sum);
    }
    for path in paths.iter().filter(|path| path.is_dir() && !path.is_symlink() && depth < 8) {
        walk(path, depth + 1, sum);
    }
}

fn statement(folder: &Path) -> Option<String> {
    if let Ok(text) = fs::read_to_string(folder.join("Cargo.toml")) {
        let line = text.lines().find_map(|line| line.strip_prefix("license = \""))?;
        return Some(line.trim_end_matches('"').to_owned());
    }
    if let Ok(text) = fs::read_to_string(folder.join("package.json")) {
        let (_, after) = text.split_once("\"license\"")?;
        return after.split('"').nth(1).map(str::to_owned);
    }
    let text = fs::read_to_string(folder.join("METADATA")).ok()?;
    let head: Vec<&str> = text.lines().take_while(|line| !line.is_empty()).collect();
    let field = |name: &str| head.iter().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
    field("License-Expression: ")
        .or_else(|| field("Classifier: License :: OSI Approved :: "))
        .or_else(|| field("License: "))
}

fn compare(folder: &Path, paths: &[PathBuf], statement: &str, sum: &mut Sum) {
    sum.packages += 1;
    let stated = license::expression(statement);
    if sum.names.insert(statement.to_owned()) {
        let known = stated.spdx.as_ref().is_some_and(|spdx| !spdx.contains("Ref-"));
        sum.names_known += usize::from(known);
        if !known {
            println!("spelling {statement:?}: {:?}", stated.spdx);
        }
    }
    let stated: BTreeSet<String> = stated.ids.iter().filter(|id| !id.contains("Ref-")).map(|id| family(id)).collect();
    let licenses = fs::read_dir(folder.join("licenses")).into_iter().flatten().flatten().map(|entry| entry.path());
    let files = paths.iter().cloned().chain(licenses).filter(|path| path.is_file());
    let files: Vec<PathBuf> = files.filter(|path| license::is_license_file(&path.to_string_lossy())).collect();
    if stated.is_empty() || files.is_empty() {
        return;
    }
    let mut found = BTreeSet::new();
    let mut told = Vec::new();
    for path in &files {
        let Ok(bytes) = fs::read(path) else { continue };
        let start = Instant::now();
        let matches = license::classify(&bytes);
        sum.seconds += start.elapsed().as_secs_f64();
        sum.bytes += bytes.len();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        told.extend(matches.iter().map(|found| format!("{name}: {} {}", found.id, found.score_percent)));
        for item in matches {
            found.extend(license::expression(&item.id).ids.iter().map(|id| family(id)));
        }
    }
    sum.with_files += 1;
    sum.found += found.len();
    sum.right += found.intersection(&stated).count();
    sum.stated += stated.len();
    sum.met += stated.intersection(&found).count();
    let agrees = !found.is_empty() && found.is_subset(&stated);
    sum.agree += usize::from(agrees);
    if !agrees || !stated.is_subset(&found) {
        println!(
            "{} {}: stated {stated:?}, found {told:?}",
            if agrees { "partly" } else { "DIFFERS" },
            folder.display()
        );
    }
}

/// A text does not say whether later versions may be chosen.
fn family(id: &str) -> String {
    id.trim_end_matches("-only").trim_end_matches("-or-later").to_owned()
}
