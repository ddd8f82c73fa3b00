//! RFC 6962, 2.1 as its recursive definitions stand there: slow, and short enough to be checked by reading.

use base::{Entropy, Secret};
use tlog::{EMPTY_ROOT, Frontier, Hash, Node, Signer, leaf_hash, node_hash};

/// `count` different leaf hashes.
pub fn leaves(count: usize) -> Vec<Hash> {
    (0..count).map(|index| leaf_hash(format!("entry {index}").as_bytes())).collect()
}

/// MTH(D[n]).
pub fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => EMPTY_ROOT,
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(&root(left), &root(right))
        }
    }
}

/// PATH(m, D[n]).
pub fn path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let split = split(leaves.len());
    let (left, right) = leaves.split_at(split);
    let (mut path, sibling) =
        if index < split { (path(index, left), root(right)) } else { (path(index - split, right), root(left)) };
    path.push(sibling);
    path
}

/// PROOF(m, D[n]).
pub fn consistency(old_size: usize, leaves: &[Hash]) -> Vec<Hash> {
    sub_proof(old_size, leaves, true)
}

/// SUBPROOF(m, D[n], b).
fn sub_proof(old_size: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
    if old_size == leaves.len() {
        return if whole { Vec::new() } else { vec![root(leaves)] };
    }
    let split = split(leaves.len());
    let (left, right) = leaves.split_at(split);
    let (mut proof, rest) = if old_size <= split {
        (sub_proof(old_size, left, whole), root(right))
    } else {
        (sub_proof(old_size - split, right, false), root(left))
    };
    proof.push(rest);
    proof
}

/// The largest power of two smaller than `count`.
fn split(count: usize) -> usize {
    count.next_power_of_two() / 2
}

/// Read a node by hashing all its leaves.
pub fn reader(leaves: &[Hash]) -> impl FnMut(Node) -> Result<Hash, tlog::Error> {
    move |node| {
        let (start, end) = (node.index() << node.level(), (node.index() + 1) << node.level());
        Ok(root(&leaves[usize::try_from(start).unwrap()..usize::try_from(end).unwrap()]))
    }
}

/// A log with these leaves.
pub fn frontier(leaves: &[Hash]) -> Frontier {
    let mut frontier = Frontier::new();
    for leaf in leaves {
        frontier.append(*leaf).unwrap();
    }
    frontier
}

/// A key that is the same in each run.
pub fn signer(name: &str, seed: u64) -> Signer {
    Signer::from_seed(name.parse().unwrap(), &Secret::new(Entropy::seeded(seed).bytes()))
}
