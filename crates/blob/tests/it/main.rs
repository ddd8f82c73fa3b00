//! The blob store on a real file system, and in a real server's bucket when there is one.
#![expect(clippy::unwrap_used, reason = "a test says what failed by failing")]

mod bucket;
mod copying;
mod faults;
mod gateway;
mod model;
mod pieces;
mod restarts;
mod world;

use std::fs;

use blob::{Chunk, Error};
use oci::{Algorithm, Digest};
use tokio::io::AsyncReadExt;

use world::{Place, World, anywhere, new_upload};

#[tokio::test]
async fn chunks_become_a_blob_that_is_read_in_parts() {
    let bytes: Vec<u8> = (0..600_000_u32).map(|number| number.to_le_bytes()[0]).collect();
    for world in World::everywhere().await {
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            let (id, digest) = (new_upload(), Digest::of(algorithm, &bytes));
            assert_eq!(world.length(&id).await, 0);
            assert_eq!(world.append(&id, anywhere(), &bytes[..7]).await.unwrap(), 7);
            let rest = Chunk { offset: Some(7), length: Some(599_993) };
            assert_eq!(world.append(&id, rest, &bytes[7..]).await.unwrap(), 600_000);
            assert_eq!(world.finish(&id, &digest).await.unwrap(), 600_000);
            assert_eq!(world.blobs.stat(&digest).await.unwrap(), Some(600_000));
            assert_eq!(world.blobs.read(&digest, 600_000).await.unwrap(), bytes);
            assert_eq!(world.read_part(&digest, 600_000, 299_999, 5).await.unwrap(), bytes[299_999..300_004]);
            assert!(world.path(&digest).exists());
        }
        assert_eq!(world.files_in_uploads(), 0);
    }
}

#[tokio::test]
async fn an_empty_blob_is_a_blob() {
    for world in World::everywhere().await {
        let (id, digest) = (new_upload(), Digest::sha256_of(b""));
        assert_eq!(world.finish(&id, &digest).await.unwrap(), 0);
        assert_eq!(world.blobs.read(&digest, 0).await.unwrap(), b"");
        world.blobs.put(&world.ctx, &digest, Vec::new()).await.unwrap();
        assert_eq!(world.read_part(&digest, 0, 0, 0).await.unwrap(), b"");
    }
}

#[tokio::test]
async fn an_upload_goes_on_after_a_restart() {
    for mut world in World::everywhere().await {
        let id = new_upload();
        world.append(&id, anywhere(), &b"hello "[..]).await.unwrap();
        if let Place::Folder(folder) = &world.place {
            fs::write(folder.path().join("uploads/put-left-by-a-dead-process"), b"x").unwrap();
        }
        world.blobs = world.again().await;
        assert_eq!(world.length(&id).await, 6);
        assert_eq!(world.blobs.uploads().await.unwrap().len(), 1);
        assert_eq!(world.files_in_uploads(), 1);
        world.append(&id, Chunk { offset: Some(6), length: None }, &b"world"[..]).await.unwrap();
        let digest = Digest::sha256_of(b"hello world");
        assert_eq!(world.finish(&id, &digest).await.unwrap(), 11);
        assert_eq!(world.blobs.read(&digest, 11).await.unwrap(), b"hello world");
    }
}

#[tokio::test]
async fn a_wrong_digest_ends_the_upload_and_leaves_nothing() {
    for world in World::everywhere().await {
        let (id, digest) = (new_upload(), Digest::sha256_of(b"right"));
        world.append(&id, anywhere(), &b"wrong"[..]).await.unwrap();
        let refused = world.finish(&id, &digest).await;
        assert!(matches!(&refused, Err(Error::WrongDigest { expected, .. }) if *expected == digest), "{refused:?}");
        assert_eq!((world.blobs.stat(&digest).await.unwrap(), world.files_in_uploads()), (None, 0));
        let refused = world.blobs.put(&world.ctx, &digest, b"wrong".to_vec()).await;
        assert!(matches!(refused, Err(Error::WrongDigest { .. })));
        let refused = world.blobs.take(&world.ctx, &digest, anywhere(), &b"wrong"[..]).await;
        assert!(matches!(refused, Err(Error::WrongDigest { .. })));
        assert_eq!((world.blobs.stat(&digest).await.unwrap(), world.files_in_uploads()), (None, 0));
    }
}

#[tokio::test]
async fn chunks_out_of_order_or_of_another_length_change_nothing() {
    for world in World::everywhere().await {
        let id = new_upload();
        world.append(&id, anywhere(), &b"0123"[..]).await.unwrap();
        for given in [0, 3, 5, u64::MAX] {
            let refused = world.append(&id, Chunk { offset: Some(given), length: None }, &b"x"[..]).await;
            assert!(matches!(refused, Err(Error::OutOfOrder { length: 4, .. })), "{given}: {refused:?}");
        }
        for announced in [1, 3] {
            let refused = world.append(&id, Chunk { offset: Some(4), length: Some(announced) }, &b"45"[..]).await;
            assert!(matches!(refused, Err(Error::Length { received: 2, .. })), "{announced}: {refused:?}");
            assert_eq!(world.length(&id).await, 4);
        }
        world.append(&id, Chunk { offset: Some(4), length: Some(2) }, &b"45"[..]).await.unwrap();
        assert_eq!(world.finish(&id, &Digest::sha256_of(b"012345")).await.unwrap(), 6);
    }
}

#[tokio::test]
async fn discarded_and_deleted_things_are_gone() {
    for world in World::everywhere().await {
        let id = new_upload();
        world.append(&id, anywhere(), &b"x"[..]).await.unwrap();
        world.blobs.discard(&id, world.known(&id).as_ref()).await.unwrap();
        world.blobs.discard(&id, world.known(&id).as_ref()).await.unwrap();
        world.note(&id, None);
        assert_eq!((world.length(&id).await, world.files_in_uploads()), (0, 0));
        let digest = Digest::sha256_of(b"small");
        world.blobs.put(&world.ctx, &digest, b"small".to_vec()).await.unwrap();
        let mut open = world.blobs.open(&digest, 5).await.unwrap().stream(0, 5).await.unwrap();
        assert!(world.blobs.delete(&digest).await.unwrap());
        assert!(!world.blobs.delete(&digest).await.unwrap());
        let mut bytes = Vec::new();
        open.read_to_end(&mut bytes).await.unwrap();
        assert_eq!(bytes, b"small");
        assert!(matches!(world.blobs.open(&digest, 5).await, Err(Error::NotFound(_))));
    }
}

#[tokio::test]
async fn blobs_are_listed_in_order_page_by_page() {
    for world in World::everywhere().await {
        let mut expected = Vec::new();
        for number in 0..40_u8 {
            let algorithm = if number % 4 == 0 { Algorithm::Sha512 } else { Algorithm::Sha256 };
            let digest = Digest::of(algorithm, &[number]);
            world.blobs.put(&world.ctx, &digest, vec![number]).await.unwrap();
            expected.push((digest, 1));
        }
        fs::write(world.path(&expected[0].0).with_file_name("no-digest"), b"not listed").unwrap();
        expected.sort_by_key(|(digest, _)| (digest.algorithm(), digest.clone()));
        for limit in [1, 7, 1_000] {
            let mut found: Vec<(Digest, u64)> = Vec::new();
            loop {
                let page = world.blobs.list(found.last().map(|(digest, _)| digest), limit).await.unwrap();
                assert!(page.len() <= limit);
                if page.is_empty() {
                    break;
                }
                found.extend(page);
            }
            assert_eq!(found, expected, "pages of {limit}");
        }
    }
}
