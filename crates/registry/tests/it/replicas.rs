//! Two replicas with one database and one bucket: uploads go from one to the other, and never through both at once.

use base::{Id, Kind};
use blob::{Chunk, Upload};
use oci::Digest;
use registry::{Error, Registry};
use tokio::{
    io::{AsyncWriteExt, DuplexStream},
    task::JoinSet,
};

use super::world::{World, at, repo};

fn from(offset: u64) -> Chunk {
    Chunk { offset: Some(offset), length: None }
}

fn is_busy<T>(outcome: &Result<T, Error>) -> bool {
    matches!(outcome, Err(error @ Error::Blob(blob::Error::Busy)) if error.kind() == Kind::Conflict)
}

/// An upload to `user/app`, with a sender in the middle of a request to one replica, and another replica.
struct Begun {
    world: World,
    ctx: base::Ctx,
    id: Id<Upload>,
    sender: DuplexStream,
    first: JoinSet<Result<u64, Error>>,
    other: Registry,
}

impl Begun {
    async fn new() -> Option<Begun> {
        let world = World::in_bucket().await?;
        let (ctx, name, other) = (world.user("user").await, repo("user/app"), world.replica().await);
        let id = world.registry.start_upload(&ctx, &name).await.unwrap();
        let (mut sender, body) = tokio::io::duplex(64);
        sender.write_all(b"first, ").await.unwrap();
        let mut first = JoinSet::new();
        let (registry, sending, upload) = (world.registry.clone(), ctx.clone(), id.clone());
        first.spawn(async move { registry.append(&sending, &name, &upload, from(0), body).await });
        while holder(&world, &id).await.is_empty() {
            tokio::task::yield_now().await;
        }
        Some(Begun { world, ctx, id, sender, first, other })
    }

    async fn append_elsewhere(&self, ctx: &base::Ctx, offset: u64, bytes: &[u8]) -> Result<u64, Error> {
        self.other.append(ctx, &repo("user/app"), &self.id, from(offset), bytes).await
    }

    async fn first_ends(&mut self) -> Result<u64, Error> {
        self.sender.shutdown().await.unwrap();
        self.first.join_next().await.unwrap().unwrap()
    }
}

async fn holder(world: &World, id: &Id<Upload>) -> String {
    let mut tx = world.db.read().await.unwrap();
    tx.one("SELECT holder FROM uploads WHERE id = $1", &db::args![id]).await.unwrap().text("holder").unwrap()
}

#[tokio::test]
async fn the_second_sender_gets_a_conflict_and_may_go_on_afterwards() {
    let Some(mut begun) = Begun::new().await else { return };
    let (ctx, name) = (begun.ctx.clone(), repo("user/app"));
    assert!(is_busy(&begun.append_elsewhere(&ctx, 0, b"both").await));
    let digest = Digest::sha256_of(b"first, second");
    let finished = begun.other.finish_upload(&ctx, &name, &begun.id, &digest, from(0), &b"x"[..]).await;
    assert!(is_busy(&finished), "{finished:?}");
    assert!(is_busy(&begun.other.cancel_upload(&ctx, &name, &begun.id).await));
    assert_eq!(begun.first_ends().await.unwrap(), 7);
    assert_eq!(begun.other.upload_status(&ctx, &name, &begun.id).await.unwrap(), 7);
    let size = begun.other.finish_upload(&ctx, &name, &begun.id, &digest, from(7), &b"second"[..]).await.unwrap();
    assert_eq!(size, 13);
    assert_eq!(begun.world.registry.stat_blob(&ctx, &name, &digest).await.unwrap(), 13);
    let gateway = begun.world.gateway.as_ref().expect("made so");
    let key = format!("registry/blobs/sha256/{}/{}", &digest.hex()[..2], digest.hex());
    assert_eq!(std::fs::read(gateway.bucket.join(key)).unwrap(), b"first, second");
}

#[tokio::test]
async fn a_replica_that_died_holds_an_upload_for_a_minute() {
    let Some(mut begun) = Begun::new().await else { return };
    let (ctx, name) = (begun.ctx.clone(), repo("user/app"));
    begun.first.shutdown().await;
    assert!(is_busy(&begun.append_elsewhere(&ctx, 0, b"again").await));
    begun.world.later(1);
    let later = at(&ctx, begun.world.clock.now());
    assert_eq!(begun.append_elsewhere(&later, 0, b"again").await.unwrap(), 5);
    // The process that lost its sender, not its life, goes on at once.
    let registry = &begun.world.registry;
    assert_eq!(registry.append(&later, &name, &begun.id, from(5), &b" and again"[..]).await.unwrap(), 15);
    let digest = Digest::sha256_of(b"again and again");
    let size = registry.finish_upload(&later, &name, &begun.id, &digest, from(15), &b""[..]).await.unwrap();
    assert_eq!(size, 15);
}

#[tokio::test]
async fn a_replica_that_was_thought_dead_changes_nothing() {
    let Some(mut begun) = Begun::new().await else { return };
    let (ctx, name) = (begun.ctx.clone(), repo("user/app"));
    begun.world.later(1);
    let later = at(&ctx, begun.world.clock.now());
    assert_eq!(begun.append_elsewhere(&later, 0, b"the other one").await.unwrap(), 13);
    let late = begun.first_ends().await;
    assert!(is_busy(&late), "{late:?}");
    assert_eq!(begun.other.upload_status(&later, &name, &begun.id).await.unwrap(), 13);
    let digest = Digest::sha256_of(b"the other one");
    let size = begun.other.finish_upload(&later, &name, &begun.id, &digest, from(13), &b""[..]).await.unwrap();
    assert_eq!(size, 13);
}

#[tokio::test]
async fn a_state_that_is_none_is_refused() {
    for world in World::everywhere().await {
        let (ctx, name) = (world.user("user").await, repo("user/app"));
        let id = world.registry.start_upload(&ctx, &name).await.unwrap();
        for garbage in ["", "{}", "{\"length\":1,\"sha256\":\"00\",\"place\":{\"in\":\"folder\"}}"] {
            let sql = "UPDATE uploads SET state = $1";
            let written: Result<u64, db::Error> =
                db::write!(world.db, &ctx, |tx| tx.execute(sql, &db::args![garbage]).await);
            assert_eq!(written.unwrap(), 1);
            let refused = world.registry.append(&ctx, &name, &id, from(0), &b"x"[..]).await.unwrap_err();
            assert_eq!(refused.kind(), Kind::Internal, "{refused}");
        }
    }
}
