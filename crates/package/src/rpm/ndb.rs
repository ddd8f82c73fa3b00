//! rpm's own database, `Packages.db` of SUSE (rpm, `lib/backend/ndb/rpmpkg.c`).
//!
//! ```text
//!   "RpmP" version generation slot-pages next-index …   32 bytes, then slots until the slot pages end
//!   "Slot" index block blocks                           16 bytes; a free slot has block 0
//!   "BlbS" index generation length, content,            in blocks of 16 bytes
//!   padding, adler32 length "BlbE"
//! ```

use super::{
    broken,
    field::{Order, index, part},
};
use crate::Error;

const PAGE_BYTES: usize = 4096;
const SLOT_BYTES: usize = 16;
const BLOCK_BYTES: usize = 16;
const BLOB_HEAD_BYTES: usize = 16;
const BLOB_TAIL_BYTES: usize = 12;

pub(super) fn is_database(bytes: &[u8]) -> bool {
    bytes.starts_with(b"RpmP")
}

pub(super) fn each_blob(bytes: &[u8], take: &mut dyn FnMut(&[u8]) -> Result<(), Error>) -> Result<(), Error> {
    let cut = || broken("it ends inside its slots");
    let number = |at| Order::Little.u32(bytes, at);
    let version = number(4).ok_or_else(cut)?;
    if version != 0 {
        return Err(broken(format!("version {version} of ndb is not known")));
    }
    let slot_pages = index(number(12).ok_or_else(cut)?);
    let slots = slot_pages.checked_mul(PAGE_BYTES).and_then(|end| bytes.get(..end)).ok_or_else(cut)?;
    // Blobs do not overlap, so together they are no longer than the file.
    let mut left = bytes.len();
    for slot in slots.chunks_exact(SLOT_BYTES).skip(2) {
        if !slot.starts_with(b"Slot") {
            return Err(broken("a slot has no mark"));
        }
        let field = |at| Order::Little.u32(slot, at).map(index).unwrap_or_default();
        let (package, block, blocks) = (field(4), field(8), field(12));
        if block == 0 {
            continue;
        }
        let content = blob(bytes, package, block, blocks)?;
        left = left.checked_sub(content.len()).ok_or_else(|| broken("its blobs overlap"))?;
        take(content)?;
    }
    Ok(())
}

fn blob(bytes: &[u8], package: usize, block: usize, blocks: usize) -> Result<&[u8], Error> {
    let wrong = |what: &str| broken(format!("the blob of package {package} {what}"));
    let place = block.checked_mul(BLOCK_BYTES).zip(blocks.checked_mul(BLOCK_BYTES));
    let (at, length) = place.ok_or_else(|| wrong("lies outside of it"))?;
    let whole = part(bytes, at, length).ok_or_else(|| wrong("lies outside of it"))?;
    let field = |at| Order::Little.u32(whole, at).map(index);
    if !whole.starts_with(b"BlbS") || !whole.ends_with(b"BlbE") {
        return Err(wrong("has no mark"));
    }
    let content_bytes = field(12).ok_or_else(|| wrong("is cut off"))?;
    if field(4) != Some(package) || field(length.saturating_sub(8)) != Some(content_bytes) {
        return Err(wrong("belongs to another"));
    }
    let room = length.saturating_sub(BLOB_HEAD_BYTES + BLOB_TAIL_BYTES);
    if content_bytes > room {
        return Err(wrong("is longer than its blocks"));
    }
    // The sum covers all that stands before it, padding as well.
    if field(length - BLOB_TAIL_BYTES).map(|sum| sum as u32) != Some(adler32(&whole[..length - BLOB_TAIL_BYTES])) {
        return Err(wrong("has another checksum"));
    }
    Ok(&whole[BLOB_HEAD_BYTES..][..content_bytes])
}

/// RFC 1950, section 8.2.
fn adler32(bytes: &[u8]) -> u32 {
    const MODULUS: u32 = 65_521;
    // The longest run whose sums stay within 32 bits.
    const RUN: usize = 5_552;
    let (mut a, mut b) = (1_u32, 0_u32);
    for run in bytes.chunks(RUN) {
        for byte in run {
            a += u32::from(*byte);
            b += a;
        }
        a %= MODULUS;
        b %= MODULUS;
    }
    b << 16 | a
}
