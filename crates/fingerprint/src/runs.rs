//! Runs of printable characters in bytes that come in chunks, narrow (ASCII) and, for PE, wide (UTF-16).
//!
//! ```text
//!   bytes   7f 45 4c 46 00 | d e f l a t e   1 . 3 \n | 00 01 …        a line end closes a run, so that the lines of
//!   run                      └──── offset, text ────┘                  a usage text are found one by one
//! ```
//!
//! Cutting the input anywhere gives the same runs.

use base::limits::FINGERPRINT_RUN_BYTES as RUN_BYTES;

/// Shorter runs are nothing anybody wrote: machine code is full of them. Four admits `72.1`.
pub const MIN_RUN: usize = 4;

/// Bytes that are looked at together.
const BLOCK: usize = 64;

/// Finds runs in a stream; each is given to a sink with the offset of its first byte.
#[derive(Debug, Default)]
pub struct Runs {
    /// Bytes fed before the present chunk.
    fed: u64,
    /// A narrow run that reached the end of the last chunk; at most [`RUN_BYTES`] and one more of it are kept.
    open: Vec<u8>,
    open_at: u64,
    wide: Option<Wide>,
}

/// A wide run under way: characters, and whether the zero byte of the last one is still awaited.
#[derive(Debug, Default)]
struct Wide {
    text: Vec<u8>,
    half: Option<u8>,
}

impl Runs {
    /// A finder of narrow runs, and of wide ones when `wide`.
    #[must_use]
    pub fn new(wide: bool) -> Self {
        Self { wide: wide.then(Wide::default), ..Self::default() }
    }

    /// Reads on; `sink` gets every run that ended.
    pub fn feed(&mut self, chunk: &[u8], sink: &mut dyn FnMut(u64, &[u8])) {
        if let Some(wide) = &mut self.wide {
            wide.feed(self.fed, chunk, sink);
        }
        let mut at = 0;
        if !self.open.is_empty() {
            let more = chunk.iter().take_while(|byte| is_text(**byte)).count();
            self.keep(&chunk[..more]);
            if more == chunk.len() {
                self.fed += chunk.len() as u64;
                return;
            }
            self.close(sink);
            at = more;
        }
        let start = self.whole_runs(chunk, at, sink);
        self.open_at = self.fed + start as u64;
        self.keep(&chunk[start..]);
        self.fed += chunk.len() as u64;
    }

    /// The end of the input closes what is open.
    pub fn finish(mut self, sink: &mut dyn FnMut(u64, &[u8])) {
        self.close(sink);
        if let Some(wide) = &mut self.wide {
            wide.close(self.fed, sink);
        }
    }

    /// Gives every run of `chunk` from `at` that ends inside it; answers where the one that reaches its end begins.
    ///
    /// Of 64 bytes it is known at once which belong to texts. Machine code is full of bytes that look like characters, and a branch
    /// for each of them would be guessed wrong every other time; four in a row are rare.
    fn whole_runs(&self, chunk: &[u8], mut at: usize, sink: &mut dyn FnMut(u64, &[u8])) -> usize {
        let mut give = |start: usize, end: usize| {
            if (MIN_RUN..=RUN_BYTES).contains(&(end - start)) {
                sink(self.fed + start as u64, &chunk[start..end]);
            }
        };
        let mut open = None;
        while at < chunk.len() {
            let bytes = chunk.len().min(at + BLOCK) - at;
            let mut text = match chunk[at..].first_chunk() {
                Some(block) => text_in(block),
                None => {
                    let mut block = [0; BLOCK];
                    block[..bytes].copy_from_slice(&chunk[at..]);
                    text_in(&block)
                }
            };
            if let Some(start) = open {
                let more = text.trailing_ones() as usize;
                if more >= bytes {
                    at += bytes;
                    continue;
                }
                give(start, at + more);
                text &= u64::MAX << more;
            }
            let tail = (text << (BLOCK - bytes)).leading_ones() as usize;
            open = (tail > 0).then(|| at + bytes - tail);
            text &= u64::MAX.checked_shr((BLOCK - bytes + tail) as u32).unwrap_or(0);
            let mut starts = text & (text >> 1) & (text >> 2) & (text >> 3);
            while starts != 0 {
                let start = starts.trailing_zeros();
                let length = (text >> start).trailing_ones();
                give(at + start as usize, at + (start + length) as usize);
                starts &= u64::MAX << (start + length);
            }
            at += bytes;
        }
        open.unwrap_or(chunk.len())
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = (RUN_BYTES + 1).saturating_sub(self.open.len());
        self.open.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn close(&mut self, sink: &mut dyn FnMut(u64, &[u8])) {
        if (MIN_RUN..=RUN_BYTES).contains(&self.open.len()) {
            sink(self.open_at, &self.open);
        }
        self.open.clear();
    }
}

impl Wide {
    fn feed(&mut self, fed: u64, chunk: &[u8], sink: &mut dyn FnMut(u64, &[u8])) {
        for (index, byte) in chunk.iter().enumerate() {
            match self.half.take() {
                Some(half) if *byte == 0 => {
                    if self.text.len() <= RUN_BYTES {
                        self.text.push(half);
                    }
                }
                Some(_) => {
                    // What was taken for the first half of a character stands before this byte and outside the run.
                    self.end(fed + index as u64 - 1, sink);
                    self.half = is_text(*byte).then_some(*byte);
                }
                None if is_text(*byte) => self.half = Some(*byte),
                None => self.end(fed + index as u64, sink),
            }
        }
    }

    fn close(&mut self, end: u64, sink: &mut dyn FnMut(u64, &[u8])) {
        let end = end - u64::from(self.half.take().is_some());
        self.end(end, sink);
    }

    fn end(&mut self, end: u64, sink: &mut dyn FnMut(u64, &[u8])) {
        if (MIN_RUN..=RUN_BYTES).contains(&self.text.len()) {
            sink(end - 2 * self.text.len() as u64, &self.text);
        }
        self.text.clear();
    }
}

/// Whether a byte belongs to a text: printable ASCII or a tab.
#[inline]
fn is_text(byte: u8) -> bool {
    TEXT[byte as usize]
}

/// Which of these bytes belong to a text, the first in the lowest bit; as `is_text` says, eight at a time.
#[inline]
fn text_in(block: &[u8; BLOCK]) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let mut all = 0;
    for (index, eight) in block.as_chunks().0.iter().enumerate() {
        // In the upper bit of each byte, from which no sum of two with seven bits runs over.
        let word = u64::from_le_bytes(*eight);
        let low = word & (EACH * 0x7f);
        let printable = (low + EACH * 0x60) & !(low + EACH);
        let tab = !((low ^ (EACH * 0x09)) + EACH * 0x7f);
        let text = (printable | tab) & !word & (EACH * 0x80);
        // Brings the eight bits side by side.
        all |= ((text >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * index);
    }
    all
}

const TEXT: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0x20;
    while byte < 0x7f {
        table[byte] = true;
        byte += 1;
    }
    table[b'\t' as usize] = true;
    table
};

#[cfg(test)]
mod tests {
    use super::Runs;
    use proptest::prelude::*;

    fn runs(chunks: &[&[u8]], wide: bool) -> Vec<(u64, Vec<u8>)> {
        let mut found = Vec::new();
        let mut runs = Runs::new(wide);
        for chunk in chunks {
            runs.feed(chunk, &mut |at, text| found.push((at, text.to_vec())));
        }
        runs.finish(&mut |at, text| found.push((at, text.to_vec())));
        found.sort();
        found
    }

    /// The plainest way to say what a run is.
    fn plain(bytes: &[u8]) -> Vec<(u64, Vec<u8>)> {
        let mut found = Vec::new();
        let mut at = 0;
        for part in bytes.split(|byte| !(*byte == b'\t' || (0x20..0x7f).contains(byte))) {
            if (super::MIN_RUN..=super::RUN_BYTES).contains(&part.len()) {
                found.push((at, part.to_vec()));
            }
            at += part.len() as u64 + 1;
        }
        found
    }

    #[test]
    fn every_byte_is_told_in_every_place() {
        for byte in 0..=u8::MAX {
            for place in 0..super::BLOCK {
                let mut block = [0; super::BLOCK];
                block[place] = byte;
                assert_eq!(super::text_in(&block), u64::from(super::is_text(byte)) << place);
            }
        }
    }

    #[test]
    fn lines_and_wide_texts() {
        assert_eq!(runs(&[b"\x00usage: x\n -v\n\x01"], false), [(1, b"usage: x".to_vec())]);
        assert_eq!(runs(&[b"\x01h\0e\0l\0l\0o\0\x02"], true), [(1, b"hello".to_vec())]);
        assert_eq!(runs(&[b"xh\0e\0l\0l\0o\0w"], true), [(1, b"hello".to_vec())]);
    }

    #[test]
    fn a_run_beyond_the_limit_is_none() {
        let long = vec![b'a'; super::RUN_BYTES + 1];
        assert_eq!(runs(&[&long, b"\0short"], false).len(), 1);
        assert_eq!(runs(&[&long[..super::RUN_BYTES]], false).len(), 1);
    }

    proptest! {
        #[test]
        fn the_same_runs_however_it_is_cut(parts in prop::collection::vec(prop::collection::vec(
            prop_oneof![3 => 0x61u8..0x64, 1 => Just(0u8), 1 => any::<u8>()], 0..200), 0..8))
        {
            let whole: Vec<u8> = parts.concat();
            let cut: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
            prop_assert_eq!(runs(&cut, false), plain(&whole));
            prop_assert_eq!(runs(&cut, true), runs(&[&whole], true));
        }
    }
}
