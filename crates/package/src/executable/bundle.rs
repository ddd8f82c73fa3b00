//! A .NET application in one file: the host, and behind it a bundle that holds `….deps.json` (.NET, "Single-file bundle design").
//!
//! ```text
//!   host … [offset of the header, 8 bytes][signature, 32 bytes] … files … header: major, minor, count, id, deps.json offset and size, …
//! ```

use memchr::memmem;

/// Signatures that are tried.
const PLACES: usize = 16;
/// Version 6 is of .NET 6 and its successors.
const MAJORS: u32 = 64;
/// A constant of the host, `bundle_marker_t::header_offset`.
pub(super) const SIGNATURE: [u8; 32] = [
    0x8b, 0x12, 0x02, 0xb9, 0x6a, 0x61, 0x20, 0x38, 0x72, 0x7b, 0x93, 0x02, 0x14, 0xd7, 0xa0, 0x32, 0x13, 0xf5, 0xb9,
    0xe6, 0xef, 0xae, 0x33, 0x18, 0xee, 0x3b, 0x2d, 0xce, 0x24, 0xb3, 0x6a, 0xae,
];

/// The bytes of `deps.json`. None when there is no bundle, or one of .NET Core 3, whose header does not say where that file lies. The
/// signature is also a constant in programs that look for it, so one without a header behind it is passed over: the host could not
/// start from it either.
pub(super) fn deps(bytes: &[u8]) -> Option<&[u8]> {
    memmem::find_iter(bytes, &SIGNATURE).take(PLACES).find_map(|at| header(bytes, number(bytes, at.checked_sub(8)?)?))
}

/// major, minor, count, the name of the bundle behind its length, then offset and size of `deps.json`.
fn header(bytes: &[u8], at: u64) -> Option<&[u8]> {
    let header = bytes.get(usize::try_from(at).ok().filter(|at| *at > 0)?..)?;
    let major = u32::from_le_bytes(*header.first_chunk()?);
    let rest = header.get(13 + usize::from(*header.get(12)?)..)?;
    let begin = usize::try_from(number(rest, 0)?).ok()?;
    let end = begin.checked_add(usize::try_from(number(rest, 8)?).ok()?)?;
    let deps = bytes.get(begin..end)?;
    ((2..=MAJORS).contains(&major) && !deps.is_empty()).then_some(deps)
}

fn number(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}
