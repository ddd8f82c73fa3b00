//! A reader by name, and all of them.

use std::{fmt, fs, path::Path};

use crate::{advisories, bills, documents, layers, packages, programs, texts};

/// True when the bytes were taken for what they should be.
type Read = Box<dyn Fn(&[u8]) -> bool + Send + Sync>;

/// A function over bytes, and whole files that it reads.
pub struct Reader {
    pub name: String,
    pub seeds: Vec<Vec<u8>>,
    read: Read,
}

impl Reader {
    pub(crate) fn new(
        name: impl Into<String>,
        seeds: impl IntoIterator<Item = Vec<u8>>,
        read: impl Fn(&[u8]) -> bool + Send + Sync + 'static,
    ) -> Reader {
        Reader { name: name.into(), seeds: seeds.into_iter().collect(), read: Box::new(read) }
    }

    /// True when the bytes were taken for what they should be.
    pub fn read(&self, bytes: &[u8]) -> bool {
        (self.read)(bytes)
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Reader({}, {} seeds)", self.name, self.seeds.len())
    }
}

/// All of them, by name.
pub fn readers() -> Vec<Reader> {
    let groups = [
        advisories::readers(),
        bills::readers(),
        documents::readers(),
        layers::readers(),
        packages::readers(),
        programs::readers(),
        texts::readers(),
    ];
    let mut readers: Vec<Reader> = groups.into_iter().flatten().collect();
    readers.sort_by(|a, b| a.name.cmp(&b.name));
    readers
}

/// The reader of this name.
pub fn reader(name: &str) -> Option<Reader> {
    readers().into_iter().find(|reader| reader.name == name)
}

/// The files of a folder of another crate's tests, by name: `("advisory/tests/it/cases/import/osv-json")`.
pub(crate) fn files(folder: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    let mut files: Vec<(String, Vec<u8>)> = paths
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap()))
        .collect();
    files.sort();
    files
}

/// Those of a folder whose names end so.
pub(crate) fn ending(folder: &str, end: &str) -> Vec<Vec<u8>> {
    let found: Vec<Vec<u8>> =
        files(folder).into_iter().filter(|(name, _)| name.ends_with(end)).map(|(_, bytes)| bytes).collect();
    assert!(!found.is_empty(), "no file of {folder} ends with {end}");
    found
}
