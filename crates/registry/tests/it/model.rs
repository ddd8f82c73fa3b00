//! Whatever is done in whatever order: tags name whole images, immutable names keep their digests, the log tells all.

use std::collections::BTreeMap;

use oci::{Digest, Manifest, Reference};
use proptest::prelude::*;
use registry::{Error, Registry, RepositoryChanges, Source, Target, Visibility};

use super::world::{Sample, World, repo, tag};

const REPOSITORIES: [&str; 3] = ["a/build", "a/app", "a/fixed"];

#[derive(Clone, Debug)]
enum Step {
    Push { repository: usize, tag: u8, image: u32 },
    PushIndex { repository: usize, tag: u8, images: (u32, u32) },
    PushManifestOnly { repository: usize, tag: u8, image: u32 },
    Copy { from: usize, to: usize, image: u32, tag: u8 },
    DeleteTag { repository: usize, tag: u8 },
    DeleteManifest { repository: usize, image: u32 },
    DeleteBlob { repository: usize, image: u32 },
    Immutable { repository: usize, on: bool },
    DeleteRepository { repository: usize },
    Restart,
    Later { hours: i64 },
    Collect,
}

fn step() -> impl Strategy<Value = Step> {
    let (r, t, i) = (0..3_usize, 0..3_u8, 0..3_u32);
    prop_oneof![
        6 => (r.clone(), t.clone(), i.clone()).prop_map(|(repository, tag, image)| Step::Push { repository, tag, image }),
        2 => (r.clone(), t.clone(), (i.clone(), i.clone()))
            .prop_map(|(repository, tag, images)| Step::PushIndex { repository, tag, images }),
        1 => (r.clone(), t.clone(), i.clone())
            .prop_map(|(repository, tag, image)| Step::PushManifestOnly { repository, tag, image }),
        4 => (r.clone(), r.clone(), i.clone(), t.clone())
            .prop_map(|(from, to, image, tag)| Step::Copy { from, to, image, tag }),
        2 => (r.clone(), t).prop_map(|(repository, tag)| Step::DeleteTag { repository, tag }),
        2 => (r.clone(), i.clone()).prop_map(|(repository, image)| Step::DeleteManifest { repository, image }),
        2 => (r.clone(), i).prop_map(|(repository, image)| Step::DeleteBlob { repository, image }),
        1 => (r.clone(), any::<bool>()).prop_map(|(repository, on)| Step::Immutable { repository, on }),
        1 => r.prop_map(|repository| Step::DeleteRepository { repository }),
        1 => Just(Step::Restart),
        3 => (0..40_i64).prop_map(|hours| Step::Later { hours }),
        3 => Just(Step::Collect),
    ]
}

async fn apply(world: &mut World, step: &Step) -> Result<(), Error> {
    let ctx = world.system();
    let name = |index: usize| repo(REPOSITORIES[index]);
    match *step {
        Step::Push { repository, tag, image } => {
            world.push(&ctx, REPOSITORIES[repository], &tag.to_string(), &Sample::image(image)).await?;
        }
        Step::PushIndex { repository, tag, images: (one, two) } => {
            let index = Sample::index(&[&Sample::image(one), &Sample::image(two)]);
            world.push(&ctx, REPOSITORIES[repository], &tag.to_string(), &index).await?;
        }
        Step::PushManifestOnly { repository, tag, image } => {
            let manifest = Sample::image(image).manifest;
            world.push_bytes(&ctx, REPOSITORIES[repository], &tag.to_string(), &manifest).await?;
        }
        Step::Copy { from, to, image, tag: number } => {
            let (from, to, digest) = (name(from), name(to), Sample::image(image).digest());
            let target_tag = tag(&number.to_string());
            db::write!(world.db, &ctx, |tx| {
                let source = Source { repository: &from, digest: &digest, tag: None };
                let target = Target { repository: &to, tag: &target_tag, policy: None };
                world.registry.copy_tag(tx, &ctx, source, target).await
            })?;
        }
        Step::DeleteTag { repository, tag: number } => {
            world.registry.delete_tag(&ctx, &name(repository), &tag(&number.to_string())).await?;
        }
        Step::DeleteManifest { repository, image } => {
            world.registry.delete_manifest(&ctx, &name(repository), &Sample::image(image).digest()).await?;
        }
        Step::DeleteBlob { repository, image } => {
            let digest = Digest::sha256_of(&Sample::image(image).blobs[2]);
            world.registry.delete_blob(&ctx, &name(repository), &digest).await?;
        }
        Step::Immutable { repository, on } => {
            let changes = RepositoryChanges { immutable: Some(on), ..RepositoryChanges::default() };
            world.registry.update_repository(&ctx, &name(repository), changes).await?;
        }
        Step::DeleteRepository { repository } => world.registry.delete_repository(&ctx, &name(repository)).await?,
        Step::Restart => world.restart().await,
        Step::Later { hours } => world.later(hours),
        Step::Collect => drop(world.registry.collect(&ctx).await?),
    }
    Ok(())
}

/// Every tag can be pulled whole, by everybody who may pull.
async fn check_whole(world: &World) {
    let ctx = world.system();
    for repository in world.registry.catalog(&ctx, "", 100).await.unwrap().items {
        for tag in world.registry.tags(&ctx, &repository, "", 100).await.unwrap().items {
            let mut waiting = vec![Reference::Tag(tag)];
            while let Some(reference) = waiting.pop() {
                let stored = world.registry.manifest(&ctx, &repository, &reference).await.unwrap();
                let manifest = Manifest::parse(&stored.bytes, None).unwrap();
                for blob in manifest.required_blobs() {
                    assert_eq!(world.registry.stat_blob(&ctx, &repository, &blob.digest).await.unwrap(), blob.size);
                }
                waiting.extend(manifest.manifests().iter().map(|child| Reference::Digest(child.digest.clone())));
            }
        }
    }
}

/// The tags of the immutable repositories.
async fn fixed(world: &World) -> BTreeMap<String, String> {
    let mut fixed = BTreeMap::new();
    let mut tx = world.db.read().await.unwrap();
    for name in REPOSITORIES {
        let Some(repository) = Registry::find(&mut tx, &repo(name)).await.unwrap() else { continue };
        for view in Registry::tagged_images(&mut tx, &repo(name), "", 100).await.unwrap() {
            if repository.immutable {
                fixed.insert(format!("{}:{}", repository.id, view.tag), view.image.digest.to_string());
            }
        }
    }
    fixed
}

async fn run(steps: Vec<Step>) {
    for mut world in World::everywhere().await {
        for (name, immutable) in REPOSITORIES.iter().zip([false, false, true]) {
            world.repository(name, Visibility::Private, immutable).await;
        }
        // What each immutable name was first seen with, while its repository stays immutable.
        let mut bound = BTreeMap::new();
        for step in &steps {
            if let Err(error) = apply(&mut world, step).await {
                assert_ne!(error.kind(), base::Kind::Internal, "{step:?}: {error}");
            }
            if matches!(step, Step::Immutable { on: false, .. }) {
                bound.clear();
            }
            for (place, digest) in fixed(&world).await {
                assert_eq!(*bound.entry(place).or_insert_with(|| digest.clone()), digest, "{step:?}");
            }
            check_whole(&world).await;
        }
        assert_eq!(world.folded().await, world.state().await);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, ..ProptestConfig::default() })]
    #[test]
    fn any_order_of_operations(steps in prop::collection::vec(step(), 1..25)) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(run(steps));
    }
}
