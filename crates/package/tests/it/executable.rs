//! What programs say they were built from.

use std::io::Write;

use flate2::Compression;
use package::{Error, go, in_executable};

use crate::{
    cases::lines,
    made::{auditable, elf, inline, marked, note},
};

const MODULES: &str = "path\texample.org/app\nmod\texample.org/app\t(devel)\t\ndep\tgithub.com/a/b\tv1.2.3\th1:x=\n\
    dep\tgithub.com/c/d\tv0.1.0\n=>\tgithub.com/fork/d\tv0.2.0\th1:y=\ndep\tk8s.io/api\tv0.0.0\n=>\t./staging\t(devel)\t\n\
    build\t-compiler=gc\nbuild\tvcs.revision=0123\nbuild\tvcs.modified=true\n";

fn read(bytes: &[u8]) -> String {
    in_executable(bytes).unwrap().into_iter().map(lines_of).collect()
}

fn lines_of(document: package::Document) -> String {
    lines(&Ok(Some(document)))
}

const GO: &str =
    "golang github.com/a/b v1.2.3\ngolang github.com/fork/d v0.2.0\ngolang k8s.io/api v0.0.0\ngolang stdlib 1.21.5\n";

#[test]
fn modules_of_a_go_program() {
    assert_eq!(read(&elf(&[(".text", b"code"), (".go.buildinfo", &inline("go1.21.5 X:loopvar", MODULES))])), GO);
    // Without section names, behind a constant that is no build information.
    let data =
        [&go::MAGIC[..], b" is the magic, and 32 bytes are not", &[0; 15], &inline("go1.21.5", MODULES)].concat();
    assert_eq!(read(&elf(&[(".data", &data)])), GO);
    let info = go::BuildInfo::parse(&inline("go1.21.5", MODULES)).unwrap().unwrap();
    assert_eq!(info.settings["vcs.revision"], "0123");
    assert_eq!((info.path.as_str(), info.main.unwrap().version.as_str()), ("example.org/app", "(devel)"));
    assert_eq!(go::BuildInfo::parse(b"\xff Go buildinf:").unwrap(), None);
    let cut = inline("go1.21.5", MODULES);
    assert!(matches!(go::BuildInfo::parse(&cut[..cut.len() - 9]), Err(Error::Broken { .. })));
}

#[test]
fn modules_of_a_go_program_from_before_1_18() {
    // The section's own address is known only once it is made: headers and strings follow the pointers.
    let modules = marked(&format!("mod\texample.org/app\tv1.0.0\t\n{MODULES}"));
    let version = b"go1.17.13";
    let make = |address: u64| {
        let mut out = go::MAGIC.to_vec();
        out.extend([8, 0]);
        let number = |value: u64| value.to_le_bytes();
        let strings = address + 64;
        out.extend([number(address + 32), number(address + 48)].concat());
        out.extend([number(strings), number(version.len() as u64)].concat());
        out.extend([number(strings + version.len() as u64), number(modules.len() as u64)].concat());
        [out, version.to_vec(), modules.clone()].concat()
    };
    let program = |address| elf(&[(".go.buildinfo", &make(address))]);
    let address = program(0).windows(14).position(|window| window == go::MAGIC).unwrap() as u64;
    assert_eq!(read(&program(address)), GO.replace("1.21.5", "1.17.13"));
    // Pointers to nowhere.
    assert!(in_executable(&program(u64::MAX / 2)).is_err());
}

#[test]
fn crates_of_a_rust_program() {
    let json = r#"{"packages": [{"name": "app", "version": "0.1.0", "source": "local", "root": true, "dependencies": [1]},
        {"name": "cc", "version": "1.0.83", "source": "crates.io", "kind": "build"},
        {"name": "serde", "version": "1.0.190", "source": "crates.io"}]}"#;
    assert_eq!(read(&elf(&[(".dep-v0", &auditable(json))])), "cargo app 0.1.0\ncargo serde 1.0.190\n");
    let bomb = auditable(&format!("{{\"packages\": [{}]}}", " ".repeat(base::limits::BUILD_RECORD_BYTES)));
    assert!(matches!(in_executable(&elf(&[(".dep-v0", &bomb)])), Err(Error::TooLarge { .. })));
    assert!(matches!(in_executable(&elf(&[(".dep-v0", b"no zlib")])), Err(Error::Broken { .. })));
}

#[test]
fn the_package_of_a_distribution() {
    let json = r#"{"type":"rpm","name":"systemd","version":"250-1.fc36","architecture":"x86_64","osCpe":"cpe:/o:x"}"#;
    let found = in_executable(&elf(&[(".note.package", &note(json))])).unwrap();
    let [package::Document::Packages { kind, packages }] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((kind.as_str(), packages[0].architecture.as_deref()), ("rpm", Some("x86_64")));
    assert_eq!((packages[0].name.as_str(), packages[0].version.as_str()), ("systemd", "250-1.fc36"));
    assert_eq!(read(&elf(&[(".note.package", b"short")])), "");
    assert!(in_executable(&elf(&[(".note.package", &note("{"))])).is_err());
}

#[test]
fn a_bundle_of_dotnet_and_a_program_that_only_looks_for_one() {
    const SIGNATURE: &str = "8b1202b96a612038727b930214d7a03213f5b9e6efae3318ee3b2dce24b36aae";
    let deps = br#"{"runtimeTarget": {"name": "t"}, "targets": {"t": {"A/1.0": {"runtime": {"a.dll": {}}}}},
        "libraries": {"A/1.0": {"type": "package"}}}"#;
    let signature = hex::decode(SIGNATURE).unwrap();
    let host = |header: u64| {
        elf(&[
            (".text", &[&[0x8b; 8][..], &signature].concat()),
            (".data", &[&header.to_le_bytes()[..], &signature].concat()),
        ])
    };
    let length = host(1).len() as u64;
    let header = length + deps.len() as u64;
    let mut bundle = [host(header), deps.to_vec()].concat();
    bundle.extend([6u32.to_le_bytes(), 0u32.to_le_bytes(), 1u32.to_le_bytes()].concat());
    bundle.extend(b"\x04name");
    bundle.extend([length, deps.len() as u64, 0, 0, 0].iter().flat_map(|value| value.to_le_bytes()));
    assert_eq!(read(&bundle), "nuget A 1.0\n");
    assert_eq!(read(&host(header)), "");
}

/// Makes section `at` a table of symbols, whose names stand in the section before it.
fn as_symbols(program: &mut [u8], at: usize) {
    let table = usize::try_from(u64::from_le_bytes(program[40..48].try_into().unwrap())).unwrap();
    let header = table + 64 * at;
    program[header - 60..header - 56].copy_from_slice(&3u32.to_le_bytes());
    program[header + 4..header + 8].copy_from_slice(&2u32.to_le_bytes());
    program[header + 40..header + 44].copy_from_slice(&u32::try_from(at - 1).unwrap().to_le_bytes());
    program[header + 56..header + 64].copy_from_slice(&24u64.to_le_bytes());
}

#[test]
fn the_bill_of_materials_of_a_native_image() {
    let json = br#"{"bomFormat": "CycloneDX", "components": [{"group": "io.netty", "name": "netty-common", "version": "4.1.100.Final"}]}"#;
    let make = |bill: &[u8], address: u64| {
        let length = (bill.len() as u64).to_le_bytes();
        let symbol = |name: u32, address: u64| {
            [&name.to_le_bytes()[..], &[0x11, 0, 3, 0], &address.to_le_bytes(), &[0; 8]].concat()
        };
        let symbols = [vec![0; 24], symbol(1, address + 8), symbol(6, address)].concat();
        let data = [&length, bill].concat();
        let mut program = elf(&[(".strtab", b"\0sbom\0sbom_length\0"), (".symtab", &symbols), (".data", &data)]);
        as_symbols(&mut program, 2);
        (program.windows(data.len()).position(|window| window == data).unwrap() as u64, program)
    };
    let found = |bill: &[u8]| {
        let (address, _) = make(bill, 0);
        in_executable(&make(bill, address).1)
    };
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(json).unwrap();
    let bill = packed.finish().unwrap();
    assert_eq!(
        found(&bill).unwrap().into_iter().map(lines_of).collect::<String>(),
        "maven io.netty:netty-common 4.1.100.Final\n"
    );
    assert!(matches!(found(&bill[..bill.len() / 2]), Err(Error::Broken { .. })));
    assert_eq!(found(b"a variable of this name").unwrap(), []);
}

#[test]
fn what_is_no_program_says_nothing() {
    for bytes in [&b""[..], b"#!/bin/sh\n", b"\x7fELF", b"MZ", b"\xca\xfe\xba\xbe\0\0\0\x34"] {
        assert_eq!(in_executable(bytes).unwrap(), []);
    }
}
