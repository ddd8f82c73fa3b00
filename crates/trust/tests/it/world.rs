//! An installation with accounts, and a client that signs at home as `notary` and `docker trust` do.

use std::collections::BTreeMap;

use base::{AccountName, Actor, Clock, Ctx, Entropy, Secret, Timestamp};
use blob::Blobs;
use db::{Db, Location};
use identity::{AccountKind, Authority, Grantee, Identity, Level, NewAccount, TokenKeys};
use registry::{Registry, Settings};
use serde_json::Value;
use trust::{Error, Gun, Served, Trust, Which};
use tuf::{PublicKey, RoleName, SigningKey, TrustData};

pub use crate::client::Client;
use crate::{client, postgres::postgres};

pub const GUN: &str = "assay.test:4443/ci/flask";

pub struct World {
    pub db: Db,
    pub identity: Identity,
    pub trust: Trust,
    pub registry: Registry,
    pub clock: Clock,
    _folder: tempfile::TempDir,
}

impl World {
    /// Organization `ci`; `writer` may read and write in it, `reader` read; `nobody` has no right.
    pub async fn new() -> World {
        let folder = tempfile::tempdir().unwrap();
        let schemas = [jobs::SCHEMA, audit::SCHEMA, identity::SCHEMA, registry::SCHEMA, trust::SCHEMA];
        let location = postgres().await.unwrap_or_else(|| Location::Sqlite(folder.path().join("db")));
        let db = Db::open(&location, &schemas).await.unwrap();
        let clock = Clock::fixed("2026-11-21T12:00:00Z".parse().unwrap());
        let authority = Authority::generate("assay.test", clock.now()).unwrap();
        let key = authority.client("token", clock.now()).unwrap();
        let keys = TokenKeys::new(&key.private_key_pem, &key.public_key_pem, "assay.test:4443").unwrap();
        let identity = Identity::new(db.clone(), keys, authority, None);
        let trust = Trust::new(db.clone(), "assay.test:4443", &[], identity::Sealer::new(&Secret::new([7; 32])));
        let blobs = Blobs::at(&folder.path().join("blobs")).await.unwrap();
        let settings = Settings {
            host: "assay.test:4443".to_owned(),
            sparse: false,
            untagged_after: None,
            undo: std::time::Duration::ZERO,
        };
        let registry = Registry::new(db.clone(), blobs, settings);
        let world = World { db, identity, trust, registry, clock, _folder: folder };
        world.account("ci", AccountKind::Organization).await;
        for (user, level) in [("writer", Some(Level::ReadWrite)), ("reader", Some(Level::ReadOnly)), ("nobody", None)] {
            world.account(user, AccountKind::User).await;
            let grantee = Grantee::User(name(user));
            world
                .identity
                .set_grant(&world.system(), identity::On::Repository, (&name("ci"), None), &grantee, level)
                .await
                .unwrap();
        }
        world
    }

    async fn account(&self, account: &str, kind: AccountKind) {
        let password = (kind == AccountKind::User).then(|| Secret::new("password of mine".to_owned()));
        let new = NewAccount { name: name(account), kind, full_name: String::new(), password, admin: false };
        self.identity.create_account(&self.system(), new).await.unwrap();
    }

    pub fn system(&self) -> Ctx {
        Ctx::system("test", &self.clock, &Entropy::System)
    }

    pub fn anonymous(&self) -> Ctx {
        self.system().with_actor(Actor::Anonymous)
    }

    pub async fn user(&self, user: &str) -> Ctx {
        let secret = Secret::new("password of mine".to_owned());
        let actor = self.identity.authenticate(&self.system(), user, &secret).await.unwrap();
        self.system().with_actor(actor)
    }

    pub fn gun(&self) -> Gun {
        self.trust.gun(GUN).unwrap()
    }

    pub fn go_to(&self, at: &str) {
        let Clock::Fixed(micros) = &self.clock else { unreachable!("made above") };
        let at: Timestamp = at.parse().unwrap();
        micros.store(at.as_microsecond(), std::sync::atomic::Ordering::SeqCst);
    }

    pub async fn read(&self, role: &RoleName, which: Which) -> Result<Served, Error> {
        self.trust.read(&self.system(), &self.gun(), role, &which).await
    }

    pub async fn current(&self, role: RoleName) -> Vec<u8> {
        self.read(&role, Which::Current).await.unwrap().bytes
    }

    /// What a client that knows nothing yet sees, with everything verified as it would.
    pub async fn seen(&self) -> TrustData {
        client::seen(&self.trust, &self.system(), &self.gun()).await
    }

    /// The fold of the audit log is the state of the tables: the invariant of every test here.
    pub async fn check_fold(&self) {
        let mut tx = self.db.read().await.unwrap();
        let mut fold: BTreeMap<String, String> = BTreeMap::new();
        for row in tx.all("SELECT body FROM audit_entries ORDER BY at, ordinal", &[]).await.unwrap() {
            let body: Value = serde_json::from_str(&row.text("body").unwrap()).unwrap();
            for (key, value) in body["sets"].as_object().unwrap().iter().filter(|(key, _)| key.starts_with("trust/")) {
                match value.as_str() {
                    Some(value) => fold.insert(key.clone(), value.to_owned()),
                    None => fold.remove(key),
                };
            }
        }
        let state: BTreeMap<String, String> = Trust::state(&mut tx).await.unwrap().into_iter().collect();
        assert_eq!(fold, state);
    }

    /// The bodies of all audit entries of a kind.
    pub async fn entries(&self, kind: &str) -> Vec<Value> {
        let mut tx = self.db.read().await.unwrap();
        let rows = tx
            .all("SELECT body FROM audit_entries WHERE kind = $1 ORDER BY at, ordinal", &db::args![kind])
            .await
            .unwrap();
        rows.iter().map(|row| serde_json::from_str(&row.text("body").unwrap()).unwrap()).collect()
    }
}

pub fn name(text: &str) -> AccountName {
    text.parse().unwrap()
}

pub fn role(text: &str) -> RoleName {
    text.parse().unwrap()
}

/// The server's key of a role, as `GET …/timestamp.key` gives it.
pub async fn key(world: &World, ctx: &Ctx, role: &RoleName) -> Result<PublicKey, Error> {
    client::key(&world.trust, ctx, &world.gun(), role).await
}

/// A tag signed as an image with this digest.
pub async fn signed(world: &World, key: &SigningKey, signer: &str, tag: &str, digest: u8) -> Vec<(RoleName, Vec<u8>)> {
    client::sign(&world.seen().await, &world.system(), key, (signer, tag), [digest; 32])
}
