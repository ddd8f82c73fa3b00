//! Which tags are signed by whom, for pages and for enforcement.

use registry::NewRepository;
use tuf::{PublicKey, SigningKey};

use crate::world::{Client, World, name, signed};

#[tokio::test]
async fn a_signature_leads_to_the_person_whose_bundle_made_it() {
    let world = World::new().await;
    let (system, client, gun) = (world.system(), Client::new(&world.gun()), world.gun());
    let bundle = world.identity.create_bundle(&world.user("writer").await, &name("writer"), "ci").await.unwrap();
    let key = SigningKey::from_pem(bundle.certified.private_key_pem.as_bytes()).unwrap();
    // As `docker trust signer add --key cert.pem`: the delegation holds the certificate, not the bare key.
    let certificate = PublicKey::from_certificate_pem(bundle.certified.certificate_pem.as_bytes()).unwrap();
    client.init(&world.trust, &system, &world.gun(), &[("gitlab", &certificate)]).await.unwrap();

    let mut tx = world.db.read().await.unwrap();
    assert!(world.trust.signed_tags(&mut tx, system.now, &gun).await.unwrap().is_empty());
    let signers = world.trust.signers(&mut tx, system.now, &gun).await.unwrap();
    assert_eq!(signers.iter().map(|signer| signer.role.as_str()).collect::<Vec<_>>(), ["targets", "targets/gitlab"]);
    drop(tx);

    let upload = signed(&world, &key, "gitlab", "latest", 1).await;
    world.trust.publish(&world.user("writer").await, &gun, upload).await.unwrap();
    let mut tx = world.db.read().await.unwrap();
    let tags = world.trust.signed_tags(&mut tx, system.now, &gun).await.unwrap();
    assert_eq!(tags.len(), 1);
    assert_eq!((tags[0].tag.as_str(), tags[0].digest.hex()), ("latest", "01".repeat(32).as_str()));
    assert_eq!(tags[0].released_by, "targets/releases");
    let signer = &tags[0].signers[0];
    assert_eq!((signer.role.as_str(), signer.accounts[0].name.as_str()), ("targets/gitlab", "writer"));
    assert!(signer.keys.contains(key.public().id()));
    let repository = gun.repository();
    assert!(world.trust.is_signed(&mut tx, system.now, repository, "latest").await.unwrap().is_some());
    assert!(world.trust.is_signed(&mut tx, system.now, repository, "v1").await.unwrap().is_none());
    assert_eq!(world.trust.signed_tags_of(&mut tx, system.now, repository).await.unwrap().len(), 1);
    assert_eq!(world.trust.all_guns(&mut tx).await.unwrap(), std::slice::from_ref(&gun));
    drop(tx);

    // A key that its owner took back signs for nobody; the signature itself is still there to be seen.
    let id = world.identity.keys(&system, &name("writer")).await.unwrap()[0].id.clone();
    world.identity.revoke_key(&system, &name("writer"), &id).await.unwrap();
    let mut tx = world.db.read().await.unwrap();
    let tags = world.trust.signed_tags(&mut tx, system.now, &gun).await.unwrap();
    assert!(tags[0].signers[0].accounts.is_empty());

    // What has expired does not count.
    let late = "2040-01-01T00:00:00Z".parse().unwrap();
    assert!(world.trust.signed_tags(&mut tx, late, &gun).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_removed_signer_signs_no_more() {
    let world = World::new().await;
    let (system, client, gun) = (world.system(), Client::new(&world.gun()), world.gun());
    let (one, two) = (SigningKey::generate(), SigningKey::generate());
    client.init(&world.trust, &system, &world.gun(), &[("one", one.public()), ("two", two.public())]).await.unwrap();
    for (key, signer) in [(&one, "one"), (&two, "two")] {
        let upload = signed(&world, key, signer, "v1", 1).await;
        world.trust.publish(&system, &gun, upload).await.unwrap();
    }
    let roles = async || {
        let mut tx = world.db.read().await.unwrap();
        let signed = world.trust.is_signed(&mut tx, system.now, gun.repository(), "v1").await.unwrap();
        signed.map(|tag| tag.signers.into_iter().map(|signer| signer.role).collect::<Vec<_>>())
    };
    assert_eq!(roles().await.unwrap(), ["targets/one", "targets/two"]);
    world.trust.publish(&system, &gun, vec![client.targets(2, &[("two", two.public())])]).await.unwrap();
    assert_eq!(roles().await.unwrap(), ["targets/two"]);
    assert!(world.read(&"targets/one".parse().unwrap(), trust::Which::Current).await.is_err());
    // `targets/releases` was signed last by `two`; without it, nothing is released.
    world.trust.publish(&system, &gun, vec![client.targets(3, &[("one", one.public())])]).await.unwrap();
    assert_eq!(roles().await, None);
    world.check_fold().await;
}

#[tokio::test]
async fn a_signed_tag_is_held_until_it_is_revoked() {
    let world = World::new().await;
    let (system, client, gun, key) = (world.system(), Client::new(&world.gun()), world.gun(), SigningKey::generate());
    world.registry.create_repository(&system, NewRepository::private(gun.repository().clone())).await.unwrap();
    client.init(&world.trust, &system, &world.gun(), &[("gitlab", key.public())]).await.unwrap();
    let refused = async || world.registry.delete_repository(&system, gun.repository()).await.err();
    for tag in ["latest", "v1", "no tag"] {
        let upload = signed(&world, &key, "gitlab", tag, 1).await;
        world.trust.publish(&system, &gun, upload).await.unwrap();
    }
    assert!(matches!(refused().await, Some(registry::Error::Held { owner, .. }) if owner == "trust"));
    for tag in ["latest", "v1"] {
        let releases = tuf::RoleName::releases();
        let data = world.seen().await;
        let authority = data.authority(&releases).unwrap();
        let next = data.targets(&releases).unwrap().clone().without_target(tag, system.now);
        let upload = vec![(releases.clone(), next.sign(&authority, &[&key]).unwrap())];
        assert!(refused().await.is_some());
        world.trust.publish(&system, &gun, upload).await.unwrap();
    }
    assert!(refused().await.is_none(), "what is no tag holds nothing");
    world.check_fold().await;
}

#[tokio::test]
async fn a_deletion_of_trust_data_releases_its_tags() {
    let world = World::new().await;
    let (system, client, gun, key) = (world.system(), Client::new(&world.gun()), world.gun(), SigningKey::generate());
    world.registry.create_repository(&system, NewRepository::private(gun.repository().clone())).await.unwrap();
    client.init(&world.trust, &system, &world.gun(), &[("gitlab", key.public())]).await.unwrap();
    let upload = signed(&world, &key, "gitlab", "latest", 1).await;
    world.trust.publish(&system, &gun, upload).await.unwrap();
    assert!(world.registry.delete_repository(&system, gun.repository()).await.is_err());
    world.trust.delete(&system, &gun).await.unwrap();
    world.registry.delete_repository(&system, gun.repository()).await.unwrap();
}
