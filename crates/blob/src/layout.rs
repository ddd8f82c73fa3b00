//! Where bytes lie on disk, and the steps that make them stay there.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use base::Id;
use oci::{Algorithm, Digest};

use crate::Upload;

/// Marks the file of a whole blob while it is written.
const PUT: &str = "put-";

/// The folder of one store; see the picture in `lib.rs`.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    folder: PathBuf,
}

impl Layout {
    /// Make what is missing and remove what a dead process left half-written. Done when all folders are on disk.
    pub(crate) fn prepare(folder: &Path) -> io::Result<Layout> {
        let layout = Layout { folder: folder.to_owned() };
        fs::create_dir_all(layout.uploads())?;
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            let own = layout.algorithm(algorithm);
            fs::create_dir_all(&own)?;
            for prefix in 0..=255_u8 {
                match fs::create_dir(own.join(format!("{prefix:02x}"))) {
                    Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                    _ => {}
                }
            }
            sync_folder(&own)?;
        }
        sync_folder(&folder.join("blobs"))?;
        sync_folder(folder)?;
        for entry in fs::read_dir(layout.uploads())? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(PUT) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(layout)
    }

    /// A folder that another process may own: nothing is made or removed.
    pub(crate) fn beside(folder: &Path) -> Layout {
        Layout { folder: folder.to_owned() }
    }

    pub(crate) fn blob(&self, digest: &Digest) -> PathBuf {
        self.folder.join(key_of(digest))
    }

    /// One of the 256 folders that blobs lie in.
    pub(crate) fn prefix(&self, algorithm: Algorithm, prefix: u8) -> PathBuf {
        self.algorithm(algorithm).join(format!("{prefix:02x}"))
    }

    pub(crate) fn upload(&self, id: &Id<Upload>) -> PathBuf {
        self.uploads().join(id.as_str())
    }

    pub(crate) fn put(&self, id: &Id<Upload>) -> PathBuf {
        self.uploads().join(format!("{PUT}{id}"))
    }

    pub(crate) fn uploads(&self) -> PathBuf {
        self.folder.join("uploads")
    }

    fn algorithm(&self, algorithm: Algorithm) -> PathBuf {
        self.folder.join(folder_of(algorithm))
    }

    /// Blobs of an algorithm and their sizes, in order of their digests, after `after`.
    pub(crate) fn list(
        &self,
        algorithm: Algorithm,
        after: Option<&Digest>,
        limit: usize,
    ) -> io::Result<Vec<(Digest, u64)>> {
        let after = after.map_or("", Digest::hex);
        let mut found = Vec::new();
        for prefix in (0..=255_u8).map(|prefix| format!("{prefix:02x}")) {
            if prefix.as_str() < after.get(..2).unwrap_or_default() {
                continue;
            }
            let begun = found.len();
            for entry in fs::read_dir(self.algorithm(algorithm).join(&prefix))? {
                let entry = entry?;
                let name = entry.file_name();
                let Some(Ok(digest)) = name.to_str().map(|hex| format!("{algorithm}:{hex}").parse::<Digest>()) else {
                    continue;
                };
                match entry.metadata() {
                    Ok(metadata) if digest.hex() > after => found.push((digest, metadata.len())),
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    // Before the page, or deleted meanwhile.
                    _ => {}
                }
            }
            found[begun..].sort_unstable();
            if found.len() >= limit {
                found.truncate(limit);
                break;
            }
        }
        Ok(found)
    }

    /// Give a complete file its name. Whoever reads the name afterwards, also after a power cut, reads these bytes.
    pub(crate) fn install(&self, from: &Path, file: &File, digest: &Digest) -> io::Result<()> {
        file.sync_data()?;
        let to = self.blob(digest);
        fs::rename(from, &to)?;
        sync_folder(parent(&to))
    }

    /// Make sure that a file that is here is here to stay: whoever wrote it may have died before it could.
    pub(crate) fn sync(&self, blob: &Path) -> io::Result<()> {
        File::open(blob)?.sync_data()?;
        sync_folder(parent(blob))
    }
}

/// The name of a blob below the folder, and in a bucket.
pub(crate) fn key_of(digest: &Digest) -> String {
    let hex = digest.hex();
    format!("{}/{}/{hex}", folder_of(digest.algorithm()), &hex[..2])
}

/// The blob with this key, if it is one.
pub(crate) fn digest_of(key: &str) -> Option<Digest> {
    let (algorithm, rest) = key.strip_prefix("blobs/")?.split_once('/')?;
    let digest: Digest = format!("{algorithm}:{}", rest.split_once('/')?.1).parse().ok()?;
    (key_of(&digest) == key).then_some(digest)
}

/// Where the blobs of an algorithm are.
pub(crate) fn folder_of(algorithm: Algorithm) -> String {
    format!("blobs/{algorithm}")
}

fn parent(blob: &Path) -> &Path {
    blob.parent().expect("the path of a blob has a folder")
}

/// Make the names in a folder durable.
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
