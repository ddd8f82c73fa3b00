//! What the kernel asks of the file system.

use std::{
    ffi::OsStr,
    time::{Duration, SystemTime},
};

use base::Clock;
use fuser::{
    BsdFileFlags, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo, LockOwner,
    OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen,
    ReplyStatfs, ReplyWrite, Request, TimeOrNow, WriteFlags,
};

use crate::{
    disk::{Content, Disk, Fault, Ino, Kind, Names},
    mount::{Shared, Stopped},
};

/// Nobody changes the disk behind the kernel's back while it is mounted, so it may keep what it knows.
const KEEP: Duration = Duration::from_secs(3600);
const BLOCK: u32 = 4096;

/// The file system as `fuser` drives it.
#[derive(Debug)]
pub struct Layer(pub Shared);

impl From<Fault> for Errno {
    fn from(fault: Fault) -> Errno {
        match fault {
            Fault::NotFound => Errno::ENOENT,
            Fault::Exists => Errno::EEXIST,
            Fault::NotEmpty => Errno::ENOTEMPTY,
            Fault::IsFolder => Errno::EISDIR,
            Fault::NotFolder => Errno::ENOTDIR,
        }
    }
}

impl From<Stopped> for Errno {
    fn from(_: Stopped) -> Errno {
        Errno::EIO
    }
}

impl Layer {
    /// A change of the disk, unless it has stopped.
    fn change<T>(&self, change: impl FnOnce(&mut Disk) -> Result<T, Fault>) -> Result<T, Errno> {
        let mut state = self.0.lock();
        state.step(None)?;
        Ok(change(&mut state.disk)?)
    }

    fn make(&self, parent: INodeNo, name: &OsStr, kind: Kind, mode: u32) -> Result<FileAttr, Errno> {
        self.change(|disk| {
            let ino = disk.make(parent.0, name, kind, mode & 0o7777, now())?;
            attributes(disk, ino)
        })
    }

    fn sync(&self, request: &Request, ino: INodeNo) -> Result<(), Errno> {
        let mut state = self.0.lock();
        if !state.sync(ino.0, request.pid())? {
            return Ok(());
        }
        match state.disk.node(ino.0)?.kind {
            Kind::File(_) => state.disk.sync_file(ino.0)?,
            Kind::Folder(_) => state.disk.sync_folder(ino.0)?,
        }
        Ok(())
    }
}

fn now() -> SystemTime {
    Clock::System.now().into()
}

fn attributes(disk: &Disk, ino: Ino) -> Result<FileAttr, Fault> {
    let node = disk.node(ino)?;
    let (kind, size, nlink) = match &node.kind {
        Kind::File(content) => (FileType::RegularFile, content.now.len() as u64, 1),
        Kind::Folder(names) => (FileType::Directory, names.now.len() as u64, 2),
    };
    Ok(FileAttr {
        ino: INodeNo(ino),
        size,
        blocks: size.div_ceil(512),
        atime: node.modified,
        mtime: node.modified,
        ctime: node.modified,
        crtime: node.modified,
        kind,
        perm: u16::try_from(node.mode & 0o7777).expect("twelve bits"),
        nlink,
        uid: 0,
        gid: 0,
        rdev: 0,
        blksize: BLOCK,
        flags: 0,
    })
}

/// A position in a file; one that memory cannot have is refused.
fn position(offset: u64) -> Result<usize, Errno> {
    usize::try_from(offset).map_err(|_| Errno::EFBIG)
}

fn finish(reply: ReplyEmpty, outcome: Result<(), Errno>) {
    match outcome {
        Ok(()) => reply.ok(),
        Err(error) => reply.error(error),
    }
}

fn entry(reply: ReplyEntry, outcome: Result<FileAttr, Errno>) {
    match outcome {
        Ok(attributes) => reply.entry(&KEEP, &attributes, Generation(0)),
        Err(error) => reply.error(error),
    }
}

fn attr(reply: ReplyAttr, outcome: Result<FileAttr, Errno>) {
    match outcome {
        Ok(attributes) => reply.attr(&KEEP, &attributes),
        Err(error) => reply.error(error),
    }
}

impl Filesystem for Layer {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let disk = &self.0.lock().disk;
        entry(reply, disk.lookup(parent.0, name).and_then(|ino| attributes(disk, ino)).map_err(Errno::from));
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        attr(reply, attributes(&self.0.lock().disk, ino.0).map_err(Errno::from));
    }

    fn setattr(
        &self,
        _: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        _: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let size = size.map(position).transpose();
        let outcome = size.and_then(|size| {
            self.change(|disk| {
                if let Some(size) = size {
                    disk.resize(ino.0, size, now())?;
                }
                if let Some(mode) = mode {
                    disk.node_mut(ino.0)?.mode = mode & 0o7777;
                }
                attributes(disk, ino.0)
            })
        });
        attr(reply, outcome);
    }

    fn mkdir(&self, _: &Request, parent: INodeNo, name: &OsStr, mode: u32, umask: u32, reply: ReplyEntry) {
        entry(reply, self.make(parent, name, Kind::Folder(Names::default()), mode & !umask));
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        finish(reply, self.change(|disk| disk.remove(parent.0, name, false)));
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        finish(reply, self.change(|disk| disk.remove(parent.0, name, true)));
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        newparent: INodeNo,
        newname: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        if !flags.is_empty() {
            return reply.error(Errno::EINVAL);
        }
        finish(reply, self.change(|disk| disk.rename((parent.0, name), (newparent.0, newname))));
    }

    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        reply.opened(FileHandle(0), FopenFlags::FOPEN_KEEP_CACHE);
    }

    fn create(&self, _: &Request, parent: INodeNo, name: &OsStr, mode: u32, umask: u32, _: i32, reply: ReplyCreate) {
        match self.make(parent, name, Kind::File(Content::default()), mode & !umask) {
            Ok(attributes) => {
                reply.created(&KEEP, &attributes, Generation(0), FileHandle(0), FopenFlags::FOPEN_KEEP_CACHE);
            }
            Err(error) => reply.error(error),
        }
    }

    fn read(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let disk = &self.0.lock().disk;
        match disk.content(ino.0).map_err(Errno::from).and_then(|content| Ok((content, position(offset)?))) {
            Ok((content, offset)) => {
                let rest = content.now.get(offset..).unwrap_or_default();
                reply.data(&rest[..rest.len().min(size as usize)]);
            }
            Err(error) => reply.error(error),
        }
    }

    fn write(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let written = position(offset).and_then(|at| self.change(|disk| disk.write(ino.0, at, data, now())));
        match written {
            Ok(()) => reply.written(u32::try_from(data.len()).expect("the kernel writes less at once")),
            Err(error) => reply.error(error),
        }
    }

    fn fsync(&self, request: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        finish(reply, self.sync(request, ino));
    }

    fn fsyncdir(&self, request: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        finish(reply, self.sync(request, ino));
    }

    fn opendir(&self, _: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        let mut state = self.0.lock();
        let listing = match state.disk.names(ino.0) {
            Ok(names) => names.now.iter().map(|(name, ino)| (name.clone(), *ino)).collect(),
            Err(fault) => return reply.error(fault.into()),
        };
        let handle = state.next_listing;
        state.next_listing += 1;
        state.listings.insert(handle, listing);
        reply.opened(FileHandle(handle), FopenFlags::empty());
    }

    fn readdir(&self, _: &Request, _: INodeNo, handle: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        let state = self.0.lock();
        let (Some(listing), Ok(first)) = (state.listings.get(&handle.0), position(offset)) else {
            return reply.error(Errno::EBADF);
        };
        for (index, (name, ino)) in listing.iter().enumerate().skip(first) {
            let kind = match state.disk.node(*ino).map(|node| &node.kind) {
                Ok(Kind::Folder(_)) => FileType::Directory,
                Ok(Kind::File(_)) | Err(_) => FileType::RegularFile,
            };
            if reply.add(INodeNo(*ino), index as u64 + 1, kind, name) {
                break;
            }
        }
        reply.ok();
    }

    fn releasedir(&self, _: &Request, _: INodeNo, handle: FileHandle, _: OpenFlags, reply: ReplyEmpty) {
        self.0.lock().listings.remove(&handle.0);
        reply.ok();
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        // A disk with room.
        let blocks = 1 << 24;
        reply.statfs(blocks, blocks / 2, blocks / 2, 1 << 20, 1 << 19, BLOCK, 255, BLOCK);
    }
}
