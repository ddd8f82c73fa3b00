//! Broken executables, packages and indexes: every one is answered, none panics.

use crate::made::{elf, index, index_bytes, library, macho, pe};
use fingerprint::{Index, Observation, identify, is_executable, read_deb};
use std::sync::Arc;

/// Numbers from a seed: the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides.max(1)
    }

    /// One of the ways in which bytes break: a byte, a cut, a word of ones, a piece copied elsewhere.
    fn break_bytes(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.roll(4) {
            let at = self.roll(bytes.len());
            match self.roll(5) {
                0 => bytes.truncate(at),
                1 if at + 8 <= bytes.len() => bytes[at..at + 8].fill(0xff),
                2 if at + 4 <= bytes.len() => {
                    bytes[at..at + 4].copy_from_slice(&(self.roll(1 << 20) as u32).to_le_bytes());
                }
                3 => {
                    let piece: Vec<u8> = bytes[at..].iter().take(64).copied().collect();
                    let to = self.roll(bytes.len() + 1);
                    bytes.splice(to..to, piece);
                }
                _ if at < bytes.len() => bytes[at] ^= 1 << self.roll(8),
                _ => {}
            }
        }
    }
}

#[test]
fn a_thousand_broken_executables() {
    let index = index();
    let whole = [
        library("alphacodec", "1.2.3"),
        elf(&[0x90; 200], &["alphacodec: cannot read the window size of the input"], &["one", "two"], &["three"]),
        pe(
            &[("ProductName", "Acme"), ("FileVersion", "1, 2, 3, 4")],
            &["charlienet: cannot read the checksum of the input"],
        ),
        macho(&["deltadb version 1.2.3, Copyright 2020-2024"]),
    ];
    let mut dice = Dice(1);
    for round in 0..1_000 {
        let mut bytes = whole[round % whole.len()].clone();
        dice.break_bytes(&mut bytes);
        let _ = is_executable(&bytes);
        let said = identify(&index, &bytes, Some(&[7; 32]));
        assert!(said.len() <= 5);
        let _ = Observation::of(&bytes);
    }
}

#[test]
fn a_thousand_broken_indexes() {
    let whole = index_bytes(false);
    let program = library("alphacodec", "1.2.3");
    let mut dice = Dice(2);
    let mut opened = 0;
    for _ in 0..1_000 {
        let mut bytes = whole.clone();
        dice.break_bytes(&mut bytes);
        if let Ok(index) = Index::open(Arc::new(bytes)) {
            opened += 1;
            let _ = identify(&index, &program, None);
            let _ = (index.about(), index.verify());
        }
    }
    assert!(opened > 100, "breaking left {opened} to read");
}

#[test]
fn cut_off_indexes_are_refused() {
    let whole = index_bytes(false);
    for size in (0..whole.len()).step_by(97) {
        assert!(Index::open(Arc::new(whole[..size].to_vec())).is_err(), "{size}");
    }
}

/// A package as `dpkg-deb` packs it, uncompressed.
fn deb(member: &[u8]) -> Vec<u8> {
    let tar = |name: &str, bytes: &[u8]| {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_cksum();
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

#[test]
fn a_package_gives_its_executables() {
    let library = library("alphacodec", "1.2.3");
    let mut paths = Vec::new();
    let control = read_deb(&deb(&library), &mut |_, path, bytes| {
        assert_eq!(bytes, library);
        paths.push(path.to_owned());
    });
    assert_eq!(control.unwrap().source, "alphacodec");
    assert_eq!(paths, ["usr/lib/libalpha.so.1"]);
    assert!(read_deb(b"no archive", &mut |_, _, _| {}).is_err());
}

#[test]
fn a_thousand_broken_packages() {
    let whole = deb(&library("alphacodec", "1.2.3"));
    let mut dice = Dice(3);
    for _ in 0..1_000 {
        let mut bytes = whole.clone();
        dice.break_bytes(&mut bytes);
        let _ = read_deb(&bytes, &mut |_, _, bytes| drop(Observation::of(bytes)));
    }
}
