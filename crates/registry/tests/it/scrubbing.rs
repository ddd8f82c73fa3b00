//! Damage is found before somebody pulls, nobody is sent it, and a push heals it.

use std::{fs, path::PathBuf};

use base::Kind;
use oci::Digest;
use registry::Error;

use super::world::{Sample, World, repo};

const ALL: u64 = u64::MAX;

fn file(world: &World, digest: &Digest) -> PathBuf {
    let (hex, folder) = (digest.hex(), "registry/blobs/sha256");
    let store = match &world.gateway {
        Some(gateway) => gateway.bucket.join(folder),
        None => world.folder.path().join(folder),
    };
    store.join(&hex[..2]).join(hex)
}

#[tokio::test]
async fn damage_is_found_kept_from_everybody_and_healed_by_a_push() {
    for world in World::everywhere().await {
        let system = world.system();
        let (name, sample) = (repo("a/b"), Sample::image(1));
        world.push(&system, "a/b", "1", &sample).await.unwrap();
        let clean = world.registry.scrub(&system, ALL).await.unwrap();
        assert_eq!((clean.checked, clean.damaged.len(), clean.strays), (4, 0, 0));
        assert_eq!(world.registry.scrub(&system, ALL).await.unwrap().checked, 0, "once a month is enough");

        let (flipped, lost) = (Digest::sha256_of(&sample.blobs[1]), Digest::sha256_of(&sample.blobs[2]));
        let mut bytes = sample.blobs[1].clone();
        bytes[3] ^= 1;
        fs::write(file(&world, &flipped), bytes).unwrap();
        fs::remove_file(file(&world, &lost)).unwrap();
        world.later(31 * 24);
        let now = world.system();
        // A budget is kept to, and the next run goes on.
        let first = world.registry.scrub(&now, 1).await.unwrap();
        assert_eq!(first.checked, 1);
        let rest = world.registry.scrub(&now, ALL).await.unwrap();
        assert_eq!(rest.checked, 3);
        let mut damaged = [first.damaged, rest.damaged].concat();
        damaged.sort();
        let mut expected = [flipped.clone(), lost.clone()];
        expected.sort();
        assert_eq!(damaged, expected);
        assert_eq!(world.entries("blob.damaged").await.len(), 2);
        assert_eq!(world.entries("blob.damaged").await[0]["details"]["repositories"][0], "a/b");

        let refused = world.registry.open_blob(&now, &name, &flipped).await.unwrap_err();
        assert_eq!(refused.kind(), Kind::Internal, "{refused}");
        assert!(matches!(world.registry.stat_blob(&now, &name, &flipped).await, Err(Error::BlobUnknown { .. })));
        world.push(&now, "a/b", "1", &sample).await.unwrap();
        for digest in [&flipped, &lost] {
            world.registry.stat_blob(&now, &name, digest).await.unwrap();
            world.registry.open_blob(&now, &name, digest).await.unwrap();
        }
        world.later(31 * 24);
        let healed = world.registry.scrub(&world.system(), ALL).await.unwrap();
        assert_eq!((healed.checked, healed.damaged.len()), (4, 0));
    }
}

#[tokio::test]
async fn a_file_that_no_row_knows_is_left_to_garbage_collection() {
    for world in World::everywhere().await {
        let system = world.system();
        let bytes = b"a push died here".to_vec();
        let digest = Digest::sha256_of(&bytes);
        world.registry.blobs().put(&system, &digest, bytes).await.unwrap();
        let written =
            jiff::Timestamp::try_from(fs::metadata(file(&world, &digest)).unwrap().modified().unwrap()).unwrap();
        // The clock of the world stands still; that of the disk does not.
        let hours = (written.as_second() - system.now.as_second()) / 3600;
        world.later(hours + 1);
        assert_eq!(world.registry.scrub(&world.system(), ALL).await.unwrap().strays, 0, "it may be a push under way");
        world.later(25);
        assert_eq!(world.registry.scrub(&world.system(), ALL).await.unwrap().strays, 1);
        world.later(2);
        assert_eq!(world.registry.collect(&world.system()).await.unwrap().files, 1);
        assert!(!file(&world, &digest).exists());
    }
}
