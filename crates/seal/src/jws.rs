//! notation's envelope in JSON: RFC 7515, section 7.2.2, with the attributes of notation.
//!
//! <https://github.com/notaryproject/specifications/blob/v1.1.0/specs/signature-envelope-jws.md>

use base::{Timestamp, limits};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, de::DeserializeOwned};

use crate::{Form, Signature, Unreadable, dsse::base64, error::short, key::Named, notation::Parts};

#[derive(Deserialize)]
struct Envelope {
    payload: String,
    protected: String,
    header: Header,
    signature: String,
}

/// What nobody signed: the chain proves itself. A timestamp and the name of the program are let through.
#[derive(Deserialize)]
struct Header {
    x5c: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Protected {
    alg: String,
    cty: String,
    crit: Vec<String>,
    #[serde(rename = "io.cncf.notary.signingScheme")]
    scheme: String,
    #[serde(rename = "io.cncf.notary.signingTime")]
    made: Option<Timestamp>,
    #[serde(rename = "io.cncf.notary.expiry")]
    expires: Option<Timestamp>,
}

pub(crate) fn signature(bytes: &[u8]) -> Result<Signature, Unreadable> {
    let Envelope { payload, protected, header, signature } = strict(bytes)?;
    let attributes: Protected = strict(&url_base64(&protected)?)?;
    let named = match &*attributes.alg {
        "ES256" => Named::Es256,
        "ES384" => Named::Es384,
        "ES512" => Named::Es512,
        "PS256" => Named::Ps256,
        "PS384" => Named::Ps384,
        "PS512" => Named::Ps512,
        other => return Err(Unreadable::new(format!("the algorithm {} is not one of notation's", short(other)))),
    };
    let parts = Parts {
        form: Form::NotationJws,
        named,
        content_type: attributes.cty,
        scheme: attributes.scheme,
        critical: attributes.crit,
        made: attributes.made,
        expires: attributes.expires,
        chain: header.x5c.iter().map(|text| base64(text)).collect::<Result<_, _>>()?,
        payload: url_base64(&payload)?,
        message: format!("{protected}.{payload}").into_bytes(),
        signature: url_base64(&signature)?,
    };
    parts.read()
}

fn strict<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Unreadable> {
    let unreadable = |why: String| Unreadable::new(format!("the envelope is no JWS of notation: {why}"));
    let value = oci::json::strict(bytes, limits::DOCUMENT_DEPTH).map_err(|error| unreadable(error.to_string()))?;
    serde_json::from_value(value).map_err(|error| unreadable(error.to_string()))
}

fn url_base64(text: &str) -> Result<Vec<u8>, Unreadable> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| Unreadable::new("what should be base64url is not"))
}
