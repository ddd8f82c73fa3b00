//! What was deleted can be brought back until its time is over, and not over something else.

use std::time::Duration;

use base::Kind;
use registry::{Deleted, Deletion, Error, Origin, QuotaOf, RepositoryChanges, Visibility};

use super::world::{Sample, World, account, repo, tag};

const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);

async fn worlds() -> Vec<World> {
    let mut worlds = World::everywhere().await;
    for world in &mut worlds {
        world.set(|settings| settings.undo = WEEK).await;
    }
    worlds
}

async fn deletions(world: &World) -> Vec<Deletion> {
    world.registry.deletions(&world.system(), &account("a"), None, 100).await.unwrap().items
}

/// What the clock of a test puts at the same moment stands in no order.
async fn of_a_repository(world: &World) -> base::Id<Deletion> {
    let found = deletions(world).await.into_iter().find(|one| one.deleted == Deleted::Repository);
    found.unwrap().id
}

#[tokio::test]
async fn a_manifest_comes_back_with_its_tags_and_blobs() {
    for world in worlds().await {
        let system = world.system();
        let (name, sample) = (repo("a/b"), Sample::image(1));
        world.push(&system, "a/b", "1", &sample).await.unwrap();
        world.push(&system, "a/b", "2", &sample).await.unwrap();
        world.registry.delete_tag(&system, &name, &tag("2")).await.unwrap();
        world.later(1);
        world.registry.delete_manifest(&world.system(), &name, &sample.digest()).await.unwrap();
        assert!(matches!(world.pull(&world.system(), "a/b", "1").await, Err(Error::ManifestUnknown { .. })));
        for _ in 0..3 {
            world.later(40);
            world.registry.collect(&world.system()).await.unwrap();
        }
        let [manifest, of_tag] = &deletions(&world).await[..] else { panic!("two were deleted") };
        let now = world.system();
        let refused = world.registry.restore(&now, &of_tag.id).await.unwrap_err();
        assert!(matches!(refused, Error::ManifestUnknown { .. }), "{refused}");
        world.registry.restore(&now, &manifest.id).await.unwrap();
        assert_eq!(world.pull(&now, "a/b", "1").await.unwrap(), sample.manifest);
        world.registry.restore(&now, &of_tag.id).await.unwrap();
        let view = world.registry.tag_view(&now, &name, &tag("2")).await.unwrap();
        assert_eq!((view.pushed_at, view.origin), (system.now, Origin::Pushed));
        assert!(deletions(&world).await.is_empty());
        // It is as if nothing had been, also for garbage collection.
        world.later(24 * 30);
        world.registry.collect(&world.system()).await.unwrap();
        world.later(24 * 30);
        world.registry.collect(&world.system()).await.unwrap();
        for blob in &sample.blobs {
            world.registry.stat_blob(&world.system(), &name, &oci::Digest::sha256_of(blob)).await.unwrap();
        }
        assert_eq!(world.folded().await, world.state().await);
    }
}

#[tokio::test]
async fn a_repository_comes_back_as_it_was_unless_its_name_is_taken() {
    for world in worlds().await {
        let system = world.system();
        let (name, sample) = (repo("a/b"), Sample::image(1));
        world.repository("a/b", Visibility::Public, false).await;
        for number in 0..60 {
            world.push(&system, "a/b", &format!("tag-{number}"), &sample).await.unwrap();
        }
        world.registry.delete_tag(&system, &name, &tag("tag-7")).await.unwrap();
        world.registry.set_quota(&system, &QuotaOf::Repository(name.clone()), 1 << 20).await.unwrap();
        let before = world.state().await;
        world.registry.delete_repository(&system, &name).await.unwrap();
        assert_eq!(world.folded().await, world.state().await);
        let id = of_a_repository(&world).await;
        // It can be reached under no name, and nothing in it can be mounted or found.
        assert!(matches!(world.pull(&system, "a/b", "tag-1").await, Err(Error::NameUnknown(_))));
        assert!(world.registry.catalog(&system, "", 100).await.unwrap().items.is_empty());
        let layer = oci::Digest::sha256_of(&sample.blobs[1]);
        world.repository("a/other", Visibility::Private, false).await;
        assert_eq!(world.registry.mount(&system, &repo("a/other"), &layer, None).await.unwrap(), None);

        let sam = world.user("sam").await;
        assert_eq!(world.registry.restore(&sam, &id).await.unwrap_err().kind(), Kind::Denied);
        world.repository("a/b", Visibility::Private, false).await;
        assert!(matches!(world.registry.restore(&system, &id).await, Err(Error::Exists(_))));
        world.registry.delete_repository(&system, &name).await.unwrap();
        world.registry.delete_repository(&system, &repo("a/other")).await.unwrap();
        let restored = world.registry.restore(&system, &id).await.unwrap();
        assert_eq!(restored.deleted, Deleted::Repository);
        assert_eq!(world.state().await, before);
        assert_eq!(world.folded().await, before);
        assert_eq!(world.pull(&world.nobody(), "a/b", "tag-59").await.unwrap(), sample.manifest);
    }
}

#[tokio::test]
async fn a_tag_that_moved_on_is_not_moved_back_and_time_runs_out() {
    for world in worlds().await {
        let system = world.system();
        let (name, one, two) = (repo("a/b"), Sample::image(1), Sample::image(2));
        world.push(&system, "a/b", "1", &one).await.unwrap();
        world.registry.delete_tag(&system, &name, &tag("1")).await.unwrap();
        world.push(&system, "a/b", "1", &two).await.unwrap();
        let id = deletions(&world).await[0].id.clone();
        assert!(matches!(world.registry.restore(&system, &id).await, Err(Error::Taken(_))));
        // What a tag limit dropped can come back too; then another one goes.
        let changes = RepositoryChanges { tag_limit: Some(1), ..RepositoryChanges::default() };
        world.registry.update_repository(&system, &name, changes).await.unwrap();
        world.later(1);
        world.push(&world.system(), "a/b", "2", &two).await.unwrap();
        assert_eq!(deletions(&world).await.len(), 2);

        world.registry.delete_repository(&world.system(), &name).await.unwrap();
        let id = of_a_repository(&world).await;
        world.later(8 * 24);
        assert!(matches!(world.registry.restore(&world.system(), &id).await, Err(Error::Invalid(_))));
        world.registry.collect(&world.system()).await.unwrap();
        world.later(2);
        assert_eq!(world.registry.collect(&world.system()).await.unwrap().files, 7);
        assert_eq!(world.folded().await, world.state().await);
    }
}
