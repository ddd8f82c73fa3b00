//! Hostile layers through the real server: each is scanned to an end, in words, or refused in words; none is clean by mistake.

use std::{
    io::Write,
    path::Path,
    time::{Duration, Instant},
};

use flate2::{Compression, write::GzEncoder};
use oci::{Algorithm, Digest};
use serde_json::{Value, json};

use crate::{
    image::{as_admin, debian, expect},
    server::Server,
};

const TAR: &str = "application/vnd.oci.image.layer.v1.tar";
const GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// A tag, the layer's type and bytes, how the scan ends, and what is said then.
type Case = (&'static str, &'static str, Vec<u8>, i64, &'static [&'static str]);

/// How a scan may end: as DTR's `last_scan_status`.
const FAILED: i64 = 0;
const COMPLETED: i64 = 6;

/// A member of an archive with this type, a body and what its head says of the body's size.
fn member(path: &str, kind: u8, link: &str, size: u64, body: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
    header.as_mut_bytes()[157..157 + link.len()].copy_from_slice(link.as_bytes());
    header.set_mode(0o644);
    header.set_size(size);
    header.set_entry_type(tar::EntryType::new(kind));
    header.set_cksum();
    let padding = vec![0; body.len().next_multiple_of(512) - body.len()];
    [header.as_bytes().as_slice(), body, &padding].concat()
}

fn archive(members: &[Vec<u8>]) -> Vec<u8> {
    [members.concat(), vec![0; 1024]].concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

/// The old GNU form of a sparse file: one byte, said to be eight exbibytes apart from the end.
fn sparse() -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_path("sparse").unwrap();
    header.set_mode(0o644);
    header.set_size(512);
    header.set_entry_type(tar::EntryType::GNUSparse);
    let gnu = header.as_gnu_mut().unwrap();
    gnu.set_real_size(1 << 62);
    gnu.sparse[0].set_offset((1 << 62) - 512);
    gnu.sparse[0].set_length(512);
    header.set_cksum();
    [header.as_bytes().as_slice(), &[1; 512]].concat()
}

/// Push an image with a sound Debian below and this layer above; the answer to the scan's end.
fn scan(server: &Server, tag: &str, kind: &str, layer: &[u8]) -> Value {
    let mut below = tar::Builder::new(Vec::new());
    for (path, content) in debian(&["base-files 12.4+deb12u5"]) {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        below.append_data(&mut header, path, content.as_bytes()).unwrap();
    }
    let below = below.into_inner().unwrap();
    let config = json!({"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": []}});
    let config = config.to_string().into_bytes();
    let descriptor = |kind: &str, bytes: &[u8]| json!({"mediaType": kind, "digest": Digest::of(Algorithm::Sha256, bytes), "size": bytes.len()});
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": descriptor("application/vnd.oci.image.config.v1+json", &config),
        "layers": [descriptor(TAR, &below), descriptor(kind, layer)],
    });
    for blob in [below.as_slice(), &config, layer] {
        let path = format!("/v2/admin/app/blobs/uploads/?digest={}", Digest::of(Algorithm::Sha256, blob));
        expect(server, 201, "POST", &path, "application/octet-stream", blob);
    }
    let path = format!("/v2/admin/app/manifests/{tag}");
    let body = manifest.to_string();
    expect(server, 201, "PUT", &path, "application/vnd.oci.image.manifest.v1+json", body.as_bytes());
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let view = crate::image::tag(server, &format!("admin/app:{tag}"));
        let summary = &view["vuln_summary"];
        if ![1, 3].contains(&summary["last_scan_status"].as_i64().unwrap()) {
            return summary.clone();
        }
        assert!(Instant::now() < deadline, "the scan of {tag} stands at {view}");
    }
}

#[test]
fn each_is_scanned_or_refused_and_nothing_is_unpacked() {
    let server = Server::start("127.0.0.1");
    let file = |path: &str| member(path, b'0', "", 4, b"evil");
    let escaped = Path::new("/tmp/assay-was-here");
    assert!(!escaped.exists());
    let zeros = archive(&[member("zeros", b'0', "", 128 << 20, &vec![0; 128 << 20])]);
    let whole = archive(&[file("a"), file("b")]);
    let climbs = archive(&[file("../../../../../../tmp/assay-was-here"), file("/tmp/assay-was-here")]);
    let links = archive(&[
        member("way", b'2', "/tmp", 0, b""),
        file("way/assay-was-here"),
        member("hard", b'1', "/etc/shadow", 0, b""),
    ]);
    let devices = archive(&[
        member("null", b'3', "", 0, b""),
        member("disk", b'4', "", 0, b""),
        member("pipe", b'6', "", 0, b""),
    ]);
    let cases: &[Case] = &[
        ("climbs", TAR, climbs, COMPLETED, &[]),
        ("links", TAR, links, COMPLETED, &[]),
        ("devices", TAR, devices, COMPLETED, &[]),
        ("bomb", GZIP, gzip(&zeros), COMPLETED, &[]),
        ("sparse", TAR, archive(&[sparse()]), FAILED, &["sparse", "push the image again"]),
        ("lying", TAR, member("huge", b'0', "", 1 << 40, b"little"), FAILED, &["68719476736", "split the image"]),
        (
            "negative",
            TAR,
            archive(&[member("odd", b'0', "", u64::MAX, b"")]),
            FAILED,
            &["68719476736", "split the image"],
        ),
        ("cut", TAR, whole[..700].to_vec(), FAILED, &["byte", "push the image again"]),
        ("torn", GZIP, gzip(&whole)[..40].to_vec(), FAILED, &["gzip", "damaged", "push the image again"]),
        ("noise", TAR, vec![0x5a; 4096], FAILED, &["checksum", "push the image again"]),
        // Read by what it is, as engines read it.
        ("mislabelled", GZIP, whole.clone(), COMPLETED, &[]),
    ];
    let mut wrong = Vec::new();
    for (tag, kind, layer, status, words) in cases {
        let summary = scan(&server, tag, kind, layer);
        let told = summary.to_string();
        if summary["last_scan_status"] != *status || words.iter().any(|word| !told.contains(word)) {
            wrong.push(format!("{tag}: {summary}, expected {status} {words:?}"));
        }
    }
    assert!(!escaped.exists(), "a layer was unpacked");
    assert!(!server.said().contains("panicked"), "{}", server.said());
    // An image that nobody could look into is never one that passes.
    let (name, value) = as_admin();
    assert_eq!(server.ask("GET", "/livez", &[(name, &value)], b"").status, 200);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
