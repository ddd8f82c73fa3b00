//! A folder read as if it were the only layer of an image.

use std::{
    fs,
    io::{self, PipeReader, PipeWriter},
    os::unix::fs::FileTypeExt,
    path::{Path, PathBuf},
    thread,
};

/// Bytes between the thread that walks the folder and the one that reads its archive.
const BUFFER_BYTES: usize = 256 * 1024;

/// The folder as a tar stream, written by a thread of its own. What cannot be read ends the stream with an error: half of a folder
/// is a false answer.
pub(crate) fn as_archive(root: &Path) -> io::Result<impl io::Read + Send + use<>> {
    fs::read_dir(root)?;
    let (reader, writer) = io::pipe()?;
    let root = root.to_owned();
    let walk = thread::spawn(move || write(&root, writer));
    Ok(io::BufReader::with_capacity(BUFFER_BYTES, Walked { reader, walk: Some(walk) }))
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

fn write(root: &Path, writer: PipeWriter) -> io::Result<()> {
    let mut archive = tar::Builder::new(io::BufWriter::with_capacity(BUFFER_BYTES, writer));
    archive.follow_symlinks(false);
    archive.sparse(false);
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let mut names: Vec<_> =
            fs::read_dir(root.join(&folder))?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<_>>()?;
        names.sort();
        for name in names {
            let path = folder.join(name);
            let place = root.join(&path);
            let kind = fs::symlink_metadata(&place)?.file_type();
            // Sockets have no place in an archive.
            if kind.is_socket() {
                continue;
            }
            archive
                .append_path_with_name(&place, &path)
                .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", place.display())))?;
            if kind.is_dir() {
                folders.push(path);
            }
        }
    }
    archive.into_inner()?.into_inner().map_err(io::IntoInnerError::into_error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use inventory::{Compression, Entry, Limits, Progress, read_layer};

    use super::as_archive;

    #[test]
    fn a_folder_is_a_layer() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("etc/deep")).unwrap();
        std::fs::write(folder.path().join("etc/deep/file"), "x").unwrap();
        std::os::unix::fs::symlink("/nowhere", folder.path().join("etc/link")).unwrap();
        let archive = as_archive(folder.path()).unwrap();
        let read = read_layer(
            archive,
            Compression::None,
            &Limits::default(),
            fingerprint::Index::builtin(),
            &Progress::default(),
        )
        .unwrap();
        assert!(matches!(read.listing.0["etc/deep/file"], Entry::File { size_bytes: 1, .. }));
        assert!(matches!(&read.listing.0["etc/link"], Entry::Symlink { target } if target == "/nowhere"));
        assert!(as_archive(&folder.path().join("absent")).is_err());
    }
}
