//! Entry bundles.

use base::limits;
use proptest::prelude::*;
use tlog::{Error, bundle};

#[test]
fn limits_hold() {
    let largest = vec![7; limits::AUDIT_LEAF_BYTES];
    let bytes = bundle::encode(&[&largest[..], b""]).unwrap();
    assert_eq!(bundle::decode(&bytes).unwrap(), [&largest[..], b""]);
    assert!(matches!(bundle::encode(&[vec![7; limits::AUDIT_LEAF_BYTES + 1]]), Err(Error::TooLarge { .. })));
    let mut bytes = bundle::encode(&vec![b"x"; 256]).unwrap();
    assert_eq!(bundle::decode(&bytes).unwrap().len(), 256);
    assert!(matches!(bundle::encode(&vec![b"x"; 257]), Err(Error::TooLarge { .. })));
    bundle::append(&mut bytes, b"x").unwrap();
    assert!(matches!(bundle::decode(&bytes), Err(Error::TooLarge { .. })));
}

proptest! {
    #[test]
    fn round_trips_and_finds_truncation(
        leaves in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..20),
    ) {
        let bytes = bundle::encode(&leaves).unwrap();
        prop_assert_eq!(&bundle::decode(&bytes).unwrap(), &leaves);
        for end in 0..bytes.len() {
            if let Ok(fewer) = bundle::decode(&bytes[..end]) {
                prop_assert!(fewer.len() < leaves.len() && fewer == leaves[..fewer.len()]);
            }
        }
    }

    #[test]
    fn decoding_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(leaves) = bundle::decode(&bytes) {
            prop_assert_eq!(bundle::encode(&leaves).unwrap(), bytes);
        }
    }
}
