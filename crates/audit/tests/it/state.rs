//! Rows changed by SQL alone, and logs that were set back or replaced.

use audit::{Guarded, Problem, Snapshot};
use base::{Clock, Entropy};
use tlog::{Checkpoint, Signer};

use crate::world::{ORIGIN, World, key, sequence_all, signer};

#[tokio::test]
async fn a_row_changed_past_the_program_is_found_with_the_entry_that_set_it() {
    World::each(async |world| {
        let (log, ctx) = (world.log().await, world.ctx());
        let first = world.put("a", Some("1")).await;
        sequence_all(&log, &ctx).await.unwrap();
        let second = world.put("b", Some("1")).await;
        world.put("c", Some("1")).await;
        let third = world.put("c", None).await;
        world.verify_clean(&log).await;

        world.sql("UPDATE things SET value = '2' WHERE name = 'a'", &[]).await;
        world.sql("DELETE FROM things WHERE name = 'b'", &[]).await;
        world.sql("INSERT INTO things (name, value) VALUES ('c', '3'), ('d', '4')", &[]).await;
        let differs = |name: &str, log: Option<&str>, table: Option<&str>, entry: Option<&String>| {
            let own = |value: Option<&str>| value.map(str::to_owned);
            Problem::StateDiffers {
                key: format!("things/{name}"),
                log: own(log),
                table: own(table),
                entry: entry.cloned(),
            }
        };
        let expected = [
            differs("a", Some("1"), Some("2"), Some(&first)),
            differs("c", None, Some("3"), Some(&third)),
            differs("d", None, Some("4"), None),
            differs("b", Some("1"), None, Some(&second)),
        ];
        assert_eq!(world.verify(&log, &[]).await.problems, expected);
        sequence_all(&log, &ctx).await.unwrap();
        assert_eq!(world.verify(&log, &[]).await.problems, expected);

        // What nobody gave is not asked for.
        let moment = log.snapshot().await.unwrap();
        assert!(moment.verify(Guarded::nothing(), &[]).await.unwrap().is_clean());
    })
    .await;
}

#[tokio::test]
async fn one_key_with_two_values_is_a_problem() {
    World::each(async |world| {
        let log = world.log().await;
        world.put("a", Some("1")).await;
        let states = vec![("things/a".to_owned(), "1".to_owned()), ("things/a".to_owned(), "2".to_owned())];
        let moment = log.snapshot().await.unwrap();
        let report = moment.verify(Guarded::nothing().context("things/", states), &[]).await.unwrap();
        assert!(report.problems.iter().any(|problem| matches!(problem, Problem::StateTwice { .. })));
    })
    .await;
}

#[tokio::test]
async fn a_log_that_others_saw_larger_or_other_is_found() {
    World::each(async |world| {
        let (log, ctx) = (world.log().await, world.ctx());
        world.put("a", Some("1")).await;
        sequence_all(&log, &ctx).await.unwrap();
        let note = |size: u64, byte: u8, signer: &Signer| {
            let checkpoint = Checkpoint::new(ORIGIN, size, tlog::Hash([byte; 32])).unwrap();
            checkpoint.sign(signer).unwrap().to_string().into_bytes()
        };
        let stranger = Signer::generate(ORIGIN.parse().unwrap(), &Entropy::System);
        let earlier = [note(2, 1, &signer()), note(1, 1, &signer()), note(1, 1, &stranger), b"nonsense".to_vec()];
        let problems = world.verify(&log, &earlier).await.problems;
        assert_eq!(problems.len(), 4, "{problems:#?}");
        assert!(problems.contains(&Problem::RolledBack { earlier: 2, size: 1 }));
        assert!(problems.contains(&Problem::HistoryReplaced { earlier: 1 }));
    })
    .await;
}

#[tokio::test]
async fn a_log_at_rest_is_verified_by_its_public_key_alone() {
    World::each(async |world| {
        let (log, ctx) = (world.log().await, world.ctx());
        world.put("a", Some("1")).await;
        sequence_all(&log, &ctx).await.unwrap();
        drop(log);
        let moment = Snapshot::open(&world.db, world.files(), ORIGIN, key()).await.unwrap();
        assert!(moment.verify(Guarded::nothing(), &[]).await.unwrap().is_clean());
        let other = Signer::generate(ORIGIN.parse().unwrap(), &Entropy::System);
        let moment = Snapshot::open(&world.db, world.files(), ORIGIN, other.verifier().clone()).await.unwrap();
        let report = moment.verify(Guarded::nothing(), &[]).await.unwrap();
        assert!(report.checkpoint.is_none() && !report.is_clean());

        // Nor does the server go on with a key that is not the log's.
        let (db, clock) = (world.db.clone(), Clock::System);
        let log = audit::Log::open(db, other, ORIGIN, world.files(), clock, Entropy::System).await.unwrap();
        assert!(log.contradiction().is_some());
    })
    .await;
}
