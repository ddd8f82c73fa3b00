//! Archives of feeds: a zip, a tar, or a packed file, member by member, without a disk.

use std::io::{Cursor, Read};

use base::limits::{ADVISORY_ARCHIVE_BYTES, ADVISORY_ARCHIVE_MEMBERS, ADVISORY_FEED_BYTES};

use super::refused;
use crate::Error;

/// Called with each member's name and bytes.
type Each<'a> = &'a mut dyn FnMut(&str, &[u8]) -> Result<(), Error>;

/// Unpack what these bytes are, and hand out each file in it.
pub(super) fn each(name: &str, bytes: &[u8], to: Each<'_>) -> Result<(), Error> {
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
        return zipped(name, bytes, to);
    }
    if bytes.starts_with(b"\x1f\x8b") {
        let plain = name.trim_end_matches(".gz").trim_end_matches(".tgz");
        return stream(name, plain, flate2::read::MultiGzDecoder::new(bytes), to);
    }
    if bytes.starts_with(b"\x28\xb5\x2f\xfd") {
        let mut decoder = zstd::Decoder::with_buffer(bytes).map_err(|error| refused(name, error))?;
        // What `zstd --long=27` packs.
        decoder.window_log_max(27).map_err(|error| refused(name, error))?;
        return stream(name, name.trim_end_matches(".zst"), decoder, to);
    }
    if is_tar(bytes) {
        return tarred(name, bytes, to);
    }
    to(name, bytes)
}

/// `ustar` stands at the same place in every tar since 1988.
fn is_tar(start: &[u8]) -> bool {
    start.get(257..262) == Some(b"ustar")
}

/// A packed tar, or one packed file.
fn stream(name: &str, plain: &str, mut from: impl Read, to: Each<'_>) -> Result<(), Error> {
    let mut start = Vec::new();
    from.by_ref().take(512).read_to_end(&mut start).map_err(|error| refused(name, error))?;
    let whole = Cursor::new(start.clone()).chain(from);
    if is_tar(&start) {
        return tarred(name, whole, to);
    }
    let bytes = bounded(plain, whole, &mut ADVISORY_ARCHIVE_BYTES.clone())?;
    to(plain, &bytes)
}

fn tarred(name: &str, from: impl Read, to: Each<'_>) -> Result<(), Error> {
    let mut archive = tar::Archive::new(from);
    let mut left = ADVISORY_ARCHIVE_BYTES;
    let entries = archive.entries().map_err(|error| refused(name, error))?;
    for (number, entry) in entries.enumerate() {
        enough(number)?;
        let entry = entry.map_err(|error| refused(name, error))?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let bytes = bounded(&path, entry, &mut left)?;
        to(&path, &bytes)?;
    }
    Ok(())
}

fn zipped(name: &str, bytes: &[u8], to: Each<'_>) -> Result<(), Error> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|error| refused(name, error))?;
    let mut left = ADVISORY_ARCHIVE_BYTES;
    enough(archive.len())?;
    for number in 0..archive.len() {
        let member = archive.by_index(number).map_err(|error| refused(name, error))?;
        if !member.is_file() {
            continue;
        }
        let path = String::from_utf8_lossy(member.name_raw()).into_owned();
        let bytes = bounded(&path, member, &mut left)?;
        to(&path, &bytes)?;
    }
    Ok(())
}

fn enough(members: usize) -> Result<(), Error> {
    let limit = ADVISORY_ARCHIVE_MEMBERS;
    let refuse = Error::TooLarge { what: "the number of an archive's members".to_owned(), limit };
    if members > limit { Err(refuse) } else { Ok(()) }
}

/// A member's bytes, within its own limit and the archive's.
fn bounded(name: &str, from: impl Read, left: &mut u64) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let limit = (ADVISORY_FEED_BYTES as u64).min(*left);
    from.take(limit + 1).read_to_end(&mut bytes).map_err(|error| refused(name, error))?;
    if bytes.len() as u64 > limit {
        return Err(Error::TooLarge { what: format!("{name}, unpacked,"), limit: limit as usize });
    }
    *left -= bytes.len() as u64;
    Ok(bytes)
}
