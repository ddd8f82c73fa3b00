//! The 64-bit hash under which texts, symbols and templates stand in an index.
//!
//! Part of the index format: changing it makes every index unreadable. Nothing about trust is decided with it: whole files and
//! sections are named by SHA-256.

const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
const FOLD: u64 = 0xd6e8_feb8_6659_fd93;

/// The hash of `text`. Eight bytes at a time, each spread over the whole word, the length mixed in first.
#[must_use]
pub fn text_hash(text: &[u8]) -> u64 {
    let mut hash = (text.len() as u64).wrapping_mul(FOLD) ^ MIX;
    let mut words = text.chunks_exact(8);
    for word in &mut words {
        let word = u64::from_le_bytes(word.try_into().expect("chunks_exact gives eight bytes"));
        hash = step(hash, word);
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        hash = step(hash, u64::from_le_bytes(last));
    }
    hash ^= hash >> 32;
    hash = hash.wrapping_mul(FOLD);
    hash ^= hash >> 29;
    hash = hash.wrapping_mul(MIX);
    hash ^ (hash >> 32)
}

fn step(hash: u64, word: u64) -> u64 {
    let mixed = (hash ^ word).wrapping_mul(MIX);
    (mixed ^ (mixed >> 31)).wrapping_mul(FOLD).rotate_left(23)
}

#[cfg(test)]
mod tests {
    use super::text_hash;

    #[test]
    fn hashes_are_part_of_the_format() {
        assert_eq!(text_hash(b""), 5_884_839_539_218_615_825);
        assert_eq!(text_hash(b"deflate 1.2.13 Copyright"), 8_806_874_263_907_648_061);
    }

    #[test]
    fn a_zero_at_the_end_counts() {
        assert_ne!(text_hash(b"abc"), text_hash(b"abc\0"));
    }

    #[test]
    fn a_million_numbers_do_not_collide() {
        let mut all: Vec<u64> = (0..1_000_000u32).map(|n| text_hash(format!("text {n}").as_bytes())).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 1_000_000);
    }
}
