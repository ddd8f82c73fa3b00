//! Signed envelopes: DSSE 1.0.2, <https://github.com/secure-systems-lab/dsse/blob/v1.0.2/envelope.md>.

use base::limits;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;

use crate::{Unreadable, statement::Statement};

/// The payload type of in-toto statements.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// An envelope as it came; every signature of it is one of its own.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Envelope {
    payload: String,
    payload_type: String,
    signatures: Vec<EnvelopeSignature>,
}

#[derive(Deserialize)]
struct EnvelopeSignature {
    sig: String,
}

/// What an envelope holds.
pub(crate) struct Opened {
    pub(crate) statement: Statement,
    /// The statement's bytes.
    pub(crate) payload: Vec<u8>,
    /// What was signed.
    pub(crate) message: Vec<u8>,
    pub(crate) signatures: Vec<Vec<u8>>,
}

impl Envelope {
    pub(crate) fn open(self) -> Result<Opened, Unreadable> {
        if self.payload_type != PAYLOAD_TYPE {
            return Err(Unreadable::new("the envelope holds something else than an in-toto statement"));
        }
        if self.signatures.is_empty() || self.signatures.len() > limits::ENVELOPE_SIGNATURES {
            let (found, limit) = (self.signatures.len(), limits::ENVELOPE_SIGNATURES);
            return Err(Unreadable::new(format!("the envelope has {found} signatures; 1 to {limit} are read")));
        }
        let payload = base64(&self.payload)?;
        let signatures = self.signatures.iter().map(|signature| base64(&signature.sig)).collect::<Result<_, _>>()?;
        let statement = Statement::read(&payload)?;
        Ok(Opened { statement, message: pre_authentication_encoding(PAYLOAD_TYPE, &payload), payload, signatures })
    }
}

/// What is signed: neither type nor payload can be shifted into the other.
/// <https://github.com/secure-systems-lab/dsse/blob/v1.0.2/protocol.md#signature-definition>
pub fn pre_authentication_encoding(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

pub(crate) fn base64(text: &str) -> Result<Vec<u8>, Unreadable> {
    STANDARD.decode(text).map_err(|_| Unreadable::new("what should be base64 is not"))
}
