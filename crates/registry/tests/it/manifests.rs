//! What a manifest must be to be taken, and who refers to it.

use oci::{Algorithm, Digest, MediaType};
use registry::{Error, Registry, Visibility};
use serde_json::{Value, json};

use super::world::{Sample, World, descriptor, repo, tag};

#[tokio::test]
async fn bad_manifests_are_refused_with_the_protocols_codes() {
    for world in World::everywhere().await {
        let system = world.system();
        let sample = Sample::image(1);
        world.push(&system, "a/b", "good", &sample).await.unwrap();
        let good: Value = serde_json::from_slice(&sample.manifest).unwrap();
        let with = |change: fn(&mut Value)| {
            let mut value = good.clone();
            change(&mut value);
            value.to_string().into_bytes()
        };
        let absent = descriptor(&MediaType::OCI_LAYER, b"never pushed");
        let mut index: Value = serde_json::from_slice(&Sample::index(&[&Sample::image(9)]).manifest).unwrap();
        let index_bytes = index.to_string().into_bytes();
        index["manifests"][0] = absent;
        let cases = [
            ("not JSON", b"{".to_vec(), "MANIFEST_INVALID"),
            ("huge", vec![b' '; 5 << 20], "SIZE_INVALID"),
            (
                "layer missing",
                with(|value| value["layers"][0]["digest"] = json!(Digest::sha256_of(b"?"))),
                "MANIFEST_BLOB_UNKNOWN",
            ),
            (
                "config missing",
                with(|value| value["config"]["digest"] = json!(Digest::sha256_of(b"?"))),
                "MANIFEST_BLOB_UNKNOWN",
            ),
            ("another size", with(|value| value["layers"][0]["size"] = json!(1)), "SIZE_INVALID"),
            ("two kinds", with(|value| value["manifests"] = json!([])), "MANIFEST_INVALID"),
            ("child missing", index_bytes, "MANIFEST_BLOB_UNKNOWN"),
            ("blob of a cache index missing", index.to_string().into_bytes(), "MANIFEST_BLOB_UNKNOWN"),
        ];
        for (what, bytes, code) in cases {
            let refused = world.push_bytes(&system, "a/b", "bad", &bytes).await.unwrap_err();
            assert_eq!(refused.code().as_str(), code, "{what}: {refused}");
        }
        let wrong = Digest::sha256_of(b"something else");
        let refused = world.push_bytes(&system, "a/b", wrong.as_str(), &sample.manifest).await.unwrap_err();
        assert!(matches!(refused, Error::DigestInvalid { .. }));
        // Blobs are looked for in the same repository only, also where the push would make it.
        for other in ["a/c", "a/new"] {
            let refused = world.push_bytes(&system, other, "1", &sample.manifest).await.unwrap_err();
            assert!(matches!(refused, Error::Missing { .. }), "{refused:?}");
        }
        assert_eq!(world.registry.tags(&system, &repo("a/b"), "", 10).await.unwrap().items, [tag("good")]);
    }
}

#[tokio::test]
async fn unusual_manifests_are_taken() {
    for world in World::everywhere().await {
        let system = world.system();
        world.repository("a/b", Visibility::Private, false).await;
        world.put(&system, "a/b", b"{}").await.unwrap();
        let foreign: MediaType = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip".parse().unwrap();
        let base = json!({"schemaVersion": 2, "mediaType": MediaType::OCI_MANIFEST,
        "config": descriptor(&MediaType::OCI_EMPTY, b"{}"), "layers": []});
        let mut nondistributable = base.clone();
        nondistributable["layers"] = json!([descriptor(&foreign, b"never pushed")]);
        let mut fields = base.clone();
        fields["org.example.custom"] = json!({"a": [1]});
        let empty_index = json!({"schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": []});
        let cache = json!({"schemaVersion": 2, "mediaType": MediaType::OCI_INDEX,
        "manifests": [descriptor(&MediaType::OCI_LAYER_GZIP, b"{}")]});
        let image_config = json!({"schemaVersion": 2, "mediaType": MediaType::OCI_MANIFEST,
        "config": descriptor(&MediaType::OCI_CONFIG, b"{}"), "layers": []});
        for (name, manifest) in [
            ("no-layers", base),
            ("nondistributable", nondistributable),
            ("custom-fields", fields),
            ("empty-index", empty_index.clone()),
            ("cache", cache),
            ("empty-config", image_config),
        ] {
            let bytes = manifest.to_string().into_bytes();
            world.push_bytes(&system, "a/b", name, &bytes).await.unwrap();
            assert_eq!(world.pull(&system, "a/b", name).await.unwrap(), bytes, "{name}");
        }
        // An index of nothing needs no repository to stand in.
        let bytes = empty_index.to_string().into_bytes();
        let digest = Digest::of(Algorithm::Sha512, &bytes);
        world.push_bytes(&system, "a/new", digest.as_str(), &bytes).await.unwrap();
        assert_eq!(world.pull(&system, "a/new", digest.as_str()).await.unwrap(), bytes);
    }
}

#[tokio::test]
async fn referrers_are_listed_by_type_page_by_page() {
    for world in World::everywhere().await {
        world.organization("a").await;
        let system = world.system();
        let name = repo("a/b");
        let image = Sample::image(1);
        let absent = Digest::sha256_of(b"not there");
        let none = world.registry.referrers(&system, &repo("a/never"), &absent, None, ("", 10)).await.unwrap();
        assert!(none.items.is_empty() && !none.more);
        // The subject may come later.
        let signature = Sample::about(&image.digest(), image.manifest.len(), "application/vnd.x.signature");
        let sbom = Sample::about(&image.digest(), image.manifest.len(), "application/vnd.x.sbom");
        let pushed = world.push(&system, "a/b", signature.digest().as_str(), &signature).await.unwrap();
        assert_eq!(pushed.subject, Some(image.digest()));
        world.push(&system, "a/b", "sbom", &sbom).await.unwrap();
        world.push(&system, "a/b", "1", &image).await.unwrap();

        let all = world.registry.referrers(&system, &name, &image.digest(), None, ("", 10)).await.unwrap();
        assert_eq!((all.items.len(), all.more), (2, false));
        let first = world.registry.referrers(&system, &name, &image.digest(), None, ("", 1)).await.unwrap();
        assert!(first.more);
        let after = first.items[0].image.digest.to_string();
        let second = world.registry.referrers(&system, &name, &image.digest(), None, (&after, 1)).await.unwrap();
        assert_eq!(second.items[0].image.digest, all.items[1].image.digest);
        let wanted: MediaType = "application/vnd.x.sbom".parse().unwrap();
        let some = world.registry.referrers(&system, &name, &image.digest(), Some(&wanted), ("", 10)).await.unwrap();
        let descriptor = some.items[0].descriptor();
        assert_eq!((some.items.len(), &descriptor.digest), (1, &sbom.digest()));
        assert_eq!(descriptor.artifact_type, Some(wanted));
        assert_eq!(descriptor.annotations["made.by"], "application/vnd.x.sbom");
        // The entry of a signature is about what it signs.
        let entry = &world.entries("image.pushed").await[0];
        assert!(entry["subjects"].as_array().unwrap().contains(&json!(image.digest())));
    }
}

#[tokio::test]
async fn the_size_of_an_index_is_that_of_its_images() {
    for world in World::everywhere().await {
        let system = world.system();
        let (one, two) = (Sample::image(1), Sample::image(2));
        for sample in [&one, &two] {
            world.push(&system, "a/b", sample.digest().as_str(), sample).await.unwrap();
        }
        let index = Sample::index(&[&one, &two]);
        world.push(&system, "a/b", "multi", &index).await.unwrap();
        let mut tx = world.db.read().await.unwrap();
        let size = |image: Option<registry::Image>| image.unwrap().total_bytes;
        let parts = size(Registry::image_of(&mut tx, &one.digest()).await.unwrap())
            + size(Registry::image_of(&mut tx, &two.digest()).await.unwrap());
        assert_eq!(size(Registry::image_of(&mut tx, &index.digest()).await.unwrap()), parts);
        let children = Registry::members(&mut tx, &repo("a/b"), &index.digest()).await.unwrap().images;
        assert_eq!(children[1].digest, two.digest());
    }
}

#[tokio::test]
async fn sparse_manifests_are_taken_where_the_operator_wants_them() {
    for mut world in World::everywhere().await {
        world.set(|settings| settings.sparse = true).await;
        let system = world.system();
        let (here, absent) = (Sample::image(1), Sample::image(2));
        world.put(&system, "a/b", &here.blobs[0]).await.unwrap();
        world.push_bytes(&system, "a/b", "1", &here.manifest).await.unwrap();
        let index = Sample::index(&[&here, &absent]);
        world.push_bytes(&system, "a/b", "multi", &index.manifest).await.unwrap();
        assert_eq!(world.pull(&system, "a/b", "multi").await.unwrap(), index.manifest);
        let mut tx = world.db.read().await.unwrap();
        let members = Registry::members(&mut tx, &repo("a/b"), &index.digest()).await.unwrap();
        assert_eq!(members.absent, [absent.digest()]);
        assert_eq!(members.images.iter().map(|image| &image.digest).collect::<Vec<_>>(), [&here.digest()]);
        let missing = Registry::missing_blob(&mut tx, &repo("a/b"), &here.digest()).await.unwrap();
        assert_eq!(missing, Some(Digest::sha256_of(&here.blobs[1])));
        drop(tx);
        // What is there must still be as the manifest says.
        let mut wrong: Value = serde_json::from_slice(&here.manifest).unwrap();
        wrong["config"]["size"] = json!(1);
        let refused = world.push_bytes(&system, "a/b", "2", wrong.to_string().as_bytes()).await.unwrap_err();
        assert_eq!(refused.code().as_str(), "SIZE_INVALID");
        // In a repository that the push makes nothing is there; its platform is known once its configuration is.
        world.organization("c").await;
        world.push_bytes(&system, "c/new", "1", &absent.manifest).await.unwrap();
        let platform = async || {
            let mut tx = world.db.read().await.unwrap();
            Registry::image_of(&mut tx, &absent.digest()).await.unwrap().unwrap().platform
        };
        assert_eq!(platform().await, None);
        world.push(&system, "c/new", "1", &absent).await.unwrap();
        assert_eq!(platform().await.unwrap().architecture, "arm64");
        let mut tx = world.db.read().await.unwrap();
        assert_eq!(Registry::missing_blob(&mut tx, &repo("c/new"), &absent.digest()).await.unwrap(), None);
    }
}
