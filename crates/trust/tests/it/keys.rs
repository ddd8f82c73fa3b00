//! The server's keys: given out, in use, rotated, gone; and useless outside their row.

use db::args;
use tuf::{PublicKey, RoleName};

use crate::world::{Client, World, key};

#[tokio::test]
async fn a_key_is_in_use_from_the_root_that_names_it_to_the_one_that_does_not() {
    let world = World::new().await;
    let (system, client, gun) = (world.system(), Client::new(&world.gun()), world.gun());
    let role = RoleName::Timestamp;
    let first = key(&world, &system, &role).await.unwrap();
    assert_eq!(key(&world, &system, &role).await.unwrap(), first);
    let rotate = async || {
        let public = world.trust.rotate_key(&system, &gun, &role).await.unwrap();
        PublicKey::parse(public.as_bytes()).unwrap()
    };
    assert_eq!(rotate().await, first, "not in use yet, so it is the next one");
    client.init(&world.trust, &system, &world.gun(), &[]).await.unwrap();

    let second = rotate().await;
    assert_ne!(second, first);
    assert_eq!(rotate().await, second, "asking again changes nothing");
    assert_eq!(key(&world, &system, &role).await.unwrap(), first, "until a root names it");
    world.trust.publish(&system, &gun, vec![client.targets(2, &[])]).await.unwrap();
    world.check_fold().await;

    let snapshot = key(&world, &system, &RoleName::Snapshot).await.unwrap();
    world.trust.publish(&system, &gun, vec![client.root(2, &snapshot, &second)]).await.unwrap();
    assert_eq!(key(&world, &system, &role).await.unwrap(), second);
    world.seen().await;
    world.check_fold().await;
    let details = &world.entries("trust.published").await[2]["details"]["keys"];
    assert_eq!(details.as_array().unwrap().len(), 2, "one active, one retired: {details}");

    // The retired key is gone; a root that names it again finds nobody to sign.
    let again = world.trust.publish(&system, &gun, vec![client.root(3, &snapshot, &first)]).await;
    assert!(again.unwrap_err().to_string().contains("no timestamp keys exist"));
}

#[tokio::test]
async fn there_are_two_roles_the_server_signs() {
    let world = World::new().await;
    for role in ["root", "targets", "targets/releases"] {
        let role = role.parse().unwrap();
        assert!(world.trust.server_key(&world.system(), &world.gun(), &role).await.is_err());
        assert!(world.trust.rotate_key(&world.system(), &world.gun(), &role).await.is_err());
    }
}

#[tokio::test]
async fn a_sealed_key_works_only_where_it_belongs() {
    let world = World::new().await;
    let (system, client) = (world.system(), Client::new(&world.gun()));
    client.init(&world.trust, &system, &world.gun(), &[]).await.unwrap();
    let mut tx = world.db.read().await.unwrap();
    let row = tx.one("SELECT sealed FROM trust_keys WHERE role = 'snapshot'", &[]).await.unwrap();
    let sealed = row.bytes("sealed").unwrap();
    assert!(sealed.len() > 100, "a PKCS#8 key with nonce and tag");
    drop(tx);
    db::write!(world.db, &system, |tx| {
        tx.execute("UPDATE trust_keys SET sealed = $1 WHERE role = 'timestamp'", &args![&sealed]).await
    })
    .map_err(|error: db::Error| error)
    .unwrap();
    let refused = world.trust.publish(&system, &world.gun(), vec![client.targets(2, &[])]).await.unwrap_err();
    assert_eq!(refused.kind(), base::Kind::Internal);
    assert!(refused.to_string().contains("seal.key"), "{refused}");
}

#[tokio::test]
async fn after_a_deletion_everything_begins_anew() {
    let world = World::new().await;
    let (system, gun) = (world.system(), world.gun());
    world.trust.delete(&system, &gun).await.unwrap();
    Client::new(&world.gun()).init(&world.trust, &system, &world.gun(), &[]).await.unwrap();
    world.trust.delete(&system, &gun).await.unwrap();
    world.check_fold().await;
    assert!(world.read(&RoleName::Root, trust::Which::Current).await.is_err());
    let mut tx = world.db.read().await.unwrap();
    assert!(world.trust.all_guns(&mut tx).await.unwrap().is_empty());
    drop(tx);
    // Another person, other keys.
    Client::new(&world.gun()).init(&world.trust, &system, &world.gun(), &[]).await.unwrap();
    world.seen().await;
    world.check_fold().await;
    assert_eq!(world.entries("trust.deleted").await.len(), 1);
}
