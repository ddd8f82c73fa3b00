//! An installation with organization `ci`, its team `gitlab`, a registry, trust data, and a signer at home.

use std::{collections::BTreeMap, sync::Mutex};

use admit::{Admit, document};
use base::{AccountName, Actor, Clock, Credential, Ctx, Entropy, Principal, Secret};
use blob::{Blobs, Chunk};
use db::{Db, Location};
use identity::{AccountKind, Authority, Identity, NewAccount, Sealer, TokenKeys};
use oci::{Digest, Reference};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, date_time_ymd};
use registry::{ManifestPush, Registry, Settings};
use serde_json::{Value, json};
use tlog::Signer;
use trust::{Gun, Trust};
use tuf::{PublicKey, RoleName, Signature, SigningKey, Target, build::Unsigned};

pub const HOST: &str = "assay.test:4443";

pub struct World {
    pub db: Db,
    pub identity: Identity,
    pub admit: Admit,
    pub clock: Clock,
    trust: Trust,
    registry: Registry,
    accounts: BTreeMap<String, Principal>,
    root: Root,
    /// How often targets were published.
    version: Mutex<u64>,
    _folder: tempfile::TempDir,
}

/// The offline keys of `ci/flask`. The key of `targets` is that of a person's client bundle.
struct Root {
    root: SigningKey,
    certificate: PublicKey,
    keys: BTreeMap<String, SigningKey>,
}

impl World {
    pub async fn new() -> World {
        let folder = tempfile::tempdir().unwrap();
        let schemas = [jobs::SCHEMA, audit::SCHEMA, identity::SCHEMA, registry::SCHEMA, trust::SCHEMA, admit::SCHEMA];
        let db = Db::open(&Location::Sqlite(folder.path().join("db")), &schemas).await.unwrap();
        let clock = Clock::fixed("2026-11-21T12:00:00Z".parse().unwrap());
        let authority = Authority::generate("assay.test", clock.now()).unwrap();
        let key = authority.client("token", clock.now()).unwrap();
        let keys = TokenKeys::new(&key.private_key_pem, &key.public_key_pem, HOST).unwrap();
        let identity = Identity::new(db.clone(), keys, authority, None);
        let trust = Trust::new(db.clone(), HOST, &[], Sealer::new(&Secret::new([7; 32])));
        let blobs = Blobs::at(&folder.path().join("blobs")).await.unwrap();
        let registry = Registry::new(
            db.clone(),
            blobs,
            Settings { host: HOST.to_owned(), sparse: false, untagged_after: None, undo: std::time::Duration::ZERO },
        );
        let signer = Signer::generate(document::key_name(HOST).unwrap(), &Entropy::seeded(1));
        let admit = Admit::new(db.clone(), trust.clone(), HOST, signer);
        let (accounts, version) = (BTreeMap::new(), Mutex::new(0));
        let root = Root::new();
        let mut world = World { db, identity, admit, clock, trust, registry, accounts, root, version, _folder: folder };
        world.people().await;
        world
    }

    async fn people(&mut self) {
        let system = self.system();
        for (name, kind) in
            [("ci", AccountKind::Organization), ("gitlab", AccountKind::User), ("guard", AccountKind::User)]
        {
            let new = NewAccount { name: account(name), kind, full_name: String::new(), password: None, admin: false };
            let made = self.identity.create_account(&system, new).await.unwrap();
            let principal = Principal { account: made.id, name: made.name, credential: Credential::Password };
            self.accounts.insert(name.to_owned(), principal);
        }
        let (org, user) = (account("ci"), account("gitlab"));
        self.identity.set_member(&system, &org, &user, false).await.unwrap();
        self.identity.create_team(&system, &org, &user, "").await.unwrap();
        self.identity.set_team_member(&system, (&org, &user), &user, Some(false)).await.unwrap();
        let bundle = self.identity.create_bundle(&system, &user, "").await.unwrap();
        let key = SigningKey::from_pem(bundle.certified.private_key_pem.as_bytes()).unwrap();
        self.root.keys.insert("gitlab".to_owned(), key);
    }

    pub fn system(&self) -> Ctx {
        Ctx::system("test", &self.clock, &Entropy::System)
    }

    pub fn anonymous(&self) -> Ctx {
        self.system().with_actor(Actor::Anonymous)
    }

    pub fn user(&self, name: &str) -> Ctx {
        self.system().with_actor(Actor::Account(self.accounts[name].clone()))
    }

    pub fn later(&self, seconds: i64) {
        let Clock::Fixed(micros) = &self.clock else { unreachable!("made above") };
        micros.fetch_add(seconds * 1_000_000, std::sync::atomic::Ordering::SeqCst);
    }

    /// Push an image of nothing but its configuration.
    pub async fn push(&self, tag: &str, config: &[u8]) -> Digest {
        let (ctx, repository) = (self.system(), "ci/flask".parse().unwrap());
        let digest = Digest::sha256_of(config);
        self.registry.put_blob(&ctx, &repository, &digest, Chunk::default(), config).await.unwrap();
        let kind = "application/vnd.oci.image.manifest.v1+json";
        let manifest = json!({
            "schemaVersion": 2, "mediaType": kind, "layers": [],
            "config": {"mediaType": "application/vnd.example.nothing", "digest": digest, "size": config.len()},
        });
        let (bytes, reference) = (manifest.to_string().into_bytes(), Reference::Tag(tag.parse().unwrap()));
        let digest = Digest::sha256_of(&bytes);
        let push =
            ManifestPush { repository: &repository, reference: &reference, content_type: None, bytes, tags: &[] };
        self.registry.push_manifest(&ctx, push).await.unwrap();
        digest
    }

    /// Publish trust data in which the bundle of this user signs the tag.
    pub async fn sign(&self, user: &str, tag: &str, digest: &Digest) {
        let (ctx, gun) = (self.system(), self.gun());
        let mut upload = Vec::new();
        let version = {
            let mut version = self.version.lock().unwrap();
            *version += 1;
            *version
        };
        if version == 1 {
            let mut server = Vec::new();
            for role in [RoleName::Snapshot, RoleName::Timestamp] {
                let key = self.trust.server_key(&ctx, &gun, &role).await.unwrap();
                server.push(PublicKey::parse(key.as_bytes()).unwrap());
            }
            upload.push((RoleName::Root, self.root.document(user, &server[0], &server[1])));
        }
        let mut sha256 = [0; 32];
        for (index, byte) in sha256.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&digest.hex()[2 * index..2 * index + 2], 16).unwrap();
        }
        let signed = json!({
            "_type": "Targets", "version": version, "expires": "2029-11-20T00:00:00Z",
            "targets": {tag: serde_json::to_value(Target::image(sha256, 500)).unwrap()},
            "delegations": {"keys": {}, "roles": []},
        });
        let key = &self.root.keys[user];
        upload.push((RoleName::Targets, seal(signed, key.public().id().as_str(), key)));
        self.trust.publish(&ctx, &gun, upload).await.unwrap();
    }

    fn gun(&self) -> Gun {
        self.trust.gun(&format!("{HOST}/ci/flask")).unwrap()
    }

    /// The fold of the audit log is the state of the tables.
    pub async fn check_fold(&self) {
        let mut tx = self.db.read().await.unwrap();
        let mut fold = Vec::new();
        for row in tx.all("SELECT body FROM audit_entries ORDER BY at, ordinal", &[]).await.unwrap() {
            let body: Value = serde_json::from_str(&row.text("body").unwrap()).unwrap();
            if let Some(value) = body["sets"]["admit/policy"].as_str() {
                fold = vec![("admit/policy".to_owned(), value.to_owned())];
            }
        }
        assert_eq!(fold, Admit::state(&mut tx).await.unwrap());
    }

    /// The bodies of all audit entries of a kind.
    pub async fn entries(&self, kind: &str) -> Vec<Value> {
        let sql = "SELECT body FROM audit_entries WHERE kind = $1 ORDER BY at, ordinal";
        let rows = self.db.read().await.unwrap().all(sql, &db::args![kind]).await.unwrap();
        rows.iter().map(|row| serde_json::from_str(&row.text("body").unwrap()).unwrap()).collect()
    }
}

impl Root {
    fn new() -> Root {
        let root = SigningKey::generate();
        let secret = root.to_pkcs8();
        let der = secret.expose().as_slice().into();
        let pair = KeyPair::from_pkcs8_der_and_sign_algo(&der, &rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, format!("{HOST}/ci/flask"));
        params.not_after = date_time_ymd(2036, 1, 1);
        let pem = params.self_signed(&pair).unwrap().pem();
        let certificate = PublicKey::from_certificate_pem(pem.as_bytes()).unwrap();
        Root { root, certificate, keys: BTreeMap::new() }
    }

    fn document(&self, user: &str, snapshot: &PublicKey, timestamp: &PublicKey) -> Vec<u8> {
        let keys = [&self.certificate, self.keys[user].public(), snapshot, timestamp];
        let role = |key: &PublicKey| json!({"keyids": [key.id()], "threshold": 1});
        let map: Value = keys.iter().map(|key| (key.id().to_string(), key.to_value())).collect();
        let signed = json!({
            "_type": "Root", "consistent_snapshot": false, "expires": "2036-11-18T00:00:00Z", "version": 1, "keys": map,
            "roles": {
                "root": role(keys[0]), "targets": role(keys[1]), "snapshot": role(keys[2]), "timestamp": role(keys[3]),
            },
        });
        seal(signed, self.certificate.id().as_str(), &self.root)
    }
}

fn seal(signed: Value, keyid: &str, key: &SigningKey) -> Vec<u8> {
    let unsigned = Unsigned::new(signed).unwrap();
    let sig = key.sign(unsigned.payload());
    unsigned.seal(&[Signature { keyid: keyid.to_owned(), method: "ecdsa".to_owned(), sig }]).unwrap()
}

fn account(name: &str) -> AccountName {
    name.parse().unwrap()
}
