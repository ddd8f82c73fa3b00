//! Looks through folders and prints what is found, masked, and how quickly: `look FOLDER…`.

#![expect(clippy::print_stdout, reason = "it is a tool whose output is what it says")]

use std::{
    env, fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

#[derive(Default)]
struct Sum {
    files: usize,
    skipped: usize,
    bytes: usize,
    time: Duration,
}

fn main() {
    let mut sum = Sum::default();
    for folder in env::args().skip(1) {
        walk(Path::new(&folder), &mut sum);
    }
    let megabytes = sum.bytes as f64 / 1e6;
    println!(
        "{} files, {} skipped, {megabytes:.0} MB of text at {:.0} MB/s",
        sum.files,
        sum.skipped,
        megabytes / sum.time.as_secs_f64().max(1e-9)
    );
}

fn walk(path: &Path, sum: &mut Sum) {
    if path.is_symlink() {
        return;
    }
    if path.is_dir() {
        let mut paths: Vec<PathBuf> =
            fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        paths.sort();
        paths.iter().for_each(|path| walk(path, sum));
        return;
    }
    let Ok(bytes) = fs::read(path) else { return };
    let name = path.to_string_lossy();
    let start = Instant::now();
    let findings = secrets::find(&name, &bytes, None);
    sum.time += start.elapsed();
    sum.files += 1;
    match findings.skipped {
        Some(_) => sum.skipped += 1,
        None => sum.bytes += bytes.len(),
    }
    for secret in findings.secrets {
        let (line, column) = (secret.line, secret.column);
        println!("{:?} {} {} {name}:{line}:{column}", secret.confidence, secret.rule, secret.masked);
    }
}
