//! A store to test, in a folder or in a bucket, and what a registry would keep of its uploads.

use std::{collections::HashMap, fs, path::PathBuf, sync::Mutex};

use base::{Clock, Ctx, Entropy, Id};
use blob::{Blobs, Chunk, Error, Upload, UploadState};
use oci::Digest;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::gateway::Gateway;

pub struct World {
    pub place: Place,
    pub blobs: Blobs,
    pub ctx: Ctx,
    /// The states of uploads as a database has them: in text.
    pub states: Mutex<HashMap<Id<Upload>, String>>,
}

pub enum Place {
    Folder(tempfile::TempDir),
    Bucket(Gateway),
}

impl World {
    /// One in a folder, and one in a bucket when there is a server for it.
    pub async fn everywhere() -> Vec<World> {
        let mut worlds = vec![World::in_folder().await];
        worlds.extend(World::in_bucket().await);
        worlds
    }

    pub async fn in_folder() -> World {
        World::at(Place::Folder(tempfile::tempdir().unwrap())).await
    }

    pub async fn in_bucket() -> Option<World> {
        match Gateway::start() {
            Some(gateway) => Some(World::at(Place::Bucket(gateway)).await),
            None => None,
        }
    }

    async fn at(place: Place) -> World {
        let blobs = place.open().await;
        World { place, blobs, ctx: ctx(), states: Mutex::default() }
    }

    /// The store as a program sees it that was started again, or another replica.
    pub async fn again(&self) -> Blobs {
        self.place.open().await
    }

    /// Where the blob is a file.
    pub fn path(&self, digest: &Digest) -> PathBuf {
        self.place.path(&format!("blobs/{}/{}/{}", digest.algorithm(), &digest.hex()[..2], digest.hex()))
    }

    /// Files of uploads, also those that show in no list.
    pub fn files_in_uploads(&self) -> usize {
        match &self.place {
            Place::Folder(folder) => fs::read_dir(folder.path().join("uploads")).unwrap().count(),
            Place::Bucket(gateway) => {
                let files = files(gateway).into_iter().map(|path| path.display().to_string());
                files.filter(|path| path.contains("/uploads/") || path.contains("/multipart/")).count()
            }
        }
    }

    pub fn known(&self, id: &Id<Upload>) -> Option<UploadState> {
        self.states.lock().unwrap().get(id).map(|text| text.parse().unwrap())
    }

    pub fn note(&self, id: &Id<Upload>, state: Option<UploadState>) {
        match state {
            Some(state) => drop(self.states.lock().unwrap().insert(id.clone(), state.to_string())),
            None => drop(self.states.lock().unwrap().remove(id)),
        }
    }

    pub async fn append(
        &self,
        id: &Id<Upload>,
        chunk: Chunk,
        body: impl AsyncRead + Unpin + Send,
    ) -> Result<u64, Error> {
        self.append_on(&self.blobs, id, chunk, body).await
    }

    /// The same on another replica.
    pub async fn append_on(
        &self,
        blobs: &Blobs,
        id: &Id<Upload>,
        chunk: Chunk,
        body: impl AsyncRead + Unpin + Send,
    ) -> Result<u64, Error> {
        let mut known = self.known(id);
        let note = |state: Option<UploadState>| {
            if state.is_some() {
                self.note(id, state);
            }
            async { Ok(()) }
        };
        let outcome = blobs.append(id, &mut known, chunk, body, note).await;
        if !matches!(outcome, Err(Error::Busy)) {
            self.note(id, known);
        }
        outcome
    }

    pub async fn length(&self, id: &Id<Upload>) -> u64 {
        self.blobs.length(id, self.known(id).as_ref()).await.unwrap()
    }

    pub async fn finish(&self, id: &Id<Upload>, digest: &Digest) -> Result<u64, Error> {
        self.blobs.finish(id, self.known(id).as_ref(), digest).await
    }

    pub async fn read_part(&self, digest: &Digest, size: u64, first: u64, length: u64) -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let blob = self.blobs.open(digest, size).await.unwrap();
        blob.stream(first, length).await.unwrap().read_to_end(&mut bytes).await?;
        Ok(bytes)
    }
}

impl Place {
    async fn open(&self) -> Blobs {
        match self {
            Place::Folder(folder) => Blobs::at(folder.path()).await.unwrap(),
            Place::Bucket(gateway) => Blobs::in_bucket(&gateway.settings("some/prefix/")).await.unwrap(),
        }
    }

    pub fn path(&self, key: &str) -> PathBuf {
        match self {
            Place::Folder(folder) => folder.path().join(key),
            Place::Bucket(gateway) => gateway.bucket.join(format!("some/prefix/{key}")),
        }
    }
}

pub fn ctx() -> Ctx {
    Ctx::system("test", &Clock::fixed("2026-01-01T00:00:00Z".parse().unwrap()), &Entropy::System)
}

pub fn new_upload() -> Id<Upload> {
    Id::new(&ctx())
}

pub fn anywhere() -> Chunk {
    Chunk::default()
}

/// Bytes that are not the same everywhere.
pub fn bytes(length: usize) -> Vec<u8> {
    (0_u32..).flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()).take(length).collect()
}

/// Everything the bucket holds, also what shows in no list: parts of uploads.
pub fn files(gateway: &Gateway) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![gateway.bucket.clone()]);
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found
}
