//! Inclusion and consistency, for every small tree and for trees as large as a log may be.

use base::limits;
use proptest::prelude::*;
use tlog::{
    EMPTY_ROOT, Error, Hash, Node, consistency_nodes, inclusion_nodes, leaf_hash, node_hash, prove_consistency,
    prove_inclusion, verify_consistency, verify_inclusion,
};

use crate::reference;

const SMALL: usize = 67;

#[test]
fn every_inclusion_in_every_small_tree() {
    let leaves = reference::leaves(SMALL);
    for size in 1..=SMALL {
        let root = reference::root(&leaves[..size]);
        for index in 0..size {
            let path = prove_inclusion(index as u64, size as u64, reference::reader(&leaves[..size])).unwrap();
            assert_eq!(path, reference::path(index, &leaves[..size]), "{index} of {size}");
            verify_inclusion(leaves[index], index as u64, size as u64, root, &path).unwrap();
        }
    }
}

#[test]
fn every_consistency_of_every_two_small_trees() {
    let leaves = reference::leaves(SMALL);
    for size in 0..=SMALL {
        let root = reference::root(&leaves[..size]);
        for old_size in 0..=size {
            let old_root = reference::root(&leaves[..old_size]);
            let reader = reference::reader(&leaves[..size]);
            let proof: Vec<Hash> = prove_consistency(old_size as u64, size as u64, reader).unwrap();
            if old_size > 0 {
                assert_eq!(proof, reference::consistency(old_size, &leaves[..size]), "{old_size} of {size}");
            }
            verify_consistency(old_size as u64, old_root, size as u64, root, &proof).unwrap();
        }
    }
}

#[test]
fn an_altered_inclusion_is_found() {
    let leaves = reference::leaves(SMALL);
    for size in 1..=33_usize {
        let root = reference::root(&leaves[..size]);
        for index in 0..size {
            let path = reference::path(index, &leaves[..size]);
            let refused = |leaf, index: usize, size: usize, root, path: &[Hash]| {
                let answer = verify_inclusion(leaf, index as u64, size as u64, root, path);
                assert!(answer.is_err(), "{index} of {size}");
            };
            for bad in altered(&path) {
                refused(leaves[index], index, size, root, &bad);
            }
            refused(flipped(leaves[index], 0), index, size, root, &path);
            refused(leaves[index], index, size, flipped(root, 31), &path);
            for other in (0..=size).filter(|other| *other != index) {
                refused(leaves[index], other, size, root, &path);
            }
        }
    }
}

#[test]
fn an_altered_consistency_is_found() {
    let leaves = reference::leaves(SMALL);
    for size in 1..=33_usize {
        let root = reference::root(&leaves[..size]);
        for old_size in 0..=size {
            let old_root = reference::root(&leaves[..old_size]);
            let proof = if old_size == 0 { Vec::new() } else { reference::consistency(old_size, &leaves[..size]) };
            let refused = |old_root, root, proof: &[Hash]| {
                let answer = verify_consistency(old_size as u64, old_root, size as u64, root, proof);
                assert!(matches!(answer, Err(Error::NotProved { .. })), "{old_size} of {size}");
            };
            for bad in altered(&proof) {
                refused(old_root, root, &bad);
            }
            refused(flipped(old_root, 3), root, &proof);
            if old_size > 0 {
                refused(old_root, flipped(root, 3), &proof);
            }
        }
    }
}

#[test]
fn a_rewritten_entry_breaks_consistency_with_every_later_tree() {
    let leaves = reference::leaves(40);
    for old_size in 1..40_usize {
        let old_root = reference::root(&leaves[..old_size]);
        for victim in 0..old_size {
            let mut forged = leaves.clone();
            forged[victim] = leaf_hash(b"it was somebody else");
            let proof = reference::consistency(old_size, &forged);
            assert!(verify_consistency(old_size as u64, old_root, 40, reference::root(&forged), &proof).is_err());
        }
    }
}

#[test]
fn what_is_outside_the_log_is_refused() {
    let read = |_: Node| -> Result<Hash, Error> { panic!("nothing is read for a refused proof") };
    let limit = limits::AUDIT_LOG_LEAVES;
    for (index, size) in [(0, 0), (5, 5), (6, 5), (u64::MAX, 5), (0, limit + 1), (u64::MAX, u64::MAX)] {
        assert!(prove_inclusion(index, size, read).is_err());
        assert!(verify_inclusion(EMPTY_ROOT, index, size, EMPTY_ROOT, &[]).is_err());
    }
    for (old_size, size) in [(6, 5), (u64::MAX, 5), (0, limit + 1), (limit, u64::MAX)] {
        assert!(prove_consistency(old_size, size, read).is_err());
        assert!(verify_consistency(old_size, EMPTY_ROOT, size, EMPTY_ROOT, &[]).is_err());
    }
}

/// Every single alteration of a proof: a bit of each hash, each hash dropped, doubled, or swapped with its neighbour.
fn altered(proof: &[Hash]) -> Vec<Vec<Hash>> {
    let mut out = vec![[proof, &[EMPTY_ROOT]].concat(), [&[EMPTY_ROOT], proof].concat()];
    for at in 0..proof.len() {
        let mut changed = [proof.to_vec(), proof.to_vec(), proof.to_vec(), proof.to_vec()];
        changed[0][at] = flipped(proof[at], at % 32);
        changed[1].remove(at);
        changed[2].insert(at, proof[at]);
        changed[3].swap(at, (at + 1) % proof.len());
        out.extend(changed.into_iter().filter(|changed| changed != proof));
    }
    out
}

fn flipped(mut hash: Hash, byte: usize) -> Hash {
    hash.0[byte] ^= 1;
    hash
}

/// In a log whose leaves are all equal a node's hash depends on its level only, so that a log of any size can be read.
fn read_uniform(node: Node) -> Result<Hash, Error> {
    Ok((0..node.level()).fold(leaf_hash(b"same"), |hash, _| node_hash(&hash, &hash)))
}

fn size_and_part() -> impl Strategy<Value = (u64, u64)> {
    let sizes = prop_oneof![1..=1_000_u64, 1..=limits::AUDIT_LOG_LEAVES, Just(limits::AUDIT_LOG_LEAVES)];
    sizes.prop_flat_map(|size| (Just(size), 0..size))
}

proptest! {
    #[test]
    fn huge_logs_prove_and_verify((size, part) in size_and_part()) {
        let root = tlog::tree_root(size, read_uniform).unwrap();
        let path = prove_inclusion(part, size, read_uniform).unwrap();
        verify_inclusion(leaf_hash(b"same"), part, size, root, &path).unwrap();
        prop_assert!(path.len() <= 63 && inclusion_nodes(part, size).unwrap().len() <= 64 * 63);

        let old_root = tlog::tree_root(part, read_uniform).unwrap();
        let proof = prove_consistency(part, size, read_uniform).unwrap();
        verify_consistency(part, old_root, size, root, &proof).unwrap();
        prop_assert!(proof.len() <= 64 && consistency_nodes(part, size).unwrap().len() <= 64 * 63);
    }

    #[test]
    fn verifying_never_panics(numbers: [u64; 2], small in prop::array::uniform2(0_u64..70), count in 0_usize..70) {
        let proof = vec![EMPTY_ROOT; count];
        for [left, right] in [numbers, small] {
            prop_assert!(verify_inclusion(EMPTY_ROOT, left, right, leaf_hash(b"x"), &proof).is_err());
            prop_assert!(verify_consistency(left, leaf_hash(b"x"), right, leaf_hash(b"y"), &proof).is_err());
        }
    }
}
