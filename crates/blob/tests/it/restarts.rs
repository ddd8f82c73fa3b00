//! In a folder a long upload goes on after a restart without being read again from its beginning.

use std::{fs, os::unix::fs::FileExt};

use base::limits;
use blob::Chunk;
use oci::Digest;

use super::world::{Place, World, anywhere, bytes, new_upload};

/// A folder with an upload of which a state was noted, and its bytes.
async fn begun() -> (World, base::Id<blob::Upload>, Vec<u8>) {
    let (world, id) = (World::in_folder().await, new_upload());
    let mut whole = bytes(usize::try_from(limits::UPLOAD_NOTE_BYTES).unwrap());
    world.append(&id, anywhere(), &whole[..]).await.unwrap();
    assert_eq!(world.known(&id).expect("so much is noted").length(), limits::UPLOAD_NOTE_BYTES);
    world.append(&id, anywhere(), &b"a little more, not noted"[..]).await.unwrap();
    assert_eq!(world.known(&id).unwrap().length(), limits::UPLOAD_NOTE_BYTES);
    whole.extend_from_slice(b"a little more, not noted");
    (world, id, whole)
}

fn file(world: &World, id: &base::Id<blob::Upload>) -> fs::File {
    let Place::Folder(folder) = &world.place else { unreachable!("made so") };
    fs::OpenOptions::new().write(true).open(folder.path().join("uploads").join(id.as_str())).unwrap()
}

#[tokio::test]
async fn only_what_came_after_the_note_is_read() {
    let (mut world, id, mut whole) = begun().await;
    // Only who does not read the beginning again does not see this.
    file(&world, &id).write_all_at(b"?", 0).unwrap();
    world.blobs = world.again().await;
    let rest = Chunk { offset: Some(whole.len() as u64), length: None };
    world.append(&id, rest, &b", and the end"[..]).await.unwrap();
    whole.extend_from_slice(b", and the end");
    assert_eq!(world.finish(&id, &Digest::sha256_of(&whole)).await.unwrap(), whole.len() as u64);
}

#[tokio::test]
async fn a_file_shorter_than_the_note_is_read() {
    let (mut world, id, mut whole) = begun().await;
    whole.truncate(1_000_000);
    file(&world, &id).set_len(1_000_000).unwrap();
    world.blobs = world.again().await;
    assert_eq!(world.length(&id).await, 1_000_000);
    assert_eq!(world.finish(&id, &Digest::sha256_of(&whole)).await.unwrap(), 1_000_000);
}
