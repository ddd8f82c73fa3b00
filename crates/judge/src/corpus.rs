//! A corpus: a folder of executables and a table of what is in them.
//!
//! ```text
//! DIR/truth.tsv      # name: wheels
//!                    # builder: who compiled these files
//!                    # truth: how we know what is in them
//!                    # complete: yes | no
//!                    PATH <tab> PRODUCT <tab> VERSION or - [<tab> also]
//! DIR/PATH           one file, or a folder whose files are one case
//! ```
//!
//! A line with `also` names what may be reported and need not be found. Where a corpus is complete, all that is in its files is
//! named, so that anything else reported is wrong; where it is not, anything else is unknown.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::product::Names;

/// Executables whose components are known.
#[derive(Debug)]
pub struct Corpus {
    pub name: String,
    pub builder: String,
    pub truth: String,
    pub complete: bool,
    pub folder: PathBuf,
    pub cases: Vec<Case>,
}

/// One executable, or the executables of one package.
#[derive(Debug)]
pub struct Case {
    /// Below the corpus's folder.
    pub path: String,
    /// Relative to the corpus's folder, sorted.
    pub files: Vec<PathBuf>,
    pub holds: Vec<Held>,
}

/// A component that is in a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The one name that [`Names::one`] gives.
    pub product: String,
    /// None where nobody could tell.
    pub version: Option<String>,
    /// False where it may be reported and is not asked for.
    pub wanted: bool,
}

impl Corpus {
    /// Reads `folder/truth.tsv` and looks at the files it names.
    ///
    /// # Errors
    /// There is no such table, a line of it has another form, or it names what is not there.
    pub fn read(folder: &Path, names: &Names) -> Result<Corpus> {
        let table = folder.join("truth.tsv");
        let text = fs::read_to_string(&table).with_context(|| format!("cannot read {}", table.display()))?;
        let mut cases: BTreeMap<&str, Vec<Held>> = BTreeMap::new();
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
            let (path, held) = row(line, names).with_context(|| format!("{} line {}", table.display(), index + 1))?;
            let holds = cases.entry(path).or_default();
            if !holds.contains(&held) {
                holds.push(held);
            }
        }
        let cases = cases.into_iter().map(|(path, holds)| Case::read(folder, path, holds)).collect::<Result<_>>()?;
        Ok(Corpus {
            name: heading(&text, "name")?.to_owned(),
            builder: heading(&text, "builder")?.to_owned(),
            truth: heading(&text, "truth")?.to_owned(),
            complete: heading(&text, "complete")? == "yes",
            folder: folder.to_owned(),
            cases,
        })
    }

    pub fn files(&self) -> usize {
        self.cases.iter().map(|case| case.files.len()).sum()
    }
}

impl Case {
    fn read(folder: &Path, path: &str, holds: Vec<Held>) -> Result<Case> {
        let mut files = Vec::new();
        walk(folder, Path::new(path), &mut files).with_context(|| format!("cannot look at {path}"))?;
        files.sort();
        Ok(Case { path: path.to_owned(), files, holds })
    }
}

fn row<'t>(line: &'t str, names: &Names) -> Result<(&'t str, Held)> {
    let fields: Vec<&str> = line.split('\t').collect();
    let (path, product, version, wanted) = match fields[..] {
        [path, product, version] => (path, product, version, true),
        [path, product, version, "also"] => (path, product, version, false),
        _ => bail!("not PATH, PRODUCT, VERSION with tabs between: {line:?}"),
    };
    let version = (version != "-").then(|| version.to_owned());
    Ok((path, Held { product: names.one(product), version, wanted }))
}

fn heading<'t>(text: &'t str, name: &str) -> Result<&'t str> {
    let mut lines = text.lines().map_while(|line| line.strip_prefix("# "));
    let found = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    found.with_context(|| format!("truth.tsv has no heading `# {name}: …`"))
}

/// Regular files only: a link would count its target twice.
fn walk(folder: &Path, path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let kind = fs::symlink_metadata(folder.join(path))?.file_type();
    if kind.is_file() {
        files.push(path.to_owned());
    } else if kind.is_dir() {
        for entry in fs::read_dir(folder.join(path))? {
            walk(folder, &path.join(entry?.file_name()), files)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "# name: n\n# builder: b\n# truth: t\n# complete: no\n";

    fn read(table: &str) -> Result<Corpus> {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("files/package/lib")).unwrap();
        fs::write(folder.path().join("files/one"), "1").unwrap();
        fs::write(folder.path().join("files/package/lib/two"), "2").unwrap();
        fs::write(folder.path().join("truth.tsv"), table).unwrap();
        Corpus::read(folder.path(), &Names::builtin())
    }

    #[test]
    fn a_case_is_a_file_or_a_folder() {
        let rows = "files/one\tsqlite3\t3.46.0\nfiles/package\tzlib\t-\nfiles/package\tgcc\t-\talso\n";
        let corpus = read(&format!("{HEAD}{rows}")).unwrap();
        assert_eq!((corpus.cases.len(), corpus.files(), corpus.complete), (2, 2, false));
        let sqlite = Held { product: "sqlite".to_owned(), version: Some("3.46.0".to_owned()), wanted: true };
        assert_eq!(corpus.cases[0].holds, [sqlite]);
        assert_eq!(corpus.cases[1].files, [PathBuf::from("files/package/lib/two")]);
        assert_eq!(corpus.cases[1].holds.iter().filter(|held| held.wanted).count(), 1);
    }

    #[test]
    fn a_table_that_is_wrong_is_refused_with_its_line() {
        for (table, said) in [
            (format!("{HEAD}files/one zlib 1.2\n"), "line 5"),
            (format!("{HEAD}files/three\tzlib\t1.2\n"), "files/three"),
            ("files/one\tzlib\t1.2\n".to_owned(), "# name"),
        ] {
            let error = format!("{:#}", read(&table).unwrap_err());
            assert!(error.contains(said), "{error}");
        }
    }
}
