//! Which tags go, which stay and why, and that what went can come back.

use base::Kind;
use prune::{Error, PruningForm};
use registry::{Hold, Registry, Source, Target};
use serde_json::json;

use super::world::{World, form, repo, rule};

/// What a dry run says of every tag: `goes`, or why it is kept, or the verdict.
async fn told(world: &World, form: PruningForm) -> Vec<(String, String)> {
    let page = world.prune.test(&world.ctx(), &repo("a/b"), form, ("", 1_000, true)).await.unwrap();
    let told = page.tags.iter().map(|one| {
        let what = match &one.kept {
            Some(kept) => kept.to_string(),
            None if one.goes() => "goes".to_owned(),
            None => one.decision.verdict.as_str().to_owned(),
        };
        (one.view.tag.to_string(), what)
    });
    told.collect()
}

#[tokio::test]
async fn old_tags_go_and_what_somebody_relies_on_stays_with_its_reason() {
    let world = World::new().await;
    let ctx = world.ctx();
    for tag in ["old", "signed", "cosigned", "part"] {
        world.push("a/b", tag, tag).await;
    }
    let hold = Hold::Tag("signed".parse().unwrap());
    db::write!(world.db, &ctx, |tx| Registry::hold(tx, &ctx, &repo("a/b"), &hold, "trust", "it is signed").await)
        .unwrap();
    let cosigned = world.push("a/b", "cosigned", "cosigned").await;
    world.push("a/b", &format!("{}.sig", cosigned.as_str().replacen(':', "-", 1)), "the signature").await;
    let part = world.push("a/b", "part", "part").await;
    let size = world.registry.image(&ctx, &repo("a/b"), &"part".parse().unwrap()).await.unwrap().size;
    let child = json!({"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": part, "size": size});
    let media_type = "application/vnd.oci.image.index.v1+json";
    let index = json!({"schemaVersion": 2, "mediaType": media_type, "manifests": [child]});
    world.push_manifest("a/b", "whole", &index).await;
    let source = world.push("a/source", "1", "promoted").await;
    db::write!(world.db, &ctx, |tx| {
        let (from, to, tag) = (repo("a/source"), repo("a/b"), "promoted".parse().unwrap());
        let source = Source { repository: &from, digest: &source, tag: None };
        world.registry.copy_tag(tx, &ctx, source, Target { repository: &to, tag: &tag, policy: None }).await.map(drop)
    })
    .unwrap();
    world.later(48);
    world.push("a/b", "young", "young").await;

    let old = form(&[rule("updated_at_duration", "bf", "24h")]);
    let before = told(&world, old.clone()).await;
    let of = |tag: &str| before.iter().find(|(name, _)| name == tag).unwrap().1.clone();
    assert_eq!((of("old"), of("whole"), of("young")), ("goes".into(), "goes".into(), "refused".into()));
    assert_eq!(of("signed"), "it is signed");
    assert!(of("cosigned").contains("a signature in this repository"), "{before:?}");
    assert!(before.iter().any(|(name, what)| name.ends_with(".sig") && what.contains(cosigned.as_str())));
    assert!(of("part").contains("the index sha256:") && of("promoted").contains("promoted from a/source"));
    assert_eq!(world.tags("a/b").await.len(), 8, "a dry run deletes nothing");

    let ctx = world.ctx();
    // A page ends where it is full, and the next one goes on there.
    let page = world.prune.test(&ctx, &repo("a/b"), old.clone(), ("", 1, false)).await.unwrap();
    assert_eq!((page.tags[0].view.tag.as_str(), page.next.unwrap().as_str()), ("old", "old"));
    let page = world.prune.test(&ctx, &repo("a/b"), old.clone(), ("old", 1, false)).await.unwrap();
    assert_eq!(page.tags[0].view.tag.as_str(), "whole");

    let policy = world.prune.create(&ctx, &repo("a/b"), old, true).await.unwrap();
    world.run().await;
    let left = world.tags("a/b").await;
    assert!(!left.contains(&"old".into()) && !left.contains(&"whole".into()) && left.len() == 6, "{left:?}");
    let deleted = world.entries("tag.deleted").await;
    assert_eq!(deleted.len(), 2);
    let details = &deleted[0]["details"];
    assert_eq!((&details["by"], &details["policy"]), (&json!("pruning policy"), &json!(policy.id)));
    assert!(details["reasons"][0].as_str().is_some_and(|reason| !reason.is_empty()), "{details}");
    world.assert_guarded().await;

    // With the index gone the part is one tag like another; a promoted one goes only where the policy says so.
    let also = PruningForm { promoted_too: Some(true), ..PruningForm::default() };
    world.prune.update(&ctx, &repo("a/b"), &policy.id, also, true).await.unwrap();
    world.run().await;
    assert!(!world.tags("a/b").await.contains(&"promoted".into()));

    // What went can come back, as after a deletion by hand.
    let deletions = world.registry.deletions(&ctx, &"a".parse().unwrap(), Some(&repo("a/b")), 10).await.unwrap().items;
    let old = deletions.iter().find(|one| serde_json::to_value(one).unwrap()["deleted"]["tag"] == "old").unwrap();
    assert_eq!(old.author, "system:prune");
    world.registry.restore(&ctx, &old.id).await.unwrap();
    assert!(world.tags("a/b").await.contains(&"old".into()));
    let last = world.prune.policy(&ctx, &repo("a/b"), &policy.id).await.unwrap().last_pruned_at;
    assert_eq!(last, Some(world.clock.now()));
    world.assert_guarded().await;
}

#[tokio::test]
async fn unknown_is_not_pruned_and_future_means_future() {
    let world = World::new().await;
    let ctx = world.ctx();
    world.push("a/b", "1", "one").await;
    let unscanned = form(&[rule("vulnerability_all", "gte", "0")]);
    assert_eq!(told(&world, unscanned.clone()).await, [("1".into(), "unknown".into())]);
    world.prune.create(&ctx, &repo("a/b"), unscanned, true).await.unwrap();
    world.later(1);
    world.prune.create(&world.ctx(), &repo("a/b"), form(&[rule("tag", "matches", "^[0-9]+$")]), false).await.unwrap();
    world.quarter().await;
    assert_eq!(world.tags("a/b").await, ["1"]);
    world.later(1);
    for tag in ["2", "stable"] {
        world.push("a/b", tag, tag).await;
    }
    world.quarter().await;
    assert_eq!(world.tags("a/b").await, ["1", "stable"]);
}

#[tokio::test]
async fn policies_are_refused_with_a_reason_and_go_with_their_repository() {
    let world = World::new().await;
    let (ctx, name) = (world.ctx(), repo("a/b"));
    let refused = async |form: PruningForm| world.prune.create(&ctx, &name, form, true).await.unwrap_err();
    let empty = refused(form(&[])).await;
    assert!(matches!(&empty, Error::Policy(why) if why.contains("would delete every tag")), "{empty}");
    let field = refused(form(&[rule("nonsense", "eq", "1")])).await;
    assert!(field.kind() == Kind::Invalid && field.to_string().contains("\"nonsense\""), "{field}");
    let stranger = world.user("eve");
    let old = form(&[rule("updated_at_duration", "bf", "24h")]);
    let unseen = world.prune.create(&stranger, &name, old.clone(), true).await.unwrap_err();
    assert_eq!(unseen.kind(), Kind::NotFound);
    let policy = world.prune.create(&ctx, &name, old.clone(), true).await.unwrap();
    assert_eq!(refused(old).await.kind(), Kind::Conflict);
    assert_eq!(world.prune.delete(&ctx, &repo("a/source"), &policy.id).await.unwrap_err().kind(), Kind::NotFound);
    // Read-only is no failure: the next quarter of an hour looks again.
    world.push("a/b", "1", "one").await;
    world.later(48);
    world.registry.set_read_only(&ctx, Some("moving")).await.unwrap();
    world.quarter().await;
    world.registry.set_read_only(&ctx, None).await.unwrap();
    assert_eq!(world.tags("a/b").await, ["1"]);
    world.later(1);
    world.registry.delete_repository(&world.ctx(), &name).await.unwrap();
    world.run().await;
    assert_eq!(world.entries("pruning_policy.deleted").await.len(), 1);
}
