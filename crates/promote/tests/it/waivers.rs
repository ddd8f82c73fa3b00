//! Findings that somebody accepted: with a reason, visibly, for a time.

use base::Kind as ErrorKind;
use oci::Digest;
use policy::{Evidence, Verdict};
use promote::{Approval, NewWaiver, WaiverScope};
use registry::Registry;

use crate::world::{BUILD, Kind, TARGET, World, clean, repo};

fn waiver(scope: &str) -> NewWaiver {
    NewWaiver {
        scope: scope.parse().unwrap(),
        advisory: "CVE-2021-44228".into(),
        component: None,
        version: None,
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
        NewWaiver { version: Some("1".into()), ..waiver(BUILD) },
        NewWaiver { expires_at: Some(world.clock.now()), ..waiver(BUILD) },
    ];
    for new in bad {
        assert_eq!(world.promote.create_waiver(&ctx, new).await.unwrap_err().kind(), ErrorKind::Invalid);
    }
    let none = world.promote.waivers(&stranger, &WaiverScope::Repository(repo(BUILD))).await;
    assert_eq!(none.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_waiver_counts_only_once_somebody_else_approved_it() {
    let world = World::new().await;
    world.policy(&[clean()], "%n", false).await;
    let digest = world.push(BUILD, "7", Kind::Bad).await;
    world.run().await;
    let ctx = world.ctx();
    let of_another = NewWaiver { component: Some("x".into()), ..waiver(BUILD) };
    let early = world.promote.create_waiver(&ctx, of_another).await.unwrap();
    let refused = world.promote.set_waivers_need_approval(&world.user("stranger"), true).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Denied);
    for _ in 0..2 {
        world.promote.set_waivers_need_approval(&ctx, true).await.unwrap();
    }
    assert_eq!(world.entries_of("waiver.settings_changed").await.len(), 1);

    let made = world.promote.create_waiver(&ctx, waiver(BUILD)).await.unwrap();
    assert_eq!((&made.approval, made.is_in_force(ctx.now)), (&Approval::Proposed, false));
    world.run().await;
    assert!(world.told().is_empty(), "what is proposed counts for nothing");
    let mut tx = world.db.read().await.unwrap();
    let mut report = bom::Report::default();
    report.findings.push(bom::Finding { id: "CVE-2021-44228".into(), ..finding() });
    world.promote.triage(&mut tx, ctx.now, &repo(BUILD), &[&digest]).await.unwrap().write(&mut report);
    assert!(report.findings[0].waiver.is_none(), "nor is it told to others");
    drop(tx);
    world.assert_guarded().await;

    // Not by its author, though an administrator; not by whoever could not have made it.
    let own = world.promote.approve_waiver(&ctx, &made.id).await.unwrap_err();
    assert!(own.kind() == ErrorKind::Denied && own.to_string().contains("somebody else"), "{own}");
    assert!(world.promote.approve_waiver(&world.user("stranger"), &made.id).await.is_err());
    let second = ctx.clone().with_actor(base::Actor::System("second"));
    let given = world.promote.approve_waiver(&second, &made.id).await.unwrap();
    assert_eq!(given.approval, Approval::Given { by: "system:second".into(), at: ctx.now });
    world.run().await;
    assert_eq!(world.told(), ["7>7"]);
    let entry = world.entries_of("waiver.approved").await.remove(0);
    assert_eq!((&entry["actor"], &entry["details"]["author"]), (&"system:second".into(), &"system:test".into()));
    for id in [&made.id, &early.id] {
        let again = world.promote.approve_waiver(&second, id).await.unwrap_err();
        assert_eq!(again.kind(), ErrorKind::Conflict);
    }
    world.assert_guarded().await;

    let new = NewWaiver { expires_at: ctx.now.checked_add(std::time::Duration::from_secs(60)).ok(), ..waiver(BUILD) };
    let late = world.promote.create_waiver(&ctx, new).await.unwrap();
    world.advance(61);
    let second = world.ctx().with_actor(base::Actor::System("second"));
    let over = world.promote.approve_waiver(&second, &late.id).await.unwrap_err();
    assert_eq!(over.kind(), ErrorKind::Conflict, "{over}");
}

fn finding() -> bom::Finding {
    serde_json::from_value(serde_json::json!({
        "id": "", "component": "liblog4j2-java", "severity": "critical", "status": "affected",
    }))
    .unwrap()
}

#[tokio::test]
async fn of_a_namespace_and_of_a_layer_in_whatever_image() {
    let world = World::new().await;
    world.policy(&[clean()], "%n", false).await;
    let digest = world.push(BUILD, "7", Kind::Bad).await;
    world.run().await;
    let ctx = world.ctx();
    let missing = world.promote.create_waiver(&ctx, waiver("nobody/*")).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound, "{missing}");
    for scope in ["admin/*", "layer:sha256:aa"] {
        assert!(world.promote.create_waiver(&world.user("stranger"), waiver_if(scope, &digest)).await.is_err());
    }
    let layer =
        registry::Registry::layers(&mut world.db.read().await.unwrap(), &digest).await.unwrap().remove(0).digest;
    // Another layer, another version, another owner: nothing of these is about this image.
    let other = Digest::sha256_of(b"other");
    let version = |version: &str| NewWaiver {
        component: Some("liblog4j2-java".into()),
        version: Some(version.into()),
        ..waiver(&format!("layer:{layer}"))
    };
    world.promote.create_waiver(&ctx, waiver(&format!("layer:{other}"))).await.unwrap();
    world.promote.create_waiver(&ctx, version("0.0.1")).await.unwrap();
    world.run().await;
    assert!(world.told().is_empty());
    let made = world.promote.create_waiver(&ctx, version("2.14.1-1")).await.unwrap();
    world.run().await;
    assert_eq!(world.told(), ["7>7"]);
    world.promote.delete_waiver(&ctx, &made.id).await.unwrap();
    world.push(BUILD, "8", Kind::Bad).await;
    world.run().await;
    assert_eq!(world.told(), ["7>7"]);
    world.promote.create_waiver(&ctx, waiver("admin/*")).await.unwrap();
    world.run().await;
    assert_eq!(world.told(), ["7>7", "8>8"]);
    assert_eq!(world.promote.all_waivers(&ctx).await.unwrap().len(), 3);
    let vex = world.promote.put_vex(&ctx, made.scope, b"{}".to_vec()).await.unwrap_err();
    assert_eq!(vex.kind(), ErrorKind::Invalid);
    world.assert_guarded().await;
}

fn waiver_if(scope: &str, digest: &Digest) -> NewWaiver {
    match scope.starts_with("layer:") {
        true => waiver(&format!("layer:{digest}")),
        false => waiver(scope),
    }
}
