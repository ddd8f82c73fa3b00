//! Lock files that say nothing new: what they name is installed, and what is installed is the truth.

use std::collections::{BTreeMap, BTreeSet};

use package::{Document, Form, PackageType};

use crate::view::View;

/// Paths of lock files that do not count: a package of their type is installed below their folder, or at least half of those that
/// they name are installed somewhere. One that stays is all that an image with only a bundle tells.
pub(crate) fn set_aside(view: &View<'_>) -> BTreeSet<String> {
    let mut installed: BTreeMap<PackageType, Installed<'_>> = BTreeMap::new();
    let mut locks = Vec::new();
    for (path, document) in view.documents() {
        let Document::Packages { kind, packages } = document else { continue };
        match scope(path) {
            Some(scope) => locks.push((path.to_owned(), scope.to_owned(), *kind, packages)),
            None => {
                let installed = installed.entry(*kind).or_default();
                installed.paths.insert(path.to_owned());
                installed
                    .packages
                    .extend(packages.iter().map(|package| (package.name.as_str(), package.version.as_str())));
            }
        }
    }
    let is_installed = |(_, scope, kind, packages): &(String, String, PackageType, &Vec<package::Package>)| {
        let Some(installed) = installed.get(kind) else { return false };
        let there = |package: &&package::Package| {
            installed.packages.contains(&(package.name.as_str(), package.version.as_str()))
        };
        installed.below(scope) || packages.iter().filter(there).count() * 2 >= packages.len()
    };
    locks.into_iter().filter(is_installed).map(|(path, ..)| path).collect()
}

#[derive(Default)]
struct Installed<'a> {
    paths: BTreeSet<String>,
    packages: BTreeSet<(&'a str, &'a str)>,
}

impl Installed<'_> {
    /// The root is above everything, and so says nothing about one application.
    fn below(&self, directory: &str) -> bool {
        let inside = format!("{directory}/");
        let first = self.paths.range(inside.clone()..).next();
        !directory.is_empty() && first.is_some_and(|path| path.starts_with(&inside))
    }
}

fn scope(path: &str) -> Option<&str> {
    match Form::of(path)? {
        Form::Language(language) => language.lock_scope(path),
        _ => None,
    }
}
