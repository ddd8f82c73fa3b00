//! The blob store on a real file system.
#![expect(clippy::unwrap_used, reason = "a test says what failed by failing")]

mod faults;
mod model;

use std::{fs, path::PathBuf};

use base::{Clock, Ctx, Entropy, Id};
use blob::{Blobs, Chunk, Error, Upload};
use oci::{Algorithm, Digest};
use tokio::io::AsyncReadExt;

struct World {
    folder: tempfile::TempDir,
    blobs: Blobs,
    ctx: Ctx,
}

impl World {
    async fn new() -> World {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::at(folder.path()).await.unwrap();
        World { folder, blobs, ctx: ctx() }
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        self.folder.path().join(format!("blobs/{}/{}/{}", digest.algorithm(), &digest.hex()[..2], digest.hex()))
    }

    fn files_in_uploads(&self) -> usize {
        fs::read_dir(self.folder.path().join("uploads")).unwrap().count()
    }
}

fn ctx() -> Ctx {
    Ctx::system("test", &Clock::fixed("2026-01-01T00:00:00Z".parse().unwrap()), &Entropy::System)
}

fn new_upload() -> Id<Upload> {
    Id::new(&ctx())
}

fn anywhere() -> Chunk {
    Chunk::default()
}

async fn read_part(blobs: &Blobs, digest: &Digest, size: u64, first: u64, length: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let blob = blobs.open(digest, size).await.unwrap();
    blob.stream(first, length).await.unwrap().read_to_end(&mut bytes).await.unwrap();
    bytes
}

#[tokio::test]
async fn chunks_become_a_blob_that_is_read_in_parts() {
    let world = World::new().await;
    let bytes: Vec<u8> = (0..600_000_u32).map(|number| number.to_le_bytes()[0]).collect();
    for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
        let (id, digest) = (new_upload(), Digest::of(algorithm, &bytes));
        assert_eq!(world.blobs.length(&id).await.unwrap(), 0);
        assert_eq!(world.blobs.append(&id, anywhere(), &bytes[..7]).await.unwrap(), 7);
        let rest = Chunk { offset: Some(7), length: Some(599_993) };
        assert_eq!(world.blobs.append(&id, rest, &bytes[7..]).await.unwrap(), 600_000);
        assert_eq!(world.blobs.finish(&id, &digest).await.unwrap(), 600_000);
        assert_eq!(world.blobs.stat(&digest).await.unwrap(), Some(600_000));
        assert_eq!(world.blobs.read(&digest, 600_000).await.unwrap(), bytes);
        assert_eq!(read_part(&world.blobs, &digest, 600_000, 299_999, 5).await, bytes[299_999..300_004]);
        assert!(world.path(&digest).exists());
    }
    assert_eq!(world.files_in_uploads(), 0);
}

#[tokio::test]
async fn an_empty_blob_is_a_blob() {
    let world = World::new().await;
    let (id, digest) = (new_upload(), Digest::sha256_of(b""));
    assert_eq!(world.blobs.finish(&id, &digest).await.unwrap(), 0);
    assert_eq!(world.blobs.read(&digest, 0).await.unwrap(), b"");
    world.blobs.put(&world.ctx, &digest, Vec::new()).await.unwrap();
}

#[tokio::test]
async fn an_upload_goes_on_after_a_restart() {
    let world = World::new().await;
    let id = new_upload();
    world.blobs.append(&id, anywhere(), &b"hello "[..]).await.unwrap();
    fs::write(world.folder.path().join("uploads/put-left-by-a-dead-process"), b"x").unwrap();
    let again = Blobs::at(world.folder.path()).await.unwrap();
    assert_eq!(again.length(&id).await.unwrap(), 6);
    assert_eq!(again.uploads().await.unwrap().len(), 1);
    assert_eq!(world.files_in_uploads(), 1);
    again.append(&id, Chunk { offset: Some(6), length: None }, &b"world"[..]).await.unwrap();
    let digest = Digest::sha256_of(b"hello world");
    assert_eq!(again.finish(&id, &digest).await.unwrap(), 11);
    assert_eq!(again.read(&digest, 11).await.unwrap(), b"hello world");
}

#[tokio::test]
async fn a_wrong_digest_ends_the_upload_and_leaves_nothing() {
    let world = World::new().await;
    let (id, digest) = (new_upload(), Digest::sha256_of(b"right"));
    world.blobs.append(&id, anywhere(), &b"wrong"[..]).await.unwrap();
    let refused = world.blobs.finish(&id, &digest).await;
    assert!(matches!(&refused, Err(Error::WrongDigest { expected, .. }) if *expected == digest), "{refused:?}");
    assert_eq!((world.blobs.stat(&digest).await.unwrap(), world.files_in_uploads()), (None, 0));
    let refused = world.blobs.put(&world.ctx, &digest, b"wrong".to_vec()).await;
    assert!(matches!(refused, Err(Error::WrongDigest { .. })));
}

#[tokio::test]
async fn chunks_out_of_order_or_of_another_length_change_nothing() {
    let world = World::new().await;
    let id = new_upload();
    world.blobs.append(&id, anywhere(), &b"0123"[..]).await.unwrap();
    for given in [0, 3, 5, u64::MAX] {
        let refused = world.blobs.append(&id, Chunk { offset: Some(given), length: None }, &b"x"[..]).await;
        assert!(matches!(refused, Err(Error::OutOfOrder { length: 4, .. })), "{given}: {refused:?}");
    }
    for announced in [1, 3] {
        let refused = world.blobs.append(&id, Chunk { offset: Some(4), length: Some(announced) }, &b"45"[..]).await;
        assert!(matches!(refused, Err(Error::Length { received: 2, .. })), "{announced}: {refused:?}");
        assert_eq!(world.blobs.length(&id).await.unwrap(), 4);
    }
    world.blobs.append(&id, Chunk { offset: Some(4), length: Some(2) }, &b"45"[..]).await.unwrap();
    assert_eq!(world.blobs.finish(&id, &Digest::sha256_of(b"012345")).await.unwrap(), 6);
}

#[tokio::test]
async fn discarded_and_deleted_things_are_gone() {
    let world = World::new().await;
    let id = new_upload();
    world.blobs.append(&id, anywhere(), &b"x"[..]).await.unwrap();
    world.blobs.discard(&id).await.unwrap();
    world.blobs.discard(&id).await.unwrap();
    assert_eq!((world.blobs.length(&id).await.unwrap(), world.files_in_uploads()), (0, 0));
    let digest = Digest::sha256_of(b"small");
    world.blobs.put(&world.ctx, &digest, b"small".to_vec()).await.unwrap();
    let open = world.blobs.open(&digest, 5).await.unwrap();
    assert!(world.blobs.delete(&digest).await.unwrap());
    assert!(!world.blobs.delete(&digest).await.unwrap());
    let mut bytes = Vec::new();
    open.stream(0, 5).await.unwrap().read_to_end(&mut bytes).await.unwrap();
    assert_eq!(bytes, b"small");
    assert!(matches!(world.blobs.open(&digest, 5).await, Err(Error::NotFound(_))));
}
