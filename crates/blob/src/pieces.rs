//! The pieces of a blob: with their digests a part of it can be checked without reading the rest.
//!
//! ```text
//!   blob    │ piece 0 │ piece 1 │ piece 2 │ 3 │      limits::PIECE_BYTES each, the last one shorter
//!   asked                  [first … last]
//!   read              │ piece 1 │ piece 2 │          whole pieces around it; what was not asked for is dropped
//! ```
//!
//! They are learnt from a whole blob that had the right digest. A blob of one piece needs none: it is read whole.

use std::{fmt, str::FromStr, sync::Arc};

use base::{InvalidName, limits};
use oci::{Algorithm, Hasher};

const PIECE: u64 = limits::PIECE_BYTES as u64;
/// Hexadecimal digits of one digest.
const DIGITS: usize = 64;

/// The SHA-256 of each piece of one blob. Its text is theirs, one after the other; whoever keeps it is believed. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pieces(Arc<str>);

/// Pieces in the making, fed with the bytes of a blob from its first one on.
#[derive(Debug)]
pub(crate) struct PieceHasher {
    done: String,
    hasher: Hasher,
    /// Bytes of the piece that is under way.
    begun: usize,
}

/// The whole pieces around a part of a blob, in bytes of the blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) piece: u64,
    pub(crate) begin: u64,
    pub(crate) end: u64,
}

impl Pieces {
    /// Whether there are as many as a blob of this size has.
    pub(crate) fn fit(&self, size: u64) -> bool {
        (self.0.len() / DIGITS) as u64 == size.div_ceil(PIECE)
    }

    /// The hexadecimal digest of one of them.
    pub(crate) fn hex(&self, piece: u64) -> Option<&str> {
        let begin = usize::try_from(piece).ok()?.checked_mul(DIGITS)?;
        self.0.get(begin..begin + DIGITS)
    }
}

impl fmt::Display for Pieces {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl FromStr for Pieces {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Pieces, InvalidName> {
        let good =
            text.len().is_multiple_of(DIGITS) && text.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
        if good { Ok(Pieces(text.into())) } else { Err(InvalidName::new("pieces", text, "64 of 0-9 and a-f for each")) }
    }
}

impl PieceHasher {
    pub(crate) fn new() -> PieceHasher {
        PieceHasher { done: String::new(), hasher: Hasher::new(Algorithm::Sha256), begun: 0 }
    }

    pub(crate) fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(limits::PIECE_BYTES - self.begun));
            self.hasher.update(now);
            self.begun += now.len();
            if self.begun == limits::PIECE_BYTES {
                self.end_piece();
            }
            bytes = later;
        }
    }

    pub(crate) fn finish(mut self) -> Pieces {
        if self.begun > 0 {
            self.end_piece();
        }
        Pieces(self.done.into())
    }

    fn end_piece(&mut self) {
        let hasher = std::mem::replace(&mut self.hasher, Hasher::new(Algorithm::Sha256));
        self.done.push_str(hasher.finish().hex());
        self.begun = 0;
    }
}

impl Span {
    /// Around `length` bytes from `first` on, of which there is at least one and which are in a blob of `size` bytes.
    pub(crate) fn around(first: u64, length: u64, size: u64) -> Span {
        let piece = first / PIECE;
        let last = first + length - 1;
        Span { piece, begin: piece * PIECE, end: ((last / PIECE + 1) * PIECE).min(size) }
    }
}

/// Bytes of a piece of a blob of `size` bytes.
pub(crate) fn length_of(piece: u64, size: u64) -> u64 {
    size.saturating_sub(piece.saturating_mul(PIECE)).min(PIECE)
}

#[cfg(test)]
mod tests {
    use oci::Digest;
    use proptest::prelude::*;

    use super::{PIECE, PieceHasher, Pieces, Span, length_of};

    #[test]
    fn pieces_are_what_their_bytes_say_however_they_came() {
        let bytes: Vec<u8> = (0..2 * PIECE + 1).map(|number| (number % 251) as u8).collect();
        let expected: String =
            bytes.chunks(PIECE as usize).map(|piece| Digest::sha256_of(piece).hex().to_owned()).collect();
        for chunk in [1_000_003, 3 << 20, PIECE as usize, bytes.len()] {
            let mut hasher = PieceHasher::new();
            bytes.chunks(chunk).for_each(|chunk| hasher.update(chunk));
            assert_eq!(hasher.finish().to_string(), expected, "chunks of {chunk}");
        }
        let pieces: Pieces = expected.parse().unwrap();
        assert!(pieces.fit(2 * PIECE + 1) && pieces.fit(3 * PIECE));
        assert!(!pieces.fit(2 * PIECE) && !pieces.fit(3 * PIECE + 1));
        assert_eq!((pieces.hex(2), pieces.hex(3)), (Some(&expected[128..]), None));
        for bad in ["0", &expected[1..], &expected.to_uppercase()] {
            assert!(bad.parse::<Pieces>().is_err(), "{bad:?}");
        }
        assert!(PieceHasher::new().finish().fit(0));
    }

    proptest! {
        #[test]
        fn the_span_holds_the_part_and_no_piece_more(size in 1..40 * PIECE, first in any::<u64>(), length in any::<u64>()) {
            let first = first % size;
            let length = 1 + length % (size - first);
            let span = Span::around(first, length, size);
            prop_assert!(span.begin <= first && first + length <= span.end && span.end <= size);
            prop_assert!(span.begin.is_multiple_of(PIECE) && (span.end.is_multiple_of(PIECE) || span.end == size));
            prop_assert!(first - span.begin < PIECE && span.end - (first + length) < PIECE);
            // Its pieces, one after the other, are the span.
            let (mut at, mut piece) = (span.begin, span.piece);
            while at < span.end {
                prop_assert!(length_of(piece, size) > 0 && piece * PIECE == at);
                at += length_of(piece, size);
                piece += 1;
            }
            prop_assert_eq!(at, span.end);
        }
    }
}
