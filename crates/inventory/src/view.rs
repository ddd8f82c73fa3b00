//! Layers laid over each other: what can be seen of each, and since when each package is there.

use std::collections::{BTreeMap, BTreeSet};

use package::{Document, OwnedFile, Package, PackageType, path};

use crate::{LayerInventory, Link, Program, layer::Notable, shadow::Trail};

/// One version of a package: kind, name, version, architecture.
pub(crate) type Key<'a> = (PackageType, &'a str, &'a str, Option<&'a str>);

/// A version with the place of its record. A database is rewritten as a whole, so its path says nothing; of anything else each
/// file is an installation of its own.
type Placed<'a> = (Key<'a>, &'a str);

/// Symbolic links that are followed on the way to one file; Linux gives up after as many.
const LINKS_FOLLOWED: usize = 40;

/// What some layers together show of the files that say something. All others are only there as shadows.
#[derive(Default)]
pub(crate) struct View<'a> {
    live: BTreeMap<&'a str, Seen<'a>>,
    packages: BTreeMap<Placed<'a>, Since>,
    /// Keys that lost a record in the present layer.
    loosened: Vec<Placed<'a>>,
    /// Versions that some layer took away: the key, the layer that brought it, the layer that removed it.
    pub(crate) gone: Vec<(Key<'a>, usize, usize)>,
}

/// What one path says.
pub(crate) struct Seen<'a> {
    pub(crate) layer: usize,
    pub(crate) broken: Option<&'a str>,
    pub(crate) document: Option<&'a Document>,
    pub(crate) license: Option<&'a str>,
    pub(crate) link: Option<&'a Link>,
    pub(crate) notable: Option<Notable>,
    pub(crate) program: Option<&'a Program>,
    sums: &'a [String],
    trail: Trail,
}

struct Since {
    layer: usize,
    records: usize,
}

impl<'a> View<'a> {
    /// Removals first: a whiteout hides only what lower layers brought (OCI image specification, "Whiteouts").
    pub(crate) fn apply(&mut self, index: usize, layer: &'a LayerInventory) {
        let hidden = self.live.iter().filter(|(_, seen)| layer.shadow.hides(&seen.trail)).map(|(path, _)| *path);
        for path in hidden.collect::<Vec<_>>() {
            let Some(seen) = self.live.remove(path) else { continue };
            for key in seen.documents().flat_map(|document| keys(path, document)) {
                if let Some(since) = self.packages.get_mut(&key) {
                    since.records -= 1;
                }
                self.loosened.push(key);
            }
        }
        for path in said_by(layer) {
            let seen = Seen {
                layer: index,
                broken: layer.broken.get(path).map(String::as_str),
                document: layer.documents.get(path),
                license: layer.license_files.get(path).map(String::as_str),
                link: layer.links.get(path),
                notable: layer.notable.get(path).copied(),
                program: layer.programs.get(path),
                sums: layer.sums.get(path).map(Vec::as_slice).unwrap_or_default(),
                trail: Trail::of(path),
            };
            for key in seen.documents().flat_map(|document| keys(path, document)) {
                self.packages.entry(key).or_insert(Since { layer: index, records: 0 }).records += 1;
            }
            self.live.insert(path, seen);
        }
        for key in std::mem::take(&mut self.loosened) {
            if self.packages.get(&key).is_some_and(|since| since.records == 0)
                && let Some(since) = self.packages.remove(&key)
            {
                self.gone.push((key.0, since.layer, index));
            }
        }
    }

    /// The layer that brought this version to this document, which every layer above kept.
    pub(crate) fn since(&self, key: Key<'_>, path: &str) -> Option<usize> {
        self.packages.get(&(key, place(key.0, path))).map(|since| since.layer)
    }

    /// What a path says, without following links.
    pub(crate) fn at(&self, path: &str) -> Option<&Seen<'a>> {
        self.live.get(path)
    }

    /// Everything that says something, by path.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'a str, &Seen<'a>)> {
        self.live.iter().map(|(path, seen)| (*path, seen))
    }

    /// Files that were read, with the path of each.
    pub(crate) fn documents(&self) -> impl Iterator<Item = (&'a str, &'a Document)> {
        self.live.iter().flat_map(|(path, seen)| seen.documents().map(|document| (*path, document)))
    }

    /// The path of the document that a package installed at this place, if it is still what the package installed. Packages of old
    /// write `/lib/…` where images have `/usr/lib/…`, so links among the directories are followed.
    pub(crate) fn unchanged(&self, file: &OwnedFile) -> Option<&'a str> {
        let (path, seen) = match self.live.get_key_value(file.path.as_str()) {
            Some((path, seen)) if seen.link.is_none() => (path, seen),
            _ => self.live.get_key_value(self.resolve(&file.path)?.as_str())?,
        };
        let same = file.sum.as_ref().is_none_or(|sum| seen.sums.contains(sum));
        let component = matches!(seen.document, Some(Document::Packages { .. })) || seen.program.is_some();
        (same && (component || seen.broken.is_some())).then_some(*path)
    }

    /// Where a path leads when every symbolic link in it is followed; None when there is none, or no end.
    fn resolve(&self, path: &str) -> Option<String> {
        let mut path = path.to_owned();
        let mut followed = false;
        for _ in 0..LINKS_FOLLOWED {
            let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
            let step = ends.clone().find_map(|end| match self.live.get(&path[..end])?.link? {
                Link::Symbolic { target } => Some((end, path::follow(&path[..end], target)?)),
                _ => None,
            });
            let Some((end, target)) = step else { return followed.then_some(path) };
            path = format!("{target}{}", &path[end..]);
            followed = true;
        }
        None
    }
}

impl<'a> Seen<'a> {
    fn documents(&self) -> impl Iterator<Item = &'a Document> + use<'a> {
        self.document.into_iter().chain(self.program.into_iter().flat_map(|program| &program.documents))
    }
}

/// Every path of which a layer says more than that it is there.
fn said_by(layer: &LayerInventory) -> BTreeSet<&str> {
    let named = layer.documents.keys().chain(layer.broken.keys()).chain(layer.links.keys());
    let named = named.chain(layer.programs.keys()).chain(layer.license_files.keys()).chain(layer.secrets.keys());
    named.chain(layer.notable.keys()).map(String::as_str).collect()
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
