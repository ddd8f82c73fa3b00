//! A zip archive read where it lies, by its central directory, as the Java and Python runtimes do (PKWARE APPNOTE.TXT 6.3).
//!
//! ```text
//!   [a script] member member … central directory [zip64 end, locator] end [comment]
//!       └─ shift: what stands before the first offset
//! ```
//!
//! Our own, because a scanner must see what a library tidies away: two members of one name, and every member without a table of
//! all. Nothing is taken from a size that the archive claims: what is unpacked is bounded by the [`Budget`], and a member whose
//! size is a lie is refused.

use std::{borrow::Cow, io::Read};

use base::limits::ARCHIVE_FILE_BYTES;
use flate2::read::DeflateDecoder;

use super::Budget;
use crate::Error;

const END: &[u8; 4] = b"PK\x05\x06";
const END_BYTES: usize = 22;
const END_64: &[u8; 4] = b"PK\x06\x06";
const LOCATOR_64: &[u8; 4] = b"PK\x06\x07";
const LOCATOR_64_BYTES: usize = 20;
const CENTRAL: &[u8; 4] = b"PK\x01\x02";
const CENTRAL_BYTES: usize = 46;
const LOCAL: &[u8; 4] = b"PK\x03\x04";
const LOCAL_BYTES: usize = 30;
const COMMENT_BYTES: usize = 0xffff;
const ENCRYPTED: u16 = 1;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Zip<'a> {
    bytes: &'a [u8],
    /// Where the directory begins; every member ends before.
    directory_at: usize,
    directory: &'a [u8],
    /// Added to every offset.
    shift: u64,
}

/// One line of the central directory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member<'a> {
    pub(crate) name: &'a [u8],
    /// As claimed.
    pub(crate) size_bytes: u64,
    packed_bytes: u64,
    offset: u64,
    flags: u16,
    method: u16,
}

impl<'a> Zip<'a> {
    /// None when nothing at the end says that it is a zip: no runtime would open it.
    pub(crate) fn open(bytes: &'a [u8]) -> Result<Option<Zip<'a>>, Error> {
        let Some(end) = find_end(bytes) else { return Ok(None) };
        let (mut count, mut length, mut offset) = (
            u64::from(u16_at(bytes, end + 10)),
            u64::from(u32_at(bytes, end + 12)),
            u64::from(u32_at(bytes, end + 16)),
        );
        let mut directory_end = end;
        if let Some(found) = end_64(bytes, end) {
            (count, length, offset) = (u64_at(bytes, found + 32), u64_at(bytes, found + 40), u64_at(bytes, found + 48));
            directory_end = found;
        }
        let length = usize::try_from(length).ok().filter(|length| *length <= directory_end);
        let directory_at = directory_end - length.ok_or_else(|| broken("its directory is longer than the file"))?;
        let shift =
            (directory_at as u64).checked_sub(offset).ok_or_else(|| broken("its directory begins elsewhere"))?;
        let zip = Zip { bytes, directory_at, directory: &bytes[directory_at..directory_end], shift };
        // The plain count has 16 bits, and some writers let it overflow.
        let members = zip.members().take_while(Result::is_ok).count() as u64;
        if members != count && members & 0xffff != count {
            return Err(broken("its directory does not hold what it says"));
        }
        Ok(Some(zip))
    }

    /// Every line of the directory, in its order. The first that cannot be read is the last.
    pub(crate) fn members(&self) -> impl Iterator<Item = Result<Member<'a>, Error>> + use<'a> {
        let directory = self.directory;
        let mut at = 0;
        std::iter::from_fn(move || {
            if at >= directory.len() {
                return None;
            }
            let line = member(&directory[at..]);
            at = line.as_ref().map_or(directory.len(), |(_, length)| at + length);
            Some(line.map(|(member, _)| member))
        })
    }

    /// A whole member. Its size must be what the directory says.
    pub(crate) fn whole(&self, member: &Member<'_>, budget: &mut Budget) -> Result<Cow<'a, [u8]>, Error> {
        if member.size_bytes > ARCHIVE_FILE_BYTES {
            return Err(Error::TooLarge { what: "bytes in one member", limit: ARCHIVE_FILE_BYTES });
        }
        let content = self.unpack(member, member.size_bytes, budget)?;
        if content.len() as u64 != member.size_bytes {
            return Err(broken("a member has another size than its directory says"));
        }
        Ok(content)
    }

    /// The first bytes of a member.
    pub(crate) fn head(
        &self,
        member: &Member<'_>,
        most_bytes: u64,
        budget: &mut Budget,
    ) -> Result<Cow<'a, [u8]>, Error> {
        let mut content = self.unpack(member, most_bytes, budget)?;
        let most = usize::try_from(most_bytes).unwrap_or(usize::MAX);
        match &mut content {
            Cow::Borrowed(bytes) => *bytes = &bytes[..bytes.len().min(most)],
            Cow::Owned(bytes) => bytes.truncate(most),
        }
        Ok(content)
    }

    /// Of a packed member, at most one byte more than asked for, which shows that there are more.
    fn unpack(&self, member: &Member<'_>, most_bytes: u64, budget: &mut Budget) -> Result<Cow<'a, [u8]>, Error> {
        let packed = self.packed(member)?;
        match member.method {
            0 => {
                // Costs nothing here, but what is nested in it is read again.
                budget.inflated(packed.len() as u64)?;
                Ok(Cow::Borrowed(packed))
            }
            8 => {
                let most = most_bytes.saturating_add(1).min(budget.left_bytes().saturating_add(1));
                let mut content = Vec::new();
                let result = DeflateDecoder::new(packed).take(most).read_to_end(&mut content);
                budget.inflated(content.len() as u64)?;
                result.map_err(|error| broken(&format!("a member cannot be unpacked: {error}")))?;
                Ok(Cow::Owned(content))
            }
            method => Err(broken(&format!("a member is packed by method {method}, which no runtime reads"))),
        }
    }

    fn packed(&self, member: &Member<'_>) -> Result<&'a [u8], Error> {
        if member.flags & ENCRYPTED != 0 {
            return Err(broken("a member is encrypted"));
        }
        let lost = || broken("a member lies where none can be");
        let at = member.offset.checked_add(self.shift).and_then(|at| usize::try_from(at).ok()).ok_or_else(lost)?;
        let header = self.bytes.get(at..).and_then(|rest| rest.get(..LOCAL_BYTES)).ok_or_else(lost)?;
        if !header.starts_with(LOCAL) {
            return Err(lost());
        }
        let begin = at + LOCAL_BYTES + usize::from(u16_at(header, 26)) + usize::from(u16_at(header, 28));
        let end = usize::try_from(member.packed_bytes).ok().and_then(|length| begin.checked_add(length));
        let end = end.filter(|end| *end <= self.directory_at).ok_or_else(lost)?;
        self.bytes.get(begin..end).ok_or_else(lost)
    }
}

/// The last place whose comment reaches the end of the file, or else the last one whose comment fits.
fn find_end(bytes: &[u8]) -> Option<usize> {
    let last = bytes.len().checked_sub(END_BYTES)?;
    let first = last.saturating_sub(COMMENT_BYTES);
    let comment = |at: usize| usize::from(u16_at(bytes, at + 20));
    let mut places = (first..=last).rev().filter(|at| bytes[*at..].starts_with(END));
    let fits = places.clone().find(|at| at + END_BYTES + comment(*at) == bytes.len());
    fits.or_else(|| places.find(|at| at + END_BYTES + comment(*at) < bytes.len()))
}

/// The zip64 end that a locator right before the end points to. Its place is searched backwards as well, because a script before
/// the archive moves it.
fn end_64(bytes: &[u8], end: usize) -> Option<usize> {
    let locator = end.checked_sub(LOCATOR_64_BYTES).filter(|at| bytes[*at..].starts_with(LOCATOR_64))?;
    const RECORD_BYTES: usize = 56;
    let at_offset = usize::try_from(u64_at(bytes, locator + 8)).ok();
    let right_before = locator.checked_sub(RECORD_BYTES);
    let is_record =
        |at: &usize| *at + RECORD_BYTES <= locator && bytes.get(*at..).is_some_and(|rest| rest.starts_with(END_64));
    right_before.filter(is_record).or_else(|| at_offset.filter(|at| *at < locator).filter(is_record))
}

/// A line and its length.
fn member(line: &[u8]) -> Result<(Member<'_>, usize), Error> {
    let cut = || broken("its directory is cut off");
    let head = line.get(..CENTRAL_BYTES).filter(|head| head.starts_with(CENTRAL)).ok_or_else(cut)?;
    let [name, extra, comment] = [28, 30, 32].map(|at| usize::from(u16_at(head, at)));
    let length = CENTRAL_BYTES + name + extra + comment;
    let rest = line.get(CENTRAL_BYTES..length).ok_or_else(cut)?;
    let mut member = Member {
        name: &rest[..name],
        size_bytes: u64::from(u32_at(head, 24)),
        packed_bytes: u64::from(u32_at(head, 20)),
        offset: u64::from(u32_at(head, 42)),
        flags: u16_at(head, 8),
        method: u16_at(head, 10),
    };
    large(&mut member, &rest[name..name + extra]);
    Ok((member, length))
}

/// "Zip64 Extended Information Extra Field": only the values that did not fit, in this order.
fn large(member: &mut Member<'_>, mut extra: &[u8]) {
    const FULL: u64 = 0xffff_ffff;
    while extra.len() >= 4 {
        let (id, length) = (u16_at(extra, 0), usize::from(u16_at(extra, 2)));
        let Some(mut field) = extra.get(4..4 + length) else { return };
        if id == 1 {
            for value in [&mut member.size_bytes, &mut member.packed_bytes, &mut member.offset] {
                if *value == FULL && field.len() >= 8 {
                    *value = u64_at(field, 0);
                    field = &field[8..];
                }
            }
            return;
        }
        extra = &extra[4 + length..];
    }
}

fn broken(reason: &str) -> Error {
    Error::Broken { expected: "a zip archive", reason: reason.to_owned() }
}

/// Callers have looked that it lies inside; zero beyond, so that nothing can panic.
fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).and_then(|field| field.try_into().ok()).map_or(0, u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|field| field.try_into().ok()).map_or(0, u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).and_then(|field| field.try_into().ok()).map_or(0, u64::from_le_bytes)
}
