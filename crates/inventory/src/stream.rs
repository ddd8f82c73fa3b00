//! The packed bytes of a layer turned into tar bytes, counted and limited on the way.

use std::{
    cell::Cell,
    fmt,
    io::{self, BufReader, Read},
    rc::Rc,
};

use crate::{Error, Limits, gzip::GzipMembers};

/// How a layer is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    None,
    Gzip,
    Zstd,
}

impl Compression {
    /// From a layer's media type: OCI image specification, "Layers", and Docker's image manifest v2, schema 2.
    pub fn from_media_type(media_type: &str) -> Option<Compression> {
        match media_type {
            "application/vnd.oci.image.layer.v1.tar"
            | "application/vnd.oci.image.layer.nondistributable.v1.tar"
            | "application/vnd.docker.image.rootfs.diff.tar" => Some(Compression::None),
            "application/vnd.oci.image.layer.v1.tar+gzip"
            | "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
            | "application/vnd.docker.image.rootfs.diff.tar.gzip"
            | "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip" => Some(Compression::Gzip),
            "application/vnd.oci.image.layer.v1.tar+zstd"
            | "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd"
            | "application/vnd.docker.image.rootfs.diff.tar.zstd" => Some(Compression::Zstd),
            _ => None,
        }
    }

    /// From the first bytes. Engines look at these and not at the media type, so a caller that has no media type may too.
    pub fn sniff(first_bytes: &[u8]) -> Compression {
        match first_bytes {
            [0x1f, 0x8b, ..] => Compression::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Compression::Zstd,
            _ => Compression::None,
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Compression::None => "tar",
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
        })
    }
}

/// The tar stream of one layer.
pub(crate) struct Unpacked<R: Read> {
    decoder: Decoder<R>,
    compression: Compression,
    gauge: Gauge,
    limits: Limits,
    bytes: u64,
}

enum Decoder<R: Read> {
    None(Counted<R>),
    Gzip(GzipMembers<BufReader<Counted<R>>>),
    Zstd(zstd::stream::read::Decoder<'static, BufReader<Counted<R>>>),
}

/// What the decoder, which owns the packed reader, would otherwise hide.
#[derive(Clone, Default)]
struct Gauge {
    packed_bytes: Rc<Cell<u64>>,
    source_failed: Rc<Cell<bool>>,
}

struct Counted<R> {
    packed: R,
    gauge: Gauge,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let outcome = self.packed.read(buffer);
        match &outcome {
            Ok(count) => self.gauge.packed_bytes.set(self.gauge.packed_bytes.get() + *count as u64),
            Err(error) => self.gauge.source_failed.set(error.kind() != io::ErrorKind::Interrupted),
        }
        outcome
    }
}

impl<R: Read> Unpacked<R> {
    pub(crate) fn open(packed: R, compression: Compression, limits: Limits) -> Result<Unpacked<R>, Error> {
        let gauge = Gauge::default();
        let counted = Counted { packed, gauge: gauge.clone() };
        let buffered = |counted| BufReader::with_capacity(base::limits::CHUNK_BYTES, counted);
        let decoder = match compression {
            Compression::None => Decoder::None(counted),
            Compression::Gzip => Decoder::Gzip(GzipMembers::new(buffered(counted))),
            Compression::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(buffered(counted)).map_err(Error::Source)?;
                decoder.window_log_max(base::limits::LAYER_ZSTD_WINDOW_LOG).map_err(Error::Source)?;
                Decoder::Zstd(decoder)
            }
        };
        Ok(Unpacked { decoder, compression, gauge, limits, bytes: 0 })
    }

    /// Some bytes; 0 only at the end or for an empty buffer.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        let count = loop {
            let outcome = match &mut self.decoder {
                Decoder::None(reader) => reader.read(buffer),
                Decoder::Gzip(reader) => reader.read(buffer),
                Decoder::Zstd(reader) => reader.read(buffer),
            };
            match outcome {
                Ok(count) => break count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if self.gauge.source_failed.get() => return Err(Error::Source(error)),
                Err(error) => return Err(self.damaged(&error)),
            }
        };
        self.bytes += count as u64;
        self.check_limits()?;
        Ok(count)
    }

    /// Fill the buffer; fewer bytes only at the end of the stream.
    pub(crate) fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read(&mut buffer[filled..])? {
                0 => break,
                count => filled += count,
            }
        }
        Ok(filled)
    }

    fn check_limits(&self) -> Result<(), Error> {
        if self.bytes > self.limits.unpacked_bytes {
            return Err(Error::TooLarge { what: "unpacked bytes", limit: self.limits.unpacked_bytes });
        }
        let allowed = self.gauge.packed_bytes.get().saturating_mul(self.limits.ratio);
        if self.compression != Compression::None && self.bytes > self.limits.ratio_floor_bytes && self.bytes > allowed {
            return Err(Error::TooLarge { what: "unpacked bytes for each packed byte", limit: self.limits.ratio });
        }
        Ok(())
    }

    fn damaged(&self, error: &io::Error) -> Error {
        Error::Packing { compression: self.compression, unpacked_bytes: self.bytes, reason: error.to_string() }
    }
}
