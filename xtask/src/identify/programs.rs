//! Corpus of programs: libraries of known versions compiled by other compilers than Debian's, linked statically, stripped, numbered.
//!
//! ```text
//! sources/CRATE-RELEASE/         what a crate brings, vendored by cargo
//! archives/LIBRARY-VERSION-MAKE/ each release compiled in two ways
//! files/0.program 1.program …    one archive each, then some of two and three
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::thread;

use anyhow::{Context, Result};

use super::recipes::{self, Recipe};
use super::table::{Heading, Table};
use crate::command;

const HEADING: Heading<'_> = Heading {
    name: "programs",
    builder: "gcc, clang and mingw here, -O0 to -O3 and -Os, from the sources that crates bring",
    truth: "the libraries that were linked in, and the versions their headers say",
    complete: true,
};

/// A compiler with its options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Make {
    name: &'static str,
    compiler: &'static str,
    cpp: &'static str,
    level: &'static str,
    windows: bool,
    /// The C library is linked in as well.
    whole: bool,
}

const fn make_of(name: &'static str, [compiler, cpp, level]: [&'static str; 3], windows: bool, whole: bool) -> Make {
    Make { name, compiler, cpp, level, windows, whole }
}

const MINGW: (&str, &str) = ("x86_64-w64-mingw32-gcc", "x86_64-w64-mingw32-g++");
const LINUX: [Make; 6] = [
    make_of("gcc-O2", ["gcc", "g++", "-O2"], false, false),
    make_of("clang-O2", ["clang", "clang++", "-O2"], false, true),
    make_of("gcc-O0", ["gcc", "g++", "-O0"], false, true),
    make_of("clang-Os", ["clang", "clang++", "-Os"], false, false),
    make_of("gcc-O3", ["gcc", "g++", "-O3"], false, true),
    make_of("clang-O1", ["clang", "clang++", "-O1"], false, false),
];
const WINDOWS: [Make; 2] = [
    make_of("mingw-O2", [MINGW.0, MINGW.1, "-O2"], true, true),
    make_of("mingw-Os", [MINGW.0, MINGW.1, "-Os"], true, true),
];

/// A release compiled in one way.
#[derive(Debug, Clone)]
struct Archive {
    recipe: usize,
    version: Option<&'static str>,
    make: Make,
    path: PathBuf,
}

/// Makes the corpus below `folder` if it is not there.
///
/// # Errors
/// The folder cannot be written, or the list has another form. What does not compile is said and left out.
pub fn make(folder: &Path) -> Result<()> {
    if folder.join("truth.tsv").exists() {
        return Ok(());
    }
    let recipes = recipes::all()?;
    let mut planned = Vec::new();
    for (number, recipe) in recipes.iter().enumerate() {
        for (release, version) in &recipe.releases {
            let Some(sources) = vendor(folder, recipe.package, release)? else { continue };
            for make in makes(planned.len() / 2, recipe.linux_only) {
                let name = format!("{}-{}-{}-{}", recipe.library, version.unwrap_or("x"), release, make.name);
                let path = folder.join("archives").join(name).join("library.a");
                planned.push((Archive { recipe: number, version: *version, make, path }, sources.clone()));
            }
        }
    }
    let queue = Mutex::new(planned.iter().rev().collect::<Vec<_>>());
    thread::scope(|scope| {
        for _ in 0..=thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let Some((archive, sources)) = queue.lock().expect("nobody panics while holding it").pop() else {
                        break;
                    };
                    if let Err(error) = compile(&recipes[archive.recipe], archive, sources) {
                        eprintln!("NOT COMPILED: {}: {error:#}", archive.path.display());
                    }
                }
            });
        }
    });
    let archives: Vec<Archive> =
        planned.into_iter().map(|(archive, _)| archive).filter(|archive| archive.path.exists()).collect();
    let mut table = Table::default();
    let programs = link(folder, &recipes, &archives, &mut table)?;
    let rows = table.write(folder, HEADING)?;
    eprintln!("programs: {} archives, {programs} programs, {rows} rows", archives.len());
    Ok(())
}

/// Two ways for each release, all ways in turn; the second is for Windows where that works and its turn has come.
fn makes(turn: usize, linux_only: bool) -> [Make; 2] {
    let first = LINUX[turn % LINUX.len()];
    if !linux_only && turn.is_multiple_of(2) {
        [first, WINDOWS[turn / 2 % WINDOWS.len()]]
    } else {
        [first, LINUX[(turn + 3) % LINUX.len()]]
    }
}

/// A crate's sources, fetched by cargo as a dependency would be; None if it cannot be had.
fn vendor(folder: &Path, package: &str, release: &str) -> Result<Option<PathBuf>> {
    let sources = folder.join("sources").join(format!("{package}-{release}"));
    if sources.exists() {
        return Ok(Some(sources));
    }
    let project = folder.join("sources").join(format!("{package}-{release}.project"));
    fs::create_dir_all(project.join("src"))?;
    fs::write(project.join("src/lib.rs"), "")?;
    let manifest = format!(
        "[package]\nname = \"vendored\"\nversion = \"0.0.0\"\nedition = \"2021\"\n[workspace]\n[dependencies]\n\
         {package} = {{ version = \"={release}\", default-features = false }}\n"
    );
    fs::write(project.join("Cargo.toml"), manifest)?;
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["vendor", "--quiet", "--versioned-dirs", "vendor"]).current_dir(&project);
    if let Err(error) = command::run(&mut cargo) {
        eprintln!("NOT HAD: {package} {release}: {}", format!("{error:#}").lines().nth(1).unwrap_or_default());
        return Ok(None);
    }
    let start = format!("{package}-{release}");
    let found = fs::read_dir(project.join("vendor"))?.filter_map(Result::ok).find(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        name == start || name.starts_with(&format!("{start}+"))
    });
    fs::rename(found.context("cargo vendored something else")?.path(), &sources)?;
    fs::remove_dir_all(project)?;
    Ok(Some(sources))
}

fn compile(recipe: &Recipe, archive: &Archive, unpacked: &Path) -> Result<()> {
    if archive.path.exists() {
        return Ok(());
    }
    let into = archive.path.parent().context("an archive lies in a folder")?;
    // Headers are made among the sources, so each way has its own copy.
    let copy = into.join("sources");
    fs::create_dir_all(into)?;
    command::run(Command::new("cp").arg("-r").arg(unpacked).arg(&copy))?;
    let folder = recipe.folder(&copy)?;
    for (from, to) in &recipe.copies {
        // A release that has the file already does without.
        let _ = fs::copy(folder.join(from), folder.join(to));
    }
    for (file, text) in &recipe.headers {
        let text = text.replace("NEWLINE ", "\n").replace("{}", archive.version.unwrap_or("0"));
        fs::write(folder.join(file), text + "\n")?;
    }
    let sources = recipe.sources(&folder)?;
    let plus = sources.iter().any(|path| path.extension().is_some_and(|end| end != "c"));
    let mut compiler = Command::new(if plus { archive.make.cpp } else { archive.make.compiler });
    compiler.arg(archive.make.level).args(["-c", "-w", "-ffunction-sections", "-fdata-sections", "-pipe"]);
    compiler.args(&recipe.flags).args(&sources).current_dir(&folder);
    // All objects land in the current folder, so names that stand twice would be one.
    let objects = into.join("objects");
    fs::create_dir_all(&objects)?;
    for (number, source) in sources.iter().enumerate() {
        let mut one = Command::new(compiler.get_program());
        let options = compiler.get_args().take(compiler.get_args().len() - sources.len());
        one.args(options).arg(source).arg("-o").arg(objects.join(format!("{number}.o"))).current_dir(&folder);
        command::run(&mut one)?;
    }
    let made = into.join("library.new");
    let objects: Vec<PathBuf> = (0..sources.len()).map(|number| objects.join(format!("{number}.o"))).collect();
    command::run(Command::new("ar").arg("rcs").arg(&made).args(&objects))?;
    fs::rename(made, &archive.path)?;
    fs::remove_dir_all(copy)?;
    fs::remove_dir_all(into.join("objects"))?;
    Ok(())
}

/// One program of each archive, then one of every two and three that follow each other among those of one system.
fn link(folder: &Path, recipes: &[Recipe], archives: &[Archive], table: &mut Table) -> Result<usize> {
    let files = folder.join("files");
    fs::create_dir_all(&files)?;
    fs::write(folder.join("programs.c"), include_str!("programs.c"))?;
    let mut groups: Vec<Vec<&Archive>> = archives.iter().map(|archive| vec![archive]).collect();
    for windows in [false, true] {
        let same: Vec<&Archive> = archives.iter().filter(|archive| archive.make.windows == windows).collect();
        // Steps that put libraries together that stand far apart in the list.
        let far = same.len() / 2;
        for start in (0..same.len()).step_by(4) {
            let group: Vec<&Archive> =
                [start, start + far, start + far / 2].iter().map(|at| same[at % same.len()]).collect();
            groups.push(group[..2 + start / 4 % 2].to_vec());
        }
    }
    let mut count = 0;
    for group in &groups {
        let name = format!("{count}.program");
        match program(folder, recipes, archives, group, &files.join(&name)) {
            Ok(linked) => {
                say(table, &Path::new("files").join(&name), recipes, group, linked);
                count += 1;
            }
            Err(error) => {
                eprintln!("NOT LINKED: {:?}: {error:#}", group.iter().map(|one| &one.path).collect::<Vec<_>>());
            }
        }
    }
    Ok(count)
}

/// Links a program; gives the library it needed beside.
fn program<'a>(
    folder: &Path,
    recipes: &[Recipe],
    archives: &'a [Archive],
    group: &[&Archive],
    into: &Path,
) -> Result<Option<&'a Archive>> {
    let make = group[0].make;
    let needs = group.iter().find_map(|archive| recipes[archive.recipe].with);
    let beside = needs.and_then(|name| {
        let mut fit =
            archives.iter().filter(|other| recipes[other.recipe].library == name && other.make.windows == make.windows);
        fit.next().filter(|_| !group.iter().any(|archive| recipes[archive.recipe].library == name))
    });
    let mut used = BTreeMap::new();
    for archive in group {
        used.entry(recipes[archive.recipe].library.replace('-', "_")).or_insert(archive);
    }
    // Another compiler's library beside it would bring that compiler's C library for C++.
    let compiler = if make.windows { MINGW.1 } else { make.cpp };
    let calls: Vec<String> = used.keys().map(|name| format!("use_{name}(n)")).collect();
    let object = into.with_extension("o");
    let mut first = Command::new(make.compiler);
    first.args([make.level, "-c", "-w", "-ffunction-sections"]).arg(format!("-DUSES={}", calls.join("+")));
    first.args(used.keys().map(|name| format!("-DUSE_{name}")));
    first.arg(folder.join("programs.c")).arg("-o").arg(&object);
    command::run(&mut first)?;
    let mut linker = Command::new(compiler);
    linker.arg(&object).args(["-Wl,--gc-sections", "-s"]).arg("-o").arg(into);
    if make.whole {
        linker.arg("-static");
    }
    linker.args(used.values().map(|archive| &archive.path)).args(beside.map(|archive| &archive.path));
    linker.args(used.values().flat_map(|archive| &recipes[archive.recipe].libs));
    let linked = command::run(&mut linker);
    fs::remove_file(object)?;
    linked?;
    // mingw gives what it makes an ending.
    let ended = into.with_extension("exe");
    if ended.exists() {
        fs::rename(ended, into)?;
    }
    Ok(beside)
}

fn say(table: &mut Table, path: &Path, recipes: &[Recipe], group: &[&Archive], beside: Option<&Archive>) {
    let mut seen = Vec::new();
    for archive in group.iter().copied().chain(beside) {
        let recipe = &recipes[archive.recipe];
        if seen.contains(&recipe.library) {
            continue;
        }
        seen.push(recipe.library);
        table.holds(path, recipe.library, archive.version);
        for also in &recipe.also {
            table.also(path, also, None);
        }
    }
    // What compilers put into every program.
    let runtime: &[&str] = if group[0].make.windows { &["gcc", "mingw-w64"] } else { &["gcc", "glibc", "llvm"] };
    for product in runtime {
        table.also(path, product, None);
    }
}
