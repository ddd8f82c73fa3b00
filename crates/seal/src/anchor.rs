//! What the operator trusts: keys, and authorities that vouch for keys.

use crate::{Unreadable, certificate, key::PublicKey};

/// One of the operator's keys or authorities, under the operator's own name for it.
#[derive(Clone, Debug)]
pub struct Anchor<T> {
    pub name: String,
    pub value: T,
}

/// The certificate of an authority, or one that signed itself and stands for its own key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    der: Vec<u8>,
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub struct Anchors {
    pub keys: Vec<Anchor<PublicKey>>,
    pub authorities: Vec<Anchor<Authority>>,
}

impl Authority {
    /// The certificate.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// From a PEM block `CERTIFICATE`.
    ///
    /// # Errors
    /// There is no such block or more than one, or it is not a certificate.
    pub fn from_pem(text: &str) -> Result<Authority, Unreadable> {
        let blocks = pem::parse_many(text).map_err(|error| Unreadable::new(format!("this is not PEM: {error}")))?;
        match &blocks[..] {
            [block] if block.tag() == "CERTIFICATE" => {
                certificate::key_of(block.contents())?;
                Ok(Authority { der: block.contents().to_vec() })
            }
            _ => Err(Unreadable::new("expected one PEM block CERTIFICATE: that of the authority at the chain's end")),
        }
    }
}
