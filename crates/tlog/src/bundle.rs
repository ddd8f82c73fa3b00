//! Entry bundles: the leaves of one tile, each after its length in two bytes, big-endian (tlog-tiles, "Log entries").

use base::limits;

use crate::{
    error::{Error, at_most},
    tile::TILE_WIDTH,
};

/// The bytes of a bundle. [`Error::TooLarge`] for more than 256 leaves or one over `limits::AUDIT_LEAF_BYTES`.
pub fn encode<L: AsRef<[u8]>>(leaves: &[L]) -> Result<Vec<u8>, Error> {
    at_most("entry bundle", leaves.len(), usize::from(TILE_WIDTH))?;
    let mut out = Vec::with_capacity(leaves.iter().map(|leaf| 2 + leaf.as_ref().len()).sum());
    for leaf in leaves {
        append(&mut out, leaf.as_ref())?;
    }
    Ok(out)
}

/// Add one leaf to the bytes of a bundle that is not full; the caller counts. [`Error::TooLarge`] leaves them unchanged.
pub fn append(bundle: &mut Vec<u8>, leaf: &[u8]) -> Result<(), Error> {
    at_most("log entry", leaf.len(), limits::AUDIT_LEAF_BYTES)?;
    let length = u16::try_from(leaf.len()).expect("the limit of a leaf fits its two bytes of length");
    bundle.extend(length.to_be_bytes());
    bundle.extend(leaf);
    Ok(())
}

/// The leaves of a bundle. [`Error::Malformed`] when it ends within a leaf, [`Error::TooLarge`] over 256 leaves.
pub fn decode(mut bundle: &[u8]) -> Result<Vec<&[u8]>, Error> {
    let mut leaves = Vec::new();
    while !bundle.is_empty() {
        at_most("entry bundle", leaves.len() + 1, usize::from(TILE_WIDTH))?;
        let truncated = || Error::malformed("entry bundle", format!("it ends within entry {}", leaves.len()));
        let (length, rest) = bundle.split_first_chunk().ok_or_else(truncated)?;
        let (leaf, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into()).ok_or_else(truncated)?;
        leaves.push(leaf);
        bundle = rest;
    }
    Ok(leaves)
}
