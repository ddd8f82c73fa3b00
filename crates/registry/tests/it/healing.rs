//! A replica store: what is pushed is copied there, and what is damaged is healed from there.

use std::{fs, path::PathBuf};

use base::Kind;
use blob::Blobs;
use oci::Digest;
use registry::{Error, Registry, Standing};
use tokio::io::AsyncReadExt;

use super::{
    gateway::Gateway,
    world::{Sample, World, repo},
};

const ALL: u64 = u64::MAX;
const MONTH: i64 = 31 * 24;

/// A world whose registry has a replica store.
struct Pair {
    world: World,
    place: Place,
}

/// Where the copies are.
enum Place {
    Folder(PathBuf),
    Bucket(Gateway),
}

impl Place {
    async fn open(&self) -> Blobs {
        match self {
            Place::Folder(folder) => Blobs::at(folder).await.unwrap(),
            Place::Bucket(gateway) => Blobs::in_bucket(&gateway.settings("copies/")).await.unwrap(),
        }
    }

    fn root(&self) -> PathBuf {
        match self {
            Place::Folder(folder) => folder.clone(),
            Place::Bucket(gateway) => gateway.bucket.join("copies"),
        }
    }
}

fn below(root: PathBuf, digest: &Digest) -> PathBuf {
    root.join("blobs/sha256").join(&digest.hex()[..2]).join(digest.hex())
}

impl Pair {
    /// Folder to folder on each database, and with a server for S3 bucket to folder and folder to bucket.
    async fn everywhere() -> Vec<Pair> {
        let mut pairs = Vec::new();
        for world in World::everywhere().await {
            let place = Place::Folder(world.folder.path().join("copies"));
            pairs.push(Pair::of(world, place).await);
        }
        if let Some(gateway) = Gateway::start() {
            let world = World::everywhere().await.remove(0);
            pairs.push(Pair::of(world, Place::Bucket(gateway)).await);
        }
        pairs
    }

    async fn of(world: World, place: Place) -> Pair {
        let mut pair = Pair { world, place };
        pair.world.registry = pair.with_store(pair.world.registry.clone(), "one place").await;
        pair
    }

    async fn with_store(&self, registry: Registry, place: &str) -> Registry {
        registry.with_replica_store(&self.world.system(), self.place.open().await, place).await.unwrap()
    }

    fn main_file(&self, digest: &Digest) -> PathBuf {
        let root = match &self.world.gateway {
            Some(gateway) => gateway.bucket.join("registry"),
            None => self.world.folder.path().join("registry"),
        };
        below(root, digest)
    }

    fn copy_file(&self, digest: &Digest) -> PathBuf {
        below(self.place.root(), digest)
    }

    /// Push an image and have it copied.
    async fn push(&self, sample: &Sample) {
        self.world.push(&self.world.system(), "a/b", "1", sample).await.unwrap();
        self.world.registry.tend(&self.world.system()).await.unwrap();
    }

    async fn standing(&self) -> Standing {
        self.world.registry.replica_standing(&self.world.system()).await.unwrap()
    }

    /// All bytes of a blob, as a client gets them.
    async fn pull(&self, digest: &Digest) -> Result<Vec<u8>, String> {
        let blob = self.world.registry.open_blob(&self.world.system(), &repo("a/b"), digest).await;
        let blob = blob.map_err(|error| error.to_string())?;
        let (size, mut bytes) = (blob.size(), Vec::new());
        let mut stream = blob.stream(0, size).await.map_err(|error| error.to_string())?;
        stream.read_to_end(&mut bytes).await.map_err(|error| error.to_string())?;
        Ok(bytes)
    }
}

fn flip(file: &PathBuf) {
    let mut bytes = fs::read(file).unwrap();
    bytes[3] ^= 1;
    fs::write(file, bytes).unwrap();
}

fn truncate(file: &PathBuf) {
    let bytes = fs::read(file).unwrap();
    fs::write(file, &bytes[..bytes.len() / 2]).unwrap();
}

#[tokio::test]
async fn what_is_pushed_is_copied_once_and_also_after_a_restart() {
    for mut pair in Pair::everywhere().await {
        let system = pair.world.system();
        let sample = Sample::image(1);
        pair.world.push(&system, "a/b", "1", &sample).await.unwrap();
        assert_eq!((pair.standing().await.copied, pair.standing().await.behind), (0, 4), "no push waits");
        assert!(pair.standing().await.behind_bytes > sample.manifest.len() as u64);
        // The process ends before anything was copied.
        let again = pair.world.replica().await;
        pair.world.registry = pair.with_store(again, "one place").await;
        assert_eq!(pair.world.registry.tend(&system).await.unwrap().copied, 4);
        for bytes in sample.blobs.iter().chain([&sample.manifest]) {
            assert_eq!(fs::read(pair.copy_file(&Digest::sha256_of(bytes))).unwrap(), *bytes);
        }
        let expected = Standing { place: Some("one place".to_owned()), copied: 4, ..Standing::default() };
        assert_eq!(pair.standing().await, expected);
        assert_eq!(pair.world.registry.tend(&system).await.unwrap().copied, 0);
        let again = pair.world.replica().await;
        pair.world.registry = pair.with_store(again, "one place").await;
        assert_eq!(pair.world.registry.tend(&system).await.unwrap().copied, 0);
        // Another place has none of them, as far as anybody knows.
        let again = pair.world.replica().await;
        pair.world.registry = pair.with_store(again, "another place").await;
        assert_eq!(pair.world.registry.tend(&system).await.unwrap().copied, 4);
        let user = pair.world.user("sam").await;
        assert_eq!(pair.world.registry.replica_standing(&user).await.unwrap_err().kind(), Kind::Denied);
    }
}

#[tokio::test]
async fn a_scrub_heals_what_is_damaged_or_lost() {
    for pair in Pair::everywhere().await {
        let sample = Sample::image(1);
        pair.push(&sample).await;
        let [flipped, truncated, lost] = [0, 1, 2].map(|index| Digest::sha256_of(&sample.blobs[index]));
        let manifest = sample.digest();
        flip(&pair.main_file(&flipped));
        truncate(&pair.main_file(&truncated));
        fs::remove_file(pair.main_file(&lost)).unwrap();
        flip(&pair.main_file(&manifest));
        let scrubbed = pair.world.registry.scrub(&pair.world.system(), ALL).await.unwrap();
        let mut expected = vec![flipped, truncated, lost, manifest];
        expected.sort();
        assert_eq!((scrubbed.checked, scrubbed.damaged, scrubbed.healed), (4, vec![], expected.clone()));
        assert_eq!(pair.world.entries("blob.damaged").await.len(), 4);
        let healed = pair.world.entries("blob.healed").await;
        assert!(healed.len() == 4 && healed[0]["details"]["from"] == "replica store", "{healed:?}");
        for bytes in sample.blobs.iter().chain([&sample.manifest]) {
            assert_eq!(fs::read(pair.main_file(&Digest::sha256_of(bytes))).unwrap(), *bytes);
        }
        for blob in &sample.blobs {
            assert_eq!(pair.pull(&Digest::sha256_of(blob)).await.unwrap(), *blob);
        }
        pair.world.later(MONTH);
        let clean = pair.world.registry.scrub(&pair.world.system(), ALL).await.unwrap();
        assert_eq!((clean.checked, clean.damaged.len(), clean.healed.len()), (4, 0, 0));
        assert_eq!(pair.world.folded().await, pair.world.state().await);
    }
}

#[tokio::test]
async fn a_pull_that_meets_damage_has_it_healed() {
    for pair in Pair::everywhere().await {
        let sample = Sample::image(1);
        pair.push(&sample).await;
        let system = pair.world.system();
        let [flipped, truncated, lost] = [0, 1, 2].map(|index| Digest::sha256_of(&sample.blobs[index]));
        truncate(&pair.main_file(&truncated));
        fs::remove_file(pair.main_file(&lost)).unwrap();
        flip(&pair.main_file(&sample.digest()));
        assert_eq!(pair.pull(&truncated).await.unwrap(), sample.blobs[1]);
        assert_eq!(pair.pull(&lost).await.unwrap(), sample.blobs[2]);
        assert_eq!(pair.world.pull(&system, "a/b", "1").await.unwrap(), sample.manifest);
        assert_eq!(pair.world.entries("blob.healed").await.len(), 3);
        pair.world.registry.tend(&system).await.unwrap();
        // Who asks whether it is here is not kept waiting.
        fs::remove_file(pair.main_file(&lost)).unwrap();
        let unknown = pair.world.registry.stat_blob(&system, &repo("a/b"), &lost).await;
        assert!(matches!(unknown, Err(Error::BlobUnknown { .. })));
        assert_eq!(pair.world.registry.tend(&system).await.unwrap().healed, 1);
        assert_eq!(
            pair.world.registry.stat_blob(&system, &repo("a/b"), &lost).await.unwrap(),
            sample.blobs[2].len() as u64
        );
        // Other bytes of the same length show while they are read from a bucket.
        if pair.world.gateway.is_some() {
            flip(&pair.main_file(&flipped));
            assert!(pair.pull(&flipped).await.unwrap_err().contains("damaged"));
            let tended = pair.world.registry.tend(&system).await.unwrap();
            assert_eq!((tended.looked_at, tended.healed), (1, 1));
            assert_eq!(pair.pull(&flipped).await.unwrap(), sample.blobs[0]);
        }
    }
}

#[tokio::test]
async fn what_is_damaged_in_both_waits_for_a_push_and_is_copied_then() {
    for pair in Pair::everywhere().await {
        let sample = Sample::image(1);
        pair.push(&sample).await;
        let [flipped, lost] = [1, 2].map(|index| Digest::sha256_of(&sample.blobs[index]));
        for digest in [&flipped, &lost] {
            flip(&pair.main_file(digest));
        }
        flip(&pair.copy_file(&flipped));
        fs::remove_file(pair.copy_file(&lost)).unwrap();
        let system = pair.world.system();
        let scrubbed = pair.world.registry.scrub(&system, ALL).await.unwrap();
        assert_eq!((scrubbed.damaged.len(), scrubbed.healed.len()), (2, 0));
        assert_eq!((pair.standing().await.damaged, pair.standing().await.behind), (2, 2));
        assert_eq!(pair.world.registry.tend(&system).await.unwrap().copied, 0, "there is nothing to copy");
        for digest in [&flipped, &lost] {
            let refused = pair.world.registry.open_blob(&system, &repo("a/b"), digest).await.unwrap_err();
            assert_eq!(refused.kind(), Kind::Internal, "{refused}");
            // A mount stores nothing, and so heals nothing.
            pair.world.repository("a/c", registry::Visibility::Private, false).await;
            let mounted = pair.world.registry.mount(&system, &repo("a/c"), digest, Some(&repo("a/b"))).await.unwrap();
            assert_eq!(mounted, None);
            pair.world.registry.delete_repository(&system, &repo("a/c")).await.unwrap();
            let bytes = sample.blobs.iter().find(|bytes| Digest::sha256_of(bytes) == *digest).unwrap();
            pair.world.put(&system, "a/b", bytes).await.unwrap();
            assert_eq!(pair.pull(digest).await.unwrap(), *bytes);
            assert_eq!(pair.world.registry.tend(&system).await.unwrap().copied, 1);
            assert_eq!(fs::read(pair.copy_file(digest)).unwrap(), *bytes);
        }
        let healed = pair.world.entries("blob.healed").await;
        assert!(healed.len() == 2 && healed.iter().all(|entry| entry["details"]["from"] == "push"), "{healed:?}");
    }
}

#[tokio::test]
async fn healing_that_was_cut_off_before_it_was_noted_is_noted_by_the_next_round() {
    for pair in Pair::everywhere().await {
        let (system, sample) = (pair.world.system(), Sample::image(1));
        pair.push(&sample).await;
        let digest = Digest::sha256_of(&sample.blobs[1]);
        let sql = "UPDATE blobs SET damaged_at = 1 WHERE digest = $1";
        let marked: Result<u64, db::Error> =
            db::write!(pair.world.db, &system, |tx| tx.execute(sql, &db::args![digest.as_str()]).await);
        assert_eq!(marked.unwrap(), 1);
        assert!(pair.pull(&digest).await.is_err());
        assert_eq!(pair.world.registry.tend(&system).await.unwrap().healed, 1);
        assert_eq!(pair.pull(&digest).await.unwrap(), sample.blobs[1]);
    }
}

#[tokio::test]
async fn what_was_spoilt_before_it_was_copied_is_found_then_and_not_copied() {
    for pair in Pair::everywhere().await {
        let (system, sample) = (pair.world.system(), Sample::image(1));
        pair.world.push(&system, "a/b", "1", &sample).await.unwrap();
        let flipped = Digest::sha256_of(&sample.blobs[1]);
        flip(&pair.main_file(&flipped));
        let tended = pair.world.registry.tend(&system).await.unwrap();
        assert_eq!((tended.looked_at, tended.healed, tended.copied), (1, 0, 3));
        assert!(!pair.copy_file(&flipped).exists());
        assert_eq!((pair.standing().await.damaged, pair.standing().await.behind), (1, 1));
        assert_eq!(pair.world.entries("blob.damaged").await.len(), 1);
        pair.world.put(&system, "a/b", &sample.blobs[1]).await.unwrap();
        assert_eq!(pair.world.registry.tend(&system).await.unwrap().copied, 1);
    }
}

#[tokio::test]
async fn copies_that_rot_are_made_anew_and_strays_go() {
    for pair in Pair::everywhere().await {
        let sample = Sample::image(1);
        pair.push(&sample).await;
        let [flipped, truncated, lost] = [0, 1, 2].map(|index| Digest::sha256_of(&sample.blobs[index]));
        flip(&pair.copy_file(&flipped));
        truncate(&pair.copy_file(&truncated));
        fs::remove_file(pair.copy_file(&lost)).unwrap();
        // What shows in a list is found by the next run, the rest within the month.
        let first = pair.world.registry.scrub(&pair.world.system(), ALL).await.unwrap();
        let replica = first.replica.unwrap();
        assert_eq!((replica.checked, replica.damaged, replica.behind), (0, 2, 2));
        assert!(first.damaged.is_empty() && pair.world.entries("blob.damaged").await.is_empty());
        pair.world.later(MONTH);
        let replica = pair.world.registry.scrub(&pair.world.system(), ALL).await.unwrap().replica.unwrap();
        assert_eq!((replica.checked, replica.damaged, replica.behind), (2, 1, 3));
        assert_eq!(pair.world.registry.tend(&pair.world.system()).await.unwrap().copied, 3);
        for blob in &sample.blobs {
            assert_eq!(fs::read(pair.copy_file(&Digest::sha256_of(blob))).unwrap(), *blob);
        }
        // A collection that could not reach the place left this.
        let stray = Digest::sha256_of(b"swept");
        pair.place.open().await.put(&pair.world.system(), &stray, b"swept".to_vec()).await.unwrap();
        let written =
            jiff::Timestamp::try_from(fs::metadata(pair.copy_file(&stray)).unwrap().modified().unwrap()).unwrap();
        let hours = (written.as_second() - pair.world.system().now.as_second()).max(0) / 3600;
        pair.world.later(hours + 26);
        // A copy that was cut off left this.
        let upload = pair.place.root().join("uploads").join("0".repeat(26));
        if let Place::Folder(_) = pair.place {
            fs::write(&upload, "half").unwrap();
        }
        let replica = pair.world.registry.scrub(&pair.world.system(), ALL).await.unwrap().replica.unwrap();
        assert!(replica.strays == 1 && !upload.exists());
        assert!(!pair.copy_file(&stray).exists() && pair.copy_file(&lost).exists());
    }
}

#[tokio::test]
async fn what_is_collected_goes_from_both() {
    for pair in Pair::everywhere().await {
        let sample = Sample::image(1);
        pair.push(&sample).await;
        pair.world.registry.delete_repository(&pair.world.system(), &repo("a/b")).await.unwrap();
        pair.world.later(2 * 24);
        assert_eq!(pair.world.registry.collect(&pair.world.system()).await.unwrap().files, 4);
        for bytes in sample.blobs.iter().chain([&sample.manifest]) {
            let digest = Digest::sha256_of(bytes);
            assert!(!pair.main_file(&digest).exists() && !pair.copy_file(&digest).exists());
        }
        assert_eq!((pair.standing().await.copied, pair.standing().await.behind), (0, 0));
    }
}

#[tokio::test]
async fn a_replica_store_that_is_away_holds_nothing_up_and_heals_when_it_is_back() {
    for pair in Pair::everywhere().await {
        let Place::Folder(folder) = &pair.place else { continue };
        let (sample, late) = (Sample::image(1), Sample::image(2));
        pair.push(&sample).await;
        let away = folder.with_file_name("away");
        fs::rename(folder, &away).unwrap();
        fs::write(folder, "no folder").unwrap();
        let system = pair.world.system();
        pair.world.push(&system, "a/b", "2", &late).await.unwrap();
        pair.world.registry.tend(&system).await.unwrap_err();
        let lost = Digest::sha256_of(&sample.blobs[2]);
        fs::remove_file(pair.main_file(&lost)).unwrap();
        let scrubbed = pair.world.registry.scrub(&system, ALL).await.unwrap();
        assert_eq!((scrubbed.damaged, scrubbed.healed), (vec![lost.clone()], vec![]));
        assert_eq!(scrubbed.replica.unwrap().damaged, 0, "nothing is known of it");
        fs::remove_file(folder).unwrap();
        fs::rename(&away, folder).unwrap();
        let tended = pair.world.registry.tend(&system).await.unwrap();
        // The lower layer was there.
        assert_eq!((tended.healed, tended.copied), (1, 3));
        assert_eq!(fs::read(pair.main_file(&lost)).unwrap(), sample.blobs[2]);
    }
}
