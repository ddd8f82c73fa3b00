//! One layer: what is recorded of it, however it is packed.

use inventory::{Compression, Entry, LayerInventory, Limits, Link, Listing, SCANNER_VERSION};
use package::{Document, PackageType};

use crate::tarball::{Tarball, gzip, read, read_packed};

fn sample() -> Vec<u8> {
    let long = format!("opt/{}/file", "d".repeat(150));
    Tarball::new()
        .directory("./etc/")
        .file("etc/hostname", "assay\n")
        .symlink("etc/os-release", "../usr/lib/os-release")
        .file("usr/lib/os-release", "ID=debian\nVERSION_ID=\"12\"\n")
        .link(tar::EntryType::Link, "etc/name", "/etc/hostname")
        .file(&long, "long\n")
        .pax(&[("path", "opt/pax"), ("mtime", "1.5")])
        .raw(b"short", b'0', b"pax\n", |_| {})
        .file("srv/.wh.old", "")
        .file("var/cache/.wh..wh..opq", "")
        .file("var/.wh..wh.plnk", "")
        .bytes()
}

#[test]
fn every_member_is_recorded() {
    let read = read(&sample()).unwrap();
    let (layer, entries) = (&read.inventory, &read.listing.0);
    let sha256 = |text: &str| base::digest_hex(text.as_bytes());
    let file = |text: &str| Entry::File { mode: 0o644, sha256: sha256(text), size_bytes: text.len() as u64 };
    assert_eq!(entries["etc/hostname"], file("assay\n"));
    assert_eq!(entries["opt/pax"], file("pax\n"));
    assert_eq!(entries[&format!("opt/{}/file", "d".repeat(150))], file("long\n"));
    assert_eq!(entries["etc"], Entry::Directory { mode: 0o755 });
    assert_eq!(entries["etc/name"], Entry::Hardlink { target: "etc/hostname".into() });
    assert_eq!(entries["etc/os-release"], Entry::Symlink { target: "../usr/lib/os-release".into() });
    assert_eq!(layer.links["etc/name"], Link::Hard { target: "etc/hostname".into() });
    assert_eq!(layer.links.len(), 2);
    assert_eq!(layer.files, 4);
    let text = read.listing.to_text();
    assert_eq!(layer.listing, format!("sha256:{}", base::digest_hex(&text)));
    assert_eq!(Listing::from_text(&text).unwrap(), read.listing);
    assert_eq!(layer.whiteouts.iter().collect::<Vec<_>>(), ["srv/old"]);
    assert_eq!(layer.opaque.iter().collect::<Vec<_>>(), ["var/cache"]);
    assert!(matches!(&layer.documents["usr/lib/os-release"], Document::Os { release } if release.version_id == "12"));
    assert_eq!(layer.diff_id, format!("sha256:{}", base::digest_hex(&sample())));
    assert_eq!(layer.unpacked_bytes, sample().len() as u64);
    assert_eq!(layer.scanner_version, SCANNER_VERSION);
}

#[test]
fn packing_does_not_change_the_inventory() {
    let tar = sample();
    let plain = read(&tar).unwrap();
    let (first, second) = tar.split_at(700);
    let mut members = gzip(first);
    members.extend(gzip(second));
    members.extend([0; 1024]);
    let zstd = zstd::encode_all(&tar[..], 3).unwrap();
    for (packed, compression) in [(members, Compression::Gzip), (zstd, Compression::Zstd)] {
        assert_eq!(Compression::sniff(&packed), compression);
        assert_eq!(read_packed(&packed[..], compression, &Limits::default()).unwrap(), plain);
    }
    assert_eq!(Compression::sniff(&tar), Compression::None);
    assert_eq!(Compression::from_media_type("application/vnd.oci.image.layer.v1.tar+zstd"), Some(Compression::Zstd));
}

#[test]
fn what_follows_the_end_mark_belongs_to_the_diff_id_only() {
    let mut tar = sample();
    tar.extend([0; 10_240]);
    let layer = read(&tar).unwrap();
    assert_eq!(layer.listing, read(&sample()).unwrap().listing);
    assert_eq!(layer.inventory.diff_id, format!("sha256:{}", base::digest_hex(&tar)));
}

#[test]
fn json_is_canonical_and_comes_back() {
    let layer = Tarball::new()
        .file("lib/apk/db/installed", "P:a\nV:1-r0\nA:x\nL:MIT\no:b\n\n")
        .file("usr/share/doc/x/copyright", "Format: https://copyright-format/1.0/\nLicense: MIT\n")
        .file("etc/os-release", "ID=alpine\n")
        .read();
    let json = layer.to_json();
    let sorted: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(String::from_utf8(json.clone()).unwrap(), sort(&sorted));
    assert_eq!(LayerInventory::from_json(&json).unwrap(), layer);
    assert!(LayerInventory::from_json(b"{\"diff_id\":1}").is_err());
}

/// The value with sorted keys, whatever map serde_json was built with.
fn sort(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Object(map) => {
            let mut fields: Vec<String> =
                map.iter().map(|(key, value)| format!("{}:{}", serde_json::json!(key), sort(value))).collect();
            // The tag of an enum stands first; it is a fixed place, too.
            fields.sort_by_key(|field| (!field.starts_with("\"type\":"), field.clone()));
            format!("{{{}}}", fields.join(","))
        }
        serde_json::Value::Array(items) => {
            format!("[{}]", items.iter().map(sort).collect::<Vec<_>>().join(","))
        }
        scalar => scalar.to_string(),
    }
}

#[test]
fn databases_are_documents() {
    let layer = Tarball::new()
        .file("var/lib/dpkg/status", "Package: a\nStatus: install ok installed\nVersion: 1\n")
        .file("lib/apk/db/installed", "P:b\nV:2-r0\n")
        .file("usr/lib/python3.11/site-packages/c-3.dist-info/METADATA", "Name: C\nVersion: 3\n\nlong text")
        .read();
    let names: Vec<(PackageType, String)> = layer
        .documents
        .values()
        .filter_map(|document| match document {
            Document::Packages { kind, packages } => Some((*kind, packages[0].name.clone())),
            _ => None,
        })
        .collect();
    let expected = [(PackageType::Apk, "b"), (PackageType::Pypi, "c"), (PackageType::Deb, "a")];
    assert_eq!(names, expected.map(|(kind, name)| (kind, name.to_owned())));
}
