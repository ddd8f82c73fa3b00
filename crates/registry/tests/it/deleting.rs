//! Deleting, and what forbids it.

use oci::Digest;
use registry::{Error, Hold, Registry, Visibility};

use super::world::{Sample, World, repo, tag};

#[tokio::test]
async fn tags_manifests_and_blobs_go_in_order() {
    for world in World::everywhere().await {
        let system = world.system();
        let (name, sample) = (repo("a/b"), Sample::image(1));
        for reference in ["1", "2", "3"] {
            world.push(&system, "a/b", reference, &sample).await.unwrap();
        }
        let config = Digest::sha256_of(&sample.blobs[0]);
        world.events().await;
        world.registry.delete_tag(&system, &name, &tag("1")).await.unwrap();
        assert!(matches!(
            world.registry.delete_tag(&system, &name, &tag("1")).await,
            Err(Error::ManifestUnknown { .. })
        ));
        world.pull(&system, "a/b", sample.digest().as_str()).await.unwrap();
        let refused = world.registry.delete_blob(&system, &name, &config).await;
        assert!(matches!(&refused, Err(Error::Referenced { by, .. }) if *by == sample.digest()), "{refused:?}");
        world.registry.delete_manifest(&system, &name, &sample.digest()).await.unwrap();
        assert!(world.registry.tags(&system, &name, "", 9).await.unwrap().items.is_empty());
        world.registry.delete_blob(&system, &name, &config).await.unwrap();
        assert!(matches!(world.registry.stat_blob(&system, &name, &config).await, Err(Error::BlobUnknown { .. })));
        let kinds: Vec<String> = world.events().await.into_iter().map(|event| event.kind).collect();
        assert_eq!(kinds.iter().filter(|kind| *kind == "tag.deleted").count(), 3);
        assert_eq!(kinds.iter().filter(|kind| *kind == "manifest.deleted").count(), 1);
        assert_eq!(world.folded().await, world.state().await);
    }
}

#[tokio::test]
async fn a_child_stays_as_long_as_its_index() {
    for world in World::everywhere().await {
        let system = world.system();
        let (name, child) = (repo("a/b"), Sample::image(1));
        let index = Sample::index(&[&child]);
        world.push(&system, "a/b", "child", &child).await.unwrap();
        world.push(&system, "a/b", "multi", &index).await.unwrap();
        let refused = world.registry.delete_manifest(&system, &name, &child.digest()).await;
        assert!(matches!(refused, Err(Error::Referenced { .. })));
        world.registry.delete_manifest(&system, &name, &index.digest()).await.unwrap();
        world.registry.delete_manifest(&system, &name, &child.digest()).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_held_is_not_deleted() {
    for world in World::everywhere().await {
        let system = world.system();
        let (name, sample) = (repo("a/b"), Sample::image(1));
        world.push(&system, "a/b", "signed", &sample).await.unwrap();
        for hold in [Hold::Tag(tag("signed")), Hold::Manifest(sample.digest()), Hold::Repository] {
            db::write!(world.db, &system, |tx| {
                Registry::hold(tx, &system, &name, &hold, "trust", "the tag is signed").await
            })
            .unwrap();
            let refused = world.registry.delete_repository(&system, &name).await.unwrap_err();
            assert!(refused.to_string().ends_with("cannot be deleted: the tag is signed (held by trust)"), "{refused}");
            if hold != Hold::Repository {
                let refused = world.registry.delete_manifest(&system, &name, &sample.digest()).await;
                assert!(matches!(refused, Err(Error::Held { .. })));
            }
            if hold == Hold::Tag(tag("signed")) {
                assert!(matches!(
                    world.registry.delete_tag(&system, &name, &tag("signed")).await,
                    Err(Error::Held { .. })
                ));
            }
            // Somebody else's hold is not taken back.
            for (owner, released) in [("promote", false), ("trust", true), ("trust", false)] {
                let was = db::write!(world.db, &system, |tx| Registry::release(tx, &name, &hold, owner).await).unwrap();
                assert_eq!(was, released);
            }
        }
        world.registry.delete_tag(&system, &name, &tag("signed")).await.unwrap();
    }
}

#[tokio::test]
async fn a_deleted_repository_leaves_nothing_readable() {
    for world in World::everywhere().await {
        let system = world.system();
        let (name, sample) = (repo("a/b"), Sample::image(1));
        world.repository("a/b", Visibility::Private, true).await;
        world.push(&system, "a/other", "1", &sample).await.unwrap();
        for number in 0..90 {
            world.push(&system, "a/b", &format!("tag-{number}"), &sample).await.unwrap();
        }
        world.registry.delete_repository(&system, &name).await.unwrap();
        assert!(matches!(world.pull(&system, "a/b", "tag-1").await, Err(Error::NameUnknown(_))));
        assert_eq!(world.entries("repository.deleted").await.len(), 3);
        assert_eq!(world.folded().await, world.state().await);
        world.pull(&system, "a/other", "1").await.unwrap();
        // A new one of the same name starts empty.
        world.repository("a/b", Visibility::Private, true).await;
        world.push(&system, "a/b", "tag-1", &Sample::image(2)).await.unwrap();
        assert_eq!(world.folded().await, world.state().await);
    }
}
