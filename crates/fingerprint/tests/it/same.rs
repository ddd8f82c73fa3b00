//! Reading in pieces gives what reading at once gives, and evidence stays small.

use crate::made::{elf, index, library, pe, texts_of};
use fingerprint::{Pass, identify};
use proptest::prelude::*;

fn passed(bytes: &[u8], cuts: &[usize]) -> String {
    let index = index();
    let mut pass = Pass::new(&index);
    let mut from = 0;
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    cuts.sort_unstable();
    for cut in cuts {
        pass.feed(&bytes[from..cut]);
        from = cut;
    }
    pass.feed(&bytes[from..]);
    serde_json::to_string(&pass.finish()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_cutting_gives_the_same(cuts in prop::collection::vec(any::<usize>(), 0..12)) {
        let wide = texts_of("deltadb");
        let wide: Vec<&str> = wide.iter().map(String::as_str).collect();
        for bytes in [library("alphacodec", "2.0.1"), pe(&[], &wide)] {
            prop_assert_eq!(passed(&bytes, &cuts), passed(&bytes, &[]));
        }
    }
}

#[test]
fn one_byte_at_a_time() {
    let bytes = library("bravocrypt", "3.0");
    let cuts: Vec<usize> = (0..bytes.len()).collect();
    assert_eq!(passed(&bytes, &cuts), passed(&bytes, &[]));
}

#[test]
fn evidence_is_bounded_however_much_there_is() {
    let banners: Vec<String> =
        (0..5_000).map(|n| format!("alphacodec version {n}.{n}.{n}, Copyright 2020-2024")).collect();
    let mut texts: Vec<&str> = banners.iter().map(String::as_str).collect();
    let own = texts_of("alphacodec");
    texts.extend(own.iter().map(String::as_str));
    let said = identify(&index(), &elf(&[0x90; 64], &texts, &[], &[]), None);
    assert_eq!(said.len(), 1);
    let json = serde_json::to_string(&said).unwrap();
    assert!(json.len() < 4_096, "{} bytes", json.len());
}
