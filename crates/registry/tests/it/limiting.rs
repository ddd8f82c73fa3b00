//! Quotas, tag limits, and the read-only mode.

use base::Kind;
use registry::{Error, Hold, QuotaOf, Registry, RepositoryChanges, Source, Target, Visibility};

use super::world::{Sample, World, account, repo, tag};

#[tokio::test]
async fn a_quota_ends_pushes_and_says_how_full_it_is() {
    for world in World::everywhere().await {
        let system = world.system();
        let (name, sample) = (repo("a/b"), Sample::image(1));
        world.push(&system, "a/b", "1", &sample).await.unwrap();
        let size: usize = sample.blobs.iter().map(Vec::len).sum::<usize>() + sample.manifest.len();
        let usage = world.registry.repository_usage(&system, &name).await.unwrap();
        assert_eq!((usage.used_bytes, usage.quota_bytes), (size as u64, 0));

        let (a, b) = (QuotaOf::Namespace(account("a")), QuotaOf::Repository(name.clone()));
        for (of, what) in [(b, "a/b"), (a, "a ")] {
            world.registry.set_quota(&system, &of, size as u64 + 5).await.unwrap();
            assert_eq!(world.folded().await, world.state().await);
            world.put(&system, "a/b", b"12345").await.unwrap();
            let refused = world.put(&system, "a/b", b"6").await.unwrap_err();
            assert!(matches!(refused, Error::QuotaExceeded { .. }) && refused.kind() == Kind::Denied, "{refused}");
            assert!(refused.to_string().contains(what), "{refused}");
            // The same again takes no room, and so may come again.
            world.put(&system, "a/b", b"12345").await.unwrap();
            let refused = world.push(&system, "a/b", "2", &Sample::image(2)).await.unwrap_err();
            assert!(matches!(refused, Error::QuotaExceeded { .. }));
            world.registry.delete_blob(&system, &name, &oci::Digest::sha256_of(b"12345")).await.unwrap();
            world.registry.set_quota(&system, &of, 0).await.unwrap();
        }
        world.push(&system, "a/b", "2", &Sample::image(2)).await.unwrap();
        let namespace = world.registry.namespace_usage(&system, &account("a")).await.unwrap();
        assert!(namespace.used_bytes > size as u64 && namespace.quota_bytes == 0);
        // Who is limited does not set the limit, and a namespace's figures are its owners'.
        let sam = world.user("sam").await;
        let refused = world.registry.set_quota(&sam, &QuotaOf::Namespace(account("sam")), 0).await.unwrap_err();
        assert_eq!(refused.kind(), Kind::Denied);
        assert_eq!(world.registry.namespace_usage(&sam, &account("a")).await.unwrap_err().kind(), Kind::Denied);
        assert_eq!(world.registry.namespace_usage(&sam, &account("sam")).await.unwrap().used_bytes, 0);
        assert_eq!(world.folded().await, world.state().await);
    }
}

#[tokio::test]
async fn beyond_the_tag_limit_the_oldest_goes_but_none_that_is_held() {
    for world in World::everywhere().await {
        let system = world.system();
        let (name, sample) = (repo("a/b"), Sample::image(1));
        world.repository("a/b", Visibility::Private, false).await;
        let changes = RepositoryChanges { tag_limit: Some(2), ..RepositoryChanges::default() };
        world.registry.update_repository(&system, &name, changes).await.unwrap();
        let tags = async || {
            let tags = world.registry.tags(&system, &name, "", 10).await.unwrap().items;
            tags.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        world.push(&system, "a/b", "z-first", &sample).await.unwrap();
        let hold = Hold::Tag(tag("z-first"));
        db::write!(world.db, &system, |tx| Registry::hold(tx, &system, &name, &hold, "trust", "signed").await).unwrap();
        for (hour, number) in [(1, "5"), (1, "4"), (1, "3")] {
            world.later(hour);
            world.push(&world.system(), "a/b", number, &sample).await.unwrap();
        }
        assert_eq!(tags().await, ["3", "4", "z-first"], "the signed tag stays beyond the limit");
        let deleted = world.entries("tag.deleted").await;
        assert_eq!((deleted.len(), &deleted[0]["details"]["by"]), (1, &"tag limit".into()));
        // A promotion is a push too.
        world.push(&system, "a/source", "x", &Sample::image(2)).await.unwrap();
        world.later(1);
        let (now, from, digest) = (world.system(), repo("a/source"), Sample::image(2).digest());
        db::write!(world.db, &now, |tx| {
            let source = Source { repository: &from, digest: &digest, tag: None };
            let target = Target { repository: &name, tag: &tag("promoted"), policy: None };
            world.registry.copy_tag(tx, &now, source, target).await
        })
        .unwrap();
        assert_eq!(tags().await, ["3", "promoted", "z-first"]);
        // A promoted tag stays too, and a new limit tells beforehand what it would drop.
        world.later(1);
        for number in ["8", "9"] {
            world.push(&world.system(), "a/b", number, &sample).await.unwrap();
        }
        assert_eq!(tags().await, ["8", "9", "promoted", "z-first"]);
        let beyond = world.registry.beyond_limit(&system, &name, 1).await.unwrap();
        let told: Vec<String> = beyond
            .iter()
            .map(|one| format!("{} {}", one.view.tag, one.kept.as_ref().map_or("goes".into(), ToString::to_string)))
            .collect();
        assert_eq!(told, ["8 goes", "promoted it was promoted from a/source", "z-first signed"]);
        assert_eq!(tags().await.len(), 4, "asking deletes nothing");
        assert_eq!(world.folded().await, world.state().await);
    }
}

#[tokio::test]
async fn read_only_means_that_nothing_changes_and_everything_is_served() {
    for world in World::everywhere().await {
        let system = world.system();
        let (name, sample) = (repo("a/b"), Sample::image(1));
        world.push(&system, "a/b", "1", &sample).await.unwrap();
        let id = world.registry.start_upload(&system, &name).await.unwrap();
        let sam = world.user("sam").await;
        assert_eq!(world.registry.set_read_only(&sam, Some("no")).await.unwrap_err().kind(), Kind::Denied);
        assert_eq!(world.registry.set_read_only(&system, Some(" ")).await.unwrap_err().kind(), Kind::Invalid);
        world.registry.set_read_only(&system, Some("the disk is replaced until noon")).await.unwrap();
        let (from, other, digest) = (repo("a/b"), tag("2"), sample.digest());
        let copied = db::write!(world.db, &system, |tx| {
            let source = Source { repository: &from, digest: &digest, tag: None };
            world.registry.copy_tag(tx, &system, source, Target { repository: &name, tag: &other, policy: None }).await
        });
        for refused in [
            world.push(&system, "a/b", "2", &sample).await.err(),
            world.put(&system, "a/new", b"x").await.err(),
            world.registry.start_upload(&system, &name).await.err(),
            world.registry.append(&system, &name, &id, blob::Chunk::default(), &b"x"[..]).await.err(),
            world.registry.delete_tag(&system, &name, &tag("1")).await.err(),
            world.registry.delete_manifest(&system, &name, &digest).await.err(),
            world.registry.delete_blob(&system, &name, &digest).await.err(),
            world.registry.delete_repository(&system, &name).await.err(),
            world.registry.collect(&system).await.err(),
            copied.err(),
        ] {
            let refused = refused.expect("it is refused");
            assert!(matches!(&refused, Error::ReadOnly(why) if why.contains("until noon")), "{refused:?}");
        }
        world.pull(&system, "a/b", "1").await.unwrap();
        assert_eq!(world.folded().await, world.state().await);
        world.registry.set_read_only(&system, None).await.unwrap();
        world.registry.append(&system, &name, &id, blob::Chunk::default(), &b"x"[..]).await.unwrap();
        world.registry.delete_tag(&system, &name, &tag("1")).await.unwrap();
        assert_eq!(world.folded().await, world.state().await);
    }
}
