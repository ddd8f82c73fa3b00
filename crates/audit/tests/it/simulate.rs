//! Any order of appending, sequencing, crashing and starting again keeps every invariant.

use std::fs;

use audit::Log;
use proptest::prelude::*;

use crate::world::{World, put, sequence_all};

#[derive(Clone, Debug)]
enum Step {
    Put {
        name: u8,
        value: Option<u8>,
    },
    /// Several changes in one transaction.
    Burst(u16),
    Undone(u8),
    Sequence,
    Reopen,
    /// A crash during the writing of files: some file is gone, or is an older, shorter one; then a start.
    Crash {
        file: usize,
        kept_percent: Option<u8>,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..4_u8, prop::option::weighted(0.7, 0..9_u8)).prop_map(|(name, value)| Step::Put { name, value }),
        2 => (1..300_u16).prop_map(Step::Burst),
        1 => (0..4_u8).prop_map(Step::Undone),
        4 => Just(Step::Sequence),
        1 => Just(Step::Reopen),
        2 => (any::<usize>(), prop::option::of(0..100_u8))
            .prop_map(|(file, kept_percent)| Step::Crash { file, kept_percent }),
    ];
    prop::collection::vec(step, 1..16)
}

async fn take(world: &World, log: &mut Log, step: Step) {
    let ctx = world.ctx();
    let name = |number: u8| format!("n{number}");
    match step {
        Step::Put { name: number, value } => {
            world.put(&name(number), value.map(|value| value.to_string()).as_deref()).await;
        }
        Step::Burst(count) => {
            let done: Result<(), db::Error> = db::write!(world.db, &ctx, |tx| {
                for number in 0..count {
                    put(tx, &ctx, &name((number % 5) as u8), Some(&number.to_string())).await?;
                }
                Ok(())
            });
            done.unwrap();
        }
        Step::Undone(number) => {
            let undone: Result<(), db::Error> = db::write!(world.db, &ctx, |tx| {
                put(tx, &ctx, &name(number), Some("undone")).await?;
                Err(db::Error::Refused("undone".into()))
            });
            assert!(undone.is_err());
        }
        Step::Sequence => sequence_all(log, &ctx).await.unwrap(),
        Step::Reopen => *log = world.log().await,
        Step::Crash { file, kept_percent } => {
            let files = world.contents();
            let (path, bytes) = &files[file % files.len()];
            match kept_percent {
                // The checkpoint is replaced by renaming and is never cut short.
                Some(percent) if !path.ends_with("checkpoint") => {
                    fs::write(path, &bytes[..bytes.len() * usize::from(percent) / 100]).unwrap();
                }
                _ => fs::remove_file(path).unwrap(),
            }
            assert!(!world.verify(log, &[]).await.is_clean());
            *log = world.log().await;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn every_step_leaves_a_log_that_verifies(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(World::each(async |world| {
            let mut log = world.log().await;
            let mut earlier = Vec::new();
            for step in steps.clone() {
                take(&world, &mut log, step).await;
                assert_eq!(log.contradiction(), None);
                let note = log.checkpoint().unwrap().to_string().into_bytes();
                if earlier.last() != Some(&note) {
                    earlier.push(note);
                }
                let report = world.verify(&log, &earlier).await;
                assert!(report.is_clean(), "{:#?}", report.problems);
                assert_eq!(report.entries, log.size());
            }
        }));
    }
}
