//! Indexes, checkpoints, files and receipts.

use std::time::Duration;

use audit::{Entry, Error, verify_folder};
use base::limits;
use tlog::{Checkpoint, Receipt};
use tokio::{sync::oneshot, task::JoinSet};

use crate::world::{ORIGIN, World, key, put, sequence_all};

#[tokio::test]
async fn the_log_grows_over_tiles_batches_and_restarts() {
    World::each(async |world| {
        let ctx = world.ctx();
        let mut earlier = Vec::new();
        let mut size = 0;
        for more in [0, 1, 2, 252, 1, 1, 255, 600] {
            let log = world.log().await;
            let added: Result<(), db::Error> = db::write!(world.db, &ctx, |tx| {
                for number in 0..more {
                    put(tx, &ctx, &format!("n{number}"), Some("1")).await?;
                }
                Ok(())
            });
            added.unwrap();
            size += more;
            sequence_all(&log, &ctx).await.unwrap();
            assert_eq!(log.sequence(&ctx).await.unwrap(), None);
            assert_eq!(log.size(), size);
            let report = world.verify(&log, &earlier).await;
            assert!(report.is_clean(), "{:#?}", report.problems);
            assert_eq!((report.entries, report.waiting), (size, 0));
            earlier.push(log.checkpoint().unwrap().to_string().into_bytes());
        }
        let paths: Vec<String> = world
            .contents()
            .iter()
            .map(|(path, _)| path.strip_prefix(world.files()).unwrap().display().to_string())
            .collect();
        let expected = [
            "checkpoint",
            "tile/0/000",
            "tile/0/001",
            "tile/0/002",
            "tile/0/003",
            "tile/0/004.p/88",
            "tile/1/000.p/4",
            "tile/entries/000",
            "tile/entries/001",
            "tile/entries/002",
            "tile/entries/003",
            "tile/entries/004.p/88",
        ];
        assert_eq!(paths, expected, "no superseded tile stays");
        let outside = verify_folder(world.files(), ORIGIN, key(), &earlier).unwrap();
        assert!(outside.is_clean(), "{:#?}", outside.problems);
    })
    .await;
}

#[tokio::test]
async fn a_round_takes_no_more_than_its_limit() {
    World::each(async |world| {
        let (log, ctx) = (world.log().await, world.ctx());
        let added: Result<(), db::Error> = db::write!(world.db, &ctx, |tx| {
            for _ in 0..=limits::AUDIT_BATCH_ENTRIES {
                audit::append(tx, &ctx, Entry::new("thing.seen")).await?;
            }
            Ok(())
        });
        added.unwrap();
        let checkpoint = log.sequence(&ctx).await.unwrap().unwrap();
        assert_eq!(checkpoint.size(), limits::AUDIT_BATCH_ENTRIES as u64);
        assert_eq!(world.verify_clean(&log).await.waiting, 1);
    })
    .await;
}

#[tokio::test]
async fn receipts_are_proved_without_the_server() {
    World::each(async |world| {
        let (log, ctx) = (world.log().await, world.ctx());
        assert!(matches!(log.receipt(0).await, Err(Error::NotFound(_))));
        for count in [1, 2, 260] {
            for _ in 0..count {
                world.append(Entry::new("thing.seen")).await;
            }
            sequence_all(&log, &ctx).await.unwrap();
        }
        for index in [0, 1, 2, 3, 255, 256, 262] {
            let bytes = log.receipt(index).await.unwrap().to_string();
            let body = log.entry_at(index).await.unwrap().body;
            let receipt = Receipt::parse(bytes.as_bytes()).unwrap();
            let checkpoint = receipt.verify(body.as_bytes(), ORIGIN, &[key()]).unwrap();
            assert_eq!((receipt.index(), checkpoint.size()), (index, 263));
            assert!(receipt.verify(body.replace("test", "tost").as_bytes(), ORIGIN, &[key()]).is_err());
        }
        assert!(matches!(log.receipt(263).await, Err(Error::NotFound(_))));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn appending_goes_on_while_the_sequencer_runs() {
    World::each(async |world| {
        let log = world.log().await;
        let (stop, stopped) = oneshot::channel::<()>();
        let running = log.clone();
        let mut sequencer = JoinSet::new();
        sequencer.spawn(async move { running.run(async { drop(stopped.await) }).await });
        let mut writers = JoinSet::new();
        for writer in 0..8 {
            let (db, log, ctx) = (world.db.clone(), log.clone(), world.ctx());
            writers.spawn(async move {
                let mut ids = Vec::new();
                for number in 0..10 {
                    // All write the same few rows, so that a wrong order shows in the fold.
                    let value = format!("{writer}.{number}");
                    let name = format!("n{}", number % 3);
                    let id: Result<String, db::Error> =
                        db::write!(db, &ctx, |tx| put(tx, &ctx, &name, Some(&value)).await);
                    ids.push(id.unwrap());
                }
                let last = ids.last().unwrap().clone();
                log.wait_sequenced(&last, Duration::from_secs(20)).await.unwrap();
                ids
            });
        }
        let ids: Vec<String> = writers.join_all().await.into_iter().flatten().collect();
        stop.send(()).unwrap();
        sequencer.join_all().await;
        let mut indexes = Vec::new();
        for id in &ids {
            indexes.push(log.index_of(id).await.unwrap().unwrap());
        }
        indexes.sort_unstable();
        assert_eq!(indexes, (0..80).collect::<Vec<u64>>());
        assert_eq!(world.verify_clean(&log).await.entries, 80);
    })
    .await;
}

#[tokio::test]
async fn waiting_tells_an_unknown_entry_from_a_late_one() {
    World::each(async |world| {
        let log = world.log().await;
        let nobody = log.wait_sequenced("nobody", Duration::from_secs(5)).await;
        assert!(matches!(nobody, Err(Error::NotFound(_))));
        let id = world.append(Entry::new("thing.seen")).await;
        let late = log.wait_sequenced(&id, Duration::from_millis(1)).await;
        assert!(matches!(late, Err(Error::Unavailable(_))));
        assert_eq!(log.index_of(&id).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn two_replicas_make_one_log() {
    World::each(async |world| {
        let ctx = world.ctx();
        let one = world.log().await;
        let two = world.log_in(world.folder.path().join("other")).await;
        for round in 0..6 {
            world.put("shared", Some(&round.to_string())).await;
            let (first, second) = if round % 2 == 0 { (&one, &two) } else { (&two, &one) };
            assert_eq!(first.sequence(&ctx).await.unwrap().map(|checkpoint| checkpoint.size()), Some(round + 1));
            assert_eq!(second.sequence(&ctx).await.unwrap(), None, "it only catches up with its files");
            assert_eq!(one.checkpoint(), two.checkpoint());
        }
        for log in [&one, &two] {
            world.verify_clean(log).await;
        }
        let note = one.checkpoint().unwrap().to_string();
        assert_eq!(Checkpoint::open(note.as_bytes(), ORIGIN, &[key()]).unwrap().size(), 6);
    })
    .await;
}
