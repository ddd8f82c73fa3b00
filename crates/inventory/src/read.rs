//! One pass over a layer: every file hashed, the few that describe packages kept and parsed.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read,
    thread,
};

use md5::Md5;
use package::{Document, Form, Need, OwnedFile, path};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::{
    Compression, Entry, Error, LayerInventory, Limits, Listing, Progress, ReadLayer, SCANNER_VERSION, Shadow,
    archive::{Archive, Kind, Member},
    pipe,
};

/// The marks of removed files: OCI image specification, "Whiteouts".
const WHITEOUT: &str = ".wh.";
const OPAQUE: &str = ".wh..wh..opq";

/// Read a whole layer. Blocks while `packed` does; memory stays within the limits whatever the bytes are. Two more threads help.
pub fn read_layer(
    packed: impl Read + Send,
    compression: Compression,
    limits: &Limits,
    progress: &Progress,
) -> Result<ReadLayer, Error> {
    thread::scope(|scope| {
        let (pipe, whole) = pipe::open(scope, packed, compression, *limits, progress);
        let mut archive = Archive::open(pipe, *limits);
        let mut draft = Draft { limits: *limits, ..Draft::default() };
        while let Some(member) = archive.next_member()? {
            draft.take(&mut archive, member)?;
        }
        archive.finish()?;
        let (diff_id, unpacked_bytes) = whole.join().expect("hashing never panics");
        draft.keep_what_may_matter();
        Ok(draft.into_layer(diff_id, unpacked_bytes))
    })
}

#[derive(Default)]
struct Draft {
    limits: Limits,
    broken: BTreeMap<String, String>,
    documents: BTreeMap<String, Document>,
    entries: BTreeMap<String, Entry>,
    opaque: BTreeSet<String>,
    sums: BTreeMap<String, Vec<String>>,
    whiteouts: BTreeSet<String>,
    names_bytes: u64,
    text_bytes: u64,
}

/// What one file says, beside its digest.
#[derive(Default)]
struct Said {
    broken: Option<String>,
    document: Option<Document>,
    sums: Vec<String>,
}

impl Draft {
    fn take(&mut self, archive: &mut Archive, member: Member) -> Result<(), Error> {
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
        self.insert(member.path, entry, Said::default());
        Ok(())
    }

    fn whiteout(&mut self, archive: &Archive, directory: &str, hidden: &str) -> Result<(), Error> {
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

    fn file(&mut self, archive: &mut Archive, member: Member) -> Result<(), Error> {
        let form = Form::of(&member.path);
        let too_large = form.and_then(|form| self.too_large(form, member.size_bytes));
        let form = form.filter(|_| too_large.is_none());
        let keep_bytes = self.bytes_to_keep(form, member.size_bytes)?;
        let mut kept = Vec::new();
        let mut hasher = Sha256::new();
        loop {
            let bytes = archive.body()?;
            if bytes.is_empty() {
                break;
            }
            hasher.update(bytes);
            let wanted = usize::try_from(keep_bytes).unwrap_or(usize::MAX).saturating_sub(kept.len());
            kept.extend_from_slice(&bytes[..bytes.len().min(wanted)]);
        }
        let form = form.filter(|_| keep_bytes > 0 || member.size_bytes == 0);
        let mut said = form.map(|form| said(form, &member.path, &kept)).unwrap_or_default();
        said.broken = said.broken.or(too_large);
        self.named(&said)?;
        let sha256 = hex::encode(hasher.finalize());
        if !said.sums.is_empty() {
            said.sums.push(format!("sha256:{sha256}"));
        }
        self.insert(member.path, Entry::File { mode: member.mode, sha256, size_bytes: member.size_bytes }, said);
        Ok(())
    }

    /// An archive beyond its limit cannot be read, and the rest of the layer can.
    fn too_large(&self, form: Form, size_bytes: u64) -> Option<String> {
        let Need::Archive(limit) = form.need() else { return None };
        let limit = limit.min(self.limits.archive_bytes);
        (size_bytes > limit).then(|| package::Error::TooLarge { what: "bytes", limit }.to_string())
    }

    /// 0 when the file is only hashed. A package database that is too large is an error: half of one is a false answer.
    fn bytes_to_keep(&mut self, form: Option<Form>, size_bytes: u64) -> Result<u64, Error> {
        let keep_bytes = match form.map(Form::need) {
            None => 0,
            Some(Need::Whole(limit)) => {
                let limit = limit.min(self.limits.file_bytes);
                if size_bytes > limit {
                    return Err(Error::TooLarge { what: "bytes in a package database", limit });
                }
                size_bytes
            }
            Some(Need::WholeOrNothing(limit)) => {
                if size_bytes > limit.min(self.limits.file_bytes) {
                    0
                } else {
                    size_bytes
                }
            }
            Some(Need::Head(limit)) => size_bytes.min(limit),
            // Held alone and let go again: what it names is counted instead.
            Some(Need::Archive(_)) => return Ok(size_bytes),
        };
        self.text_bytes += keep_bytes;
        if self.text_bytes > self.limits.text_bytes {
            return Err(Error::TooLarge { what: "bytes of package metadata", limit: self.limits.text_bytes });
        }
        Ok(keep_bytes)
    }

    /// An archive may name much more than its packed bytes suggest; everything else was counted when it was kept.
    fn named(&mut self, said: &Said) -> Result<(), Error> {
        const PACKAGE_BYTES: u64 = 256;
        if let Some(Document::Packages { packages, .. }) = &said.document {
            self.text_bytes += packages.len() as u64 * PACKAGE_BYTES;
        }
        if self.text_bytes > self.limits.text_bytes {
            return Err(Error::TooLarge { what: "bytes of package metadata", limit: self.limits.text_bytes });
        }
        Ok(())
    }

    /// A later member of the same name wins, and a file where a directory was takes its content along, as in an engine.
    fn insert(&mut self, path: String, entry: Entry, said: Said) {
        if !matches!(entry, Entry::Directory { .. }) {
            for gone in below(&self.entries, &path) {
                self.entries.remove(&gone);
                self.forget(&gone);
            }
        }
        self.forget(&path);
        if let Some(document) = said.document {
            self.documents.insert(path.clone(), document);
        }
        if let Some(reason) = said.broken {
            self.broken.insert(path.clone(), reason);
        }
        if !said.sums.is_empty() {
            self.sums.insert(path.clone(), said.sums);
        }
        self.entries.insert(path, entry);
    }

    fn forget(&mut self, path: &str) {
        self.documents.remove(path);
        self.broken.remove(path);
        self.sums.remove(path);
    }

    /// Of the files that packages own, those that say something themselves, or lie in another layer where they may.
    fn keep_what_may_matter(&mut self) {
        let Draft { documents, entries, sums, .. } = self;
        let matters = |file: &OwnedFile| sums.contains_key(&file.path) || !entries.contains_key(&file.path);
        documents.retain(|_, document| match document {
            Document::Owned { files, .. } => {
                files.retain(matters);
                !files.is_empty()
            }
            Document::Packages { packages, .. } => {
                packages.iter_mut().for_each(|package| package.owns.retain(matters));
                true
            }
            Document::Licenses { .. } | Document::Os { .. } => true,
        });
    }

    fn into_layer(self, diff_id: String, unpacked_bytes: u64) -> ReadLayer {
        let listing = Listing(self.entries);
        let (files, file_bytes) = listing.file_totals();
        let entries = listing.0.iter().map(|(path, entry)| (path.as_str(), matches!(entry, Entry::Directory { .. })));
        let removed = self.whiteouts.iter().map(String::as_str);
        let shadow = Shadow::of(entries, removed, self.opaque.iter().map(String::as_str));
        let inventory = LayerInventory {
            broken: self.broken,
            diff_id,
            documents: self.documents,
            file_bytes,
            files,
            links: listing.links(),
            listing: format!("sha256:{}", base::digest_hex(&listing.to_text())),
            opaque: self.opaque,
            scanner_version: SCANNER_VERSION,
            shadow,
            sums: self.sums,
            unpacked_bytes,
            whiteouts: self.whiteouts,
        };
        ReadLayer { inventory, listing }
    }
}

/// Everything inside a directory; the empty path is the root.
fn below<V>(paths: &BTreeMap<String, V>, directory: &str) -> Vec<String> {
    if directory.is_empty() {
        return paths.keys().cloned().collect();
    }
    // The character after the slash in ASCII ends the range of what begins with "directory/".
    let (from, to) = (format!("{directory}/"), format!("{directory}0"));
    paths.range(from..to).map(|(path, _)| path.clone()).collect()
}

fn said(form: Form, path: &str, kept: &[u8]) -> Said {
    match form.read(path, kept) {
        Ok(document) => {
            let packages = matches!(&document, Some(Document::Packages { kind, .. }) if !kind.is_distribution());
            let sums = if packages { sums(kept) } else { Vec::new() };
            Said { broken: None, document, sums }
        }
        Err(error) => Said { broken: Some(error.to_string()), ..Said::default() },
    }
}

/// As package databases write them; the SHA-256, which is known of every file, follows.
fn sums(bytes: &[u8]) -> Vec<String> {
    vec![format!("md5:{}", hex::encode(Md5::digest(bytes))), format!("sha1:{}", hex::encode(Sha1::digest(bytes)))]
}
