//! The data folder: what lies where, its lock, and the keys in it.
//!
//! ```text
//!   DATA/
//!     lock                     held by the one server of this folder
//!     assay.db                 the embedded database
//!     blobs/  git/  log/       bytes, repositories, the audit log's tiles
//!     keys/
//!       ca.pem      ca.key         the installation's certificate authority
//!       server.pem  server.key     the server's certificate, made anew when the URL changes or it nears its end
//!       token.key   token.pub      signs the tokens of the token service
//!       log.key     log.pub        signs the audit log's checkpoints; log.origin is the log's name
//!       admission.key              signs the allow-sets that guards fetch
//!       attestation.key  .pub      signs what the scanner says of images
//!       seal.key                   seals what the database must hold but not show: keys, variables, webhooks' endpoints;
//!                                  a backup needs it too
//! ```

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use base::{Entropy, Secret, Timestamp};
use identity::{Authority, Certified, TokenKeys};

/// How often the lock is asked for, and the pause between: five seconds in all.
const LOCK_TRIES: u32 = 50;
const LOCK_PAUSE: std::time::Duration = std::time::Duration::from_millis(100);

/// The data folder, locked for this process.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    /// The lock ends with the process, also with `kill -9`.
    _lock: File,
}

impl Folder {
    pub(crate) fn open(path: &Path) -> Result<Folder> {
        make_folder(path)?;
        let lock_path = path.join("lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .with_context(|| format!("cannot open {}", lock_path.display()))?;
        // A server that was just killed holds its lock until the system has taken its memory back.
        let mut tries = LOCK_TRIES;
        while lock.try_lock().is_err() {
            tries -= 1;
            if tries == 0 {
                bail!("another server uses {}; stop it first or choose another folder", path.display());
            }
            std::thread::sleep(LOCK_PAUSE);
        }
        make_folder(&path.join("keys"))?;
        Ok(Folder { path: path.to_owned(), _lock: lock })
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.path.join("assay.db")
    }

    /// A folder of this name inside, made when absent.
    pub(crate) fn inside(&self, name: &str) -> Result<PathBuf> {
        let path = self.path.join(name);
        make_folder(&path)?;
        Ok(path)
    }

    /// The authority, made at the first start.
    pub(crate) fn authority(&self, host: &str, now: Timestamp) -> Result<Authority> {
        if let (Some(certificate), Some(key)) = (self.read_key("ca.pem")?, self.read_key("ca.key")?) {
            return Ok(Authority::from_pem(certificate, key)?);
        }
        let authority = Authority::generate(host, now)?;
        self.write_key("ca.key", authority.private_key_pem())?;
        self.write_key("ca.pem", authority.certificate_pem())?;
        Ok(authority)
    }

    /// The server's certificate and key, PEM, for these names. It is cheap to make, so it is made at each start: a changed
    /// URL or a certificate that nears its end needs no step of its own.
    pub(crate) fn server_certificate(
        &self,
        authority: &Authority,
        names: &[String],
        now: Timestamp,
    ) -> Result<Certified> {
        let certified = authority.server(names, now)?;
        self.write_key("server.key", &certified.private_key_pem)?;
        self.write_key("server.pem", &certified.certificate_pem)?;
        Ok(certified)
    }

    /// The keys of the token service.
    pub(crate) fn token_keys(&self, authority: &Authority, issuer: &str, now: Timestamp) -> Result<TokenKeys> {
        let pair = match (self.read_key("token.key")?, self.read_key("token.pub")?) {
            (Some(private), Some(public)) => (private, public),
            _ => {
                let made = authority.client("token service", now)?;
                self.write_key("token.key", &made.private_key_pem)?;
                self.write_key("token.pub", &made.public_key_pem)?;
                (made.private_key_pem, made.public_key_pem)
            }
        };
        Ok(TokenKeys::new(&pair.0, &pair.1, issuer)?)
    }

    /// The signer of the audit log. The log keeps the name it was started with, also when the URL changes later.
    pub(crate) fn log_signer(&self, host: &str, entropy: &Entropy) -> Result<tlog::Signer> {
        let origin = match self.read_key("log.origin")? {
            Some(origin) => origin.trim().to_owned(),
            None => {
                let origin = format!("{host}/audit");
                self.write_key("log.origin", &origin)?;
                origin
            }
        };
        let signer = self.signer("log.key", origin.parse()?, entropy)?;
        self.write_key("log.pub", &signer.verifier().to_string())?;
        Ok(signer)
    }

    /// The signer of the allow-sets that guards fetch. Guards pin its key.
    pub(crate) fn admission_signer(&self, authority: &str, entropy: &Entropy) -> Result<tlog::Signer> {
        self.signer("admission.key", admit::document::key_name(authority)?, entropy)
    }

    /// The key that signs what the scanner says of images, made when absent.
    pub(crate) fn attestation_key(&self) -> Result<scan::AttestationKey> {
        let path = self.path.join("keys/attestation.key");
        let key = match fs::read(&path) {
            Ok(bytes) => scan::AttestationKey::from_pkcs8(&Secret::new(bytes))
                .with_context(|| format!("{} is damaged; bring it back from a backup", path.display()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let key = scan::AttestationKey::generate();
                write_whole(&path, key.to_pkcs8().expose())?;
                key
            }
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        self.write_key("attestation.pub", &key.public_pem())?;
        Ok(key)
    }

    /// The signer in this file, made when absent.
    fn signer(&self, file: &str, name: tlog::KeyName, entropy: &Entropy) -> Result<tlog::Signer> {
        let path = self.path.join("keys").join(file);
        match fs::read(&path) {
            Ok(bytes) => Ok(tlog::Signer::from_pkcs8(name, &Secret::new(bytes))?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let signer = tlog::Signer::generate(name, entropy);
                write_whole(&path, signer.to_pkcs8().expose())?;
                Ok(signer)
            }
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// What seals keys, variables and addresses in the database: 32 bytes, made at the first start.
    pub(crate) fn sealing_key(&self, entropy: &Entropy) -> Result<Secret<[u8; 32]>> {
        let path = self.path.join("keys/seal.key");
        match fs::read(&path) {
            Ok(bytes) => match bytes.try_into() {
                Ok(key) => Ok(Secret::new(key)),
                Err(_) => bail!("{} is damaged: it must have 32 bytes; bring it back from a backup", path.display()),
            },
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let key: [u8; 32] = entropy.bytes();
                write_whole(&path, &key)?;
                Ok(Secret::new(key))
            }
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    fn read_key(&self, name: &str) -> Result<Option<String>> {
        let path = self.path.join("keys").join(name);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    fn write_key(&self, name: &str, text: &str) -> Result<()> {
        write_whole(&self.path.join("keys").join(name), text.as_bytes())
    }
}

/// A folder that only its owner can enter, and whose name is on disk when this returns: what is synced inside is lost with it.
/// The name is synced also when the folder is there: whoever made it may have died before it could.
pub(crate) fn make_folder(path: &Path) -> Result<()> {
    let make = || -> std::io::Result<()> {
        let missing = path.ancestors().skip(1).take_while(|above| !above.exists()).count();
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        path.ancestors().skip(1).take(missing + 1).try_for_each(|above| match File::open(above) {
            // Only somebody else can have made a folder in there.
            Err(error) if missing == 0 && error.kind() == std::io::ErrorKind::PermissionDenied => Ok(()),
            above => above?.sync_all(),
        })
    };
    make().with_context(|| format!("cannot make the folder {}", path.display()))
}

/// Write a file whole or not at all, readable by its owner only.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let temporary = path.with_extension("new");
    let write = || -> std::io::Result<()> {
        let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}
