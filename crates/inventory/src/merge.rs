//! Layers merged into what a container would see: operating system, components, and what could not be looked at.

use std::collections::{BTreeMap, BTreeSet};

use package::{Document, OsRelease, OwnedFile, Package, PackageType, RELEASE_FILES, path, purl};

use crate::{
    Component, Gap, Gone, ImageInventory, LayerInventory, Link, SCANNER_VERSION, Secrets, lock,
    view::{Key, View, key},
};

/// Where package databases are; one of these that is a link elsewhere is a gap, not an absence.
const DATABASES: [&str; 21] = [
    "lib/apk/db/installed",
    "lib/opkg/status",
    "opt/lib/opkg/status",
    "usr/lib/apk/db/installed",
    "usr/lib/opkg/status",
    "usr/lib/sysimage/rpm",
    "usr/lib/sysimage/rpm/Packages",
    "usr/lib/sysimage/rpm/Packages.db",
    "usr/lib/sysimage/rpm/rpmdb.sqlite",
    "usr/share/rpm",
    "usr/share/rpm/Packages",
    "usr/share/rpm/Packages.db",
    "usr/share/rpm/rpmdb.sqlite",
    "var/lib/dpkg/status",
    "var/lib/dpkg/status.d",
    "var/lib/opkg/status",
    "var/lib/pacman/local",
    "var/lib/rpm",
    "var/lib/rpm/Packages",
    "var/lib/rpm/Packages.db",
    "var/lib/rpm/rpmdb.sqlite",
];

/// Percent from which on a product without a version is a component all the same: it is there, and cannot be judged.
const SURE: u8 = 80;

/// The components of an image, its layers given lowest first.
pub fn merge(layers: &[LayerInventory]) -> ImageInventory {
    let mut view = View::default();
    for (index, layer) in layers.iter().enumerate() {
        view.apply(index, layer);
    }
    let os = os_release(&view);
    let components = components(&view, os.as_ref());
    let files = layers.iter().map(|layer| layer.files).sum();
    ImageInventory {
        gaps: gaps(&view, files),
        gone: gone(&view, &components),
        components,
        file_bytes: layers.iter().map(|layer| layer.file_bytes).sum(),
        files,
        layers: layers.iter().map(|layer| layer.diff_id.clone()).collect(),
        license_files: view
            .all()
            .filter_map(|(path, seen)| Some((path.to_owned(), seen.license?.to_owned())))
            .collect(),
        notable: view.all().filter_map(|(path, seen)| Some((path.to_owned(), seen.notable?))).collect(),
        os,
        scanner_version: SCANNER_VERSION,
        secrets: secrets(&view, layers),
    }
}

/// The first file that names a distribution; else one that is there and names none.
fn os_release(view: &View<'_>) -> Option<OsRelease> {
    let read = |path: &str| match view.at(path)?.document? {
        Document::Os { release } => Some(release),
        _ => None,
    };
    let linked = |path: &str| match view.at(path)?.link? {
        Link::Symbolic { target } => read(&path::follow(path, target)?),
        _ => None,
    };
    let told = || RELEASE_FILES.into_iter().filter_map(|path| read(path).or_else(|| linked(path)));
    told().find(|release| !release.id.is_empty()).or_else(|| told().next()).cloned()
}

fn components(view: &View<'_>, os: Option<&OsRelease>) -> Vec<Component> {
    let has_dpkg = view.documents().any(|(_, document)| {
        matches!(document, Document::Packages { kind: PackageType::Deb, packages } if !packages.is_empty())
    });
    let owned = owned(view);
    let set_aside = lock::set_aside(view);
    let mut found: BTreeMap<Key<'_>, Component> = BTreeMap::new();
    for (path, document) in view.documents() {
        let Document::Packages { kind, packages } = document else { continue };
        // pip never writes here on Debian: the directory is for packages only.
        let debian_owned = has_dpkg && path.starts_with("usr/lib/python3/dist-packages/");
        if *kind == PackageType::Pypi && debian_owned || owned.files.contains(path) || set_aside.contains(path) {
            continue;
        }
        for package in packages {
            let key = key(*kind, package);
            let component = found.entry(key).or_insert_with(|| component(*kind, package, os));
            component.layer = component.layer.min(view.since(key, path).unwrap_or(component.layer));
            component.paths.push(path.to_owned());
        }
    }
    for (key, component) in &mut found {
        if let Some((notice, names)) = licenses(view, component) {
            component.licenses = names;
            component.paths.push(notice);
        }
        component
            .paths
            .extend(owned.by_package.get(&(key.0, key.1)).into_iter().flatten().map(|path| (*path).to_owned()));
    }
    let mut components: Vec<Component> = found.into_values().collect();
    components.extend(in_bytes(view, &owned));
    components.sort_by(|a, b| {
        (a.kind, &a.name, &a.version, &a.architecture).cmp(&(b.kind, &b.name, &b.version, &b.architecture))
    });
    components
}

/// Products found in the bytes of executables that no package installed. One that is hardly sure, and whose version nothing tells,
/// is no component: nobody could judge it.
fn in_bytes(view: &View<'_>, owned: &Owned<'_>) -> Vec<Component> {
    let mut found: BTreeMap<(&str, &str), Component> = BTreeMap::new();
    for (path, seen) in view.all().filter(|(path, _)| !owned.files.contains(path)) {
        for one in seen.program.into_iter().flat_map(|program| &program.identifications) {
            let version = one.version.as_deref().unwrap_or_default();
            if version.is_empty() && one.confidence < SURE {
                continue;
            }
            let package = Package {
                name: one.product.clone(),
                source: one.product.clone(),
                source_version: version.to_owned(),
                version: version.to_owned(),
                ..Package::default()
            };
            let component =
                found.entry((&one.product, version)).or_insert_with(|| component(PackageType::Generic, &package, None));
            component.layer = component.layer.min(seen.layer);
            component.confidence = component.confidence.max(Some(one.confidence));
            component.cpe = component.cpe.take().or_else(|| one.cpe.clone());
            component.evidence.entry(path.to_owned()).or_default().extend(one.evidence.iter().cloned());
            component.paths.push(path.to_owned());
        }
    }
    found.into_values().collect()
}

/// Of every layer, also what the layers above hide.
fn secrets(view: &View<'_>, layers: &[LayerInventory]) -> BTreeMap<String, Secrets> {
    let mut all = BTreeMap::new();
    for (index, layer) in layers.iter().enumerate() {
        for (path, found) in &layer.secrets {
            let removed = view.at(path).is_none_or(|seen| seen.layer != index);
            all.insert(path.clone(), Secrets { found: found.clone(), layer: index, removed });
        }
    }
    all
}

/// Its layer and its paths come from the documents that name it.
fn component(kind: PackageType, package: &Package, os: Option<&OsRelease>) -> Component {
    Component {
        architecture: package.architecture.clone(),
        confidence: None,
        cpe: None,
        evidence: BTreeMap::new(),
        kind,
        layer: usize::MAX,
        licenses: package.licenses.clone(),
        module: package.module.clone(),
        name: package.name.clone(),
        paths: Vec::new(),
        purl: purl(kind, package, os),
        source: package.source.clone(),
        source_version: package.source_version.clone(),
        third_party: package.third_party.clone(),
        version: package.version.clone(),
    }
}

/// Files that say which packages they are, and that a distribution's package installed: its advisories speak of that package. What
/// somebody put in their place is another thing, and is judged by itself.
#[derive(Default)]
struct Owned<'a> {
    files: BTreeSet<&'a str>,
    by_package: BTreeMap<(PackageType, &'a str), BTreeSet<&'a str>>,
}

fn owned<'a>(view: &View<'a>) -> Owned<'a> {
    let mut owned = Owned::default();
    let mut note = |kind, package: &'a str, files: &'a [OwnedFile]| {
        for path in files.iter().filter_map(|file| view.unchanged(file)) {
            owned.files.insert(path);
            owned.by_package.entry((kind, package)).or_default().insert(path);
        }
    };
    for (_, document) in view.documents() {
        match document {
            Document::Owned { files, kind, package } => note(*kind, package, files),
            Document::Packages { kind, packages } => {
                packages.iter().for_each(|package| note(*kind, &package.name, &package.owns));
            }
            Document::Licenses { .. } | Document::Os { .. } => {}
        }
    }
    owned
}

/// Debian keeps licences beside the database; packages of one source share the directory by a link.
fn licenses(view: &View<'_>, component: &Component) -> Option<(String, Vec<String>)> {
    if component.kind != PackageType::Deb || component.name.contains('/') {
        return None;
    }
    let directory = format!("usr/share/doc/{}", component.name);
    let directory = match view.at(&directory).and_then(|seen| seen.link) {
        Some(Link::Symbolic { target }) => path::follow(&directory, target)?,
        _ => directory,
    };
    let notice = format!("{directory}/copyright");
    match view.at(&notice)?.document? {
        Document::Licenses { names } => Some((notice, names.clone())),
        _ => None,
    }
}

/// What moved to another file is not gone.
fn gone(view: &View<'_>, components: &[Component]) -> Vec<Gone> {
    let of = |component: &Component| (component.kind, component.name.clone(), component.version.clone());
    let present: BTreeSet<_> = components.iter().map(of).collect();
    let gone = view.gone.iter().map(|((kind, name, version, architecture), brought, removed)| Gone {
        architecture: architecture.map(str::to_owned),
        brought: *brought,
        kind: *kind,
        name: (*name).to_owned(),
        removed: *removed,
        version: (*version).to_owned(),
    });
    let mut gone: Vec<Gone> =
        gone.filter(|one| !present.contains(&(one.kind, one.name.clone(), one.version.clone()))).collect();
    gone.sort();
    gone.dedup();
    gone
}

fn gaps(view: &View<'_>, files: u64) -> Vec<Gap> {
    let mut gaps = Vec::new();
    for gap in DATABASES.iter().filter_map(|database| linked_away(view, database)) {
        // One link above several databases is one gap.
        if !gaps.contains(&gap) {
            gaps.push(gap);
        }
    }
    // What a package installed and nobody changed is judged by that package.
    let owned = owned(view);
    gaps.extend(view.all().filter(|(path, _)| !owned.files.contains(path)).filter_map(|(path, seen)| {
        let reason = seen.broken?.to_owned();
        Some(Gap::Broken { layer: seen.layer, path: path.to_owned(), reason })
    }));
    let described = view.documents().any(|(_, document)| matches!(document, Document::Packages { .. }));
    if !described && files > 0 {
        gaps.push(Gap::NoPackages { files });
    }
    gaps
}

/// A link at the database or above it, unless it leads to another place where we look.
fn linked_away(view: &View<'_>, database: &str) -> Option<Gap> {
    let ends = database.match_indices('/').map(|(at, _)| at).chain([database.len()]);
    for end in ends {
        let (path, rest) = database.split_at(end);
        let Some((seen, link)) = view.at(path).and_then(|seen| Some((seen, seen.link?))) else { continue };
        let target = match link {
            Link::Symbolic { target } => path::follow(path, target),
            Link::Hard { target } => Some(target.clone()),
            Link::Other => None,
        };
        let leads_to = target.map(|target| format!("{target}{rest}"));
        if leads_to.as_deref().is_some_and(|path| DATABASES.contains(&path)) {
            return None;
        }
        return Some(Gap::Unread { layer: seen.layer, path: path.to_owned() });
    }
    None
}
