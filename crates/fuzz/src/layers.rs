//! Layers: the tar inside, and what packs it.

use std::io::Write;

use inventory::{Compression, Limits, Progress, merge, read_layer};

use crate::reader::Reader;

const BLOCK: usize = 512;

pub(crate) fn readers() -> Vec<Reader> {
    let tar = tarball();
    let zstd = zstd::encode_all(&tar[..], 3).unwrap();
    vec![
        Reader::new("layer-gzip", [gzip(&tar)], |bytes| read(bytes, Compression::Gzip)),
        Reader::new("layer-tar", [tar], |bytes| {
            // Most damage ends at a header's checksum, which whoever means harm computes anew.
            let _ = read(&with_checksums(bytes), Compression::None);
            read(bytes, Compression::None)
        }),
        Reader::new("layer-zstd", [zstd], |bytes| read(bytes, Compression::Zstd)),
    ]
}

fn read(bytes: &[u8], compression: Compression) -> bool {
    let index = fingerprint::Index::builtin();
    let Ok(layer) = read_layer(bytes, compression, &Limits::default(), index, &Progress::default()) else {
        return false;
    };
    let json = layer.inventory.to_json();
    assert_eq!(inventory::LayerInventory::from_json(&json).unwrap().to_json(), json);
    merge(&[layer.inventory]);
    true
}

fn with_checksums(tar: &[u8]) -> Vec<u8> {
    let mut tar = tar.to_vec();
    for block in tar.chunks_exact_mut(BLOCK) {
        let mut header = tar::Header::from_byte_slice(block).clone();
        if header.as_ustar().is_some() || header.as_gnu().is_some() {
            header.set_cksum();
            block.copy_from_slice(header.as_bytes());
        }
    }
    tar
}

/// One of each: a database, links of both kinds, a device, a whiteout, an executable, a secret, long names in both ways.
pub(crate) fn tarball() -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut add = |kind: tar::EntryType, path: &str, link: &str, content: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        match link {
            "" => tar.append_data(&mut header, path, content).unwrap(),
            _ => tar.append_link(&mut header, path, link).unwrap(),
        }
    };
    add(tar::EntryType::Directory, "etc/", "", b"");
    add(tar::EntryType::Regular, "etc/os-release", "", b"ID=debian\nVERSION_ID=12\n");
    add(tar::EntryType::Regular, "var/lib/dpkg/status", "", b"Package: a\nStatus: install ok installed\nVersion: 1\n");
    add(tar::EntryType::Symlink, "lib", "usr/lib", b"");
    add(tar::EntryType::Link, "etc/hard", "etc/os-release", b"");
    add(tar::EntryType::Char, "dev/null", "", b"");
    add(tar::EntryType::Regular, "tmp/.wh.old", "", b"");
    add(tar::EntryType::Regular, &"long/".repeat(40), "", b"x");
    add(tar::EntryType::Regular, ".env", "", b"TOKEN=glpat-aB3dE5gH7jK9mN1pQ3sT\n");
    add(tar::EntryType::Regular, "usr/bin/x", "", &crate::made_libraries::library("alphacodec", "1.2.3"));
    let mut pax = tar.into_inner().unwrap();
    pax.truncate(pax.len() - 2 * BLOCK);
    let mut tar = tar::Builder::new(pax);
    tar.append_pax_extensions([("path", b"from/pax".as_slice()), ("size", b"3")]).unwrap();
    let mut header = tar::Header::new_gnu();
    header.set_size(3);
    tar.append_data(&mut header, "short", &b"abc"[..]).unwrap();
    tar.into_inner().unwrap()
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
