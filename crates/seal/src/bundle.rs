//! Sigstore bundles 0.3: <https://github.com/sigstore/protobuf-specs/blob/v0.5.0/protos/sigstore_bundle.proto>.

use base::limits;
use oci::{Algorithm, Digest};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    Form, Signature, Unreadable,
    certificate::Chain,
    cosign,
    dsse::{Envelope, base64},
    signature::{About, By, Message},
};

/// The media type of a bundle, and of the artifact that holds one.
pub(crate) const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// Entries of public logs and timestamps are let through and not read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bundle {
    media_type: String,
    verification_material: Material,
    dsse_envelope: Option<Envelope>,
    message_signature: Option<MessageSignature>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Material {
    public_key: Option<Value>,
    certificate: Option<Certificate>,
    x509_certificate_chain: Option<Certificates>,
}

#[derive(Deserialize)]
struct Certificates {
    certificates: Vec<Certificate>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Certificate {
    raw_bytes: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MessageSignature {
    message_digest: MessageDigest,
    signature: String,
}

#[derive(Deserialize)]
struct MessageDigest {
    algorithm: String,
    digest: String,
}

pub(crate) fn signatures(bytes: &[u8]) -> Result<Vec<Signature>, Unreadable> {
    let unreadable = |why: String| Unreadable::new(format!("the layer is no bundle: {why}"));
    let value = oci::json::strict_with_maps(bytes, limits::DOCUMENT_DEPTH, &[]);
    let value = value.map_err(|error| unreadable(error.to_string()))?;
    let bundle: Bundle = serde_json::from_value(value).map_err(|error| unreadable(error.to_string()))?;
    if bundle.media_type != MEDIA_TYPE {
        return Err(Unreadable::new("the bundle is of another version than 0.3"));
    }
    let by = bundle.verification_material.by()?;
    match (bundle.dsse_envelope, bundle.message_signature) {
        (Some(envelope), None) => cosign::statements(Form::SigstoreBundle, envelope, &by),
        (None, Some(signature)) => signature.read(by).map(|signature| vec![signature]),
        _ => Err(Unreadable::new("a bundle has one of dsseEnvelope and messageSignature")),
    }
}

impl Material {
    fn by(self) -> Result<By, Unreadable> {
        let certificates = match (self.public_key, self.certificate, self.x509_certificate_chain) {
            (Some(_), None, None) => return Ok(By::Key),
            (None, Some(certificate), None) => vec![certificate],
            (None, None, Some(chain)) => chain.certificates,
            _ => return Err(Unreadable::new("a bundle names one of a key, a certificate and a chain")),
        };
        let certificates = certificates.iter().map(|certificate| base64(&certificate.raw_bytes));
        Chain::new(certificates.collect::<Result<_, _>>()?).map(By::Chain)
    }
}

impl MessageSignature {
    /// The digest is only a hint which bytes were signed, and the signature is over those bytes: the image's manifest.
    fn read(self, by: By) -> Result<Signature, Unreadable> {
        let algorithm = match &*self.message_digest.algorithm {
            "SHA2_256" => Algorithm::Sha256,
            "SHA2_512" => Algorithm::Sha512,
            _ => return Err(Unreadable::new("the bundle's digest is neither SHA2_256 nor SHA2_512")),
        };
        let bytes = base64(&self.message_digest.digest)?;
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let digest: Digest = format!("{algorithm}:{hex}")
            .parse()
            .map_err(|_| Unreadable::new("the bundle's digest is not as long as its algorithm makes it"))?;
        Ok(Signature {
            form: Form::SigstoreBundle,
            about: About::Digests(vec![digest]),
            statement: None,
            message: Message::Manifest,
            signature: base64(&self.signature)?,
            by,
            made: None,
            expires: None,
        })
    }
}
