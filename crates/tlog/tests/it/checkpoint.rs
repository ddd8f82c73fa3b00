//! Checkpoints.

use proptest::prelude::*;
use tlog::{Checkpoint, EMPTY_ROOT, Error, Hash};

use crate::reference::signer;

const ORIGIN: &str = "assay.example/audit";

#[test]
fn the_example_of_the_specification_reads() {
    let text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
    let checkpoint: Checkpoint = text.parse().unwrap();
    assert_eq!((checkpoint.origin(), checkpoint.size()), ("example.com/behind-the-sofa", 20_852_163));
    assert_eq!(checkpoint.to_string(), text);
    let extended = format!("{text}one line\nand another\n");
    assert_eq!(extended.parse::<Checkpoint>().unwrap().extensions(), ["one line", "and another"]);
    assert_eq!(extended.parse::<Checkpoint>().unwrap().to_string(), extended);
}

#[test]
fn texts_that_are_refused() {
    let root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
    let bad = [
        String::new(),
        "\n".to_owned(),
        "a\n".to_owned(),
        "a\n1\n".to_owned(),
        format!("a\n1\n{root}"),
        format!("\n1\n{root}\n"),
        format!("a\n01\n{root}\n"),
        format!("a\n+1\n{root}\n"),
        format!("a\n-1\n{root}\n"),
        format!("a\n\n{root}\n"),
        format!("a\n1 \n{root}\n"),
        format!("a\n9223372036854775808\n{root}\n"),
        format!("a\n18446744073709551616\n{root}\n"),
        format!("a\n1\n{}\n", &root[..40]),
        format!("a\n1\n{root}\n\n"),
        format!("a\n1\n{root}\n\nx\n"),
        format!("a\n0\n{root}\n"),
        format!("a\n1\n{}\n", root.replace("I=", "J=")),
    ];
    for text in bad {
        assert!(text.parse::<Checkpoint>().is_err(), "{text:?}");
    }
    assert!(Checkpoint::new("", 0, EMPTY_ROOT).is_err());
    assert!(Checkpoint::new("two\nlines", 0, EMPTY_ROOT).is_err());
    assert!(Checkpoint::new("a", 0, EMPTY_ROOT).unwrap().with_extension("").is_err());
}

#[test]
fn opens_only_the_right_log_signed_by_the_right_key() {
    let (log, other) = (signer(ORIGIN, 1), signer(ORIGIN, 2));
    let checkpoint = Checkpoint::new(ORIGIN, 7, Hash([9; 32])).unwrap();
    let note = checkpoint.sign(&log).unwrap().to_string();
    let keys = [log.verifier().clone()];
    assert_eq!(Checkpoint::open(note.as_bytes(), ORIGIN, &keys).unwrap(), checkpoint);
    let stranger = Checkpoint::open(note.as_bytes(), ORIGIN, &[other.verifier().clone()]);
    assert!(matches!(stranger, Err(Error::Untrusted { .. })));
    let elsewhere = Checkpoint::open(note.as_bytes(), "assay.example/other", &keys);
    assert!(matches!(elsewhere, Err(Error::WrongOrigin { .. })));
}

#[test]
fn every_flipped_bit_is_found() {
    let log = signer(ORIGIN, 1);
    let note = Checkpoint::new(ORIGIN, 7, Hash([9; 32])).unwrap().sign(&log).unwrap().to_string();
    for at in 0..note.len() {
        for bit in 0..8 {
            let mut bytes = note.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            assert!(Checkpoint::open(&bytes, ORIGIN, &[log.verifier().clone()]).is_err(), "bit {bit} of byte {at}");
        }
    }
}

proptest! {
    #[test]
    fn reading_never_panics(text in "([a-z0-9+/=]{0,50}\n){0,5}|(.|\n){0,80}") {
        if let Ok(checkpoint) = text.parse::<Checkpoint>() {
            prop_assert_eq!(checkpoint.to_string(), text);
        }
    }

    #[test]
    fn round_trips(
        origin in "[^\\p{Cc}]{1,40}",
        size in 1..=i64::MAX as u64,
        root: [u8; 32],
        extensions in prop::collection::vec("[^\\p{Cc}]{1,20}", 0..3),
    ) {
        let checkpoint = Checkpoint::new(&origin, size, Hash(root)).unwrap();
        let extended = extensions.iter().try_fold(checkpoint, |checkpoint, line| checkpoint.with_extension(line));
        let checkpoint = extended.unwrap();
        prop_assert_eq!(&checkpoint.to_string().parse::<Checkpoint>().unwrap(), &checkpoint);
        let log = signer("log.example", 3);
        let note = checkpoint.sign(&log).unwrap().to_string();
        prop_assert_eq!(Checkpoint::open(note.as_bytes(), &origin, &[log.verifier().clone()]).unwrap(), checkpoint);
    }
}
