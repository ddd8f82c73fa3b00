//! Executables: what they name, what their bytes are known by, and what they are held against.

use std::sync::Arc;

use fingerprint::{Control, Index, Observation, identify, is_executable, read_deb};
use package::{go, in_executable};

use crate::{
    made_libraries::{elf, index, index_bytes, library, macho, pe},
    made_programs::{auditable, elf as elf_of, inline, note},
    packages::check,
    reader::Reader,
};

const MODULES: &str = "path\tx\nmod\tx\tv1.0.0\t\ndep\ty\tv1.0.0\th1:x=\n=>\tz\tv2.0.0\nbuild\t-compiler=gc\n";

pub(crate) fn readers() -> Vec<Reader> {
    let auditable = auditable(r#"{"packages": [{"name": "a", "version": "1"}]}"#);
    let note = note(r#"{"type": "deb", "name": "a", "version": "1"}"#);
    let go = inline("go1.21.5", MODULES);
    let named = [(".go.buildinfo", &go), (".dep-v0", &auditable), (".note.package", &note)];
    let named = named.map(|(name, bytes)| elf_of(&[(name, bytes)]));
    let many =
        elf(&[0x90; 200], &["alphacodec: cannot read the window size of the input"], &["one", "two"], &["three"]);
    let windows = pe(
        &[("ProductName", "Acme"), ("FileVersion", "1, 2, 3, 4")],
        &["charlienet: cannot read the checksum of the input"],
    );
    vec![
        Reader::new("program-elf", [library("alphacodec", "1.2.3"), many].into_iter().chain(named), program),
        Reader::new("program-macho", [macho(&["deltadb version 1.2.3, Copyright 2020-2024"])], program),
        Reader::new("program-pe", [windows], program),
        Reader::new("program-go-record", [go], |bytes| {
            let Ok(Some(info)) = go::BuildInfo::parse(bytes) else { return false };
            assert!(info.packages().iter().any(|package| package.name == "stdlib"));
            true
        }),
        Reader::new("fingerprint-index", [index_bytes(false)], |bytes| {
            let Ok(index) = Index::open(Arc::new(bytes.to_vec())) else { return false };
            let said = identify(&index, &library("alphacodec", "1.2.3"), None);
            (index.about(), index.verify(), said.len()).2 <= 5
        }),
        Reader::new("fingerprint-package", [deb(&library("alphacodec", "1.2.3"))], |bytes| {
            read_deb(bytes, &mut |_: &Control, _, member| drop(Observation::of(member))).is_ok()
        }),
    ]
}

fn program(bytes: &[u8]) -> bool {
    thread_local! {
        static INDEX: Index = index();
    }
    let said = INDEX.with(|index| identify(index, bytes, Some(&[7; 32])));
    assert!(said.len() <= 5);
    drop(Observation::of(bytes));
    in_executable(bytes).into_iter().flatten().for_each(|document| check(&document));
    is_executable(bytes)
}

/// A package as `dpkg-deb` packs it, uncompressed.
fn deb(member: &[u8]) -> Vec<u8> {
    let tar = |name: &str, bytes: &[u8]| {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        builder.append_data(&mut header, name, bytes).unwrap();
        builder.into_inner().unwrap()
    };
    let control = tar("./control", b"Package: libalpha1\nSource: alphacodec\nVersion: 1.2.3-1\nArchitecture: amd64\n");
    let data = tar("./usr/lib/libalpha.so.1", member);
    let mut deb = b"!<arch>\n".to_vec();
    for (name, bytes) in [("debian-binary", b"2.0\n".as_slice()), ("control.tar", &control), ("data.tar", &data)] {
        deb.extend(format!("{name:<16}0           0     0     100644  {:<10}`\n", bytes.len()).bytes());
        deb.extend_from_slice(bytes);
        deb.resize(deb.len().next_multiple_of(2), b'\n');
    }
    deb
}
