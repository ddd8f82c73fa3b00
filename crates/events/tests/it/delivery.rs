//! Deliveries: order, signature, retries, restarts, pauses, secrets.

use aws_lc_rs::hmac;
use base::Secret;
use events::{Change, DeliveryState, EventType, NewWebhook};
use serde_json::json;

use crate::{
    receiver::Receiver,
    world::{World, on},
};

#[tokio::test]
async fn over_https_in_order_and_signed() {
    let world = World::new(&["localhost"]).await;
    let receiver = Receiver::default();
    let certified = world.authority.server(&["localhost".to_owned()], world.clock.now()).unwrap();
    let port = receiver.certified(&world.tasks, &certified).await.port();
    let url = format!("https://localhost:{port}/hook");
    let new =
        NewWebhook { secret: Some(Secret::new("hush".to_owned())), ..on(EventType::TagPush, "admin/flask", &url) };
    let webhook = world.webhook(&world.system(), new).await.unwrap();
    world.webhook(&world.system(), on(EventType::ManifestPush, "admin", &url)).await.unwrap();
    world.webhook(&world.system(), on(EventType::Promotion, "", &url)).await.unwrap();
    world.webhook(&world.system(), on(EventType::TagPush, "admin/other", &url)).await.unwrap();
    for tag in ["1", "2", "3"] {
        world.push(tag).await;
        world.advance(1);
    }
    world.run().await;
    let mut types = receiver.types();
    types.sort();
    assert_eq!(types, ["MANIFEST_PUSH", "MANIFEST_PUSH", "MANIFEST_PUSH", "TAG_PUSH", "TAG_PUSH", "TAG_PUSH"]);

    let signed: Vec<_> =
        receiver.seen().into_iter().filter(|seen| seen.headers.contains_key("x-assay-signature")).collect();
    let tags: Vec<String> = signed
        .iter()
        .map(|seen| serde_json::from_str::<serde_json::Value>(&seen.body).unwrap()["contents"]["tag"].to_string())
        .collect();
    assert_eq!(tags, ["\"1\"", "\"2\"", "\"3\""]);
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"hush");
    let expected = format!("sha256={}", hex::encode(hmac::sign(&key, signed[0].body.as_bytes())));
    assert_eq!(signed[0].headers["x-assay-signature"], expected);
    assert_eq!(signed[0].headers["content-type"], "application/json");

    let log = world.deliveries(&webhook).await;
    assert_eq!(log.len(), 3);
    assert!(log.iter().all(|delivery| delivery.state == DeliveryState::Delivered && delivery.status == Some(200)));
    assert_eq!(signed[2].headers["idempotency-key"], signed[2].headers["x-assay-delivery"]);
    assert_eq!(signed[2].headers["x-assay-delivery"], world.delivery(&webhook, "3").await.id.as_str());
    let shown = world.events.of_scope(&world.system(), &webhook.scope).await.unwrap();
    assert!(shown[0].last_success_at.is_some());
    let entry = world.entries().await.into_iter().rfind(|entry| entry.contains("webhook.delivered")).unwrap();
    assert!(entry.contains("sha256:ab") && entry.contains("\"cause\":\"e1\""), "{entry}");
}

#[tokio::test]
async fn failures_are_tried_again_in_order_also_after_a_restart() {
    let allowed = ["127.0.0.1"];
    let world = World::new(&allowed).await;
    let receiver = Receiver::default();
    let address = receiver.plain(&world.tasks).await;
    let webhook = on(EventType::TagPush, "admin/flask", &format!("http://{address}/"));
    let webhook = world.webhook(&world.system(), webhook).await.unwrap();
    world.push_as("1", "sha256:aa").await;
    world.push_as("1", "sha256:bb").await;

    // Committed, but nothing was sent when the process ended.
    let world = world.restarted(&allowed).await;
    assert!(receiver.seen().is_empty());
    receiver.answer(&[500, 502]);
    world.run().await;
    assert_eq!(receiver.seen().len(), 1, "the second waits for the first");
    let first = world.about(&webhook, "sha256:aa").await;
    assert_eq!((first.state, first.status, first.attempts), (DeliveryState::Waiting, Some(500), 1));

    let world = world.restarted(&allowed).await;
    for _ in 0..3 {
        world.advance(60);
        world.run().await;
    }
    assert_eq!(receiver.seen().len(), 4);
    let log = world.deliveries(&webhook).await;
    assert!(log.iter().all(|delivery| delivery.state == DeliveryState::Delivered), "{log:?}");
    assert_eq!(world.about(&webhook, "sha256:aa").await.attempts, 3);
    assert_eq!(world.about(&webhook, "sha256:bb").await.attempts, 1);
    let ids: Vec<_> = receiver.seen().iter().map(|seen| seen.headers["x-assay-delivery"].clone()).collect();
    assert!(ids[0] == ids[1] && ids[1] == ids[2] && ids[2] != ids[3]);
    assert!(world.entries().await.iter().filter(|entry| entry.contains("webhook.delivered")).count() == 2);
}

#[tokio::test]
async fn nobody_there_for_a_day_pauses_and_can_be_sent_again() {
    let world = World::new(&["127.0.0.1"]).await;
    let receiver = Receiver::default();
    let address = receiver.plain(&world.tasks).await;
    receiver.answer(&[503; 100]);
    let webhook = on(EventType::TagPush, "admin/flask", &format!("http://{address}/"));
    let webhook = world.webhook(&world.system(), webhook).await.unwrap();
    world.push("1").await;
    for _ in 0..13 {
        world.run().await;
        world.advance(3 * 3600);
    }
    let failed = world.deliveries(&webhook).await.remove(0);
    assert_eq!((failed.state, failed.attempts), (DeliveryState::Failed, 9), "at 0, 3, …, 24 hours");
    let shown = world.events.of_scope(&world.system(), &webhook.scope).await.unwrap().remove(0);
    assert!(shown.inactive);
    assert!(shown.paused.unwrap().contains("the receiver answered 503"));
    world.push("2").await;
    world.run().await;
    assert_eq!(world.deliveries(&webhook).await.len(), 1, "a paused webhook hears nothing");

    let ctx = world.system();
    world.events.redeliver(&ctx, &webhook.id, &failed.id).await.unwrap_err();
    let active = Change { inactive: Some(false), ..Change::default() };
    assert!(world.events.update(&ctx, &webhook.id, active).await.unwrap().paused.is_none());
    receiver.answers.lock().unwrap().clear();
    world.events.redeliver(&ctx, &webhook.id, &failed.id).await.unwrap();
    world.run().await;
    assert_eq!(world.deliveries(&webhook).await[0].state, DeliveryState::Delivered);
    assert_eq!(receiver.seen().last().unwrap().headers["x-assay-delivery"], failed.id.as_str());

    let kinds = ["webhook.created", "webhook.failed", "webhook.paused", "webhook.updated", "webhook.redelivered"];
    let entries = world.entries().await;
    for kind in kinds {
        assert_eq!(entries.iter().filter(|entry| entry.contains(kind)).count(), 1, "{kind}");
    }
}

#[tokio::test]
async fn an_event_that_is_handled_twice_is_delivered_once() {
    let world = World::new(&["127.0.0.1"]).await;
    let receiver = Receiver::default();
    let address = receiver.plain(&world.tasks).await;
    let webhook = on(EventType::TagPush, "admin/flask", &format!("http://{address}/"));
    world.webhook(&world.system(), webhook).await.unwrap();
    world.push("1").await;
    world.run().await;
    // What a crash between the job's work and its end leaves: the same job once more.
    let ctx = world.system();
    let data = json!({"repository": "admin/flask", "tag": "1", "digest": "sha256:ab"});
    let event = jobs::Event { kind: "image.pushed".into(), subject: "s".into(), data, at: ctx.now, entry: "e1".into() };
    let again = |id: &str| format!("00000000000000000000000{id}");
    for _ in 0..2 {
        db::write!(world.db, &ctx, |tx| {
            // What is done is kept for a while.
            tx.execute("DELETE FROM jobs WHERE id = $1", &db::args![again("abc")]).await?;
            tx.execute(
                "INSERT INTO jobs (id, kind, payload, state, run_at, attempts, lease_until, created_at, ordinal)
                 VALUES ($1, 'events.deliver', $2, 'waiting', 0, 0, 0, 0, 0)",
                &db::args![again("abc"), serde_json::to_string(&event).unwrap()],
            )
            .await
        })
        .map_err(|error: db::Error| error)
        .unwrap();
        world.run().await;
    }
    assert_eq!(receiver.seen().len(), 2, "one for the push and one for the job that ran twice");
}

#[tokio::test]
async fn the_token_in_an_endpoint_is_nowhere_but_at_its_receiver() {
    let world = World::new(&["127.0.0.1"]).await;
    let receiver = Receiver::default();
    let address = receiver.plain(&world.tasks).await;
    let token = "glptt-3f9a8b7c6d5e4f";
    let new = NewWebhook {
        secret: Some(Secret::new("signing-secret-77".to_owned())),
        ..on(EventType::TagPush, "admin/flask", &format!("http://{address}/trigger?token={token}&ref=main"))
    };
    let webhook = world.webhook(&world.system(), new).await.unwrap();
    assert_eq!(webhook.endpoint, format!("http://{address}/trigger?token=[redacted]&ref=[redacted]"));
    receiver.answer(&[500]);
    world.push("1").await;
    world.run().await;
    world.advance(60);
    world.run().await;
    let log = world.deliveries(&webhook).await;
    assert_eq!(log[0].response.as_deref(), Some("you called /trigger?token=[redacted]&ref=[redacted]"));

    // Nobody listens any more: the client's own error would quote the URL.
    let dead = on(EventType::TagPush, "admin/flask", &format!("http://127.0.0.1:1/?token={token}"));
    let dead = world.webhook(&world.system(), dead).await.unwrap();
    world.push("2").await;
    world.run().await;
    let error = world.deliveries(&dead).await.remove(0).error.unwrap();
    assert!(error.contains("refused") && !error.contains(token), "{error}");

    world.db.close().await;
    for file in std::fs::read_dir(world.folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        for secret in [token, "signing-secret-77"] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
        }
    }
}

#[tokio::test]
async fn a_deleted_repository_takes_its_webhooks_along() {
    let world = World::new(&["127.0.0.1"]).await;
    let receiver = Receiver::default();
    let address = receiver.plain(&world.tasks).await;
    let url = format!("http://{address}/");
    world.webhook(&world.system(), on(EventType::TagPush, "admin/flask", &url)).await.unwrap();
    let kept = world.webhook(&world.system(), on(EventType::Repository, "admin", &url)).await.unwrap();
    world.emit("repository.deleted", json!({"repository": "admin/flask", "author": "admin"})).await;
    world.run().await;
    assert_eq!(receiver.types(), ["REPO_EVENT"]);
    let left = world.events.list(&world.system(), None, "").await.unwrap();
    assert_eq!(left.iter().map(|webhook| webhook.id.clone()).collect::<Vec<_>>(), [kept.id]);
    let mut tx = world.db.read().await.unwrap();
    let state = events::Events::state(&mut tx).await.unwrap();
    assert_eq!(state.len(), 1);
    assert!(world.entries().await[1].contains(&state[0].1), "the fold of the log is the state of the table");
}
