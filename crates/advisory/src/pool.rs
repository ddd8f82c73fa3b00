//! What a snapshot's writer says once: texts, keys, rows and lists that many places point to.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, DefaultHasher},
};

/// A map whose seed is always the same; its order is never used either way.
pub(crate) type Map<K, V> = HashMap<K, V, BuildHasherDefault<DefaultHasher>>;

/// Runs of bytes, each with its length before it. Place 0 is the empty one.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) bytes: Vec<u8>,
    places: Map<Vec<u8>, u32>,
}

impl Default for Pool {
    fn default() -> Pool {
        Pool { bytes: vec![0], places: Map::default() }
    }
}

impl Pool {
    /// Where these bytes are; they are written when they were not there. Places are checked when the file is complete.
    pub(crate) fn place(&mut self, run: &[u8]) -> u32 {
        if run.is_empty() {
            return 0;
        }
        if let Some(place) = self.places.get(run) {
            return *place;
        }
        let place = self.bytes.len() as u32;
        let mut length = run.len();
        while length > 0x7f {
            self.bytes.push(length as u8 | 0x80);
            length >>= 7;
        }
        self.bytes.push(length as u8);
        self.bytes.extend_from_slice(run);
        self.places.insert(run.to_vec(), place);
        place
    }
}

/// Rows of numbers, each once.
#[derive(Debug)]
pub(crate) struct Rows<const N: usize> {
    pub(crate) rows: Vec<[u32; N]>,
    places: Map<[u32; N], u32>,
}

impl<const N: usize> Default for Rows<N> {
    fn default() -> Rows<N> {
        Rows { rows: Vec::new(), places: Map::default() }
    }
}

impl<const N: usize> Rows<N> {
    /// The row's number; it is added when it was not there.
    pub(crate) fn number(&mut self, row: [u32; N]) -> u32 {
        let next = self.rows.len() as u32;
        let number = *self.places.entry(row).or_insert(next);
        if number == next {
            self.rows.push(row);
        }
        number
    }
}

/// Lists of numbers, each with its count before it. Place 0 is the empty one.
#[derive(Debug)]
pub(crate) struct Lists {
    pub(crate) words: Vec<u32>,
    places: Map<Vec<u32>, u32>,
}

impl Default for Lists {
    fn default() -> Lists {
        Lists { words: vec![0], places: Map::default() }
    }
}

impl Lists {
    /// Where this list is; it is written when it was not there.
    pub(crate) fn place(&mut self, list: &[u32]) -> u32 {
        if list.is_empty() {
            return 0;
        }
        if let Some(place) = self.places.get(list) {
            return *place;
        }
        let place = self.words.len() as u32;
        self.words.push(list.len() as u32);
        self.words.extend_from_slice(list);
        self.places.insert(list.to_vec(), place);
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_the_same_has_one_place() {
        let (mut pool, mut lists, mut rows) = (Pool::default(), Lists::default(), Rows::<2>::default());
        assert_eq!((pool.place(b""), pool.place(b"ab"), pool.place(b"c"), pool.place(b"ab")), (0, 1, 4, 1));
        let long = pool.place(&[7; 300]);
        assert_eq!(pool.bytes[long as usize..][..2], [300_u32 as u8 | 0x80, 2]);
        assert_eq!((lists.place(&[]), lists.place(&[5, 6]), lists.place(&[5, 6])), (0, 1, 1));
        assert_eq!((rows.number([1, 2]), rows.number([3, 4]), rows.number([1, 2])), (0, 1, 0));
    }
}
