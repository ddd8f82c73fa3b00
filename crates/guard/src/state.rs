//! The guard's folder: what it must know when it starts while the server is away.
//!
//! ```text
//!   STATE_DIR/
//!     key      the verifier key of allow-sets, pinned
//!     set      the last allow-set with its signature, as it came
//!     verdicts what the server was not told yet (`journal.rs`)
//! ```

use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use admit::{AllowSet, document};
use tlog::VerifierKey;

use crate::Error;

/// The folder.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn open(path: &Path) -> Result<Folder, Error> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(Error::io(format!("the folder {}", path.display())))?;
        Ok(Folder(path.to_owned()))
    }

    /// The pinned key.
    pub(crate) fn key(&self) -> Result<Option<VerifierKey>, Error> {
        let Some(bytes) = self.read("key")? else { return Ok(None) };
        let path = self.0.join("key");
        let refused = |error: &dyn std::fmt::Display| {
            Error::Untrusted(format!(
                "{} holds no verifier key ({error}); remove it to pin the server's anew",
                path.display()
            ))
        };
        let text = String::from_utf8(bytes).map_err(|error| refused(&error))?;
        text.trim_end().parse().map(Some).map_err(|error| refused(&error))
    }

    pub(crate) fn pin(&self, key: &VerifierKey) -> Result<(), Error> {
        self.write("key", format!("{key}\n").as_bytes())
    }

    /// The last set, if this key signed it. One that cannot be used is as good as none: the server gives another.
    pub(crate) fn set(&self, key: &VerifierKey) -> Result<Option<AllowSet>, Error> {
        let Some(bytes) = self.read("set")? else { return Ok(None) };
        match document::open(&bytes, key) {
            Ok(set) => Ok(Some(set)),
            Err(error) => {
                tracing::warn!(%error, "the stored list of signed images is not used");
                Ok(None)
            }
        }
    }

    pub(crate) fn keep_set(&self, document: &[u8]) -> Result<(), Error> {
        self.write("set", document)
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let path = self.0.join(name);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::Io { what: format!("cannot read {}", path.display()), source: error }),
        }
    }

    /// Whole or not at all.
    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let (path, temporary) = (self.0.join(name), self.0.join(format!("{name}.new")));
        let write = || -> std::io::Result<()> {
            let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&temporary)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&temporary, &path)?;
            File::open(&self.0)?.sync_all()
        };
        write().map_err(Error::io(format!("cannot write {}", path.display())))
    }
}
