//! A client that signs at home as `notary` and `docker trust` do. Tests of other crates sign with it too.

use std::collections::BTreeMap;

use base::Ctx;
use rcgen::{CertificateParams, DistinguishedName, DnType, IsCa, KeyPair, date_time_ymd};
use serde_json::{Value, json};
use trust::{Error, Gun, Trust, Which};
use tuf::{
    Document, PublicKey, RoleName, Signature, SigningKey, Target, Targets, TrustData, build::Unsigned, sign_tag,
};

/// The keys a person keeps at home.
pub struct Client {
    root: SigningKey,
    certificate: PublicKey,
    targets: SigningKey,
}

impl Client {
    pub fn new(gun: &Gun) -> Client {
        let root = SigningKey::generate();
        let secret = root.to_pkcs8();
        let der = secret.expose().as_slice().into();
        let pair = KeyPair::from_pkcs8_der_and_sign_algo(&der, &rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, gun.as_str());
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
    pub async fn init(&self, trust: &Trust, ctx: &Ctx, gun: &Gun, signers: &[(&str, &PublicKey)]) -> Result<(), Error> {
        let timestamp = key(trust, ctx, gun, &RoleName::Timestamp).await?;
        let snapshot = key(trust, ctx, gun, &RoleName::Snapshot).await?;
        trust.publish(ctx, gun, vec![self.root(1, &snapshot, &timestamp), self.targets(1, signers)]).await
    }
}

/// The server's key of a role, as `GET …/timestamp.key` gives it.
pub async fn key(trust: &Trust, ctx: &Ctx, gun: &Gun, role: &RoleName) -> Result<PublicKey, Error> {
    let public = trust.server_key(ctx, gun, role).await?;
    Ok(PublicKey::parse(public.as_bytes()).unwrap())
}

/// What a client that knows nothing yet sees, with everything verified as it would.
pub async fn seen(trust: &Trust, ctx: &Ctx, gun: &Gun) -> TrustData {
    let current = async |role: &RoleName| trust.read(ctx, gun, role, &Which::Current).await.map(|served| served.bytes);
    let (root, targets) = (current(&RoleName::Root).await.unwrap(), current(&RoleName::Targets).await.unwrap());
    let timestamp = current(&RoleName::Timestamp).await.unwrap();
    let snapshot = current(&RoleName::Snapshot).await.unwrap();
    let mut delegations = BTreeMap::new();
    let document: Document<Targets> = Document::parse(&RoleName::Targets, &targets).unwrap();
    for delegation in document.signed.delegations {
        if let Ok(bytes) = current(&delegation.name).await {
            delegations.insert(delegation.name, bytes);
        }
    }
    let data = TrustData::verify(gun.as_str(), &root, &targets, &delegations, ctx.now).unwrap();
    data.check_fresh(&timestamp, &snapshot, ctx.now).unwrap();
    data
}

/// What `docker trust sign` does: the tag in `targets/NAME` and in `targets/releases`.
pub fn sign(
    data: &TrustData,
    ctx: &Ctx,
    key: &SigningKey,
    (signer, tag): (&str, &str),
    digest: [u8; 32],
) -> Vec<(RoleName, Vec<u8>)> {
    let sign = |name: String| {
        let role: RoleName = name.parse().unwrap();
        let authority = data.authority(&role).unwrap();
        let target = Target::image(digest, 523);
        let file = sign_tag(data.targets(&role), tag, target, &authority, &[key], ctx.now).unwrap();
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
