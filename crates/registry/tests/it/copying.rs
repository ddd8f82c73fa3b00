//! Promotion by reference.

use base::Ctx;
use oci::Digest;
use registry::{Copied, Error, Origin, Registry, Source, Target, Visibility};
use serde_json::json;

use super::world::{Sample, World, as_job, repo, tag};

async fn copy(world: &World, ctx: &Ctx, digest: &Digest, target: (&str, &str)) -> Result<Copied, Error> {
    let (from, to, source_tag, target_tag) = (repo("admin/build"), repo(target.0), tag("7"), tag(target.1));
    db::write!(world.db, ctx, |tx| {
        let source = Source { repository: &from, digest, tag: Some(&source_tag) };
        let target = Target { repository: &to, tag: &target_tag, policy: Some("policy-1") };
        world.registry.copy_tag(tx, ctx, source, target).await
    })
}

#[tokio::test]
async fn an_image_is_copied_without_its_bytes_and_says_where_it_came_from() {
    for world in World::everywhere().await {
        let system = world.system();
        let job = as_job(&world.admin().await, 7);
        let sample = Sample::image(1);
        world.push(&job, "admin/build", "7", &sample).await.unwrap();
        world.repository("admin/app", Visibility::Public, false).await;
        world.events().await;
        let copied = copy(&world, &system, &sample.digest(), ("admin/app", "latest")).await.unwrap();
        assert_eq!(world.pull(&world.nobody(), "admin/app", "latest").await.unwrap(), sample.manifest);
        for blob in &sample.blobs {
            world.registry.stat_blob(&world.nobody(), &repo("admin/app"), &Digest::sha256_of(blob)).await.unwrap();
        }
        let view = world.registry.tag_view(&system, &repo("admin/app"), &tag("latest")).await.unwrap();
        let origin = Origin::Promoted {
            policy: Some("policy-1".to_owned()),
            source: repo("admin/build"),
            source_tag: Some(tag("7")),
        };
        assert_eq!((view.pushed_by.as_str(), view.job, view.origin), ("system:test", Some(7), origin));
        let entry = &world.entries("image.copied").await[0];
        assert_eq!(entry["sets"]["registry/tag/admin/app:latest"], sample.digest().as_str());
        assert!(entry["subjects"].as_array().unwrap().contains(&json!("job/7")));
        let events = world.events().await;
        assert_eq!(events.len(), 1);
        assert_eq!(Some(&events[0].entry), copied.entry.as_ref());
        assert_eq!((&events[0].data["origin"], &events[0].data["job"]), (&json!("promoted"), &json!(7)));

        // Once more is no news; another image moves the tag.
        let again = copy(&world, &system, &sample.digest(), ("admin/app", "latest")).await.unwrap();
        assert_eq!(again, Copied { entry: None, before: None });
        // Nor is the push of a signer, who signs what was promoted.
        world.push(&job, "admin/app", "latest", &sample).await.unwrap();
        let view = world.registry.tag_view(&system, &repo("admin/app"), &tag("latest")).await.unwrap();
        assert!(matches!(view.origin, Origin::Promoted { .. }), "{:?}", view.origin);
        let next = Sample::image(2);
        world.push(&job, "admin/build", "8", &next).await.unwrap();
        let moved = copy(&world, &system, &next.digest(), ("admin/app", "latest")).await.unwrap();
        assert_eq!(moved.before, Some(sample.digest()));
        assert_eq!(world.folded().await, world.state().await);
    }
}

#[tokio::test]
async fn an_index_brings_its_children_and_their_signatures() {
    for world in World::everywhere().await {
        let system = world.system();
        let (one, two) = (Sample::image(1), Sample::image(2));
        for sample in [&one, &two] {
            world.push(&system, "admin/build", sample.digest().as_str(), sample).await.unwrap();
        }
        let index = Sample::index(&[&one, &two]);
        world.push(&system, "admin/build", "7", &index).await.unwrap();
        let signature = Sample::about(&index.digest(), index.manifest.len(), "application/vnd.x.signature");
        let of_child = Sample::about(&one.digest(), one.manifest.len(), "application/vnd.x.sbom");
        let of_signature = Sample::about(&signature.digest(), signature.manifest.len(), "application/vnd.x.stamp");
        for artifact in [&signature, &of_child, &of_signature] {
            world.push(&system, "admin/build", artifact.digest().as_str(), artifact).await.unwrap();
        }
        world.push(&system, "admin/build", "unrelated", &Sample::image(3)).await.unwrap();
        world.repository("admin/app", Visibility::Private, false).await;
        copy(&world, &system, &index.digest(), ("admin/app", "1")).await.unwrap();
        for sample in [&index, &one, &two, &signature, &of_child, &of_signature] {
            assert_eq!(world.pull(&system, "admin/app", sample.digest().as_str()).await.unwrap(), sample.manifest);
        }
        let unrelated = Sample::image(3).digest();
        assert!(matches!(
            world.pull(&system, "admin/app", unrelated.as_str()).await,
            Err(Error::ManifestUnknown { .. })
        ));
        let name = repo("admin/app");
        let found = world.registry.referrers(&system, &name, &index.digest(), None, ("", 10)).await.unwrap();
        assert_eq!(found.items[0].image.digest, signature.digest());

        // A signature made later is brought by the next copy, and the tag need not move for that.
        let late = Sample::about(&index.digest(), index.manifest.len(), "application/vnd.x.late");
        world.push(&system, "admin/build", late.digest().as_str(), &late).await.unwrap();
        let again = copy(&world, &system, &index.digest(), ("admin/app", "1")).await.unwrap();
        assert!(again.entry.is_some());
        world.pull(&system, "admin/app", late.digest().as_str()).await.unwrap();
        assert_eq!(world.folded().await, world.state().await);
    }
}

#[tokio::test]
async fn signatures_under_tags_come_along_and_an_immutable_target_keeps_its_own() {
    for world in World::everywhere().await {
        let system = world.system();
        let (image, signature, more) = (Sample::image(1), Sample::image(8), Sample::image(9));
        world.push(&system, "admin/build", "7", &image).await.unwrap();
        let name = image.digest().as_str().replacen(':', "-", 1);
        let tag = format!("{name}.sig");
        world.push(&system, "admin/build", &tag, &signature).await.unwrap();
        world
            .push(&system, "admin/build", &format!("{}.sig", name.replace('1', "2")), &Sample::image(3))
            .await
            .unwrap();
        for (target, immutable, now) in [("admin/app", false, &more), ("admin/fixed", true, &signature)] {
            world.repository(target, Visibility::Private, immutable).await;
            assert!(copy(&world, &system, &image.digest(), (target, "1")).await.unwrap().entry.is_some());
            assert_eq!(world.pull(&system, target, &tag).await.unwrap(), signature.manifest);
            assert_eq!(world.registry.tags(&system, &repo(target), "", 10).await.unwrap().items.len(), 2);
            assert!(copy(&world, &system, &image.digest(), (target, "1")).await.unwrap().entry.is_none());
            // Somebody else signs too, which moves the tag.
            world.push(&system, "admin/build", &tag, &more).await.unwrap();
            copy(&world, &system, &image.digest(), (target, "1")).await.unwrap();
            assert_eq!(world.pull(&system, target, &tag).await.unwrap(), now.manifest);
            world.push(&system, "admin/build", &tag, &signature).await.unwrap();
        }
        assert_eq!(world.folded().await, world.state().await);
    }
}

#[tokio::test]
async fn a_copy_obeys_immutability_and_rights() {
    for world in World::everywhere().await {
        let system = world.system();
        world.admin().await;
        let (user, sample, other) = (world.user("user").await, Sample::image(1), Sample::image(2));
        world.push(&system, "admin/build", "7", &sample).await.unwrap();
        world.push(&system, "admin/build", "8", &other).await.unwrap();
        world.repository("admin/app", Visibility::Private, true).await;
        copy(&world, &system, &sample.digest(), ("admin/app", "7")).await.unwrap();
        let refused = copy(&world, &system, &other.digest(), ("admin/app", "7")).await;
        assert!(matches!(refused, Err(Error::Immutable { .. })), "{refused:?}");
        // A refused copy leaves nothing behind.
        assert!(matches!(
            world.pull(&system, "admin/app", other.digest().as_str()).await,
            Err(Error::ManifestUnknown { .. })
        ));
        world.registry.delete_tag(&system, &repo("admin/app"), &tag("7")).await.unwrap();
        assert!(matches!(copy(&world, &system, &other.digest(), ("admin/app", "7")).await, Err(Error::TagUsed { .. })));
        assert!(matches!(
            copy(&world, &system, &sample.digest(), ("admin/absent", "7")).await,
            Err(Error::NameUnknown(_))
        ));
        let absent = Digest::sha256_of(b"?");
        let refused = copy(&world, &system, &absent, ("admin/app", "7")).await;
        assert!(matches!(refused, Err(Error::ManifestUnknown { .. })));
        assert!(matches!(copy(&world, &user, &sample.digest(), ("admin/app", "9")).await, Err(Error::NameUnknown(_))));
        world.grant("user", &repo("admin/build"), Some(identity::Level::ReadOnly)).await;
        world.grant("user", &repo("admin/app"), Some(identity::Level::ReadOnly)).await;
        assert!(matches!(copy(&world, &user, &sample.digest(), ("admin/app", "9")).await, Err(Error::Denied(_))));
        world.grant("user", &repo("admin/app"), Some(identity::Level::ReadWrite)).await;
        copy(&world, &user, &sample.digest(), ("admin/app", "9")).await.unwrap();
        let mut tx = world.db.read().await.unwrap();
        let places = Registry::places(&mut tx, &sample.digest()).await.unwrap();
        assert_eq!(places[0].tags, [tag("9")]);
        assert_eq!(places[1].tags, [tag("7")]);
    }
}
