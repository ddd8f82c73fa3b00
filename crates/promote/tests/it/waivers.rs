//! Findings that somebody accepted: with a reason, visibly, for a time.

use base::Kind as ErrorKind;
use policy::{Evidence, Verdict};
use promote::{NewWaiver, WaiverScope};
use registry::Registry;

use crate::world::{BUILD, Kind, TARGET, World, clean, repo};

fn waiver(scope: &str) -> NewWaiver {
    NewWaiver {
        scope: scope.parse().unwrap(),
        advisory: "CVE-2021-44228".into(),
        component: None,
        reason: "the class is removed in the image".into(),
        justification: None,
        expires_at: None,
    }
}

#[tokio::test]
async fn a_waived_finding_does_not_count_and_is_seen() {
    let world = World::new().await;
    world.policy(&[clean()], "%n", false).await;
    let digest = world.push(BUILD, "7", Kind::Bad).await;
    world.run().await;
    assert!(world.told().is_empty());

    let made = world.promote.create_waiver(&world.ctx(), waiver(BUILD)).await.unwrap();
    world.run().await;
    assert_eq!(world.told(), ["7>7"]);
    let record = world.decisions("7").await.remove(0);
    let explained = world.promote.decision(&world.ctx(), &record.id).await.unwrap();
    let evidence: Evidence = serde_json::from_slice(&explained.evidence).unwrap();
    let counts = evidence.counts.unwrap();
    assert_eq!((counts.all(), counts.waived), (0, 1));
    let mut tx = world.db.read().await.unwrap();
    let (now, image) = (world.clock.now(), Registry::image_of(&mut tx, &digest).await.unwrap().unwrap());
    let triage = world.promote.triage(&mut tx, now, &repo(BUILD), &[&digest]).await.unwrap();
    let found = world.promote.found(&mut tx, now, (&repo(BUILD), &image), &triage).await.unwrap().remove(0);
    assert_eq!(found.closed_because().as_deref(), Some("the class is removed in the image"));
    assert!(world.promote.triage(&mut tx, now, &repo(TARGET), &[&digest]).await.unwrap().is_empty());
    drop(tx);
    let entry = world.entries_of("waiver.created").await.remove(0);
    assert_eq!(entry["details"]["reason"], "the class is removed in the image");
    world.assert_guarded().await;

    // Taken back, it counts again; what was promoted stays where it is.
    world.promote.delete_waiver(&world.ctx(), &made.id).await.unwrap();
    world.run().await;
    let verdicts: Vec<_> = world.decisions("7").await.iter().map(|record| record.decision.verdict).collect();
    assert_eq!(verdicts, [Verdict::Refused, Verdict::Allowed, Verdict::Refused]);
    assert_eq!(world.tagged(TARGET, "7").await, Some(digest));
    world.assert_guarded().await;
}

#[tokio::test]
async fn of_an_image_of_a_component_and_until_a_day() {
    let world = World::new().await;
    let policy = world.policy(&[clean()], "%n", false).await;
    let digest = world.push(BUILD, "7", Kind::Bad).await;
    world.push(BUILD, "8", Kind::Bad).await;
    world.run().await;
    let ctx = world.ctx();
    let other = NewWaiver { component: Some("openssl".into()), ..waiver("everywhere") };
    world.promote.create_waiver(&ctx, other).await.unwrap();
    let ends = world.clock.now().checked_add(std::time::Duration::from_secs(3600)).unwrap();
    let image = NewWaiver { expires_at: Some(ends), ..waiver(digest.as_str()) };
    world.promote.create_waiver(&ctx, image.clone()).await.unwrap();
    world.run().await;
    assert_eq!(world.told(), ["7>7"]);
    world.advance(2 * 3600);
    let same = promote::PolicyChange::default();
    world.promote.update_policy(&world.ctx(), &repo(BUILD), &policy.id, same, true).await.unwrap();
    world.run().await;
    assert_eq!(world.decisions("7").await[0].decision.verdict, Verdict::Refused, "it expired");
    assert_eq!(world.promote.waivers(&world.ctx(), &image.scope).await.unwrap().len(), 1, "and is still seen");
}

#[tokio::test]
async fn the_end_of_a_waiver_wakes_what_it_covered() {
    let world = World::new().await;
    world.policy(&[clean()], "%n", false).await;
    world.push(BUILD, "7", Kind::Bad).await;
    world.run().await;
    let ends = world.clock.now().checked_add(std::time::Duration::from_secs(3600)).unwrap();
    let made = world.promote.create_waiver(&world.ctx(), NewWaiver { expires_at: Some(ends), ..waiver(BUILD) }).await;
    let made = made.unwrap();
    world.run().await;
    let verdicts = async || world.decisions("7").await.iter().map(|record| record.decision.verdict).collect::<Vec<_>>();
    assert_eq!(verdicts().await, [Verdict::Allowed, Verdict::Refused]);
    assert_eq!(world.promote.end_waivers(&world.ctx()).await.unwrap(), 0, "it still holds");

    world.advance(2 * 3600);
    assert_eq!(world.promote.end_waivers(&world.ctx()).await.unwrap(), 1);
    assert_eq!(world.promote.end_waivers(&world.ctx()).await.unwrap(), 0, "once");
    world.run().await;
    assert_eq!(verdicts().await, [Verdict::Refused, Verdict::Allowed, Verdict::Refused]);
    let told = world.entries_of("waiver.expired").await;
    assert!(told.len() == 1 && told[0]["details"]["expires_at"] == ends.to_string(), "{told:?}");
    assert_eq!(world.promote.waivers(&world.ctx(), &made.scope).await.unwrap().len(), 1, "and is still seen");
    world.assert_guarded().await;
}

#[tokio::test]
async fn who_may_and_what_is_refused() {
    let world = World::new().await;
    let digest = world.push(BUILD, "7", Kind::Bad).await;
    let stranger = world.user("stranger");
    for (scope, kind) in
        [("everywhere", ErrorKind::Denied), (BUILD, ErrorKind::NotFound), (digest.as_str(), ErrorKind::Denied)]
    {
        let refused = world.promote.create_waiver(&stranger, waiver(scope)).await.unwrap_err();
        assert_eq!(refused.kind(), kind, "{scope}: {refused}");
    }
    let ctx = world.ctx();
    let bad = [
        NewWaiver { reason: "  ".into(), ..waiver(BUILD) },
        NewWaiver { advisory: String::new(), ..waiver(BUILD) },
        NewWaiver { advisory: "two words".into(), ..waiver(BUILD) },
        NewWaiver { component: Some(String::new()), ..waiver(BUILD) },
        NewWaiver { expires_at: Some(world.clock.now()), ..waiver(BUILD) },
    ];
    for new in bad {
        assert_eq!(world.promote.create_waiver(&ctx, new).await.unwrap_err().kind(), ErrorKind::Invalid);
    }
    let none = world.promote.waivers(&stranger, &WaiverScope::Repository(repo(BUILD))).await;
    assert_eq!(none.unwrap_err().kind(), ErrorKind::NotFound);
}
