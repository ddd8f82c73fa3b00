//! The same files with nothing but numbers for names.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::corpus::Corpus;

/// Makes `folder/CASE/FILE`, both counted from 0, of every file of a corpus: hard links, so they cost no room.
///
/// # Errors
/// The folder cannot be made anew, or lies on another file system.
pub fn link(corpus: &Corpus, folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    for (number, case) in corpus.cases.iter().enumerate() {
        let into = folder.join(number.to_string());
        fs::create_dir_all(&into)?;
        for (count, file) in case.files.iter().enumerate() {
            let (from, to) = (corpus.folder.join(file), into.join(count.to_string()));
            fs::hard_link(&from, &to).with_context(|| format!("cannot link {}", from.display()))?;
        }
    }
    Ok(())
}

/// Which case a path below such a folder belongs to.
pub fn case_of(path: &Path) -> Option<usize> {
    path.components().next()?.as_os_str().to_str()?.parse().ok()
}

/// Where the files of a case lie below such a folder.
pub fn files(corpus: &Corpus, case: usize) -> impl Iterator<Item = PathBuf> {
    let count = corpus.cases[case].files.len();
    (0..count).map(move |file| PathBuf::from(case.to_string()).join(file.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::product::Names;

    #[test]
    fn every_file_gets_a_number_and_is_found_again() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("files")).unwrap();
        fs::write(folder.path().join("files/libz.so.1"), "z").unwrap();
        fs::write(folder.path().join("files/libpng.so"), "png").unwrap();
        let table = "# name: n\n# builder: b\n# truth: t\n# complete: no\nfiles\tzlib\t-\n";
        fs::write(folder.path().join("truth.tsv"), table).unwrap();
        let corpus = Corpus::read(folder.path(), &Names::builtin()).unwrap();
        let numbers = folder.path().join("numbers");
        link(&corpus, &numbers).unwrap();
        let files: Vec<PathBuf> = files(&corpus, 0).collect();
        assert_eq!(files, [PathBuf::from("0/0"), PathBuf::from("0/1")]);
        assert_eq!(fs::read_to_string(numbers.join(&files[1])).unwrap(), "z");
        assert_eq!(case_of(&files[1]), Some(0));
        link(&corpus, &numbers).unwrap();
    }
}
