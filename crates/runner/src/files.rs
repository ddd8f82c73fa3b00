//! Archives that go into a container.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::Error;

/// A small archive in memory. Everything belongs to root and may be written by all, as the stock runner's umask 0000 makes it.
#[derive(Debug)]
pub(crate) struct Bundle {
    builder: Archive<Vec<u8>>,
}

/// An archive with one time for all its members.
pub(crate) struct Archive<W: io::Write> {
    tar: tar::Builder<W>,
    mtime: u64,
}

impl Bundle {
    pub(crate) fn new(mtime_s: i64) -> Bundle {
        Bundle { builder: Archive::new(Vec::new(), mtime_s) }
    }

    pub(crate) fn folder(&mut self, name: &str) -> Result<(), Error> {
        self.builder.folder(name).map_err(Error::io("an archive"))
    }

    pub(crate) fn file(&mut self, name: &str, content: &[u8], mode: u32) -> Result<(), Error> {
        self.builder.file(name, mode, content.len() as u64, content).map_err(Error::io("an archive"))
    }

    pub(crate) fn finish(self) -> Result<Vec<u8>, Error> {
        self.builder.finish().map_err(Error::io("an archive"))
    }
}

impl<W: io::Write> Archive<W> {
    pub(crate) fn new(to: W, mtime_s: i64) -> Archive<W> {
        Archive { tar: tar::Builder::new(to), mtime: u64::try_from(mtime_s).unwrap_or(0) }
    }

    pub(crate) fn folder(&mut self, name: &str) -> io::Result<()> {
        let mut header = self.header(tar::EntryType::Directory, 0o777, 0);
        self.tar.append_data(&mut header, format!("{name}/"), io::empty())
    }

    pub(crate) fn file(&mut self, name: &str, mode: u32, size: u64, content: impl io::Read) -> io::Result<()> {
        let mut header = self.header(tar::EntryType::Regular, mode, size);
        self.tar.append_data(&mut header, name, content)
    }

    pub(crate) fn link(&mut self, name: &str, target: &str) -> io::Result<()> {
        let mut header = self.header(tar::EntryType::Symlink, 0o777, 0);
        self.tar.append_link(&mut header, name, target)
    }

    pub(crate) fn finish(self) -> io::Result<W> {
        self.tar.into_inner()
    }

    fn header(&self, kind: tar::EntryType, mode: u32, size: u64) -> tar::Header {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(size);
        header.set_mtime(self.mtime);
        header.set_uid(0);
        header.set_gid(0);
        header
    }
}

impl<W: io::Write> std::fmt::Debug for Archive<W> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Archive").finish_non_exhaustive()
    }
}

/// Pack a folder of our own making below `prefix`, without `skip`; links are not followed and not packed.
pub(crate) fn pack_folder(from: &Path, prefix: &str, skip: &Path, to: &Path, mtime_s: i64) -> io::Result<()> {
    let mut archive = Archive::new(io::BufWriter::new(fs::File::create(to)?), mtime_s);
    let mut open: Vec<PathBuf> = vec![PathBuf::new()];
    while let Some(inner) = open.pop() {
        let name = member(prefix, &inner)?;
        archive.folder(&name)?;
        for entry in fs::read_dir(from.join(&inner))? {
            let entry = entry?;
            let inner = inner.join(entry.file_name());
            let kind = entry.file_type()?;
            if inner == skip {
                continue;
            } else if kind.is_dir() {
                open.push(inner);
            } else if kind.is_file() {
                let file = fs::File::open(entry.path())?;
                let size = file.metadata()?.len();
                archive.file(&member(prefix, &inner)?, 0o666, size, io::Read::take(file, size))?;
            }
        }
    }
    io::Write::flush(&mut archive.finish()?)
}

fn member(prefix: &str, inner: &Path) -> io::Result<String> {
    let inner = inner.to_str().ok_or_else(|| io::Error::other("a file of git's own has a name that is not text"))?;
    Ok(if inner.is_empty() { prefix.to_owned() } else { format!("{prefix}/{inner}") })
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, fs, io::Read};

    use super::{Bundle, pack_folder};

    fn members(bytes: &[u8]) -> BTreeMap<String, (u32, String)> {
        let mut found = BTreeMap::new();
        for entry in tar::Archive::new(bytes).entries().unwrap() {
            let mut entry = entry.unwrap();
            let name = entry.path().unwrap().to_str().unwrap().to_owned();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            found.insert(name, (entry.header().mode().unwrap(), text));
        }
        found
    }

    #[test]
    fn packs_bundles_and_folders() {
        let mut bundle = Bundle::new(-5);
        let long = format!("builds/{}", "x".repeat(150));
        bundle.folder("builds").unwrap();
        bundle.file(&long, b"content", 0o600).unwrap();
        let found = members(&bundle.finish().unwrap());
        assert_eq!(found["builds/"].0, 0o777);
        assert_eq!(found[&long], (0o600, "content".to_owned()));

        let folder = tempfile::tempdir().unwrap();
        let from = folder.path().join("from");
        fs::create_dir_all(from.join("info")).unwrap();
        fs::write(from.join("info/attributes"), "skipped").unwrap();
        fs::write(from.join("HEAD"), "ref").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", from.join("link")).unwrap();
        let to = folder.path().join("to.tar");
        pack_folder(&from, "b/.git", "info/attributes".as_ref(), &to, 1).unwrap();
        let found = members(&fs::read(to).unwrap());
        assert_eq!(found.keys().collect::<Vec<_>>(), ["b/.git/", "b/.git/HEAD", "b/.git/info/"]);
    }
}
