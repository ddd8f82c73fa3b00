//! Garbage collection: what goes, what stays, and that a push at the same time loses nothing.

use std::time::Duration;

use oci::Digest;
use registry::{Collected, Error, Hold, Registry, Source, Target, Visibility};

use super::world::{Sample, World, repo, tag};

const DAY: i64 = 24;

async fn collect(world: &World) -> Collected {
    world.registry.collect(&world.system()).await.unwrap()
}

/// Both steps: links end, and some time after that their bytes go.
async fn collect_all(world: &World) -> Collected {
    world.later(2 * DAY);
    let links = collect(world).await;
    world.later(2 * DAY);
    let bytes = collect(world).await;
    Collected {
        manifests: links.manifests,
        links: links.links,
        files: links.files + bytes.files,
        bytes: links.bytes + bytes.bytes,
    }
}

async fn stored(world: &World, bytes: &[u8]) -> bool {
    world.registry.blobs().stat(&Digest::sha256_of(bytes)).await.unwrap().is_some()
}

#[tokio::test]
async fn what_nothing_names_goes_and_the_rest_stays() {
    for world in World::everywhere().await {
        let system = world.system();
        let (kept, gone) = (Sample::image(1), Sample::image(2));
        world.push(&system, "a/b", "kept", &kept).await.unwrap();
        world.push(&system, "a/b", "gone", &gone).await.unwrap();
        world.put(&system, "a/b", b"never named").await.unwrap();
        assert_eq!(collect_all(&world).await, Collected { links: 1, files: 1, bytes: 11, ..Collected::default() });

        let now = world.system();
        world.registry.delete_manifest(&now, &repo("a/b"), &gone.digest()).await.unwrap();
        // Its configuration and upper layer, and the manifest; the lower layer belongs to the other image too.
        world.later(2 * DAY);
        let dry = world.registry.collectable(&world.system()).await.unwrap();
        assert_eq!((dry.links, dry.files), (2, 1));
        let collected = collect_all(&world).await;
        assert_eq!((collected.links, collected.files), (2, 3));
        assert!(!stored(&world, &gone.manifest).await && !stored(&world, &gone.blobs[2]).await);
        assert_eq!(collect_all(&world).await, Collected::default());
        for blob in kept.blobs.iter().chain([&kept.manifest]) {
            assert!(stored(&world, blob).await);
        }
        assert_eq!(world.pull(&world.system(), "a/b", "kept").await.unwrap(), kept.manifest);
        // And it can be pushed again.
        world.push(&world.system(), "a/b", "gone", &gone).await.unwrap();
        assert_eq!(collect_all(&world).await, Collected::default());
        assert_eq!(world.folded().await, world.state().await);
    }
}

#[tokio::test]
async fn bytes_stay_as_long_as_any_repository_links_them() {
    for world in World::everywhere().await {
        let system = world.system();
        let sample = Sample::image(1);
        for name in ["a/b", "a/c"] {
            world.push(&system, name, "1", &sample).await.unwrap();
        }
        world.registry.delete_repository(&system, &repo("a/b")).await.unwrap();
        assert_eq!(collect_all(&world).await, Collected::default());
        world.pull(&world.system(), "a/c", "1").await.unwrap();
        world.registry.delete_repository(&world.system(), &repo("a/c")).await.unwrap();
        assert_eq!(collect_all(&world).await.files, 4);
        assert!(!stored(&world, &sample.manifest).await);
    }
}

#[tokio::test]
async fn a_push_that_began_before_is_never_too_late() {
    for world in World::everywhere().await {
        let system = world.system();
        let sample = Sample::image(1);
        for blob in &sample.blobs {
            world.put(&system, "a/b", blob).await.unwrap();
        }
        world.later(23);
        // A client asks whether the blobs are here, hears yes, and pushes the manifest only eleven hours later.
        let now = world.system();
        for blob in &sample.blobs {
            world.registry.stat_blob(&now, &repo("a/b"), &Digest::sha256_of(blob)).await.unwrap();
        }
        world.later(11);
        collect(&world).await;
        world.push_bytes(&world.system(), "a/b", "1", &sample.manifest).await.unwrap();
        collect_all(&world).await;
        world.pull(&world.system(), "a/b", "1").await.unwrap();

        // Bytes whose links are gone are pushed again just before they would have been removed.
        world.registry.delete_repository(&world.system(), &repo("a/b")).await.unwrap();
        let tomorrow = 2 * DAY;
        world.put(&world.system(), "a/c", &sample.blobs[0]).await.unwrap();
        world.later(tomorrow);
        let collected = world.registry.collect(&world.system()).await.unwrap();
        assert_eq!(collected.files, 3, "all but the one that was pushed again");
        // It was linked to the new repository, named by nothing: that link is what ends.
        assert_eq!(collected.links, 1);
    }
}

#[tokio::test]
async fn a_sweep_that_was_cut_off_is_finished_and_pushes_wait_for_it() {
    for world in World::everywhere().await {
        let system = world.system();
        let digest = world.put(&system, "a/b", b"some bytes").await.unwrap();
        world.registry.delete_blob(&system, &repo("a/b"), &digest).await.unwrap();
        db::write!(world.db, &system, |tx| {
            let sql = "UPDATE blobs SET sweeping = TRUE WHERE digest = $1";
            tx.execute(sql, &db::args![digest.as_str()]).await
        })
        .map_err(|error: db::Error| error)
        .unwrap();
        let refused = world.put(&system, "a/b", b"some bytes").await.unwrap_err();
        assert!(matches!(refused, Error::Sweeping(_)) && refused.kind() == base::Kind::Unavailable);
        assert_eq!(collect(&world).await.files, 1);
        world.put(&system, "a/b", b"some bytes").await.unwrap();
        assert!(stored(&world, b"some bytes").await);
    }
}

#[tokio::test]
async fn untagged_manifests_go_only_where_the_operator_wants_it_and_nothing_keeps_them() {
    for mut world in World::everywhere().await {
        world.set(|settings| settings.untagged_after = Some(Duration::from_secs(24 * 60 * 60))).await;
        let system = world.system();
        let image = |seed| Sample::image(seed);
        let push = async |name: &str, reference: &str, sample: &Sample| {
            world.push(&system, name, reference, sample).await.unwrap();
        };
        let plain = image(1);
        push("a/b", plain.digest().as_str(), &plain).await;
        let about_plain = Sample::about(&plain.digest(), plain.manifest.len(), "application/vnd.x.signature");
        push("a/b", about_plain.digest().as_str(), &about_plain).await;
        let (tagged, child) = (image(2), image(3));
        push("a/b", "tagged", &tagged).await;
        let about_tagged = Sample::about(&tagged.digest(), tagged.manifest.len(), "application/vnd.x.signature");
        push("a/b", about_tagged.digest().as_str(), &about_tagged).await;
        push("a/b", child.digest().as_str(), &child).await;
        push("a/b", "multi", &Sample::index(&[&child])).await;
        let held = image(4);
        push("a/b", held.digest().as_str(), &held).await;
        let hold = Hold::Manifest(held.digest());
        db::write!(world.db, &system, |tx| Registry::hold(tx, &system, &repo("a/b"), &hold, "trust", "signed").await)
            .unwrap();
        // Promoted, and then the tag moved on.
        world.repository("a/prod", Visibility::Private, false).await;
        for sample in [&tagged, &child] {
            let (from, to, digest) = (repo("a/b"), repo("a/prod"), sample.digest());
            db::write!(world.db, &system, |tx| {
                let source = Source { repository: &from, digest: &digest, tag: None };
                let target = Target { repository: &to, tag: &tag("live"), policy: None };
                world.registry.copy_tag(tx, &system, source, target).await
            })
            .unwrap();
        }
        // An immutable repository keeps what a name was given to.
        world.repository("a/fixed", Visibility::Private, true).await;
        push("a/fixed", "1", &tagged).await;
        world.registry.delete_tag(&system, &repo("a/fixed"), &tag("1")).await.unwrap();

        world.later(2 * DAY);
        assert_eq!(world.registry.collectable(&world.system()).await.unwrap().manifests, 1);
        assert_eq!(collect(&world).await.manifests, 2, "the plain one, and then what refers to it");
        let now = world.system();
        for digest in [plain.digest(), about_plain.digest()] {
            assert!(matches!(world.pull(&now, "a/b", digest.as_str()).await, Err(Error::ManifestUnknown { .. })));
        }
        for sample in [&tagged, &about_tagged, &child, &held] {
            world.pull(&now, "a/b", sample.digest().as_str()).await.unwrap();
        }
        world.pull(&now, "a/prod", tagged.digest().as_str()).await.unwrap();
        world.pull(&now, "a/fixed", tagged.digest().as_str()).await.unwrap();
        assert_eq!(world.folded().await, world.state().await);
    }
}

#[tokio::test]
async fn one_collection_at_a_time_and_administrators_only() {
    for world in World::everywhere().await {
        let user = world.user("sam").await;
        assert_eq!(world.registry.collect(&user).await.unwrap_err().kind(), base::Kind::Denied);
        let system = world.system();
        db::write!(world.db, &system, |tx| {
            let sql = "UPDATE leases SET until = $1";
            tx.execute(sql, &db::args![system.now + Duration::from_secs(60)]).await
        })
        .map_err(|error: db::Error| error)
        .unwrap();
        assert!(matches!(world.registry.collect(&system).await, Err(Error::Collecting)));
        world.later(1);
        collect(&world).await;
        collect(&world).await;
    }
}

#[tokio::test]
async fn a_thousand_orphans_go_in_one_run_each_step() {
    for world in World::everywhere().await {
        let system = world.system();
        for number in 0..1_000_u32 {
            world.put(&system, "a/b", format!("orphan {number}").as_bytes()).await.unwrap();
        }
        world.push(&system, "a/b", "kept", &Sample::image(1)).await.unwrap();
        world.later(2 * DAY);
        let began = std::time::Instant::now();
        assert_eq!(collect(&world).await.links, 1_000);
        let unlinked = began.elapsed();
        world.later(1);
        let began = std::time::Instant::now();
        assert_eq!(collect(&world).await.files, 1_000);
        // To be looked at, and not held against a limit: machines differ.
        eprintln!("1,000 orphans: unlinked in {unlinked:?}, swept in {:?}", began.elapsed());
        world.pull(&world.system(), "a/b", "kept").await.unwrap();
    }
}
