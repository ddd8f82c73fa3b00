//! Scanning real images in a real registry: what is found, what is unknown, what happens when advisories change.
#![expect(clippy::unwrap_used, reason = "a test says what failed by failing")]

use advisory::{About, Snapshot};
use base::{Clock, Ctx, Entropy};
use blob::{Blobs, Chunk};
use db::{Db, Location};
use flate2::{Compression, write::GzEncoder};
use identity::{AccountKind, Authority, Identity, NewAccount, TokenKeys};
use jobs::Worker;
use oci::{Digest, Reference, RepoName};
use outbound::Outbound;
use registry::{ManifestPush, NewRepository, Registry, Settings};
use scan::{Evidence, Scan, State, Summary};
use serde_json::json;

mod collecting;
#[path = "../../../db/tests/it/postgres.rs"]
mod postgres;
mod rematching;
mod switch;
mod updates;

const OS: &str =
    "ID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n";

struct World {
    db: Db,
    registry: Registry,
    scan: Scan,
    folder: tempfile::TempDir,
}

/// The account whose repository this is.
async fn namespace(db: &Db, ctx: &Ctx) {
    let authority = Authority::generate("assay.test", ctx.now).unwrap();
    let key = authority.client("token", ctx.now).unwrap();
    let keys = TokenKeys::new(&key.private_key_pem, &key.public_key_pem, "assay.test").unwrap();
    let identity = Identity::new(db.clone(), keys, authority, None);
    let (name, kind) = (repo().namespace().parse().unwrap(), AccountKind::Organization);
    let new = NewAccount { name, kind, full_name: String::new(), password: None, admin: false };
    identity.create_account(ctx, new).await.unwrap();
}

impl World {
    async fn new() -> World {
        let folder = tempfile::tempdir().unwrap();
        let schemas = [jobs::SCHEMA, audit::SCHEMA, identity::SCHEMA, registry::SCHEMA, scan::SCHEMA];
        let location = postgres::postgres().await.unwrap_or_else(|| Location::Sqlite(folder.path().join("db")));
        let db = Db::open(&location, &schemas).await.unwrap();
        let blobs = Blobs::at(&folder.path().join("blobs")).await.unwrap();
        let settings =
            Settings { host: "assay.test".into(), sparse: true, untagged_after: None, undo: std::time::Duration::ZERO };
        let registry = Registry::new(db.clone(), blobs, settings);
        let ctx = ctx();
        let subscription = jobs::Subscription { event: "image.pushed", job: scan::IMAGE_JOB, filtered: false };
        let subscribed: Result<(), db::Error> = db::write!(db, &ctx, |tx| jobs::subscribe(tx, &[subscription]).await);
        subscribed.unwrap();
        let records = Blobs::at(&folder.path().join("records")).await.unwrap();
        let scan = Scan::open(&ctx, db.clone(), registry.clone(), records, outbound()).await.unwrap();
        namespace(&db, &ctx).await;
        registry.create_repository(&ctx, NewRepository::private(repo())).await.unwrap();
        World { db, registry, scan, folder }
    }

    async fn push_blob(&self, bytes: &[u8]) -> serde_json::Value {
        let digest = Digest::sha256_of(bytes);
        self.registry.put_blob(&ctx(), &repo(), &digest, Chunk::default(), bytes).await.unwrap();
        json!({"digest": digest, "size": bytes.len()})
    }

    /// Push an image with this one layer and run the jobs that follow.
    async fn push(&self, tag: &str, layer: &[u8]) -> Digest {
        let mut layer_descriptor = self.push_blob(layer).await;
        layer_descriptor["mediaType"] = "application/vnd.oci.image.layer.v1.tar+gzip".into();
        let config = json!({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}});
        let mut config = self.push_blob(config.to_string().as_bytes()).await;
        config["mediaType"] = "application/vnd.oci.image.config.v1+json".into();
        let media_type = "application/vnd.oci.image.manifest.v1+json";
        let manifest =
            json!({"schemaVersion": 2, "mediaType": media_type, "config": config, "layers": [layer_descriptor]});
        self.push_manifest(&repo(), tag, media_type, manifest.to_string().into_bytes()).await
    }

    async fn push_manifest(&self, name: &RepoName, tag: &str, media_type: &str, bytes: Vec<u8>) -> Digest {
        let reference: Reference = tag.parse().unwrap();
        let content_type = Some(media_type);
        let push = ManifestPush { repository: name, reference: &reference, content_type, bytes, tags: &[] };
        let digest = self.registry.push_manifest(&ctx(), push).await.unwrap().digest;
        self.run_jobs().await;
        digest
    }

    async fn run_jobs(&self) {
        let (image, rematch, fetch) = (self.scan.clone(), self.scan.clone(), self.scan.clone());
        let worker = Worker::new(self.db.clone(), Clock::System, Entropy::System)
            .on(scan::IMAGE_JOB, move |ctx, job| {
                let scan = image.clone();
                async move { scan.run_image(ctx, job).await }
            })
            .on(scan::REMATCH_JOB, move |ctx, job| {
                let scan = rematch.clone();
                async move { scan.run_rematch(ctx, job).await }
            })
            .on(scan::FETCH_JOB, move |ctx, job| {
                let scan = fetch.clone();
                async move { scan.run_fetch(ctx, job).await }
            });
        worker.run_until_idle().await.unwrap();
    }

    async fn summary(&self, digest: &Digest) -> Summary {
        self.scan.summary(&mut self.db.read().await.unwrap(), &repo(), digest).await.unwrap().unwrap()
    }

    async fn evidence(&self, digest: &Digest) -> Evidence {
        self.scan.evidence(&mut self.db.read().await.unwrap(), &repo(), digest).await.unwrap()
    }
}

fn ctx() -> Ctx {
    Ctx::system("test", &Clock::System, &Entropy::System)
}

/// May call this machine.
fn outbound() -> Outbound {
    let authority = Authority::generate("assay.test", ctx().now).unwrap();
    Outbound::new("assay.test", &["127.0.0.1".to_owned()], authority.certificate_pem())
}

fn repo() -> RepoName {
    "admin/app".parse().unwrap()
}

fn layer(files: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, path, content.as_bytes()).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

fn dpkg(package: &str, version: &str) -> String {
    format!("Package: {package}\nStatus: install ok installed\nArchitecture: all\nVersion: {version}\n\n")
}

#[tokio::test]
async fn a_famous_package_is_found_and_a_clean_image_is_clean() {
    let world = World::new().await;
    let status = dpkg("liblog4j2-java", "2.14.1-1");
    let bad = world.push("bad", &layer(&[("etc/os-release", OS), ("var/lib/dpkg/status", &status)])).await;
    let summary = world.summary(&bad).await;
    assert_eq!((summary.state, summary.counts.critical, summary.counts.all()), (State::Done, 1, 1));
    let findings = world.scan.findings(&mut world.db.read().await.unwrap(), &repo(), &bad).await.unwrap();
    assert_eq!(findings[0].about.advisory, "CVE-2021-44228");
    let Evidence::Known(evidence) = world.evidence(&bad).await else { panic!("the scan is complete") };
    assert_eq!(evidence.components[0].name, "liblog4j2-java");

    let status = dpkg("hello", "2.10-3");
    let good = world.push("good", &layer(&[("etc/os-release", OS), ("var/lib/dpkg/status", &status)])).await;
    assert!(world.summary(&good).await.is_known());
    assert_eq!(world.summary(&good).await.counts.all(), 0);
}

#[tokio::test]
async fn what_cannot_be_read_or_judged_is_unknown() {
    let world = World::new().await;
    let broken = world.push("broken", b"\x1f\x8b this is no gzip stream").await;
    assert_eq!(world.summary(&broken).await.state, State::Failed);
    assert!(matches!(world.evidence(&broken).await, Evidence::Missing(why) if why.starts_with("the scan failed")));

    let scratch = world.push("scratch", &layer(&[("app", "static")])).await;
    assert!(matches!(world.evidence(&scratch).await, Evidence::Missing(why) if why.contains("no package database")));

    let os = "ID=plan9\nVERSION_ID=4\n";
    let foreign = layer(&[("etc/os-release", os), ("var/lib/dpkg/status", &dpkg("hello", "1"))]);
    let foreign = world.push("foreign", &foreign).await;
    assert!(matches!(world.evidence(&foreign).await, Evidence::Missing(_)));
    let never = Digest::sha256_of(b"never pushed");
    assert!(matches!(world.evidence(&never).await, Evidence::Missing(_)));
}

#[tokio::test]
async fn a_new_snapshot_is_matched_with_stored_inventories_and_the_log_agrees() {
    let world = World::new().await;
    let status = dpkg("liblog4j2-java", "2.14.1-1");
    let digest = world.push("bad", &layer(&[("etc/os-release", OS), ("var/lib/dpkg/status", &status)])).await;
    let about = About {
        created: "2026-01-01T00:00:00Z".parse().unwrap(),
        label: "one harmless record".into(),
        name: "test".into(),
        never_stale: true,
        ..About::default()
    };
    let kept = advisory::starter().records().unwrap().into_iter().filter(|one| !one.id.contains("44228")).collect();
    let snapshot = Snapshot::new(about, kept).unwrap();
    world.scan.use_snapshot(&ctx(), snapshot.serialise(), false).await.unwrap();
    world.run_jobs().await;
    let summary = world.summary(&digest).await;
    assert_eq!((summary.counts.all(), summary.snapshot.as_deref()), (0, Some(snapshot.digest())));
    assert_eq!(summary.snapshot_label.as_deref(), Some("one harmless record"));

    assert!(world.scan.use_snapshot(&ctx(), b"nonsense".to_vec(), false).await.is_err());
    let state = Scan::state(&mut world.db.read().await.unwrap()).await.unwrap();
    let (_, value) = state.iter().find(|(key, _)| *key == format!("scan/image/{digest}")).unwrap();
    assert!(value.contains(snapshot.digest()), "{value}");
}

/// Whoever knows a manifest but not its layers learns nothing of what a scan found in them.
#[tokio::test]
async fn a_sparse_manifest_tells_nothing_of_layers_that_another_repository_holds() {
    let world = World::new().await;
    let content = layer(&[("etc/os-release", OS), ("var/lib/dpkg/status", &dpkg("liblog4j2-java", "2.14.1-1"))]);
    let digest = world.push("whole", &content).await;
    let bytes = world.registry.manifest(&ctx(), &repo(), &Reference::Digest(digest.clone())).await.unwrap().bytes;
    let (other, oci) = ("admin/other".parse::<RepoName>().unwrap(), "application/vnd.oci.image.manifest.v1+json");
    world.registry.create_repository(&ctx(), NewRepository::private(other.clone())).await.unwrap();
    assert_eq!(world.push_manifest(&other, "sparse", oci, bytes).await, digest);

    let mut tx = world.db.read().await.unwrap();
    let summary = world.scan.summary(&mut tx, &other, &digest).await.unwrap().unwrap();
    assert_eq!((summary.state, summary.counts.all(), &summary.inventory), (State::Failed, 0, &None));
    assert!(summary.error.unwrap().contains("push it, and scan again"));
    assert!(world.scan.findings(&mut tx, &other, &digest).await.unwrap().is_empty());
    assert!(world.scan.inventory(&mut tx, &other, &digest).await.unwrap().is_none());
    assert!(matches!(world.scan.evidence(&mut tx, &other, &digest).await.unwrap(), Evidence::Missing(_)));
    let image = Registry::image_of(&mut tx, &digest).await.unwrap().unwrap();
    assert_eq!(world.registry.config_bytes(&other, &image).await.unwrap(), None);
    drop(tx);
    let reference = Reference::Digest(digest.clone());
    let refused = world.scan.request(&ctx(), &other, &reference).await.unwrap_err();
    assert!(refused.to_string().contains("is not in admin/other"), "{refused}");
    // Where it is whole nothing changed.
    assert!(matches!(world.evidence(&digest).await, Evidence::Known(_)));

    // Once its blobs are there too, it is whole here as well, and the result is told.
    let config = json!({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}});
    for blob in [content, config.to_string().into_bytes()] {
        let digest = Digest::sha256_of(&blob);
        world.registry.put_blob(&ctx(), &other, &digest, Chunk::default(), &blob[..]).await.unwrap();
    }
    let mut tx = world.db.read().await.unwrap();
    assert!(matches!(world.scan.evidence(&mut tx, &other, &digest).await.unwrap(), Evidence::Known(_)));
}

#[tokio::test]
async fn an_index_is_known_when_all_its_images_are_there_also_through_other_indexes() {
    let world = World::new().await;
    let good = layer(&[("etc/os-release", OS), ("var/lib/dpkg/status", &dpkg("hello", "2.10-3"))]);
    let bad = layer(&[("etc/os-release", OS), ("var/lib/dpkg/status", &dpkg("liblog4j2-java", "2.14.1-1"))]);
    let (good, bad) = (world.push("good", &good).await, world.push("bad", &bad).await);
    let oci = "application/vnd.oci.image.index.v1+json";
    let size = async |digest: &Digest| {
        Registry::image_of(&mut world.db.read().await.unwrap(), digest).await.unwrap().unwrap().size
    };
    let child = "application/vnd.oci.image.manifest.v1+json";
    let good_one = json!({"mediaType": child, "digest": good, "size": size(&good).await});
    let bad_one = json!({"mediaType": child, "digest": bad, "size": size(&bad).await});
    let absent = json!({"mediaType": child, "digest": Digest::sha256_of(b"never pushed"), "size": 7});
    let index = |children: serde_json::Value| {
        json!({"schemaVersion": 2, "mediaType": oci, "manifests": children}).to_string().into_bytes()
    };
    let inner = world.push_manifest(&repo(), "inner", oci, index(json!([bad_one]))).await;
    let nested = json!({"mediaType": oci, "digest": inner, "size": size(&inner).await});
    let outer = world.push_manifest(&repo(), "outer", oci, index(json!([good_one, nested]))).await;
    let Evidence::Known(evidence) = world.evidence(&outer).await else { panic!("both are scanned") };
    assert_eq!((evidence.counts.critical, evidence.components.len()), (1, 2));

    let sparse = world.push_manifest(&repo(), "sparse", oci, index(json!([good_one, absent]))).await;
    assert!(matches!(world.evidence(&sparse).await, Evidence::Missing(why) if why.ends_with("is not in admin/app")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_layer_is_read_while_it_is_pushed() {
    let world = World::new().await;
    let tasks = jobs::Tasks::default();
    tasks.spawn(world.scan.clone().read_ahead(tasks.clone(), Clock::System, Entropy::System));
    let noise: String = (0..base::limits::UPLOAD_WATCHED_BYTES).map(|n| char::from((n * n % 89) as u8 + 32)).collect();
    let mut tar = tar::Builder::new(Vec::new());
    let status = dpkg("liblog4j2-java", "2.14.1-1");
    for (path, content) in [("etc/os-release", OS), ("noise", &noise), ("var/lib/dpkg/status", &status)] {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        tar.append_data(&mut header, path, content.as_bytes()).unwrap();
    }
    let layer = tar.into_inner().unwrap();
    let (digest, last) = (Digest::sha256_of(&layer), layer.len() - 1);
    let read = async || {
        let mut tx = world.db.read().await.unwrap();
        let row =
            tx.opt("SELECT inventory FROM layer_inventories WHERE layer = $1", &[digest.to_string().into()]).await;
        row.unwrap().is_some()
    };

    let id = world.registry.start_upload(&ctx(), &repo()).await.unwrap();
    world.registry.append(&ctx(), &repo(), &id, Chunk::default(), &layer[..last]).await.unwrap();
    while world.scan.reading_ahead() == 0 {
        tokio::task::yield_now().await;
    }
    assert!(!read().await, "nothing is kept of a layer that nobody verified");
    world.registry.finish_upload(&ctx(), &repo(), &id, &digest, Chunk::default(), &layer[last..]).await.unwrap();
    while world.scan.reading_ahead() > 0 {
        tokio::task::yield_now().await;
    }
    assert!(read().await, "its inventory is there before a manifest names it");
    let image = world.push("large", &layer).await;
    assert_eq!(world.summary(&image).await.counts.critical, 1);

    // What is given up is forgotten.
    let id = world.registry.start_upload(&ctx(), &repo()).await.unwrap();
    world.registry.append(&ctx(), &repo(), &id, Chunk::default(), &layer[..last]).await.unwrap();
    while world.scan.reading_ahead() == 0 {
        tokio::task::yield_now().await;
    }
    world.registry.cancel_upload(&ctx(), &repo(), &id).await.unwrap();
    while world.scan.reading_ahead() > 0 {
        tokio::task::yield_now().await;
    }
    tasks.stop();
    assert!(tasks.finish(std::time::Duration::from_secs(60)).await, "a reader that waits for a sender ends too");
}
