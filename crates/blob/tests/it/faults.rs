//! What happens when the sender breaks off, the disk lies, or the disk is full.

use std::{fs, path::Path, process::Command};

use base::{Id, Kind};
use blob::{Blobs, Chunk, Error, Upload};
use oci::Digest;
use tokio::io::AsyncWriteExt;

use super::world::{World, anywhere, ctx, new_upload};

#[tokio::test]
async fn a_sender_who_breaks_off_may_go_on() {
    for world in World::everywhere().await {
        let id = new_upload();
        let broken = breaking_off(b"first half, ");
        let refused = world.append(&id, Chunk { offset: Some(0), length: Some(100) }, broken).await;
        assert!(matches!(refused, Err(Error::Body(_))), "{refused:?}");
        assert_eq!(world.length(&id).await, 12);
        world.append(&id, Chunk { offset: Some(12), length: None }, &b"second half"[..]).await.unwrap();
        assert_eq!(world.finish(&id, &Digest::sha256_of(b"first half, second half")).await.unwrap(), 23);
    }
}

/// A body that gives these bytes and then an error, as a closed connection does.
pub fn breaking_off(bytes: &[u8]) -> impl tokio::io::AsyncRead + Unpin + Send {
    struct Broken<'a>(&'a [u8]);
    impl tokio::io::AsyncRead for Broken<'_> {
        fn poll_read(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
            buffer: &mut tokio::io::ReadBuf<'_>,
        ) -> std::task::Poll<std::io::Result<()>> {
            if self.0.is_empty() {
                return std::task::Poll::Ready(Err(std::io::ErrorKind::ConnectionReset.into()));
            }
            let (now, later) = self.0.split_at(self.0.len().min(buffer.remaining()));
            buffer.put_slice(now);
            self.0 = later;
            std::task::Poll::Ready(Ok(()))
        }
    }
    Broken(bytes)
}

#[tokio::test]
async fn two_senders_at_once_and_one_that_is_dropped() {
    let world = World::in_folder().await;
    let id = new_upload();
    let (mut sender, body) = tokio::io::duplex(1024);
    {
        let first = world.append(&id, anywhere(), body);
        tokio::pin!(first);
        // Far enough that the upload is claimed and the body is waited for.
        assert!(poll_once(first.as_mut()).await.is_none());
        sender.write_all(b"lost with its sender").await.unwrap();
        assert!(poll_once(first.as_mut()).await.is_none());
        assert!(matches!(world.append(&id, anywhere(), &b"x"[..]).await, Err(Error::Busy)));
        assert!(matches!(world.finish(&id, &Digest::sha256_of(b"x")).await, Err(Error::Busy)));
    }
    world.append(&id, anywhere(), &b"kept"[..]).await.unwrap();
    assert_eq!(world.finish(&id, &Digest::sha256_of(b"kept")).await.unwrap(), 4);
    let late = world.append(&id, Chunk { offset: Some(4), length: None }, &b"late"[..]).await;
    assert!(matches!(late, Err(Error::OutOfOrder { length: 0, .. })), "{late:?}");
    assert_eq!(world.blobs.read(&Digest::sha256_of(b"kept"), 4).await.unwrap(), b"kept");
}

/// Poll once; gives the outcome when there is one.
pub async fn poll_once<F: Future>(mut future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    std::future::poll_fn(|cx| {
        std::task::Poll::Ready(match future.as_mut().poll(cx) {
            std::task::Poll::Ready(outcome) => Some(outcome),
            std::task::Poll::Pending => None,
        })
    })
    .await
}

#[tokio::test]
async fn a_damaged_blob_is_not_sent_and_a_second_push_repairs_it() {
    for world in World::everywhere().await {
        let digest = Digest::sha256_of(b"content");
        world.blobs.put(&world.ctx, &digest, b"content".to_vec()).await.unwrap();
        for spoilt in [&b"cont"[..], b"c0ntent", b""] {
            fs::write(world.path(&digest), spoilt).unwrap();
            let read = world.blobs.read(&digest, 7).await;
            assert!(matches!(&read, Err(error) if error.kind() == Kind::Internal), "{read:?}");
            assert!(matches!(world.blobs.verify(&digest, 7).await, Err(Error::Damaged { .. })));
            assert_eq!(world.blobs.open(&digest, 7).await.is_ok(), spoilt.len() == 7);
            if spoilt.is_empty() {
                let id = new_upload();
                world.append(&id, anywhere(), &b"content"[..]).await.unwrap();
                world.finish(&id, &digest).await.unwrap();
            } else {
                world.blobs.put(&world.ctx, &digest, b"content".to_vec()).await.unwrap();
            }
            world.blobs.verify(&digest, 7).await.unwrap();
        }
    }
}

/// A file system of one mebibyte that ends with the test.
struct Tiny(tempfile::TempDir);

impl Tiny {
    fn mount() -> Option<Tiny> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = run("mount", &["-t", "tmpfs", "-o", "size=1m", "tmpfs"], folder.path());
        mounted.then_some(Tiny(folder))
    }
}

impl Drop for Tiny {
    fn drop(&mut self) {
        run("umount", &["-l"], self.0.path());
    }
}

fn run(program: &str, args: &[&str], folder: &Path) -> bool {
    Command::new(program).args(args).arg(folder).stderr(std::process::Stdio::null()).status().is_ok_and(|s| s.success())
}

#[tokio::test]
async fn a_full_disk_is_said_and_harms_nothing_that_was_there() {
    let Some(tiny) = Tiny::mount() else {
        println!("SKIPPED: a full disk was not tried, because mounting a tmpfs needs root");
        return;
    };
    let blobs = Blobs::at(tiny.0.path()).await.unwrap();
    let small = Digest::sha256_of(b"was there");
    blobs.put(&ctx(), &small, b"was there".to_vec()).await.unwrap();
    let id = new_upload();
    append(&blobs, &id, &b"begun"[..]).await.unwrap();
    let big = vec![7; 3 << 20];
    let refused = append(&blobs, &id, &big[..]).await;
    assert!(matches!(&refused, Err(error @ Error::Full(_)) if error.kind() == Kind::Unavailable), "{refused:?}");
    assert_eq!(blobs.length(&id, None).await.unwrap(), 5);
    let refused = blobs.put(&ctx(), &Digest::sha256_of(&big), big.clone()).await;
    assert!(matches!(refused, Err(Error::Full(_))), "{refused:?}");
    assert_eq!(blobs.finish(&id, None, &Digest::sha256_of(b"begun")).await.unwrap(), 5);
    assert_eq!(blobs.read(&small, 9).await.unwrap(), b"was there");
}

async fn append(blobs: &Blobs, id: &Id<Upload>, bytes: &[u8]) -> Result<u64, Error> {
    blobs.append(id, &mut None, anywhere(), bytes, |_| async { Ok(()) }).await
}
