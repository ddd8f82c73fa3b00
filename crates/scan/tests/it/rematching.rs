//! Snapshots held against what was scanned: cut off anywhere, and by several servers of one database.

use std::{collections::BTreeMap, future::Future, task::Poll};

use base::Id;
use jobs::Job;

use super::*;

/// Of the records that come with the program, those whose id does not contain this; made in this month.
fn without(id: &str, month: u8) -> Snapshot {
    let created = format!("2026-{month:02}-01T00:00:00Z").parse().unwrap();
    let about = About { created, label: format!("without {id}"), name: "test".into(), ..About::default() };
    let kept = advisory::starter().records().unwrap().into_iter().filter(|one| !one.id.contains(id)).collect();
    Snapshot::new(about, kept).unwrap()
}

fn with(package: &str, version: &str) -> Vec<u8> {
    layer(&[("etc/os-release", OS), ("var/lib/dpkg/status", &dpkg(package, version))])
}

fn job(kind: &str, payload: serde_json::Value) -> Job {
    let ctx = ctx();
    Job { id: Id::new(&ctx), kind: kind.into(), payload, cause: None, attempt: 1, created_at: ctx.now }
}

impl World {
    /// An image with this layer, and a configuration that no other has.
    async fn push_with(&self, tag: &str, layer: &[u8]) -> Digest {
        let mut layer = self.push_blob(layer).await;
        layer["mediaType"] = "application/vnd.oci.image.layer.v1.tar+gzip".into();
        let config = json!({"architecture": "amd64", "os": "linux", "author": tag, "rootfs": {"type": "layers", "diff_ids": []}});
        let mut config = self.push_blob(config.to_string().as_bytes()).await;
        config["mediaType"] = "application/vnd.oci.image.config.v1+json".into();
        let media_type = "application/vnd.oci.image.manifest.v1+json";
        let manifest = json!({"schemaVersion": 2, "mediaType": media_type, "config": config, "layers": [layer]});
        self.push_manifest(&repo(), tag, media_type, manifest.to_string().into_bytes()).await
    }

    /// What the log says of scans, folded, must be what the tables say; gives how often each image was matched again.
    async fn matched_again(&self) -> BTreeMap<String, usize> {
        let mut tx = self.db.read().await.unwrap();
        let rows = tx.all("SELECT body FROM audit_entries ORDER BY ordinal, id", &[]).await.unwrap();
        let (mut folded, mut again) = (BTreeMap::new(), BTreeMap::new());
        for row in rows {
            let body: serde_json::Value = serde_json::from_str(&row.text("body").unwrap()).unwrap();
            for (key, value) in body["sets"].as_object().unwrap().iter().filter(|(key, _)| key.starts_with("scan/")) {
                folded.insert(key.clone(), value.as_str().unwrap().to_owned());
                if body["kind"] == "scan.rematched" {
                    *again.entry(key.trim_start_matches("scan/image/").to_owned()).or_default() += 1;
                }
            }
        }
        assert_eq!(folded, Scan::state(&mut tx).await.unwrap().into_iter().collect());
        again
    }

    /// Another server of the same database.
    async fn other(&self, records: &str) -> Scan {
        let records = Blobs::at(&self.folder.path().join(records)).await.unwrap();
        Scan::open(&ctx(), self.db.clone(), self.registry.clone(), records, outbound()).await.unwrap()
    }
}

#[tokio::test]
async fn cut_off_anywhere_it_goes_on_and_tells_each_image_once() {
    let world = World::new().await;
    let mut images = Vec::new();
    for number in 0..6 {
        let package = ["liblog4j2-java", "hello"][number % 2];
        images.push(world.push_with(&format!("t{number}"), &with(package, &format!("2.1{number}.1-1"))).await);
    }
    let next = without("44228", 1);
    world.scan.use_snapshot(&ctx(), next.serialise(), false).await.unwrap();
    let mut cut = 0;
    loop {
        // After so many steps, and not after so much time, in which a fast machine does all of it.
        let mut work = std::pin::pin!(world.scan.run_rematch(ctx(), job(scan::REMATCH_JOB, json!({}))));
        let mut left = cut;
        let ended = std::future::poll_fn(|context| {
            if left == 0 {
                return Poll::Ready(None);
            }
            left -= 1;
            work.as_mut().poll(context).map(Some)
        })
        .await;
        // At each moment a result is what the snapshot that it names gives.
        for image in &images {
            let mut tx = world.db.read().await.unwrap();
            let summary = world.scan.summary(&mut tx, &repo(), image).await.unwrap().unwrap();
            let found = world.scan.findings(&mut tx, &repo(), image).await.unwrap();
            assert_eq!((summary.state, summary.counts.all()), (State::Done, found.len() as u64), "cut off {cut}");
        }
        world.matched_again().await;
        if let Some(ended) = ended {
            ended.unwrap();
            break;
        }
        cut += 1;
    }
    assert!(cut > 2, "nothing was cut off");
    for image in &images {
        let summary = world.summary(image).await;
        assert_eq!((summary.snapshot.as_deref(), summary.outdated), (Some(next.digest()), false));
        assert_eq!(summary.counts.all(), 0);
    }
    let differ = images.iter().step_by(2).map(|image| (image.to_string(), 1)).collect();
    assert_eq!(world.matched_again().await, differ, "exactly the images that differ, each once");
}

#[tokio::test]
async fn an_image_with_known_layers_gets_the_result_of_the_other_and_the_same_fate() {
    let world = World::new().await;
    let content = with("liblog4j2-java", "2.14.1-1");
    let (first, second) = (world.push_with("first", &content).await, world.push_with("second", &content).await);
    assert_ne!(first, second);
    let said = async |digest: &Digest| {
        let Summary { state, counts, inventory, snapshot, distribution, unknown, .. } = world.summary(digest).await;
        (state, counts, inventory, snapshot, distribution, unknown)
    };
    assert_eq!(said(&first).await, said(&second).await);
    assert_eq!((said(&second).await.0, said(&second).await.1.critical), (State::Done, 1));
    let next = without("44228", 1);
    world.scan.use_snapshot(&ctx(), next.serialise(), false).await.unwrap();
    // Nothing of before is taken for a result of the new snapshot.
    let third = world.push_with("third", &content).await;
    assert_eq!(said(&third).await, said(&first).await);
    assert_eq!((said(&second).await.1.all(), said(&third).await.3.as_deref()), (0, Some(next.digest())));
    assert_eq!(world.matched_again().await.len(), 2);
}

#[tokio::test]
async fn other_servers_follow_a_new_snapshot() {
    let world = World::new().await;
    let (near, far) = (world.other("records").await, world.other("elsewhere").await);
    let content = with("liblog4j2-java", "2.14.1-1");
    world.push_with("before", &content).await;

    let next = without("44228", 1);
    world.scan.use_snapshot(&ctx(), next.serialise(), false).await.unwrap();
    assert_ne!(near.snapshot().digest, next.digest());
    near.follow().await.unwrap();
    assert_eq!(near.snapshot().label, "without 44228");

    // A server that scans looks first.
    let third = without("harmless", 2);
    world.scan.use_snapshot(&ctx(), third.serialise(), false).await.unwrap();
    world.run_jobs().await;
    let image = world.push_with("after", &content).await;
    let event = json!({"kind": "image.pushed", "subject": "s", "at": ctx().now, "entry": "e",
        "data": {"repository": repo(), "tag": "after", "digest": image}});
    near.run_image(ctx(), job(scan::IMAGE_JOB, event.clone())).await.unwrap();
    assert_eq!(near.snapshot().digest, third.digest());
    assert_eq!(world.summary(&image).await.snapshot.as_deref(), Some(third.digest()));

    // One that cannot have it scans with what it has, says so, and has the image matched again.
    assert!(far.follow().await.is_err());
    let mut asked = event;
    asked["data"]["asked"] = true.into();
    world.run_jobs().await;
    far.run_image(ctx(), job(scan::IMAGE_JOB, asked)).await.unwrap();
    let summary = world.summary(&image).await;
    assert_eq!((summary.snapshot.as_deref(), summary.outdated), (Some(far.snapshot().digest.as_str()), true));
    world.run_jobs().await;
    let summary = world.summary(&image).await;
    assert_eq!((summary.snapshot.as_deref(), summary.outdated), (Some(third.digest()), false));
    assert_eq!(summary.counts.critical, 1);
    world.matched_again().await;
}
