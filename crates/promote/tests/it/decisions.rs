//! From a push to a promotion, or to a refusal in words.

use policy::{Evidence, Policy, Verdict, decide};
use promote::{Effect, Error, Promote};
use registry::Origin;
use serde_json::json;

use crate::world::{BUILD, Kind, TARGET, World, clean, form, repo, rule, tag};

#[tokio::test]
async fn two_policies_promote_in_one_transaction_and_once() {
    let world = World::new().await;
    let keep = world.policy(&[clean()], "%n", false).await;
    let latest = world.policy(&[clean()], "latest", false).await;
    let digest = world.push(BUILD, "7", Kind::Good).await;
    world.run().await;
    assert_eq!(world.tagged(TARGET, "7").await, Some(digest.clone()));
    assert_eq!(world.tagged(TARGET, "latest").await, Some(digest.clone()));
    let mut told = world.told();
    told.sort();
    assert_eq!(told, ["7>7", "7>latest"]);

    let promoted = world.entries_of("image.promoted").await;
    assert_eq!(promoted.len(), 2);
    assert_eq!((&promoted[0]["at"], &promoted[0]["request_id"]), (&promoted[1]["at"], &promoted[1]["request_id"]));
    assert_eq!(promoted[0]["actor"], "system:promote");
    let decided = world.entries_of("decision.made").await;
    assert_eq!(decided.len(), 2);
    assert_eq!(promoted[0]["cause"], decided[0]["id"], "the chain is a walk over entries");
    assert_eq!(decided[0]["cause"], world.entries_of("scan.completed").await[0]["id"]);
    assert!(promoted[1]["subjects"].as_array().unwrap().contains(&json!(digest)));
    assert!(promoted[1]["subjects"].as_array().unwrap().contains(&json!("tag/admin/flask:latest")));

    // Everything again: the same events, the same policies.
    world.push(BUILD, "7", Kind::Good).await;
    let asked = "7".parse().unwrap();
    world.scan.request(&world.ctx(), &repo(BUILD), &asked).await.unwrap();
    for policy in [&keep, &latest] {
        let same = promote::PolicyChange::default();
        world.promote.update_policy(&world.ctx(), &repo(BUILD), &policy.id, same, true).await.unwrap();
    }
    world.run().await;
    assert_eq!(world.told().len(), 2);
    assert_eq!(world.entries_of("decision.made").await.len(), 2);
    assert_eq!(world.decisions("7").await.len(), 2);

    let mut tx = world.db.read().await.unwrap();
    let origin = Promote::origin(&mut tx, &repo(TARGET), &tag("latest")).await.unwrap().unwrap();
    assert_eq!((origin.policy, origin.source_tag), (Some(latest.id.clone()), tag("7")));
    let view = registry::Registry::tagged(&mut tx, &repo(TARGET), &tag("latest")).await.unwrap().unwrap();
    assert!(matches!(view.origin, Origin::Promoted { policy: Some(policy), .. } if policy == latest.id.as_str()));
    drop(tx);
    let shown = world.promote.policies(&world.ctx(), &repo(TARGET), false).await.unwrap();
    assert!(shown.iter().all(|policy| policy.last_promoted_at.is_some()) && shown.len() == 2);
    world.assert_guarded().await;
}

#[tokio::test]
async fn refused_and_unknown_are_recorded_and_not_promoted() {
    let world = World::new().await;
    world.policy(&[clean()], "latest", false).await;
    world.push(BUILD, "bad", Kind::Bad).await;
    world.push(BUILD, "broken", Kind::Broken).await;
    world.run().await;
    assert_eq!(world.tagged(TARGET, "latest").await, None);
    assert!(world.told().is_empty());
    let bad = world.decisions("bad").await;
    assert_eq!((bad.len(), bad[0].decision.verdict, &bad[0].effect), (1, Verdict::Refused, &Effect::None));
    let broken = world.decisions("broken").await;
    assert_eq!(broken[0].decision.verdict, Verdict::Unknown);
    let sentence = &broken[0].decision.reasons[0].sentence;
    assert!(sentence.contains("the scan failed"), "{sentence}");
    let entries = world.entries_of("decision.made").await;
    let verdicts: Vec<_> = entries.iter().map(|entry| entry["details"]["verdict"].as_str().unwrap()).collect();
    assert!(verdicts.contains(&"refused") && verdicts.contains(&"unknown"));
    world.assert_guarded().await;
}

#[tokio::test]
async fn a_decision_is_computed_again_from_its_documents() {
    let world = World::new().await;
    world.policy(&[clean(), rule("component.name", "noo", &["evil"])], "%n-%Y", false).await;
    world.push(BUILD, "7", Kind::Good).await;
    world.push(BUILD, "8", Kind::Bad).await;
    world.run().await;
    assert!(world.tagged(TARGET, "7-2026").await.is_some());
    for name in ["7", "8"] {
        let record = world.decisions(name).await.remove(0);
        let explained = world.promote.decision(&world.ctx(), &record.id).await.unwrap();
        let policy: Policy = serde_json::from_slice(&explained.policy).unwrap();
        let evidence: Evidence = serde_json::from_slice(&explained.evidence).unwrap();
        assert_eq!(decide(&policy, &evidence), record.decision);
        assert_eq!(evidence.digest(), record.decision.evidence_digest);
        assert_eq!(evidence.image.as_deref(), Some(record.digest.as_str()));
        assert!(evidence.snapshot.is_some());
    }
    let stranger = world.user("stranger");
    let record = world.decisions("7").await.remove(0);
    assert!(matches!(world.promote.decision(&stranger, &record.id).await, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn a_policy_on_the_tag_does_not_wait_for_a_scan() {
    let world = World::new().await;
    world.policy(&[rule("tag", "sw", &["v"])], "%n", false).await;
    world.push(BUILD, "v1", Kind::Broken).await;
    world.push(BUILD, "x1", Kind::Good).await;
    world.run().await;
    assert_eq!(world.told(), ["v1>v1"]);
    assert_eq!(world.decisions("x1").await[0].decision.verdict, Verdict::Refused);
    assert_eq!(world.decisions("v1").await.len(), 1);
}

#[tokio::test]
async fn an_immutable_target_refuses_and_that_is_recorded_once() {
    let world = World::new().await;
    world.repository("admin/release", true).await;
    let made = form(&[clean()], "admin/release", "stable");
    let policy = world.promote.create_policy(&world.ctx(), &repo(BUILD), made, false).await.unwrap();
    let first = world.push(BUILD, "1", Kind::Good).await;
    world.run().await;
    world.push(BUILD, "2", Kind::Good).await;
    world.run().await;
    assert_eq!(world.tagged("admin/release", "stable").await, Some(first.clone()));
    let record = world.decisions("2").await.remove(0);
    assert_eq!(record.decision.verdict, Verdict::Allowed);
    let reason = record.effect.reason().unwrap();
    assert!(reason.contains("cannot be overwritten because assay.test/admin/release is an immutable"), "{reason}");
    assert_eq!(world.entries_of("promotion.withheld").await.len(), 1);

    // Applied again it is the same refusal; once the target allows it, it is promoted, by the same decision.
    let apply = async || {
        let same = promote::PolicyChange::default();
        world.promote.update_policy(&world.ctx(), &repo(BUILD), &policy.id, same, true).await.unwrap();
        world.run().await;
    };
    apply().await;
    assert_eq!(world.entries_of("promotion.withheld").await.len(), 1);
    let open = registry::RepositoryChanges { immutable: Some(false), ..Default::default() };
    world.registry.update_repository(&world.ctx(), &repo("admin/release"), open).await.unwrap();
    apply().await;
    assert_ne!(world.tagged("admin/release", "stable").await, Some(first));
    assert_eq!(world.decisions("2").await[0].effect, Effect::Promoted);
    assert_eq!(world.entries_of("decision.made").await.len(), 2);
    assert_eq!(world.told(), ["1>stable", "2>stable"]);
    world.assert_guarded().await;
}

#[tokio::test]
async fn an_index_waits_for_all_its_images() {
    let world = World::new().await;
    world.policy(&[clean()], "%n", false).await;
    let media_type = "application/vnd.oci.image.index.v1+json";
    let manifest_type = "application/vnd.oci.image.manifest.v1+json";
    for (name, kinds) in [("good", [Kind::Good, Kind::Good]), ("bad", [Kind::Good, Kind::Bad])] {
        let mut children = Vec::new();
        for (index, kind) in kinds.into_iter().enumerate() {
            let digest = world.push(BUILD, &format!("{name}-{index}"), kind).await;
            let mut tx = world.db.read().await.unwrap();
            let size = registry::Registry::image_of(&mut tx, &digest).await.unwrap().unwrap().size;
            children.push(json!({"mediaType": manifest_type, "digest": digest, "size": size}));
        }
        let index = json!({"schemaVersion": 2, "mediaType": media_type, "manifests": children});
        world.push_manifest(BUILD, name, media_type, &index).await;
    }
    world.run().await;
    assert!(world.tagged(TARGET, "good").await.is_some());
    assert_eq!(world.tagged(TARGET, "bad").await, None);
    let last = world.decisions("bad").await.remove(0);
    assert_eq!(last.decision.verdict, Verdict::Refused);
}

#[tokio::test]
async fn by_hand_without_a_policy_and_told_once() {
    let world = World::new().await;
    world.push(BUILD, "7", Kind::Bad).await;
    world.run().await;
    let (source, target) = (repo(BUILD), repo(TARGET));
    let ctx = world.ctx();
    for _ in 0..2 {
        let made = world.promote.promote_by_hand(&ctx, &source, &tag("7"), &target, &tag("hot")).await.unwrap();
        assert_eq!(made.policy, None);
        world.run().await;
    }
    assert_eq!(world.told(), ["7>hot"]);
    assert_eq!(world.told.lock().unwrap()[0]["manual"], true);
    let stranger = world.user("stranger");
    let refused = world.promote.promote_by_hand(&stranger, &source, &tag("7"), &target, &tag("x")).await;
    assert_eq!(refused.unwrap_err().kind(), base::Kind::NotFound);
    let missing = world.promote.promote_by_hand(&ctx, &source, &tag("none"), &target, &tag("x")).await;
    assert_eq!(missing.unwrap_err().kind(), base::Kind::NotFound);
}
