//! Learns an index from folders of Debian packages, in two steps.
//!
//! ```text
//! learn see PACKAGES CACHE                         what is seen in each package becomes a file of CACHE
//! learn index CACHE BACKGROUND OUT CREATED-BY TEMPLATES
//!                                                  an index of what CACHE holds; of BACKGROUND only what it has in common with that;
//!                                                  the templates that were learnt are listed in TEMPLATES, for people
//! ```

mod cache;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use fingerprint::{Aliases, Learner, Observation, read_deb};

fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["see", packages, cache] => see(Path::new(packages), Path::new(cache)),
        ["index", cache, background, out, created_by, templates] => {
            index(Path::new(cache), Path::new(background), out, created_by, templates)
        }
        _ => anyhow::bail!("learn see PACKAGES CACHE | learn index CACHE BACKGROUND OUT CREATED-BY TEMPLATES"),
    }
}

fn see(packages: &Path, cache: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(cache)?;
    let debs: Vec<PathBuf> =
        files(packages)?.into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "deb")).collect();
    each(&debs, |deb| {
        let mut seen = Vec::new();
        let control = read_deb(&fs::read(deb)?, &mut |_, path, bytes| {
            seen.extend(Observation::of(bytes).map(|observation| (path.to_owned(), observation)));
        })?;
        fs::write(cache.join(deb.file_name().unwrap_or_default()), cache::encode(&(control, seen)))?;
        Ok(())
    });
    Ok(())
}

fn index(cache: &Path, background: &Path, out: &str, created_by: &str, templates: &str) -> anyhow::Result<()> {
    let aliases = Aliases::builtin();
    let learner = Mutex::new(Learner::default());
    let executables = AtomicUsize::new(0);
    for (folder, known) in [(cache, true), (background, false)] {
        each(&files(folder)?, |file| {
            let (control, seen) = cache::decode(&fs::read(file)?).ok_or_else(|| anyhow::anyhow!("cut off"))?;
            let origin = aliases.origin(&control.source, &control.version);
            let mut learner = learner.lock().expect("no thread panics");
            executables.fetch_add(seen.len(), Ordering::Relaxed);
            for (path, observation) in &seen {
                if known {
                    learner.add(&origin, path, observation);
                } else {
                    learner.add_background(&origin, path, observation);
                }
            }
            Ok(())
        });
    }
    let learner = learner.into_inner().expect("no thread panicked");
    eprintln!("{} executables", executables.load(Ordering::Relaxed));
    fs::write(templates, learner.templates().join("\n"))?;
    fs::write(out, learner.finish(&aliases, created_by)?)?;
    Ok(())
}

fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.sort();
    Ok(files)
}

/// Does `work` with every file, in two threads; says which could not be read.
fn each(files: &[PathBuf], work: impl Fn(&Path) -> anyhow::Result<()> + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(error) = work(file) {
                        eprintln!("{}: {error}", file.display());
                    }
                }
            });
        }
    });
}
