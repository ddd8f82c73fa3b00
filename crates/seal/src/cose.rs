//! notation's envelope in CBOR: COSE_Sign1 of RFC 9052, section 4.2, with the attributes of notation.
//!
//! <https://github.com/notaryproject/specifications/blob/v1.1.0/specs/signature-envelope-cose.md>

use base::Timestamp;
use coset::{
    ContentType, CoseSign1, Label, RegisteredLabelWithPrivate, TaggedCborSerializable,
    cbor::Value,
    iana::{Algorithm, HeaderParameter},
};

use crate::{
    Form, Signature, Unreadable,
    error::short,
    key::Named,
    notation::{EXPIRY, Parts, SCHEME, SIGNING_TIME},
};

/// `x5chain`, RFC 9360, section 2.
const X5CHAIN: i64 = 33;

pub(crate) fn signature(bytes: &[u8]) -> Result<Signature, Unreadable> {
    let envelope = CoseSign1::from_tagged_slice(bytes)
        .map_err(|error| Unreadable::new(format!("the envelope is no COSE_Sign1: {error}")))?;
    let message = envelope.tbs_data(&[]);
    let CoseSign1 { protected, unprotected, payload, signature } = envelope;
    let header = protected.header;
    let Some(ContentType::Text(content_type)) = header.content_type else {
        return Err(Unreadable::new("the envelope does not say what it holds"));
    };
    let mut attributes = Attributes::default();
    for (label, value) in header.rest {
        attributes.take(&label, value)?;
    }
    let parts = Parts {
        form: Form::NotationCose,
        named: named(header.alg.as_ref())?,
        content_type,
        scheme: attributes.scheme.ok_or_else(|| Unreadable::new("the envelope names no signing scheme"))?,
        critical: header.crit.iter().map(label_text).collect(),
        made: attributes.made,
        expires: attributes.expires,
        chain: chain(unprotected.rest)?,
        payload: payload.ok_or_else(|| Unreadable::new("the envelope holds no payload"))?,
        message,
        signature,
    };
    parts.read()
}

#[derive(Default)]
struct Attributes {
    scheme: Option<String>,
    made: Option<Timestamp>,
    expires: Option<Timestamp>,
}

impl Attributes {
    fn take(&mut self, label: &Label, value: Value) -> Result<(), Unreadable> {
        let Label::Text(name) = label else {
            return Err(Unreadable::new("the envelope has a signed attribute that notation does not know"));
        };
        let twice = match name.as_str() {
            SCHEME => {
                self.scheme.replace(value.into_text().map_err(|_| Unreadable::new("the scheme is no text"))?).is_some()
            }
            SIGNING_TIME => self.made.replace(time(value)?).is_some(),
            EXPIRY => self.expires.replace(time(value)?).is_some(),
            other => return Err(Unreadable::new(format!("the signed attribute {} is not known", short(other)))),
        };
        if twice { Err(Unreadable::new(format!("{name} stands twice"))) } else { Ok(()) }
    }
}

fn named(algorithm: Option<&RegisteredLabelWithPrivate<Algorithm>>) -> Result<Named, Unreadable> {
    match algorithm {
        Some(RegisteredLabelWithPrivate::Assigned(Algorithm::ES256)) => Ok(Named::Es256),
        Some(RegisteredLabelWithPrivate::Assigned(Algorithm::ES384)) => Ok(Named::Es384),
        Some(RegisteredLabelWithPrivate::Assigned(Algorithm::ES512)) => Ok(Named::Es512),
        Some(RegisteredLabelWithPrivate::Assigned(Algorithm::PS256)) => Ok(Named::Ps256),
        Some(RegisteredLabelWithPrivate::Assigned(Algorithm::PS384)) => Ok(Named::Ps384),
        Some(RegisteredLabelWithPrivate::Assigned(Algorithm::PS512)) => Ok(Named::Ps512),
        _ => Err(Unreadable::new("the algorithm is not one of notation's")),
    }
}

/// A number of seconds since 1970, tagged as one: RFC 8949, section 3.4.2.
fn time(value: Value) -> Result<Timestamp, Unreadable> {
    let seconds = match value {
        Value::Tag(1, value) => value.into_integer().ok().and_then(|seconds| i64::try_from(seconds).ok()),
        _ => None,
    };
    let time = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.ok_or_else(|| Unreadable::new("a point in time is not one"))
}

/// One certificate stands alone, several in a list, leaf first.
fn chain(unprotected: Vec<(Label, Value)>) -> Result<Vec<Vec<u8>>, Unreadable> {
    let broken = || Unreadable::new("the certificates of the envelope are not in the form of x5chain");
    let chain = unprotected.into_iter().find(|(label, _)| *label == Label::Int(X5CHAIN));
    match chain.map(|(_, value)| value) {
        Some(Value::Bytes(one)) => Ok(vec![one]),
        Some(Value::Array(several)) => {
            several.into_iter().map(|value| value.into_bytes().map_err(|_| broken())).collect()
        }
        Some(_) => Err(broken()),
        None => Err(Unreadable::new("the envelope brings no certificate")),
    }
}

fn label_text(label: &RegisteredLabelWithPrivate<HeaderParameter>) -> String {
    match label {
        RegisteredLabelWithPrivate::Text(text) => text.clone(),
        RegisteredLabelWithPrivate::Assigned(parameter) => format!("{parameter:?}"),
        RegisteredLabelWithPrivate::PrivateUse(number) => number.to_string(),
    }
}
