//! Parts of blobs: what a bucket gives is compared by pieces that the database keeps. Each test needs the server program.

use std::{fs, path::PathBuf};

use base::limits;
use oci::Digest;
use registry::{Error, Registry};
use tokio::{io::AsyncReadExt, task::JoinSet};

use super::world::{World, repo};

const PIECE: usize = limits::PIECE_BYTES;

fn large() -> Vec<u8> {
    (0_u32..).flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()).take(2 * PIECE + 77).collect()
}

fn file(world: &World, digest: &Digest) -> PathBuf {
    let gateway = world.gateway.as_ref().expect("made so");
    gateway.bucket.join("registry/blobs/sha256").join(&digest.hex()[..2]).join(digest.hex())
}

async fn part(registry: &Registry, world: &World, digest: &Digest, at: (usize, usize)) -> Result<Vec<u8>, String> {
    let (system, mut bytes) = (world.system(), Vec::new());
    let read = async {
        let blob = registry.open_blob(&system, &repo("a/b"), digest).await?;
        registry.stream_blob(&system, digest, blob, at.0 as u64, (at.1 - at.0) as u64).await
    };
    let mut stream = read.await.map_err(|error: Error| error.to_string())?;
    stream.read_to_end(&mut bytes).await.map_err(|error| error.to_string())?;
    Ok(bytes)
}

async fn rows(world: &World) -> i64 {
    let mut tx = world.db.read().await.unwrap();
    tx.one("SELECT COUNT(*) AS n FROM blob_pieces", &[]).await.unwrap().int("n").unwrap()
}

#[tokio::test]
async fn pieces_are_learnt_once_kept_and_go_with_the_blob() {
    let Some(world) = World::in_bucket().await else { return };
    let (system, whole) = (world.system(), large());
    let digest = world.put(&system, "a/b", &whole).await.unwrap();
    assert_eq!(rows(&world).await, 0, "nobody asked for a part");
    let mut readers = JoinSet::new();
    let world = std::sync::Arc::new(world);
    for at in [(0, 5), (PIECE - 1, PIECE + 1), (2 * PIECE, 2 * PIECE + 77), (1, 2 * PIECE + 77)] {
        let (world, digest) = (std::sync::Arc::clone(&world), digest.clone());
        readers.spawn(async move { (at, part(&world.registry, &world, &digest, at).await) });
    }
    while let Some(read) = readers.join_next().await {
        let (at, bytes) = read.unwrap();
        assert!(bytes.unwrap() == whole[at.0..at.1], "{at:?}");
    }
    assert_eq!(rows(&world).await, 1);
    // Whoever spoils it later is found out by every replica, though nobody reads the whole.
    let mut spoilt = whole.clone();
    spoilt[PIECE + 3] ^= 1;
    fs::write(file(&world, &digest), &spoilt).unwrap();
    let other = world.replica().await;
    for registry in [&world.registry, &other] {
        assert_eq!(part(registry, &world, &digest, (0, PIECE)).await.unwrap(), whole[..PIECE]);
        assert!(part(registry, &world, &digest, (PIECE, PIECE + 2)).await.unwrap_err().contains("damaged"));
    }
    assert_eq!(other.tend(&system).await.unwrap().looked_at, 1);
    assert!(part(&other, &world, &digest, (0, 5)).await.unwrap_err().contains("damaged"), "it is in quarantine");
    world.put(&system, "a/b", &whole).await.unwrap();
    assert_eq!(part(&other, &world, &digest, (PIECE, PIECE + 2)).await.unwrap(), whole[PIECE..PIECE + 2]);
    world.registry.delete_blob(&world.system(), &repo("a/b"), &digest).await.unwrap();
    world.later(2 * 24);
    assert_eq!(world.registry.collect(&world.system()).await.unwrap().files, 1);
    assert_eq!(rows(&world).await, 0);
}

#[tokio::test]
async fn nothing_of_what_was_spoilt_before_arrives() {
    let Some(world) = World::in_bucket().await else { return };
    let (system, mut whole) = (world.system(), large());
    let digest = world.put(&system, "a/b", &whole).await.unwrap();
    let small = world.put(&system, "a/b", b"one small piece").await.unwrap();
    whole[0] ^= 1;
    fs::write(file(&world, &digest), &whole).unwrap();
    fs::write(file(&world, &small), b"one other piece").unwrap();
    assert!(part(&world.registry, &world, &digest, (PIECE, PIECE + 9)).await.unwrap_err().contains("damaged"));
    assert!(part(&world.registry, &world, &small, (0, 3)).await.unwrap_err().contains("damaged"));
    assert_eq!(rows(&world).await, 0);
    assert_eq!(world.registry.tend(&system).await.unwrap().looked_at, 2);
    assert_eq!(world.entries("blob.damaged").await.len(), 2);
}

#[tokio::test]
async fn pieces_that_do_not_fit_a_whole_blob_are_learnt_anew() {
    let Some(world) = World::in_bucket().await else { return };
    let (system, whole) = (world.system(), large());
    let digest = world.put(&system, "a/b", &whole).await.unwrap();
    let wrong = "0".repeat(3 * 64);
    let sql = "INSERT INTO blob_pieces (digest, piece_bytes, pieces) VALUES ($1, $2, $3)";
    let size = i64::try_from(PIECE).unwrap();
    let written: Result<u64, db::Error> =
        db::write!(world.db, &system, |tx| tx.execute(sql, &db::args![digest.as_str(), size, &wrong]).await);
    written.unwrap();
    assert!(part(&world.registry, &world, &digest, (0, 5)).await.is_err());
    world.registry.tend(&system).await.unwrap();
    assert!(world.entries("blob.damaged").await.is_empty());
    assert_eq!(part(&world.registry, &world, &digest, (0, 5)).await.unwrap(), whole[..5]);
}
