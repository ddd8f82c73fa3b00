//! Who may do what, and what those are told who may not.

use base::Ctx;
use blob::Chunk;
use identity::{Level, On};
use oci::{Digest, Reference};
use registry::{Error, NewRepository, RepositoryChanges, Right, Visibility};

use super::world::{Sample, World, account, as_job, repo, tag};

/// What an actor gets for pulling, pushing, deleting a tag, and changing settings.
async fn tried(world: &World, ctx: &Ctx, name: &str) -> [String; 4] {
    let word = |outcome: Result<(), Error>| match outcome {
        Ok(()) => "ok".to_owned(),
        Err(error) => error.code().to_string(),
    };
    let pull = world.pull(ctx, name, "1").await.map(drop);
    let push = world.push(ctx, name, "2", &Sample::image(2)).await.map(drop);
    let delete = world.registry.delete_tag(ctx, &repo(name), &tag("victim")).await;
    let admin = world.registry.update_repository(ctx, &repo(name), RepositoryChanges::default()).await.map(drop);
    [word(pull), word(push), word(delete), word(admin)]
}

#[tokio::test]
async fn the_matrix() {
    for world in World::everywhere().await {
        let system = world.system();
        let owner = world.user("owner").await;
        let stranger = world.user("stranger").await;
        let (reader, writer, boss) = (world.user("reader").await, world.user("writer").await, world.user("boss").await);
        for (name, visibility) in [("owner/public", Visibility::Public), ("owner/private", Visibility::Private)] {
            world.repository(name, visibility, false).await;
            world.push(&system, name, "1", &Sample::image(1)).await.unwrap();
            for (user, level) in [("reader", Level::ReadOnly), ("writer", Level::ReadWrite), ("boss", Level::Admin)] {
                world.grant(user, &repo(name), Some(level)).await;
            }
            let seen = visibility == Visibility::Public;
            let (ok, no, ask) = ("ok", "DENIED", "UNAUTHORIZED");
            let hidden = "NAME_UNKNOWN";
            let matrix = [
                (world.nobody(), if seen { [ok, ask, ask, ask] } else { [ask; 4] }),
                (stranger.clone(), if seen { [ok, no, no, no] } else { [hidden; 4] }),
                (reader.clone(), [ok, no, no, no]),
                (writer.clone(), [ok, ok, ok, no]),
                (boss.clone(), [ok; 4]),
                (owner.clone(), [ok; 4]),
            ];
            for (ctx, expected) in matrix {
                world.push(&system, name, "victim", &Sample::image(3)).await.unwrap();
                let actor = ctx.actor.label();
                assert_eq!(tried(&world, &ctx, name).await, expected, "{actor} in {name}");
            }
        }
        let absent = tried(&world, &stranger, "owner/absent").await;
        assert_eq!(absent, tried(&world, &stranger, "owner/private").await, "absent and hidden look alike");
        let rights = [
            (&stranger, None),
            (&reader, Some(Right::Pull)),
            (&writer, Some(Right::Push)),
            (&owner, Some(Right::Admin)),
        ];
        for (ctx, right) in rights {
            assert_eq!(world.registry.right(ctx, &repo("owner/private")).await.unwrap(), right);
        }
        assert_eq!(world.registry.right(&owner, &repo("owner/absent")).await.unwrap(), Some(Right::Admin));
        assert_eq!(world.registry.right(&world.nobody(), &repo("owner/public")).await.unwrap(), Some(Right::Pull));
    }
}

#[tokio::test]
async fn a_push_makes_a_repository_where_the_pusher_rules() {
    for world in World::everywhere().await {
        let (owner, member, admin) = (world.user("owner").await, world.user("member").await, world.admin().await);
        world.organization("org").await;
        for (user, owns) in [("owner", true), ("member", false)] {
            let (org, user) = ("org".parse().unwrap(), user.parse().unwrap());
            world.identity.set_member(&world.system(), &org, &user, owns).await.unwrap();
        }
        let sample = Sample::image(1);
        world.push(&owner, "owner/app", "1", &sample).await.unwrap();
        world.push(&owner, "org/app", "1", &sample).await.unwrap();
        world.push(&admin, "org/other", "1", &sample).await.unwrap();
        let refused = world.push(&member, "org/third", "1", &sample).await;
        assert!(matches!(refused, Err(Error::NameUnknown(_))), "{refused:?}");
        world.grant("member", &repo("org/third"), Some(Level::ReadWrite)).await;
        let refused = world.push(&member, "org/third", "1", &sample).await;
        assert!(matches!(refused, Err(Error::Denied(_))), "{refused:?}");
        assert!(matches!(world.push(&world.nobody(), "org/third", "1", &sample).await, Err(Error::Unauthenticated)));
        let new = NewRepository::private(repo("org/third"));
        assert!(matches!(world.registry.create_repository(&member, new.clone()).await, Err(Error::Denied(_))));
        world.registry.create_repository(&owner, new.clone()).await.unwrap();
        assert!(matches!(world.registry.create_repository(&owner, new).await, Err(Error::Exists(_))));
        world.push(&member, "org/third", "1", &sample).await.unwrap();
    }
}

#[tokio::test]
async fn a_namespace_that_is_nobody_holds_nothing() {
    for world in World::everywhere().await {
        let admin = world.admin().await;
        let name = repo("nobody/app");
        let digest = Digest::sha256_of(b"x");
        let pushed = world.registry.put_blob(&admin, &name, &digest, Chunk::default(), &b"x"[..]).await.map(drop);
        let made = world.registry.create_repository(&admin, NewRepository::private(name.clone())).await.map(drop);
        let sample = Sample::image(1);
        let manifest = world.push_bytes(&admin, "nobody/app", "1", &sample.manifest).await.map(drop);
        for refused in [pushed, made, manifest] {
            let error = refused.unwrap_err();
            assert!(matches!(&error, Error::NoAccount(name) if name == "nobody"), "{error}");
            assert_eq!(error.code().to_string(), "NAME_UNKNOWN");
        }
        // Once it is somebody, it does.
        world.organization("nobody").await;
        world.push(&admin, "nobody/app", "1", &sample).await.unwrap();
    }
}

#[tokio::test]
async fn lists_show_only_what_may_be_seen() {
    for world in World::everywhere().await {
        let user = world.user("user").await;
        world.organization("b").await;
        for number in 0..5 {
            let visibility = if number % 2 == 0 { Visibility::Public } else { Visibility::Private };
            world.repository(&format!("a/r{number}"), visibility, false).await;
        }
        world.repository("b/granted", Visibility::Private, false).await;
        world.repository("user/own", Visibility::Private, false).await;
        world.grant("user", &repo("b/granted"), Some(Level::ReadOnly)).await;
        let names =
            |page: registry::Page<oci::RepoName>| page.items.iter().map(ToString::to_string).collect::<Vec<_>>();
        let all = world.registry.catalog(&user, "", 100).await.unwrap();
        assert_eq!(names(all), ["a/r0", "a/r2", "a/r4", "b/granted", "user/own"]);
        let page = world.registry.catalog(&user, "a/r0", 2).await.unwrap();
        assert!(page.more);
        assert_eq!(names(page), ["a/r2", "a/r4"]);
        assert_eq!(names(world.registry.catalog(&world.nobody(), "a/r2", 9).await.unwrap()), ["a/r4"]);
        let system = world.registry.repositories(&world.system(), Some("a"), "", 100).await.unwrap();
        assert_eq!((system.items.len(), system.more), (5, false));
    }
}

#[tokio::test]
async fn a_mount_needs_the_right_to_read_the_source() {
    for world in World::everywhere().await {
        let user = world.user("user").await;
        world.organization("a").await;
        world.repository("a/secret", Visibility::Private, false).await;
        world.repository("a/public", Visibility::Public, false).await;
        let secret = world.put(&world.system(), "a/secret", b"secret").await.unwrap();
        let (target, registry) = (repo("user/app"), &world.registry);
        for from in [Some(repo("a/secret")), Some(repo("a/absent")), Some(repo("a/public")), None] {
            assert_eq!(registry.mount(&user, &target, &secret, from.as_ref()).await.unwrap(), None, "{from:?}");
            assert!(matches!(registry.stat_blob(&user, &target, &secret).await, Err(Error::BlobUnknown { .. })));
        }
        world.grant("user", &repo("a/secret"), Some(Level::ReadOnly)).await;
        assert_eq!(registry.mount(&user, &target, &secret, None).await.unwrap(), Some(6));
        assert_eq!(registry.stat_blob(&user, &target, &secret).await.unwrap(), 6);
        assert_eq!(world.entries("blob.mounted").await[0]["details"]["source"], "a/secret");
        let shown = world.put(&world.system(), "a/public", b"public").await.unwrap();
        assert_eq!(registry.mount(&user, &target, &shown, Some(&repo("a/public"))).await.unwrap(), Some(6));
        assert_eq!(registry.mount(&user, &target, &Digest::sha256_of(b"?"), None).await.unwrap(), None);
        let refused = registry.mount(&user, &repo("a/public"), &shown, None).await;
        assert!(matches!(refused, Err(Error::Denied(_))));
        assert!(matches!(registry.mount(&world.nobody(), &target, &shown, None).await, Err(Error::Unauthenticated)));
    }
}

#[tokio::test]
async fn a_digest_gives_no_right() {
    for world in World::everywhere().await {
        let (user, sample) = (world.user("user").await, Sample::image(1));
        world.push(&world.system(), "a/secret", "1", &sample).await.unwrap();
        world.repository("user/app", Visibility::Private, false).await;
        let config = Digest::sha256_of(&sample.blobs[0]);
        let own = repo("user/app");
        assert!(matches!(world.registry.open_blob(&user, &own, &config).await, Err(Error::BlobUnknown { .. })));
        let reference = Reference::Digest(sample.digest());
        assert!(matches!(world.registry.image(&user, &own, &reference).await, Err(Error::ManifestUnknown { .. })));
        // Nor does the manifest of another repository's image, whose blobs are then looked for here.
        let refused = world.push_bytes(&user, "user/app", "1", &sample.manifest).await;
        assert!(matches!(refused, Err(Error::Missing { .. })));
        // A manifest is not reached as a blob, for its bytes are stored beside them.
        let manifest = sample.digest();
        let system = world.system();
        assert!(matches!(
            world.registry.open_blob(&system, &repo("a/secret"), &manifest).await,
            Err(Error::BlobUnknown { .. })
        ));
        let chunk = Chunk::default();
        world.registry.put_blob(&user, &own, &config, chunk, &sample.blobs[0][..]).await.unwrap();
    }
}

/// A robot with read-write on one repository.
async fn robot(world: &World, name: &str, on: &str) -> Ctx {
    let grants = vec![identity::Permit { on: On::Repository, place: on.parse().unwrap(), level: Level::ReadWrite }];
    let (description, agent) = (String::new(), String::new());
    let new = identity::NewRobot { name: name.parse().unwrap(), description, grants, expires_at: None, agent };
    let (_, value) = world.identity.create_robot(&world.system(), new).await.unwrap();
    let actor = world.identity.authenticate(&world.system(), name, &value).await.unwrap();
    world.system().with_actor(actor)
}

#[tokio::test]
async fn only_robots_push_where_it_says_so() {
    for world in World::everywhere().await {
        let (owner, boss) = (world.user("owner").await, world.admin().await);
        world.repository("owner/built", Visibility::Private, false).await;
        world.repository("owner/free", Visibility::Private, false).await;
        let builder = robot(&world, "owner+ci", "owner/built").await;
        world.push(&owner, "owner/built", "before", &Sample::image(1)).await.unwrap();
        let changes = RepositoryChanges { only_robots_push: Some(true), ..RepositoryChanges::default() };
        let refused = world.registry.update_repository(&builder, &repo("owner/built"), changes.clone()).await;
        assert!(refused.is_err(), "a robot changes no settings");
        world.registry.update_repository(&owner, &repo("owner/built"), changes).await.unwrap();

        // A person is refused at the first byte, whoever it is, and is told why; once in the log.
        for person in [&owner, &boss, &owner] {
            let refused = world.registry.start_upload(person, &repo("owner/built")).await.unwrap_err();
            let text = refused.to_string();
            assert!(
                matches!(refused, Error::RobotsOnly { .. }) && text.contains("owner/built takes pushes from robots")
            );
            assert_eq!(refused.code(), oci::ErrorCode::Denied);
        }
        let rows = "SELECT COUNT(*) AS n FROM audit_entries WHERE kind = 'push.refused'";
        assert_eq!(world.db.read().await.unwrap().one(rows, &[]).await.unwrap().int("n").unwrap(), 2);
        let tag_it = async |ctx: &Ctx, name: &str| {
            let (sample, reference) = (Sample::image(1), Reference::Tag(tag(name)));
            let push = registry::ManifestPush {
                repository: &repo("owner/built"),
                reference: &reference,
                content_type: None,
                bytes: sample.manifest.clone(),
                tags: &[],
            };
            world.registry.push_manifest(ctx, push).await
        };
        assert!(matches!(tag_it(&owner, "new").await, Err(Error::RobotsOnly { .. })), "not even another tag");
        // What is there already changes nothing: a person signs with `docker trust sign`, which pushes again.
        assert_eq!(tag_it(&owner, "before").await.unwrap().entry, None);

        world.push(&builder, "owner/built", "1", &Sample::image(2)).await.unwrap();
        world.push(&as_job(&owner, 7), "owner/built", "2", &Sample::image(3)).await.unwrap();
        world.registry.delete_tag(&owner, &repo("owner/built"), &tag("1")).await.unwrap();
        assert!(world.push(&builder, "owner/free", "1", &Sample::image(2)).await.is_err(), "was not granted");
        world.push(&owner, "owner/free", "1", &Sample::image(2)).await.unwrap();

        // A namespace says it for all, also for what a push would make.
        world.registry.set_only_robots_push(&owner, &account("owner"), true).await.unwrap();
        for name in ["owner/free", "owner/new"] {
            let refused = world.push(&owner, name, "2", &Sample::image(4)).await.unwrap_err();
            assert!(refused.to_string().contains("says the namespace owner"), "{refused}");
        }
        assert!(world.registry.set_only_robots_push(&builder, &account("owner"), false).await.is_err());
        world.registry.set_only_robots_push(&owner, &account("owner"), false).await.unwrap();
        world.push(&owner, "owner/new", "2", &Sample::image(4)).await.unwrap();
        assert_eq!(world.folded().await, world.state().await);
    }
}
