//! What every test stands on: a database, accounts, webhooks, a worker, and a clock that stands still.

use base::{AccountName, Clock, Ctx, Entropy, Secret};
use db::{Db, Location};
use events::{Delivery, Error, EventType, Events, Format, Headers, NewWebhook, Scope, Webhook};
use identity::{AccountKind, Authority, Identity, NewAccount, TokenKeys};
use jobs::{Event, Tasks, Worker};
use outbound::Outbound;
use serde_json::{Value, json};

use crate::postgres::postgres;

pub(crate) struct World {
    pub(crate) db: Db,
    pub(crate) identity: Identity,
    pub(crate) authority: Authority,
    pub(crate) events: Events,
    pub(crate) clock: Clock,
    pub(crate) tasks: Tasks,
    location: Location,
    pub(crate) folder: tempfile::TempDir,
}

impl World {
    /// Receivers on these hosts may be reached.
    pub(crate) async fn new(allowed: &[&str]) -> World {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::fixed("2026-01-01T00:00:00Z".parse().unwrap());
        let authority = Authority::generate("assay.test", clock.now()).unwrap();
        let location = postgres().await.unwrap_or_else(|| Location::Sqlite(folder.path().join("db")));
        let db = open(&location).await;
        let identity = identity(&db, &authority, &clock);
        let events = events(&db, &authority, allowed);
        let world = World { db, identity, authority, events, clock, tasks: Tasks::default(), location, folder };
        let ctx = world.system();
        db::write!(world.db, &ctx, |tx| jobs::subscribe(tx, events::SUBSCRIPTIONS).await)
            .map_err(|error: db::Error| error)
            .unwrap();
        world
    }

    /// The same world after the process ended and began again.
    pub(crate) async fn restarted(mut self, allowed: &[&str]) -> World {
        self.db.close().await;
        self.db = open(&self.location).await;
        self.identity = identity(&self.db, &self.authority, &self.clock);
        self.events = events(&self.db, &self.authority, allowed);
        self.worker().release_all().await.unwrap();
        self.events.resume(&self.system()).await.unwrap();
        self
    }

    pub(crate) fn system(&self) -> Ctx {
        Ctx::system("test", &self.clock, &Entropy::System)
    }

    pub(crate) fn worker(&self) -> Worker {
        self.events.work(Worker::new(self.db.clone(), self.clock.clone(), Entropy::System))
    }

    pub(crate) async fn run(&self) {
        self.worker().run_until_idle().await.unwrap();
        self.events.send_until_idle(&self.clock, &Entropy::System).await.unwrap();
    }

    pub(crate) fn advance(&self, seconds: i64) {
        let Clock::Fixed(at) = &self.clock else { panic!("the test's clock stands still") };
        at.fetch_add(seconds * 1_000_000, std::sync::atomic::Ordering::SeqCst);
    }

    pub(crate) async fn user(&self, name: &str) -> Ctx {
        let new = NewAccount {
            name: name.parse::<AccountName>().unwrap(),
            kind: AccountKind::User,
            full_name: String::new(),
            password: Some(Secret::new("password of mine".to_owned())),
            admin: name == "admin",
        };
        self.identity.create_account(&self.system(), new).await.unwrap();
        let (system, password) = (self.system(), Secret::new("password of mine".to_owned()));
        let actor = self.identity.authenticate(&system, name, &password).await.unwrap();
        system.with_actor(actor)
    }

    pub(crate) async fn webhook(&self, ctx: &Ctx, new: NewWebhook) -> Result<Webhook, Error> {
        self.events.create(ctx, new).await
    }

    pub(crate) async fn emit(&self, kind: &str, data: Value) {
        let ctx = self.system();
        let subject = data["repository"].as_str().unwrap_or("x").to_owned();
        let event = Event { kind: kind.into(), subject, data, at: ctx.now, entry: "e1".into() };
        db::write!(self.db, &ctx, |tx| jobs::emit(tx, &ctx, &event).await).map_err(|error: db::Error| error).unwrap();
    }

    pub(crate) async fn push(&self, tag: &str) {
        self.push_as(tag, "sha256:ab").await;
    }

    pub(crate) async fn push_as(&self, tag: &str, digest: &str) {
        let data = json!({"repository": "admin/flask", "tag": tag, "digest": digest, "os": "linux",
            "architecture": "amd64", "author": "gitlab"});
        self.emit("image.pushed", data).await;
    }

    pub(crate) async fn deliveries(&self, webhook: &Webhook) -> Vec<Delivery> {
        self.events.deliveries(&self.system(), &webhook.id, "", 100).await.unwrap()
    }

    /// The delivery about this tag.
    pub(crate) async fn delivery(&self, webhook: &Webhook, tag: &str) -> Delivery {
        let quoted = format!("\"tag\":\"{tag}\"");
        let all = self.deliveries(webhook).await;
        all.into_iter().find(|delivery| delivery.payload.contains(&quoted)).unwrap()
    }

    /// The delivery about this image.
    pub(crate) async fn about(&self, webhook: &Webhook, digest: &str) -> Delivery {
        let all = self.deliveries(webhook).await;
        all.into_iter().find(|delivery| delivery.digest.as_deref() == Some(digest)).unwrap()
    }

    /// The bodies of all audit entries, in the order they were written.
    pub(crate) async fn entries(&self) -> Vec<String> {
        let mut tx = self.db.read().await.unwrap();
        let rows = tx.all("SELECT body FROM audit_entries ORDER BY at, ordinal", &[]).await.unwrap();
        rows.iter().map(|row| row.text("body").unwrap()).collect()
    }
}

/// A webhook on every push of a tag.
pub(crate) fn on(kind: EventType, scope: &str, endpoint: &str) -> NewWebhook {
    NewWebhook {
        kind,
        scope: scope.parse::<Scope>().unwrap(),
        endpoint: endpoint.parse().unwrap(),
        format: Format::Dtr,
        secret: None,
        headers: Headers::default(),
        tls_cert: String::new(),
        skip_tls: endpoint.starts_with("http:"),
    }
}

async fn open(location: &Location) -> Db {
    let schemas = [jobs::SCHEMA, audit::SCHEMA, identity::SCHEMA, events::SCHEMA];
    Db::open(location, &schemas).await.unwrap()
}

fn identity(db: &Db, authority: &Authority, clock: &Clock) -> Identity {
    let key = authority.client("token", clock.now()).unwrap();
    let keys = TokenKeys::new(&key.private_key_pem, &key.public_key_pem, "assay.test:8443").unwrap();
    Identity::new(db.clone(), keys, authority.clone(), None)
}

fn events(db: &Db, authority: &Authority, allowed: &[&str]) -> Events {
    let allowed: Vec<String> = allowed.iter().map(|host| (*host).to_owned()).collect();
    let outbound = Outbound::new("assay.test:8443", &allowed, authority.certificate_pem());
    Events::new(db.clone(), identity::Sealer::new(&Secret::new([7; 32])), outbound, "assay.test:8443")
}
