//! What an index learnt from four products says of executables it has not seen.

use crate::made::{PRODUCTS, elf, index, index_bytes, library, macho, pe, texts_of};
use std::sync::Arc;

use fingerprint::{Aliases, Evidence, Identification, Index, Learner, Observation, Origin, identify};

fn found<'f>(found: &'f [Identification], product: &str) -> &'f Identification {
    found
        .iter()
        .find(|identification| identification.product == product)
        .unwrap_or_else(|| panic!("{product} in {found:?}"))
}

#[test]
fn a_learnt_library_is_known_by_its_file_and_sections() {
    let index = index();
    let bytes = library("deltadb", "1.4.0");
    let digest = <sha2::Sha256 as sha2::Digest>::digest(&bytes).into();
    let said = identify(&index, &bytes, Some(&digest));
    assert_eq!(said.len(), 1, "{said:?}");
    assert_eq!((said[0].version.as_deref(), said[0].confidence), (Some("1.4.0"), 99));
    assert!(matches!(said[0].evidence[0], Evidence::File { .. }));
    assert!(
        said[0].evidence.iter().any(|evidence| matches!(evidence, Evidence::Section { name, .. } if name == ".text"))
    );
}

#[test]
fn a_version_never_learnt_is_told_by_its_banner() {
    let said = identify(&index(), &library("alphacodec", "2.0.1"), None);
    let alpha = found(&said, "alphacodec");
    assert_eq!(alpha.version.as_deref(), Some("2.0.1"));
    assert_eq!(alpha.cpe.as_deref(), Some("alpha:codec"));
    let banner = alpha.evidence.iter().find_map(|evidence| match evidence {
        Evidence::Banner { text, template, .. } => Some((text.as_str(), template.as_str())),
        _ => None,
    });
    let expected = ("alphacodec version 2.0.1, Copyright 2020-2024", "alphacodec version <version>, Copyright <n>-<n>");
    assert_eq!(banner, Some(expected));
}

#[test]
fn two_libraries_linked_into_one_program_are_both_found() {
    let mut texts = [texts_of("alphacodec"), texts_of("charlienet")].concat();
    texts.push("alphacodec version 1.9.9, Copyright 2020-2025".into());
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    for program in [elf(&[0x90; 64], &texts, &[], &[]), macho(&texts)] {
        let said = identify(&index(), &program, None);
        assert_eq!(said.len(), 2, "{said:?}");
        assert_eq!(found(&said, "alphacodec").version.as_deref(), Some("1.9.9"));
        assert_eq!(found(&said, "charlienet").version, None);
    }
}

#[test]
fn who_only_calls_a_library_does_not_hold_it() {
    let names: Vec<String> = (0..8).map(|n| format!("bravocrypt_function_{n}")).collect();
    let imports: Vec<&str> = names.iter().map(String::as_str).collect();
    let program = elf(&[0x90; 64], &["a program of its own", "usage: program [options]"], &[], &imports);
    assert_eq!(identify(&index(), &program, None), []);
}

#[test]
fn one_stray_text_is_not_enough() {
    let stray = texts_of("bravocrypt").remove(2);
    let program = elf(&[0x90; 64], &[&stray, "a program of its own"], &[], &[]);
    assert_eq!(identify(&index(), &program, None), []);
}

#[test]
fn a_resource_says_what_a_windows_program_is() {
    let bytes = pe(&[("CompanyName", "Acme"), ("ProductName", "Acme Updater"), ("ProductVersion", "7.1.0 beta")], &[]);
    let said = identify(&index(), &bytes, None);
    assert_eq!(said.len(), 1, "{said:?}");
    assert_eq!((said[0].product.as_str(), said[0].version.as_deref()), ("acme updater", Some("7.1.0")));
}

#[test]
fn wide_texts_count_and_a_resource_confirms() {
    let texts = texts_of("charlienet");
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let said = identify(&index(), &pe(&[("ProductName", "CharlieNet"), ("ProductVersion", "3.2.1")], &texts), None);
    assert_eq!(said.len(), 1, "{said:?}");
    assert_eq!((said[0].product.as_str(), said[0].version.as_deref()), ("charlienet", Some("3.2.1")));
}

#[test]
fn the_order_of_learning_makes_no_difference() {
    assert_eq!(index_bytes(false), index_bytes(true));
}

#[test]
fn an_index_says_what_it_is() {
    let index = index();
    let about = index.about();
    assert_eq!((about.created_by.as_str(), about.products, about.versions), ("a test", PRODUCTS.len(), 8));
    assert!(index.verify());
    assert_eq!(about.digest.len(), 64);
}

/// An index of one library, with a program of the background that holds so many of its texts.
fn beside(background: usize) -> Index {
    let origin = |product: &str| Origin { product: product.into(), version: "1.0".into() };
    let mut learner = Learner::default();
    let seen = Observation::of(&library("bravocrypt", "1.0")).unwrap();
    learner.add(&origin("bravocrypt"), "./usr/lib/libbravocrypt.so.1", &seen);
    let mut texts: Vec<String> = texts_of("bravocrypt").into_iter().take(background).collect();
    texts.extend((0..40).map(|number| format!("what the program itself says, number {number}")));
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let seen = Observation::of(&elf(&[0x90; 64], &texts, &[], &[])).unwrap();
    learner.add_background(&origin("program"), "./usr/bin/program", &seen);
    Index::open(Arc::new(learner.finish(&Aliases::default(), "a test").unwrap())).unwrap()
}

#[test]
fn what_the_background_has_by_chance_tells_nothing_and_a_copy_in_it_takes_nothing_away() {
    let texts: Vec<String> = texts_of("bravocrypt").into_iter().take(4).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let program = elf(&[0x90; 64], &texts, &[], &[]);
    let says =
        |background| identify(&beside(background), &program, None).iter().map(|said| said.product.clone()).collect();
    let [alone, chance, copy]: [Vec<String>; 3] = [0, 2, 8].map(says);
    assert_eq!((alone, chance, copy), (vec!["bravocrypt".to_owned()], vec![], vec!["bravocrypt".to_owned()]));
    assert_eq!(beside(8).about().products, 1);
}
