//! Layers laid over each other: what can be seen of each, and since when each package is there.

use std::collections::BTreeMap;

use package::{Document, OwnedFile, Package, PackageType};

use crate::{Entry, LayerInventory};

/// One version of a package: kind, name, version, architecture.
pub(crate) type Key<'a> = (PackageType, &'a str, &'a str, Option<&'a str>);

/// A version with the place of its record. A database is rewritten as a whole, so its path says nothing; of
/// anything else each file is an installation of its own.
type Placed<'a> = (Key<'a>, &'a str);

/// The file system after some layers. Each path costs its insertion and its removal once, however many layers there are.
#[derive(Default)]
pub(crate) struct View<'a> {
    /// By path: the layer, what it is, and what was read of it.
    pub(crate) live: BTreeMap<String, Seen<'a>>,
    packages: BTreeMap<Placed<'a>, Since>,
    /// Keys that lost a record in the present layer.
    loosened: Vec<Placed<'a>>,
}

#[derive(Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) layer: usize,
    pub(crate) entry: &'a Entry,
    pub(crate) broken: Option<&'a str>,
    pub(crate) document: Option<&'a Document>,
    pub(crate) sums: &'a [String],
    path: &'a str,
}

struct Since {
    layer: usize,
    records: usize,
}

impl<'a> View<'a> {
    /// Removals first: a whiteout hides only what lower layers brought (OCI image specification, "Whiteouts").
    pub(crate) fn apply(&mut self, index: usize, layer: &'a LayerInventory) {
        for directory in &layer.opaque {
            self.remove_below(directory);
        }
        for path in &layer.whiteouts {
            self.remove_below(path);
            self.remove(path);
        }
        for (path, entry) in &layer.entries {
            if !matches!(entry, Entry::Directory { .. }) {
                self.remove_below(path);
            }
            self.remove(path);
            let document = layer.documents.get(path);
            let broken = layer.broken.get(path).map(String::as_str);
            let sums = layer.sums.get(path).map(Vec::as_slice).unwrap_or_default();
            self.live.insert(path.clone(), Seen { layer: index, entry, broken, document, sums, path });
            for key in document.into_iter().flat_map(|document| keys(path, document)) {
                self.packages.entry(key).or_insert(Since { layer: index, records: 0 }).records += 1;
            }
        }
        for key in std::mem::take(&mut self.loosened) {
            if self.packages.get(&key).is_some_and(|since| since.records == 0) {
                self.packages.remove(&key);
            }
        }
    }

    /// The layer that brought this version to this document, which every layer above kept.
    pub(crate) fn since(&self, key: Key<'_>, path: &str) -> Option<usize> {
        self.packages.get(&(key, place(key.0, path))).map(|since| since.layer)
    }

    /// True when the file at this path is what a package installed there.
    pub(crate) fn is_unchanged(&self, file: &OwnedFile) -> bool {
        let Some(seen) = self.live.get(&file.path) else { return false };
        match (&file.sum, seen.entry) {
            (None, _) => true,
            (Some(sum), Entry::File { sha256, .. }) => {
                seen.sums.contains(sum) || sum.strip_prefix("sha256:") == Some(sha256)
            }
            (Some(_), _) => false,
        }
    }

    /// Files that were read, with the path of each.
    pub(crate) fn documents(&self) -> impl Iterator<Item = (&str, &'a Document)> {
        self.live.iter().filter_map(|(path, seen)| Some((path.as_str(), seen.document?)))
    }

    fn remove_below(&mut self, directory: &str) {
        for path in below(&self.live, directory) {
            self.remove(&path);
        }
    }

    fn remove(&mut self, path: &str) {
        let Some(seen) = self.live.remove(path) else { return };
        for key in seen.document.into_iter().flat_map(|document| keys(seen.path, document)) {
            if let Some(since) = self.packages.get_mut(&key) {
                since.records -= 1;
            }
            self.loosened.push(key);
        }
    }
}

/// Everything inside a directory; the empty path is the root.
pub(crate) fn below<V>(paths: &BTreeMap<String, V>, directory: &str) -> Vec<String> {
    if directory.is_empty() {
        return paths.keys().cloned().collect();
    }
    // The character after the slash in ASCII ends the range of what begins with "directory/".
    let (from, to) = (format!("{directory}/"), format!("{directory}0"));
    paths.range(from..to).map(|(path, _)| path.clone()).collect()
}

pub(crate) fn key(kind: PackageType, package: &Package) -> Key<'_> {
    (kind, &package.name, &package.version, package.architecture.as_deref())
}

fn keys<'a>(path: &'a str, document: &'a Document) -> impl Iterator<Item = Placed<'a>> {
    let (kind, packages) = match document {
        Document::Packages { kind, packages } => (*kind, packages.as_slice()),
        _ => (PackageType::Deb, &[][..]),
    };
    packages.iter().map(move |package| (key(kind, package), place(kind, path)))
}

fn place(kind: PackageType, path: &str) -> &str {
    if kind.is_distribution() { "" } else { path }
}
