//! Signatures that cosign, notation and openssl made: whose they are, and what is left of them when anything changes.
//!
//! `fixtures/make.sh` made them; it says how.

#![expect(clippy::unwrap_used, reason = "a test says what failed by failing")]

use std::{collections::HashMap, fs, path::PathBuf};

use base::Timestamp;
use oci::{Digest, Manifest, MediaType};
use proptest::prelude::*;
use seal::{Anchor, Anchors, Artifact, Authority, Form, Image, PublicKey, Refused, Signature, Signer};

/// Within the hour in which everything was signed.
const NOW: &str = "2026-12-01T04:30:00Z";

/// A manifest and its blobs, by the digest under which the manifest asks for them.
#[derive(Clone)]
struct Kept {
    manifest: Manifest,
    blobs: HashMap<Digest, Vec<u8>>,
}

#[test]
fn cosigns_older_signatures_are_those_of_their_keys() {
    let found = verified("simple-keys", &anchors(), NOW);
    let who: Vec<_> = found.iter().map(|found| found.as_ref().map(|signer| signer.anchor.as_str())).collect();
    assert_eq!(who, [Ok("cosign"), Ok("rsa"), Ok("ec384"), Ok("ed25519")]);
    let none = verified("simple-keys", &Anchors::default(), NOW);
    assert!(none.iter().all(|found| matches!(found, Err(Refused::UnknownSigner(_)))), "{none:?}");
}

#[test]
fn a_certificate_counts_through_its_authority() {
    for (name, form) in [
        ("simple-certificate", Form::CosignSignature),
        ("notation-jws", Form::NotationJws),
        ("notation-cose", Form::NotationCose),
    ] {
        let signature = only(name);
        assert_eq!(signature.form(), form);
        let signer = signature.verify(&image().of(), &anchors(), at(NOW)).expect(name);
        assert_eq!(
            (signer.anchor.as_str(), signer.subject.as_deref()),
            ("root", Some("signer@fixture.test")),
            "{name}"
        );
        let unknown = signature.verify(&image().of(), &Anchors::default(), at(NOW));
        assert!(matches!(unknown, Err(Refused::UnknownSigner(_))), "{name}: {unknown:?}");
        let later = signature.verify(&image().of(), &anchors(), at("2127-01-01T00:00:00Z"));
        assert!(matches!(later, Err(Refused::Expired(_))), "{name}: {later:?}");
        let before = signature.verify(&image().of(), &anchors(), at("2026-11-30T00:00:00Z"));
        assert!(matches!(before, Err(Refused::NotAllowed(_))), "{name}: {before:?}");
    }
}

#[test]
fn a_certificate_that_signed_itself_counts_where_the_operator_gave_it_and_while_its_signer_wanted() {
    let signature = only("notation-self-signed");
    let signer = signature.verify(&image().of(), &anchors(), at(NOW)).unwrap();
    assert_eq!(signer.anchor, "self-signed");
    let expired = signature.verify(&image().of(), &anchors(), at("2026-12-01T05:10:00Z"));
    assert!(matches!(&expired, Err(Refused::Expired(why)) if why.contains("let it count")), "{expired:?}");
    let run_out = signature.verify(&image().of(), &anchors(), at("2026-12-03T00:00:00Z"));
    assert!(matches!(&run_out, Err(Refused::Expired(why)) if why.contains("run out")), "{run_out:?}");
}

#[test]
fn statements_say_what_they_are() {
    for (name, form) in [("attestation", Form::CosignAttestation), ("bundle-attestation", Form::SigstoreBundle)] {
        let signature = only(name);
        assert_eq!((signature.form(), signature.predicate_type()), (form, Some("https://fixture.test/checked")));
        let statement: serde_json::Value = serde_json::from_slice(signature.statement().unwrap()).unwrap();
        assert_eq!(statement["predicate"]["passed"], true);
        assert_eq!(signature.verify(&image().of(), &anchors(), at(NOW)).unwrap().anchor, "cosign");
    }
}

#[test]
fn a_signature_of_one_image_says_nothing_of_another() {
    let other = Bytes { bytes: b"{}".to_vec(), ..image() };
    let other = Bytes { digest: Digest::sha256_of(&other.bytes), ..other };
    for name in ALL {
        for signature in read(&kept(name)) {
            let refused = signature.expect(name).verify(&other.of(), &anchors(), at(NOW));
            assert!(matches!(refused, Err(Refused::AnotherImage(_))), "{name}: {refused:?}");
        }
    }
    let image = image();
    let as_index = Image { media_type: &MediaType::OCI_INDEX, ..image.of() };
    let refused = only("notation-jws").verify(&as_index, &anchors(), at(NOW));
    assert!(matches!(refused, Err(Refused::AnotherImage(_))), "{refused:?}");
}

#[test]
fn what_is_missing_or_too_large_is_said() {
    let Kept { manifest, .. } = kept("attestation");
    let unreadable = Artifact::of(&manifest).unwrap().read(|_| None);
    assert!(unreadable[0].as_ref().unwrap_err().to_string().contains("is not here"), "{unreadable:?}");
    let text = fs::read_to_string(folder("attestation").join("manifest.json")).unwrap();
    let size = manifest.layers()[0].size;
    let huge = text.replace(&format!("\"size\":{size}"), "\"size\":99999999999");
    let huge = Manifest::parse(huge.as_bytes(), None).unwrap();
    let artifact = Artifact::of(&huge).unwrap();
    assert_eq!(artifact.blobs().count(), 0, "nobody is asked for it");
    assert!(artifact.read(|_| None)[0].as_ref().unwrap_err().to_string().contains("at most"));
}

const ALL: [&str; 7] = [
    "simple-keys",
    "simple-certificate",
    "attestation",
    "bundle-attestation",
    "notation-jws",
    "notation-cose",
    "notation-self-signed",
];

proptest! {
    /// Whatever byte of whatever blob becomes another, and the manifest asks for the changed blob: either it says the same of
    /// the same image by the same signer as before (what nobody signs, such as the program's name), or it counts for nothing.
    #[test]
    fn no_changed_byte_says_something_else(which in 0..ALL.len(), place in any::<prop::sample::Index>(), to in any::<u8>()) {
        let name = ALL[which];
        let before: Vec<_> = said(&kept(name));
        let mut changed = kept(name);
        let digest = changed.manifest.layers()[0].digest.clone();
        let blob = changed.blobs.get_mut(&digest).unwrap();
        let place = place.index(blob.len());
        blob[place] = to;
        let blob = blob.clone();
        let renamed = fs::read_to_string(folder(name).join("manifest.json")).unwrap()
            .replace(digest.hex(), Digest::sha256_of(&blob).hex());
        changed.manifest = Manifest::parse(renamed.as_bytes(), None).unwrap();
        changed.blobs.insert(Digest::sha256_of(&blob), blob);
        for said in said(&changed) {
            prop_assert!(before.contains(&said), "{name}, byte {place} to {to}: {said:?}");
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(which in 0..ALL.len(), bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let text = fs::read_to_string(folder(ALL[which]).join("manifest.json")).unwrap();
        let digest = Digest::sha256_of(&bytes);
        let before = Manifest::parse(text.as_bytes(), None).unwrap().layers()[0].digest.clone();
        let manifest = Manifest::parse(text.replace(before.hex(), digest.hex()).as_bytes(), None).unwrap();
        let artifact = Artifact::of(&manifest).unwrap();
        prop_assert!(artifact.read(|_| Some(bytes.clone()))[0].is_err());
    }
}

/// What holds: of which form, with which statement, by whom, made when, until when.
type Said = (Form, Option<Vec<u8>>, Signer, Option<Timestamp>, Option<Timestamp>);

fn said(kept: &Kept) -> Vec<Said> {
    let image = image();
    let anchors = anchors();
    let holds = |signature: Signature| {
        let signer = signature.verify(&image.of(), &anchors, at(NOW)).ok()?;
        let statement = signature.statement().map(<[u8]>::to_vec);
        Some((signature.form(), statement, signer, signature.made(), signature.expires()))
    };
    read(kept).into_iter().filter_map(Result::ok).filter_map(holds).collect()
}

fn verified(name: &str, anchors: &Anchors, now: &str) -> Vec<Result<Signer, Refused>> {
    let image = image();
    read(&kept(name)).into_iter().map(|found| found.expect(name).verify(&image.of(), anchors, at(now))).collect()
}

fn only(name: &str) -> Signature {
    let mut all = read(&kept(name));
    assert_eq!(all.len(), 1, "{name}");
    all.remove(0).expect(name)
}

fn read(kept: &Kept) -> Vec<Result<Signature, seal::Unreadable>> {
    Artifact::of(&kept.manifest).expect("the manifest holds signatures").read(|digest| kept.blobs.get(digest).cloned())
}

fn kept(name: &str) -> Kept {
    let folder = folder(name);
    let manifest = Manifest::parse(&fs::read(folder.join("manifest.json")).unwrap(), None).unwrap();
    let blob = |layer: &oci::Descriptor| {
        let file = folder.join(layer.digest.to_string().replace(':', "-"));
        (layer.digest.clone(), fs::read(file).unwrap())
    };
    Kept { blobs: manifest.layers().iter().map(blob).collect(), manifest }
}

/// The image that was signed.
struct Bytes {
    digest: Digest,
    media_type: MediaType,
    bytes: Vec<u8>,
}

impl Bytes {
    fn of(&self) -> Image<'_> {
        Image { digest: &self.digest, media_type: &self.media_type, manifest: &self.bytes }
    }
}

fn image() -> Bytes {
    let bytes = fs::read(folder("image").join("manifest.json")).unwrap();
    Bytes { digest: Digest::sha256_of(&bytes), media_type: MediaType::OCI_MANIFEST, bytes }
}

fn anchors() -> Anchors {
    let text = |name: &str, end: &str| fs::read_to_string(folder(&format!("{name}.{end}"))).unwrap();
    let key = |name: &str| Anchor { name: name.to_owned(), value: PublicKey::from_pem(&text(name, "pub")).unwrap() };
    let authority =
        |name: &str| Anchor { name: name.to_owned(), value: Authority::from_pem(&text(name, "crt")).unwrap() };
    Anchors {
        keys: ["cosign", "rsa", "ec384", "ed25519"].map(key).into(),
        authorities: ["root", "self-signed"].map(authority).into(),
    }
}

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}
