//! What a crash leaves is written again; what somebody altered is not.

use std::fs;

use audit::{Entry, Error};
use db::args;

use crate::world::{World, sequence_all};

/// A log of this many entries, and its files.
async fn grown(world: &World, entries: usize) {
    let log = world.log().await;
    for number in 0..entries {
        world.put(&format!("n{number}"), Some("1")).await;
    }
    sequence_all(&log, &world.ctx()).await.unwrap();
}

#[tokio::test]
async fn each_file_that_is_missing_or_cut_short_is_written_again() {
    World::each(async |world| {
        grown(&world, 258).await;
        let whole = world.contents();
        assert_eq!(whole.len(), 6);
        for (path, bytes) in &whole {
            let is_checkpoint = path.ends_with("checkpoint");
            for kept in [None, Some(0), Some(bytes.len() / 2), Some(bytes.len() - 1)] {
                match kept {
                    None => fs::remove_file(path).unwrap(),
                    // The checkpoint is replaced by renaming: cut short, it was not a crash.
                    Some(_) if is_checkpoint => continue,
                    Some(kept) => fs::write(path, &bytes[..kept]).unwrap(),
                }
                let log = world.log().await;
                assert_eq!(log.contradiction(), None, "{} cut to {kept:?}", path.display());
                assert_eq!(world.contents(), whole);
                world.verify_clean(&log).await;
            }
        }
        fs::remove_dir_all(world.files()).unwrap();
        world.log().await;
        assert_eq!(world.contents(), whole);
    })
    .await;
}

#[tokio::test]
async fn a_crash_between_the_commit_and_the_files_is_made_up_for() {
    World::each(async |world| {
        let ctx = world.ctx();
        grown(&world, 3).await;
        let before = world.contents();
        for more in 0..254 {
            world.put(&format!("m{more}"), Some("1")).await;
        }
        let log = world.log().await;
        sequence_all(&log, &ctx).await.unwrap();
        let after = world.contents();
        // With and without the tiles that were written before the crash.
        for with_tiles in [true, false] {
            if !with_tiles {
                fs::remove_dir_all(world.files()).unwrap();
            }
            for (path, bytes) in &before {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, bytes).unwrap();
            }
            let log = world.log().await;
            assert_eq!(log.contradiction(), None);
            assert_eq!(world.contents(), after);
            world.verify_clean(&log).await;
        }
        world.put("goes on", Some("1")).await;
        let log = world.log().await;
        assert!(log.sequence(&ctx).await.unwrap().is_some());
        world.verify_clean(&log).await;
    })
    .await;
}

#[tokio::test]
async fn a_file_that_contradicts_is_kept_and_stops_the_sequencer() {
    World::each(async |world| {
        grown(&world, 257).await;
        for (path, bytes) in world.contents() {
            let mut altered = bytes.clone();
            altered[bytes.len() / 2] ^= 1;
            fs::write(&path, &altered).unwrap();
            let log = world.log().await;
            assert!(log.contradiction().is_some(), "{}", path.display());
            assert_eq!(fs::read(&path).unwrap(), altered, "the evidence stays");
            let waiting = world.append(Entry::new("thing.seen")).await;
            let refused = log.sequence(&world.ctx()).await;
            assert!(matches!(refused, Err(Error::Contradicted(_))), "{refused:?}");
            assert_eq!(log.entry(&waiting).await.unwrap().index, None);
            assert_eq!(log.entry_at(0).await.unwrap().kind, "thing.set", "reading goes on");
            fs::write(&path, &bytes).unwrap();
            assert_eq!(world.log().await.contradiction(), None);
        }
    })
    .await;
}

#[tokio::test]
async fn a_database_that_was_set_back_is_not_signed_on_top_of() {
    World::each(async |world| {
        grown(&world, 2).await;
        let mut tx = world.db.read().await.unwrap();
        let row = tx.one("SELECT size, frontier, checkpoint FROM audit_log", &[]).await.unwrap();
        let (size, frontier, note) =
            (row.int("size").unwrap(), row.bytes("frontier").unwrap(), row.text("checkpoint").unwrap());
        drop(tx);
        world.put("later", Some("1")).await;
        let log = world.log().await;
        sequence_all(&log, &world.ctx()).await.unwrap();
        // A backup of two entries comes back, with a third that nobody signed yet.
        world.sql("UPDATE audit_log SET size = $1, frontier = $2, checkpoint = $3", &args![size, frontier, note]).await;
        world.sql("UPDATE audit_entries SET log_index = NULL WHERE log_index = 2", &[]).await;
        assert!(matches!(log.sequence(&world.ctx()).await, Err(Error::Contradicted(_))), "seen while running");
        let log = world.log().await;
        assert!(log.contradiction().unwrap().contains("set back"), "seen at the start");
        assert!(matches!(log.sequence(&world.ctx()).await, Err(Error::Contradicted(_))));
        assert!(!world.verify(&log, &[]).await.is_clean());
    })
    .await;
}

#[tokio::test]
async fn a_row_that_was_altered_before_the_start_is_not_signed_on_top_of() {
    World::each(async |world| {
        grown(&world, 2).await;
        world.sql("UPDATE audit_entries SET body = REPLACE(body, 'test', 'tost') WHERE log_index = 1", &[]).await;
        let log = world.log().await;
        assert!(log.contradiction().is_some());
        fs::remove_dir_all(world.files()).unwrap();
        let log = world.log().await;
        assert!(log.contradiction().unwrap().contains("not those that were signed"), "also without any file");
    })
    .await;
}
