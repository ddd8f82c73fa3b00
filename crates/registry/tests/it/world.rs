//! A registry with accounts, and images to push.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use base::{AccountName, Actor, Clock, Credential, Ctx, Entropy, Id, Principal, Timestamp, micros};
use blob::{Blobs, Chunk};
use db::{Db, Location};
use identity::{AccountKind, Authority, Grantee, Identity, Level, NewAccount, On, TokenKeys};
use oci::{Digest, MediaType, Reference, RepoName, Tag};
use registry::{Error, ManifestPush, NewRepository, Pushed, Registry, Repository, Settings, Visibility};
use serde_json::{Value, json};

use crate::{gateway::Gateway, postgres::postgres};

pub const HOST: &str = "assay.test:8443";

pub struct World {
    pub db: Db,
    pub registry: Registry,
    pub identity: Identity,
    pub clock: Clock,
    pub folder: tempfile::TempDir,
    /// Holds the blobs instead of the folder.
    pub gateway: Option<Gateway>,
}

/// An image to push: its blobs and its manifest.
#[derive(Clone, Debug)]
pub struct Sample {
    pub blobs: Vec<Vec<u8>>,
    pub manifest: Vec<u8>,
}

impl World {
    /// One on SQLite, and one on PostgreSQL when `ASSAY_TEST_POSTGRES` holds a URL, both with a folder; and one with a bucket when
    /// `ASSAY_TEST_S3_SERVER` names a server's program.
    pub async fn everywhere() -> Vec<World> {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::Sqlite(folder.path().join("db"));
        let mut worlds = vec![World::at(&location, folder, None).await];
        if let Some(location) = postgres().await {
            worlds.push(World::at(&location, tempfile::tempdir().unwrap(), None).await);
        }
        worlds.extend(World::in_bucket().await);
        worlds
    }

    /// One with a bucket, on PostgreSQL where that can be.
    pub async fn in_bucket() -> Option<World> {
        let gateway = Gateway::start()?;
        let folder = tempfile::tempdir().unwrap();
        let location = postgres().await.unwrap_or_else(|| Location::Sqlite(folder.path().join("db")));
        Some(World::at(&location, folder, Some(gateway)).await)
    }

    async fn at(location: &Location, folder: tempfile::TempDir, gateway: Option<Gateway>) -> World {
        let schemas = [audit::SCHEMA, jobs::SCHEMA, identity::SCHEMA, registry::SCHEMA];
        let db = Db::open(location, &schemas).await.unwrap();
        let clock = Clock::fixed("2026-01-01T00:00:00Z".parse().unwrap());
        let authority = Authority::generate("assay.test", clock.now()).unwrap();
        let key = authority.client("token", clock.now()).unwrap();
        let keys = TokenKeys::new(&key.private_key_pem, &key.public_key_pem, HOST).unwrap();
        let identity = Identity::new(db.clone(), keys, authority, None);
        let registry = registry(&db, folder.path(), gateway.as_ref()).await;
        let world = World { db, registry, identity, clock, folder, gateway };
        let system = world.system();
        let events = ["image.pushed", "tag.deleted", "manifest.deleted", "repository.created", "repository.deleted"];
        let wanted = events.map(|event| jobs::Subscription { event, job: "collect", filtered: false });
        db::write!(world.db, &system, |tx| jobs::subscribe(tx, &wanted).await).unwrap();
        world
    }

    /// The same database and folder as a program that was started again sees them.
    pub async fn restart(&mut self) {
        self.registry = self.replica().await;
    }

    /// Another process with the same database and store.
    pub async fn replica(&self) -> Registry {
        registry(&self.db, self.folder.path(), self.gateway.as_ref()).await
    }

    /// The same as its operator changed it.
    pub async fn set(&mut self, change: impl FnOnce(&mut Settings)) {
        let blobs = blobs(self.folder.path(), self.gateway.as_ref()).await;
        let mut settings = settings();
        change(&mut settings);
        self.registry = Registry::new(self.db.clone(), blobs, settings);
    }

    pub fn later(&self, hours: i64) {
        let Clock::Fixed(at) = &self.clock else { unreachable!("made so above") };
        at.fetch_add(hours * 3_600_000_000, std::sync::atomic::Ordering::SeqCst);
    }

    pub fn system(&self) -> Ctx {
        Ctx::system("test", &self.clock, &Entropy::System)
    }

    pub fn nobody(&self) -> Ctx {
        self.system().with_actor(Actor::Anonymous)
    }

    pub async fn user(&self, name: &str) -> Ctx {
        self.account(name, AccountKind::User, false).await
    }

    pub async fn organization(&self, name: &str) {
        self.account(name, AccountKind::Organization, false).await;
    }

    pub async fn admin(&self) -> Ctx {
        self.account("admin", AccountKind::User, true).await
    }

    async fn account(&self, name: &str, kind: AccountKind, admin: bool) -> Ctx {
        let new = NewAccount { name: account(name), kind, full_name: String::new(), password: None, admin };
        let account = self.identity.create_account(&self.system(), new).await.unwrap();
        let principal = Principal { account: account.id, name: account.name, credential: Credential::Password };
        self.system().with_actor(Actor::Account(principal))
    }

    pub async fn grant(&self, user: &str, repository: &RepoName, level: Option<Level>) {
        let (namespace, grantee) = (account(repository.namespace()), Grantee::User(account(user)));
        let name = Some(repository.name());
        self.identity.set_grant(&self.system(), On::Repository, (&namespace, name), &grantee, level).await.unwrap();
    }

    /// What the program itself writes to must be somebody's.
    async fn namespace_of(&self, name: &RepoName) {
        if self.identity.account(&self.system(), &account(name.namespace())).await.is_err() {
            self.organization(name.namespace()).await;
        }
    }

    pub async fn repository(&self, name: &str, visibility: Visibility, immutable: bool) -> Repository {
        self.namespace_of(&repo(name)).await;
        let new = NewRepository { visibility, immutable, ..NewRepository::private(repo(name)) };
        self.registry.create_repository(&self.system(), new).await.unwrap()
    }

    pub async fn put(&self, ctx: &Ctx, name: &str, bytes: &[u8]) -> Result<Digest, Error> {
        if matches!(ctx.actor, Actor::System(_)) {
            self.namespace_of(&repo(name)).await;
        }
        let digest = Digest::sha256_of(bytes);
        self.registry.put_blob(ctx, &repo(name), &digest, Chunk::default(), bytes).await?;
        Ok(digest)
    }

    /// Push blobs and manifest by a reference.
    pub async fn push(&self, ctx: &Ctx, name: &str, reference: &str, sample: &Sample) -> Result<Pushed, Error> {
        for blob in &sample.blobs {
            self.put(ctx, name, blob).await?;
        }
        self.push_bytes(ctx, name, reference, &sample.manifest).await
    }

    pub async fn push_bytes(&self, ctx: &Ctx, name: &str, reference: &str, bytes: &[u8]) -> Result<Pushed, Error> {
        let (repository, reference) = (repo(name), reference.parse().unwrap());
        let (bytes, tags) = (bytes.to_vec(), &[][..]);
        let push = ManifestPush { repository: &repository, reference: &reference, content_type: None, bytes, tags };
        self.registry.push_manifest(ctx, push).await
    }

    pub async fn pull(&self, ctx: &Ctx, name: &str, reference: &str) -> Result<Vec<u8>, Error> {
        let reference: Reference = reference.parse().unwrap();
        Ok(self.registry.manifest(ctx, &repo(name), &reference).await?.bytes)
    }

    /// What the audit log says the state is: a fold over all entries.
    pub async fn folded(&self) -> BTreeMap<String, String> {
        let mut tx = self.db.read().await.unwrap();
        let mut state = BTreeMap::new();
        for row in tx.all("SELECT body FROM audit_entries ORDER BY at, ordinal", &[]).await.unwrap() {
            let body: Value = serde_json::from_str(&row.text("body").unwrap()).unwrap();
            for (key, value) in body["sets"].as_object().unwrap() {
                match value.as_str() {
                    _ if !key.starts_with("registry/") => {}
                    Some(value) => drop(state.insert(key.clone(), value.to_owned())),
                    None => drop(state.remove(key)),
                }
            }
        }
        state
    }

    /// What the tables say it is.
    pub async fn state(&self) -> BTreeMap<String, String> {
        Registry::state(&mut self.db.read().await.unwrap()).await.unwrap().into_iter().collect()
    }

    /// The bodies of all entries of a kind.
    pub async fn entries(&self, kind: &str) -> Vec<Value> {
        let sql = "SELECT body FROM audit_entries WHERE kind = $1 ORDER BY at, ordinal";
        let rows = self.db.read().await.unwrap().all(sql, &db::args![kind]).await.unwrap();
        rows.iter().map(|row| serde_json::from_str(&row.text("body").unwrap()).unwrap()).collect()
    }

    /// The events that were emitted since the last call, in order.
    pub async fn events(&self) -> Vec<jobs::Event> {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&seen);
        let worker = jobs::Worker::new(self.db.clone(), self.clock.clone(), Entropy::System);
        let worker = worker.on("collect", move |_, job| {
            sink.lock().unwrap().push(job.event().unwrap());
            async { Ok(()) }
        });
        worker.run_until_idle().await.unwrap();
        drop(worker);
        Arc::try_unwrap(seen).unwrap().into_inner().unwrap()
    }
}

async fn registry(db: &Db, folder: &std::path::Path, gateway: Option<&Gateway>) -> Registry {
    Registry::new(db.clone(), blobs(folder, gateway).await, settings())
}

async fn blobs(folder: &std::path::Path, gateway: Option<&Gateway>) -> Blobs {
    match gateway {
        Some(gateway) => Blobs::in_bucket(&gateway.settings("registry/")).await.unwrap(),
        None => Blobs::at(&folder.join("registry")).await.unwrap(),
    }
}

fn settings() -> Settings {
    Settings { host: HOST.to_owned(), sparse: false, untagged_after: None, undo: Duration::ZERO }
}

impl Sample {
    /// An image of two layers; different seeds give different ones, with a common lower layer.
    pub fn image(seed: u32) -> Sample {
        let config = json!({"os": "linux", "architecture": "arm64", "author": seed.to_string(), "config": {}});
        let blobs =
            vec![config.to_string().into_bytes(), b"the lower layer".to_vec(), format!("layer {seed}").into_bytes()];
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MediaType::OCI_MANIFEST,
            "config": descriptor(&MediaType::OCI_CONFIG, &blobs[0]),
            "layers": [descriptor(&MediaType::OCI_LAYER, &blobs[1]), descriptor(&MediaType::OCI_LAYER_GZIP, &blobs[2])],
        });
        Sample { blobs, manifest: manifest.to_string().into_bytes() }
    }

    /// An index of these.
    pub fn index(children: &[&Sample]) -> Sample {
        let list: Vec<Value> =
            children.iter().map(|child| descriptor(&MediaType::OCI_MANIFEST, &child.manifest)).collect();
        let manifest = json!({"schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": list});
        Sample { blobs: Vec::new(), manifest: manifest.to_string().into_bytes() }
    }

    /// An artifact about another manifest: a signature, say.
    pub fn about(subject: &Digest, size: usize, artifact_type: &str) -> Sample {
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MediaType::OCI_MANIFEST,
            "artifactType": artifact_type,
            "config": descriptor(&MediaType::OCI_EMPTY, b"{}"),
            "layers": [descriptor(&MediaType::OCI_EMPTY, b"{}")],
            "subject": {"mediaType": MediaType::OCI_MANIFEST, "digest": subject, "size": size},
            "annotations": {"made.by": artifact_type},
        });
        Sample { blobs: vec![b"{}".to_vec()], manifest: manifest.to_string().into_bytes() }
    }

    pub fn digest(&self) -> Digest {
        Digest::sha256_of(&self.manifest)
    }
}

pub fn descriptor(media_type: &MediaType, bytes: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": Digest::sha256_of(bytes), "size": bytes.len()})
}

pub fn account(name: &str) -> AccountName {
    name.parse().unwrap()
}

pub fn repo(name: &str) -> RepoName {
    name.parse().unwrap()
}

pub fn tag(name: &str) -> Tag {
    name.parse().unwrap()
}

/// The same account, acting with the token of a job.
pub fn as_job(ctx: &Ctx, job: i64) -> Ctx {
    let mut principal = ctx.principal().unwrap().clone();
    principal.credential = Credential::JobToken { token: "t".to_owned(), job };
    ctx.clone().with_actor(Actor::Account(principal))
}

/// The context of an account at the present time of the world.
pub fn at(ctx: &Ctx, now: Timestamp) -> Ctx {
    assert!(micros(now) >= micros(ctx.now));
    Ctx { now, ..ctx.clone() }
}

pub fn new_id() -> Id<blob::Upload> {
    Id::new(&Ctx::system("test", &Clock::fixed(Timestamp::UNIX_EPOCH), &Entropy::System))
}
