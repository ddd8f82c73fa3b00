//! Executables of a Debian package: an `ar` archive that holds a compressed `tar` (deb(5)).
//!
//! ```text
//!   !<arch>\n │ debian-binary │ control.tar.xz │ data.tar.xz │      each member: 60 bytes of header, then its bytes, evened up
//! ```

use std::io::Read;

use base::limits::{LEARN_MEMBER_BYTES, LEARN_PACKAGE_BYTES};

use crate::error::Error;
use crate::executable::is_executable;

/// Who made a package: its `control` paragraph as far as the learner needs it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Control {
    pub package: String,
    pub source: String,
    /// Of the source package.
    pub version: String,
    pub architecture: String,
}

/// Reads the control paragraph and gives every executable of the package, with its path, to `sink`.
///
/// # Errors
/// [`Error::Package`] says what is broken, or which limit the package is beyond.
pub fn read_deb(deb: &[u8], sink: &mut dyn FnMut(&Control, &str, &[u8])) -> Result<Control, Error> {
    let mut control = None;
    let mut rest = deb.strip_prefix(b"!<arch>\n").ok_or(Error::Package("no ar archive"))?;
    while let Some((header, after)) = rest.split_first_chunk::<60>() {
        let field = |range: std::ops::Range<usize>| std::str::from_utf8(&header[range]).unwrap_or_default().trim_end();
        let size: usize = field(48..58).parse().map_err(|_| Error::Package("an ar member without size"))?;
        let body = after.get(..size).ok_or(Error::Package("an ar member that is cut off"))?;
        let name = field(0..16).trim_end_matches('/');
        if let Some(packed) = name.strip_prefix("control.tar") {
            control = Some(read_control(unpack(packed, body)?)?);
        } else if let Some(packed) = name.strip_prefix("data.tar") {
            let control = control.as_ref().ok_or(Error::Package("data before control"))?;
            read_data(unpack(packed, body)?, &mut |path, bytes| sink(control, path, bytes))?;
        }
        rest = after.get(size + size % 2..).unwrap_or_default();
    }
    control.ok_or(Error::Package("no control member"))
}

fn unpack<'b>(packed: &str, body: &'b [u8]) -> Result<Box<dyn Read + 'b>, Error> {
    let reader: Box<dyn Read + 'b> = match packed {
        "" => Box::new(body),
        ".gz" => Box::new(flate2::read::GzDecoder::new(body)),
        ".xz" => Box::new(liblzma::read::XzDecoder::new(body)),
        ".zst" => Box::new(zstd::stream::read::Decoder::with_buffer(body).map_err(|_| Error::Package("broken zstd"))?),
        _ => return Err(Error::Package("an unknown compression")),
    };
    Ok(Box::new(reader.take(LEARN_PACKAGE_BYTES)))
}

fn read_control(reader: impl Read) -> Result<Control, Error> {
    let mut archive = tar::Archive::new(reader);
    for entry in archive.entries().map_err(|_| Error::Package("a broken control archive"))? {
        let entry = entry.map_err(|_| Error::Package("a broken control archive"))?;
        if entry.path_bytes().strip_prefix(b"./").unwrap_or(&entry.path_bytes()) == b"control" {
            let mut text = String::new();
            entry
                .take(1024 * 1024)
                .read_to_string(&mut text)
                .map_err(|_| Error::Package("a control file that is no text"))?;
            return Ok(parse_control(&text));
        }
    }
    Err(Error::Package("no control file"))
}

fn parse_control(text: &str) -> Control {
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.unwrap_or_default().trim().to_owned()
    };
    let (package, version) = (field("Package"), field("Version"));
    let source = field("Source");
    // `Source: name (version)` when the source's version is another one; absent when it is called like the package.
    let (source, version) = match source.split_once(" (") {
        Some((name, other)) => (name.to_owned(), other.trim_end_matches(')').to_owned()),
        None if source.is_empty() => (package.clone(), version),
        None => (source, version),
    };
    Control { package, source, version, architecture: field("Architecture") }
}

fn read_data(reader: impl Read, sink: &mut dyn FnMut(&str, &[u8])) -> Result<(), Error> {
    let broken = |_| Error::Package("a broken data archive");
    let mut archive = tar::Archive::new(reader);
    let mut bytes = Vec::new();
    for entry in archive.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        if !entry.header().entry_type().is_file() || entry.size() < 64 {
            continue;
        }
        if entry.size() > LEARN_MEMBER_BYTES {
            return Err(Error::Package("a member beyond the limit"));
        }
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        bytes.clear();
        entry.by_ref().take(8).read_to_end(&mut bytes).map_err(broken)?;
        if is_executable(&bytes) {
            entry.read_to_end(&mut bytes).map_err(broken)?;
            sink(&path, &bytes);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Control, parse_control};

    #[test]
    fn the_source_with_and_without_its_own_version() {
        let control = |source: &str| {
            parse_control(&format!("Package: zlib1g\n{source}Version: 1:1.2.13.dfsg-1\nArchitecture: amd64\n"))
        };
        let expect = |source: &str, version: &str| Control {
            package: "zlib1g".into(),
            source: source.into(),
            version: version.into(),
            architecture: "amd64".into(),
        };
        assert_eq!(control(""), expect("zlib1g", "1:1.2.13.dfsg-1"));
        assert_eq!(control("Source: zlib\n"), expect("zlib", "1:1.2.13.dfsg-1"));
        assert_eq!(control("Source: zlib (1:1.2.13.dfsg-2)\n"), expect("zlib", "1:1.2.13.dfsg-2"));
    }
}
