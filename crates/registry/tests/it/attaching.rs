//! What the program itself says of an image: one of each kind, no push, nobody's bytes, gone with its image.

use std::{collections::BTreeMap, time::Duration};

use oci::Digest;
use registry::{Attachment, Error, QuotaOf, Registry, Source, Stored, Target, Visibility};

use super::world::{Sample, World, repo, tag};

const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

async fn store(world: &World, subject: &Digest, said: &str) -> Stored {
    let image = Registry::image_of(&mut world.db.read().await.unwrap(), subject).await.unwrap().unwrap();
    let annotations = BTreeMap::from([("what", "said")]);
    let attachment = Attachment { subject: &image, media_type: BUNDLE, annotations, bytes: said.as_bytes().to_vec() };
    world.registry.store_attachment(&world.system(), attachment).await.unwrap()
}

async fn attach(world: &World, names: &[&str], subject: &Digest, kind: &str, said: &str) -> Result<usize, Error> {
    let (stored, ctx) = (store(world, subject, said).await, world.system());
    let names: Vec<_> = names.iter().map(|name| repo(name)).collect();
    db::write!(world.db, &ctx, |tx| Registry::attach(tx, &ctx, &stored, kind, &names).await)
}

/// What is attached to an image, by the sizes of what it says.
async fn said(world: &World, name: &str, subject: &Digest) -> Vec<String> {
    let system = world.system();
    let found = world.registry.referrers(&system, &repo(name), subject, None, ("", 100)).await.unwrap();
    let mut all = Vec::new();
    for one in found.items.iter().filter(|one| one.artifact_type().is_some_and(|kind| kind.as_str() == BUNDLE)) {
        let layers = Registry::layers(&mut world.db.read().await.unwrap(), &one.image.digest).await.unwrap();
        let bytes = world.registry.blobs().read(&layers[0].digest, layers[0].size).await.unwrap();
        all.push(String::from_utf8(bytes).unwrap());
    }
    all.sort();
    all
}

async fn used(world: &World, name: &str) -> u64 {
    world.registry.repository_usage(&world.system(), &repo(name)).await.unwrap().used_bytes
}

#[tokio::test]
async fn the_newest_of_each_kind_is_there_and_nobody_pays_for_it() {
    for world in World::everywhere().await {
        let (system, sample) = (world.system(), Sample::image(1));
        let image = sample.digest();
        for name in ["a/b", "a/c"] {
            world.push(&system, name, "1", &sample).await.unwrap();
        }
        // In a repository that does not hold the image there is nothing to attach to.
        world.repository("a/none", Visibility::Public, false).await;
        world.events().await;
        let full = used(&world, "a/b").await;
        world.registry.set_quota(&system, &QuotaOf::Repository(repo("a/b")), full).await.unwrap();
        let places = ["a/b", "a/c", "a/none", "a/absent"];
        assert_eq!(attach(&world, &places, &image, "scan", "one").await.unwrap(), 2);
        assert_eq!(attach(&world, &places, &image, "inventory", "list").await.unwrap(), 2);
        assert_eq!(attach(&world, &places, &image, "scan", "one").await.unwrap(), 0);
        assert_eq!(attach(&world, &["a/b"], &image, "scan", "two").await.unwrap(), 1);
        assert_eq!(said(&world, "a/b", &image).await, ["list", "two"]);
        assert_eq!(said(&world, "a/c", &image).await, ["list", "one"]);
        assert_eq!((used(&world, "a/b").await, world.events().await.len()), (full, 0));
        assert_eq!(world.entries("image.attested").await.len(), 3);
        // It is read by the right to pull, and no tag.
        let sam = world.user("sam").await;
        let refused = world.registry.referrers(&sam, &repo("a/b"), &image, None, ("", 100)).await;
        assert!(matches!(refused, Err(Error::NameUnknown(_))));
        assert_eq!(world.registry.tags(&system, &repo("a/b"), "", 100).await.unwrap().items, [tag("1")]);

        world.registry.set_read_only(&system, Some("later")).await.unwrap();
        assert!(matches!(attach(&world, &["a/b"], &image, "scan", "three").await, Err(Error::ReadOnly(_))));
        world.registry.set_read_only(&system, None).await.unwrap();
        assert_eq!(world.folded().await, world.state().await);
    }
}

#[tokio::test]
async fn it_holds_no_blob_of_other_artifacts() {
    for world in World::everywhere().await {
        let (system, image) = (world.system(), Sample::image(1));
        world.push(&system, "a/b", "1", &image).await.unwrap();
        let artifact = Sample::about(&image.digest(), image.manifest.len(), "application/vnd.example.note");
        world.push(&system, "a/b", artifact.digest().as_ref(), &artifact).await.unwrap();
        attach(&world, &["a/b"], &image.digest(), "scan", "one").await.unwrap();
        world.registry.delete_manifest(&system, &repo("a/b"), &artifact.digest()).await.unwrap();
        for blob in &artifact.blobs {
            world.registry.delete_blob(&system, &repo("a/b"), &Digest::sha256_of(blob)).await.unwrap();
        }
    }
}

#[tokio::test]
async fn it_goes_with_its_image_unless_that_comes_back() {
    for mut world in World::everywhere().await {
        world.set(|settings| settings.undo = Duration::from_secs(7 * 24 * 60 * 60)).await;
        let sample = Sample::image(1);
        let (name, image) = (repo("a/b"), sample.digest());
        world.push(&world.system(), "a/b", "1", &sample).await.unwrap();
        attach(&world, &["a/b"], &image, "scan", "one").await.unwrap();
        let first = store(&world, &image, "one").await.digest().clone();
        for comes_back in [true, false] {
            let now = world.system();
            world.registry.delete_manifest(&now, &name, &image).await.unwrap();
            world.later(5 * 24);
            world.registry.collect(&world.system()).await.unwrap();
            assert_eq!(said(&world, "a/b", &image).await, ["one"]);
            if comes_back {
                let found = world.registry.deletions(&world.system(), &"a".parse().unwrap(), None, 9).await.unwrap();
                world.registry.restore(&world.system(), &found.items[0].id).await.unwrap();
            }
        }
        for _ in 0..4 {
            world.later(5 * 24);
            world.registry.collect(&world.system()).await.unwrap();
        }
        assert!(said(&world, "a/b", &image).await.is_empty());
        assert!(world.registry.blobs().stat(&first).await.unwrap().is_none());
        assert_eq!(world.entries("attestations.removed").await.len(), 1);
        assert_eq!(world.folded().await, world.state().await);
    }
}

#[tokio::test]
async fn it_makes_way_for_older_signatures_and_follows_a_promotion() {
    for world in World::everywhere().await {
        let (system, sample) = (world.system(), Sample::image(1));
        let image = sample.digest();
        world.push(&system, "a/b", "1", &sample).await.unwrap();
        attach(&world, &["a/b"], &image, "scan", "one").await.unwrap();
        let promote = async |target: &str| {
            let (from, to, tag) = (repo("a/b"), repo(target), tag("1"));
            db::write!(world.db, &system, |tx| {
                let source = Source { repository: &from, digest: &image, tag: Some(&tag) };
                let target = Target { repository: &to, tag: &tag, policy: None };
                world.registry.copy_tag(tx, &system, source, target).await
            })
            .unwrap()
        };
        for name in ["a/new", "a/signed", "a/referred"] {
            world.repository(name, Visibility::Public, false).await;
        }
        promote("a/new").await;
        assert_eq!(said(&world, "a/new", &image).await, ["one"]);
        assert_eq!(used(&world, "a/new").await, used(&world, "a/b").await);
        assert_eq!(attach(&world, &["a/new"], &image, "scan", "two").await.unwrap(), 1);
        assert_eq!(said(&world, "a/new", &image).await, ["two"]);

        // Signed before it is promoted to, by tag and by reference.
        let signature = format!("{}.sig", image.as_str().replace(':', "-"));
        world.push(&system, "a/signed", &signature, &Sample::image(2)).await.unwrap();
        promote("a/signed").await;
        let kind = "application/vnd.dev.cosign.artifact.sig.v1+json";
        let referrer = Sample::about(&image, sample.manifest.len(), kind);
        world.push(&system, "a/referred", referrer.digest().as_str(), &referrer).await.unwrap();
        promote("a/referred").await;
        for name in ["a/signed", "a/referred"] {
            assert!(said(&world, name, &image).await.is_empty(), "{name}");
            assert_eq!(attach(&world, &[name], &image, "scan", "one").await.unwrap(), 0);
        }
        // And after it was attached.
        world.push(&system, "a/b", &signature, &Sample::image(2)).await.unwrap();
        world.push(&system, "a/new", referrer.digest().as_str(), &referrer).await.unwrap();
        for name in ["a/b", "a/new"] {
            assert!(said(&world, name, &image).await.is_empty(), "{name}");
        }
        // Once the signature is gone there is a place again.
        world.registry.delete_tag(&system, &repo("a/b"), &tag(&signature)).await.unwrap();
        assert_eq!(attach(&world, &["a/b"], &image, "scan", "one").await.unwrap(), 1);
        assert_eq!(world.folded().await, world.state().await);
    }
}
