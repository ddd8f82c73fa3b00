//! Whatever happens in whatever order, and wherever the process dies: promoted once, never backwards, all in the log.

use std::collections::BTreeMap;

use promote::{NewWaiver, PolicyChange, Promote, WaiverScope};
use proptest::prelude::*;

use crate::world::{BUILD, Kind, TARGET, World, clean, repo};

#[derive(Clone, Debug)]
enum Step {
    Push(Kind),
    /// The same image once more, under a new tag.
    PushAgain,
    Waive,
    Unwaive,
    Apply,
    Rescan,
    Run,
    Die(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Push(Kind::Good)),
        2 => Just(Step::Push(Kind::Bad)),
        1 => Just(Step::PushAgain),
        1 => Just(Step::Waive),
        1 => Just(Step::Unwaive),
        1 => Just(Step::Apply),
        1 => Just(Step::Rescan),
        2 => Just(Step::Run),
        4 => (1_usize..60).prop_map(Step::Die),
    ]
}

/// Play the steps; gives the kind of each tag, in the order they were pushed.
async fn play(mut world: World, steps: &[Step]) -> (World, Vec<(String, Kind)>) {
    let policies = [world.policy(&[clean()], "%n", false).await, world.policy(&[clean()], "latest", false).await];
    let mut pushed: Vec<(String, Kind)> = Vec::new();
    let mut variants: BTreeMap<String, String> = BTreeMap::new();
    let mut waiver = None;
    for step in steps {
        let ctx = world.ctx();
        let name = pushed.len().to_string();
        match step {
            Step::Push(kind) => {
                world.push(BUILD, &name, *kind).await;
                variants.insert(name.clone(), name.clone());
                pushed.push((name, *kind));
            }
            Step::PushAgain => {
                let Some((last, kind)) = pushed.last().cloned() else { continue };
                let variant = variants[&last].clone();
                world.push_variant(BUILD, &name, kind, &variant).await;
                variants.insert(name.clone(), variant);
                pushed.push((name, kind));
            }
            Step::Waive if waiver.is_none() => {
                let new = NewWaiver {
                    scope: WaiverScope::Everywhere,
                    advisory: "cve-2021-44228".into(),
                    component: None,
                    version: None,
                    reason: "accepted".into(),
                    justification: None,
                    expires_at: None,
                };
                waiver = Some(world.promote.create_waiver(&ctx, new).await.unwrap().id);
            }
            Step::Unwaive => {
                if let Some(id) = waiver.take() {
                    world.promote.delete_waiver(&ctx, &id).await.unwrap();
                }
            }
            Step::Apply => {
                for policy in &policies {
                    let same = PolicyChange::default();
                    world.promote.update_policy(&ctx, &repo(BUILD), &policy.id, same, true).await.unwrap();
                }
            }
            Step::Rescan => {
                if let Some((name, _)) = pushed.first() {
                    world.scan.request(&ctx, &repo(BUILD), &name.parse().unwrap()).await.unwrap();
                }
            }
            Step::Run => world.run().await,
            Step::Die(steps) => world = world.run_and_die(*steps).await,
            Step::Waive => {}
        }
        world.advance(1);
    }
    world.run().await;
    (world, pushed)
}

async fn check(world: &World, pushed: &[(String, Kind)]) {
    world.assert_guarded().await;
    // Every good image is there, under its tag.
    for (name, kind) in pushed {
        let there = world.tagged(TARGET, name).await;
        if *kind == Kind::Good {
            assert_eq!(there, world.tagged(BUILD, name).await, "{name}");
        }
    }
    // `latest` is what was pushed last of all that was ever allowed; at least the last good one.
    let allowed: Vec<bool> = {
        let mut allowed = Vec::new();
        for (name, _) in pushed {
            let decisions = world.decisions(name).await;
            allowed.push(decisions.iter().any(|record| record.decision.verdict == policy::Verdict::Allowed));
        }
        allowed
    };
    if let Some(last) = allowed.iter().rposition(|allowed| *allowed) {
        assert_eq!(world.tagged(TARGET, "latest").await, world.tagged(BUILD, &last.to_string()).await);
    }
    // One event for each promotion that was news, and no promotion twice. A job that died after it told tells again: that is
    // what at least once means, and the event is the same to the byte.
    let promoted = |data: &&serde_json::Value| data["event"] == "image.promoted";
    let mut told = world.told.lock().unwrap().iter().filter(promoted).map(ToString::to_string).collect::<Vec<_>>();
    told.sort();
    told.dedup();
    let news = world.entries_of("image.promoted").await;
    assert_eq!(news.iter().filter(|entry| entry["details"]["changed"] == true).count(), told.len());
    let mut once: Vec<String> = news.iter().map(|entry| entry["subjects"].to_string()).collect();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), news.len(), "promoted twice");
    let mut tx = world.db.read().await.unwrap();
    let rows = tx.one("SELECT COUNT(*) AS n FROM promotions", &[]).await.unwrap().int("n").unwrap();
    assert_eq!(usize::try_from(rows).unwrap(), news.len());
    assert!(!Promote::state(&mut tx).await.unwrap().is_empty());
    // The same inputs were decided once.
    let same =
        "SELECT COUNT(*) AS n FROM decisions a JOIN decisions b ON a.policy = b.policy AND a.repository = b.repository
        AND a.tag = b.tag AND a.digest = b.digest AND b.ordinal = a.ordinal + 1 AND a.inputs = b.inputs";
    assert_eq!(tx.one(same, &[]).await.unwrap().int("n").unwrap(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn exactly_once_whatever_happens(steps in proptest::collection::vec(step(), 1..14)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let world = World::new().await;
            let (world, pushed) = play(world, &steps).await;
            check(&world, &pushed).await;
        });
    }
}
