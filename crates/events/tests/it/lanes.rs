//! Order per subject, and that a receiver that hangs, fails or dies harms nobody else.

use std::collections::BTreeMap;

use base::Entropy;
use events::{Change, DeliveryState, EventType};
use proptest::prelude::*;
use serde_json::Value;

use crate::{
    receiver::{NEVER, Receiver},
    world::{World, on},
};

#[tokio::test]
async fn a_receiver_that_hangs_keeps_nobody_waiting() {
    let world = World::new(&["127.0.0.1"]).await;
    let (hangs, fails, good) = (Receiver::default(), Receiver::default(), Receiver::default());
    hangs.answer(&[NEVER; 500]);
    fails.answer(&[500; 500]);
    let mut webhooks = Vec::new();
    for receiver in [&hangs, &fails, &good] {
        let url = format!("http://{}/", receiver.plain(&world.tasks).await);
        webhooks.push(world.webhook(&world.system(), on(EventType::TagPush, "admin/flask", &url)).await.unwrap());
    }
    for tag in 0..100 {
        world.push(&tag.to_string()).await;
    }
    world.worker().run_until_idle().await.unwrap();
    let sending = world.events.clone().keep_sending(world.tasks.clone(), world.clock.clone(), Entropy::System);
    tokio::select! {
        () = sending => panic!("it goes on until it is stopped"),
        () = async { tokio::join!(good.until(100), fails.until(10), hangs.until(4)); } => {}
    }
    assert_eq!(good.seen().len(), 100);
    assert_eq!(hangs.seen().len(), 4, "so many places has one webhook");
    let counts = world.deliveries(&webhooks[2]).await;
    assert!(counts.len() == 100 && counts.iter().all(|delivery| delivery.attempts <= 1));
}

#[tokio::test]
async fn a_crash_in_the_middle_of_a_call_leaves_one_delivery_that_is_sent_again() {
    let allowed = ["127.0.0.1"];
    let world = World::new(&allowed).await;
    let receiver = Receiver::default();
    let url = format!("http://{}/", receiver.plain(&world.tasks).await);
    let webhook = world.webhook(&world.system(), on(EventType::TagPush, "admin", &url)).await.unwrap();
    receiver.answer(&[NEVER]);
    world.push("1").await;
    world.worker().run_until_idle().await.unwrap();
    let sending = world.events.clone().keep_sending(world.tasks.clone(), world.clock.clone(), Entropy::System);
    // Its receiver has it, and nobody learns of that: what ran is dropped here.
    tokio::select! {
        () = sending => panic!("it goes on until it is stopped"),
        () = receiver.until(1) => {}
    }
    let world = world.restarted(&allowed).await;
    world.run().await;
    assert_eq!(receiver.seen().len(), 1, "whoever took it may still be alive");
    world.advance(31);
    world.run().await;
    let log = world.deliveries(&webhook).await;
    assert_eq!((log.len(), log[0].state, log[0].attempts), (1, DeliveryState::Delivered, 1));
    let seen = receiver.seen();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0].headers["idempotency-key"], seen[1].headers["idempotency-key"]);
}

#[tokio::test]
async fn who_is_gone_or_switched_off_is_not_called() {
    let world = World::new(&["127.0.0.1"]).await;
    let receiver = Receiver::default();
    let url = format!("http://{}/", receiver.plain(&world.tasks).await);
    let webhook = world.webhook(&world.system(), on(EventType::TagPush, "", &url)).await.unwrap();
    receiver.answer(&[500, 410]);
    world.push("1").await;
    world.push("2").await;
    world.run().await;
    let shown = world.events.webhook(&world.system(), &webhook.id).await.unwrap();
    assert!(shown.inactive && shown.paused.unwrap().contains("410 Gone"));
    let log = world.deliveries(&webhook).await;
    assert!(log.iter().all(|delivery| delivery.state == DeliveryState::Failed), "{log:?}");

    let ctx = world.system();
    let switch = |inactive| Change { inactive: Some(inactive), ..Change::default() };
    world.events.update(&ctx, &webhook.id, switch(false)).await.unwrap();
    receiver.answer(&[500]);
    world.push("3").await;
    world.run().await;
    world.events.update(&ctx, &webhook.id, switch(true)).await.unwrap();
    world.advance(3600);
    world.run().await;
    assert_eq!(world.delivery(&webhook, "3").await.state, DeliveryState::Failed);
    assert_eq!(receiver.seen().len(), 3);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    /// Whatever the receiver answers when: what came of each tag is its pushes in order, a failed one again before the next.
    #[test]
    fn each_subject_is_told_in_order(
        pushes in prop::collection::vec(0..3_usize, 1..10),
        answers in prop::collection::vec(prop_oneof![Just(200_u16), Just(500), Just(503)], 0..20),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let world = World::new(&["127.0.0.1"]).await;
            let receiver = Receiver::default();
            let url = format!("http://{}/", receiver.plain(&world.tasks).await);
            world.webhook(&world.system(), on(EventType::TagPush, "admin/flask", &url)).await.unwrap();
            receiver.answer(&answers);
            let mut expected: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for (number, tag) in pushes.iter().enumerate() {
                let digest = format!("sha256:{number}");
                world.push_as(&tag.to_string(), &digest).await;
                expected.entry(tag.to_string()).or_default().push(digest);
                if number % 3 == 2 {
                    world.run().await;
                }
            }
            for _ in 0..40 {
                world.run().await;
                world.advance(3600);
            }
            let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for seen in receiver.seen() {
                let body: Value = serde_json::from_str(&seen.body).unwrap();
                let text = |name: &str| body["contents"][name].as_str().unwrap().to_owned();
                told.entry(text("tag")).or_default().push(text("digest"));
            }
            for digests in told.values_mut() {
                digests.dedup();
            }
            assert_eq!(told, expected);
        });
    }
}
