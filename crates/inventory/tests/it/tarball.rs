//! Small archives, written member by member.

use std::{collections::BTreeMap, io::Write};

use inventory::{Compression, Entry, Error, LayerInventory, Limits, Progress, ReadLayer, read_layer};

/// A tar in the making.
pub struct Tarball(tar::Builder<Vec<u8>>);

impl Tarball {
    pub fn new() -> Tarball {
        Tarball(tar::Builder::new(Vec::new()))
    }

    pub fn file(mut self, path: &str, content: &str) -> Tarball {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        self.0.append_data(&mut header, path, content.as_bytes()).unwrap();
        self
    }

    pub fn directory(mut self, path: &str) -> Tarball {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Directory);
        header.set_size(0);
        header.set_mode(0o755);
        self.0.append_data(&mut header, path, &b""[..]).unwrap();
        self
    }

    pub fn link(mut self, kind: tar::EntryType, path: &str, target: &str) -> Tarball {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(0);
        self.0.append_link(&mut header, path, target).unwrap();
        self
    }

    pub fn symlink(self, path: &str, target: &str) -> Tarball {
        self.link(tar::EntryType::Symlink, path, target)
    }

    /// A header as a hostile writer makes it: any name, any kind, any body.
    pub fn raw(mut self, name: &[u8], kind: u8, body: &[u8], forge: impl FnOnce(&mut [u8; 512])) -> Tarball {
        let mut header = tar::Header::new_gnu();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name);
        header.set_entry_type(tar::EntryType::new(kind));
        header.set_mode(0o644);
        header.set_size(body.len() as u64);
        forge(header.as_mut_bytes());
        header.set_cksum();
        self.0.append(&header, body).unwrap();
        self
    }

    pub fn pax(self, records: &[(&str, &str)]) -> Tarball {
        let mut body = Vec::new();
        for (key, value) in records {
            let rest = key.len() + value.len() + 3;
            let length = (1..).find(|digits| (rest + digits).to_string().len() == *digits).unwrap() + rest;
            writeln!(body, "{length} {key}={value}").unwrap();
        }
        self.raw(b"PaxHeaders/x", b'x', &body, |_| {})
    }

    pub fn bytes(self) -> Vec<u8> {
        self.0.into_inner().unwrap()
    }

    pub fn read(self) -> LayerInventory {
        read(&self.bytes()).unwrap().inventory
    }

    pub fn listing(self) -> BTreeMap<String, Entry> {
        read(&self.bytes()).unwrap().listing.0
    }

    pub fn refused(self) -> String {
        read(&self.bytes()).unwrap_err().to_string()
    }
}

pub fn read(tar: &[u8]) -> Result<ReadLayer, Error> {
    read_packed(tar, Compression::None, &Limits::default())
}

pub fn read_packed(packed: &[u8], compression: Compression, limits: &Limits) -> Result<ReadLayer, Error> {
    read_layer(packed, compression, limits, fingerprint::Index::builtin(), &Progress::default())
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
