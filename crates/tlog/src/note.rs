//! Signed notes: a text, an empty line, and one line for each signature (C2SP signed-note).
//!
//! ```text
//!  assay.example/audit                                     the text, ending in a newline
//!  7
//!  qqqq…=
//!                                                          the last empty line of the note
//!  — assay.example/audit base64(key id, signature)         one line per signature
//! ```

use std::{fmt, str};

use base::limits;

use crate::{
    error::{Error, at_most, quoted},
    hash::{decode_base64, encode_base64},
    key::{KeyId, KeyName, Signer, VerifierKey},
};

/// A text with its signatures, at least one. Nothing is trusted before [`Note::verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<Signature>,
}

/// One signature line. The kind of signature follows from the key that name and id point to, never from the note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    name: KeyName,
    id: KeyId,
    bytes: Vec<u8>,
}

impl Note {
    /// Sign a text. It must end in a newline and have no other control characters ([`Error::Malformed`]) and fit
    /// `limits::NOTE_BYTES`.
    pub fn sign(text: String, signer: &Signer) -> Result<Note, Error> {
        check_bytes(&text)?;
        if !text.ends_with('\n') {
            return Err(Error::malformed("note", "its text must end in a newline"));
        }
        let mut note = Note { text, signatures: Vec::new() };
        note.cosign(signer)?;
        Ok(note)
    }

    /// Add a signature, in place of an earlier one by the same key. [`Error::TooLarge`] over `limits::NOTE_SIGNATURES` or
    /// `limits::NOTE_BYTES`; the note is unchanged then.
    pub fn cosign(&mut self, signer: &Signer) -> Result<(), Error> {
        let (key, bytes) = (signer.verifier(), signer.sign(&self.text));
        let mut signatures = self.signatures.clone();
        signatures.retain(|signature| !signature.is_by(key));
        signatures.push(Signature { name: key.name().clone(), id: key.id(), bytes });
        at_most("number of signatures", signatures.len(), limits::NOTE_SIGNATURES)?;
        let note = Note { text: self.text.clone(), signatures };
        at_most("note", note.to_string().len(), limits::NOTE_BYTES)?;
        *self = note;
        Ok(())
    }

    /// Read a note from outside.
    pub fn parse(bytes: &[u8]) -> Result<Note, Error> {
        at_most("note", bytes.len(), limits::NOTE_BYTES)?;
        let note = str::from_utf8(bytes).map_err(|_| Error::malformed("note", "it is not UTF-8"))?;
        note.parse()
    }

    /// The signed text with its last newline. Check [`Note::verify`] before believing it.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// The distinct keys of `trusted` that signed this text, at least one. Signatures by other keys are passed over;
    /// [`Error::BadSignature`] when one by a trusted key does not fit, [`Error::Untrusted`] when there is none.
    pub fn verify<'k>(&self, trusted: &'k [VerifierKey]) -> Result<Vec<&'k VerifierKey>, Error> {
        let mut signed: Vec<&VerifierKey> = Vec::new();
        for signature in &self.signatures {
            for key in trusted.iter().filter(|key| signature.is_by(key)) {
                if !key.fits(&self.text, &signature.bytes) {
                    return Err(Error::BadSignature { key: format!("{}+{}", key.name(), key.id()) });
                }
                if !signed.contains(&key) {
                    signed.push(key);
                }
            }
        }
        if signed.is_empty() { Err(Error::Untrusted { signed_by: self.signers() }) } else { Ok(signed) }
    }

    /// The keys that the note names, for a person; cut at a few.
    fn signers(&self) -> String {
        let names = self.signatures.iter().take(4).map(|signature| format!("{}+{}", signature.name, signature.id));
        let more = if self.signatures.len() > 4 { " and others" } else { "" };
        format!("{}{more}", names.collect::<Vec<_>>().join(", "))
    }
}

impl Signature {
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The signature proper, without the key id.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn is_by(&self, key: &VerifierKey) -> bool {
        self.name == *key.name() && self.id == key.id()
    }
}

impl str::FromStr for Note {
    type Err = Error;

    fn from_str(note: &str) -> Result<Note, Error> {
        check_bytes(note)?;
        let refused = |detail: &str| Error::malformed("note", detail);
        let unsigned = || refused("no empty line and signatures stand under its text");
        let end = note.rfind("\n\n").ok_or_else(unsigned)? + 1;
        let (text, signatures) = (&note[..end], &note[end + 1..]);
        let signatures = signatures.strip_suffix('\n').ok_or_else(|| refused("its last line has no newline"))?;
        at_most("number of signatures", signatures.split('\n').count(), limits::NOTE_SIGNATURES)?;
        let signatures = signatures.split('\n').map(str::parse).collect::<Result<_, Error>>()?;
        Ok(Note { text: text.to_owned(), signatures })
    }
}

impl str::FromStr for Signature {
    type Err = Error;

    /// `— name base64(key id, signature)`, without the newline.
    fn from_str(line: &str) -> Result<Signature, Error> {
        let refused = || Error::malformed("signature line", format!("{} is not \"— NAME BASE64\"", quoted(line)));
        let (name, encoded) = line.strip_prefix("— ").and_then(|rest| rest.split_once(' ')).ok_or_else(refused)?;
        let bytes = decode_base64(encoded).ok_or_else(refused)?;
        let (id, bytes) = bytes.split_first_chunk().filter(|(_, rest)| !rest.is_empty()).ok_or_else(refused)?;
        Ok(Signature { name: name.parse()?, id: KeyId(*id), bytes: bytes.to_vec() })
    }
}

impl fmt::Display for Note {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(out, "{signature}"))
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "— {} {}", self.name, encode_base64(&[&self.id.0, &self.bytes[..]].concat()))
    }
}

fn check_bytes(note: &str) -> Result<(), Error> {
    at_most("note", note.len(), limits::NOTE_BYTES)?;
    match note.bytes().any(|byte| byte < b' ' && byte != b'\n') {
        true => Err(Error::malformed("note", "it has control characters other than newline")),
        false => Ok(()),
    }
}
