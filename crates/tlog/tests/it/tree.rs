//! Hashes and the growing tree.

use proptest::prelude::*;
use tlog::{EMPTY_ROOT, Frontier, Hash, leaf_hash, tree_root};

use crate::reference;

/// Leaves and roots of sizes 1 to 8 that the Certificate Transparency implementations share.
const SHARED: [(&str, &str); 8] = [
    ("", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
    ("00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
    ("10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
    ("2021", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"),
    ("3031", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"),
    ("40414243", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"),
    ("5051525354555657", "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"),
    ("606162636465666768696a6b6c6d6e6f", "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
];

#[test]
fn the_vectors_of_certificate_transparency() {
    let mut frontier = Frontier::new();
    assert_eq!(frontier.root(), EMPTY_ROOT);
    for (leaf, root) in SHARED {
        let leaf: Vec<u8> =
            (0..leaf.len() / 2).map(|at| u8::from_str_radix(&leaf[2 * at..2 * at + 2], 16).unwrap()).collect();
        frontier.append(leaf_hash(&leaf)).unwrap();
        assert_eq!(frontier.root().to_hex(), root);
    }
}

#[test]
fn every_size_has_the_root_of_the_definition() {
    let leaves = reference::leaves(520);
    let mut frontier = Frontier::new();
    for size in 0..=leaves.len() {
        assert_eq!(frontier.size(), size as u64);
        let expected = reference::root(&leaves[..size]);
        assert_eq!(frontier.root(), expected, "size {size}");
        assert_eq!(tree_root(size as u64, reference::reader(&leaves)).unwrap(), expected, "size {size}");
        assert_eq!(Frontier::from_bytes(&frontier.to_bytes()).unwrap(), frontier);
        assert_eq!(Frontier::load(size as u64, reference::reader(&leaves)).unwrap(), frontier);
        if let Some(leaf) = leaves.get(size) {
            for (node, hash) in frontier.append(*leaf).unwrap() {
                assert_eq!(reference::reader(&leaves)(node).unwrap(), hash, "{node:?}");
            }
        }
    }
}

#[test]
fn a_full_log_takes_no_more() {
    let full = u64::try_from(i64::MAX).unwrap();
    let bytes = [&full.to_be_bytes()[..], &[7; 63 * 32]].concat();
    let mut frontier = Frontier::from_bytes(&bytes).unwrap();
    assert!(frontier.append(EMPTY_ROOT).is_err());
    assert_eq!(frontier.to_bytes(), bytes);
    assert!(Frontier::from_bytes(&[&(full + 1).to_be_bytes()[..], &[7; 32]].concat()).is_err());
}

#[test]
fn a_hash_has_one_spelling_in_hex_and_one_in_base64() {
    let hex = EMPTY_ROOT.to_hex();
    let base64 = EMPTY_ROOT.to_base64();
    assert_eq!(base64, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    for bad in [hex.to_uppercase(), hex[1..].to_owned(), format!("{hex}00"), format!(" {hex}"), String::new()] {
        assert!(Hash::from_hex(&bad).is_err(), "{bad}");
    }
    for bad in [&base64[..43], &base64.replace("U=", "V="), &format!("{base64}\n"), &base64.replace('+', "-"), ""] {
        assert!(Hash::from_base64(bad).is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn hashes_round_trip(bytes: [u8; 32]) {
        let hash = Hash(bytes);
        prop_assert_eq!(Hash::from_hex(&hash.to_hex()).unwrap(), hash);
        prop_assert_eq!(Hash::from_base64(&hash.to_base64()).unwrap(), hash);
        prop_assert_eq!(Hash::try_from(&bytes[..]).unwrap(), hash);
    }

    #[test]
    fn reading_a_hash_never_panics(text in ".{0,70}") {
        if let Ok(hash) = Hash::from_hex(&text) {
            prop_assert_eq!(hash.to_hex(), text.clone());
        }
        if let Ok(hash) = Hash::from_base64(&text) {
            prop_assert_eq!(hash.to_base64(), text);
        }
    }

    #[test]
    fn reading_a_frontier_never_panics(size in 0_u64..40, bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for input in [bytes.clone(), [&size.to_be_bytes()[..], &bytes].concat()] {
            if let Ok(frontier) = Frontier::from_bytes(&input) {
                prop_assert_eq!(frontier.to_bytes(), input);
                frontier.root();
            }
        }
    }
}
