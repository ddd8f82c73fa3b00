//! Signed notes and keys.

use base::{Entropy, Secret, limits};
use proptest::prelude::*;
use tlog::{Error, KeyName, Note, Signer, VerifierKey};

use crate::reference::signer;

/// The example of the Go package `golang.org/x/mod/sumdb/note`, which C2SP signed-note was written from.
const EXAMPLE_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const EXAMPLE: &str = "If you think cryptography is the answer to your problem,\n\
    then you don't know what your problem is.\n\n\
    — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

/// The key of the Go checksum database.
const GO_SUM: &str = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";

#[test]
fn the_example_of_go_verifies() {
    let key: VerifierKey = EXAMPLE_KEY.parse().unwrap();
    let note = Note::parse(EXAMPLE.as_bytes()).unwrap();
    assert_eq!(note.to_string(), EXAMPLE);
    assert_eq!(note.verify(std::slice::from_ref(&key)).unwrap(), [&key]);
    for text in [EXAMPLE_KEY, GO_SUM] {
        assert_eq!(text.parse::<VerifierKey>().unwrap().to_string(), text);
    }
}

#[test]
fn verifier_keys_that_are_refused() {
    let other_id = EXAMPLE_KEY.replace("c74f20a3", "c74f20a4");
    let other_name = EXAMPLE_KEY.replace("Peter", "Pater");
    let upper_id = EXAMPLE_KEY.replace("c74f20a3", "C74F20A3");
    let bad = [
        "",
        "+",
        "++",
        "a+b",
        "PeterNeumann+c74f20a3+",
        &other_id,
        &other_name,
        &upper_id,
        &EXAMPLE_KEY[1..],
        &EXAMPLE_KEY[..60],
        "PeterNeumann+c74f20a3+AQ==",
        &format!("{EXAMPLE_KEY}="),
        &format!("{EXAMPLE_KEY}\n"),
        // A cosignature key, type 4: its signatures are over another message.
        "PeterNeumann+c74f20a3+BBpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ];
    for text in bad {
        assert!(text.parse::<VerifierKey>().is_err(), "{text}");
    }
    for name in ["", "a b", "a+b", "a\u{a0}b", "a\u{2003}b", "a\nb", "a\tb", &"a".repeat(256)] {
        assert!(name.parse::<KeyName>().is_err(), "{name:?}");
    }
}

#[test]
fn notes_that_are_refused() {
    let line = "— a AAAAAAA=\n";
    let bad = [
        String::new(),
        "\n".to_owned(),
        "\n\n".to_owned(),
        "text\n".to_owned(),
        "text\n\n".to_owned(),
        line.to_owned(),
        format!("\n{line}"),
        format!("text\n{line}"),
        format!("text\n\n{line}\n"),
        format!("text\n\n{}", line.trim_end()),
        format!("text\n\n{line}more\n"),
        format!("text\r\n\n{line}"),
        format!("te\0xt\n\n{line}"),
        "text\n\n- a AAAAAAA=\n".to_owned(),
        "text\n\n—  a AAAAAAA=\n".to_owned(),
        "text\n\n— AAAAAAA=\n".to_owned(),
        "text\n\n— a AAAAAAA\n".to_owned(),
        "text\n\n— a AAAAAAB=\n".to_owned(),
        "text\n\n— a AAAA\n".to_owned(),
        "text\n\n— a AAAAAA==\n".to_owned(),
        "text\n\n— a AAAAAAA= \n".to_owned(),
        "text\n\n— a+b AAAAAAA=\n".to_owned(),
        "text\n\n— a AAAAAAA=\n\n— a AAAAAAA=".to_owned(),
        format!("text\n\n{}", line.repeat(limits::NOTE_SIGNATURES + 1)),
        format!("{}\n\n{line}", "x".repeat(limits::NOTE_BYTES)),
    ];
    for note in bad {
        assert!(Note::parse(note.as_bytes()).is_err(), "{:?}", note.chars().take(60).collect::<String>());
    }
    assert!(Note::parse(b"text\xff\n\n\xe2\x80\x94 a AAAAAAA=\n").is_err());
    for good in [format!("text\n\n{line}"), format!("a\n\n\nb\n\n\n{line}"), format!("\n\n{line}")] {
        assert_eq!(Note::parse(good.as_bytes()).unwrap().to_string(), good);
    }
    for text in ["", "text", "text\r\n", "\0\n"] {
        assert!(Note::sign(text.to_owned(), &signer("a", 1)).is_err(), "{text:?}");
    }
}

#[test]
fn many_signers_and_who_counts() {
    let signers: Vec<Signer> = (0..20).map(|at| signer(&format!("witness{at}.example"), at)).collect();
    let keys: Vec<VerifierKey> = signers.iter().map(|signer| signer.verifier().clone()).collect();
    let mut note = Note::sign("text\n\nwith an empty line\n".to_owned(), &signers[0]).unwrap();
    signers.iter().for_each(|signer| note.cosign(signer).unwrap());
    let note = Note::parse(note.to_string().as_bytes()).unwrap();
    assert_eq!(note.signatures().len(), 20, "the first signer's second signature took the place of its first");
    assert_eq!(note.verify(&keys).unwrap().len(), 20);
    assert_eq!(note.verify(&keys[3..5]).unwrap(), [&keys[3], &keys[4]]);

    // The same key under the name of another, or another key under the same name, is unknown.
    let strangers = [signer("witness0.example", 99), signer("stranger.example", 0)];
    let strangers: Vec<VerifierKey> = strangers.iter().map(|signer| signer.verifier().clone()).collect();
    assert!(matches!(note.verify(&strangers), Err(Error::Untrusted { .. })));
    assert!(matches!(note.verify(&[]), Err(Error::Untrusted { .. })));

    // A line that is repeated does not count twice; a bad one by a trusted key condemns the note.
    let line = note.signatures()[4].to_string();
    let doubled: Note = format!("{note}{line}\n").parse().unwrap();
    assert_eq!(doubled.verify(&keys).unwrap().len(), 20);
    let forged: Note = format!("{}{line}\n", Note::sign("other\n".to_owned(), &signers[0]).unwrap()).parse().unwrap();
    assert!(matches!(forged.verify(&keys), Err(Error::BadSignature { .. })));
    assert_eq!(forged.verify(&keys[..1]).unwrap().len(), 1);
}

#[test]
fn the_number_of_signatures_has_a_limit() {
    let mut note = Note::sign("text\n".to_owned(), &signer("0", 0)).unwrap();
    for at in 1..limits::NOTE_SIGNATURES as u64 {
        note.cosign(&signer(&at.to_string(), at)).unwrap();
    }
    let before = note.clone();
    assert!(matches!(note.cosign(&signer("more", 1000)), Err(Error::TooLarge { .. })));
    assert_eq!(note, before);
    assert!(Note::sign(format!("{}\n", "x".repeat(limits::NOTE_BYTES - 1)), &signer("0", 0)).is_err());
}

#[test]
fn every_flipped_bit_is_found() {
    let signer = signer("log.example/audit", 1);
    let note = Note::sign("some text\n".to_owned(), &signer).unwrap().to_string();
    for at in 0..note.len() {
        for bit in 0..8 {
            let mut bytes = note.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            let answer = Note::parse(&bytes).and_then(|note| note.verify(&[signer.verifier().clone()]).map(|_| ()));
            assert!(answer.is_err(), "bit {bit} of byte {at}");
        }
    }
}

#[test]
fn a_signer_is_one_line_as_gos_notes_have_it() {
    // The key pair of the example of golang.org/x/mod/sumdb/note.
    let text = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    let signer = Signer::from_text(&Secret::new(format!("{text}\n"))).unwrap();
    assert_eq!(signer.to_text().expose(), text);
    let public = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    assert_eq!(signer.verifier().to_string(), public);
    for (from, to) in
        [("PRIVATE", "PUBLIC"), ("c74f20a3", "c74f20a4"), ("AYEK", "AIEK"), ("KDFz", "KDF"), ("Peter", "")]
    {
        let error = Signer::from_text(&Secret::new(text.replacen(from, to, 1))).unwrap_err().to_string();
        assert!(!error.contains("FALVFGyN"), "{error}");
    }
}

#[test]
fn a_signer_survives_pkcs8_and_shows_no_secret() {
    let name: KeyName = "log.example/audit".parse().unwrap();
    let signer = Signer::generate(name.clone(), &Entropy::seeded(5));
    let der = signer.to_pkcs8();
    let again = Signer::from_pkcs8(name.clone(), &der).unwrap();
    assert_eq!(again.verifier(), signer.verifier());
    assert_eq!(format!("{signer:?}"), format!("Signer({})", signer.verifier()));
    assert_ne!(Signer::generate(name.clone(), &Entropy::System).verifier(), signer.verifier());
    for end in 0..der.expose().len() {
        assert!(Signer::from_pkcs8(name.clone(), &Secret::new(der.expose()[..end].to_vec())).is_err());
    }
}

proptest! {
    #[test]
    fn reading_never_panics(
        text in "(.|\n){0,80}",
        tail in "(— [a-z ]{0,3} [A-Za-z0-9+/=]{0,12}\n?){0,3}",
        bytes in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let _ = Note::parse(&bytes);
        let _ = text.parse::<VerifierKey>();
        let _ = format!("a+00000000+{text}").parse::<VerifierKey>();
        let note = format!("{text}\n\n{tail}");
        if let Ok(parsed) = Note::parse(note.as_bytes()) {
            prop_assert_eq!(parsed.to_string(), note);
        }
    }

    #[test]
    fn signed_texts_round_trip(lines in prop::collection::vec("[^\\p{Cc}]{0,20}", 1..6), seed: u64) {
        let signer = signer("log.example", seed);
        let text = format!("{}\n", lines.join("\n"));
        let note = Note::sign(text.clone(), &signer).unwrap();
        let again = Note::parse(note.to_string().as_bytes()).unwrap();
        prop_assert_eq!(again.text(), text);
        prop_assert_eq!(&again, &note);
        prop_assert!(again.verify(&[signer.verifier().clone()]).is_ok());
    }

    #[test]
    fn verifier_keys_round_trip(name in "[a-z0-9./é-]{1,40}", public: [u8; 32]) {
        let key = VerifierKey::ed25519(name.parse().unwrap(), public);
        prop_assert_eq!(key.to_string().parse::<VerifierKey>().unwrap(), key);
    }
}
