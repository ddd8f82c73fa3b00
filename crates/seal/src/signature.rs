//! One signature: what it claims, and the check of it.

use base::Timestamp;
use oci::{Digest, MediaType};

use crate::{
    Anchors, KeyId, Refused,
    certificate::Chain,
    error::short,
    key::{Named, PublicKey},
};

/// The forms in which tools write signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Form {
    /// cosign's older form: a layer of `sha256-<hex>.sig` with a simple signing payload.
    CosignSignature,
    /// cosign's older form of a statement: a layer of `sha256-<hex>.att` with a signed envelope.
    CosignAttestation,
    /// A Sigstore bundle 0.3.
    SigstoreBundle,
    NotationJws,
    NotationCose,
}

/// The image that signatures are looked for, its bytes as they are served.
#[derive(Clone, Copy, Debug)]
pub struct Image<'a> {
    pub digest: &'a Digest,
    pub media_type: &'a MediaType,
    pub manifest: &'a [u8],
}

/// A signature as it was read. Nothing of it is true before [`Signature::verify`] says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    pub(crate) form: Form,
    pub(crate) about: About,
    /// The in-toto predicate type and the statement as it was signed; none for what only says "this image".
    pub(crate) statement: Option<(String, Vec<u8>)>,
    pub(crate) message: Message,
    pub(crate) signature: Vec<u8>,
    pub(crate) by: By,
    /// When the signer says it was made.
    pub(crate) made: Option<Timestamp>,
    /// Until when the signer wants it to count.
    pub(crate) expires: Option<Timestamp>,
}

/// What a signature says it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum About {
    /// Any of these digests.
    Digests(Vec<Digest>),
    /// A descriptor: all of it has to match.
    Descriptor { digest: Digest, media_type: MediaType, size: u64 },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    Bytes(Vec<u8>),
    /// The bytes of the image's manifest.
    Manifest,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum By {
    Key,
    Chain(Chain),
    /// A chain whose key signs by an algorithm that the form names.
    Named(Chain, Named),
}

/// Who made a signature that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// The operator's name of the key or the authority.
    pub anchor: String,
    pub key: KeyId,
    /// Whom the certificate names; none for a bare key.
    pub subject: Option<String>,
}

impl Signature {
    pub fn form(&self) -> Form {
        self.form
    }

    /// The in-toto predicate type of a statement.
    pub fn predicate_type(&self) -> Option<&str> {
        self.statement.as_ref().map(|(kind, _)| kind.as_str())
    }

    /// The statement as it was signed.
    pub fn statement(&self) -> Option<&[u8]> {
        self.statement.as_ref().map(|(_, bytes)| bytes.as_slice())
    }

    /// When the signer says it was made: a claim, also after verification.
    pub fn made(&self) -> Option<Timestamp> {
        self.made
    }

    /// Until when the signer wants it to count.
    pub fn expires(&self) -> Option<Timestamp> {
        self.expires
    }

    /// Who says this about `image`, if one of the operator's anchors stands for it at `now`.
    ///
    /// # Errors
    /// It is about another image, nobody whom the operator trusts made it, or it counts no more.
    pub fn verify(&self, image: &Image<'_>, anchors: &Anchors, now: Timestamp) -> Result<Signer, Refused> {
        self.about.covers(image)?;
        let message = match &self.message {
            Message::Bytes(bytes) => bytes.as_slice(),
            Message::Manifest => image.manifest,
        };
        let signer = match &self.by {
            By::Key => self.by_a_key(message, anchors)?,
            By::Chain(chain) => self.by_chain(chain, chain.key().signed(message, &self.signature), anchors, now)?,
            By::Named(chain, named) => {
                self.by_chain(chain, chain.key().signed_by(*named, message, &self.signature), anchors, now)?
            }
        };
        match self.expires.filter(|expires| *expires <= now) {
            Some(expires) => Err(Refused::Expired(format!("its signer let it count until {expires}"))),
            None => Ok(signer),
        }
    }

    fn by_a_key(&self, message: &[u8], anchors: &Anchors) -> Result<Signer, Refused> {
        let anchor = anchors.keys.iter().find(|anchor| anchor.value.signed(message, &self.signature));
        let anchor = anchor.ok_or_else(|| Refused::UnknownSigner("none of the keys known here made it".to_owned()))?;
        Ok(Signer { anchor: anchor.name.clone(), key: anchor.value.id(), subject: None })
    }

    /// A certificate's signature counts through an authority; or because the operator trusts its bare key.
    fn by_chain(&self, chain: &Chain, holds: bool, anchors: &Anchors, now: Timestamp) -> Result<Signer, Refused> {
        if !holds {
            let who = short(&chain.subject());
            return Err(Refused::Forged(format!("the key of {who} did not sign this, or it was changed")));
        }
        let signer = |anchor: &str, key: &PublicKey| Signer {
            anchor: anchor.to_owned(),
            key: key.id(),
            subject: Some(chain.subject()),
        };
        match anchors.keys.iter().find(|anchor| anchor.value == *chain.key()) {
            Some(anchor) => Ok(signer(&anchor.name, chain.key())),
            None => chain.leads_to(&anchors.authorities, now).map(|authority| signer(&authority.name, chain.key())),
        }
    }
}

impl About {
    fn covers(&self, image: &Image<'_>) -> Result<(), Refused> {
        match self {
            About::Digests(digests) if digests.contains(image.digest) => Ok(()),
            About::Digests(digests) => Err(Refused::AnotherImage(match &digests[..] {
                [] => "nothing".to_owned(),
                [one] => one.to_string(),
                [first, others @ ..] => format!("{first} and {} more, not this", others.len()),
            })),
            About::Descriptor { digest, media_type, size } => {
                if digest != image.digest {
                    return Err(Refused::AnotherImage(digest.to_string()));
                }
                if media_type != image.media_type || usize::try_from(*size) != Ok(image.manifest.len()) {
                    return Err(Refused::AnotherImage(format!(
                        "{digest} as {media_type} of {size} bytes, which it is not"
                    )));
                }
                Ok(())
            }
        }
    }
}

impl Form {
    pub fn as_str(self) -> &'static str {
        match self {
            Form::CosignSignature => "cosign-signature",
            Form::CosignAttestation => "cosign-attestation",
            Form::SigstoreBundle => "sigstore-bundle",
            Form::NotationJws => "notation-jws",
            Form::NotationCose => "notation-cose",
        }
    }
}
