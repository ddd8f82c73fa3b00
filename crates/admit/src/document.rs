//! How an allow-set travels: its JSON in one line, and under it a signed note that names the digest of that line.
//!
//! ```text
//! {"authority":"assay.test:8443","enabled":true,…}                    canonical JSON; no raw line end can stand in it
//! assay.test:8443/admission                                           ┐ the note's text: the name of the key,
//! sha256:9f86…                                                        ┘ the digest of the first line
//!
//! — assay.test:8443/admission q1w2…                                   C2SP signed-note, Ed25519
//! ```
//!
//! The set is beside the note and not in it, because a note is small by definition and a set is as large as the estate.

use base::limits;
use oci::Digest;
use tlog::{KeyName, Note, Signer, VerifierKey};

use crate::{AllowSet, Error};

/// The name of the key that signs the sets of this registry.
pub fn key_name(authority: &str) -> Result<KeyName, Error> {
    format!("{authority}/admission")
        .parse()
        .map_err(|error| Error::Internal(format!("the admission key's name: {error}")))
}

/// Sign a set. Its entries are put in order first.
pub fn seal(mut set: AllowSet, signer: &Signer) -> Result<String, Error> {
    set.order();
    let line = serde_json::to_string(&set).expect("a set has only text keys");
    if line.len() > limits::ADMISSION_SET_BYTES {
        return Err(Error::Internal(format!(
            "the allow-set has {} bytes, {} at most; remove trust data of repositories nobody runs",
            line.len(),
            limits::ADMISSION_SET_BYTES
        )));
    }
    let note = Note::sign(statement(signer.verifier(), &line), signer)
        .map_err(|error| Error::Internal(format!("the allow-set cannot be signed: {error}")))?;
    Ok(format!("{line}\n{note}"))
}

/// Read a document that this key must have signed. Whether it is still valid is for [`AllowSet::judge`], at each question.
pub fn open(document: &[u8], key: &VerifierKey) -> Result<AllowSet, Error> {
    let refused = |why: &str| Error::Untrusted(format!("the allow-set was refused: {why}"));
    // The note adds less than NOTE_BYTES.
    if document.len() > limits::ADMISSION_SET_BYTES + limits::NOTE_BYTES {
        return Err(refused("it is too large"));
    }
    let document = std::str::from_utf8(document).map_err(|_| refused("it is not UTF-8"))?;
    let (line, note) = document.split_once('\n').ok_or_else(|| refused("no signature stands under it"))?;
    let note = Note::parse(note.as_bytes()).map_err(|error| refused(&error.to_string()))?;
    note.verify(std::slice::from_ref(key)).map_err(|error| refused(&error.to_string()))?;
    if note.text() != statement(key, line) {
        return Err(refused("its signature is for another set"));
    }
    let set: AllowSet = serde_json::from_str(line).map_err(|error| refused(&error.to_string()))?;
    if key_name(&set.authority)? != *key.name() {
        return Err(refused(&format!("it is the one of {}, and the key is {}", set.authority, key.name())));
    }
    if !set.is_ordered() {
        return Err(refused("its entries are out of order"));
    }
    Ok(set)
}

fn statement(key: &VerifierKey, line: &str) -> String {
    format!("{}\n{}\n", key.name(), Digest::sha256_of(line.as_bytes()))
}

#[cfg(test)]
mod tests {
    use base::{Entropy, Timestamp};
    use proptest::prelude::*;
    use tlog::Signer;

    use super::{key_name, open, seal};
    use crate::AllowSet;

    fn signer(seed: u64) -> Signer {
        Signer::generate(key_name("assay.test:8443").unwrap(), &Entropy::seeded(seed))
    }

    fn sealed(signer: &Signer) -> (AllowSet, String) {
        let set = crate::allow_set::tests::set();
        let text = seal(set.clone(), signer).unwrap();
        (set, text)
    }

    #[test]
    fn what_was_sealed_is_opened_by_the_same_key_only() {
        let signer = signer(1);
        let (set, text) = sealed(&signer);
        assert_eq!(open(text.as_bytes(), signer.verifier()).unwrap(), set);
        assert!(open(text.as_bytes(), super::tests::signer(2).verifier()).is_err());
        let other = Signer::generate(key_name("other.test").unwrap(), &Entropy::seeded(1));
        let foreign = seal(set, &other).unwrap();
        assert!(open(foreign.as_bytes(), other.verifier()).unwrap_err().to_string().contains("assay.test:8443"));
    }

    #[test]
    fn no_part_of_one_document_fits_another() {
        let signer = signer(1);
        let (mut set, first) = sealed(&signer);
        set.issued_at = Timestamp::UNIX_EPOCH;
        let second = seal(set, &signer).unwrap();
        let (line, _) = first.split_once('\n').unwrap();
        let (_, note) = second.split_once('\n').unwrap();
        assert!(open(format!("{line}\n{note}").as_bytes(), signer.verifier()).is_err());
        assert!(open(line.as_bytes(), signer.verifier()).is_err());
        assert!(open(b"", signer.verifier()).is_err());
    }

    #[test]
    fn every_flipped_byte_of_set_and_statement_is_found() {
        let signer = signer(1);
        let (set, text) = sealed(&signer);
        for index in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[index] ^= 1;
            // Flips in base64 padding bits could leave the signature as it was; then the set is the same too.
            if let Ok(opened) = open(&bytes, signer.verifier()) {
                assert_eq!(opened, set, "byte {index}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..300), text in "[{}\":a-z\n— ]{0,200}") {
            let signer = signer(1);
            prop_assert!(open(&bytes, signer.verifier()).is_err());
            prop_assert!(open(text.as_bytes(), signer.verifier()).is_err());
        }
    }
}
