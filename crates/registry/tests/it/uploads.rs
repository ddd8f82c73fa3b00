//! Uploads: chunks, their order, restarts, and whose they are.

use blob::Chunk;
use oci::{Algorithm, Digest};
use registry::{Error, Visibility};

use super::world::{World, at, new_id, repo};

fn from(offset: u64) -> Chunk {
    Chunk { offset: Some(offset), length: None }
}

#[tokio::test]
async fn chunks_out_of_order_are_told_where_to_go_on() {
    for world in World::everywhere().await {
        let ctx = world.user("gitlab").await;
        let (name, registry) = (repo("gitlab/app"), &world.registry);
        let id = registry.start_upload(&ctx, &name).await.unwrap();
        assert_eq!(registry.upload_status(&ctx, &name, &id).await.unwrap(), 0);
        assert_eq!(registry.append(&ctx, &name, &id, from(0), &b"0123"[..]).await.unwrap(), 4);
        for offset in [0, 8] {
            let refused = registry.append(&ctx, &name, &id, from(offset), &b"x"[..]).await.unwrap_err();
            assert!(matches!(refused, Error::OutOfOrder { length: 4, .. }), "{refused:?}");
            assert_eq!(refused.code().as_str(), "BLOB_UPLOAD_INVALID");
            let digest = Digest::sha256_of(b"x");
            let refused = registry.finish_upload(&ctx, &name, &id, &digest, from(offset), &b"x"[..]).await;
            assert!(matches!(refused, Err(Error::OutOfOrder { length: 4, .. })));
        }
        assert_eq!(registry.upload_status(&ctx, &name, &id).await.unwrap(), 4);
        let digest = Digest::of(Algorithm::Sha512, b"01234567");
        assert_eq!(registry.finish_upload(&ctx, &name, &id, &digest, from(4), &b"4567"[..]).await.unwrap(), 8);
        assert_eq!(registry.stat_blob(&ctx, &name, &digest).await.unwrap(), 8);
        let over = registry.append(&ctx, &name, &id, from(8), &b"x"[..]).await;
        assert!(matches!(over, Err(Error::UploadUnknown)));
    }
}

#[tokio::test]
async fn an_upload_survives_a_restart_in_the_middle() {
    for mut world in World::everywhere().await {
        let ctx = world.user("gitlab").await;
        let name = repo("gitlab/app");
        let big = vec![42_u8; 700_000];
        let id = world.registry.start_upload(&ctx, &name).await.unwrap();
        world.registry.append(&ctx, &name, &id, from(0), &big[..600_000]).await.unwrap();
        world.restart().await;
        assert_eq!(world.registry.upload_status(&ctx, &name, &id).await.unwrap(), 600_000);
        let digest = Digest::sha256_of(&big);
        let rest = &big[600_000..];
        assert_eq!(
            world.registry.finish_upload(&ctx, &name, &id, &digest, from(600_000), rest).await.unwrap(),
            700_000
        );
        world.restart().await;
        assert_eq!(world.registry.stat_blob(&ctx, &name, &digest).await.unwrap(), 700_000);
    }
}

#[tokio::test]
async fn a_wrong_digest_is_refused_and_ends_the_upload() {
    for world in World::everywhere().await {
        let ctx = world.user("gitlab").await;
        let (name, registry) = (repo("gitlab/app"), &world.registry);
        let digest = Digest::sha256_of(b"promised");
        let id = registry.start_upload(&ctx, &name).await.unwrap();
        let refused =
            registry.finish_upload(&ctx, &name, &id, &digest, Chunk::default(), &b"sent"[..]).await.unwrap_err();
        assert_eq!(refused.code().as_str(), "DIGEST_INVALID", "{refused}");
        assert!(matches!(registry.upload_status(&ctx, &name, &id).await, Err(Error::UploadUnknown)));
        let refused = registry.put_blob(&ctx, &name, &digest, Chunk::default(), &b"sent"[..]).await;
        assert!(matches!(refused, Err(Error::DigestInvalid { .. })));
        let short = Chunk { offset: None, length: Some(9) };
        let refused = registry.put_blob(&ctx, &name, &digest, short, &b"promised"[..]).await;
        assert!(matches!(refused, Err(Error::SizeInvalid(_))), "{refused:?}");
        assert!(matches!(registry.stat_blob(&ctx, &name, &digest).await, Err(Error::BlobUnknown { .. })));
        assert!(registry.blobs().uploads().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn an_upload_belongs_to_one_account_and_one_repository() {
    for world in World::everywhere().await {
        let (one, two) = (world.user("one").await, world.user("two").await);
        world.repository("one/app", Visibility::Public, false).await;
        world.repository("one/other", Visibility::Public, false).await;
        world.grant("two", &repo("one/app"), Some(identity::Level::Admin)).await;
        let (name, registry) = (repo("one/app"), &world.registry);
        let id = registry.start_upload(&one, &name).await.unwrap();
        registry.append(&one, &name, &id, from(0), &b"secret"[..]).await.unwrap();
        for (ctx, name, id) in [
            (&two, repo("one/app"), &id),
            (&one, repo("one/other"), &id),
            (&world.system(), repo("one/app"), &id),
            (&one, repo("one/app"), &new_id()),
        ] {
            let refused = registry.upload_status(ctx, &name, id).await;
            assert!(matches!(refused, Err(Error::UploadUnknown)), "{refused:?}");
            let refused = registry.append(ctx, &name, id, from(6), &b"x"[..]).await;
            assert!(matches!(refused, Err(Error::UploadUnknown)));
            let digest = Digest::sha256_of(b"secret");
            let refused = registry.finish_upload(ctx, &name, id, &digest, Chunk::default(), &b""[..]).await;
            assert!(matches!(refused, Err(Error::UploadUnknown)));
            assert!(matches!(registry.cancel_upload(ctx, &name, id).await, Err(Error::UploadUnknown)));
        }
        registry.cancel_upload(&one, &name, &id).await.unwrap();
        assert!(matches!(registry.upload_status(&one, &name, &id).await, Err(Error::UploadUnknown)));
    }
}

#[tokio::test]
async fn uploads_end_by_themselves() {
    for world in World::everywhere().await {
        let ctx = world.user("gitlab").await;
        let (name, registry) = (repo("gitlab/app"), &world.registry);
        let id = registry.start_upload(&ctx, &name).await.unwrap();
        registry.append(&ctx, &name, &id, from(0), &b"x"[..]).await.unwrap();
        let orphan = new_id();
        let nobody = |_| async { Ok(()) };
        let text = &b"nobody knows me"[..];
        registry.blobs().append(&orphan, &mut None, Chunk::default(), text, nobody).await.unwrap();
        assert_eq!(registry.expire_uploads(&world.system()).await.unwrap(), 0);
        // Files carry the machine's time: twenty years after the clock of the test they are old, whatever it is.
        world.later(20 * 365 * 24);
        let now = at(&ctx, world.clock.now());
        assert!(matches!(registry.upload_status(&now, &name, &id).await, Err(Error::UploadUnknown)));
        assert_eq!(registry.expire_uploads(&world.system()).await.unwrap(), 2);
        assert!(registry.blobs().uploads().await.unwrap().is_empty());
    }
}
