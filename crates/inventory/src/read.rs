//! One pass over a layer: every file hashed, the few that describe packages kept and parsed.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read,
    thread,
};

use base::limits::{LAYER_LICENSE_FILES, LAYER_SECRETS};
use fingerprint::Index;
use package::{Document, Form, Need, OwnedFile, path};

use crate::{
    Compression, Entry, Error, FoundSecret, LayerInventory, Limits, Listing, Program, Progress, ReadLayer,
    SCANNER_VERSION, Shadow,
    archive::{Archive, Kind, Member},
    content::{Content, Said},
    layer::Notable,
    pipe,
    queue::Queue,
};

/// The type of a directory in a mode, as inode(7) has it.
const FOLDER: u32 = 0o040_000;

/// The marks of removed files: OCI image specification, "Whiteouts".
const WHITEOUT: &str = ".wh.";
const OPAQUE: &str = ".wh..wh..opq";

/// Read a whole layer. Blocks while `packed` does; memory stays within the limits whatever the bytes are. Three more threads help.
pub fn read_layer(
    packed: impl Read + Send,
    compression: Compression,
    limits: &Limits,
    index: &Index,
    progress: &Progress,
) -> Result<ReadLayer, Error> {
    let queue = Queue::default();
    thread::scope(|scope| {
        let (pipe, whole) = pipe::open(scope, packed, compression, *limits, progress);
        let mut archive = Archive::open(pipe, *limits);
        let looking = scope.spawn(|| look(&queue, index));
        let closing = Closing(&queue);
        let mut draft = Draft::new(*limits, index, &queue);
        while let Some(member) = archive.next_member()? {
            draft.take(&mut archive, member)?;
        }
        archive.finish()?;
        let (diff_id, unpacked_bytes) = whole.join().expect("hashing never panics");
        drop(closing);
        for (said, path, sha256) in looking.join().expect("looking at executables never panics") {
            draft.looked_at(path, &sha256, said)?;
        }
        draft.keep_what_may_matter();
        Ok(draft.into_layer(diff_id, unpacked_bytes))
    })
}

/// Look at executables until there will be no more.
fn look(queue: &Queue, index: &Index) -> Vec<(Said, String, String)> {
    let _closing = Closing(queue);
    let (mut all, mut last) = (Vec::new(), None);
    while let Some(executable) = queue.pop(last.take()) {
        let said = executable.look(index);
        all.push((said, executable.path.clone(), executable.sha256.clone()));
        last = Some(executable);
    }
    all
}

/// Whichever side ends first, the other does not wait for it.
struct Closing<'q>(&'q Queue);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

struct Draft<'i> {
    index: &'i Index,
    /// Executables go there; what they hold comes back at the end.
    to_look: &'i Queue,
    limits: Limits,
    broken: BTreeMap<String, String>,
    documents: BTreeMap<String, Document>,
    entries: BTreeMap<String, Entry>,
    license_files: BTreeMap<String, String>,
    opaque: BTreeSet<String>,
    programs: BTreeMap<String, Program>,
    secrets: BTreeMap<String, Vec<FoundSecret>>,
    sums: BTreeMap<String, Vec<String>>,
    whiteouts: BTreeSet<String>,
    names_bytes: u64,
    text_bytes: u64,
}

impl<'i> Draft<'i> {
    fn new(limits: Limits, index: &'i Index, to_look: &'i Queue) -> Draft<'i> {
        Draft {
            index,
            to_look,
            limits,
            broken: BTreeMap::new(),
            documents: BTreeMap::new(),
            entries: BTreeMap::new(),
            license_files: BTreeMap::new(),
            opaque: BTreeSet::new(),
            programs: BTreeMap::new(),
            secrets: BTreeMap::new(),
            sums: BTreeMap::new(),
            whiteouts: BTreeSet::new(),
            names_bytes: 0,
            text_bytes: 0,
        }
    }

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
        let mut content = Content::new(&member.path, member.size_bytes, self.index, form, keep_bytes);
        loop {
            let bytes = archive.body()?;
            if bytes.is_empty() {
                break;
            }
            content.feed(bytes);
        }
        let (sha256, mut said, executable) = content.finish();
        if let Some(executable) = executable {
            self.to_look.push(executable);
        }
        said.broken = said.broken.or(too_large);
        self.named(&said)?;
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

    /// What was read takes more memory than the bytes it was read from, which were counted when they were kept.
    fn named(&mut self, said: &Said) -> Result<(), Error> {
        const PACKAGE_BYTES: usize = 256;
        const OWNED_BYTES: usize = 96;
        let of_program = said.program.iter().flat_map(|program| &program.documents);
        for document in said.document.iter().chain(of_program) {
            let bytes = match document {
                Document::Packages { packages, .. } => {
                    let owned: usize = packages.iter().map(|package| package.owns.len()).sum();
                    packages.len() * PACKAGE_BYTES + owned * OWNED_BYTES
                }
                Document::Owned { files, .. } => files.len() * OWNED_BYTES,
                Document::Licenses { .. } | Document::Os { .. } => 0,
            };
            self.text_bytes += bytes as u64;
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
        self.keep(&path, said);
        self.entries.insert(path, entry);
    }

    fn keep(&mut self, path: &str, said: Said) {
        if let Some(document) = said.document {
            self.documents.insert(path.to_owned(), document);
        }
        if let Some(reason) = said.broken {
            self.broken.insert(path.to_owned(), reason);
        }
        if let Some(license) = said.license
            && self.license_files.len() < LAYER_LICENSE_FILES
        {
            self.license_files.insert(path.to_owned(), license);
        }
        if let Some(program) = said.program {
            self.programs.insert(path.to_owned(), program);
        }
        if !said.secrets.is_empty() && self.secrets.len() < LAYER_SECRETS {
            self.secrets.insert(path.to_owned(), said.secrets);
        }
        if !said.sums.is_empty() {
            self.sums.insert(path.to_owned(), said.sums);
        }
    }

    /// What an executable holds, unless a later member took its place.
    fn looked_at(&mut self, path: String, sha256: &str, said: Said) -> Result<(), Error> {
        match self.entries.get(&path) {
            Some(Entry::File { sha256: present, .. }) if present == sha256 => {}
            _ => return Ok(()),
        }
        self.named(&said)?;
        self.keep(&path, said);
        Ok(())
    }

    fn forget(&mut self, path: &str) {
        self.documents.remove(path);
        self.broken.remove(path);
        self.license_files.remove(path);
        self.programs.remove(path);
        self.secrets.remove(path);
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
            license_files: self.license_files,
            links: listing.links(),
            listing: format!("sha256:{}", base::digest_hex(&listing.to_text())),
            notable: notable(&listing),
            opaque: self.opaque,
            programs: self.programs,
            scanner_version: SCANNER_VERSION,
            secrets: self.secrets,
            shadow,
            sums: self.sums,
            unpacked_bytes,
            whiteouts: self.whiteouts,
        };
        ReadLayer { inventory, listing }
    }
}

/// Files whose mode or place is a fact in itself.
fn notable(listing: &Listing) -> BTreeMap<String, Notable> {
    let notable = |(path, entry): (&String, &Entry)| {
        let (mode, size_bytes) = match entry {
            Entry::File { mode, size_bytes, .. } => (*mode, *size_bytes),
            Entry::Directory { mode } => (*mode | FOLDER, 0),
            _ => return None,
        };
        let file = posture::File { path, mode, uid: None, size_bytes };
        let facts = posture::of_files([file]);
        (!facts.is_empty()).then(|| (path.clone(), Notable { mode, size_bytes }))
    };
    listing.0.iter().filter_map(notable).take(LAYER_LICENSE_FILES).collect()
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
