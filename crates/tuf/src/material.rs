//! The numbers inside a public key, and the verification of one signature with them.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA256_ASN1, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA256, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};
use x509_parser::{
    oid_registry::{OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_NIST_EC_P384, OID_PKCS1_RSAENCRYPTION},
    prelude::{FromDer, SubjectPublicKeyInfo},
    public_key::PublicKey as Parsed,
};

use crate::Error;

/// A public key that was found usable: a point on its curve, or a modulus of 2048 to 8192 bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Material {
    /// An uncompressed point, 65 bytes.
    P256(Vec<u8>),
    /// An uncompressed point, 97 bytes.
    P384(Vec<u8>),
    /// Big-endian, without leading zeros.
    Rsa {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
    Ed25519([u8; 32]),
}

const P256_INFO: &str = "3059301306072a8648ce3d020106082a8648ce3d030107034200";
const P384_INFO: &str = "3076301006072a8648ce3d020106052b81040022036200";
const RSA_ALGORITHM: &str = "300d06092a864886f70d0101010500";

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;

impl Material {
    /// From a DER `SubjectPublicKeyInfo`, which must be the one encoding of that key: two encodings of one key would have
    /// two key ids.
    pub(crate) fn from_der(der: &[u8]) -> Result<Material, Error> {
        let (rest, info) = SubjectPublicKeyInfo::from_der(der)
            .map_err(|_| Error::Key("a public key is not a DER SubjectPublicKeyInfo".into()))?;
        let material = Material::from_info(&info)?;
        if rest.is_empty() && material.info() == der {
            Ok(material)
        } else {
            Err(Error::Key("a public key is not encoded in the usual way; encode it as openssl does".into()))
        }
    }

    pub(crate) fn from_info(info: &SubjectPublicKeyInfo<'_>) -> Result<Material, Error> {
        let unusable = || Error::Key("a public key is damaged".into());
        let algorithm = &info.algorithm.algorithm;
        let material = if *algorithm == OID_KEY_TYPE_EC_PUBLIC_KEY {
            let curve = info.algorithm.parameters.as_ref().and_then(|any| any.as_oid().ok()).ok_or_else(unusable)?;
            let point = info.subject_public_key.data.to_vec();
            if curve == OID_EC_P256 && point.len() == 65 {
                Material::P256(point)
            } else if curve == OID_NIST_EC_P384 && point.len() == 97 {
                Material::P384(point)
            } else {
                return Err(Error::Key("an EC key must be an uncompressed point on P-256 or P-384".into()));
            }
        } else if *algorithm == OID_PKCS1_RSAENCRYPTION {
            let Ok(Parsed::RSA(key)) = info.parsed() else { return Err(unusable()) };
            Material::Rsa { modulus: trimmed(key.modulus), exponent: trimmed(key.exponent) }
        } else {
            return Err(Error::Key(format!("public keys of algorithm {algorithm} are not supported")));
        };
        material.usable().then_some(material).ok_or_else(|| {
            Error::Key("a public key is not a point on its curve, or an RSA key is not of 2048 to 8192 bits".into())
        })
    }

    fn usable(&self) -> bool {
        let parse = |algorithm: &'static dyn VerificationAlgorithm, bytes: &[u8]| {
            ParsedPublicKey::new(algorithm, bytes).is_ok()
        };
        match self {
            Material::P256(point) => point[0] == 4 && parse(&ECDSA_P256_SHA256_FIXED, point),
            Material::P384(point) => point[0] == 4 && parse(&ECDSA_P384_SHA256_ASN1, point),
            Material::Rsa { modulus, exponent } => {
                let bits = modulus.len() * 8 - modulus.first().map_or(0, |byte| byte.leading_zeros() as usize);
                (2048..=8192).contains(&bits) && (1..=5).contains(&exponent.len())
            }
            Material::Ed25519(_) => true,
        }
    }

    /// The DER `SubjectPublicKeyInfo`; for Ed25519 the bare 32 bytes, as Notary writes it.
    pub(crate) fn info(&self) -> Vec<u8> {
        let known = |text: &str| hex::decode(text).expect("a constant of hex digits");
        match self {
            Material::P256(point) => [known(P256_INFO), point.clone()].concat(),
            Material::P384(point) => [known(P384_INFO), point.clone()].concat(),
            Material::Rsa { modulus, exponent } => {
                let numbers = tlv(SEQUENCE, &[unsigned(modulus), unsigned(exponent)].concat());
                let bits = tlv(BIT_STRING, &[vec![0], numbers].concat());
                tlv(SEQUENCE, &[known(RSA_ALGORITHM), bits].concat())
            }
            Material::Ed25519(bytes) => bytes.to_vec(),
        }
    }

    /// Whether `signature` is one of this key over `message` by `method`. A method that is not of this type of key is
    /// no signature: the key decides, not the message (CVE-2015-9258).
    pub(crate) fn verifies(&self, method: &str, message: &[u8], signature: &[u8]) -> bool {
        match (self, method) {
            (Material::P256(point), "ecdsa") => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok()
            }
            (Material::P384(point), "ecdsa") if signature.len() == 96 => {
                let (r, s) = signature.split_at(48);
                let der = tlv(SEQUENCE, &[unsigned(&trimmed(r)), unsigned(&trimmed(s))].concat());
                UnparsedPublicKey::new(&ECDSA_P384_SHA256_ASN1, point).verify(message, &der).is_ok()
            }
            (Material::Rsa { modulus, exponent }, "rsapss") => {
                verifies_rsa(modulus, exponent, &RSA_PSS_2048_8192_SHA256, message, signature)
            }
            (Material::Rsa { modulus, exponent }, "rsapkcs1v15") => {
                verifies_rsa(modulus, exponent, &RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
            (Material::Ed25519(bytes), "eddsa") => {
                UnparsedPublicKey::new(&ED25519, bytes).verify(message, signature).is_ok()
            }
            _ => false,
        }
    }
}

fn verifies_rsa(n: &[u8], e: &[u8], parameters: &'static RsaParameters, message: &[u8], signature: &[u8]) -> bool {
    RsaPublicKeyComponents { n, e }.verify(parameters, message, signature).is_ok()
}

fn trimmed(bytes: &[u8]) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes[zeros..].to_vec()
}

/// A DER INTEGER of a big-endian number without leading zeros.
fn unsigned(bytes: &[u8]) -> Vec<u8> {
    let sign = bytes.first().is_none_or(|byte| byte & 0x80 != 0);
    tlv(INTEGER, &[if sign { &[0][..] } else { &[] }, bytes].concat())
}

/// One DER element; contents here are far below 64 KiB.
fn tlv(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = contents.len().to_be_bytes();
    let length = trimmed(&length);
    let header = match contents.len() {
        0 => vec![tag, 0],
        1..=127 => vec![tag, length[0]],
        _ => [&[tag, 0x80 | length.len() as u8], length.as_slice()].concat(),
    };
    [header.as_slice(), contents].concat()
}
