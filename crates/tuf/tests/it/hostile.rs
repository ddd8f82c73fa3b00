//! Documents made to break a parser: nothing panics, and nothing that was changed counts as signed.

use base64::{Engine, engine::general_purpose::STANDARD};
use proptest::prelude::*;
use serde_json::{Value, json};
use tuf::{
    Document, Envelope, PublicKey, RoleName, Root, SigningKey, Snapshot, Stored, Targets, Timestamped, validate,
};

use crate::{
    flows::steps,
    repo::{GUN, Repo, now, role},
};

fn recorded() -> Vec<(String, String)> {
    let steps = ["notary", "docker"].into_iter().flat_map(steps);
    let parts = steps.flat_map(|(_, step)| step["upload"].as_array().unwrap().clone());
    parts.map(|part| (part["role"].as_str().unwrap().into(), part["body"].as_str().unwrap().into())).collect()
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "(targets/)?[a-z/]{0,9}|.{0,9}".prop_map(Value::from),
        Just(json!("2029-11-20T00:00:00Z")),
    ];
    let names = prop_oneof![
        Just("signed".to_owned()),
        Just("signatures".into()),
        Just("_type".into()),
        Just("keys".into()),
        Just("roles".into()),
        ".{0,6}"
    ];
    leaf.prop_recursive(4, 32, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(names.clone(), inner, 0..5).prop_map(|members| members.into_iter().collect()),
        ]
    })
}

/// Every place of a document, for replacing one.
fn pointers(value: &Value, at: &str, out: &mut Vec<String>) {
    out.push(at.to_owned());
    match value {
        Value::Array(items) => items.iter().enumerate().for_each(|(i, item)| pointers(item, &format!("{at}/{i}"), out)),
        Value::Object(members) => members.iter().for_each(|(name, member)| {
            let name = name.replace('~', "~0").replace('/', "~1");
            pointers(member, &format!("{at}/{name}"), out);
        }),
        _ => {}
    }
}

fn read_all(bytes: &[u8]) {
    let _ = Document::<Root>::parse(&RoleName::Root, bytes);
    let _ = Document::<Targets>::parse(&RoleName::Targets, bytes);
    let _ = Document::<Targets>::parse(&role("targets/a"), bytes);
    let _ = Document::<Snapshot>::parse(&RoleName::Snapshot, bytes);
    let _ = Document::<Timestamped>::parse(&RoleName::Timestamp, bytes);
    let upload = [(RoleName::Root, bytes.to_vec()), (RoleName::Targets, bytes.to_vec())];
    let _ = validate(GUN, &Stored::default(), &upload, &Default::default(), now());
}

proptest! {
    #[test]
    fn arbitrary_json_never_panics(value in any_json(), bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let text = serde_json::to_vec(&value).unwrap();
        read_all(&text);
        read_all(&bytes);
        read_all(&serde_json::to_vec(&json!({"signed": value, "signatures": []})).unwrap());
        let _ = PublicKey::parse(&text);
    }

    #[test]
    fn arbitrary_keys_never_panic(
        kind in prop::sample::select(vec!["ecdsa", "rsa", "ed25519", "ecdsa-x509", "rsa-x509"]),
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        flip in any::<prop::sample::Index>(),
        with in any::<u8>(),
    ) {
        let key = |public: &[u8]| json!({"keytype": kind, "keyval": {"private": null, "public": STANDARD.encode(public)}});
        let _ = PublicKey::parse(key(&bytes).to_string().as_bytes());
        let _ = SigningKey::from_pem(&bytes);
        let mut der = pem::parse(include_str!("sha1.pem")).unwrap().into_contents();
        let at = flip.index(der.len());
        der[at] = with;
        let pem = pem::encode(&pem::Pem::new("CERTIFICATE", der));
        let _ = PublicKey::parse(key(pem.as_bytes()).to_string().as_bytes());
    }

    #[test]
    fn a_replaced_part_never_panics(which in any::<prop::sample::Index>(), place in any::<prop::sample::Index>(), with in any_json()) {
        let recorded = recorded();
        let (_, body) = which.get(&recorded[..]);
        let mut value: Value = serde_json::from_str(body).unwrap();
        let mut places = Vec::new();
        pointers(&value, "", &mut places);
        let place: &String = place.get(&places);
        *value.pointer_mut(place).unwrap() = with;
        read_all(&serde_json::to_vec(&value).unwrap());
    }

    #[test]
    fn a_flipped_byte_is_refused_or_means_the_same(at in any::<prop::sample::Index>(), bit in 0..8u8) {
        let mut repo = Repo::published();
        let mut bytes = repo.targets_file(2, &[], &[]);
        let original = Envelope::parse(&bytes).unwrap().payload;
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        if repo.publish(&[(RoleName::Targets, bytes.clone())]).is_ok() {
            prop_assert_eq!(Envelope::parse(&bytes).unwrap().payload, original);
        }
    }
}
