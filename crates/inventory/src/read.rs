//! One pass over a layer: every file hashed, the few that describe packages kept and parsed.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read,
};

use base::limits::{CHUNK_BYTES, LAYER_NOTICE_BYTES};
use sha2::{Digest, Sha256};

use crate::{
    ComponentKind, Compression, Document, Entry, Error, LayerInventory, Limits, SCANNER_VERSION, apk,
    archive::{Archive, Kind, Member},
    copyright, dpkg, os_release, path, python, view,
};

/// The marks of removed files: OCI image specification, "Whiteouts".
const WHITEOUT: &str = ".wh.";
const OPAQUE: &str = ".wh..wh..opq";

/// Read a whole layer. Blocks while `packed` does; memory stays within the limits whatever the bytes are.
pub fn read_layer(packed: impl Read, compression: Compression, limits: &Limits) -> Result<LayerInventory, Error> {
    let mut archive = Archive::open(packed, compression, *limits)?;
    let mut draft = Draft { limits: *limits, chunk: vec![0; CHUNK_BYTES], ..Draft::default() };
    while let Some(member) = archive.next_member()? {
        draft.take(&mut archive, member)?;
    }
    let (diff_id, unpacked_bytes) = archive.finish()?;
    Ok(LayerInventory {
        diff_id,
        documents: draft.documents,
        entries: draft.entries,
        opaque: draft.opaque,
        scanner_version: SCANNER_VERSION,
        unpacked_bytes,
        whiteouts: draft.whiteouts,
    })
}

#[derive(Default)]
struct Draft {
    limits: Limits,
    documents: BTreeMap<String, Document>,
    entries: BTreeMap<String, Entry>,
    opaque: BTreeSet<String>,
    whiteouts: BTreeSet<String>,
    names_bytes: u64,
    text_bytes: u64,
    chunk: Vec<u8>,
}

/// What a file is read for, and how much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Interest {
    ApkInstalled,
    Copyright,
    DpkgList,
    DpkgSingle,
    DpkgStatus,
    DpkgSums,
    OsRelease,
    PythonMetadata,
}

impl Draft {
    fn take<R: Read>(&mut self, archive: &mut Archive<R>, member: Member) -> Result<(), Error> {
        self.names_bytes += (member.path.len() + member.link.len()) as u64;
        if self.names_bytes > self.limits.names_bytes {
            return Err(Error::TooLarge { what: "bytes of names", limit: self.limits.names_bytes });
        }
        let (directory, name) = path::split(&member.path);
        if name == OPAQUE {
            self.opaque.insert(directory.to_owned());
            return Ok(());
        }
        if let Some(hidden) = name.strip_prefix(WHITEOUT) {
            return self.whiteout(archive, directory, hidden);
        }
        if member.path.is_empty() {
            return Ok(());
        }
        let entry = match member.kind {
            Kind::Directory => Entry::Directory { mode: member.mode },
            Kind::Other => Entry::Other { mode: member.mode },
            Kind::Symlink => Entry::Symlink { target: path::text(&member.link) },
            Kind::HardLink => {
                let target = path::normalise(&member.link).map_err(|reason| archive.refuse(reason))?;
                Entry::Hardlink { target }
            }
            Kind::File => return self.file(archive, member),
        };
        self.insert(member.path, entry, None);
        Ok(())
    }

    fn whiteout<R: Read>(&mut self, archive: &Archive<R>, directory: &str, hidden: &str) -> Result<(), Error> {
        match hidden {
            "" | "." | ".." => Err(archive.refuse("a whiteout removes the directory that it stands in")),
            // Bookkeeping of AUFS, which engines skip too.
            _ if hidden.starts_with(WHITEOUT) => Ok(()),
            _ => {
                self.whiteouts.insert(path::join(directory, hidden));
                Ok(())
            }
        }
    }

    fn file<R: Read>(&mut self, archive: &mut Archive<R>, member: Member) -> Result<(), Error> {
        let interest = interest(&member.path);
        let keep_bytes = self.bytes_to_keep(interest, member.size_bytes)?;
        let mut kept = Vec::new();
        let mut hasher = Sha256::new();
        loop {
            let count = archive.read_body(&mut self.chunk)?;
            if count == 0 {
                break;
            }
            hasher.update(&self.chunk[..count]);
            let wanted = usize::try_from(keep_bytes).unwrap_or(usize::MAX).saturating_sub(kept.len());
            kept.extend_from_slice(&self.chunk[..count.min(wanted)]);
        }
        let document = interest.filter(|_| keep_bytes > 0 || member.size_bytes == 0);
        let document =
            document.and_then(|interest| document_of(interest, &member.path, &String::from_utf8_lossy(&kept)));
        let sha256 = hex::encode(hasher.finalize());
        self.insert(member.path, Entry::File { mode: member.mode, sha256, size_bytes: member.size_bytes }, document);
        Ok(())
    }

    /// 0 when the file is only hashed. A package database that is too large is an error: half of one is a false answer.
    fn bytes_to_keep(&mut self, interest: Option<Interest>, size_bytes: u64) -> Result<u64, Error> {
        let keep_bytes = match interest {
            None => 0,
            Some(Interest::DpkgStatus | Interest::DpkgSingle | Interest::ApkInstalled) => {
                if size_bytes > self.limits.file_bytes {
                    return Err(Error::TooLarge { what: "bytes in a package database", limit: self.limits.file_bytes });
                }
                size_bytes
            }
            Some(Interest::DpkgList | Interest::DpkgSums) if size_bytes > self.limits.file_bytes => 0,
            Some(Interest::DpkgList | Interest::DpkgSums) => size_bytes,
            Some(Interest::Copyright) if size_bytes > LAYER_NOTICE_BYTES => 0,
            Some(Interest::Copyright | Interest::OsRelease | Interest::PythonMetadata) => {
                size_bytes.min(LAYER_NOTICE_BYTES)
            }
        };
        self.text_bytes += keep_bytes;
        if self.text_bytes > self.limits.text_bytes {
            return Err(Error::TooLarge { what: "bytes of package metadata", limit: self.limits.text_bytes });
        }
        Ok(keep_bytes)
    }

    /// A later member of the same name wins, and a file where a directory was takes its content along, as in an engine.
    fn insert(&mut self, path: String, entry: Entry, document: Option<Document>) {
        if !matches!(entry, Entry::Directory { .. }) {
            for gone in view::below(&self.entries, &path) {
                self.entries.remove(&gone);
                self.documents.remove(&gone);
            }
        }
        match document {
            Some(document) => self.documents.insert(path.clone(), document),
            None => self.documents.remove(&path),
        };
        self.entries.insert(path, entry);
    }
}

fn interest(path: &str) -> Option<Interest> {
    match path {
        "var/lib/dpkg/status" => return Some(Interest::DpkgStatus),
        "lib/apk/db/installed" | "usr/lib/apk/db/installed" => return Some(Interest::ApkInstalled),
        "etc/os-release" | "usr/lib/os-release" => return Some(Interest::OsRelease),
        _ => {}
    }
    let (directory, name) = path::split(path);
    match directory {
        "var/lib/dpkg/status.d" if name.ends_with(".md5sums") => Some(Interest::DpkgSums),
        "var/lib/dpkg/status.d" => Some(Interest::DpkgSingle),
        "var/lib/dpkg/info" if name.ends_with(".list") => Some(Interest::DpkgList),
        _ if name == "copyright" && path::split(directory).0 == "usr/share/doc" => Some(Interest::Copyright),
        _ if python::is_metadata(path) => Some(Interest::PythonMetadata),
        _ => None,
    }
}

/// None when a file of lesser use says nothing; a database is a document even when it is empty.
fn document_of(interest: Interest, path: &str, text: &str) -> Option<Document> {
    let packages = |kind, packages| Some(Document::Packages { kind, packages });
    let owned = |paths: Vec<String>| {
        let package = dpkg::package_of_list(path::split(path).1).to_owned();
        (!paths.is_empty()).then_some(Document::Owned { package, paths })
    };
    match interest {
        Interest::ApkInstalled => packages(ComponentKind::Apk, apk::packages(text)),
        Interest::DpkgStatus => packages(ComponentKind::Deb, dpkg::packages(text, true)),
        Interest::DpkgSingle => packages(ComponentKind::Deb, dpkg::packages(text, false)),
        Interest::DpkgList => owned(dpkg::owned_by_list(text)),
        Interest::DpkgSums => owned(dpkg::owned_by_md5sums(text)),
        Interest::OsRelease => Some(Document::Os { release: os_release::parse(text) }),
        Interest::PythonMetadata => packages(ComponentKind::Pypi, vec![python::package(text)?]),
        Interest::Copyright => {
            let names = copyright::licenses(text);
            (!names.is_empty()).then_some(Document::Licenses { names })
        }
    }
}
