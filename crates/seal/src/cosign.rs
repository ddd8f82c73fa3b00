//! cosign's older form: tags that are named after the image, with a layer for each signature.
//!
//! <https://github.com/sigstore/cosign/blob/v2.6.0/specs/SIGNATURE_SPEC.md>

use std::collections::BTreeMap;

use oci::Digest;
use serde::Deserialize;

use crate::{
    Form, Signature, Unreadable,
    certificate::Chain,
    dsse::{Envelope, base64},
    error::short,
    signature::{About, By, Message},
};

pub(crate) const SIMPLE_SIGNING: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
pub(crate) const ENVELOPE: &str = "application/vnd.dsse.envelope.v1+json";

const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
const CERTIFICATE: &str = "dev.sigstore.cosign/certificate";
const CHAIN: &str = "dev.sigstore.cosign/chain";

/// What Red Hat's simple signing and cosign sign: which digest, of which repository it was when it was signed.
/// <https://github.com/containers/image/blob/v5.36.0/docs/containers-signature.5.md#json-data-format>
#[derive(Deserialize)]
struct Payload {
    critical: Critical,
}

#[derive(Deserialize)]
struct Critical {
    image: SignedImage,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct SignedImage {
    #[serde(rename = "docker-manifest-digest")]
    digest: Digest,
}

/// A layer of `sha256-<hex>.sig`. The repository that a payload names is where it was signed first: cosign does not compare it
/// either, for images are copied and promoted.
pub(crate) fn signature(layer: Vec<u8>, annotations: &BTreeMap<String, String>) -> Result<Signature, Unreadable> {
    let payload: Payload = serde_json::from_slice(&layer)
        .map_err(|error| Unreadable::new(format!("the layer is no simple signing payload: {error}")))?;
    let Critical { image, kind } = payload.critical;
    if kind != "cosign container image signature" {
        return Err(Unreadable::new(format!("the payload is of the type {}, not cosign's", short(&kind))));
    }
    let signature = annotations.get(SIGNATURE).ok_or_else(|| Unreadable::new("the layer carries no signature"))?;
    Ok(Signature {
        form: Form::CosignSignature,
        about: About::Digests(vec![image.digest]),
        statement: None,
        message: Message::Bytes(layer),
        signature: base64(signature)?,
        by: by(annotations)?,
        made: None,
        expires: None,
    })
}

/// A layer of `sha256-<hex>.att`.
pub(crate) fn attestation(layer: &[u8], annotations: &BTreeMap<String, String>) -> Result<Vec<Signature>, Unreadable> {
    let envelope: Envelope = serde_json::from_slice(layer)
        .map_err(|error| Unreadable::new(format!("the layer is no signed envelope: {error}")))?;
    statements(Form::CosignAttestation, envelope, &by(annotations)?)
}

/// One for each signature of an envelope.
pub(crate) fn statements(form: Form, envelope: Envelope, by: &By) -> Result<Vec<Signature>, Unreadable> {
    let opened = envelope.open()?;
    let of = |signature| Signature {
        form,
        about: About::Digests(opened.statement.subjects.clone()),
        statement: Some((opened.statement.predicate_type.clone(), opened.payload.clone())),
        message: Message::Bytes(opened.message.clone()),
        signature,
        by: by.clone(),
        made: None,
        expires: None,
    };
    Ok(opened.signatures.into_iter().map(of).collect())
}

fn by(annotations: &BTreeMap<String, String>) -> Result<By, Unreadable> {
    let text = |key| annotations.get(key).map(String::as_str).filter(|text| !text.is_empty());
    match text(CERTIFICATE) {
        Some(certificate) => Chain::from_pem(&[certificate, text(CHAIN).unwrap_or_default()]).map(By::Chain),
        None => Ok(By::Key),
    }
}
