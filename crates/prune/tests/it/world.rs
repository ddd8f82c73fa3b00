//! What every test stands on: a repository with tags, and a queue.

use std::{collections::BTreeMap, time::Duration};

use base::{Actor, Clock, Credential, Ctx, Entropy, Id, Principal};
use blob::{Blobs, Chunk};
use db::{Db, Location};
use identity::{AccountKind, Authority, Identity, NewAccount, TokenKeys};
use jobs::Worker;
use oci::{Digest, Reference, RepoName};
use policy::Rule;
use promote::Promote;
use prune::{Prune, PruningForm};
use registry::{ManifestPush, NewRepository, Registry, Settings};
use scan::Scan;
use serde_json::{Value, json};

use crate::postgres::postgres;

pub struct World {
    pub db: Db,
    pub registry: Registry,
    pub prune: Prune,
    pub clock: Clock,
    _folder: tempfile::TempDir,
}

impl World {
    pub async fn new() -> World {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::fixed("2026-01-01T00:00:00Z".parse().unwrap());
        let schemas = [
            jobs::SCHEMA,
            audit::SCHEMA,
            identity::SCHEMA,
            registry::SCHEMA,
            scan::SCHEMA,
            promote::SCHEMA,
            prune::SCHEMA,
        ];
        let location = postgres().await.unwrap_or_else(|| Location::Sqlite(folder.path().join("db")));
        let db = Db::open(&location, &schemas).await.unwrap();
        let blobs = Blobs::at(&folder.path().join("blobs")).await.unwrap();
        let settings = Settings {
            host: "assay.test".into(),
            sparse: false,
            untagged_after: None,
            undo: Duration::from_secs(7 * 24 * 3600),
        };
        let registry = Registry::new(db.clone(), blobs, settings);
        let ctx = Ctx::system("test", &clock, &Entropy::System);
        let done: Result<(), db::Error> = db::write!(db, &ctx, |tx| jobs::subscribe(tx, prune::SUBSCRIPTIONS).await);
        done.unwrap();
        let records = Blobs::at(&folder.path().join("records")).await.unwrap();
        let outbound = outbound::Outbound::new("assay.test", &[], "");
        let scan = Scan::open(&ctx, db.clone(), registry.clone(), records, outbound).await.unwrap();
        let promote = Promote::new(db.clone(), registry.clone(), scan, "https://assay.test");
        let prune = Prune::new(db.clone(), registry.clone(), promote);
        let world = World { db, registry, prune, clock, _folder: folder };
        let authority = Authority::generate("assay.test", world.clock.now()).unwrap();
        let key = authority.client("token", world.clock.now()).unwrap();
        let keys = TokenKeys::new(&key.private_key_pem, &key.public_key_pem, "assay.test").unwrap();
        let identity = Identity::new(world.db.clone(), keys, authority, None);
        let (name, kind) = ("a".parse().unwrap(), AccountKind::Organization);
        let new = NewAccount { name, kind, full_name: String::new(), password: None, admin: false };
        identity.create_account(&world.ctx(), new).await.unwrap();
        for name in ["a/b", "a/source"] {
            world.registry.create_repository(&world.ctx(), NewRepository::private(repo(name))).await.unwrap();
        }
        world
    }

    pub fn ctx(&self) -> Ctx {
        Ctx::system("test", &self.clock, &Entropy::System)
    }

    /// Somebody who owns only what is in their own namespace.
    pub fn user(&self, name: &str) -> Ctx {
        let account = Id::new(&self.ctx());
        let principal = Principal { account, name: name.parse().unwrap(), credential: Credential::Password };
        self.ctx().with_actor(Actor::Account(principal))
    }

    pub fn later(&self, hours: i64) {
        let Clock::Fixed(at) = &self.clock else { panic!("the test's clock stands still") };
        at.fetch_add(hours * 3_600_000_000, std::sync::atomic::Ordering::SeqCst);
    }

    /// What a timer and the queue do in a quarter of an hour.
    pub async fn quarter(&self) {
        let ctx = self.ctx();
        let job = jobs::NewJob::new(prune::EVERY_JOB, Value::Null);
        db::write!(self.db, &ctx, |tx| jobs::enqueue(tx, &ctx, job.clone()).await).unwrap();
        self.run().await;
    }

    pub async fn run(&self) {
        let worker = Worker::new(self.db.clone(), self.clock.clone(), Entropy::System);
        self.prune.work(worker).run_until_idle().await.unwrap();
    }

    /// An image that is told apart by `variant`.
    pub async fn push(&self, name: &str, tag: &str, variant: &str) -> Digest {
        let mut config = self.put(name, json!({"os": "linux", "variant": variant}).to_string().as_bytes()).await;
        config["mediaType"] = "application/vnd.oci.image.config.v1+json".into();
        let media_type = "application/vnd.oci.image.manifest.v1+json";
        let manifest = json!({"schemaVersion": 2, "mediaType": media_type, "config": config, "layers": []});
        self.push_manifest(name, tag, &manifest).await
    }

    pub async fn push_manifest(&self, name: &str, reference: &str, manifest: &Value) -> Digest {
        let push = ManifestPush {
            repository: &repo(name),
            reference: &reference.parse::<Reference>().unwrap(),
            content_type: manifest["mediaType"].as_str(),
            bytes: manifest.to_string().into_bytes(),
            tags: &[],
        };
        self.registry.push_manifest(&self.ctx(), push).await.unwrap().digest
    }

    pub async fn put(&self, name: &str, bytes: &[u8]) -> Value {
        let digest = Digest::sha256_of(bytes);
        self.registry.put_blob(&self.ctx(), &repo(name), &digest, Chunk::default(), bytes).await.unwrap();
        json!({"digest": digest, "size": bytes.len()})
    }

    pub async fn tags(&self, name: &str) -> Vec<String> {
        let tags = self.registry.tags(&self.ctx(), &repo(name), "", 100).await.unwrap().items;
        tags.iter().map(ToString::to_string).collect()
    }

    pub async fn entries(&self, kind: &str) -> Vec<Value> {
        let mut tx = self.db.read().await.unwrap();
        let rows = tx.all("SELECT body FROM audit_entries ORDER BY at, ordinal", &[]).await.unwrap();
        let all = rows.iter().map(|row| serde_json::from_str::<Value>(&row.text("body").unwrap()).unwrap());
        all.filter(|entry| kind.is_empty() || entry["kind"] == kind).collect()
    }

    /// What the log says the state is, and what the tables say, must be one.
    pub async fn assert_guarded(&self) {
        let mut fold = BTreeMap::new();
        for entry in self.entries("").await {
            for (key, value) in entry["sets"].as_object().unwrap() {
                match value.as_str().filter(|_| key.starts_with("prune/") || key.starts_with("registry/")) {
                    Some(value) => drop(fold.insert(key.clone(), value.to_owned())),
                    None => drop(fold.remove(key)),
                }
            }
        }
        let mut tx = self.db.read().await.unwrap();
        let mut state: BTreeMap<String, String> = Prune::state(&mut tx).await.unwrap().into_iter().collect();
        state.extend(Registry::state(&mut tx).await.unwrap());
        assert_eq!(fold, state);
    }
}

pub fn repo(text: &str) -> RepoName {
    text.parse().unwrap()
}

pub fn rule(field: &str, operator: &str, value: &str) -> Rule {
    Rule { field: field.to_owned(), operator: operator.to_owned(), values: vec![value.to_owned()] }
}

pub fn form(rules: &[Rule]) -> PruningForm {
    PruningForm {
        enabled: Some(true),
        rules: Some(rules.iter().cloned().map(policy::RuleForm::from).collect()),
        ..PruningForm::default()
    }
}
