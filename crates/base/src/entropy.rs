//! Randomness as an argument.

use std::sync::{Arc, Mutex};

/// A source of random bytes: the machine's, or a seeded one that repeats (tests only).
#[derive(Clone, Debug, Default)]
pub enum Entropy {
    #[default]
    System,
    /// SplitMix64 over a shared state. Not for secrets.
    Seeded(Arc<Mutex<u64>>),
}

impl Entropy {
    /// A source that gives the same bytes for the same seed.
    pub fn seeded(seed: u64) -> Entropy {
        Entropy::Seeded(Arc::new(Mutex::new(seed)))
    }

    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut out = [0; N];
        self.fill(&mut out);
        out
    }

    /// `length` random characters of `[a-z2-7]`, five bits each.
    pub fn token(&self, length: usize) -> String {
        const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
        let mut raw = vec![0; length];
        self.fill(&mut raw);
        raw.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 31)])).collect()
    }

    /// Fill a buffer with random bytes.
    pub fn fill(&self, out: &mut [u8]) {
        match self {
            Entropy::System => getrandom::fill(out).expect("the operating system gives random bytes"),
            Entropy::Seeded(state) => {
                let mut state = state.lock().expect("no holder of this lock can panic");
                for byte in out {
                    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
                    let mut mixed = *state;
                    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                    *byte = mixed.to_le_bytes()[7];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Entropy;

    #[test]
    fn a_seed_repeats_and_differs_from_another() {
        assert_eq!(Entropy::seeded(1).token(20), Entropy::seeded(1).token(20));
        assert_ne!(Entropy::seeded(1).token(20), Entropy::seeded(2).token(20));
        assert_ne!(Entropy::System.token(20), Entropy::System.token(20));
    }
}
