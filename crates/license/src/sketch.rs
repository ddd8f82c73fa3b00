//! What is kept of each known licence: a sample of the hashes of its word triples.
//!
//! ```text
//!   texts.bin   "ASLT1"  count u16  then per licence:
//!               length of id u8  id  words u32  scale u16  grams u16  grams × u32 ascending      little-endian
//! ```
//!
//! Of a short text every triple is kept, of a long one those whose hash a power of two divides, so that a file's triples
//! can be sampled by the same rule (FracMinHash; Irber et al., 2022).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use crate::words::{GAP, Word, words};

const MAGIC: &[u8] = b"ASLT1";

/// Triples that are kept of one licence at most. 400 tell GPL 3 and AGPL 3 apart, which share 95 of 100.
const GRAMS: usize = 400;

pub(crate) struct Sketch {
    pub(crate) id: &'static str,
    /// Words of the whole text.
    pub(crate) words: u32,
    /// One triple of so many is kept.
    pub(crate) scale: u32,
    /// Triples that are kept.
    pub(crate) grams: u32,
}

pub(crate) struct Sketches {
    pub(crate) all: Vec<Sketch>,
    /// Hashes of all sketches, ascending, each with one licence that has it.
    grams: Vec<(u32, Holder)>,
    /// For each beginning of a hash, [`BUCKET_BITS`] long, where in `grams` it starts.
    buckets: Vec<u32>,
}

/// A licence by its place in `all`, and the place of a triple among those of its sketch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Holder {
    pub(crate) sketch: u16,
    pub(crate) gram: u16,
}

const BUCKET_BITS: u32 = 16;

pub(crate) static SKETCHES: LazyLock<Sketches> = LazyLock::new(|| {
    Sketches::read(include_bytes!("../data/texts.bin")).expect("texts.bin is written by `learn`, and a test reads it")
});

/// The hash of three words in a row, or `None` across a gap.
pub(crate) fn gram(three: &[Word]) -> Option<u32> {
    let mut hash = 0u64;
    for word in three {
        if word.hash == 0 {
            return None;
        }
        hash = (hash.rotate_left(21) ^ u64::from(word.hash)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
    hash ^= hash >> 29;
    Some((hash.wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 32) as u32)
}

impl Sketches {
    /// Licences that have this triple among what is kept of them.
    pub(crate) fn holders(&self, gram: u32) -> impl Iterator<Item = Holder> {
        let bucket = (gram >> (32 - BUCKET_BITS)) as usize;
        let (start, end) = (self.buckets[bucket] as usize, self.buckets[bucket + 1] as usize);
        self.grams[start..end].iter().filter(move |(hash, _)| *hash == gram).map(|(_, holder)| *holder)
    }

    fn read(bytes: &'static [u8]) -> Option<Sketches> {
        let mut rest = bytes.strip_prefix(MAGIC)?;
        let count = u16::from_le_bytes(take(&mut rest)?);
        let mut all = Vec::with_capacity(usize::from(count));
        let mut kept = Vec::new();
        for index in 0..count {
            let [length] = take::<1>(&mut rest)?;
            let (id, after) = rest.split_at_checked(usize::from(length))?;
            rest = after;
            let words = u32::from_le_bytes(take(&mut rest)?);
            let scale = u32::from(u16::from_le_bytes(take(&mut rest)?));
            let grams = u16::from_le_bytes(take(&mut rest)?);
            for gram in 0..grams {
                kept.push((u32::from_le_bytes(take(&mut rest)?), Holder { sketch: index, gram }));
            }
            all.push(Sketch { id: std::str::from_utf8(id).ok()?, words, scale, grams: u32::from(grams) });
        }
        kept.sort_unstable();
        let bucket =
            |bucket: u32| kept.partition_point(|(hash, _)| u64::from(*hash) < u64::from(bucket) << (32 - BUCKET_BITS));
        let buckets = (0..=1u32 << BUCKET_BITS).map(|at| bucket(at) as u32).collect();
        Some(Sketches { all, grams: kept, buckets })
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, after) = rest.split_first_chunk::<N>()?;
    *rest = after;
    Some(*head)
}

/// Writes `texts.bin` from texts by identifier. What a text has in `<…>` or `[…]` is filled in by everybody and not learnt.
/// Of two identifiers with the same words the shorter is kept. For the tool that makes the file.
pub fn learn<'a>(texts: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<u8> {
    let mut learnt: BTreeMap<(Vec<u32>, u32), &str> = BTreeMap::new();
    for (id, text) in texts {
        let words = words(without_places(text).as_bytes());
        let grams: BTreeSet<u32> = words.windows(3).filter_map(gram).collect();
        let length = u32::try_from(words.len()).expect("a licence is short");
        let kept = learnt.entry((grams.into_iter().collect(), length)).or_insert(id);
        if (id.len(), id) < (kept.len(), *kept) {
            *kept = id;
        }
    }
    let mut by_id: Vec<(&str, Vec<u32>, u32)> =
        learnt.into_iter().map(|((grams, words), id)| (id, grams, words)).collect();
    by_id.sort();
    let mut bytes = MAGIC.to_vec();
    bytes.extend(u16::try_from(by_id.len()).expect("SPDX lists some hundreds").to_le_bytes());
    for (id, grams, words) in by_id {
        let mut scale = 1u32;
        while grams.iter().filter(|gram| *gram % scale == 0).count() > GRAMS {
            scale *= 2;
        }
        let kept: Vec<u32> = grams.into_iter().filter(|gram| gram % scale == 0).collect();
        bytes.push(u8::try_from(id.len()).expect("identifiers are short"));
        bytes.extend(id.as_bytes());
        bytes.extend(words.to_le_bytes());
        bytes.extend(u16::try_from(scale).expect("no licence is a book").to_le_bytes());
        bytes.extend(u16::try_from(kept.len()).expect("at most GRAMS").to_le_bytes());
        bytes.extend(kept.iter().flat_map(|gram| gram.to_le_bytes()));
    }
    bytes
}

/// Longest place that is filled in: `[name of copyright owner]`.
const PLACE_BYTES: usize = 80;

fn without_places(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['<', '[']) {
        let close = if rest.as_bytes()[at] == b'<' { '>' } else { ']' };
        out.push_str(&rest[..at]);
        match rest[at..].find(close) {
            Some(length) if length <= PLACE_BYTES => {
                out.push(char::from(GAP));
                rest = &rest[at + length + 1..];
            }
            _ => {
                out.push(' ');
                rest = &rest[at + 1..];
            }
        }
    }
    out.push_str(rest);
    // A copyright line is everybody's own; so is what stands before it.
    let own = |line: &&str| !line.trim_start().to_ascii_lowercase().starts_with("copyright (c)");
    out.lines().filter(own).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_to_fill_in_are_gaps() {
        assert_eq!(without_places("Copyright (c) <year> x\nby [name] here, a < b"), "by \u{0} here, a   b");
    }

    #[test]
    fn what_is_learnt_is_read() {
        let bytes =
            learn([("B-only", "one two three four"), ("B", "One; two, three (four)"), ("A", "<who> five six seven")]);
        let sketches = Sketches::read(Box::leak(bytes.into_boxed_slice())).unwrap();
        let ids: Vec<_> =
            sketches.all.iter().map(|sketch| (sketch.id, sketch.words, sketch.grams, sketch.scale)).collect();
        assert_eq!(ids, [("A", 4, 1, 1), ("B", 4, 2, 1)]);
        let found = words(b"two three four");
        let holders: Vec<_> = sketches.holders(gram(&found).unwrap()).map(|holder| holder.sketch).collect();
        assert_eq!(holders, [1]);
    }
}
