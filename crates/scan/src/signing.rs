//! The key that signs what the scanner says, and the bundles that carry it.
//!
//! ```text
//!   statement (in-toto) ─► envelope (DSSE, signed) ─► bundle (Sigstore 0.3) ─► what cosign verify-attestation --key reads
//! ```
//!
//! Sources: DSSE 1.0.2, "Signature Definition"; Sigstore's bundle format 0.3 with a public key and no entry of a public log.

use std::fmt;

use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair, ParsedPublicKey},
};
use base::Secret;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::Error;

/// The media type of a bundle, and of the artifact that holds one.
pub const BUNDLE_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// An ECDSA key on P-256: what every verifier of such envelopes knows. As with Notary's keys, its randomness comes from the operating
/// system inside aws-lc-rs, so that two signatures of one statement differ; the statement's bytes do not.
pub struct AttestationKey {
    pair: EcdsaKeyPair,
    /// SubjectPublicKeyInfo, DER.
    public: Vec<u8>,
}

impl AttestationKey {
    pub fn generate() -> AttestationKey {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING)
            .expect("making a P-256 key only fails when the operating system gives no randomness");
        AttestationKey::of(pair)
    }

    /// From unencrypted PKCS#8 DER.
    ///
    /// # Errors
    /// It is something else.
    pub fn from_pkcs8(der: &Secret<Vec<u8>>) -> Result<AttestationKey, Error> {
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, der.expose())
            .map(AttestationKey::of)
            .map_err(|_| Error::Invalid("the key of attestations is no PKCS#8 key on the curve P-256".to_owned()))
    }

    /// PKCS#8 version 1, DER.
    pub fn to_pkcs8(&self) -> Secret<Vec<u8>> {
        let document = self.pair.to_pkcs8v1().expect("a key that was made or loaded can be written");
        Secret::new(document.as_ref().to_vec())
    }

    /// The public half as verifiers take it: `PUBLIC KEY`, PEM.
    pub fn public_pem(&self) -> String {
        pem::encode_config(
            &pem::Pem::new("PUBLIC KEY", &*self.public),
            pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF),
        )
    }

    /// By which the key is told from others: the SHA-256 of its public half, hexadecimal.
    pub fn id(&self) -> String {
        base::digest_hex(&self.public)
    }

    /// A statement in a signed envelope in a bundle, one line of JSON.
    pub fn bundle(&self, statement: &[u8]) -> Vec<u8> {
        let message = pre_authentication_encoding(bom::PAYLOAD_TYPE, statement);
        let signature =
            self.pair.sign(&SystemRandom::new(), &message).expect("signing with a valid P-256 key succeeds");
        let bundle = json!({
            "mediaType": BUNDLE_TYPE,
            "verificationMaterial": {"publicKey": {"hint": STANDARD.encode(Sha256::digest(&self.public))}},
            "dsseEnvelope": {
                "payload": STANDARD.encode(statement),
                "payloadType": bom::PAYLOAD_TYPE,
                "signatures": [{"sig": STANDARD.encode(signature.as_ref())}],
            },
        });
        bundle.to_string().into_bytes()
    }

    fn of(pair: EcdsaKeyPair) -> AttestationKey {
        let der: PublicKeyX509Der<'_> =
            pair.public_key().as_der().expect("the public half of a valid P-256 key has a form");
        let public = der.as_ref().to_vec();
        AttestationKey { pair, public }
    }
}

/// The statement of a bundle that this key signed, as it was signed.
///
/// # Errors
/// `public_pem` is no key on P-256, the bytes are no such bundle, or the signature is of another key or other bytes.
pub fn open_bundle(bundle: &[u8], public_pem: &str) -> Result<Vec<u8>, Error> {
    let invalid = |why: &str| Error::Invalid(why.to_owned());
    let key = pem::parse(public_pem).ok().filter(|block| block.tag() == "PUBLIC KEY");
    let key = key.ok_or_else(|| invalid("the key is not a PEM block PUBLIC KEY"))?;
    let bundle: Bundle = serde_json::from_slice(bundle)
        .map_err(|error| Error::Invalid(format!("this is no bundle with a signed envelope: {error}")))?;
    let Bundle { media_type, envelope } = bundle;
    if media_type != BUNDLE_TYPE || envelope.kind != bom::PAYLOAD_TYPE {
        return Err(invalid("this is not a bundle of version 0.3 with an in-toto statement"));
    }
    let [signature] = &envelope.signatures[..] else { return Err(invalid("the bundle has not exactly one signature")) };
    let decoded =
        |text: &str| STANDARD.decode(text).map_err(|_| invalid("the bundle is not in base64 where it should be"));
    let (payload, signature) = (decoded(&envelope.payload)?, decoded(&signature.sig)?);
    let message = pre_authentication_encoding(&envelope.kind, &payload);
    let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key.contents());
    let key = key.map_err(|_| invalid("the key is not on the curve P-256"))?;
    key.verify_sig(&message, &signature)
        .map_err(|_| invalid("the signature is not that of this key, or what it signed was changed"))?;
    Ok(payload)
}

/// What is read of a bundle; nothing else may stand where it matters.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bundle {
    media_type: String,
    #[serde(rename = "dsseEnvelope")]
    envelope: Envelope,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    payload: String,
    #[serde(rename = "payloadType")]
    kind: String,
    signatures: Vec<Signature>,
}

#[derive(Deserialize)]
struct Signature {
    sig: String,
}

impl fmt::Debug for AttestationKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "AttestationKey({})", self.id())
    }
}

/// What is signed: type and payload, each with its length before it, so that no two pairs give the same bytes.
fn pre_authentication_encoding(kind: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::UnparsedPublicKey;
    use serde_json::Value;

    use super::*;

    #[test]
    fn an_envelope_is_signed_over_type_and_payload() {
        // The example of the specification, "Test Vectors".
        assert_eq!(
            pre_authentication_encoding("http://example.com/HelloWorld", b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
        let key = AttestationKey::from_pkcs8(&AttestationKey::generate().to_pkcs8()).unwrap();
        let bundle: Value = serde_json::from_slice(&key.bundle(b"{}")).unwrap();
        let envelope = &bundle["dsseEnvelope"];
        let decoded = |value: &Value| STANDARD.decode(value.as_str().unwrap()).unwrap();
        assert_eq!(decoded(&envelope["payload"]), b"{}");
        let signature = decoded(&envelope["signatures"][0]["sig"]);
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key.pair.public_key().as_ref());
        public.verify(&pre_authentication_encoding("application/vnd.in-toto+json", b"{}"), &signature).unwrap();
        assert!(public.verify(b"{}", &signature).is_err());
        let (bundle, pem) = (key.bundle(b"{}"), key.public_pem());
        assert_eq!(open_bundle(&bundle, &pem).unwrap(), b"{}");
        let stranger = AttestationKey::generate().public_pem();
        assert!(open_bundle(&bundle, &stranger).unwrap_err().to_string().contains("not that of this key"));
        let other = String::from_utf8(bundle).unwrap().replace(&STANDARD.encode("{}"), &STANDARD.encode("[]"));
        assert!(open_bundle(other.as_bytes(), &pem).unwrap_err().to_string().contains("was changed"));
        for (bundle, pem) in [(&b""[..], &pem[..]), (b"{}", &pem), (other.as_bytes(), "no key")] {
            assert!(open_bundle(bundle, pem).is_err());
        }
        assert!(key.public_pem().starts_with("-----BEGIN PUBLIC KEY-----\nM"), "{}", key.public_pem());
        assert!(AttestationKey::from_pkcs8(&Secret::new(b"no key".to_vec())).is_err());
    }
}
