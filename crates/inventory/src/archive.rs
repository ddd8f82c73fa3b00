//! The members of a tar stream, one after the other, with every field that a hostile writer could abuse checked.
//!
//! The `tar` crate knows the header formats; the walk is ours, because its own reads long names and pax headers of any
//! length into memory. Where engines (all of them on Go's `archive/tar`) and others disagree, we do as Go does, or
//! refuse: a scanner that sees another file than the engine is worse than none.

use base::limits::{LAYER_HEADER_BYTES, LAYER_PATH_BYTES};
use package::path;

use crate::{Error, Limits, pax, pipe::Pipe};

const BLOCK: usize = 512;

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Directory,
    Symlink,
    HardLink,
    /// Devices, pipes, and letters that nobody knows.
    Other,
}

#[derive(Debug)]
pub(crate) struct Member {
    /// Normalised; empty for the root.
    pub(crate) path: String,
    pub(crate) kind: Kind,
    pub(crate) mode: u32,
    /// Of the body, which is only there for files and unknown kinds.
    pub(crate) size_bytes: u64,
    /// Of a link, as written.
    pub(crate) link: Vec<u8>,
}

pub(crate) struct Archive {
    input: Pipe,
    limits: Limits,
    members: u64,
    body_left: u64,
    padding: u64,
}

/// What extension headers said about the member that follows them.
#[derive(Default)]
struct Ahead {
    long_name: Option<Vec<u8>>,
    long_link: Option<Vec<u8>>,
    pax: pax::Records,
    any: bool,
}

impl Archive {
    pub(crate) fn open(input: Pipe, limits: Limits) -> Archive {
        Archive { input, limits, members: 0, body_left: 0, padding: 0 }
    }

    /// The next member; what was not read of the last one's body is skipped.
    pub(crate) fn next_member(&mut self) -> Result<Option<Member>, Error> {
        self.skip_body()?;
        let mut ahead = Ahead::default();
        loop {
            let Some(block) = self.header_block()? else {
                return if ahead.any { Err(self.refuse("it ends after an extension header")) } else { Ok(None) };
            };
            self.members += 1;
            if self.members > self.limits.members {
                return Err(Error::TooLarge { what: "members", limit: self.limits.members });
            }
            let header = tar::Header::from_byte_slice(&block);
            let size_bytes =
                number(&block[124..136]).ok_or_else(|| self.refuse("a size is negative or not a number"))?;
            match header.entry_type().as_byte() {
                b'L' => ahead.long_name = Some(c_string(self.extension(size_bytes)?)),
                b'K' => ahead.long_link = Some(c_string(self.extension(size_bytes)?)),
                b'x' => ahead.pax = self.pax_records(size_bytes)?,
                b'g' => self.global_header(size_bytes)?,
                _ => return self.member(header, size_bytes, ahead).map(Some),
            }
            ahead.any |= header.entry_type().as_byte() != b'g';
        }
    }

    /// The next bytes of the present member's body, as they lie in memory; empty at its end.
    pub(crate) fn body(&mut self) -> Result<&[u8], Error> {
        if self.body_left == 0 {
            return Ok(&[]);
        }
        let offset = self.input.offset();
        let bytes = self.input.next(self.body_left)?;
        if bytes.is_empty() {
            return Err(Error::Archive { offset, reason: "it ends inside a file".to_owned() });
        }
        self.body_left -= bytes.len() as u64;
        Ok(bytes)
    }

    /// Read what follows the end mark.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        self.input.drain()
    }

    pub(crate) fn refuse(&self, reason: impl Into<String>) -> Error {
        Error::Archive { offset: self.input.offset(), reason: reason.into() }
    }

    fn member(&mut self, header: &tar::Header, size_bytes: u64, ahead: Ahead) -> Result<Member, Error> {
        if header.entry_type().is_gnu_sparse() || ahead.pax.sparse {
            return Err(self.refuse("sparse files are not read yet; write the layer without --sparse"));
        }
        let name = ahead.pax.path.or(ahead.long_name).unwrap_or_else(|| header.path_bytes().into_owned());
        let link = ahead.pax.link_path.or(ahead.long_link).or_else(|| header.link_name_bytes().map(|l| l.into_owned()));
        let link = link.unwrap_or_default();
        if link.len() > LAYER_PATH_BYTES {
            return Err(self.refuse(format!("the link {} is longer than {LAYER_PATH_BYTES} bytes", path::text(&name))));
        }
        let kind = match header.entry_type().as_byte() {
            // Before POSIX there was no letter for a directory, only a slash after its name.
            0 if name.ends_with(b"/") => Kind::Directory,
            b'0' | 0 | b'7' => Kind::File,
            b'5' => Kind::Directory,
            b'2' => Kind::Symlink,
            b'1' => Kind::HardLink,
            _ => Kind::Other,
        };
        // Links, devices, directories and pipes have no body even when the size field says so; Go skips none either.
        let has_body = !matches!(header.entry_type().as_byte(), b'1'..=b'6');
        let size_bytes = if has_body { ahead.pax.size.unwrap_or(size_bytes) } else { 0 };
        self.expect_body(size_bytes)?;
        let mode = number(&header.as_bytes()[100..108]).unwrap_or(0) as u32 & 0o7777;
        let path = path::normalise(&name).map_err(|reason| self.refuse(reason))?;
        Ok(Member { path, kind, mode, size_bytes, link })
    }

    fn expect_body(&mut self, size_bytes: u64) -> Result<(), Error> {
        if size_bytes > self.limits.unpacked_bytes {
            return Err(Error::TooLarge { what: "bytes in one file", limit: self.limits.unpacked_bytes });
        }
        self.body_left = size_bytes;
        self.padding = size_bytes.next_multiple_of(BLOCK as u64) - size_bytes;
        Ok(())
    }

    fn skip_body(&mut self) -> Result<(), Error> {
        while !self.body()?.is_empty() {}
        let padding = usize::try_from(std::mem::take(&mut self.padding)).expect("padding is less than one block");
        let mut block = [0; BLOCK];
        if self.input.fill(&mut block[..padding])? < padding {
            return Err(self.refuse("it ends inside a file"));
        }
        Ok(())
    }

    /// A header with a right checksum, or None at the end: two blocks of zeros, or nothing more.
    fn header_block(&mut self) -> Result<Option<[u8; BLOCK]>, Error> {
        let mut block = [0; BLOCK];
        match self.input.fill(&mut block)? {
            0 => return Ok(None),
            BLOCK => {}
            _ => return Err(self.refuse("it ends inside a header")),
        }
        if block == [0; BLOCK] {
            let second = self.input.fill(&mut block)?;
            if second != 0 && block != [0; BLOCK] {
                return Err(self.refuse("members follow a block of zeros"));
            }
            return Ok(None);
        }
        if !checksum_holds(&block) {
            return Err(self.refuse("a header's checksum is wrong"));
        }
        Ok(Some(block))
    }

    fn extension(&mut self, size_bytes: u64) -> Result<Vec<u8>, Error> {
        if size_bytes > LAYER_HEADER_BYTES {
            return Err(Error::TooLarge { what: "bytes in one extension header", limit: LAYER_HEADER_BYTES });
        }
        self.expect_body(size_bytes)?;
        let mut body = vec![0; usize::try_from(size_bytes).expect("at most 1 MiB")];
        if self.input.fill(&mut body)? < body.len() {
            return Err(self.refuse("it ends inside an extension header"));
        }
        self.body_left = 0;
        self.skip_body()?;
        Ok(body)
    }

    fn pax_records(&mut self, size_bytes: u64) -> Result<pax::Records, Error> {
        let body = self.extension(size_bytes)?;
        pax::parse(&body).map_err(|reason| self.refuse(reason))
    }

    /// Go does not apply global headers to members and GNU tar does, so one that would matter is refused.
    fn global_header(&mut self, size_bytes: u64) -> Result<(), Error> {
        if self.pax_records(size_bytes)?.is_harmless() {
            Ok(())
        } else {
            Err(self.refuse("a global header sets a path or a size"))
        }
    }
}

/// A number field: octal text, or big-endian binary when the first bit is set (GNU). None when negative or not a number.
fn number(field: &[u8]) -> Option<u64> {
    if field[0] & 0x80 != 0 {
        let negative = field[0] & 0x40 != 0;
        let high = &field[..field.len().saturating_sub(8)];
        let overflow = high.iter().enumerate().any(|(at, byte)| if at == 0 { byte & 0x7f != 0 } else { *byte != 0 });
        if negative || (field.len() > 8 && overflow) {
            return None;
        }
        let low = field.iter().enumerate().map(|(at, byte)| if at == 0 { byte & 0x7f } else { *byte });
        return Some(low.fold(0_u64, |value, byte| (value << 8) | u64::from(byte)));
    }
    let text = std::str::from_utf8(field).ok()?.trim_matches([' ', '\0']);
    let text = text.split(['\0', ' ']).next().unwrap_or_default();
    match text {
        "" => Some(0),
        _ if text.starts_with('+') => None,
        _ => u64::from_str_radix(text, 8).ok(),
    }
}

/// The sum of the header's bytes with its own field as spaces; very old writers summed signed bytes.
fn checksum_holds(block: &[u8; BLOCK]) -> bool {
    let Some(stored) = number(&block[148..156]) else { return false };
    let spaced = |at: usize, byte: u8| if (148..156).contains(&at) { b' ' } else { byte };
    let unsigned: u64 = block.iter().enumerate().map(|(at, byte)| u64::from(spaced(at, *byte))).sum();
    let signed: i64 = block.iter().enumerate().map(|(at, byte)| i64::from(spaced(at, *byte).cast_signed())).sum();
    stored == unsigned || i64::try_from(stored) == Ok(signed)
}

fn c_string(mut bytes: Vec<u8>) -> Vec<u8> {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    bytes.truncate(end);
    bytes
}
