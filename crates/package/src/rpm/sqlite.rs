//! Rows of one table of an SQLite file (SQLite, "Database File Format"): b-tree pages, records and overflow chains, no SQL.

use super::{
    broken,
    field::{Order, index, part},
};
use crate::Error;

const MAGIC: &[u8] = b"SQLite format 3\0";
/// The file's own header, before the header of the first page.
const FILE_HEADER_BYTES: usize = 100;
const LEAF: u8 = 0x0d;
const INTERIOR: u8 = 0x05;

pub(super) fn is_database(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// The column `blob` of every row of the table `Packages (hnum INTEGER PRIMARY KEY, blob BLOB)`.
pub(super) fn each_blob(bytes: &[u8], take: &mut dyn FnMut(&[u8]) -> Result<(), Error>) -> Result<(), Error> {
    let mut pages = Pages::open(bytes)?;
    let mut root = None;
    pages.each_row(1, &mut |row| {
        // sqlite_schema: type, name, tbl_name, rootpage, sql.
        let columns = columns(row).ok_or_else(|| broken("a row of its schema is cut off"))?;
        if let [kind, name, _, page, ..] = columns[..]
            && (kind, name) == (b"table", b"Packages")
        {
            root = Some(page.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte)));
        }
        Ok(())
    })?;
    let root = root.ok_or_else(|| broken("it has no table Packages"))?;
    let root = u32::try_from(root).map_err(|_| broken("its table Packages begins outside of it"))?;
    pages.each_row(root, &mut |row| {
        let columns = columns(row).ok_or_else(|| broken("a row is cut off"))?;
        let [_, blob, ..] = columns[..] else { return Err(broken("a row has no blob")) };
        take(blob)
    })
}

struct Pages<'a> {
    bytes: &'a [u8],
    page_bytes: usize,
    /// Without what extensions reserve at the end of each page.
    usable_bytes: usize,
    /// Each page belongs to one b-tree or one overflow chain, once.
    used: Vec<bool>,
}

impl<'a> Pages<'a> {
    fn open(bytes: &'a [u8]) -> Result<Pages<'a>, Error> {
        let field = |at| Order::Big.u16(bytes, at).map(usize::from).ok_or_else(|| broken("its header is cut off"));
        let page_bytes = match field(16)? {
            1 => 65_536,
            size if size.is_power_of_two() && size >= 512 => size,
            size => return Err(broken(format!("its pages have {size} bytes"))),
        };
        let reserved = usize::from(bytes.get(20).copied().unwrap_or_default());
        if page_bytes - reserved < 480 {
            return Err(broken("its pages have no room"));
        }
        // 0 in a database without any table, 1 for UTF-8; rpm writes no other.
        if Order::Big.u32(bytes, 56).is_none_or(|encoding| encoding > 1) {
            return Err(broken("its text is not UTF-8"));
        }
        if !bytes.len().is_multiple_of(page_bytes) {
            return Err(broken("it ends inside a page"));
        }
        Ok(Pages {
            bytes,
            page_bytes,
            usable_bytes: page_bytes - reserved,
            used: vec![false; bytes.len() / page_bytes],
        })
    }

    /// Pages count from one.
    fn page(&mut self, number: u32) -> Result<&'a [u8], Error> {
        let at = index(number).checked_sub(1).filter(|at| *at < self.used.len());
        let at = at.ok_or_else(|| broken(format!("page {number} lies outside of it")))?;
        if std::mem::replace(&mut self.used[at], true) {
            return Err(broken(format!("page {number} is used twice")));
        }
        Ok(&self.bytes[at * self.page_bytes..][..self.usable_bytes])
    }

    fn each_row(&mut self, root: u32, take: &mut dyn FnMut(&[u8]) -> Result<(), Error>) -> Result<(), Error> {
        let mut waiting = vec![root];
        while let Some(number) = waiting.pop() {
            let page = self.page(number)?;
            let cut = || broken(format!("page {number} points outside of itself"));
            let header = if number == 1 { FILE_HEADER_BYTES } else { 0 };
            let kind = *page.get(header).ok_or_else(cut)?;
            let cells = usize::from(Order::Big.u16(page, header + 3).ok_or_else(cut)?);
            let array = match kind {
                LEAF => header + 8,
                INTERIOR => header + 12,
                _ => return Err(broken(format!("page {number} is none of a table"))),
            };
            if kind == INTERIOR {
                waiting.push(Order::Big.u32(page, header + 8).ok_or_else(cut)?);
            }
            for cell in (0..cells).rev() {
                let at = usize::from(Order::Big.u16(page, array + 2 * cell).ok_or_else(cut)?);
                if kind == INTERIOR {
                    waiting.push(Order::Big.u32(page, at).ok_or_else(cut)?);
                } else {
                    self.row(page.get(at..).ok_or_else(cut)?, take)?;
                }
            }
            if waiting.len() > self.used.len() {
                return Err(broken("its pages point to more pages than there are"));
            }
        }
        Ok(())
    }

    /// A cell of a leaf: length, row id, and so much of the record as the page may hold ("Cell Payload Overflow Pages").
    fn row(&mut self, cell: &'a [u8], take: &mut dyn FnMut(&[u8]) -> Result<(), Error>) -> Result<(), Error> {
        let cut = || broken("a cell is cut off");
        let (length, rest) = varint(cell).ok_or_else(cut)?;
        let (_, rest) = varint(rest).ok_or_else(cut)?;
        let length = usize::try_from(length).map_err(|_| cut())?;
        if length > self.bytes.len() {
            return Err(broken("a row is longer than the file"));
        }
        let most = self.usable_bytes - 35;
        if length <= most {
            return take(rest.get(..length).ok_or_else(cut)?);
        }
        let least = (self.usable_bytes - 12) * 32 / 255 - 23;
        let fitting = least + (length - least) % (self.usable_bytes - 4);
        let local = if fitting <= most { fitting } else { least };
        let mut record = part(rest, 0, local).ok_or_else(cut)?.to_vec();
        let mut next = Order::Big.u32(rest, local).ok_or_else(cut)?;
        while record.len() < length {
            let page = self.page(next)?;
            next = Order::Big.u32(page, 0).ok_or_else(cut)?;
            let wanted = (length - record.len()).min(page.len() - 4);
            record.extend_from_slice(&page[4..4 + wanted]);
        }
        take(&record)
    }
}

/// The contents of a record's columns ("Record Format"); numbers are big-endian bytes.
fn columns(record: &[u8]) -> Option<Vec<&[u8]>> {
    let (header_bytes, _) = varint(record)?;
    let header_bytes = usize::try_from(header_bytes).ok()?;
    let mut header = record.get(..header_bytes)?;
    header = varint(header)?.1;
    let mut body = record.get(header_bytes..)?;
    let mut found = Vec::new();
    while !header.is_empty() {
        let (serial, rest) = varint(header)?;
        header = rest;
        let length = match serial {
            0 | 8 | 9 => 0,
            1..=4 => usize::try_from(serial).ok()?,
            5 => 6,
            6 | 7 => 8,
            10 | 11 => return None,
            _ => usize::try_from((serial - 12) / 2).ok()?,
        };
        let (column, rest) = body.split_at_checked(length)?;
        found.push(column);
        body = rest;
    }
    Some(found)
}

/// One to nine bytes, seven bits in each but the ninth.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0_u64;
    for (at, byte) in bytes.iter().enumerate().take(9) {
        if at == 8 {
            return Some((value << 8 | u64::from(*byte), &bytes[9..]));
        }
        value = value << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[at + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_have_up_to_nine_bytes() {
        for (bytes, value) in [
            (&[0x7f][..], 127),
            (&[0x81, 0x00], 128),
            (&[0xff, 0xff, 0x7f], 0x1f_ffff),
            (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], u64::MAX),
        ] {
            assert_eq!(varint(bytes), Some((value, &[][..])));
            assert_eq!(varint(&bytes[..bytes.len() - 1]), None);
        }
    }
}
