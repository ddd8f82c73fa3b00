//! Which files are executables, and keeping only those of an unpacked archive.

use std::collections::HashSet;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hasher};
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Result;

const ELF: &[u8] = b"\x7fELF";
const PE: &[u8] = b"MZ";
const MACH_O: [&[u8]; 3] = [b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xca\xfe\xba\xbe"];

/// ELF, PE or Mach-O, by the first bytes.
///
/// # Errors
/// The file cannot be read.
pub fn is(path: &Path) -> Result<bool> {
    let mut head = [0; 4];
    let read = File::open(path)?.read(&mut head)?;
    let head = &head[..read];
    Ok(head.starts_with(ELF) || head.starts_with(PE) || MACH_O.contains(&head))
}

/// Removes everything below a folder that is no executable (and every link), and gives what is left, sorted.
///
/// # Errors
/// A file cannot be read or removed.
pub fn keep(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut kept = Vec::new();
    for path in list(folder)? {
        if path.is_symlink() || !is(&path)? {
            fs::remove_file(&path)?;
        } else {
            kept.push(path);
        }
    }
    Ok(kept)
}

/// Every file below a folder, sorted.
///
/// # Errors
/// A folder cannot be read.
pub fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() { folders.push(entry.path()) } else { found.push(entry.path()) }
        }
    }
    found.sort();
    Ok(found)
}

/// Files seen before, by content: a library that two packages bring counts once.
#[derive(Debug, Default)]
pub struct Seen(HashSet<u64>);

impl Seen {
    /// Whether the file's content is new.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn is_new(&mut self, path: &Path) -> Result<bool> {
        let mut hasher = DefaultHasher::new();
        hasher.write(&fs::read(path)?);
        Ok(self.0.insert(hasher.finish()))
    }
}
