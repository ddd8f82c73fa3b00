//! Archives of artifacts: the engine's tar into what the server stores, and back.

use std::{
    collections::HashSet,
    fs,
    io::{self, BufReader, BufWriter, Read, Write},
    path::{Component, Path, PathBuf},
};

use base::limits;
use zip::write::SimpleFileOptions;

use crate::{files::Archive, glob::Pattern};

/// How the server wants the files of one artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Zip,
    /// One gzip member per file.
    Gzip,
    /// The file itself.
    Raw,
}

/// What the engine gave for one path of an artifact.
#[derive(Debug)]
pub(crate) struct Piece {
    pub tar: PathBuf,
    /// The folder of the project in which the archive's first name stands; `None` when that name is the project itself.
    pub parent: Option<String>,
    pub pattern: Pattern,
}

enum Sink {
    Zip(Box<zip::ZipWriter<BufWriter<fs::File>>>),
    Plain(Option<BufWriter<fs::File>>, Form),
}

impl Form {
    pub(crate) fn parse(word: &str) -> Option<Form> {
        match word {
            "" | "zip" => Some(Form::Zip),
            "gzip" => Some(Form::Gzip),
            "raw" => Some(Form::Raw),
            _ => None,
        }
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Form::Zip => "zip",
            Form::Gzip => "gzip",
            Form::Raw => "raw",
        }
    }

    pub(crate) fn ending(self) -> &'static str {
        match self {
            Form::Zip => ".zip",
            Form::Gzip => ".gz",
            Form::Raw => "",
        }
    }
}

/// Pack the files of the pieces that their patterns name and `exclude` does not; how many there were.
pub(crate) fn pack(pieces: &[Piece], exclude: &[Pattern], form: Form, to: &Path) -> io::Result<usize> {
    let file = BufWriter::new(fs::File::create(to)?);
    let mut sink = match form {
        Form::Zip => Sink::Zip(Box::new(zip::ZipWriter::new(file))),
        Form::Gzip | Form::Raw => Sink::Plain(Some(file), form),
    };
    let mut seen = HashSet::new();
    for piece in pieces {
        let mut archive = tar::Archive::new(BufReader::new(fs::File::open(&piece.tar)?));
        for entry in archive.entries()? {
            let mut entry = entry?;
            let Some(name) = name_of(&entry.path()?, piece.parent.as_deref()) else { continue };
            let wanted = piece.pattern.matches(&name) && !exclude.iter().any(|pattern| pattern.matches(&name));
            if !wanted || !seen.insert(name.clone()) {
                continue;
            }
            if seen.len() > limits::RUNNER_ARTIFACT_FILES {
                let sentence = format!("more than {} files", limits::RUNNER_ARTIFACT_FILES);
                return Err(io::Error::new(io::ErrorKind::FileTooLarge, sentence));
            }
            if !sink.add(&name, &mut entry)? {
                seen.remove(&name);
            }
        }
    }
    sink.finish()?;
    Ok(seen.len())
}

/// The path relative to the project; `None` for the project itself and for names that no engine writes.
fn name_of(path: &Path, parent: Option<&str>) -> Option<String> {
    let mut parts = parent.map(|parent| parent.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect());
    for component in path.components() {
        match (component, &mut parts) {
            (Component::CurDir, _) => {}
            // The first name is the project's folder.
            (Component::Normal(_), None) => parts = Some(Vec::new()),
            (Component::Normal(part), Some(parts)) => parts.push(part.to_str()?.to_owned()),
            _ => return None,
        }
    }
    let parts: Vec<String> = parts?;
    if parts.is_empty() { None } else { Some(parts.join("/")) }
}

impl Sink {
    /// `false` for what is not packed: devices, hard links, folders where only files count.
    fn add(&mut self, name: &str, entry: &mut tar::Entry<'_, impl Read>) -> io::Result<bool> {
        let kind = entry.header().entry_type();
        match self {
            Sink::Zip(zip) => {
                let options = SimpleFileOptions::default().unix_permissions(entry.header().mode()? & 0o777);
                if kind.is_dir() {
                    zip.add_directory(name, options)?;
                } else if kind.is_symlink() {
                    let target = entry.link_name()?.and_then(|target| target.to_str().map(str::to_owned));
                    let Some(target) = target else { return Ok(false) };
                    zip.add_symlink(name, target, options)?;
                } else if kind.is_file() {
                    zip.start_file(name, options)?;
                    io::copy(entry, zip)?;
                } else {
                    return Ok(false);
                }
                Ok(true)
            }
            Sink::Plain(Some(file), Form::Raw) if kind.is_file() => io::copy(entry, file).map(|_| true),
            Sink::Plain(slot, _) if kind.is_file() => {
                let Some(file) = slot.take() else { return Ok(false) };
                let mut gzip = flate2::GzBuilder::new().filename(name).write(file, flate2::Compression::default());
                io::copy(entry, &mut gzip)?;
                *slot = Some(gzip.finish()?);
                Ok(true)
            }
            Sink::Plain(..) => Ok(false),
        }
    }

    fn finish(self) -> io::Result<()> {
        match self {
            Sink::Zip(zip) => zip.finish()?.flush(),
            Sink::Plain(Some(mut file), _) => file.flush(),
            Sink::Plain(None, _) => Ok(()),
        }
    }
}

/// Turn the zip of another job into an archive below `prefix`. The zip comes from a job: names that lead elsewhere are
/// refused, and so is what unpacks to more than the limit.
pub(crate) fn unpack(from: &Path, prefix: &str, to: &Path, mtime_s: i64) -> io::Result<()> {
    let mut zip = zip::ZipArchive::new(BufReader::new(fs::File::open(from)?))?;
    let mut archive = Archive::new(BufWriter::new(fs::File::create(to)?), mtime_s);
    let mut left = limits::RUNNER_ARTIFACT_BYTES;
    if zip.len() > limits::RUNNER_ARTIFACT_FILES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it holds too many files"));
    }
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index)?;
        let inner = entry.enclosed_name().and_then(|name| name.to_str().map(str::to_owned));
        let Some(inner) = inner.filter(|inner| !inner.is_empty()) else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it holds a name that leads out of the project"));
        };
        let name = format!("{prefix}/{inner}");
        let size = entry.size();
        left = left
            .checked_sub(size)
            .ok_or_else(|| io::Error::new(io::ErrorKind::FileTooLarge, "it unpacks to too much"))?;
        if entry.is_dir() {
            archive.folder(&name)?;
        } else if entry.is_symlink() {
            let mut target = String::new();
            entry.by_ref().take(4096).read_to_string(&mut target)?;
            archive.link(&name, &target)?;
        } else {
            let mode = 0o666 | (entry.unix_mode().unwrap_or(0) & 0o111);
            // The size in the header is a claim; the archive must hold exactly as many bytes.
            archive.file(&name, mode, size, entry.by_ref().take(size).chain(io::repeat(0)).take(size))?;
        }
    }
    archive.finish()?.flush()
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Read, path::Path};

    use super::{Form, Piece, name_of, pack, unpack};
    use crate::{files::Archive, glob::Pattern};

    fn pattern(text: &str) -> Pattern {
        Pattern::parse(text, "/builds/g/p").unwrap()
    }

    #[test]
    fn names_are_relative_to_the_project() {
        for (path, parent, expected) in [
            ("p/a/b", None, Some("a/b")),
            ("p/", None, None),
            ("dist/x", Some(""), Some("dist/x")),
            ("dist/x", Some("a/b"), Some("a/b/dist/x")),
            ("../x", Some(""), None),
            ("/x", Some(""), None),
        ] {
            assert_eq!(name_of(Path::new(path), parent).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn goes_there_and_back() {
        let folder = tempfile::tempdir().unwrap();
        let tar = folder.path().join("in.tar");
        let mut archive = Archive::new(fs::File::create(&tar).unwrap(), 0);
        archive.folder("dist").unwrap();
        archive.file("dist/run", 0o755, 4, &b"text"[..]).unwrap();
        archive.file("dist/secret.key", 0o644, 1, &b"k"[..]).unwrap();
        archive.link("dist/link", "run").unwrap();
        archive.finish().unwrap();

        let piece = Piece { tar, parent: Some(String::new()), pattern: pattern("dist/") };
        let zipped = folder.path().join("out.zip");
        let exclude = [pattern("**/*.key")];
        assert_eq!(pack(std::slice::from_ref(&piece), &exclude, Form::Zip, &zipped).unwrap(), 3);

        let back = folder.path().join("back.tar");
        unpack(&zipped, "builds/g/p", &back, 0).unwrap();
        let mut found = Vec::new();
        for entry in tar::Archive::new(fs::File::open(back).unwrap()).entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            let name = entry.path().unwrap().to_str().unwrap().to_owned();
            let target = entry.link_name().unwrap().map(|target| target.to_str().unwrap().to_owned());
            found.push((name, entry.header().mode().unwrap(), text, target));
        }
        assert_eq!(found[1], ("builds/g/p/dist/run".to_owned(), 0o777, "text".to_owned(), None));
        assert_eq!(found[2].3.as_deref(), Some("run"));

        let gzipped = folder.path().join("out.gz");
        assert_eq!(pack(&[piece], &exclude, Form::Gzip, &gzipped).unwrap(), 1);
        let mut text = String::new();
        flate2::read::MultiGzDecoder::new(fs::File::open(gzipped).unwrap()).read_to_string(&mut text).unwrap();
        assert_eq!(text, "text");
    }

    #[test]
    fn refuses_zips_that_lead_elsewhere_or_are_none() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("in.zip"), folder.path().join("out.tar"));
        let mut zip = zip::ZipWriter::new(fs::File::create(&from).unwrap());
        zip.start_file("../../etc/cron.d/x", zip::write::SimpleFileOptions::default()).unwrap();
        zip.finish().unwrap();
        assert!(unpack(&from, "p", &to, 0).is_err());
        fs::write(&from, "no zip").unwrap();
        assert!(unpack(&from, "p", &to, 0).is_err());
    }
}
