//! Parts of blobs in a bucket: the right bytes arrive, wrong ones never do. Each test needs the server program.

use std::fs;

use base::limits;
use blob::{Blobs, Pieces};
use oci::{Algorithm, Digest};
use tokio::io::AsyncReadExt;

use super::world::{World, anywhere, bytes};

const PIECE: usize = limits::PIECE_BYTES;

/// What arrives of a part, and how it ended.
async fn part(
    blobs: &Blobs,
    digest: &Digest,
    pieces: Option<&Pieces>,
    size: usize,
    at: (usize, usize),
) -> (Vec<u8>, bool) {
    let mut blob = blobs.open(digest, size as u64).await.unwrap();
    if let Some(pieces) = pieces {
        blob = blob.with_pieces(pieces.clone());
    }
    let mut arrived = Vec::new();
    let (first, end) = at;
    let ended = match blob.stream(first as u64, (end - first) as u64).await {
        Ok(mut stream) => stream.read_to_end(&mut arrived).await.map(drop).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    if let Err(error) = &ended {
        assert!(error.contains("damaged"), "{error}");
    }
    (arrived, ended.is_ok())
}

async fn learn(blobs: &Blobs, digest: &Digest, size: usize) -> Pieces {
    blobs.open(digest, size as u64).await.unwrap().learn_pieces().await.unwrap().unwrap()
}

#[tokio::test]
async fn every_part_arrives_whatever_borders_it_crosses() {
    let Some(world) = World::in_bucket().await else { return };
    for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
        for size in [1, 1000, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 3 * PIECE + 5] {
            let whole = bytes(size);
            let digest = Digest::of(algorithm, &whole);
            world.blobs.take(&world.ctx, &digest, anywhere(), &whole[..]).await.unwrap();
            let pieces = learn(&world.blobs, &digest, size).await;
            let same: Pieces = pieces.to_string().parse().unwrap();
            assert_eq!(same, pieces);
            let marks =
                [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE - 1, 2 * PIECE, 3 * PIECE, 3 * PIECE + 4, size - 1, size];
            for first in marks.into_iter().filter(|mark| *mark < size) {
                for end in marks.into_iter().filter(|mark| *mark > first && *mark <= size) {
                    let (arrived, whole_part) = part(&world.blobs, &digest, Some(&pieces), size, (first, end)).await;
                    assert!(whole_part && arrived == whole[first..end], "{first}..{end} of {size}");
                }
            }
            // Whoever keeps no pieces gets them learnt.
            let (arrived, whole_part) = part(&world.blobs, &digest, None, size, (size / 2, size)).await;
            assert!(whole_part && arrived == whole[size / 2..]);
        }
    }
    assert!(world.blobs.suspects().take().is_empty());
}

#[tokio::test]
async fn a_damaged_piece_never_arrives_and_the_others_do() {
    let Some(world) = World::in_bucket().await else { return };
    let size = 3 * PIECE + 5;
    let whole = bytes(size);
    let digest = Digest::sha256_of(&whole);
    world.blobs.take(&world.ctx, &digest, anywhere(), &whole[..]).await.unwrap();
    let pieces = learn(&world.blobs, &digest, size).await;
    let mut spoilt = whole.clone();
    spoilt[2 * PIECE - 1] ^= 1;
    fs::write(world.path(&digest), &spoilt).unwrap();
    for good in [(0, 10), (PIECE - 7, PIECE), (2 * PIECE, 2 * PIECE + 9), (2 * PIECE + 1, size)] {
        let (arrived, whole_part) = part(&world.blobs, &digest, Some(&pieces), size, good).await;
        assert!(whole_part && arrived == whole[good.0..good.1], "{good:?}");
    }
    assert!(world.blobs.suspects().take().is_empty());
    // Also where the wrong byte itself was not asked for.
    for bad in [(PIECE, PIECE + 1), (2 * PIECE - 1, 2 * PIECE), (10, PIECE + 10), (1, size), (PIECE + 5, 2 * PIECE + 5)]
    {
        let (arrived, whole_part) = part(&world.blobs, &digest, Some(&pieces), size, bad).await;
        let end = PIECE.max(bad.0);
        assert!(!whole_part && arrived == whole[bad.0..end], "{bad:?}: {} bytes", arrived.len());
        assert!(world.blobs.suspects().take().contains(&digest));
    }
    // Nothing can be learnt from it, so nothing of it arrives without pieces, or with those of another blob.
    let other = bytes(size - PIECE);
    let other_digest = Digest::sha256_of(&other);
    world.blobs.take(&world.ctx, &other_digest, anywhere(), &other[..]).await.unwrap();
    let others = learn(&world.blobs, &other_digest, other.len()).await;
    for pieces in [None, Some(&others)] {
        assert_eq!(part(&world.blobs, &digest, pieces, size, (0, 10)).await, (Vec::new(), false));
    }
}

#[tokio::test]
async fn a_small_blob_is_compared_whole_for_every_part_of_it() {
    let Some(world) = World::in_bucket().await else { return };
    let whole = bytes(70_000);
    let digest = Digest::of(Algorithm::Sha512, &whole);
    world.blobs.take(&world.ctx, &digest, anywhere(), &whole[..]).await.unwrap();
    let blob = world.blobs.open(&digest, 70_000).await.unwrap();
    assert!(!blob.needs_pieces(1, 2), "it is one piece");
    let mut spoilt = whole.clone();
    spoilt[69_999] ^= 1;
    fs::write(world.path(&digest), &spoilt).unwrap();
    assert_eq!(part(&world.blobs, &digest, None, 70_000, (0, 10)).await, (Vec::new(), false));
    assert!(world.blobs.suspects().take().contains(&digest));
}
