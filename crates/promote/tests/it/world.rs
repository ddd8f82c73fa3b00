//! What every test stands on: repositories, images that are scanned for real, a queue, and what it told.

use std::{
    collections::BTreeMap,
    str::FromStr,
    sync::{Arc, Mutex},
};

use base::{Actor, Clock, Credential, Ctx, Entropy, Id, Principal, Secret};
use blob::{Blobs, Chunk};
use db::{Db, Location};
use events::Events;
use flate2::{Compression, write::GzEncoder};
use identity::{AccountKind, Authority, Identity, NewAccount, Sealer, TokenKeys};
use jobs::{Failure, Subscription, Worker};
use oci::{Digest, Reference, RepoName, Tag};
use policy::{PolicyForm, Rule, RuleForm};
use promote::{DecisionRecord, Promote, PromotionPolicy};
use registry::{ManifestPush, NewRepository, Registry, Settings};
use scan::{AttestationKey, Scan};
use serde_json::{Value, json};
use trust::Trust;

use crate::{postgres::postgres, signer::Signer};

pub(crate) const OS: &str = "ID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\nPRETTY_NAME=\"Debian 12\"\n";
pub(crate) const BUILD: &str = "admin/flask_build";
pub(crate) const TARGET: &str = "admin/flask";

pub(crate) struct World {
    pub(crate) db: Db,
    pub(crate) registry: Registry,
    pub(crate) scan: Scan,
    pub(crate) promote: Promote,
    pub(crate) trust: Trust,
    pub(crate) events: Events,
    pub(crate) clock: Clock,
    /// Who signs what is promoted, as soon as it is told of.
    signer: Option<Arc<Signer>>,
    /// The data of each `image.promoted`, in the order they were handled.
    pub(crate) told: Arc<Mutex<Vec<Value>>>,
    /// The key that signs statements, PKCS#8.
    key: Secret<Vec<u8>>,
    location: Location,
    folder: tempfile::TempDir,
}

/// What is left when the process ended: files, and what is outside of it.
pub(crate) struct Remains {
    folder: tempfile::TempDir,
    location: Location,
    clock: Clock,
    told: Arc<Mutex<Vec<Value>>>,
    key: Secret<Vec<u8>>,
    signer: Option<Arc<Signer>>,
}

impl Remains {
    /// Somebody took the key of statements away, and the next process makes another.
    pub(crate) fn with_another_key(self) -> Remains {
        Remains { key: AttestationKey::generate().to_pkcs8(), ..self }
    }
}

/// An image by what its scan finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Good,
    /// One critical finding.
    Bad,
    /// A layer that cannot be read.
    Broken,
}

impl World {
    /// A build repository with these settings and a target.
    pub(crate) async fn new() -> World {
        let folder = folder();
        let remains = Remains {
            location: postgres().await.unwrap_or_else(|| Location::Sqlite(folder.path().join("db"))),
            folder,
            clock: Clock::fixed("2026-01-01T00:00:00Z".parse().unwrap()),
            told: Arc::default(),
            key: AttestationKey::generate().to_pkcs8(),
            signer: None,
        };
        let world = World::open(remains).await;
        world.namespace().await;
        world.repository(BUILD, true).await;
        world.repository(TARGET, false).await;
        world
    }

    /// What a process does when it starts on what is left of the one before.
    pub(crate) async fn open(remains: Remains) -> World {
        let Remains { folder, location, clock, told, key, signer } = remains;
        let schemas = [
            jobs::SCHEMA,
            audit::SCHEMA,
            identity::SCHEMA,
            registry::SCHEMA,
            scan::SCHEMA,
            trust::SCHEMA,
            promote::SCHEMA,
            events::SCHEMA,
        ];
        let db = Db::open(&location, &schemas).await.unwrap();
        let blobs = Blobs::at(&folder.path().join("blobs")).await.unwrap();
        let settings = Settings {
            host: "assay.test".into(),
            sparse: false,
            untagged_after: None,
            undo: std::time::Duration::ZERO,
        };
        let registry = Registry::new(db.clone(), blobs, settings);
        let ctx = Ctx::system("test", &clock, &Entropy::System);
        let mut subscriptions = vec![
            Subscription { event: "image.pushed", job: scan::IMAGE_JOB, filtered: false },
            Subscription { event: "image.promoted", job: "told", filtered: false },
            Subscription { event: "image.lapsed", job: "told", filtered: false },
            Subscription { event: "image.promoted", job: "sign", filtered: false },
        ];
        subscriptions.extend(promote::SUBSCRIPTIONS);
        subscriptions.extend(events::SUBSCRIPTIONS);
        let done: Result<(), db::Error> = db::write!(db, &ctx, |tx| jobs::subscribe(tx, &subscriptions).await);
        done.unwrap();
        let records = Blobs::at(&folder.path().join("records")).await.unwrap();
        let scan =
            Scan::open(&ctx, db.clone(), registry.clone(), records, outbound::Outbound::new("assay.test", &[], ""))
                .await
                .unwrap()
                .with_attestation_key(AttestationKey::from_pkcs8(&key).unwrap());
        let sealer = Sealer::new(&Secret::new([7; 32]));
        let trust = Trust::new(db.clone(), "assay.test", &[], sealer.clone());
        let events = Events::new(db.clone(), sealer, outbound::Outbound::new("assay.test", &[], ""), "assay.test");
        let promote = Promote::new(db.clone(), registry.clone(), scan.clone(), "https://assay.test");
        let promote = promote.with_trust(trust.clone());
        let world = World { db, registry, scan, promote, trust, events, clock, signer, told, key, location, folder };
        world.worker().release_all().await.unwrap();
        world
    }

    /// End as a process that is killed does: nothing is finished. Whatever it still had in the background ends with its runtime.
    pub(crate) fn end(self) -> Remains {
        let World { clock, told, key, location, folder, signer, .. } = self;
        Remains { folder, location, clock, told, key, signer }
    }

    pub(crate) fn identity(&self) -> Identity {
        let authority = Authority::generate("assay.test", self.clock.now()).unwrap();
        let key = authority.client("token", self.clock.now()).unwrap();
        let keys = TokenKeys::new(&key.private_key_pem, &key.public_key_pem, "assay.test").unwrap();
        Identity::new(self.db.clone(), keys, authority, None)
    }

    /// The account whose repositories these are.
    async fn namespace(&self) {
        self.account("admin", AccountKind::Organization, false).await;
    }

    /// An account that exists.
    pub(crate) async fn account(&self, name: &str, kind: AccountKind, admin: bool) -> Ctx {
        let new = NewAccount { name: name.parse().unwrap(), kind, full_name: String::new(), password: None, admin };
        let made = self.identity().create_account(&self.ctx(), new).await.unwrap();
        let principal = Principal { account: made.id, name: made.name, credential: Credential::Password };
        self.ctx().with_actor(Actor::Account(principal))
    }

    /// Let somebody sign what is promoted to the target, from now on.
    pub(crate) async fn sign_promotions(&mut self, signer: &Arc<Signer>) {
        signer.begin(self, &repo(TARGET)).await;
        self.signer = Some(Arc::clone(signer));
    }

    pub(crate) async fn repository(&self, name: &str, immutable: bool) {
        let new = NewRepository { immutable, ..NewRepository::private(repo(name)) };
        self.registry.create_repository(&self.ctx(), new).await.unwrap();
    }

    pub(crate) fn ctx(&self) -> Ctx {
        Ctx::system("test", &self.clock, &Entropy::System)
    }

    /// Somebody who owns only what is in their own namespace.
    pub(crate) fn user(&self, name: &str) -> Ctx {
        let account = Id::new(&self.ctx());
        let principal = Principal { account, name: name.parse().unwrap(), credential: Credential::Password };
        self.ctx().with_actor(Actor::Account(principal))
    }

    pub(crate) fn advance(&self, seconds: i64) {
        let Clock::Fixed(at) = &self.clock else { panic!("the test's clock stands still") };
        at.fetch_add(seconds * 1_000_000, std::sync::atomic::Ordering::SeqCst);
    }

    pub(crate) fn worker(&self) -> Worker {
        let (image, rematch, attest) = (self.scan.clone(), self.scan.clone(), self.scan.clone());
        let told = Arc::clone(&self.told);
        let signs = (self.signer.clone(), self.trust.clone(), self.registry.clone());
        let worker = Worker::new(self.db.clone(), self.clock.clone(), Entropy::System)
            .on(scan::IMAGE_JOB, move |ctx, job| {
                let scan = image.clone();
                async move { scan.run_image(ctx, job).await }
            })
            .on(scan::REMATCH_JOB, move |ctx, job| {
                let scan = rematch.clone();
                async move { scan.run_rematch(ctx, job).await }
            })
            .on(scan::ATTEST_JOB, move |ctx, job| {
                let scan = attest.clone();
                async move { scan.run_attest(ctx, job).await }
            })
            .on("told", move |_, job| {
                let told = Arc::clone(&told);
                async move {
                    let event = job.event()?;
                    let mut data = event.data.clone();
                    data["event"] = event.kind.clone().into();
                    told.lock().unwrap().push(data);
                    Ok(())
                }
            })
            .on("sign", move |ctx, job| {
                let (signer, trust, registry) = signs.clone();
                async move {
                    let target = RepoName::from_str(TARGET).unwrap();
                    let data = job.event()?.data;
                    let Some(signer) = signer.filter(|_| data["target_repository"] == TARGET) else { return Ok(()) };
                    let tag = data["target_tag"].as_str().unwrap();
                    // As a person does: pull the tag, sign what came.
                    let pulled = registry.manifest(&ctx, &target, &tag.parse().unwrap()).await;
                    let digest = pulled.map_err(Failure::retry)?.digest;
                    signer.sign(&trust, &ctx, &target, tag, &digest).await.map_err(Failure::retry)
                }
            });
        self.events.work(self.promote.work(worker))
    }

    /// Run all jobs, also those that wait for another try, on two workers.
    pub(crate) async fn run(&self) {
        for _ in 0..4 {
            let (one, two) = (self.worker(), self.worker());
            let (first, second) = tokio::join!(one.run_until_idle(), two.run_until_idle());
            first.unwrap();
            second.unwrap();
            self.advance(60);
        }
    }

    pub(crate) async fn push(&self, name: &str, tag: &str, kind: Kind) -> Digest {
        self.push_variant(name, tag, kind, tag).await
    }

    /// Images of the same kind and variant have the same digest.
    pub(crate) async fn push_variant(&self, name: &str, tag: &str, kind: Kind, variant: &str) -> Digest {
        let layer = match kind {
            Kind::Good => layer(&dpkg("hello", "2.10-3"), variant),
            Kind::Bad => layer(&dpkg("liblog4j2-java", "2.14.1-1"), variant),
            Kind::Broken => [b"\x1f\x8b this is no gzip stream ", variant.as_bytes()].concat(),
        };
        let mut descriptor = self.push_blob(name, &layer).await;
        descriptor["mediaType"] = "application/vnd.oci.image.layer.v1.tar+gzip".into();
        let config = json!({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}});
        let mut config = self.push_blob(name, config.to_string().as_bytes()).await;
        config["mediaType"] = "application/vnd.oci.image.config.v1+json".into();
        let media_type = "application/vnd.oci.image.manifest.v1+json";
        let manifest = json!({"schemaVersion": 2, "mediaType": media_type, "config": config, "layers": [descriptor]});
        self.push_manifest(name, tag, media_type, &manifest).await
    }

    pub(crate) async fn push_manifest(&self, name: &str, tag: &str, media_type: &str, manifest: &Value) -> Digest {
        let push = ManifestPush {
            repository: &repo(name),
            reference: &tag.parse::<Reference>().unwrap(),
            content_type: Some(media_type),
            bytes: manifest.to_string().into_bytes(),
            tags: &[],
        };
        self.registry.push_manifest(&self.ctx(), push).await.unwrap().digest
    }

    /// The bytes of a blob, wherever it is linked.
    pub(crate) async fn blob(&self, digest: &Digest, size: u64) -> Vec<u8> {
        let blobs = Blobs::at(&self.folder.path().join("blobs")).await.unwrap();
        blobs.read(digest, size).await.unwrap()
    }

    /// What a tool that signs attaches to an image; gives its digest.
    pub(crate) async fn attach(&self, name: &str, image: &Digest, kind: &str) -> Digest {
        let size = {
            let mut tx = self.db.read().await.unwrap();
            Registry::image_of(&mut tx, image).await.unwrap().unwrap().size
        };
        let mut empty = self.push_blob(name, b"{}").await;
        empty["mediaType"] = "application/vnd.oci.empty.v1+json".into();
        let media_type = "application/vnd.oci.image.manifest.v1+json";
        let manifest = json!({"schemaVersion": 2, "mediaType": media_type, "artifactType": kind, "config": empty, "layers": [empty],
            "subject": {"mediaType": media_type, "digest": image, "size": size}});
        let own = Digest::sha256_of(manifest.to_string().as_bytes());
        self.push_manifest(name, own.as_str(), media_type, &manifest).await
    }

    async fn push_blob(&self, name: &str, bytes: &[u8]) -> Value {
        let digest = Digest::sha256_of(bytes);
        self.registry.put_blob(&self.ctx(), &repo(name), &digest, Chunk::default(), bytes).await.unwrap();
        json!({"digest": digest, "size": bytes.len()})
    }

    pub(crate) async fn policy(&self, rules: &[Rule], template: &str, apply: bool) -> PromotionPolicy {
        let made = form(rules, TARGET, template);
        let policy = self.promote.create_policy(&self.ctx(), &repo(BUILD), made, apply).await.unwrap();
        // Policies act in the order they were made.
        self.advance(1);
        policy
    }

    pub(crate) async fn tagged(&self, name: &str, tag_name: &str) -> Option<Digest> {
        let mut tx = self.db.read().await.unwrap();
        let view = Registry::tagged(&mut tx, &repo(name), &tag(tag_name)).await.unwrap();
        view.map(|view| view.image.digest)
    }

    pub(crate) async fn decisions(&self, tag_name: &str) -> Vec<DecisionRecord> {
        self.promote.decisions(&self.ctx(), &repo(BUILD), &tag(tag_name)).await.unwrap()
    }

    /// `source_tag>target_tag` of each promotion that was told.
    pub(crate) fn told(&self) -> Vec<String> {
        let told = self.told.lock().unwrap();
        told.iter()
            .filter(|data| data["event"] == "image.promoted")
            .map(|data| format!("{}>{}", data["source_tag"].as_str().unwrap(), data["target_tag"].as_str().unwrap()))
            .collect()
    }

    /// `target:tag` of each promotion that lapsed, as it was told.
    pub(crate) fn lapsed(&self) -> Vec<String> {
        let told = self.told.lock().unwrap();
        let lapsed = told.iter().filter(|data| data["event"] == "image.lapsed");
        lapsed
            .map(|data| format!("{}:{}", data["repository"].as_str().unwrap(), data["tag"].as_str().unwrap()))
            .collect()
    }

    /// All audit entries, in the order they were written.
    pub(crate) async fn entries(&self) -> Vec<Value> {
        let mut tx = self.db.read().await.unwrap();
        let rows = tx.all("SELECT body FROM audit_entries ORDER BY at, ordinal", &[]).await.unwrap();
        rows.iter().map(|row| serde_json::from_str(&row.text("body").unwrap()).unwrap()).collect()
    }

    pub(crate) async fn entries_of(&self, kind: &str) -> Vec<Value> {
        self.entries().await.into_iter().filter(|entry| entry["kind"] == kind).collect()
    }

    /// What the log says the state is, and what the tables say, must be one.
    pub(crate) async fn assert_guarded(&self) {
        let mut fold = BTreeMap::new();
        for entry in self.entries().await {
            for (key, value) in entry["sets"].as_object().unwrap() {
                if key.starts_with("promote/") {
                    match value.as_str() {
                        Some(value) => drop(fold.insert(key.clone(), value.to_owned())),
                        None => drop(fold.remove(key)),
                    }
                }
            }
        }
        let mut tx = self.db.read().await.unwrap();
        let state: BTreeMap<String, String> = Promote::state(&mut tx).await.unwrap().into_iter().collect();
        assert_eq!(fold, state);
    }
}

/// In memory where there is such a place: what a process leaves when it is killed is the same there, and what a power cut leaves is looked
/// at by the crate `crash`.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

pub(crate) fn repo(text: &str) -> RepoName {
    text.parse().unwrap()
}

pub(crate) fn tag(text: &str) -> Tag {
    text.parse().unwrap()
}

pub(crate) fn rule(field: &str, operator: &str, values: &[&str]) -> Rule {
    serde_json::from_value(json!({"field": field, "operator": operator, "values": values})).unwrap()
}

/// The reference architecture's criterion: all vulnerabilities ≤ 0.
pub(crate) fn clean() -> Rule {
    rule("vulnerability_all", "lte", &["0"])
}

pub(crate) fn form(rules: &[Rule], target: &str, template: &str) -> PolicyForm {
    PolicyForm {
        enabled: true,
        rules: rules.iter().cloned().map(RuleForm::from).collect(),
        target_repository: target.to_owned(),
        tag_template: template.to_owned(),
        ignore_unknown_severities: false,
    }
}

fn layer(status: &str, variant: &str) -> Vec<u8> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, content) in [("etc/os-release", OS), ("var/lib/dpkg/status", status), ("app/variant", variant)] {
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
