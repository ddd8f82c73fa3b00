//! Receipts: the whole way from a leaf to a file that an outsider checks.

use base::limits;
use proptest::prelude::*;
use tlog::{Checkpoint, Error, Receipt, VerifierKey, leaf_hash, prove_inclusion};

use crate::reference;

const ORIGIN: &str = "assay.example/audit";

fn leaf(index: u64) -> Vec<u8> {
    format!("entry {index}").into_bytes()
}

fn trusted() -> [VerifierKey; 1] {
    [reference::signer(ORIGIN, 1).verifier().clone()]
}

fn receipt(index: u64, size: usize) -> Receipt {
    let leaves = reference::leaves(size);
    let frontier = reference::frontier(&leaves);
    let checkpoint = Checkpoint::new(ORIGIN, frontier.size(), frontier.root()).unwrap();
    let note = checkpoint.sign(&reference::signer(ORIGIN, 1)).unwrap();
    let path: Vec<_> = prove_inclusion(index, frontier.size(), reference::reader(&leaves)).unwrap();
    Receipt::new(index, path, note).unwrap()
}

#[test]
fn every_entry_of_small_logs_has_a_receipt() {
    for size in [1_usize, 2, 3, 7, 8, 21] {
        for index in 0..size as u64 {
            let text = receipt(index, size).to_string();
            let read = Receipt::parse(text.as_bytes()).unwrap();
            assert_eq!(read.to_string(), text);
            assert_eq!(read.verify(&leaf(index), ORIGIN, &trusted()).unwrap().size(), size as u64);
            let wrong = read.verify(&leaf(index + 1), ORIGIN, &trusted());
            assert!(matches!(wrong, Err(Error::NotProved { .. })));
        }
    }
}

#[test]
fn the_layout_of_the_specification() {
    let text = receipt(0, 1).with_extra(b"who asked".to_vec()).unwrap().to_string();
    let head = "c2sp.org/tlog-proof@v1\nextra d2hvIGFza2Vk\nindex 0\n\nassay.example/audit\n1\n";
    assert!(text.starts_with(head), "{text}");
    assert_eq!(Receipt::parse(text.as_bytes()).unwrap().extra(), Some(&b"who asked"[..]));
    assert!(receipt(0, 1).with_extra(vec![0; limits::RECEIPT_EXTRA_BYTES + 1]).is_err());
    let largest = receipt(0, 1).with_extra(vec![0; limits::RECEIPT_EXTRA_BYTES]).unwrap();
    assert_eq!(Receipt::parse(largest.to_string().as_bytes()).unwrap(), largest);
}

#[test]
fn texts_that_are_refused() {
    let good = receipt(2, 5).to_string();
    let hash = leaf_hash(b"x").to_base64();
    let bad = [
        good.replace("@v1", "@v2"),
        good.replace("index 2", "index 02"),
        good.replace("index 2", "index -2"),
        good.replace("index 2", "index"),
        good.replace("index 2\n", ""),
        good.replacen("\n\n", "\n", 1),
        good.replacen("\n\n", "\n\n\n", 1),
        good.replace("index 2", "extra AA==\nextra AA==\nindex 2"),
        good.replace("index 2", "extra A\nindex 2"),
        good.replace("index 2", "extra\nindex 2"),
        good.replace("index 2\n", "index 2\nx\n"),
        good.replace('\n', "\r\n"),
        format!("\n{good}"),
        format!("{good}\n"),
        good.replace("index 2\n", &format!("index 2\n{}", format!("{hash}\n").repeat(64))),
        String::new(),
        format!("{good}{}", "x".repeat(limits::RECEIPT_BYTES)),
    ];
    for text in bad {
        assert!(Receipt::parse(text.as_bytes()).is_err(), "{:?}", text.chars().take(300).collect::<String>());
    }
}

#[test]
fn a_receipt_does_not_serve_another_log_or_key() {
    let receipt = receipt(2, 5);
    let other = [reference::signer(ORIGIN, 2).verifier().clone()];
    assert!(matches!(receipt.verify(&leaf(2), ORIGIN, &other), Err(Error::Untrusted { .. })));
    assert!(matches!(receipt.verify(&leaf(2), "other.example", &trusted()), Err(Error::WrongOrigin { .. })));
    // The path of one entry with the index of another.
    let moved = Receipt::new(3, receipt.path().to_vec(), receipt.checkpoint().clone()).unwrap();
    assert!(moved.verify(&leaf(2), ORIGIN, &trusted()).is_err());
}

#[test]
fn every_flipped_bit_of_receipt_and_leaf_is_found() {
    let text = receipt(4, 7).to_string().into_bytes();
    let refused = |text: &[u8], leaf: &[u8]| {
        Receipt::parse(text).and_then(|receipt| receipt.verify(leaf, ORIGIN, &trusted())).is_err()
    };
    assert!(!refused(&text, &leaf(4)));
    for bit in 0..8 {
        for at in 0..text.len() {
            let mut bytes = text.clone();
            bytes[at] ^= 1 << bit;
            assert!(refused(&bytes, &leaf(4)), "bit {bit} of byte {at}");
        }
        for at in 0..leaf(4).len() {
            let mut changed = leaf(4);
            changed[at] ^= 1 << bit;
            assert!(refused(&text, &changed), "bit {bit} of byte {at} of the leaf");
        }
    }
}

proptest! {
    #[test]
    fn reading_never_panics(
        text in "(.|\n){0,80}",
        lines in "((index|extra) [0-9A-Za-z=]{0,8}\n){0,3}\n{0,2}(.|\n){0,40}",
        bytes in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let _ = Receipt::parse(&bytes);
        for text in [text, format!("c2sp.org/tlog-proof@v1\n{lines}")] {
            if let Ok(receipt) = Receipt::parse(text.as_bytes()) {
                prop_assert_eq!(receipt.to_string(), text);
            }
        }
    }

    #[test]
    fn spliced_receipts_never_panic(
        at in 0_usize..500,
        drop in 0_usize..200,
        insert in "(.|\n){0,5}",
        extra in prop::collection::vec(any::<u8>(), 0..50),
    ) {
        let good = receipt(4, 7).with_extra(extra).unwrap();
        let mut text = good.to_string();
        prop_assert_eq!(&Receipt::parse(text.as_bytes()).unwrap(), &good);
        let start = text.floor_char_boundary(at);
        let end = text.floor_char_boundary(start + drop);
        text.replace_range(start..end.max(start), &insert);
        if let Ok(receipt) = Receipt::parse(text.as_bytes()) {
            prop_assert_eq!(receipt.to_string(), text);
        }
    }
}
