//! SHA-256 as RFC 6962 uses it, and the two spellings of a hash.

use std::fmt;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use sha2::{Digest as _, Sha256};

use crate::error::{Error, quoted};

/// The root of a log without entries: SHA-256 of nothing (RFC 6962, 2.1).
pub const EMPTY_ROOT: Hash = Hash([
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41,
    0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
]);

/// A SHA-256 hash: of a leaf, of a node, or the root of a tree. Shown in base64, as checkpoints and proofs write it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; Hash::BYTES]);

/// The hash of an entry: SHA-256 of a zero byte and the entry (RFC 6962, 2.1).
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    Hash(Sha256::new().chain_update([0]).chain_update(leaf).finalize().into())
}

/// The hash of a node: SHA-256 of a one byte and both children (RFC 6962, 2.1).
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Hash(Sha256::new().chain_update([1]).chain_update(left.0).chain_update(right.0).finalize().into())
}

impl Hash {
    pub const BYTES: usize = 32;

    pub fn as_bytes(&self) -> &[u8; Hash::BYTES] {
        &self.0
    }

    pub fn to_hex(&self) -> String {
        hex::encode(self.0)
    }

    /// 64 hexadecimal digits in lower case; [`Error::Malformed`] for anything else.
    pub fn from_hex(text: &str) -> Result<Hash, Error> {
        let refused = || Error::malformed("hash", format!("{} is not 64 lower-case hex digits", quoted(text)));
        let mut bytes = [0; Hash::BYTES];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| refused())?;
        let hash = Hash(bytes);
        if hash.to_hex() == text { Ok(hash) } else { Err(refused()) }
    }

    pub fn to_base64(&self) -> String {
        BASE64_STANDARD.encode(self.0)
    }

    /// 44 characters of standard base64 with padding; [`Error::Malformed`] for anything else.
    pub fn from_base64(text: &str) -> Result<Hash, Error> {
        let refused = || Error::malformed("hash", format!("{} is not 32 bytes in standard base64", quoted(text)));
        let bytes = decode_base64(text).ok_or_else(refused)?;
        bytes.try_into().map(Hash).map_err(|_| refused())
    }

    /// The hashes of a tile: a multiple of 32 bytes.
    pub(crate) fn split(bytes: &[u8]) -> Option<Vec<Hash>> {
        let (hashes, rest) = bytes.as_chunks::<{ Hash::BYTES }>();
        rest.is_empty().then(|| hashes.iter().map(|hash| Hash(*hash)).collect())
    }
}

/// Standard base64 in its one canonical spelling (RFC 4648, 4; stray bits and missing padding are refused).
pub(crate) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    BASE64_STANDARD.decode(text).ok()
}

pub(crate) fn encode_base64(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}

impl From<[u8; Hash::BYTES]> for Hash {
    fn from(bytes: [u8; Hash::BYTES]) -> Hash {
        Hash(bytes)
    }
}

impl TryFrom<&[u8]> for Hash {
    type Error = Error;

    fn try_from(bytes: &[u8]) -> Result<Hash, Error> {
        let refused = |_| Error::malformed("hash", format!("{} bytes instead of {}", bytes.len(), Hash::BYTES));
        bytes.try_into().map(Hash).map_err(refused)
    }
}

impl AsRef<[u8]> for Hash {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.to_base64())
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.to_hex())
    }
}
