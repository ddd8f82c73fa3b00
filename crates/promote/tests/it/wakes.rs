//! What changes a decision without a push or a scan, and wakes it.

use identity::AccountKind;
use oci::Digest;
use promote::{DecisionRecord, Effect};
use serde_json::Value;

use crate::{
    signer::Signer,
    standing::{attached, bundles},
    world::{BUILD, Kind, TARGET, World, clean, repo, rule},
};

/// What the last decision about a tag came to.
async fn effect(world: &World, tag: &str) -> Effect {
    world.run().await;
    world.decisions(tag).await.remove(0).effect
}

#[tokio::test]
async fn whose_a_key_is_counts_from_when_it_is_known() {
    let world = World::new().await;
    world.account("anna", AccountKind::User, false).await;
    let anna = Signer::unknown("anna");
    anna.begin(&world, &repo(BUILD)).await;
    world.policy(&[rule("signature.signer", "oo", &["anna"])], "%n", false).await;
    let digest = world.push(BUILD, "7", Kind::Good).await;
    anna.sign(&world.trust, &world.ctx(), &repo(BUILD), "7", &digest).await.unwrap();
    assert_eq!(effect(&world, "7").await, Effect::None, "signed by nobody who is known");
    let key = anna.register(&world).await;
    assert_eq!(effect(&world, "7").await, Effect::Promoted);
    assert_eq!(world.tagged(TARGET, "7").await, Some(digest.clone()));

    // Whoever is switched off signs for nobody, and what has no key is nobody's concern.
    let (identity, name) = (world.identity(), "anna".parse().unwrap());
    identity.set_active(&world.ctx(), &name, false).await.unwrap();
    assert!(matches!(effect(&world, "7").await, Effect::Lapsed(_)));
    identity.set_active(&world.ctx(), &name, true).await.unwrap();
    assert_eq!(effect(&world, "7").await, Effect::Promoted);
    identity.revoke_key(&world.ctx(), &name, &key).await.unwrap();
    assert!(matches!(effect(&world, "7").await, Effect::Lapsed(_)));
    assert_eq!((world.told(), world.lapsed().len()), (vec!["7>7".to_owned()], 2));
    world.assert_guarded().await;
}

#[tokio::test]
async fn another_key_of_the_server_signs_again_what_the_one_before_signed() {
    let world = World::new().await;
    world.policy(&[clean()], "%n", false).await;
    let good = world.push(BUILD, "good", Kind::Good).await;
    world.push(BUILD, "bad", Kind::Bad).await;
    world.run().await;
    let statement = async |world: &World, tag: &str| -> (DecisionRecord, Vec<u8>) {
        let record = world.decisions(tag).await.remove(0);
        let kept = world.promote.decision(&world.ctx(), &record.id).await.unwrap();
        (record, kept.statement.unwrap())
    };
    let before = statement(&world, "good").await.1;

    let world = World::open(world.end().with_another_key()).await;
    world.promote.resume(&world.ctx()).await.unwrap();
    world.run().await;
    let key = world.scan.attestation_key().unwrap();
    assert!(scan::open_bundle(&before, &key).is_err());
    for tag in ["good", "bad"] {
        let (record, bundle) = statement(&world, tag).await;
        let said = scan::open_bundle(&bundle, &key).unwrap();
        assert_eq!(promote::states(&said, &record.decision).unwrap(), record.digest);
    }
    assert_eq!(attached(&world, &good).await, ["PASSED"], "one that the present key signed");
    assert_eq!(bundles(&world, &good).await, [statement(&world, "good").await.1]);
    // The log holds on to it, and it is done once.
    let sums = |entries: &[Value]| entries[0]["details"]["statements"].as_object().unwrap().len();
    let entries = world.entries_of("statements.renewed").await;
    assert_eq!((entries.len(), sums(&entries)), (1, 2));
    world.promote.resume(&world.ctx()).await.unwrap();
    world.run().await;
    assert_eq!(world.entries_of("statements.renewed").await.len(), 1);
    world.assert_guarded().await;
}

#[tokio::test]
async fn what_was_altered_is_not_signed_again() {
    let world = World::new().await;
    world.policy(&[clean()], "%n", false).await;
    let digest: Digest = world.push(BUILD, "bad", Kind::Bad).await;
    world.run().await;
    let record = world.decisions("bad").await.remove(0);
    // Somebody with nothing but the database: a statement of their own, and another target.
    let own = world.scan.attestation_signer().unwrap().bundle(b"{\"predicateType\": \"mine\"}");
    let sql = "UPDATE decision_statements SET bundle = $2 WHERE decision = $1";
    let altered: Result<(), db::Error> =
        db::write!(world.db, &world.ctx(), |tx| tx.execute(sql, &db::args![&record.id, &own[..]]).await.map(drop));
    altered.unwrap();
    let world = World::open(world.end().with_another_key()).await;
    world.promote.resume(&world.ctx()).await.unwrap();
    world.run().await;
    let kept = world.promote.decision(&world.ctx(), &record.id).await.unwrap();
    let said = scan::open_bundle(&kept.statement.unwrap(), &world.scan.attestation_key().unwrap()).unwrap();
    assert_eq!(promote::states(&said, &record.decision).unwrap(), digest, "what is signed is what was decided");
}
