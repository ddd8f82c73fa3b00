//! The image that is scanned: one packed layer, and an archive of `docker save` around it that every scanner reads.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use flate2::bufread::MultiGzDecoder;
use serde_json::json;
use sha2::{Digest as _, Sha256};

/// Also what a server is pushed.
#[derive(Debug)]
pub struct Image {
    pub layer: PathBuf,
    pub layer_digest: String,
    pub layer_bytes: u64,
    pub diff_id: String,
    /// The archive.
    pub saved: PathBuf,
}

impl Image {
    /// Around a layer that gzip packed; what was made before is used again.
    pub fn of(layer: &Path, folder: &Path) -> Result<Image> {
        fs::create_dir_all(folder)?;
        let bytes = fs::metadata(layer).with_context(|| format!("cannot read {}", layer.display()))?.len();
        let known = folder.join("digests.json");
        let noted: Option<(u64, String, String)> =
            fs::read(&known).ok().and_then(|json| serde_json::from_slice(&json).ok());
        let (layer_digest, diff_id) = match noted {
            Some((noted, layer_digest, diff_id)) if noted == bytes => (layer_digest, diff_id),
            _ => {
                let file = || File::open(layer).map(|file| io::BufReader::with_capacity(1 << 18, file));
                let both = (sum(file()?)?, sum(MultiGzDecoder::new(file()?))?);
                fs::write(&known, serde_json::to_vec(&(bytes, &both.0, &both.1))?)?;
                both
            }
        };
        let saved = folder.join("image.tar");
        let image = Image { layer: layer.to_owned(), layer_digest, layer_bytes: bytes, diff_id, saved };
        if fs::metadata(&image.saved).map_or(0, |metadata| metadata.len()) <= bytes {
            image.save()?;
        }
        Ok(image)
    }

    /// The image's configuration; `name` makes one that no server has seen.
    pub fn config(&self, name: &str) -> Vec<u8> {
        json!({
            "architecture": "amd64", "os": "linux", "created": "2026-01-01T00:00:00Z", "config": {"Labels": {"bench": name}},
            "rootfs": {"type": "layers", "diff_ids": [self.diff_id]},
            "history": [{"created": "2026-01-01T00:00:00Z", "created_by": "mmdebstrap"}],
        })
        .to_string()
        .into_bytes()
    }

    fn save(&self) -> Result<()> {
        let hex = self.layer_digest.trim_start_matches("sha256:");
        let manifest =
            json!([{"Config": "config.json", "RepoTags": ["bench:big"], "Layers": [format!("{hex}.tar.gz")]}]);
        let partial = self.saved.with_extension("partial");
        let mut archive = tar::Builder::new(File::create(&partial)?);
        for (name, bytes) in
            [("config.json", self.config("saved")), ("manifest.json", manifest.to_string().into_bytes())]
        {
            archive.append_data(&mut header(bytes.len() as u64), name, &bytes[..])?;
        }
        archive.append_data(&mut header(self.layer_bytes), format!("{hex}.tar.gz"), File::open(&self.layer)?)?;
        archive.into_inner()?;
        Ok(fs::rename(partial, &self.saved)?)
    }
}

fn header(bytes: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes);
    header.set_mode(0o644);
    header
}

/// The name of these bytes.
pub fn sum(mut bytes: impl Read) -> Result<String> {
    let (mut hasher, mut buffer) = (Sha256::new(), vec![0; 1 << 18]);
    loop {
        match bytes.read(&mut buffer)? {
            0 => break,
            count => hasher.update(&buffer[..count]),
        }
    }
    let hex: String = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("sha256:{hex}"))
}
