//! Rows sorted by hash behind a directory of buckets: the hash table of the index format, read in place.
//!
//! ```text
//!   buckets   u32 × (2^bits + 1)        bucket b holds rows buckets[b] .. buckets[b+1]; b = the upper bits of a hash
//!   rows      16 bytes × count          hash u64 │ product u16 │ four fields of the kind of row │ … ; sorted by hash
//! ```

/// Bytes of a row in every table that is looked up by hash.
pub const ROW: usize = 16;

/// A table inside the bytes of an index. Wrong buckets or rows give wrong answers, never a read outside.
#[derive(Debug, Clone, Copy)]
pub struct Table<'i> {
    buckets: &'i [u8],
    rows: &'i [u8],
    shift: u32,
}

/// What stands in a row beside its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    pub product: u16,
    /// A text's weight, a template's part, an identity's kind.
    pub kind: u8,
    pub flags: u8,
    /// The versions of the product that have it, a bit each; of an identity, the number of its version or `u32::MAX`.
    pub versions: u32,
}

impl<'i> Table<'i> {
    /// A table of rows and its directory; `None` when their sizes do not fit together.
    #[must_use]
    pub fn new(buckets: &'i [u8], rows: &'i [u8]) -> Option<Self> {
        let count = (buckets.len() / 4).checked_sub(1)?;
        let fits = buckets.len().is_multiple_of(4)
            && rows.len().is_multiple_of(ROW)
            && count.is_power_of_two()
            && (2..=1 << 26).contains(&count);
        fits.then(|| Self { buckets, rows, shift: 64 - count.trailing_zeros() })
    }

    /// How many buckets a table of so many rows gets: about four rows each.
    #[must_use]
    pub fn buckets_for(rows: usize) -> usize {
        (rows / 4).next_power_of_two().max(2)
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len() / ROW
    }

    /// The row of a hash.
    #[must_use]
    #[inline]
    pub fn get(&self, hash: u64) -> Option<Row> {
        let bucket = (hash >> self.shift) as usize;
        let first = self.bucket(bucket)? as usize;
        let end = self.bucket(bucket + 1)? as usize;
        // An honest bucket holds a handful; the cap keeps a forged directory from making every look-up a walk over the table.
        for index in first..end.min(first + 64) {
            let row: &[u8; ROW] = self.rows.get(index * ROW..)?.first_chunk()?;
            let found = u64::from_le_bytes(*row.first_chunk().expect("a row begins with eight bytes"));
            if found == hash {
                return Some(Row::read(row));
            }
            if found > hash {
                return None;
            }
        }
        None
    }

    /// Every hash of the table.
    fn hashes(&self) -> impl Iterator<Item = u64> {
        self.rows
            .chunks_exact(ROW)
            .map(|row| u64::from_le_bytes(*row.first_chunk().expect("a row begins with eight bytes")))
    }

    fn bucket(&self, bucket: usize) -> Option<u32> {
        self.buckets.get(bucket * 4..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
    }
}

/// A bit for each of a table's hashes, sixteen times as many bits as hashes: says of most others that they are not there, out of
/// memory that stays in a processor's cache. A table of a million rows does not.
#[derive(Debug)]
pub struct Filter {
    bits: Vec<u64>,
    mask: u64,
}

impl Filter {
    #[must_use]
    pub fn of(table: &Table<'_>) -> Self {
        let bits = (table.len() * 16).next_power_of_two().max(64);
        let mut filter = Self { bits: vec![0; bits / 64], mask: bits as u64 - 1 };
        for hash in table.hashes() {
            let bit = hash & filter.mask;
            filter.bits[(bit / 64) as usize] |= 1 << (bit % 64);
        }
        filter
    }

    /// False when the table has no row of this hash.
    #[must_use]
    #[inline]
    pub fn may_hold(&self, hash: u64) -> bool {
        let bit = hash & self.mask;
        self.bits[(bit / 64) as usize] & (1 << (bit % 64)) != 0
    }
}

impl Row {
    fn read(row: &[u8; ROW]) -> Self {
        Self {
            product: u16::from_le_bytes([row[8], row[9]]),
            kind: row[10],
            flags: row[11],
            versions: u32::from_le_bytes([row[12], row[13], row[14], row[15]]),
        }
    }

    fn write(self, hash: u64, rows: &mut Vec<u8>) {
        rows.extend_from_slice(&hash.to_le_bytes());
        rows.extend_from_slice(&self.product.to_le_bytes());
        rows.extend_from_slice(&[self.kind, self.flags]);
        rows.extend_from_slice(&self.versions.to_le_bytes());
    }
}

/// The directory and the rows of a table; `rows` must be sorted by hash, no hash twice.
#[must_use]
pub fn write_table(rows: &[(u64, Row)]) -> (Vec<u8>, Vec<u8>) {
    let count = Table::buckets_for(rows.len());
    let shift = 64 - count.trailing_zeros();
    let mut buckets = Vec::with_capacity((count + 1) * 4);
    let mut bytes = Vec::with_capacity(rows.len() * ROW);
    let mut next = 0;
    for bucket in 0..=count {
        while next < rows.len() && ((rows[next].0 >> shift) as usize) < bucket {
            next += 1;
        }
        buckets.extend_from_slice(&u32::try_from(next).unwrap_or(u32::MAX).to_le_bytes());
    }
    for (hash, row) in rows {
        row.write(*hash, &mut bytes);
    }
    (buckets, bytes)
}

#[cfg(test)]
mod tests {
    use super::{Filter, Row, Table, write_table};
    use crate::hash::text_hash;

    #[test]
    fn every_row_is_found_and_nothing_else() {
        let mut rows: Vec<(u64, Row)> = (0..5_000u16)
            .map(|n| (text_hash(&n.to_le_bytes()), Row { product: n, kind: 1, flags: 2, versions: u32::from(n) << 9 }))
            .collect();
        rows.sort_by_key(|row| row.0);
        let (buckets, bytes) = write_table(&rows);
        let table = Table::new(&buckets, &bytes).expect("what was written is read");
        assert_eq!(table.len(), 5_000);
        let filter = Filter::of(&table);
        let let_through =
            (0..1_000_u32).filter(|n| filter.may_hold(text_hash(format!("other {n}").as_bytes()))).count();
        assert!(let_through < 200, "{let_through} of a thousand others");
        for (hash, row) in &rows {
            assert!(filter.may_hold(*hash));
            assert_eq!(table.get(*hash), Some(*row));
            assert_eq!(table.get(hash ^ 1), None);
        }
    }

    #[test]
    fn sizes_that_do_not_fit_are_refused() {
        assert!(Table::new(&[0; 12], &[0; 16]).is_some());
        assert!(Table::new(&[0; 16], &[0; 16]).is_none());
        assert!(Table::new(&[0; 12], &[0; 17]).is_none());
        assert!(Table::new(&[], &[]).is_none());
    }
}
