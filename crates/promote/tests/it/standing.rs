//! What was promoted and would not be today: said, marked, and left where it is.

use policy::Verdict;
use promote::{Effect, NewWaiver, Promote, Waiver, WaiverScope};
use registry::Registry;
use serde_json::Value;

use crate::world::{BUILD, Kind, TARGET, World, clean, repo, rule, tag};

async fn accept(world: &World) -> Waiver {
    let new = NewWaiver {
        scope: WaiverScope::Everywhere,
        advisory: "cve-2021-44228".into(),
        component: None,
        version: None,
        reason: "accepted".into(),
        justification: None,
        expires_at: None,
    };
    let waiver = world.promote.create_waiver(&world.ctx(), new).await.unwrap();
    world.run().await;
    waiver
}

async fn referrers(world: &World, name: &str, digest: &oci::Digest) -> Vec<registry::Referrer> {
    world.registry.referrers(&world.ctx(), &repo(name), digest, None, ("", 100)).await.unwrap().items
}

/// The statements that are attached to an image in the target, by their result.
pub(crate) async fn attached(world: &World, digest: &oci::Digest) -> Vec<String> {
    let mut results = Vec::new();
    for bundle in bundles(world, digest).await {
        let statement = scan::open_bundle(&bundle, &world.scan.attestation_key().unwrap()).unwrap();
        let statement: Value = serde_json::from_slice(&statement).unwrap();
        assert_eq!(statement["subject"][0]["digest"]["sha256"], digest.hex());
        assert_eq!(statement["predicate"]["resourceUri"], "oci://assay.test/admin/flask");
        assert!(!statement.to_string().contains(BUILD), "readers of the target learn nothing of the source");
        results.push(statement["predicate"]["verificationResult"].as_str().unwrap().to_owned());
    }
    results
}

/// The same as they were signed.
pub(crate) async fn bundles(world: &World, digest: &oci::Digest) -> Vec<Vec<u8>> {
    let mut bundles = Vec::new();
    for referrer in referrers(world, TARGET, digest).await {
        let predicate = referrer.annotations.get("dev.sigstore.bundle.predicateType").cloned().unwrap_or_default();
        if predicate != promote::PREDICATE_TYPE {
            continue;
        }
        let manifest = world.registry.manifest_bytes(&referrer.image).await.unwrap();
        let manifest: Value = serde_json::from_slice(&manifest).unwrap();
        let layer: oci::Digest = manifest["layers"][0]["digest"].as_str().unwrap().parse().unwrap();
        bundles.push(world.blob(&layer, manifest["layers"][0]["size"].as_u64().unwrap()).await);
    }
    bundles
}

#[tokio::test]
async fn what_no_longer_satisfies_its_policy_stays_and_is_marked() {
    let world = World::new().await;
    world.policy(&[clean()], "%n", false).await;
    let waiver = accept(&world).await;
    let digest = world.push(BUILD, "7", Kind::Bad).await;
    world.run().await;
    assert_eq!(world.tagged(TARGET, "7").await, Some(digest.clone()));
    assert_eq!(attached(&world, &digest).await, ["PASSED"]);

    world.promote.delete_waiver(&world.ctx(), &waiver.id).await.unwrap();
    world.run().await;
    assert_eq!(world.tagged(TARGET, "7").await, Some(digest.clone()), "nothing is taken away");
    assert_eq!(world.lapsed(), ["admin/flask:7"]);
    let record = world.decisions("7").await.remove(0);
    assert_eq!(record.decision.verdict, Verdict::Refused);
    assert_eq!(record.effect, Effect::Lapsed("admin/flask:7 still names it".into()));
    let entry = world.entries_of("promotion.lapsed").await.remove(0);
    assert_eq!(entry["cause"], record.entry.as_str());
    assert_eq!(attached(&world, &digest).await, ["FAILED"], "one statement for each policy, the latest");
    let mark = async || {
        let mut tx = world.db.read().await.unwrap();
        let origin = Promote::origin(&mut tx, &repo(TARGET), &tag("7")).await.unwrap().unwrap();
        Promote::lapsed(&mut tx, &origin).await.unwrap().map(|record| record.id)
    };
    assert_eq!(mark().await, Some(record.id));

    // Asked again it is no news; when it is accepted again, the mark goes.
    world.promote.request_evaluation(&world.ctx(), &repo(BUILD), &tag("7")).await.unwrap();
    world.run().await;
    assert_eq!((world.lapsed().len(), world.decisions("7").await.len()), (1, 2));
    accept(&world).await;
    assert_eq!(mark().await, None);
    assert_eq!(attached(&world, &digest).await, ["PASSED"]);
    assert_eq!((world.told(), world.lapsed().len()), (vec!["7>7".to_owned()], 1));
    world.assert_guarded().await;
}

#[tokio::test]
async fn an_image_is_judged_where_it_stands_after_its_source_moved_on() {
    let world = World::new().await;
    let open = registry::RepositoryChanges { immutable: Some(false), ..Default::default() };
    world.registry.update_repository(&world.ctx(), &repo(BUILD), open).await.unwrap();
    world.policy(&[clean()], "%n-%H%M%S", false).await;
    let waiver = accept(&world).await;
    let first = world.push_variant(BUILD, "dev", Kind::Bad, "first").await;
    world.run().await;
    let second = world.push_variant(BUILD, "dev", Kind::Good, "second").await;
    world.run().await;
    assert_eq!(world.told().len(), 2);

    world.promote.delete_waiver(&world.ctx(), &waiver.id).await.unwrap();
    world.run().await;
    assert_eq!(world.lapsed().len(), 1);
    assert_eq!(
        (attached(&world, &first).await, attached(&world, &second).await),
        (vec!["FAILED".into()], vec!["PASSED".into()])
    );
    // Also when the source forgot the image altogether.
    world.registry.delete_manifest(&world.ctx(), &repo(BUILD), &first).await.unwrap();
    accept(&world).await;
    assert_eq!(attached(&world, &first).await, ["PASSED"]);
    assert_eq!(world.told().len(), 2);
    world.assert_guarded().await;
}

#[tokio::test]
async fn time_alone_ends_what_a_policy_allows() {
    let world = World::new().await;
    world.policy(&[rule("updated_at_duration", "af", &["1h"])], "%n", false).await;
    world.push(BUILD, "7", Kind::Good).await;
    world.run().await;
    assert_eq!(world.told(), ["7>7"]);
    world.advance(7200);
    let ask = async || {
        let written: Result<(), db::Error> = db::write!(world.db, &world.ctx(), |tx| {
            jobs::enqueue(tx, &world.ctx(), jobs::NewJob::new(promote::CLOCK_JOB, Value::Null)).await.map(drop)
        });
        written.unwrap();
        world.run().await;
    };
    ask().await;
    ask().await;
    assert_eq!(world.lapsed(), ["admin/flask:7"]);
    assert_eq!(world.decisions("7").await.len(), 2);
    world.assert_guarded().await;
}

#[tokio::test]
async fn each_decision_is_signed_and_recomputed_from_what_was_kept() {
    let world = World::new().await;
    world.policy(&[clean()], "%n", false).await;
    world.push(BUILD, "good", Kind::Good).await;
    world.push(BUILD, "bad", Kind::Bad).await;
    world.push(BUILD, "broken", Kind::Broken).await;
    world.run().await;
    let key = world.scan.attestation_key().unwrap();
    for (name, result) in [("good", "PASSED"), ("bad", "FAILED"), ("broken", "FAILED")] {
        let record = world.decisions(name).await.remove(0);
        let kept = world.promote.decision(&world.ctx(), &record.id).await.unwrap();
        let decision = record.decision.canonical();
        assert_eq!(policy::recompute(&kept.policy, &kept.evidence, &decision).unwrap(), record.decision);
        let bundle = kept.statement.unwrap();
        let statement = scan::open_bundle(&bundle, &key).unwrap();
        assert_eq!(promote::states(&statement, &record.decision).unwrap(), record.digest);
        let said: Value = serde_json::from_slice(&statement).unwrap();
        assert_eq!(said["predicate"]["verificationResult"], result);
        let entries = world.entries_of("decision.made").await;
        let entry = entries.iter().find(|entry| entry["id"] == record.entry.as_str()).unwrap();
        assert_eq!(entry["details"]["statement"], base::digest_hex(&bundle), "the log holds on to it");
        // It is of no other decision.
        for other in ["good", "bad", "broken"].into_iter().filter(|other| *other != name) {
            let other = world.decisions(other).await.remove(0).decision;
            assert!(promote::states(&statement, &other).is_err());
        }
    }
    let mut tx = world.db.read().await.unwrap();
    let bad = Registry::tagged(&mut tx, &repo(BUILD), &tag("bad")).await.unwrap().unwrap().image.digest;
    drop(tx);
    let referrers = referrers(&world, BUILD, &bad).await;
    let types = referrers.iter().filter_map(|one| one.annotations.get("dev.sigstore.bundle.predicateType"));
    assert!(types.into_iter().all(|kind| kind != promote::PREDICATE_TYPE), "what was never promoted carries none");
}

#[tokio::test]
async fn signatures_follow_the_image_whenever_they_come() {
    let world = World::new().await;
    world.repository("admin/live", false).await;
    world.policy(&[clean()], "%n", false).await;
    let on = crate::world::form(&[], "admin/live", "stable");
    world.promote.create_policy(&world.ctx(), &repo(TARGET), on, false).await.unwrap();
    let digest = world.push(BUILD, "7", Kind::Good).await;
    let sign = async |kind: &str| world.attach(BUILD, &digest, kind).await;
    let before = sign("application/vnd.cncf.notary.signature").await;
    world.run().await;
    let after = sign("application/vnd.example.signature").await;
    world.run().await;
    let cosign = format!("{}.sig", digest.as_str().replacen(':', "-", 1));
    let tagged = world.push(BUILD, &cosign, Kind::Good).await;
    world.run().await;
    for place in [TARGET, "admin/live"] {
        let there: Vec<_> = referrers(&world, place, &digest).await.into_iter().map(|one| one.image.digest).collect();
        assert!(there.contains(&before) && there.contains(&after), "{place}: {there:?}");
        assert_eq!(world.tagged(place, &cosign).await, Some(tagged.clone()), "{place}");
    }
    assert_eq!(world.told(), ["7>7", "7>stable"], "an image is promoted once, whatever follows it");
    world.assert_guarded().await;
}
