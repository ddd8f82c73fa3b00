//! What the runner keeps of a job on disk while it runs, so that the next life knows what this one left.
//!
//! ```text
//! work_dir/                 mode 0700
//!   system_id               who this runner is, for as long as the folder lives
//!   jobs/ID/claim.json      id and token of a job in flight, mode 0600
//!   jobs/ID/…               what fetching its source needs
//! ```

use std::{
    fs, io,
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use base::{Entropy, Secret};
use serde::Deserialize;

use crate::{Error, server::JobKey};

/// A job's folder; [`Claim::release`] removes it once the server knows how the job ended.
#[derive(Debug)]
pub(crate) struct Claim {
    pub folder: PathBuf,
}

#[derive(Deserialize)]
struct Kept {
    id: u64,
    token: Secret,
}

impl Claim {
    pub(crate) fn take(work_dir: &Path, job: &JobKey) -> Result<Claim, Error> {
        let folder = work_dir.join("jobs").join(job.id.to_string());
        let made = remove(&folder).and_then(|()| private_folder(&folder));
        made.map_err(Error::io(format!("the job's folder {}", folder.display())))?;
        let kept = serde_json::json!({ "id": job.id, "token": job.token.expose() });
        write_private(&folder.join("claim.json"), kept.to_string().as_bytes())
            .map_err(Error::io(format!("the claim in {}", folder.display())))?;
        Ok(Claim { folder })
    }

    /// Remove what is large, keep what the next start needs to report the job.
    pub(crate) fn empty(&self) {
        if let Ok(entries) = fs::read_dir(&self.folder) {
            for entry in entries.flatten().filter(|entry| entry.file_name() != "claim.json") {
                let _ = remove(&entry.path());
            }
        }
    }

    pub(crate) fn release(self) {
        if let Err(error) = remove(&self.folder) {
            tracing::warn!(folder = %self.folder.display(), %error, "the job's folder was not removed");
        }
    }
}

/// The jobs of the last life; what cannot be read is removed.
pub(crate) fn left_over(work_dir: &Path) -> Vec<(JobKey, Claim)> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(work_dir.join("jobs")) else { return found };
    for entry in entries.flatten() {
        let claim = Claim { folder: entry.path() };
        let kept = fs::read(claim.folder.join("claim.json")).ok();
        match kept.and_then(|bytes| serde_json::from_slice::<Kept>(&bytes).ok()) {
            Some(Kept { id, token }) => found.push((JobKey { id, token }, claim)),
            None => claim.release(),
        }
    }
    found
}

/// The runner's identity: made once, then the same for as long as the folder lives.
pub(crate) fn system_id(work_dir: &Path, entropy: &Entropy) -> Result<String, Error> {
    let failed = || Error::io(format!("the runner's folder {}", work_dir.display()));
    private_folder(work_dir).map_err(failed())?;
    let file = work_dir.join("system_id");
    match fs::read_to_string(&file) {
        Ok(text)
            if text.len() == 14 && text.starts_with("r_") && text[2..].bytes().all(|b| b.is_ascii_alphanumeric()) =>
        {
            return Ok(text);
        }
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed()(error)),
    }
    let made = format!("r_{}", entropy.token(12));
    write_private(&file, made.as_bytes()).map_err(failed())?;
    Ok(made)
}

fn private_folder(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn write_private(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut open = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file)?;
    open.write_all(bytes)?;
    open.sync_all()
}

fn remove(path: &Path) -> io::Result<()> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use base::{Entropy, Secret};

    use super::{Claim, left_over, system_id};
    use crate::server::JobKey;

    #[test]
    fn remembers_itself_and_its_jobs() {
        let folder = tempfile::tempdir().unwrap();
        let id = system_id(folder.path(), &Entropy::System).unwrap();
        assert_eq!(system_id(folder.path(), &Entropy::System).unwrap(), id);

        let key = JobKey { id: 7, token: Secret::new("job-token".to_owned()) };
        let claim = Claim::take(folder.path(), &key).unwrap();
        std::fs::write(claim.folder.join("big"), "x").unwrap();
        claim.empty();
        std::fs::create_dir(folder.path().join("jobs/broken")).unwrap();
        let mut found = left_over(folder.path());
        assert_eq!(found.len(), 1);
        let (key, claim) = found.pop().unwrap();
        assert_eq!((key.id, key.token.expose().as_str()), (7, "job-token"));
        assert!(!claim.folder.join("big").exists());
        claim.release();
        assert!(left_over(folder.path()).is_empty());
    }
}
