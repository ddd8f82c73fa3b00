//! Records: packed on disk, brought over from before, collected when nobody has their layer any more.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use advisory::{About, Snapshot};
use base::Ctx;
use blob::Blobs;
use oci::{Digest, Reference};
use scan::{Evidence, Scan};

use crate::{OS, World, ctx, dpkg, layer, repo};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// The first bytes of a zstd frame (RFC 8878, section 3.1.1).
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The files of a store.
fn files(records: &Path) -> Vec<PathBuf> {
    let folders = fs::read_dir(records.join("blobs/sha256")).unwrap().map(|folder| folder.unwrap().path());
    folders.flat_map(|folder| fs::read_dir(folder).unwrap()).map(|file| file.unwrap().path()).collect()
}

fn snapshot(label: &str) -> Snapshot {
    let about = About {
        created: "2026-01-01T00:00:00Z".parse().unwrap(),
        label: label.into(),
        name: "test".into(),
        never_stale: true,
        ..About::default()
    };
    Snapshot::new(about, advisory::starter().records().unwrap()).unwrap()
}

#[tokio::test]
async fn records_of_an_early_state_are_brought_over() {
    let world = World::new().await;
    let content = layer(&[("etc/os-release", OS), ("var/lib/dpkg/status", &dpkg("hello", "2.10-3"))]);
    let digest = world.push("old", &content).await;
    // As it was when there was one folder for both, and nothing was packed.
    let (records, blobs) = (world.folder.path().join("records"), world.folder.path().join("blobs"));
    let mut packed = 0;
    for path in files(&records) {
        let bytes = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let plain = if bytes.starts_with(&ZSTD) { zstd::decode_all(&bytes[..]).unwrap() } else { bytes.clone() };
        packed += usize::from(plain != bytes);
        let name = Digest::sha256_of(&plain);
        fs::write(blobs.join("blobs/sha256").join(&name.hex()[..2]).join(name.hex()), plain).unwrap();
    }
    assert_eq!(packed, 3, "an inventory of the layer, one of the image, a list of files");
    let forgotten: Result<u64, db::Error> =
        db::write!(world.db, &ctx(), |tx| tx.execute("DELETE FROM records", &[]).await);
    forgotten.unwrap();
    let again = Blobs::at(&records).await.unwrap();
    let scan = Scan::open(&ctx(), world.db.clone(), world.registry.clone(), again, super::outbound()).await.unwrap();
    let evidence = scan.evidence(&mut world.db.read().await.unwrap(), &repo(), &digest).await.unwrap();
    assert!(matches!(evidence, Evidence::Known(_)), "{evidence:?}");
}

#[tokio::test]
async fn inventories_go_with_their_layers() {
    let world = World::new().await;
    let status = dpkg("hello", "2.10-3");
    let gone =
        world.push("gone", &layer(&[("etc/os-release", OS), ("var/lib/dpkg/status", &status), ("a", "1")])).await;
    let kept =
        world.push("kept", &layer(&[("etc/os-release", OS), ("var/lib/dpkg/status", &status), ("b", "1")])).await;
    let records = world.folder.path().join("records");
    let before = files(&records).len();
    let nothing = world.scan.collect(&ctx(), &BTreeSet::new()).await.unwrap();
    assert_eq!((nothing.inventories, nothing.bytes, files(&records).len()), (0, 0, before));

    world.registry.delete_manifest(&ctx(), &repo(), &gone).await.unwrap();
    for days in [2, 4, 6] {
        let now = ctx();
        world.registry.collect(&Ctx { now: now.now + DAY * days, ..now }).await.unwrap();
    }
    let collected = world.scan.collect(&ctx(), &BTreeSet::new()).await.unwrap();
    // The layer's inventory and its list of files. That of the image stays with the result of its scan.
    assert_eq!((collected.inventories, files(&records).len()), (1, before - 2));
    assert!(collected.bytes > 0);
    assert!(matches!(world.evidence(&kept).await, Evidence::Known(_)));
    let again = world.scan.collect(&ctx(), &BTreeSet::new()).await.unwrap();
    assert_eq!(again.inventories, 0);

    // A file that is lost is made again.
    let packed: Vec<PathBuf> =
        files(&records).into_iter().filter(|file| fs::read(file).unwrap().starts_with(&ZSTD)).collect();
    packed.iter().for_each(|file| fs::remove_file(file).unwrap());
    world.scan.request(&ctx(), &repo(), &Reference::Digest(kept.clone())).await.unwrap();
    world.run_jobs().await;
    assert!(matches!(world.evidence(&kept).await, Evidence::Known(_)));

    // Pushed again, it is read again.
    let again = layer(&[("etc/os-release", OS), ("var/lib/dpkg/status", &status), ("a", "1")]);
    assert_eq!(world.push("again", &again).await, gone);
    world.scan.request(&ctx(), &repo(), &Reference::Tag("again".parse().unwrap())).await.unwrap();
    world.run_jobs().await;
    assert!(matches!(world.evidence(&gone).await, Evidence::Known(_)));
}

#[tokio::test]
async fn snapshots_go_when_nothing_names_them() {
    let world = World::new().await;
    let digest =
        world.push("1", &layer(&[("etc/os-release", OS), ("var/lib/dpkg/status", &dpkg("hello", "2.10-3"))])).await;
    let (old, new) = (snapshot("old"), snapshot("new"));
    let now = ctx();
    let long_ago = Ctx { now: now.now.checked_sub(DAY * 40).unwrap(), ..now };
    world.scan.use_snapshot(&long_ago, old.serialise(), false).await.unwrap();
    world.run_jobs().await;
    world.scan.use_snapshot(&ctx(), new.serialise(), false).await.unwrap();
    let kept = async |decided: &[&str]| {
        let decided = decided.iter().map(|digest| (*digest).to_owned()).collect();
        world.scan.collect(&ctx(), &decided).await.unwrap().snapshots == 0
    };
    assert!(kept(&[]).await, "the scan is still of the old one");
    world.run_jobs().await;
    assert_eq!(world.summary(&digest).await.snapshot.as_deref(), Some(new.digest()));
    assert!(kept(&[old.digest()]).await, "a decision names the old one");
    assert!(!kept(&[]).await);
    assert!(kept(&[]).await, "it is gone already");
    assert!(matches!(world.evidence(&digest).await, Evidence::Known(_)));
}
