//! A hash of Berkeley DB, `Packages` of rpm until 4.15 (Berkeley DB, `dbinc/db_page.h`, version 8 to 10 of the hash).
//!
//! ```text
//!   page 0      … page number, magic 0x061561, version, page size, …, type 8, …, last page
//!   hash page   lsn, number, previous, next, entries, free, level, type 2 or 13 │ offsets │ … data, key, data, key
//!   item        1 and its bytes │ 3, first overflow page, length
//!   overflow    …, next, …, bytes on this page, level, type 7 │ bytes
//! ```
//!
//! All pages are looked at, not the buckets: what was freed has type 0. The key is the number of the package; number 0 is
//! a counter.

use super::{
    broken,
    field::{Order, index, part},
};
use crate::Error;

const MAGIC: u32 = 0x0006_1561;
const PAGE_HEADER_BYTES: usize = 26;
const META_BYTES: usize = 72;

pub(super) fn is_database(bytes: &[u8]) -> bool {
    order(bytes).is_some()
}

/// Databases are written in the order of the machine that made them.
fn order(bytes: &[u8]) -> Option<Order> {
    [Order::Little, Order::Big].into_iter().find(|order| order.u32(bytes, 12) == Some(MAGIC))
}

pub(super) fn each_blob(bytes: &[u8], take: &mut dyn FnMut(&[u8]) -> Result<(), Error>) -> Result<(), Error> {
    let mut pages = Pages::open(bytes)?;
    for number in 1..pages.used.len() {
        let page = pages.page(number).ok_or_else(|| broken(format!("page {number} lies outside of it")))?;
        match page[25] {
            2 | 13 => pages.hash_page(number, page, take)?,
            _ => continue,
        }
    }
    Ok(())
}

struct Pages<'a> {
    bytes: &'a [u8],
    order: Order,
    page_bytes: usize,
    /// Overflow pages that belong to an item already.
    used: Vec<bool>,
}

impl<'a> Pages<'a> {
    fn open(bytes: &'a [u8]) -> Result<Pages<'a>, Error> {
        let order = order(bytes).ok_or_else(|| broken("it is no hash"))?;
        let field = |at| order.u32(bytes, at).map(index);
        let (Some(version), Some(page_bytes), Some(last)) = (field(16), field(20), field(32)) else {
            return Err(broken("its first page is cut off"));
        };
        if !(8..=10).contains(&version) {
            return Err(broken(format!("version {version} of the hash is not known")));
        }
        if !page_bytes.is_power_of_two() || !(512..=65_536).contains(&page_bytes) || bytes.len() < META_BYTES {
            return Err(broken(format!("its pages have {page_bytes} bytes")));
        }
        if bytes[24] != 0 {
            return Err(broken("it is encrypted"));
        }
        let pages = bytes.len() / page_bytes;
        if last >= pages {
            return Err(broken(format!("it has {pages} pages and names page {last}")));
        }
        Ok(Pages { bytes, order, page_bytes, used: vec![false; last + 1] })
    }

    fn page(&self, number: usize) -> Option<&'a [u8]> {
        part(self.bytes, number.checked_mul(self.page_bytes)?, self.page_bytes)
    }

    /// Keys and values by turns, from the end of the page to its front.
    fn hash_page(
        &mut self,
        number: usize,
        page: &'a [u8],
        take: &mut dyn FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let cut = || broken(format!("an item of page {number} lies outside of it"));
        let entries = usize::from(self.order.u16(page, 20).ok_or_else(cut)?);
        let mut end = page.len();
        let mut key = None;
        for entry in 0..entries {
            let at = usize::from(self.order.u16(page, PAGE_HEADER_BYTES + 2 * entry).ok_or_else(cut)?);
            let item = page.get(at..end).filter(|item| !item.is_empty() && at >= PAGE_HEADER_BYTES).ok_or_else(cut)?;
            end = at;
            let Some(package) = key.take() else {
                key = Some(item);
                continue;
            };
            match package.get(1..).filter(|key| key.len() == 4 && package[0] == 1) {
                None => return Err(broken(format!("a key of page {number} is no number of a package"))),
                Some([0, 0, 0, 0]) => continue,
                Some(_) => {}
            }
            match item[0] {
                1 => take(&item[1..])?,
                3 => take(&self.overflow(item).ok_or_else(|| broken("an overflow chain does not hold"))?)?,
                kind => return Err(broken(format!("an item of kind {kind} is not known"))),
            }
        }
        if key.is_some() { Err(broken(format!("a key of page {number} has no value"))) } else { Ok(()) }
    }

    /// None when the chain leaves the file, meets itself or another one, or ends too early.
    fn overflow(&mut self, item: &[u8]) -> Option<Vec<u8>> {
        let mut next = index(self.order.u32(item, 4)?);
        let length = index(self.order.u32(item, 8)?);
        if length > self.bytes.len() {
            return None;
        }
        let mut content = Vec::with_capacity(length);
        while content.len() < length {
            if std::mem::replace(self.used.get_mut(next)?, true) {
                return None;
            }
            let page = self.page(next)?;
            let here = usize::from(self.order.u16(page, 22)?);
            if page[25] != 7 || here == 0 {
                return None;
            }
            content.extend_from_slice(part(page, PAGE_HEADER_BYTES, here)?);
            next = index(self.order.u32(page, 16)?);
        }
        (content.len() == length).then_some(content)
    }
}
