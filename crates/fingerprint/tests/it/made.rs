//! Executables made byte by byte: ELF with sections and a dynamic symbol table, PE with a version resource, Mach-O.

use fingerprint::{Aliases, Control, Index, Learner, Observation};
use std::sync::Arc;

/// Name, type, flags, link, size of an entry, bytes.
type Section<'b> = (&'b str, u32, u64, u32, u64, &'b [u8]);

/// An ELF file for x86-64 with code, texts, and names it exports and imports.
pub fn elf(code: &[u8], texts: &[&str], exports: &[&str], imports: &[&str]) -> Vec<u8> {
    let rodata: Vec<u8> = texts.iter().flat_map(|text| text.bytes().chain([0])).collect();
    let mut dynstr = vec![0];
    let mut dynsym = vec![0; 24];
    for (names, section) in [(exports, 1u16), (imports, 0)] {
        for name in names {
            dynsym.extend_from_slice(&(dynstr.len() as u32).to_le_bytes());
            dynsym.extend_from_slice(&[0x12, 0]);
            dynsym.extend_from_slice(&section.to_le_bytes());
            dynsym.extend_from_slice(&[0; 16]);
            dynstr.extend(name.bytes().chain([0]));
        }
    }
    let sections: [Section<'_>; 5] = [
        (".text", 1, 6, 0, 0, code),
        (".rodata", 1, 2, 0, 0, &rodata),
        (".dynstr", 3, 2, 0, 0, &dynstr),
        (".dynsym", 11, 2, 3, 24, &dynsym),
        (".shstrtab", 3, 0, 0, 0, b"\0.text\0.rodata\0.dynstr\0.dynsym\0.shstrtab\0"),
    ];
    let names = sections[4].5;
    let mut file = vec![0; 64];
    let mut headers = vec![0; 64];
    for (name, kind, flags, link, entry, bytes) in sections {
        let at = names.windows(name.len()).position(|part| part == name.as_bytes()).unwrap() as u32;
        let offset = file.len() as u64;
        file.extend_from_slice(bytes);
        headers.extend_from_slice(&at.to_le_bytes());
        headers.extend_from_slice(&kind.to_le_bytes());
        for word in [flags, offset, offset, bytes.len() as u64] {
            headers.extend_from_slice(&word.to_le_bytes());
        }
        headers.extend_from_slice(&link.to_le_bytes());
        headers.extend_from_slice(&1u32.to_le_bytes());
        headers.extend_from_slice(&1u64.to_le_bytes());
        headers.extend_from_slice(&entry.to_le_bytes());
    }
    let table = file.len() as u64;
    file.extend(headers);
    file[..16].copy_from_slice(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    file[16..20].copy_from_slice(&[3, 0, 62, 0]);
    file[20..24].copy_from_slice(&1u32.to_le_bytes());
    file[40..48].copy_from_slice(&table.to_le_bytes());
    for (at, half) in [(52, 64u16), (54, 56), (58, 64), (60, 6), (62, 5)] {
        file[at..at + 2].copy_from_slice(&half.to_le_bytes());
    }
    file
}

/// A PE file whose one section holds a version resource with these strings, and wide texts behind it.
pub fn pe(strings: &[(&str, &str)], texts: &[&str]) -> Vec<u8> {
    const SECTION_AT: usize = 0x200;
    const ADDRESS: u32 = 0x1000;
    let info = version_info(strings);
    let mut section = Vec::new();
    // Three levels of directory, each with one entry: type 16, id 1, language 0x409; then the data entry.
    for (id, next) in [(16u32, 0x8000_0018u32), (1, 0x8000_0030), (0x409, 0x48)] {
        section.extend_from_slice(&[0; 12]);
        section.extend_from_slice(&[0, 0, 1, 0]);
        section.extend_from_slice(&id.to_le_bytes());
        section.extend_from_slice(&next.to_le_bytes());
    }
    for word in [ADDRESS + 0x58, info.len() as u32, 0, 0] {
        section.extend_from_slice(&word.to_le_bytes());
    }
    section.extend(&info);
    for text in texts {
        section.extend([0, 0]);
        section.extend(wide(text));
    }
    let mut file = vec![0; SECTION_AT];
    file[..2].copy_from_slice(b"MZ");
    file[0x3c] = 0x80;
    file[0x80..0x84].copy_from_slice(b"PE\0\0");
    for (at, half) in [(0x84, 0x8664u16), (0x86, 1), (0x94, 240), (0x96, 0x2022), (0x98, 0x20b)] {
        file[at..at + 2].copy_from_slice(&half.to_le_bytes());
    }
    // Image base, alignments, sizes, count of directories, the resource directory.
    for (at, word) in [
        (0xb0, 0x4000_0000u32),
        (0xb8, 0x1000),
        (0xbc, 0x200),
        (0xd0, 0x3000),
        (0xd4, 0x200),
        (0x104, 16),
        (0x118, ADDRESS),
        (0x11c, section.len() as u32),
    ] {
        file[at..at + 4].copy_from_slice(&word.to_le_bytes());
    }
    file[0x188..0x190].copy_from_slice(b".rsrc\0\0\0");
    for (at, word) in [
        (0x190, section.len() as u32),
        (0x194, ADDRESS),
        (0x198, section.len() as u32),
        (0x19c, SECTION_AT as u32),
        (0x1ac, 0x4000_0040),
    ] {
        file[at..at + 4].copy_from_slice(&word.to_le_bytes());
    }
    file.extend(section);
    file
}

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
}

fn version_info(strings: &[(&str, &str)]) -> Vec<u8> {
    let leaves: Vec<Vec<u8>> =
        strings.iter().map(|(key, value)| node(key, &wide(value), value.len() as u16 + 1, 1, &[])).collect();
    let table = node("040904b0", &[], 0, 1, &leaves);
    let file_info = node("StringFileInfo", &[], 0, 1, &[table]);
    node("VS_VERSION_INFO", &[0; 52], 52, 0, &[file_info])
}

fn node(key: &str, value: &[u8], value_length: u16, kind: u16, children: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = vec![0, 0];
    bytes.extend_from_slice(&value_length.to_le_bytes());
    bytes.extend_from_slice(&kind.to_le_bytes());
    bytes.extend(wide(key));
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes.extend_from_slice(value);
    for child in children {
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes.extend_from_slice(child);
    }
    let length = bytes.len() as u16;
    bytes[..2].copy_from_slice(&length.to_le_bytes());
    bytes
}

/// A Mach-O image for x86-64 with one segment and one section of texts.
pub fn macho(texts: &[&str]) -> Vec<u8> {
    let strings: Vec<u8> = texts.iter().flat_map(|text| text.bytes().chain([0])).collect();
    let mut file = Vec::new();
    for word in [0xfeed_facfu32, 0x0100_0007, 3, 2, 1, 152, 0, 0, 0x19, 152] {
        file.extend_from_slice(&word.to_le_bytes());
    }
    let name = |text: &str| -> Vec<u8> { text.bytes().chain(std::iter::repeat(0)).take(16).collect() };
    file.extend(name("__TEXT"));
    for word in [0u64, 0x1000, 0, 0x1000] {
        file.extend_from_slice(&word.to_le_bytes());
    }
    for word in [5u32, 5, 1, 0] {
        file.extend_from_slice(&word.to_le_bytes());
    }
    file.extend(name("__cstring"));
    file.extend(name("__TEXT"));
    file.extend_from_slice(&184u64.to_le_bytes());
    file.extend_from_slice(&(strings.len() as u64).to_le_bytes());
    for word in [184u32, 0, 0, 0, 2, 0, 0, 0] {
        file.extend_from_slice(&word.to_le_bytes());
    }
    file.extend(strings);
    file
}

/// Texts that only a product of this name would hold.
pub fn texts_of(product: &str) -> Vec<String> {
    let subjects = [
        "stream header",
        "window size",
        "block table",
        "checksum",
        "output buffer",
        "dictionary",
        "end marker",
        "flag word",
    ];
    subjects.iter().map(|subject| format!("{product}: cannot read the {subject} of the input")).collect()
}

/// A library of a product and version, as its distribution would build it.
pub fn library(product: &str, version: &str) -> Vec<u8> {
    let texts = texts_of(product);
    let banner = format!("{product} version {version}, Copyright 2020-2024");
    let mut all: Vec<&str> = texts.iter().map(String::as_str).collect();
    all.push(&banner);
    let exports: Vec<String> = (0..8).map(|n| format!("{product}_function_{n}")).collect();
    let code: Vec<u8> = format!("{product} {version} ").bytes().cycle().take(4_096).map(|byte| byte | 0x80).collect();
    elf(&code, &all, &exports.iter().map(String::as_str).collect::<Vec<_>>(), &["malloc"])
}

pub const PRODUCTS: [&str; 4] = ["alphacodec", "bravocrypt", "charlienet", "deltadb"];

/// An index of the four products in two versions each.
pub fn index() -> Index {
    Index::open(Arc::new(index_bytes(false))).unwrap()
}

/// The same index, learnt in one order or the other.
pub fn index_bytes(backwards: bool) -> Vec<u8> {
    let aliases = Aliases::parse("alphacodec - alpha:codec\n");
    let mut learner = Learner::default();
    let mut all: Vec<(&str, &str)> =
        PRODUCTS.iter().flat_map(|product| [(*product, "1.2.3"), (*product, "1.4.0")]).collect();
    if backwards {
        all.reverse();
    }
    for (product, version) in all {
        let control = Control {
            package: product.into(),
            source: product.into(),
            version: format!("1:{version}-2"),
            ..Control::default()
        };
        let origin = aliases.origin(&control.source, &control.version);
        let observation = Observation::of(&library(product, version)).unwrap();
        learner.add(&origin, &format!("./usr/lib/lib{product}.so.1"), &observation);
    }
    learner.finish(&aliases, "a test").unwrap()
}
