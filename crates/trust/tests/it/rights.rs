//! Rights on trust data are rights on the repository.

use base::Kind;
use registry::{NewRepository, RepositoryChanges, Visibility};
use trust::{Error, Which};
use tuf::RoleName;

use crate::world::{Client, World, key};

fn kind<T>(outcome: Result<T, Error>) -> Option<Kind> {
    outcome.err().map(|error| error.kind())
}

#[tokio::test]
async fn who_may_do_what() {
    let world = World::new().await;
    let (gun, client) = (world.gun(), Client::new(&world.gun()));
    client.init(&world.trust, &world.user("writer").await, &gun, &[]).await.unwrap();
    let role = RoleName::Timestamp;
    let (denied, sign_in) = (Some(Kind::Denied), Some(Kind::Unauthenticated));
    // Read, publish (refused for its version when allowed), key, rotate, delete.
    for (ctx, expected) in [
        (world.anonymous(), [sign_in, sign_in, sign_in, sign_in, sign_in]),
        (world.user("nobody").await, [denied, denied, denied, denied, denied]),
        (world.user("reader").await, [None, denied, denied, denied, denied]),
        (world.user("writer").await, [None, Some(Kind::Conflict), None, denied, denied]),
        (world.system(), [None, Some(Kind::Conflict), None, None, None]),
    ] {
        let got = [
            kind(world.trust.read(&ctx, &gun, &role, &Which::Current).await),
            kind(world.trust.publish(&ctx, &gun, vec![client.targets(1, &[])]).await),
            kind(key(&world, &ctx, &role).await),
            kind(world.trust.rotate_key(&ctx, &gun, &role).await),
            kind(world.trust.delete(&ctx, &gun).await),
        ];
        assert_eq!(got, expected, "{:?}", ctx.actor);
        let feed = kind(world.trust.changes(&ctx, Some(&gun), 0, 0).await);
        assert_eq!(feed, expected[0], "the feed is for readers");
    }
}

#[tokio::test]
async fn what_is_not_there_looks_like_what_one_may_not_see() {
    let world = World::new().await;
    let nobody = world.user("nobody").await;
    let before = kind(world.trust.read(&nobody, &world.gun(), &RoleName::Root, &Which::Current).await);
    Client::new(&world.gun()).init(&world.trust, &world.system(), &world.gun(), &[]).await.unwrap();
    let after = kind(world.trust.read(&nobody, &world.gun(), &RoleName::Root, &Which::Current).await);
    assert_eq!(before, after);
}

#[tokio::test]
async fn a_public_repository_is_read_by_everybody() {
    let world = World::new().await;
    let gun = world.gun();
    Client::new(&world.gun()).init(&world.trust, &world.system(), &world.gun(), &[]).await.unwrap();
    let new = NewRepository { visibility: Visibility::Public, ..NewRepository::private(gun.repository().clone()) };
    world.registry.create_repository(&world.system(), new).await.unwrap();
    for ctx in [world.anonymous(), world.user("nobody").await] {
        let served = world.trust.read(&ctx, &gun, &RoleName::Root, &Which::Current).await.unwrap();
        assert!(served.public);
        assert!(key(&world, &ctx, &RoleName::Timestamp).await.is_err(), "reading is all");
    }
    let changes = RepositoryChanges { visibility: Some(Visibility::Private), ..RepositoryChanges::default() };
    world.registry.update_repository(&world.system(), gun.repository(), changes).await.unwrap();
    assert!(world.trust.read(&world.anonymous(), &gun, &RoleName::Root, &Which::Current).await.is_err());
}

#[tokio::test]
async fn nothing_is_signed_in_a_namespace_that_is_nobody() {
    let world = World::new().await;
    let gun = world.trust.gun("assay.test:4443/missing/app").unwrap();
    let refused = world.trust.publish(&world.system(), &gun, Vec::new()).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Invalid);
    assert!(refused.to_string().contains("no account missing"), "{refused}");
    // Looking is no harm, and finds nothing.
    let looked = world.trust.read(&world.system(), &gun, &RoleName::Root, &Which::Current).await;
    assert_eq!(kind(looked), Some(Kind::NotFound));
}
