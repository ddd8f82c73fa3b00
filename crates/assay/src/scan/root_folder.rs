//! A folder read as if it were the only layer of an image.
//!
//! Links are taken as links and never followed, and other file systems are not entered: the root of a running machine has `/proc` and
//! `/sys` below it, whose files have no end.

use std::{
    fs,
    io::{self, PipeReader, PipeWriter},
    os::unix::fs::{FileTypeExt, MetadataExt},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

/// Bytes between the thread that walks the folder and the one that reads its archive.
const BUFFER_BYTES: usize = 256 * 1024;

/// File systems that the kernel makes up, and those in memory (statfs(2), "f_type"): nothing is installed there.
const NOTHING_INSTALLED: [u64; 17] = [
    0x9fa0,      // proc
    0x6265_6572, // sysfs
    0x0102_1994, // tmpfs, devtmpfs
    0x1cd1,      // devpts
    0x27_e0eb,   // cgroup
    0x6367_7270, // cgroup2
    0x6462_6720, // debugfs
    0x7472_6163, // tracefs
    0x7363_6673, // securityfs
    0xcafe_4a11, // bpf
    0x1980_0202, // mqueue
    0x6165_676c, // pstore
    0x6265_6570, // configfs
    0x9584_58f6, // hugetlbfs
    0x4249_4e4d, // binfmt_misc
    0xde5e_81e4, // efivarfs
    0x6e73_6673, // nsfs
];

/// The folder as a tar stream, written by a thread of its own. What cannot be read ends the stream with an error: half of a folder
/// is a false answer.
pub(crate) fn as_archive(root: &Path) -> io::Result<(impl io::Read + Send + use<>, NotEntered)> {
    fs::read_dir(root)?;
    let (reader, writer) = io::pipe()?;
    let (root, not_entered) = (root.to_owned(), NotEntered::default());
    let noted = not_entered.clone();
    let walk = thread::spawn(move || write(&root, writer, &noted));
    Ok((io::BufReader::with_capacity(BUFFER_BYTES, Walked { reader, walk: Some(walk) }), not_entered))
}

/// Folders below the root that are other file systems, where something may be installed; known when the stream was read.
#[derive(Clone, Debug, Default)]
pub(crate) struct NotEntered(Arc<Mutex<Vec<String>>>);

impl NotEntered {
    pub(crate) fn take(self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(&self, path: &Path) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(path.to_string_lossy().into_owned());
    }
}

struct Walked {
    reader: PipeReader,
    walk: Option<thread::JoinHandle<io::Result<()>>>,
}

impl io::Read for Walked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        if count == 0
            && !buffer.is_empty()
            && let Some(walk) = self.walk.take()
        {
            walk.join().unwrap_or_else(|_| Err(io::Error::other("the walk through the folder stopped")))?;
        }
        Ok(count)
    }
}

fn write(root: &Path, writer: PipeWriter, not_entered: &NotEntered) -> io::Result<()> {
    let mut archive = tar::Builder::new(io::BufWriter::with_capacity(BUFFER_BYTES, writer));
    archive.follow_symlinks(false);
    archive.sparse(false);
    let device = fs::metadata(root)?.dev();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let mut names: Vec<_> =
            fs::read_dir(root.join(&folder))?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<_>>()?;
        names.sort();
        for name in names {
            let path = folder.join(name);
            let place = root.join(&path);
            let metadata = fs::symlink_metadata(&place)?;
            let elsewhere = metadata.dev() != device;
            // Sockets have no place in an archive, and a file of another file system is one that is mounted over it.
            if metadata.file_type().is_socket() || elsewhere && !metadata.is_dir() {
                if elsewhere {
                    not_entered.note(&path);
                }
                continue;
            }
            append(&mut archive, &place, &path, &metadata)
                .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", place.display())))?;
            if metadata.is_dir() && !elsewhere {
                folders.push(path);
            } else if elsewhere && may_hold_packages(&place)? {
                not_entered.note(&path);
            }
        }
    }
    archive.into_inner()?.into_inner().map_err(io::IntoInnerError::into_error)?;
    Ok(())
}

/// Devices and pipes by hand: the crate would write them under the path that they have on this machine.
fn append(
    archive: &mut tar::Builder<impl io::Write>,
    place: &Path,
    path: &Path,
    metadata: &fs::Metadata,
) -> io::Result<()> {
    let kind = metadata.file_type();
    let kind = match () {
        () if kind.is_char_device() => tar::EntryType::Char,
        () if kind.is_block_device() => tar::EntryType::Block,
        () if kind.is_fifo() => tar::EntryType::Fifo,
        () => return archive.append_path_with_name(place, path),
    };
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(metadata.mode());
    header.set_size(0);
    archive.append_data(&mut header, path, io::empty())
}

fn may_hold_packages(place: &Path) -> io::Result<bool> {
    // The type of the field differs between machines; the numbers have 32 bits.
    let kind = rustix::fs::statfs(place)?.f_type as u64 & 0xffff_ffff;
    Ok(!NOTHING_INSTALLED.contains(&kind))
}

#[cfg(test)]
mod tests {
    use inventory::{Compression, Entry, Limits, Listing, Progress, read_layer};

    use super::{as_archive, may_hold_packages};

    fn read(folder: &std::path::Path) -> (Listing, Vec<String>) {
        let (archive, not_entered) = as_archive(folder).unwrap();
        let index = fingerprint::Index::builtin();
        let read = read_layer(archive, Compression::None, &Limits::default(), index, &Progress::default()).unwrap();
        (read.listing, not_entered.take())
    }

    #[test]
    fn a_folder_is_a_layer() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("etc/deep")).unwrap();
        std::fs::write(folder.path().join("etc/deep/file"), "x").unwrap();
        std::os::unix::fs::symlink("/nowhere", folder.path().join("etc/link")).unwrap();
        std::os::unix::fs::symlink("..", folder.path().join("etc/circle")).unwrap();
        let (listing, not_entered) = read(folder.path());
        assert!(matches!(listing.0["etc/deep/file"], Entry::File { size_bytes: 1, .. }));
        assert!(matches!(&listing.0["etc/link"], Entry::Symlink { target } if target == "/nowhere"));
        assert_eq!((listing.0.len(), not_entered.len()), (5, 0), "{listing:?}");
        assert!(as_archive(&folder.path().join("absent")).is_err());
    }

    /// The folders of every machine that have others below them: `/dev` with pseudoterminals and memory.
    #[test]
    fn other_file_systems_are_not_entered() {
        let Ok(metadata) = std::fs::metadata("/dev/pts") else { return };
        use std::os::unix::fs::MetadataExt;
        assert!(!may_hold_packages(std::path::Path::new("/proc")).unwrap());
        if metadata.dev() != std::fs::metadata("/dev").unwrap().dev() {
            let (listing, not_entered) = read(std::path::Path::new("/dev"));
            assert!(listing.0.contains_key("pts") && !listing.0.contains_key("pts/ptmx"));
            assert!(!not_entered.contains(&"pts".to_owned()), "{not_entered:?}");
        }
    }
}
