//! The right edge of a growing tree: all that appending and the root need to know.

use base::limits;

use crate::{
    error::Error,
    hash::{EMPTY_ROOT, Hash, node_hash},
    node::Node,
    proof::{fold, root_nodes},
};

/// The perfect subtrees that a log of some size consists of, largest first (a "compact range").
///
/// ```text
///  7 entries:        ┌───────┐ ┌───┐ ┌─┐
///                    │   4   │ │ 2 │ │1│     one subtree per bit that is set in the size
///                    └───────┘ └───┘ └─┘
/// ```
///
/// A few hundred bytes stand for a log of any size; they fit in one row beside the transaction that appends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Frontier {
    /// The frontier of a log without entries.
    pub fn new() -> Frontier {
        Frontier::default()
    }

    /// The frontier of a log of `size` entries, from the hashes of [`root_nodes`]. For a start without saved state, and
    /// to compare the saved state with the tiles.
    pub fn load<E: From<Error>>(size: u64, read: impl FnMut(Node) -> Result<Hash, E>) -> Result<Frontier, E> {
        let peaks = root_nodes(size)?.into_iter().map(read).collect::<Result<_, E>>()?;
        Ok(Frontier { size, peaks })
    }

    /// Add one entry, and return every perfect subtree it completes with its hash, the leaf itself first. Each is final.
    /// A store keeps those with a [`Node::slot`] by appending the hash to that tile, and may forget the rest.
    ///
    /// [`Error::TooLarge`] beyond `limits::AUDIT_LOG_LEAVES`; the frontier is unchanged then.
    pub fn append(&mut self, leaf: Hash) -> Result<Vec<(Node, Hash)>, Error> {
        if self.size >= limits::AUDIT_LOG_LEAVES {
            let given = self.size.saturating_add(1);
            return Err(Error::TooLarge { what: "log", given, limit: limits::AUDIT_LOG_LEAVES });
        }
        let (mut node, mut hash) = (Node::leaf(self.size), leaf);
        let mut completed = vec![(node, hash)];
        while node.index() & 1 == 1 {
            let left = self.peaks.pop().expect("an odd node has a left sibling, which is the last peak");
            hash = node_hash(&left, &hash);
            node = node.parent();
            completed.push((node, hash));
        }
        self.peaks.push(hash);
        self.size += 1;
        Ok(completed)
    }

    /// How many entries the log has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree (RFC 6962, 2.1).
    pub fn root(&self) -> Hash {
        fold(&self.peaks).unwrap_or(EMPTY_ROOT)
    }

    /// The size in 8 bytes, big-endian, then the hashes, largest subtree first.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(8 + self.peaks.len() * Hash::BYTES);
        out.extend(self.size.to_be_bytes());
        out.extend(self.peaks.iter().flat_map(|peak| peak.0));
        out
    }

    /// What [`Frontier::to_bytes`] wrote. The hashes cannot be checked here: compare the root with a checkpoint.
    pub fn from_bytes(bytes: &[u8]) -> Result<Frontier, Error> {
        let refused = |detail: &str| Error::malformed("frontier", detail);
        let (size, peaks) = bytes.split_first_chunk().ok_or_else(|| refused("shorter than the 8 bytes of its size"))?;
        let size = u64::from_be_bytes(*size);
        if size > limits::AUDIT_LOG_LEAVES {
            return Err(Error::TooLarge { what: "log", given: size, limit: limits::AUDIT_LOG_LEAVES });
        }
        if peaks.len() != size.count_ones() as usize * Hash::BYTES {
            return Err(refused("needs one hash of 32 bytes for each bit set in its size"));
        }
        let peaks = Hash::split(peaks).expect("the length was checked to be a multiple of a hash");
        Ok(Frontier { size, peaks })
    }
}
