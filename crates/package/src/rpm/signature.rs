//! Which key signed a package: the issuer in an OpenPGP signature (RFC 9580, section 5.2). Nothing is verified here.

use super::field::{Order, index, part};

/// The only packet that matters.
const SIGNATURE: u8 = 2;
/// Subpackets that name the key.
const ISSUER: u8 = 16;
const ISSUER_FINGERPRINT: u8 = 33;

/// Sixteen hex digits; None when the bytes are no signature or it does not say.
pub(super) fn key_id(packet: &[u8]) -> Option<String> {
    let body = signature_body(packet)?;
    let id = match body.first()? {
        // Version 3: two bytes, class and time, then the key.
        3 => part(body, 7, 8)?,
        4 => issuer(body, |at| Order::Big.u16(body, at).map(|length| (usize::from(length), 2)))?,
        6 => issuer(body, |at| Order::Big.u32(body, at).map(|length| (index(length), 4)))?,
        _ => return None,
    };
    Some(hex::encode(id))
}

/// The content of a packet with tag 2 ("Packet Headers").
fn signature_body(packet: &[u8]) -> Option<&[u8]> {
    let (first, rest) = packet.split_first()?;
    if first & 0x80 == 0 {
        return None;
    }
    let (tag, length, at) = if first & 0x40 != 0 {
        let (length, rest) = length(rest)?;
        (first & 0x3f, length, packet.len() - rest.len())
    } else {
        let tag = first >> 2 & 0x0f;
        match first & 3 {
            0 => (tag, usize::from(*rest.first()?), 2),
            1 => (tag, usize::from(Order::Big.u16(rest, 0)?), 3),
            2 => (tag, index(Order::Big.u32(rest, 0)?), 5),
            _ => (tag, packet.len() - 1, 1),
        }
    };
    if tag == SIGNATURE { part(packet, at, length) } else { None }
}

/// The length of a new packet or subpacket, and what follows it.
fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let first = *bytes.first()?;
    match first {
        0..192 => Some((usize::from(first), &bytes[1..])),
        192..255 => {
            let second = *bytes.get(1)?;
            Some(((usize::from(first) - 192) * 256 + usize::from(second) + 192, &bytes[2..]))
        }
        255 => Some((index(Order::Big.u32(bytes, 1)?), &bytes[5..])),
    }
}

/// Looks through the hashed and then the other subpackets; `size` reads how long a list is and how many bytes say so.
fn issuer(body: &[u8], size: impl Fn(usize) -> Option<(usize, usize)>) -> Option<&[u8]> {
    let mut at = 4;
    for _ in 0..2 {
        let (list_bytes, number_bytes) = size(at)?;
        let mut list = part(body, at + number_bytes, list_bytes)?;
        while !list.is_empty() {
            let (length, rest) = length(list)?;
            let (subpacket, rest) = rest.split_at_checked(length)?;
            list = rest;
            // The highest bit of the type says that it is critical.
            match subpacket.split_first().map(|(kind, content)| (kind & 0x7f, content)) {
                Some((ISSUER, id)) if id.len() == 8 => return Some(id),
                // The id is the end of a version 4 fingerprint, the front of a version 6 one.
                Some((ISSUER_FINGERPRINT, [4, fingerprint @ ..])) if fingerprint.len() == 20 => {
                    return Some(&fingerprint[12..]);
                }
                Some((ISSUER_FINGERPRINT, [6, fingerprint @ ..])) if fingerprint.len() == 32 => {
                    return Some(&fingerprint[..8]);
                }
                _ => {}
            }
        }
        at = at + number_bytes + list_bytes;
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_version_names_its_key() {
        let three = [&[0x88, 0x10, 3, 5, 0, 1, 2, 3, 4][..], &[0xab; 8], &[1]].concat();
        assert_eq!(key_id(&three).unwrap(), "abababababababab");
        let four = [&[0xc2, 20, 4, 0, 1, 8, 0, 0, 0, 10, 9, 16][..], &[0xcd; 8], &[1, 2]].concat();
        assert_eq!(key_id(&four).unwrap(), "cdcdcdcdcdcdcdcd");
        let print = [&[0xc2, 31, 4, 0, 1, 8, 0, 23, 22, 33, 4][..], &[1; 12], &[0xef; 8], &[0, 0]].concat();
        assert_eq!(key_id(&print).unwrap(), "efefefefefefefef");
        for wrong in [&[][..], &[0x88], &[0x99, 0, 1, 4], &[0x88, 2, 4, 0], &[0x08, 1, 3]] {
            assert_eq!(key_id(wrong), None);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(mut bytes in proptest::collection::vec(any::<u8>(), 0..80), version in 3..7_u8) {
            key_id(&bytes);
            bytes.splice(0..0, [0x88, 60, version, 0, 1, 8, 0]);
            key_id(&bytes);
        }
    }
}
