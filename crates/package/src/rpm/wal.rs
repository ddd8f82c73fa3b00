//! `rpmdb.sqlite-wal`: pages newer than the database beside it (SQLite, "The Write-Ahead Log").
//!
//! rpm empties it when it closes the database. One that still holds a commit belongs to an rpm that was killed, and then the
//! database alone may tell of packages that are gone and miss some that are there. A file is read by itself, so we cannot lay one
//! over the other, and say so.

use super::{
    broken,
    field::{Order, index},
};
use crate::Error;

const HEADER_BYTES: usize = 32;
const FRAME_BYTES: usize = 24;
const MAGIC: u32 = 0x377f_0682;

/// Refused when it holds a commit that an SQLite would take; what it would ignore, we ignore.
pub(crate) fn check(bytes: &[u8]) -> Result<(), Error> {
    match first_commit(bytes) {
        None => Ok(()),
        Some(frame) => Err(broken(format!(
            "rpm was stopped before its changes went to the database; frame {frame} of them is a commit; run any rpm query in the \
             image's build to take them over"
        ))),
    }
}

/// The number of the first frame with a commit that all checksums up to it hold for.
fn first_commit(bytes: &[u8]) -> Option<usize> {
    let magic = Order::Big.u32(bytes, 0)?;
    let order = match magic ^ MAGIC {
        0 => Order::Little,
        1 => Order::Big,
        _ => return None,
    };
    let header = bytes.get(..HEADER_BYTES)?;
    let page_bytes = index(Order::Big.u32(header, 8)?);
    if !page_bytes.is_power_of_two() || !(512..=65_536).contains(&page_bytes) {
        return None;
    }
    let mut sum = checksum(order, &header[..24], (0, 0));
    if sum != (Order::Big.u32(header, 24)?, Order::Big.u32(header, 28)?) {
        return None;
    }
    for (at, frame) in bytes[HEADER_BYTES..].chunks_exact(FRAME_BYTES + page_bytes).enumerate() {
        sum = checksum(order, &frame[FRAME_BYTES..], checksum(order, &frame[..8], sum));
        let stored = (Order::Big.u32(frame, 16)?, Order::Big.u32(frame, 20)?);
        // The salts tell the frames of this log from older ones that were not overwritten.
        if frame[8..16] != header[16..24] || stored != sum {
            return None;
        }
        if Order::Big.u32(frame, 4)? != 0 {
            return Some(at + 1);
        }
    }
    None
}

/// "Checksum Algorithm"; bytes that make no pair of words do not occur.
fn checksum(order: Order, bytes: &[u8], (mut first, mut second): (u32, u32)) -> (u32, u32) {
    for pair in bytes.chunks_exact(8) {
        let word = |at| order.u32(pair, at).unwrap_or_default();
        first = first.wrapping_add(word(0)).wrapping_add(second);
        second = second.wrapping_add(word(4)).wrapping_add(first);
    }
    (first, second)
}
