//! Any order of appends, refusals and restarts gives the bytes that a plain list would hold.

use blob::{Chunk, Error};
use oci::Digest;
use proptest::prelude::*;

use super::world::{World, new_upload};

#[derive(Clone, Debug)]
enum Step {
    Append { upload: usize, bytes: Vec<u8>, say_offset: bool, say_length: bool },
    WrongOffset { upload: usize, by: u64 },
    WrongLength { upload: usize, bytes: Vec<u8> },
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..2000);
    prop_oneof![
        4 => (0..3_usize, bytes(), any::<bool>(), any::<bool>())
            .prop_map(|(upload, bytes, say_offset, say_length)| Step::Append { upload, bytes, say_offset, say_length }),
        1 => (0..3_usize, 1..9_u64).prop_map(|(upload, by)| Step::WrongOffset { upload, by }),
        1 => (0..3_usize, bytes()).prop_map(|(upload, bytes)| Step::WrongLength { upload, bytes }),
        1 => Just(Step::Restart),
    ]
}

async fn run(world: &mut World, steps: Vec<Step>) {
    let ids = [new_upload(), new_upload(), new_upload()];
    let mut model: [Vec<u8>; 3] = Default::default();
    for step in steps {
        match step {
            Step::Append { upload, bytes, say_offset, say_length } => {
                let held = &mut model[upload];
                let offset = say_offset.then_some(held.len() as u64);
                let chunk = Chunk { offset, length: say_length.then_some(bytes.len() as u64) };
                held.extend(&bytes);
                assert_eq!(world.append(&ids[upload], chunk, &bytes[..]).await.unwrap(), held.len() as u64);
            }
            Step::WrongOffset { upload, by } => {
                let chunk = Chunk { offset: Some(model[upload].len() as u64 + by), length: None };
                let refused = world.append(&ids[upload], chunk, &b"x"[..]).await;
                assert!(matches!(refused, Err(Error::OutOfOrder { .. })));
            }
            Step::WrongLength { upload, bytes } => {
                let chunk = Chunk { offset: None, length: Some(bytes.len() as u64 + 1) };
                assert!(matches!(world.append(&ids[upload], chunk, &bytes[..]).await, Err(Error::Length { .. })));
            }
            Step::Restart => world.blobs = world.again().await,
        }
    }
    for (id, bytes) in ids.iter().zip(&model) {
        let digest = Digest::sha256_of(bytes);
        assert_eq!(world.finish(id, &digest).await.unwrap(), bytes.len() as u64);
        assert_eq!(&world.blobs.read(&digest, bytes.len() as u64).await.unwrap(), bytes);
    }
}

fn in_runtime(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]
    #[test]
    fn interleaved_appends(steps in prop::collection::vec(step(), 0..25)) {
        in_runtime(async { run(&mut World::in_folder().await, steps).await });
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5, ..ProptestConfig::default() })]
    #[test]
    fn interleaved_appends_in_a_bucket(steps in prop::collection::vec(step(), 0..25)) {
        in_runtime(async {
            if let Some(mut world) = World::in_bucket().await {
                run(&mut world, steps).await;
            }
        });
    }
}
