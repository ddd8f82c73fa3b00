//! How each library of the programs' corpus is compiled (`programs.txt`).

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

const LIST: &str = include_str!("programs.txt");

/// One library as one crate brings it.
#[derive(Debug, Default)]
pub struct Recipe {
    pub library: &'static str,
    pub package: &'static str,
    /// Releases of the crate, with the library's version, where its headers say one.
    pub releases: Vec<(&'static str, Option<&'static str>)>,
    folders: Vec<&'static str>,
    sources: Vec<&'static str>,
    not: Vec<&'static str>,
    pub copies: Vec<(&'static str, &'static str)>,
    pub headers: Vec<(&'static str, &'static str)>,
    pub flags: Vec<&'static str>,
    pub libs: Vec<&'static str>,
    pub also: Vec<&'static str>,
    pub with: Option<&'static str>,
    pub linux_only: bool,
}

/// All of the list.
///
/// # Errors
/// A line has another form.
pub fn all() -> Result<Vec<Recipe>> {
    let mut recipes: Vec<Recipe> = Vec::new();
    for line in LIST.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[') {
            recipes.push(Recipe { library: name.trim_end_matches(']'), ..Recipe::default() });
            continue;
        }
        let recipe = recipes.last_mut().context("the first line names a library")?;
        recipe.line(line).with_context(|| format!("programs.txt: {line}"))?;
    }
    Ok(recipes)
}

impl Recipe {
    fn line(&mut self, line: &'static str) -> Result<()> {
        let (word, rest) = line.split_once(' ').context("a word, then its values")?;
        let words = || rest.split_whitespace();
        match word {
            "crate" => {
                self.package = words().next().context("the name of a crate")?;
                for release in words().skip(1) {
                    let (release, version) = release.split_once('=').context("RELEASE=VERSION")?;
                    self.releases.push((release, (version != "-").then_some(version)));
                }
            }
            "folder" => self.folders.extend(words()),
            "sources" | "more" => self.sources.extend(words()),
            "not" => self.not.extend(words()),
            "copy" => self.copies.push(rest.split_once(' ').context("FROM TO")?),
            "header" => self.headers.push(rest.split_once(' ').context("FILE TEXT")?),
            "flags" => self.flags.extend(words()),
            "libs" => self.libs.extend(words()),
            "also" => self.also.extend(words()),
            "with" => self.with = Some(rest),
            "os" => self.linux_only = rest == "linux",
            _ => anyhow::bail!("no such word: {word}"),
        }
        Ok(())
    }

    /// The folder where this release's sources start.
    ///
    /// # Errors
    /// None of the list is there.
    pub fn folder(&self, unpacked: &Path) -> Result<PathBuf> {
        for folder in &self.folders {
            if let Some(found) = matching(unpacked, folder)?.into_iter().next() {
                return Ok(found);
            }
        }
        anyhow::bail!("{} has none of {:?}", unpacked.display(), self.folders)
    }

    /// The files to compile.
    ///
    /// # Errors
    /// There is none.
    pub fn sources(&self, folder: &Path) -> Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for pattern in &self.sources {
            found.extend(matching(folder, pattern)?);
        }
        found.retain(|path| !self.not.iter().any(|not| path.ends_with(not)));
        ensure!(!found.is_empty(), "{} has none of the sources", folder.display());
        Ok(found)
    }
}

/// Files that a pattern names; its last part may hold one `*`. A file that is named whole and is not there is left out: releases
/// differ.
fn matching(folder: &Path, pattern: &str) -> Result<Vec<PathBuf>> {
    if pattern == "." {
        return Ok(vec![folder.to_owned()]);
    }
    let (parent, last) = pattern.rsplit_once('/').unwrap_or((".", pattern));
    let parent = folder.join(parent);
    let Some((start, end)) = last.split_once('*') else {
        let path = folder.join(pattern);
        return Ok(path.exists().then_some(path).into_iter().collect());
    };
    let mut found = Vec::new();
    if parent.is_dir() {
        for entry in std::fs::read_dir(&parent)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name.starts_with(start) && name.ends_with(end) && name.len() >= start.len() + end.len() {
                found.push(parent.join(name));
            }
        }
    }
    found.sort();
    Ok(found)
}
