//! From a folder to a bucket and back.

use std::fs;

use base::limits;
use blob::{Blobs, Copied, Error};
use oci::{Algorithm, Digest};

use super::world::{Place, World, anywhere, bytes};

/// Copy every blob there is.
async fn copy(world: &World, from: &Blobs, to: &Blobs, check: bool) -> Vec<Result<Copied, Error>> {
    let mut outcomes = Vec::new();
    for (digest, size) in from.list(None, 1_000).await.unwrap() {
        outcomes.push(from.copy_to(&world.ctx, to, &digest, size, check).await);
    }
    outcomes
}

fn count(outcomes: &[Result<Copied, Error>], wanted: Copied) -> usize {
    outcomes.iter().filter(|outcome| matches!(outcome, Ok(copied) if *copied == wanted)).count()
}

async fn there_and_back(source: &World, target: &World) {
    let mut digests = Vec::new();
    for (number, length) in [0, 1, 5_000, limits::PART_BYTES, 2 * limits::PART_BYTES + 3].into_iter().enumerate() {
        let algorithm = if number % 2 == 0 { Algorithm::Sha256 } else { Algorithm::Sha512 };
        let whole = bytes(length);
        let digest = Digest::of(algorithm, &whole);
        source.blobs.take(&source.ctx, &digest, anywhere(), &whole[..]).await.unwrap();
        digests.push((digest, length as u64));
    }
    // The last one is damaged where it lies.
    let (damaged, size) = digests.last().unwrap().clone();
    let good = fs::read(source.path(&damaged)).unwrap();
    let mut spoilt = good.clone();
    spoilt[7_000_000] ^= 1;
    fs::write(source.path(&damaged), spoilt).unwrap();
    let beside = match &source.place {
        Place::Folder(folder) => Blobs::beside(folder.path()),
        Place::Bucket(_) => source.again().await,
    };
    let outcomes = copy(source, &beside, &target.blobs, false).await;
    assert_eq!(count(&outcomes, Copied::Now), 4, "{outcomes:?}");
    assert!(outcomes.iter().any(|outcome| matches!(outcome, Err(Error::Damaged { digest, .. }) if *digest == damaged)));
    assert_eq!((target.blobs.stat(&damaged).await.unwrap(), target.files_in_uploads()), (None, 0));
    // Mended, it follows; the others stay.
    fs::write(source.path(&damaged), good).unwrap();
    let outcomes = copy(source, &beside, &target.blobs, false).await;
    assert_eq!((count(&outcomes, Copied::Before), count(&outcomes, Copied::Now)), (4, 1), "{outcomes:?}");
    for (digest, size) in &digests {
        target.blobs.verify(digest, *size).await.unwrap();
    }
    // Damage in the target is found by those who look, and mended.
    let mut spoilt = fs::read(target.path(&damaged)).unwrap();
    spoilt[0] ^= 1;
    fs::write(target.path(&damaged), spoilt).unwrap();
    let outcomes = copy(source, &beside, &target.blobs, false).await;
    assert_eq!(count(&outcomes, Copied::Before), 5, "{outcomes:?}");
    let outcomes = copy(source, &beside, &target.blobs, true).await;
    assert_eq!((count(&outcomes, Copied::Before), count(&outcomes, Copied::Now)), (4, 1), "{outcomes:?}");
    target.blobs.verify(&damaged, size).await.unwrap();
    let gone = Digest::sha256_of(b"deleted meanwhile");
    assert_eq!(beside.copy_to(&source.ctx, &target.blobs, &gone, 17, false).await.unwrap(), Copied::Gone);
}

#[tokio::test]
async fn from_folder_to_folder() {
    there_and_back(&World::in_folder().await, &World::in_folder().await).await;
}

#[tokio::test]
async fn from_folder_to_bucket() {
    let Some(bucket) = World::in_bucket().await else { return };
    there_and_back(&World::in_folder().await, &bucket).await;
}

#[tokio::test]
async fn from_bucket_to_folder() {
    let Some(bucket) = World::in_bucket().await else { return };
    there_and_back(&bucket, &World::in_folder().await).await;
}
