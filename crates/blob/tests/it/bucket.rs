//! What only a bucket does: parts, replicas, verified reads, links. Each test needs the server program.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    sync::Arc,
};

use base::{Kind, Secret, limits};
use blob::{Blobs, Chunk, Error, UploadState};
use oci::{Algorithm, Digest};
use tokio::io::AsyncReadExt;

use super::{
    faults::{breaking_off, poll_once},
    gateway::Gateway,
    world::{World, anywhere, bytes, ctx, files, new_upload},
};

const PART: usize = limits::PART_BYTES;

fn from(offset: usize) -> Chunk {
    Chunk { offset: Some(offset as u64), length: None }
}

#[tokio::test]
async fn an_upload_goes_from_replica_to_replica() {
    let Some(world) = World::in_bucket().await else { return };
    let other = world.again().await;
    let whole = bytes(3 * PART + 1000);
    // Ends in the middle of a part, at its end, just behind it; with and without bytes that wait.
    let cuts = [10, 1_000_000, PART, PART + 1, 2 * PART, 3 * PART - 1, whole.len()];
    for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
        let (id, mut begin) = (new_upload(), 0);
        for (turn, end) in cuts.into_iter().enumerate() {
            let replica = if turn % 2 == 0 { &world.blobs } else { &other };
            let length = world.append_on(replica, &id, from(begin), &whole[begin..end]).await.unwrap();
            assert_eq!(length, end as u64);
            begin = end;
        }
        let digest = Digest::of(algorithm, &whole);
        assert_eq!(other.finish(&id, world.known(&id).as_ref(), &digest).await.unwrap(), whole.len() as u64);
        world.blobs.verify(&digest, whole.len() as u64).await.unwrap();
        assert_eq!(world.files_in_uploads(), 0);
    }
}

#[tokio::test]
async fn a_sender_who_breaks_off_goes_on_elsewhere() {
    let Some(world) = World::in_bucket().await else { return };
    let (id, whole) = (new_upload(), bytes(2 * PART));
    let broken = world.append(&id, anywhere(), breaking_off(&whole[..PART + 77])).await;
    assert!(matches!(broken, Err(Error::Body(_))), "{broken:?}");
    assert_eq!(world.length(&id).await, (PART + 77) as u64);
    let other = world.again().await;
    world.append_on(&other, &id, from(PART + 77), &whole[PART + 77..]).await.unwrap();
    let digest = Digest::sha256_of(&whole);
    assert_eq!(other.finish(&id, world.known(&id).as_ref(), &digest).await.unwrap(), whole.len() as u64);
}

#[tokio::test]
async fn what_was_refused_leaves_the_upload_as_it_was() {
    let Some(world) = World::in_bucket().await else { return };
    let (id, whole) = (new_upload(), bytes(2 * PART + 5));
    world.append(&id, from(0), &whole[..100]).await.unwrap();
    let before = world.known(&id);
    let long = Chunk { offset: Some(100), length: Some(PART as u64) };
    let refused = world.append(&id, long, &vec![0; 2 * PART][..]).await;
    assert!(matches!(refused, Err(Error::Length { .. })), "{refused:?}");
    assert_eq!(world.known(&id), before);
    world.append(&id, from(100), &whole[100..]).await.unwrap();
    assert_eq!(world.finish(&id, &Digest::sha256_of(&whole)).await.unwrap(), whole.len() as u64);
    assert_eq!(world.files_in_uploads(), 0);
}

#[tokio::test]
async fn uploads_that_are_given_up_leave_nothing() {
    let Some(world) = World::in_bucket().await else { return };
    let (id, whole) = (new_upload(), bytes(2 * PART + 5));
    world.append(&id, from(0), &whole[..]).await.unwrap();
    assert!(world.files_in_uploads() > 2, "two parts and a tail");
    world.blobs.discard(&id, world.known(&id).as_ref()).await.unwrap();
    assert_eq!(world.files_in_uploads(), 0);
    // It is over for whoever still has its state.
    let late = world.append(&id, from(whole.len()), &b"late"[..]).await;
    assert!(matches!(late, Err(Error::Over)), "{late:?}");
    let wrong = Digest::sha256_of(b"something else");
    let refused = world.blobs.take(&world.ctx, &wrong, anywhere(), &whole[..]).await;
    assert!(matches!(refused, Err(Error::WrongDigest { .. })), "{refused:?}");
    assert_eq!((world.files_in_uploads(), world.blobs.stat(&wrong).await.unwrap()), (0, None));
}

#[tokio::test]
async fn a_state_of_another_store_is_no_upload_here() {
    let Some(world) = World::in_bucket().await else { return };
    let folder = World::in_folder().await;
    let (id, much) = (new_upload(), bytes(usize::try_from(limits::UPLOAD_NOTE_BYTES).unwrap()));
    folder.append(&id, anywhere(), &much[..]).await.unwrap();
    let state: UploadState = folder.known(&id).expect("so much is noted");
    world.note(&id, Some(state));
    let refused = world.append(&id, anywhere(), &b"x"[..]).await;
    assert!(matches!(refused, Err(Error::Over)), "{refused:?}");
}

#[tokio::test]
async fn what_the_store_copies_in_pieces_only_goes_through_the_server() {
    let Some(gateway) = Gateway::start() else { return };
    let settings = blob::BucketSettings { copy_bytes: 1_000_000, ..gateway.settings("") };
    let blobs = Blobs::in_bucket(&settings).await.unwrap();
    let (id, whole, mut known) = (new_upload(), bytes(2 * PART + 9), None);
    blobs.append(&id, &mut known, anywhere(), &whole[..], |_| async { Ok(()) }).await.unwrap();
    let digest = Digest::sha256_of(&whole);
    assert_eq!(blobs.finish(&id, known.as_ref(), &digest).await.unwrap(), whole.len() as u64);
    blobs.verify(&digest, whole.len() as u64).await.unwrap();
    let left: Vec<_> = files(&gateway).into_iter().filter(|path| !path.ends_with(digest.hex())).collect();
    assert_eq!(left, [gateway.bucket.join("writable")]);
}

#[tokio::test]
async fn a_damaged_blob_never_arrives_complete() {
    let Some(world) = World::in_bucket().await else { return };
    for size in [1_usize, 7_000, 3_000_000] {
        let whole = bytes(size);
        let digest = Digest::sha256_of(&whole);
        world.blobs.take(&world.ctx, &digest, anywhere(), &whole[..]).await.unwrap();
        for place in [0, size / 2, size - 1] {
            let mut spoilt = whole.clone();
            spoilt[place] ^= 1;
            fs::write(world.path(&digest), &spoilt).unwrap();
            let mut received = Vec::new();
            let blob = world.blobs.open(&digest, size as u64).await.unwrap();
            let mut stream = blob.stream(0, size as u64).await.unwrap();
            let error = stream.read_to_end(&mut received).await.unwrap_err();
            assert!(error.to_string().contains("damaged"), "{error}");
            assert!(received.len() < size, "{} of {size} bytes", received.len());
            // A thread that blocks is told so as well.
            let blob = world.blobs.open(&digest, size as u64).await.unwrap();
            let mut blocking = blob.into_blocking().await.unwrap();
            let read = tokio::task::spawn_blocking(move || blocking.read_to_end(&mut Vec::new())).await.unwrap();
            assert!(read.is_err());
        }
        world.blobs.take(&world.ctx, &digest, anywhere(), &whole[..]).await.unwrap();
        assert_eq!(world.read_part(&digest, size as u64, 0, size as u64).await.unwrap(), whole);
    }
}

#[tokio::test]
async fn a_link_opens_one_blob_and_nothing_else() {
    let Some(gateway) = Gateway::start() else { return };
    let settings = blob::BucketSettings { redirect: true, ..gateway.settings("") };
    let blobs = Blobs::in_bucket(&settings).await.unwrap();
    let [one, two] = [&b"for you"[..], b"for somebody else"].map(Digest::sha256_of);
    blobs.put(&ctx(), &one, b"for you".to_vec()).await.unwrap();
    blobs.put(&ctx(), &two, b"for somebody else".to_vec()).await.unwrap();
    assert!(blobs.redirects());
    let link = blobs.redirect(&one).await.unwrap();
    let (status, body) = get(&link);
    assert_eq!((status, body.as_str()), (200, "for you"));
    let (status, body) = get(&link.replace(one.hex(), two.hex()).replace(&one.hex()[..2], &two.hex()[..2]));
    assert_eq!((status, body.contains("somebody")), (403, false), "{body}");
    assert!(!Blobs::in_bucket(&gateway.settings("")).await.unwrap().redirects());
}

/// Status and body, as the simplest client asks.
fn get(link: &str) -> (u16, String) {
    let (host, path) = link.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

#[tokio::test]
async fn wrong_settings_are_found_at_the_start_and_tell_no_secret() {
    let Some(gateway) = Gateway::start() else { return };
    let good = gateway.settings("");
    let secret = Secret::new("not this one".to_owned());
    for bad in [
        blob::BucketSettings { secret, ..good.clone() },
        blob::BucketSettings { bucket: "absent".to_owned(), ..good.clone() },
        blob::BucketSettings { ca_pem: Some("no certificate".to_owned()), ..good.clone() },
    ] {
        let error = Blobs::in_bucket(&bad).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Unavailable, "{error}");
        assert!(!format!("{error} {bad:?}").contains(bad.secret.expose()), "{error}");
    }
}

#[tokio::test]
async fn two_who_send_to_one_upload_in_one_process_and_many_at_once() {
    let Some(world) = World::in_bucket().await else { return };
    let (id, (mut sender, body)) = (new_upload(), tokio::io::duplex(64));
    let first = world.append(&id, anywhere(), body);
    tokio::pin!(first);
    assert!(poll_once(first.as_mut()).await.is_none());
    assert!(matches!(world.append(&id, anywhere(), &b"x"[..]).await, Err(Error::Busy)));
    tokio::io::AsyncWriteExt::write_all(&mut sender, b"first").await.unwrap();
    drop(sender);
    assert_eq!(first.await.unwrap(), 5);
    let blobs = Arc::new(world.again().await);
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..30_usize {
        let blobs = Arc::clone(&blobs);
        tasks.spawn(async move {
            let whole = bytes(number * 40_000 + 1);
            blobs.take(&ctx(), &Digest::sha256_of(&whole), anywhere(), &whole[..]).await.unwrap()
        });
    }
    assert_eq!(tasks.join_all().await.into_iter().sum::<u64>(), (0..30).map(|number| number * 40_000 + 1).sum::<u64>());
}
