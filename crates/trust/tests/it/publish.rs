//! Publishing and reading: all or nothing, in one order, and everything is kept.

use base::digest_hex;
use trust::{ChangeKind, Error, Which};
use tuf::{Document, RoleName, SigningKey, Timestamped};

use crate::world::{Client, World, role, signed};

#[tokio::test]
async fn what_is_published_is_served_and_verifies() {
    let world = World::new().await;
    let (writer, client) = (world.user("writer").await, Client::new(&world.gun()));
    client.init(&world.trust, &writer, &world.gun(), &[]).await.unwrap();
    assert!(world.seen().await.tags().is_empty());

    let root = world.current(RoleName::Root).await;
    let by_sum = world.read(&RoleName::Root, Which::Sha256(digest_hex(&root))).await.unwrap();
    let by_version = world.read(&RoleName::Root, Which::Version(1)).await.unwrap();
    assert_eq!((&by_sum.bytes, &by_version.bytes), (&root, &root));
    assert_eq!((by_sum.sha256, by_sum.public), (digest_hex(&root), false));
    let missing = [
        (RoleName::Root, Which::Version(2)),
        (RoleName::Root, Which::Sha256("0".repeat(64))),
        // A checksum of another role's document.
        (RoleName::Targets, Which::Sha256(digest_hex(&root))),
        (role("targets/releases"), Which::Current),
    ];
    for (role, which) in missing {
        assert!(matches!(world.read(&role, which).await, Err(Error::NotFound { .. })));
    }

    let entries = world.entries("trust.published").await;
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0]["actor"], "writer");
    world.check_fold().await;
}

#[tokio::test]
async fn an_entry_and_an_event_say_what_was_signed_by_whose_key() {
    let world = World::new().await;
    let (writer, client, gitlab) = (world.user("writer").await, Client::new(&world.gun()), SigningKey::generate());
    db::write!(world.db, &writer, |tx| {
        let wish = jobs::Subscription { event: "trust.published", job: "test.told", filtered: false };
        jobs::subscribe(tx, &[wish]).await
    })
    .map_err(|error: db::Error| error)
    .unwrap();
    client.init(&world.trust, &writer, &world.gun(), &[("gitlab", gitlab.public())]).await.unwrap();
    for digest in [1, 2] {
        let upload = signed(&world, &gitlab, "gitlab", "latest", digest).await;
        world.trust.publish(&writer, &world.gun(), upload).await.unwrap();
    }
    let entries = world.entries("trust.published").await;
    let digest = |byte: u8| format!("sha256:{}", hex_of(byte));
    let last = &entries[2];
    assert!(last["subjects"].as_array().unwrap().contains(&digest(2).into()));
    let tags = last["details"]["tags"].as_array().unwrap();
    assert_eq!(tags.len(), 2, "targets/gitlab and targets/releases");
    assert_eq!((&tags[0]["was"], &tags[0]["is"]), (&digest(1).into(), &digest(2).into()));
    let documents = last["details"]["documents"].as_array().unwrap();
    let gitlab_role = documents.iter().find(|document| document["role"] == "targets/gitlab").unwrap();
    assert_eq!(gitlab_role["signed_by"][0], gitlab.public().canonical_id().as_str());

    let mut tx = world.db.read().await.unwrap();
    let rows = tx.all("SELECT payload FROM jobs ORDER BY ordinal", &[]).await.unwrap();
    let last: serde_json::Value = serde_json::from_str(&rows.last().unwrap().text("payload").unwrap()).unwrap();
    assert_eq!(last["subject"], "ci/flask");
    assert_eq!(last["data"]["tags"][0]["tag"], "latest");
    assert_eq!(last["data"]["tags"][0]["digest"], digest(2));
    world.check_fold().await;
}

fn hex_of(byte: u8) -> String {
    format!("{byte:02x}").repeat(32)
}

#[tokio::test]
async fn of_two_at_once_one_is_told_to_fetch_first() {
    let world = World::new().await;
    let (writer, client, gitlab) = (world.user("writer").await, Client::new(&world.gun()), SigningKey::generate());
    client.init(&world.trust, &writer, &world.gun(), &[("gitlab", gitlab.public())]).await.unwrap();
    let one = signed(&world, &gitlab, "gitlab", "one", 1).await;
    let two = signed(&world, &gitlab, "gitlab", "two", 2).await;
    let gun = world.gun();
    let (one, two) = tokio::join!(world.trust.publish(&writer, &gun, one), world.trust.publish(&writer, &gun, two));
    assert_eq!(one.is_ok() as u8 + two.is_ok() as u8, 1);
    let Err(Error::Publish(refusal)) = one.and(two) else { panic!("one must be refused") };
    assert_eq!(refusal.code(), "VERSION");
    assert_eq!(world.seen().await.tags().len(), 1);
    world.check_fold().await;
}

#[tokio::test]
async fn disjoint_publishes_at_once_all_arrive() {
    let world = World::new().await;
    let (writer, client) = (world.user("writer").await, Client::new(&world.gun()));
    let signers: Vec<(String, SigningKey)> = (0..4).map(|n| (format!("s{n}"), SigningKey::generate())).collect();
    let delegated: Vec<_> = signers.iter().map(|(name, key)| (name.as_str(), key.public())).collect();
    client.init(&world.trust, &writer, &world.gun(), &delegated).await.unwrap();
    let mut uploads = Vec::new();
    for (name, key) in &signers {
        // Only the signer's own role: `targets/releases` is where they would meet.
        uploads.push(signed(&world, key, name, "v1", 1).await.into_iter().take(1).collect::<Vec<_>>());
    }
    let gun = world.gun();
    let all = uploads.into_iter().map(|upload| world.trust.publish(&writer, &gun, upload));
    for outcome in futures_util::future::join_all(all).await {
        outcome.unwrap();
    }
    let timestamp: Document<Timestamped> =
        Document::parse(&RoleName::Timestamp, &world.current(RoleName::Timestamp).await).unwrap();
    assert_eq!(timestamp.signed.version, 5);
    world.seen().await;
    world.check_fold().await;
}

#[tokio::test]
async fn a_refused_publish_leaves_nothing() {
    let world = World::new().await;
    let (writer, client, stranger) = (world.user("writer").await, Client::new(&world.gun()), Client::new(&world.gun()));
    client.init(&world.trust, &writer, &world.gun(), &[]).await.unwrap();
    let before = world.current(RoleName::Timestamp).await;
    let good = client.targets(2, &[]);
    let many: Vec<_> = (0..33).map(|n| (role(&format!("targets/r{n}")), Vec::new())).collect();
    for (upload, code) in [
        (vec![stranger.targets(2, &[])], "INVALID_UPDATE"),
        (vec![client.targets(1, &[])], "VERSION"),
        (vec![(RoleName::Targets, b"{".to_vec())], "MALFORMED_JSON"),
        (vec![good.clone(), (role("targets/nobody"), good.1.clone())], "INVALID_UPDATE"),
        (vec![good.clone(), good], "INVALID_UPDATE"),
        (many, "INVALID_UPDATE"),
    ] {
        let Err(Error::Publish(refusal)) = world.trust.publish(&writer, &world.gun(), upload).await else {
            panic!("must be refused")
        };
        assert_eq!(refusal.code(), code);
    }
    assert_eq!(world.current(RoleName::Timestamp).await, before);
    assert_eq!(world.entries("trust.published").await.len(), 1);
    world.check_fold().await;
}

/// `docker trust sign` of a tag that is signed already sends an empty form.
#[tokio::test]
async fn an_empty_publish_is_well_once_there_is_a_root() {
    let world = World::new().await;
    let (writer, client) = (world.user("writer").await, Client::new(&world.gun()));
    let refused = world.trust.publish(&writer, &world.gun(), Vec::new()).await;
    assert!(matches!(refused, Err(Error::Publish(refusal)) if refusal.code() == "INVALID_UPDATE"));
    client.init(&world.trust, &writer, &world.gun(), &[]).await.unwrap();
    let before = world.current(RoleName::Timestamp).await;
    world.trust.publish(&writer, &world.gun(), Vec::new()).await.unwrap();
    assert_eq!(world.current(RoleName::Timestamp).await, before);
    assert_eq!(world.entries("trust.published").await.len(), 1);
}

#[tokio::test]
async fn the_timestamp_is_made_anew_after_half_its_life() {
    let world = World::new().await;
    let (writer, client) = (world.user("writer").await, Client::new(&world.gun()));
    client.init(&world.trust, &writer, &world.gun(), &[]).await.unwrap();
    let version = async || {
        let bytes = world.current(RoleName::Timestamp).await;
        Document::<Timestamped>::parse(&RoleName::Timestamp, &bytes).unwrap().signed.version
    };
    world.go_to("2026-11-28T11:00:00Z");
    assert_eq!(version().await, 1);
    world.go_to("2026-11-28T13:00:00Z");
    assert_eq!((version().await, version().await), (2, 2));
    // Long after it expired, and when the snapshot is old as well.
    world.go_to("2028-09-01T00:00:00Z");
    world.seen().await;
    let snapshots = [Which::Version(1), Which::Version(2)];
    for which in snapshots {
        world.read(&RoleName::Snapshot, which).await.unwrap();
    }
    let entries = world.entries("trust.refreshed").await;
    assert_eq!((entries.len(), &entries[0]["actor"]), (2, &"system:trust".into()));
    world.check_fold().await;
}

#[tokio::test]
async fn the_changefeed_tells_all_in_order() {
    let world = World::new().await;
    let (system, client) = (world.system(), Client::new(&world.gun()));
    client.init(&world.trust, &system, &world.gun(), &[]).await.unwrap();
    for version in 2..5 {
        world.trust.publish(&system, &world.gun(), vec![client.targets(version, &[])]).await.unwrap();
    }
    world.trust.delete(&system, &world.gun()).await.unwrap();
    let gun = world.gun();
    let ids = async |after, records| {
        let changes = world.trust.changes(&system, Some(&gun), after, records).await.unwrap();
        changes.iter().map(|change| change.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(0, 0).await, [1, 2, 3, 4, 5]);
    assert_eq!(ids(2, 2).await, [3, 4]);
    assert_eq!(ids(-1, 2).await, [4, 5]);
    assert_eq!(ids(0, -2).await, [4, 5]);
    assert_eq!(ids(4, -2).await, [2, 3]);
    assert_eq!(ids(5, 1).await, [] as [i64; 0]);
    assert_eq!(ids(i64::MIN, i64::MIN).await.len(), 5);
    let all = world.trust.changes(&system, None, 0, 100).await.unwrap();
    assert_eq!((all[0].version, all[0].kind), (1, ChangeKind::Update));
    assert_eq!((all[4].version, all[4].kind, all[4].sha256.as_str()), (0, ChangeKind::Deletion, ""));
    let writer = world.user("writer").await;
    assert!(world.trust.changes(&writer, None, 0, 100).await.is_err(), "the feed of all is for administrators");
}
