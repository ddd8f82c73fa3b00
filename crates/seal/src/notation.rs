//! What notation signs, and what it says beside it.
//!
//! <https://github.com/notaryproject/specifications/blob/v1.1.0/specs/signature-specification.md>

use base::Timestamp;
use oci::{Digest, MediaType};
use serde::Deserialize;

use crate::{
    Form, Signature, Unreadable,
    certificate::Chain,
    error::short,
    key::Named,
    signature::{About, By, Message},
};

/// The artifact type of a signature, which older tools write as the type of its configuration.
pub(crate) const ARTIFACT: &str = "application/vnd.cncf.notary.signature";
pub(crate) const JWS: &str = "application/jose+json";
pub(crate) const COSE: &str = "application/cose";

pub(crate) const PAYLOAD_TYPE: &str = "application/vnd.cncf.notary.payload.v1+json";
pub(crate) const SCHEME: &str = "io.cncf.notary.signingScheme";
pub(crate) const SIGNING_TIME: &str = "io.cncf.notary.signingTime";
pub(crate) const EXPIRY: &str = "io.cncf.notary.expiry";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    target_artifact: Target,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Target {
    media_type: MediaType,
    digest: Digest,
    size: u64,
}

/// What both forms of the envelope come down to.
pub(crate) struct Parts {
    pub(crate) form: Form,
    pub(crate) named: Named,
    pub(crate) content_type: String,
    pub(crate) scheme: String,
    /// The attributes that must be understood.
    pub(crate) critical: Vec<String>,
    pub(crate) made: Option<Timestamp>,
    pub(crate) expires: Option<Timestamp>,
    pub(crate) chain: Vec<Vec<u8>>,
    pub(crate) payload: Vec<u8>,
    pub(crate) message: Vec<u8>,
    pub(crate) signature: Vec<u8>,
}

impl Parts {
    pub(crate) fn read(self) -> Result<Signature, Unreadable> {
        if self.content_type != PAYLOAD_TYPE {
            return Err(Unreadable::new(format!("the signed content is {}", short(&self.content_type))));
        }
        // The other scheme has an authority that vouches for the time too; it needs a kind of anchor of its own.
        if self.scheme != "notary.x509" {
            return Err(Unreadable::new(format!("the signing scheme {} is not supported", short(&self.scheme))));
        }
        if let Some(unknown) = self.critical.iter().find(|name| ![SCHEME, EXPIRY].contains(&name.as_str())) {
            return Err(Unreadable::new(format!(
                "the signer wants {} to be understood; it is not known",
                short(unknown)
            )));
        }
        let needed = [Some(SCHEME), self.expires.map(|_| EXPIRY)];
        if let Some(missing) = needed.into_iter().flatten().find(|name| !self.critical.iter().any(|own| own == name)) {
            return Err(Unreadable::new(format!("{missing} must be among what has to be understood")));
        }
        let Target { media_type, digest, size } = serde_json::from_slice::<Payload>(&self.payload)
            .map_err(|error| Unreadable::new(format!("what is signed is no descriptor: {error}")))?
            .target_artifact;
        Ok(Signature {
            form: self.form,
            about: About::Descriptor { digest, media_type, size },
            statement: None,
            message: Message::Bytes(self.message),
            signature: self.signature,
            by: By::Named(Chain::new(self.chain)?, self.named),
            made: self.made,
            expires: self.expires,
        })
    }
}
