//! Pushing and pulling, immutability, and what the log and the events say about it.

use oci::{Digest, Reference};
use registry::{Error, ManifestPush, Origin, Registry, RepositoryChanges, Right, Visibility};
use serde_json::json;

use super::world::{HOST, Sample, World, as_job, repo, tag};

#[tokio::test]
async fn what_was_pushed_is_pulled_byte_by_byte() {
    for world in World::everywhere().await {
        let gitlab = world.user("gitlab").await;
        let sample = Sample::image(1);
        let pushed = world.push(&gitlab, "gitlab/app", "1", &sample).await.unwrap();
        assert_eq!(pushed.digest, sample.digest());
        for reference in ["1", pushed.digest.as_str()] {
            assert_eq!(world.pull(&gitlab, "gitlab/app", reference).await.unwrap(), sample.manifest);
        }
        let made = world.registry.repository(&gitlab, &repo("gitlab/app")).await.unwrap();
        assert_eq!(made.settings(), "private scan");
        let view = world.registry.tag_view(&gitlab, &repo("gitlab/app"), &tag("1")).await.unwrap();
        assert_eq!((view.pushed_by.as_str(), view.job, view.origin), ("gitlab", None, Origin::Pushed));
        assert_eq!(view.image.platform.as_ref().unwrap().architecture, "arm64");
        assert!(view.image.is_runnable());
        let lower = Digest::sha256_of(b"the lower layer");
        let blob = world.registry.open_blob(&gitlab, &repo("gitlab/app"), &lower).await.unwrap();
        assert_eq!(blob.size(), 15);
        let unknown = world.pull(&gitlab, "gitlab/app", "2").await;
        assert!(matches!(unknown, Err(Error::ManifestUnknown { .. })), "{unknown:?}");
        let mut tx = world.db.read().await.unwrap();
        let layers = Registry::layers(&mut tx, &pushed.digest).await.unwrap();
        assert_eq!((layers.len(), &layers[0].digest), (2, &lower));
        let image = Registry::image_of(&mut tx, &pushed.digest).await.unwrap().unwrap();
        let bytes = world.registry.config_bytes(&repo("gitlab/app"), &image).await.unwrap();
        assert_eq!(bytes.as_ref(), Some(&sample.blobs[0]));
    }
}

#[tokio::test]
async fn a_push_says_who_what_and_from_which_job() {
    for world in World::everywhere().await {
        let job = as_job(&world.user("gitlab").await, 7);
        let sample = Sample::image(1);
        let pushed = world.push(&job, "gitlab/app", "7", &sample).await.unwrap();
        let digest = pushed.digest.as_str();
        let entries = world.entries("image.pushed").await;
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0]["subjects"], json!([digest, "repository/gitlab/app", "job/7", "tag/gitlab/app:7"]));
        assert_eq!(entries[0]["actor"], "gitlab");
        assert_eq!(entries[0]["sets"]["registry/tag/gitlab/app:7"], digest);
        assert_eq!(entries[0]["sets"]["registry/origin/gitlab/app:7"], "pushed by gitlab job/7");
        assert_eq!(world.entries("blob.pushed").await.len(), 3);

        let events = world.events().await;
        let kinds: Vec<&str> = events.iter().map(|event| event.kind.as_str()).collect();
        assert_eq!(kinds, ["repository.created", "image.pushed"]);
        assert_eq!(events[1].subject, "gitlab/app:7");
        assert_eq!(Some(&events[1].entry), pushed.entry.as_ref());
        let data = &events[1].data;
        assert_eq!(
            (&data["repository"], &data["tag"], &data["digest"]),
            (&json!("gitlab/app"), &json!("7"), &json!(digest))
        );
        assert_eq!((&data["os"], &data["author"], &data["job"]), (&json!("linux"), &json!("gitlab"), &json!(7)));
        assert_eq!((&data["manifest_pushed"], &data["scan_on_push"]), (&json!(true), &json!(true)));

        // By digest, what is there already is no news; a tag set again is.
        assert_eq!(world.push(&job, "gitlab/app", digest, &sample).await.unwrap().entry, None);
        assert!(world.push(&job, "gitlab/app", "7", &sample).await.unwrap().entry.is_some());
        let other = Sample::image(2);
        world.push(&job, "gitlab/app", other.digest().as_str(), &other).await.unwrap();
        let events = world.events().await;
        assert_eq!((events.len(), &events[1].data["tag"]), (2, &json!(null)));
        assert_eq!(events[1].subject, format!("gitlab/app@{}", other.digest()));
        assert_eq!(world.folded().await, world.state().await);
    }
}

#[tokio::test]
async fn an_immutable_tag_keeps_its_digest_also_after_it_was_deleted() {
    for world in World::everywhere().await {
        let system = world.system();
        world.repository("admin/build", Visibility::Private, true).await;
        let (good, other) = (Sample::image(1), Sample::image(2));
        world.push(&system, "admin/build", "7", &good).await.unwrap();
        let refused = world.push(&system, "admin/build", "7", &other).await.unwrap_err();
        let words = format!("tag=7 cannot be overwritten because {HOST}/admin/build is an immutable repository");
        assert_eq!(refused.to_string(), words);
        assert_eq!(refused.code().as_str(), "UNKNOWN");
        // The bytes of a refused push do not stay.
        assert_eq!(world.registry.blobs().stat(&other.digest()).await.unwrap(), None);

        // The same again is accepted and changes nothing.
        assert_eq!(world.push(&system, "admin/build", "7", &good).await.unwrap().entry, None);

        world.registry.delete_tag(&system, &repo("admin/build"), &tag("7")).await.unwrap();
        let refused = world.push(&system, "admin/build", "7", &other).await.unwrap_err();
        assert!(matches!(&refused, Error::TagUsed { digest, .. } if *digest == good.digest()), "{refused:?}");
        assert!(refused.to_string().starts_with(&words), "{refused}");
        world.registry.delete_manifest(&system, &repo("admin/build"), &good.digest()).await.unwrap();
        assert!(matches!(world.push(&system, "admin/build", "7", &other).await, Err(Error::TagUsed { .. })));
        world.push(&system, "admin/build", "7", &good).await.unwrap();
        assert_eq!(world.folded().await, world.state().await);
    }
}

#[tokio::test]
async fn switching_immutability_on_binds_what_is_there() {
    for world in World::everywhere().await {
        let system = world.system();
        let name = repo("admin/app");
        world.repository("admin/app", Visibility::Private, false).await;
        world.push(&system, "admin/app", "latest", &Sample::image(1)).await.unwrap();
        world.push(&system, "admin/app", "latest", &Sample::image(2)).await.unwrap();
        world.push(&system, "admin/app", "gone", &Sample::image(1)).await.unwrap();
        world.registry.delete_tag(&system, &name, &tag("gone")).await.unwrap();
        let changes = RepositoryChanges { immutable: Some(true), ..RepositoryChanges::default() };
        let after = world.registry.update_repository(&system, &name, changes.clone()).await.unwrap();
        assert_eq!(after.settings(), "private immutable scan");
        for reference in ["latest", "gone"] {
            assert!(world.push(&system, "admin/app", reference, &Sample::image(3)).await.is_err());
        }
        let limited = RepositoryChanges { tag_limit: Some(3), ..changes };
        assert!(matches!(world.registry.update_repository(&system, &name, limited).await, Err(Error::Invalid(_))));
        assert_eq!(world.folded().await, world.state().await);
    }
}

#[tokio::test]
async fn one_push_may_set_several_tags() {
    for world in World::everywhere().await {
        let system = world.system();
        let (name, sample) = (repo("admin/app"), Sample::image(1));
        for blob in &sample.blobs {
            world.put(&system, "admin/app", blob).await.unwrap();
        }
        let reference = Reference::Digest(sample.digest());
        let many: Vec<_> = (0..21).map(|number| tag(&number.to_string())).collect();
        let push = |tags| ManifestPush {
            repository: &name,
            reference: &reference,
            content_type: Some("application/vnd.oci.image.manifest.v1+json"),
            bytes: sample.manifest.clone(),
            tags,
        };
        assert!(matches!(world.registry.push_manifest(&system, push(&many)).await, Err(Error::TooLarge(_))));
        world.registry.push_manifest(&system, push(&many[..12])).await.unwrap();
        let page = world.registry.tags(&system, &name, "1", 4).await.unwrap();
        assert_eq!((page.items, page.more), (["10", "11", "2", "3"].map(tag).to_vec(), true));
        let pushed: Vec<_> = world.events().await.into_iter().filter(|event| event.kind == "image.pushed").collect();
        assert_eq!(pushed.len(), 12);
        assert_eq!(pushed.iter().filter(|event| event.data["manifest_pushed"] == true).count(), 1);
        let mut tx = world.db.read().await.unwrap();
        assert_eq!(Registry::places(&mut tx, &sample.digest()).await.unwrap()[0].tags.len(), 12);
        assert_eq!(Registry::tagged_images(&mut tx, &name, "", 5).await.unwrap().len(), 5);
        assert!(Registry::authorize(&mut tx, &system, &name, Right::Admin).await.is_ok());
    }
}

#[tokio::test]
async fn a_blob_the_disk_lost_is_pushed_again() {
    for world in World::everywhere().await {
        let system = world.system();
        let sample = Sample::image(1);
        world.push(&system, "admin/app", "1", &sample).await.unwrap();
        let config = Digest::sha256_of(&sample.blobs[0]);
        world.registry.blobs().delete(&config).await.unwrap();
        let name = repo("admin/app");
        assert!(matches!(world.registry.stat_blob(&system, &name, &config).await, Err(Error::BlobUnknown { .. })));
        assert!(matches!(world.registry.open_blob(&system, &name, &config).await, Err(Error::BlobUnknown { .. })));
        let again = world.push_bytes(&system, "admin/app", "2", &sample.manifest).await;
        assert!(matches!(again, Err(Error::Missing { .. })), "{again:?}");
        world.push(&system, "admin/app", "2", &sample).await.unwrap();
        world.registry.stat_blob(&system, &name, &config).await.unwrap();
    }
}
