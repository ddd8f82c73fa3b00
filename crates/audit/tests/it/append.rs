//! Appending in the caller's transaction.

use audit::Entry;
use base::limits;

use crate::world::{World, put, sequence_all};

#[tokio::test]
async fn an_undone_transaction_leaves_nothing() {
    World::each(async |world| {
        let log = world.log().await;
        let ctx = world.ctx();
        let undone: Result<(), db::Error> = db::write!(world.db, &ctx, |tx| {
            put(tx, &ctx, "gone", Some("1")).await?;
            Err(db::Error::Refused("changed my mind".into()))
        });
        assert!(undone.is_err());
        world.put("stays", Some("1")).await;
        sequence_all(&log, &ctx).await.unwrap();
        assert_eq!(world.verify_clean(&log).await.entries, 1);
        assert!(log.about("thing/gone").await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_leaf_over_the_limit_is_refused_and_the_largest_is_taken() {
    World::each(async |world| {
        let log = world.log().await;
        let ctx = world.ctx();
        let big = |bytes: usize| Entry::new("thing.big").detail("text", "x".repeat(bytes));
        let refused: Result<String, db::Error> =
            db::write!(world.db, &ctx, |tx| audit::append(tx, &ctx, big(limits::AUDIT_LEAF_BYTES)).await);
        assert!(matches!(refused, Err(db::Error::Refused(_))));
        let id = world.append(big(0)).await;
        let around = log.entry(&id).await.unwrap().body.len();
        world.append(big(limits::AUDIT_LEAF_BYTES - around)).await;
        sequence_all(&log, &ctx).await.unwrap();
        assert_eq!(world.verify_clean(&log).await.entries, 2);
    })
    .await;
}

#[tokio::test]
async fn entries_stand_in_the_order_of_their_writes_not_of_their_requests() {
    World::each(async |world| {
        let log = world.log().await;
        let early = world.ctx();
        let mut late = world.ctx();
        late.now = "2026-01-01T00:00:09Z".parse().unwrap();
        for (ctx, value) in [(&late, "first"), (&early, "second")] {
            let done: Result<String, db::Error> =
                db::write!(world.db, ctx, |tx| put(tx, ctx, "contested", Some(value)).await);
            done.unwrap();
        }
        world.verify_clean(&log).await;
        sequence_all(&log, &early).await.unwrap();
        world.verify_clean(&log).await;
        assert_eq!(log.entry_at(1).await.unwrap().at, early.now);
    })
    .await;
}
