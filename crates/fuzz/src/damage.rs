//! Ways in which files break, the same on every machine.

/// What parsers fear in one place or another: quotes and brackets, numbers at their limits, cut letters.
const FEARED: [&[u8]; 24] = [
    b"{",
    b"]",
    b"\"",
    b"<",
    b"null",
    b"-1e999",
    b"99999999999999999999",
    b"\\ud800",
    b"\xff",
    b"\xc3",
    b"\0",
    b"\n",
    b"\n\n",
    b":",
    b"%",
    b"&a [*a, *a]",
    b"../",
    b"=",
    b"\0\0\0\0\0\0\0\0",
    b"\xff\xff\xff\xff",
    b"\xff\xff\xff\xff\xff\xff\xff\x7f",
    b"\x7f\xff\xff\xff",
    b"\0\0\0\x80",
    b"\x01\0\0\0",
];

/// Longest piece that is cut out, doubled or moved.
const PIECE: usize = 64;

/// A sequence of damaged files (numbers by Marsaglia, "Xorshift RNGs").
#[derive(Debug)]
pub struct Damage(u64);

impl Damage {
    pub fn new(seed: u64) -> Damage {
        Damage(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The bytes, broken in one to five places.
    pub fn of(&mut self, whole: &[u8]) -> Vec<u8> {
        let mut bytes = whole.to_vec();
        for _ in 0..=self.below(5) {
            self.once(&mut bytes);
        }
        bytes
    }

    fn once(&mut self, bytes: &mut Vec<u8>) {
        let at = self.below(bytes.len());
        let end = (at + self.below(PIECE)).min(bytes.len());
        let feared = FEARED[self.below(FEARED.len())];
        match self.below(8) {
            // Cutting leaves little to read, so it is rarer than the rest.
            0 if self.below(4) == 0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 => drop(bytes.splice(at..at, feared.iter().copied())),
            3 => {
                let end = (at + feared.len()).min(bytes.len());
                bytes.splice(at..end, feared.iter().copied());
            }
            4 => {
                let piece = bytes[at..end].to_vec();
                let to = self.below(bytes.len() + 1);
                bytes.splice(to..to, piece);
            }
            5 if at < bytes.len() => bytes[at] = self.below(256) as u8,
            _ if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
            _ => {}
        }
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound.max(1) as u64) as usize
    }
}
