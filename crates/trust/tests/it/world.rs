//! An installation with accounts, and a client that signs at home as `notary` and `docker trust` do.

use std::collections::BTreeMap;

use base::{AccountName, Actor, Clock, Ctx, Entropy, Secret, Timestamp};
use blob::Blobs;
use db::{Db, Location};
use identity::{AccountKind, Authority, Grantee, Identity, Level, NewAccount, TokenKeys};
use rcgen::{CertificateParams, DistinguishedName, DnType, IsCa, KeyPair, date_time_ymd};
use registry::{Registry, Settings};
use serde_json::{Value, json};
use trust::{Error, Gun, Served, Trust, Which};
use tuf::{
    Document, PublicKey, RoleName, Signature, SigningKey, Target, Targets, TrustData, build::Unsigned, sign_tag,
};

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
        let db = Db::open(&Location::Sqlite(folder.path().join("db")), &schemas).await.unwrap();
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
        let (root, targets) = (self.current(RoleName::Root).await, self.current(RoleName::Targets).await);
        let (timestamp, snapshot) = (self.current(RoleName::Timestamp).await, self.current(RoleName::Snapshot).await);
        let mut delegations = BTreeMap::new();
        let document: Document<Targets> = Document::parse(&RoleName::Targets, &targets).unwrap();
        for delegation in document.signed.delegations {
            if let Ok(served) = self.read(&delegation.name, Which::Current).await {
                delegations.insert(delegation.name, served.bytes);
            }
        }
        let data = TrustData::verify(GUN, &root, &targets, &delegations, self.clock.now()).unwrap();
        data.check_fresh(&timestamp, &snapshot, self.clock.now()).unwrap();
        data
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

/// The keys a person keeps at home.
pub struct Client {
    root: SigningKey,
    certificate: PublicKey,
    targets: SigningKey,
}

impl Client {
    pub fn new() -> Client {
        let root = SigningKey::generate();
        let secret = root.to_pkcs8();
        let der = secret.expose().as_slice().into();
        let pair = KeyPair::from_pkcs8_der_and_sign_algo(&der, &rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, GUN);
        params.is_ca = IsCa::ExplicitNoCa;
        params.not_after = date_time_ymd(2036, 1, 1);
        let pem = params.self_signed(&pair).unwrap().pem();
        let certificate = PublicKey::from_certificate_pem(pem.as_bytes()).unwrap();
        Client { root, certificate, targets: SigningKey::generate() }
    }

    /// A root that names these server keys.
    pub fn root(&self, version: u64, snapshot: &PublicKey, timestamp: &PublicKey) -> (RoleName, Vec<u8>) {
        let role = |key: &PublicKey| json!({"keyids": [key.id()], "threshold": 1});
        let keys = [&self.certificate, self.targets.public(), snapshot, timestamp];
        let signed = json!({
            "_type": "Root", "consistent_snapshot": false, "expires": "2036-11-18T00:00:00Z", "version": version,
            "keys": key_map(&keys),
            "roles": {
                "root": role(keys[0]), "targets": role(keys[1]), "snapshot": role(keys[2]), "timestamp": role(keys[3]),
            },
        });
        (RoleName::Root, seal(signed, self.certificate.id().as_str(), &self.root))
    }

    /// Targets that delegate to `targets/releases` and `targets/NAME`, both with the same key.
    pub fn targets(&self, version: u64, signers: &[(&str, &PublicKey)]) -> (RoleName, Vec<u8>) {
        let keys: Vec<&PublicKey> = signers.iter().map(|(_, key)| *key).collect();
        let delegation = |name: &str, keys: &[&PublicKey]| {
            let ids: Vec<&str> = keys.iter().map(|key| key.id().as_str()).collect();
            json!({"keyids": ids, "name": format!("targets/{name}"), "paths": [""], "threshold": 1})
        };
        let mut roles: Vec<Value> = signers.iter().map(|(name, key)| delegation(name, &[*key])).collect();
        if !roles.is_empty() {
            roles.push(delegation("releases", &keys));
        }
        let signed = json!({
            "_type": "Targets", "version": version, "expires": "2029-11-20T00:00:00Z", "targets": {},
            "delegations": {"keys": key_map(&keys), "roles": roles},
        });
        (RoleName::Targets, seal(signed, self.targets.public().id().as_str(), &self.targets))
    }

    /// What `notary init` and `docker trust signer add` do: ask for the server's keys, publish root and targets.
    pub async fn init(&self, world: &World, ctx: &Ctx, signers: &[(&str, &PublicKey)]) -> Result<(), Error> {
        let timestamp = key(world, ctx, &RoleName::Timestamp).await?;
        let snapshot = key(world, ctx, &RoleName::Snapshot).await?;
        let upload = vec![self.root(1, &snapshot, &timestamp), self.targets(1, signers)];
        world.trust.publish(ctx, &world.gun(), upload).await
    }
}

/// The server's key of a role, as `GET …/timestamp.key` gives it.
pub async fn key(world: &World, ctx: &Ctx, role: &RoleName) -> Result<PublicKey, Error> {
    let public = world.trust.server_key(ctx, &world.gun(), role).await?;
    Ok(PublicKey::parse(public.as_bytes()).unwrap())
}

/// What `docker trust sign` does: the tag in `targets/NAME` and in `targets/releases`.
pub async fn signed(world: &World, key: &SigningKey, signer: &str, tag: &str, digest: u8) -> Vec<(RoleName, Vec<u8>)> {
    let data = world.seen().await;
    let sign = |name: String| {
        let role = role(&name);
        let authority = data.authority(&role).unwrap();
        let target = Target::image([digest; 32], 523);
        let file = sign_tag(data.targets(&role), tag, target, &authority, &[key], world.clock.now()).unwrap();
        (role, file)
    };
    vec![sign(format!("targets/{signer}")), sign("targets/releases".to_owned())]
}

fn key_map(keys: &[&PublicKey]) -> Value {
    keys.iter().map(|key| (key.id().to_string(), key.to_value())).collect()
}

fn seal(signed: Value, keyid: &str, key: &SigningKey) -> Vec<u8> {
    let unsigned = Unsigned::new(signed).unwrap();
    let sig = key.sign(unsigned.payload());
    unsigned.seal(&[Signature { keyid: keyid.to_owned(), method: "ecdsa".to_owned(), sig }]).unwrap()
}
