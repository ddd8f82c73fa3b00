//! The disk in memory: what programs see, and beside it what a power cut cannot take.
//!
//! ```text
//!   file     now   ◄─ write, resize        unsynced: the edits since the last fsync of this file, in order
//!            safe  ◄─ fsync, fdatasync     content and size, not the name
//!   folder   now   ◄─ create, rename, …    unsynced: changes of names, in one list of the whole disk
//!            safe  ◄─ fsync of the folder  its names, not what is in the files
//! ```
//!
//! This is stricter than any file system people use: nothing becomes durable as a side effect of something else. Two kindnesses,
//! which all journaling file systems grant, are kept: a rename is one change, durable whole as soon as one of its two folders is
//! synced; and a change of a name that is durable takes along the earlier changes of the same names.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ffi::{OsStr, OsString},
    time::SystemTime,
};

pub type Ino = u64;
pub const ROOT: Ino = 1;

#[derive(Debug)]
pub struct Disk {
    pub(crate) nodes: HashMap<Ino, Node>,
    pub(crate) unsynced: Vec<Change>,
    next: Ino,
}

#[derive(Debug)]
pub struct Node {
    pub mode: u32,
    pub modified: SystemTime,
    pub kind: Kind,
    /// Where it was seen last.
    place: (Ino, OsString),
}

#[derive(Debug)]
pub enum Kind {
    File(Content),
    Folder(Names),
}

#[derive(Debug, Default)]
pub struct Content {
    pub now: Vec<u8>,
    pub(crate) safe: Vec<u8>,
    pub(crate) unsynced: Vec<Edit>,
    /// Grows with each edit, so that who has looked at the bytes knows whether to look again.
    pub stamp: u64,
}

#[derive(Clone, Debug)]
pub(crate) enum Edit {
    Write { at: usize, bytes: Vec<u8> },
    Resize(usize),
}

#[derive(Debug, Default)]
pub struct Names {
    pub now: BTreeMap<OsString, Ino>,
    pub(crate) safe: BTreeMap<OsString, Ino>,
}

/// One change of names: in which folder which name means what from then on. A rename has two steps.
#[derive(Clone, Debug)]
pub(crate) struct Change(pub(crate) Vec<(Ino, OsString, Option<Ino>)>);

/// Why an operation is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    NotFound,
    Exists,
    NotEmpty,
    IsFolder,
    NotFolder,
}

impl Disk {
    pub fn new(modified: SystemTime) -> Disk {
        let kind = Kind::Folder(Names::default());
        let root = Node { mode: 0o755, modified, kind, place: (ROOT, OsString::new()) };
        Disk { nodes: HashMap::from([(ROOT, root)]), unsynced: Vec::new(), next: ROOT + 1 }
    }

    pub fn node(&self, ino: Ino) -> Result<&Node, Fault> {
        self.nodes.get(&ino).ok_or(Fault::NotFound)
    }

    pub fn node_mut(&mut self, ino: Ino) -> Result<&mut Node, Fault> {
        self.nodes.get_mut(&ino).ok_or(Fault::NotFound)
    }

    pub fn names(&self, folder: Ino) -> Result<&Names, Fault> {
        match &self.node(folder)?.kind {
            Kind::Folder(names) => Ok(names),
            Kind::File(_) => Err(Fault::NotFolder),
        }
    }

    pub fn content(&self, file: Ino) -> Result<&Content, Fault> {
        match &self.node(file)?.kind {
            Kind::File(content) => Ok(content),
            Kind::Folder(_) => Err(Fault::IsFolder),
        }
    }

    pub fn lookup(&self, folder: Ino, name: &OsStr) -> Result<Ino, Fault> {
        self.names(folder)?.now.get(name).copied().ok_or(Fault::NotFound)
    }

    /// The file or folder at a path below the root.
    pub fn at(&self, path: &str) -> Option<Ino> {
        path.split('/').filter(|name| !name.is_empty()).try_fold(ROOT, |at, name| self.lookup(at, name.as_ref()).ok())
    }

    /// The path below the root under which a file or folder was seen last.
    pub fn path(&self, ino: Ino) -> String {
        let mut parts = Vec::new();
        let mut at = ino;
        while at != ROOT
            && let Some(node) = self.nodes.get(&at)
        {
            parts.push(node.place.1.to_string_lossy().into_owned());
            at = node.place.0;
        }
        parts.reverse();
        parts.join("/")
    }

    pub fn make(
        &mut self,
        folder: Ino,
        name: &OsStr,
        kind: Kind,
        mode: u32,
        modified: SystemTime,
    ) -> Result<Ino, Fault> {
        if self.names(folder)?.now.contains_key(name) {
            return Err(Fault::Exists);
        }
        let ino = self.next;
        self.next += 1;
        self.nodes.insert(ino, Node { mode, modified, kind, place: (folder, name.to_owned()) });
        self.change(Change(vec![(folder, name.to_owned(), Some(ino))]));
        Ok(ino)
    }

    pub fn remove(&mut self, folder: Ino, name: &OsStr, wanted_folder: bool) -> Result<(), Fault> {
        let ino = self.lookup(folder, name)?;
        match &self.node(ino)?.kind {
            Kind::File(_) if wanted_folder => return Err(Fault::NotFolder),
            Kind::Folder(_) if !wanted_folder => return Err(Fault::IsFolder),
            Kind::Folder(names) if !names.now.is_empty() => return Err(Fault::NotEmpty),
            Kind::File(_) | Kind::Folder(_) => {}
        }
        self.change(Change(vec![(folder, name.to_owned(), None)]));
        Ok(())
    }

    pub fn rename(&mut self, from: (Ino, &OsStr), to: (Ino, &OsStr)) -> Result<(), Fault> {
        let ino = self.lookup(from.0, from.1)?;
        self.names(to.0)?;
        if let Ok(target) = self.lookup(to.0, to.1)
            && let Kind::Folder(names) = &self.node(target)?.kind
            && !names.now.is_empty()
        {
            return Err(Fault::NotEmpty);
        }
        self.node_mut(ino)?.place = (to.0, to.1.to_owned());
        self.change(Change(vec![(from.0, from.1.to_owned(), None), (to.0, to.1.to_owned(), Some(ino))]));
        Ok(())
    }

    fn change(&mut self, change: Change) {
        for (folder, name, ino) in &change.0 {
            let names = names_of(&mut self.nodes, *folder).map(|names| &mut names.now);
            set(names, name, *ino);
        }
        self.unsynced.push(change);
    }

    pub fn write(&mut self, file: Ino, at: usize, bytes: &[u8], modified: SystemTime) -> Result<(), Fault> {
        self.edit(file, Edit::Write { at, bytes: bytes.to_vec() }, modified)
    }

    pub fn resize(&mut self, file: Ino, length: usize, modified: SystemTime) -> Result<(), Fault> {
        self.edit(file, Edit::Resize(length), modified)
    }

    fn edit(&mut self, file: Ino, edit: Edit, modified: SystemTime) -> Result<(), Fault> {
        let node = self.node_mut(file)?;
        node.modified = modified;
        let Kind::File(content) = &mut node.kind else { return Err(Fault::IsFolder) };
        edit.apply(&mut content.now);
        content.unsynced.push(edit);
        content.stamp += 1;
        Ok(())
    }

    /// `fsync` and `fdatasync` of a file: content and size are safe from now on; its name is another matter.
    pub fn sync_file(&mut self, file: Ino) -> Result<(), Fault> {
        let Kind::File(content) = &mut self.node_mut(file)?.kind else { return Err(Fault::IsFolder) };
        for edit in std::mem::take(&mut content.unsynced) {
            edit.apply(&mut content.safe);
        }
        Ok(())
    }

    /// `fsync` of a folder: its names are safe from now on, and with them the other half of a rename.
    pub fn sync_folder(&mut self, folder: Ino) -> Result<(), Fault> {
        self.names(folder)?;
        let mut wanted: BTreeSet<(Ino, OsString)> = BTreeSet::new();
        let mut durable = vec![false; self.unsynced.len()];
        // Backwards: what a durable change builds on is durable too.
        for (index, change) in self.unsynced.iter().enumerate().rev() {
            let touches = |(at, name, _): &(Ino, OsString, Option<Ino>)| {
                *at == folder || (!wanted.is_empty() && wanted.contains(&(*at, name.clone())))
            };
            if change.0.iter().any(touches) {
                durable[index] = true;
                wanted.extend(change.0.iter().map(|(at, name, _)| (*at, name.clone())));
            }
        }
        let mut durable = durable.into_iter();
        let (synced, rest): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.unsynced).into_iter().partition(|_| durable.next().unwrap_or(false));
        self.unsynced = rest;
        synced.into_iter().for_each(|change| self.settle(change));
        Ok(())
    }

    /// Make a change of names durable.
    pub(crate) fn settle(&mut self, change: Change) {
        for (folder, name, ino) in change.0 {
            let names = names_of(&mut self.nodes, folder).map(|names| &mut names.safe);
            set(names, &name, ino);
        }
    }

    /// After a power cut: where things are is where they are now.
    pub(crate) fn find_places(&mut self) {
        let mut places = Vec::new();
        for (folder, node) in &self.nodes {
            if let Kind::Folder(names) = &node.kind {
                places.extend(names.now.iter().map(|(name, ino)| (*ino, (*folder, name.clone()))));
            }
        }
        for (ino, place) in places {
            if let Some(node) = self.nodes.get_mut(&ino) {
                node.place = place;
            }
        }
    }

    /// Forget what no name leads to, now or after a power cut. Nobody may have a file open.
    pub fn sweep(&mut self) {
        let mut reached = BTreeSet::from([ROOT]);
        let mut waiting = vec![ROOT];
        let unsynced = self.unsynced.iter().flat_map(|change| change.0.iter().filter_map(|step| step.2));
        waiting.extend(unsynced);
        while let Some(ino) = waiting.pop() {
            reached.insert(ino);
            if let Some(Node { kind: Kind::Folder(names), .. }) = self.nodes.get(&ino) {
                waiting.extend(names.now.values().chain(names.safe.values()).filter(|ino| !reached.contains(ino)));
            }
        }
        self.nodes.retain(|ino, _| reached.contains(ino));
    }
}

impl Edit {
    pub(crate) fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Edit::Resize(length) => to.resize(*length, 0),
            Edit::Write { at, bytes } => {
                let end = at + bytes.len();
                if to.len() < end {
                    to.resize(end, 0);
                }
                to[*at..end].copy_from_slice(bytes);
            }
        }
    }
}

fn names_of(nodes: &mut HashMap<Ino, Node>, folder: Ino) -> Option<&mut Names> {
    match &mut nodes.get_mut(&folder)?.kind {
        Kind::Folder(names) => Some(names),
        Kind::File(_) => None,
    }
}

fn set(names: Option<&mut BTreeMap<OsString, Ino>>, name: &OsStr, ino: Option<Ino>) {
    // A folder that was removed and swept has no names to change.
    let Some(names) = names else { return };
    match ino {
        Some(ino) => drop(names.insert(name.to_owned(), ino)),
        None => drop(names.remove(name)),
    }
}

#[cfg(test)]
mod tests;
