//! Layers laid over each other.

use std::collections::BTreeMap;

use inventory::{Component, Gap, ImageInventory, LayerInventory, ReadLayer, merge};
use package::{Document, PackageType};
use proptest::prelude::*;

use crate::tarball::{Tarball, read};

const STATUS: &str = "var/lib/dpkg/status";

fn deb(name: &str, version: &str) -> String {
    format!("Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: {version}\n\n")
}

fn debian() -> Tarball {
    Tarball::new()
        .symlink("etc/os-release", "../usr/lib/os-release")
        .file("usr/lib/os-release", "ID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n")
}

fn versions(image: &ImageInventory) -> Vec<(&str, &str, usize)> {
    image.components.iter().map(|c| (c.name.as_str(), c.version.as_str(), c.layer)).collect()
}

fn component<'a>(image: &'a ImageInventory, name: &str) -> &'a Component {
    image.components.iter().find(|component| component.name == name).unwrap()
}

#[test]
fn a_later_database_replaces_and_versions_remember_their_layer() {
    let base = debian().file(STATUS, &(deb("bash", "5.2") + &deb("curl", "7.88") + &deb("gone", "1"))).read();
    let other = Tarball::new().file("app/main.py", "").read();
    let upgraded = Tarball::new().file(STATUS, &(deb("bash", "5.2") + &deb("curl", "8.0") + &deb("new", "1"))).read();
    let image = merge(&[base, other, upgraded]);
    assert_eq!(versions(&image), [("bash", "5.2", 0), ("curl", "8.0", 2), ("new", "1", 2)]);
    let gone: Vec<_> = image.gone.iter().map(|one| (one.name.as_str(), one.brought, one.removed)).collect();
    assert_eq!(gone, [("curl", 0, 2), ("gone", 0, 2)]);
    assert_eq!(image.os.as_ref().unwrap().codename, "bookworm");
    assert_eq!(component(&image, "bash").purl, "pkg:deb/debian/bash@5.2?arch=amd64&distro=debian-12");
    assert_eq!(component(&image, "bash").paths, [STATUS]);
    assert_eq!(image.gaps, []);
    assert_eq!(image.files, 4);
    assert_eq!(ImageInventory::from_json(&image.to_json()).unwrap(), image);
}

#[test]
fn whiteouts_and_opaque_directories_remove_lower_layers_only() {
    let base = || debian().file(STATUS, &deb("bash", "5.2")).file("srv/a/x", "1").file("srv/b", "2").read();
    let whiteout = Tarball::new().file("var/lib/.wh.dpkg", "").file("srv/.wh.a", "").read();
    let image = merge(&[base(), whiteout]);
    assert_eq!(versions(&image), []);
    assert_eq!(image.gaps, [Gap::NoPackages { files: 4 }]);

    let opaque = Tarball::new()
        .file(STATUS, &deb("zsh", "1"))
        .file("var/lib/dpkg/.wh..wh..opq", "")
        .file("srv/.wh..wh..opq", "")
        .file("srv/c", "3")
        .read();
    let image = merge(&[base(), opaque]);
    assert_eq!(versions(&image), [("zsh", "1", 1)]);
    assert_eq!(image.files, 6);

    let everything = Tarball::new().file(".wh..wh..opq", "").file("only", "1").read();
    let image = merge(&[base(), everything]);
    assert_eq!((image.files, image.os), (5, None));
}

#[test]
fn a_package_that_comes_back_counts_from_its_return() {
    let with = || debian().file(STATUS, &deb("bash", "5.2")).read();
    let without = Tarball::new().file(STATUS, "").read();
    assert_eq!(versions(&merge(&[with(), with()])), [("bash", "5.2", 0)]);
    assert_eq!(versions(&merge(&[with(), without, with()])), [("bash", "5.2", 2)]);
}

#[test]
fn a_file_in_place_of_a_directory_takes_its_content_along() {
    let base = debian().file("var/lib/dpkg/status.d/base", "Package: base-files\nVersion: 12.4\n").read();
    let image = merge(std::slice::from_ref(&base));
    assert_eq!(versions(&image), [("base-files", "12.4", 0)]);
    let image = merge(&[base, Tarball::new().file("var/lib", "now a file").read()]);
    assert_eq!(versions(&image), []);
}

#[test]
fn alpine_components_carry_origin_and_licence() {
    let installed = "P:libssl3\nV:3.1.4-r5\nA:x86_64\nL:Apache-2.0\no:openssl\n\n";
    let layer = Tarball::new()
        .file("etc/os-release", "ID=alpine\nVERSION_ID=3.19.1\n")
        .file("lib/apk/db/installed", installed)
        .read();
    let image = merge(&[layer]);
    let found = component(&image, "libssl3");
    assert_eq!((found.kind, found.source.as_str()), (PackageType::Apk, "openssl"));
    assert_eq!(found.licenses, ["Apache-2.0"]);
    assert_eq!(found.purl, "pkg:apk/alpine/libssl3@3.1.4-r5?arch=x86_64&distro=alpine-3.19.1&upstream=openssl");
}

#[test]
fn debian_licences_are_found_also_through_a_link() {
    let copyright = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nLicense: MIT\n";
    let layer = debian()
        .file(STATUS, &(deb("curl", "7.88") + &deb("libcurl4", "7.88")))
        .file("usr/share/doc/curl/copyright", copyright)
        .symlink("usr/share/doc/libcurl4", "curl")
        .read();
    let image = merge(&[layer]);
    assert_eq!(component(&image, "libcurl4").licenses, ["MIT"]);
    assert_eq!(component(&image, "libcurl4").paths, [STATUS, "usr/share/doc/curl/copyright"]);
}

#[test]
fn python_of_the_distribution_is_not_listed_twice() {
    let place = "usr/lib/python3/dist-packages/flask-2.2.2.egg-info";
    let metadata = "Name: Flask\nVersion: 2.2.2\n\n";
    let layer = debian()
        .file(STATUS, &deb("python3-flask", "2.2.2-3"))
        .file("var/lib/dpkg/info/python3-flask.list", &format!("/.\n/{place}\n/{place}/PKG-INFO\n"))
        .file(&format!("{place}/PKG-INFO"), metadata)
        .read();
    let pip =
        Tarball::new().file("usr/local/lib/python3.11/dist-packages/flask-3.0.dist-info/METADATA", metadata).read();
    let image = merge(&[layer, pip]);
    assert_eq!(versions(&image), [("python3-flask", "2.2.2-3", 0), ("flask", "2.2.2", 1)]);
    assert_eq!(component(&image, "python3-flask").paths[1], format!("{place}/PKG-INFO"));

    let apk = "P:py3-six\nV:1-r0\nF:usr/lib/python3.11/site-packages/six-1.dist-info\nR:METADATA\n";
    let layer = Tarball::new()
        .file("lib/apk/db/installed", apk)
        .file("usr/lib/python3.11/site-packages/six-1.dist-info/METADATA", "Name: six\nVersion: 1\n")
        .read();
    assert_eq!(versions(&merge(&[layer])), [("py3-six", "1-r0", 0)]);
}

#[test]
fn a_database_that_leads_elsewhere_is_a_gap() {
    let base = || debian().file(STATUS, &deb("bash", "5.2")).read();
    let cases = [
        (Tarball::new().symlink(STATUS, "/opt/status"), Some((1, STATUS))),
        (Tarball::new().link(tar::EntryType::Link, STATUS, "opt/status"), Some((1, STATUS))),
        (Tarball::new().symlink("var/lib", "/opt/lib"), Some((1, "var/lib"))),
        (Tarball::new().symlink("lib", "usr/lib"), None),
    ];
    for (tarball, expected) in cases {
        let image = merge(&[base(), tarball.read()]);
        let unread = image.gaps.iter().find_map(|gap| match gap {
            Gap::Unread { layer, path } => Some((*layer, path.as_str())),
            Gap::Broken { .. } | Gap::NoPackages { .. } => None,
        });
        assert_eq!(unread, expected, "{:?}", image.gaps);
    }
}

/// A small world of paths, so that layers meet. All but the first and the marks are documents that name one package.
const NAMES: [&str; 9] = [
    "a",
    "a/b.egg-info",
    "a/b.egg-info/PKG-INFO",
    "a/.wh.b.egg-info",
    ".wh.a",
    "a/.wh..wh..opq",
    "a0.egg-info",
    STATUS,
    "var/lib/dpkg/.wh.status",
];

fn layer() -> impl Strategy<Value = ReadLayer> {
    let member = (proptest::sample::select(&NAMES[..]), 0..3_u8);
    proptest::collection::vec(member, 0..8).prop_map(|members| {
        let tarball = members.into_iter().fold(Tarball::new(), |tarball, (name, version)| {
            let metadata = format!("Name: {}\nVersion: {version}\n", name.replace('/', "-"));
            tarball.file(name, &if name == STATUS { deb("p", &version.to_string()) } else { metadata })
        });
        read(&tarball.bytes()).unwrap()
    })
}

proptest! {
    /// Merging in one go gives what laying one layer after the other on a plain map of files gives.
    #[test]
    fn merging_agrees_with_a_plain_file_system(layers in proptest::collection::vec(layer(), 0..6)) {
        let mut plain: BTreeMap<String, String> = BTreeMap::new();
        for ReadLayer { inventory, listing } in &layers {
            for hidden in &inventory.whiteouts {
                plain.retain(|path, _| path != hidden && !path.starts_with(&format!("{hidden}/")));
            }
            for hidden in &inventory.opaque {
                plain.retain(|path, _| !path.starts_with(&format!("{hidden}/")));
            }
            for path in listing.0.keys() {
                plain.retain(|old, _| old != path && !old.starts_with(&format!("{path}/")));
                let document = inventory.documents.get(path);
                plain.insert(path.clone(), document.map(versions_in).unwrap_or_default());
            }
        }
        let inventories: Vec<LayerInventory> = layers.into_iter().map(|layer| layer.inventory).collect();
        let image = merge(&inventories);
        let mut found: Vec<(String, String)> = image
            .components
            .iter()
            .flat_map(|component| component.paths.iter().map(|path| (path.clone(), component.version.clone())))
            .collect();
        found.sort();
        let expected: Vec<(String, String)> = plain.into_iter().filter(|(_, version)| !version.is_empty()).collect();
        prop_assert_eq!(found, expected);
        for component in &image.components {
            prop_assert!(component.layer < inventories.len());
        }
    }
}

fn versions_in(document: &Document) -> String {
    match document {
        Document::Packages { packages, .. } => packages[0].version.clone(),
        other => panic!("{other:?} is not of this world"),
    }
}

const LOCK: &str = r#"{"lockfileVersion": 3, "packages": {"": {"name": "app"},
    "node_modules/a": {"version": "1.0.0"}, "node_modules/b": {"version": "2.0.0"},
    "node_modules/c": {"version": "3.0.0", "dev": true}}}"#;

#[test]
fn a_lock_file_counts_only_while_nothing_of_it_is_installed() {
    let bundle = || Tarball::new().file("app/bundle.js", "1").file("app/package-lock.json", LOCK).read();
    let image = merge(&[bundle()]);
    assert_eq!(versions(&image), [("a", "1.0.0", 0), ("b", "2.0.0", 0)]);
    assert_eq!(component(&image, "a").purl, "pkg:npm/a@1.0.0");
    assert_eq!(image.gaps, []);

    let package = r#"{"name": "a", "version": "1.0.1"}"#;
    let installed = Tarball::new().file("app/node_modules/a/package.json", package).read();
    assert_eq!(versions(&merge(&[bundle(), installed])), [("a", "1.0.1", 1)]);

    // Another tree, elsewhere, says nothing about the bundle; one that holds half of it does.
    let other = Tarball::new().file("usr/lib/node_modules/z/package.json", r#"{"name": "z", "version": "1"}"#).read();
    assert_eq!(versions(&merge(&[bundle(), other])), [("a", "1.0.0", 0), ("b", "2.0.0", 0), ("z", "1", 1)]);
    let half =
        Tarball::new().file("usr/lib/node_modules/a/package.json", r#"{"name": "a", "version": "1.0.0"}"#).read();
    assert_eq!(versions(&merge(&[bundle(), half])), [("a", "1.0.0", 1)]);
}

#[test]
fn metadata_of_a_language_that_cannot_be_read_is_a_gap() {
    let broken = Tarball::new().file("app/node_modules/a/package.json", "{").file("app/x.jar", "no archive").read();
    let image = merge(&[broken]);
    assert!(
        matches!(&image.gaps[..], [Gap::Broken { path, .. }, Gap::NoPackages { .. }] if path.ends_with("package.json"))
    );
}
