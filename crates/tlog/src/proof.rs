//! Proofs that an entry is in a log, and that a log only grew (RFC 6962, 2.1; checked as RFC 9162, 2.1.3 and 2.1.4 say).
//!
//! Every hash of a proof is the root of a range of entries, and every range is a few perfect subtrees. A caller that must
//! read from a database first asks which nodes are needed (`…_nodes`), fetches them, and then proves; a caller that
//! has them at hand proves at once.

use std::ops::Range;

use base::limits;

use crate::{
    error::Error,
    hash::{EMPTY_ROOT, Hash, node_hash},
    node::Node,
};

/// The nodes whose hashes make the root of a log of `size` entries, largest subtree first.
pub fn root_nodes(size: u64) -> Result<Vec<Node>, Error> {
    check_size(size)?;
    Ok(nodes(0..size))
}

/// The nodes that [`prove_inclusion`] reads, in its order.
pub fn inclusion_nodes(index: u64, size: u64) -> Result<Vec<Node>, Error> {
    Ok(inclusion_ranges(index, size)?.into_iter().flat_map(nodes).collect())
}

/// The nodes that [`prove_consistency`] reads, in its order.
pub fn consistency_nodes(old_size: u64, size: u64) -> Result<Vec<Node>, Error> {
    Ok(consistency_ranges(old_size, size)?.into_iter().flat_map(nodes).collect())
}

/// The root of a log of `size` entries (RFC 6962, 2.1).
pub fn tree_root<E: From<Error>>(size: u64, read: impl FnMut(Node) -> Result<Hash, E>) -> Result<Hash, E> {
    let peaks = root_nodes(size)?.into_iter().map(read).collect::<Result<Vec<_>, E>>()?;
    Ok(fold(&peaks).unwrap_or(EMPTY_ROOT))
}

/// The path from the entry at `index` to the root of the first `size` entries, sibling of the leaf first (RFC 6962,
/// 2.1.1). [`Error::OutOfRange`] when the log of that size has no such entry.
pub fn prove_inclusion<E: From<Error>>(
    index: u64,
    size: u64,
    read: impl FnMut(Node) -> Result<Hash, E>,
) -> Result<Vec<Hash>, E> {
    hash_ranges(inclusion_ranges(index, size)?, read)
}

/// The proof that a log of `size` entries begins with the log of `old_size` entries (RFC 6962, 2.1.2). Empty when the old
/// log was empty or the sizes are equal. [`Error::OutOfRange`] when the old log was larger.
pub fn prove_consistency<E: From<Error>>(
    old_size: u64,
    size: u64,
    read: impl FnMut(Node) -> Result<Hash, E>,
) -> Result<Vec<Hash>, E> {
    hash_ranges(consistency_ranges(old_size, size)?, read)
}

/// Check that the entry with this leaf hash stands at `index` of the log with `size` entries and this root
/// (RFC 9162, 2.1.3.2). [`Error::NotProved`] when it does not.
pub fn verify_inclusion(leaf: Hash, index: u64, size: u64, root: Hash, path: &[Hash]) -> Result<(), Error> {
    check_size(size)?;
    check_index(index, size)?;
    let too_long = || Error::not_proved("the inclusion proof has too many hashes");
    let (mut node, mut last, mut hash) = (index, size - 1, leaf);
    for sibling in path {
        if last == 0 {
            return Err(too_long());
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            // A node without a right sibling rises until it is a right child itself.
            while node & 1 == 0 && node != 0 {
                (node, last) = (node >> 1, last >> 1);
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    if last != 0 {
        return Err(Error::not_proved("the inclusion proof has too few hashes"));
    }
    if hash != root {
        return Err(Error::not_proved(format!("the path from entry {index} does not lead to the root")));
    }
    Ok(())
}

/// Check that the log with `size` entries and `root` begins with the log of `old_size` entries and `old_root`
/// (RFC 9162, 2.1.4.2). [`Error::NotProved`] when it does not.
pub fn verify_consistency(old_size: u64, old_root: Hash, size: u64, root: Hash, proof: &[Hash]) -> Result<(), Error> {
    check_size(size)?;
    check_old_size(old_size, size)?;
    let equal = |what: &str, left: Hash, right: Hash| match left == right {
        true => Ok(()),
        false => Err(Error::not_proved(format!("the proof does not lead to the {what} root"))),
    };
    if old_size == 0 || old_size == size {
        equal("old", if old_size == 0 { EMPTY_ROOT } else { root }, old_root)?;
        if size == 0 {
            equal("new", EMPTY_ROOT, root)?;
        }
        let detail = "the consistency proof must be empty for an empty or an equal log";
        return if proof.is_empty() { Ok(()) } else { Err(Error::not_proved(detail)) };
    }
    // The old tree's last perfect subtree is where both trees part; when the old tree is perfect it is the whole of it.
    let shared = old_size.trailing_zeros();
    let (mut node, mut last) = ((old_size - 1) >> shared, (size - 1) >> shared);
    let too_short = || Error::not_proved("the consistency proof has too few hashes");
    let (start, rest) = match old_size.is_power_of_two() {
        true => (old_root, proof),
        false => proof.split_first().map(|(first, rest)| (*first, rest)).ok_or_else(too_short)?,
    };
    let (mut old, mut new) = (start, start);
    for sibling in rest {
        if last == 0 {
            return Err(Error::not_proved("the consistency proof has too many hashes"));
        }
        if node & 1 == 1 || node == last {
            old = node_hash(sibling, &old);
            new = node_hash(sibling, &new);
            while node & 1 == 0 && node != 0 {
                (node, last) = (node >> 1, last >> 1);
            }
        } else {
            new = node_hash(&new, sibling);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    if last != 0 {
        return Err(too_short());
    }
    equal("old", old, old_root)?;
    equal("new", new, root)
}

/// The root of a range from the hashes of its perfect subtrees, largest first: the small ones join first.
pub(crate) fn fold(peaks: &[Hash]) -> Option<Hash> {
    let (last, rest) = peaks.split_last()?;
    Some(rest.iter().rfold(*last, |right, left| node_hash(left, &right)))
}

fn check_size(size: u64) -> Result<(), Error> {
    let limit = limits::AUDIT_LOG_LEAVES;
    if size <= limit { Ok(()) } else { Err(Error::TooLarge { what: "log", given: size, limit }) }
}

fn check_index(index: u64, size: u64) -> Result<(), Error> {
    if index < size { Ok(()) } else { Err(Error::OutOfRange { what: "entry", given: index, size }) }
}

fn check_old_size(old_size: u64, size: u64) -> Result<(), Error> {
    if old_size <= size { Ok(()) } else { Err(Error::OutOfRange { what: "earlier size", given: old_size, size }) }
}

/// PATH(m, D[n]) of RFC 6962, 2.1.1 as ranges instead of hashes, deepest first.
fn inclusion_ranges(index: u64, size: u64) -> Result<Vec<Range<u64>>, Error> {
    check_size(size)?;
    check_index(index, size)?;
    let mut ranges = Vec::new();
    let mut within = 0..size;
    while within.end - within.start > 1 {
        let split = split(&within);
        if index < split {
            ranges.push(split..within.end);
            within.end = split;
        } else {
            ranges.push(within.start..split);
            within.start = split;
        }
    }
    ranges.reverse();
    Ok(ranges)
}

/// PROOF(m, D[n]) of RFC 6962, 2.1.2 as ranges instead of hashes, deepest first.
fn consistency_ranges(old_size: u64, size: u64) -> Result<Vec<Range<u64>>, Error> {
    check_size(size)?;
    check_old_size(old_size, size)?;
    let mut ranges = Vec::new();
    if old_size == 0 {
        return Ok(ranges);
    }
    let mut within = 0..size;
    while within.end != old_size {
        let split = split(&within);
        if old_size <= split {
            ranges.push(split..within.end);
            within.end = split;
        } else {
            ranges.push(within.start..split);
            within.start = split;
        }
    }
    // Starting at 0 it is the old tree itself, whose root the verifier already has.
    if within.start != 0 {
        ranges.push(within);
    }
    ranges.reverse();
    Ok(ranges)
}

/// Where RFC 6962 parts a range of at least two entries: the largest power of two below its length.
fn split(range: &Range<u64>) -> u64 {
    range.start + (1 << (range.end - range.start - 1).ilog2())
}

/// The perfect subtrees of a range that starts where RFC 6962 parts a tree, largest first.
fn nodes(range: Range<u64>) -> Vec<Node> {
    let mut nodes = Vec::new();
    let mut start = range.start;
    while start < range.end {
        let level = (range.end - start).ilog2();
        nodes.push(Node::new(level as u8, start >> level));
        start += 1 << level;
    }
    nodes
}

fn hash_ranges<E: From<Error>>(
    ranges: Vec<Range<u64>>,
    mut read: impl FnMut(Node) -> Result<Hash, E>,
) -> Result<Vec<Hash>, E> {
    let hash_range = |range| {
        let peaks = nodes(range).into_iter().map(&mut read).collect::<Result<Vec<_>, E>>()?;
        Ok(fold(&peaks).expect("a range of a proof has at least one entry"))
    };
    ranges.into_iter().map(hash_range).collect()
}
