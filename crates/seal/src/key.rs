//! Public keys, their ids, and whether one made a signature.

use std::fmt;

use aws_lc_rs::signature::{self as algorithms, ParsedPublicKey, VerificationAlgorithm};
use base::limits;
use sha2::{Digest as _, Sha512};
use x509_parser::{
    oid_registry::{
        OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_NIST_EC_P384, OID_NIST_EC_P521, OID_PKCS1_RSAENCRYPTION,
        OID_SIG_ED25519,
    },
    prelude::{FromDer, SubjectPublicKeyInfo},
};

use crate::{Unreadable, error::short};

/// A key on P-256, P-384 or P-521, an RSA key of 2048 to 8192 bits, or an Ed25519 key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// SubjectPublicKeyInfo, DER.
    der: Vec<u8>,
    kind: Kind,
}

/// The hexadecimal SHA-256 of a key's SubjectPublicKeyInfo.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(Box<str>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    P256,
    P384,
    P521,
    Rsa { bits: usize },
    Ed25519,
}

/// How the two formats of the JOSE and COSE world name what they sign with.
/// RFC 7518, section 3.1; RFC 9053, section 2.1; RFC 8230, section 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    Es256,
    Es384,
    Es512,
    Ps256,
    Ps384,
    Ps512,
}

impl PublicKey {
    /// From a PEM block `PUBLIC KEY`, or from that of a certificate.
    ///
    /// # Errors
    /// There is no such block or more than one, or its key is of a kind that nothing here verifies.
    pub fn from_pem(text: &str) -> Result<PublicKey, Unreadable> {
        let blocks = pem::parse_many(text).map_err(|error| Unreadable::new(format!("this is not PEM: {error}")))?;
        match &blocks[..] {
            [block] if block.tag() == "PUBLIC KEY" => PublicKey::from_der(block.contents()),
            [block] if block.tag() == "CERTIFICATE" => crate::certificate::key_of(block.contents()),
            [block] => {
                let tag = short(block.tag());
                Err(Unreadable::new(format!("a PEM block {tag} is no public key; bring a PUBLIC KEY or a CERTIFICATE")))
            }
            _ => Err(Unreadable::new(format!("expected one PEM block PUBLIC KEY, found {}", blocks.len()))),
        }
    }

    /// From a SubjectPublicKeyInfo in DER.
    ///
    /// # Errors
    /// It is none, or its key is of a kind that nothing here verifies.
    pub fn from_der(der: &[u8]) -> Result<PublicKey, Unreadable> {
        if der.len() > limits::TRUST_KEY_BYTES {
            return Err(Unreadable::new(format!("a public key is larger than {} bytes", limits::TRUST_KEY_BYTES)));
        }
        match SubjectPublicKeyInfo::from_der(der) {
            Ok(([], info)) => PublicKey::from_info(&info),
            _ => Err(Unreadable::new("a public key is not a SubjectPublicKeyInfo in DER")),
        }
    }

    pub(crate) fn from_info(info: &SubjectPublicKeyInfo<'_>) -> Result<PublicKey, Unreadable> {
        let algorithm = &info.algorithm.algorithm;
        let curve = info.algorithm.parameters.as_ref().and_then(|any| any.as_oid().ok());
        let kind = if *algorithm == OID_KEY_TYPE_EC_PUBLIC_KEY {
            match curve {
                Some(curve) if curve == OID_EC_P256 => Kind::P256,
                Some(curve) if curve == OID_NIST_EC_P384 => Kind::P384,
                Some(curve) if curve == OID_NIST_EC_P521 => Kind::P521,
                _ => return Err(Unreadable::new("an EC key must be on P-256, P-384 or P-521")),
            }
        } else if *algorithm == OID_PKCS1_RSAENCRYPTION {
            Kind::Rsa { bits: rsa_bits(info).ok_or_else(|| Unreadable::new("an RSA key is damaged"))? }
        } else if *algorithm == OID_SIG_ED25519 {
            Kind::Ed25519
        } else {
            return Err(Unreadable::new(format!("public keys of algorithm {algorithm} are not supported")));
        };
        let key = PublicKey { der: info.raw.to_vec(), kind };
        match kind.plain().first().is_some_and(|algorithm| ParsedPublicKey::new(*algorithm, &key.der).is_ok()) {
            true => Ok(key),
            false => {
                Err(Unreadable::new("a key is not a point on its curve, or an RSA key is not of 2048 to 8192 bits"))
            }
        }
    }

    pub fn id(&self) -> KeyId {
        KeyId(base::digest_hex(&self.der).into())
    }

    /// SubjectPublicKeyInfo, DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Whether this key signed `message` as cosign and DSSE sign: ECDSA in ASN.1, RSA with PKCS #1 1.5, Ed25519 plain or over
    /// a hash (as cosign 2 does). Tools hash with SHA-256 whatever the key, or with what fits its size.
    pub(crate) fn signed(&self, message: &[u8], signature: &[u8]) -> bool {
        self.kind.plain().iter().any(|algorithm| self.verifies(*algorithm, message, signature))
            || self.kind == Kind::Ed25519 && self.signed_hash(message, signature)
    }

    /// Ed25519ph, RFC 8032, section 5.1, which aws-lc-rs does not offer.
    fn signed_hash(&self, message: &[u8], signature: &[u8]) -> bool {
        let point = self.der.last_chunk().expect("a key was found usable: it ends in its 32 bytes");
        let signature = ed25519_dalek::Signature::from_slice(signature);
        signature.is_ok_and(|signature| {
            let key = ed25519_dalek::VerifyingKey::from_bytes(point);
            key.is_ok_and(|key| key.verify_prehashed_strict(Sha512::new_with_prefix(message), None, &signature).is_ok())
        })
    }

    /// The same for a signature that names its algorithm. It has to be the one of the key.
    pub(crate) fn signed_by(&self, named: Named, message: &[u8], signature: &[u8]) -> bool {
        self.kind.named() == Some(named) && self.verifies(named.algorithm(), message, signature)
    }

    fn verifies(&self, algorithm: &'static dyn VerificationAlgorithm, message: &[u8], signature: &[u8]) -> bool {
        ParsedPublicKey::new(algorithm, &self.der).is_ok_and(|key| key.verify_sig(message, signature).is_ok())
    }
}

impl Kind {
    fn plain(self) -> &'static [&'static dyn VerificationAlgorithm] {
        match self {
            Kind::P256 => &[&algorithms::ECDSA_P256_SHA256_ASN1],
            Kind::P384 => &[&algorithms::ECDSA_P384_SHA256_ASN1, &algorithms::ECDSA_P384_SHA384_ASN1],
            Kind::P521 => &[&algorithms::ECDSA_P521_SHA256_ASN1, &algorithms::ECDSA_P521_SHA512_ASN1],
            Kind::Rsa { .. } => &[
                &algorithms::RSA_PKCS1_2048_8192_SHA256,
                &algorithms::RSA_PKCS1_2048_8192_SHA384,
                &algorithms::RSA_PKCS1_2048_8192_SHA512,
            ],
            Kind::Ed25519 => &[&algorithms::ED25519],
        }
    }

    /// The one algorithm that notation lets a key of this kind and size sign with.
    /// <https://github.com/notaryproject/specifications/blob/v1.1.0/specs/signature-specification.md#signature-algorithm-requirements>
    fn named(self) -> Option<Named> {
        match self {
            Kind::P256 => Some(Named::Es256),
            Kind::P384 => Some(Named::Es384),
            Kind::P521 => Some(Named::Es512),
            Kind::Rsa { bits: 2048 } => Some(Named::Ps256),
            Kind::Rsa { bits: 3072 } => Some(Named::Ps384),
            Kind::Rsa { bits: 4096 } => Some(Named::Ps512),
            Kind::Rsa { .. } | Kind::Ed25519 => None,
        }
    }
}

impl Named {
    fn algorithm(self) -> &'static dyn VerificationAlgorithm {
        match self {
            Named::Es256 => &algorithms::ECDSA_P256_SHA256_FIXED,
            Named::Es384 => &algorithms::ECDSA_P384_SHA384_FIXED,
            Named::Es512 => &algorithms::ECDSA_P521_SHA512_FIXED,
            Named::Ps256 => &algorithms::RSA_PSS_2048_8192_SHA256,
            Named::Ps384 => &algorithms::RSA_PSS_2048_8192_SHA384,
            Named::Ps512 => &algorithms::RSA_PSS_2048_8192_SHA512,
        }
    }
}

fn rsa_bits(info: &SubjectPublicKeyInfo<'_>) -> Option<usize> {
    let Ok(x509_parser::public_key::PublicKey::RSA(key)) = info.parsed() else { return None };
    let zeros = key.modulus.iter().take_while(|byte| **byte == 0).count();
    let modulus = &key.modulus[zeros..];
    let first = modulus.first()?;
    Some(modulus.len() * 8 - first.leading_zeros() as usize)
}

impl KeyId {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
