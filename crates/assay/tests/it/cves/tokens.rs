//! Tokens that others signed, that say too little, or that were changed.

use std::fs;

use base::Clock;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use identity::Authority;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::Jwk};
use serde_json::{Map, Value, json};

use super::{bearer, tagged};
use crate::conformance::Wire;

/// A server with a private image, and what a token of its administrator says.
fn world() -> (Wire, String, Map<String, Value>) {
    let wire = Wire::start();
    tagged(&wire, "admin/app", "1");
    let token = bearer(&wire, "repository:admin/app:pull", &crate::image::as_admin().1);
    let part = token.split('.').nth(1).unwrap();
    let claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    (wire, token, claims)
}

fn status(wire: &Wire, token: &str) -> u16 {
    let pulled = wire.ask_as(token, "GET", "/v2/admin/app/manifests/1", &[], b"");
    assert!(pulled.status != 401 || pulled.header("www-authenticate").unwrap().starts_with("Bearer realm="));
    pulled.status
}

/// distribution believed a key that the token itself brought along.
#[test]
fn cve_2025_24976_a_token_is_not_checked_by_a_key_it_brings() {
    let (wire, token, claims) = world();
    assert_eq!(status(&wire, &token), 200);
    let now = Clock::System.now();
    let own = Authority::generate("mallory", now).unwrap().client("mallory", now).unwrap();
    let key = EncodingKey::from_ec_pem(own.private_key_pem.as_bytes()).unwrap();
    let der: String = own.certificate_pem.lines().filter(|line| !line.starts_with('-')).collect();
    let url = "https://mallory.test/keys".to_owned();
    let plain = Header::new(Algorithm::ES256);
    for header in [
        plain.clone(),
        Header { jwk: Some(Jwk::from_encoding_key(&key, Algorithm::ES256).unwrap()), ..plain.clone() },
        Header { x5c: Some(vec![der]), ..plain.clone() },
        Header { jku: Some(url.clone()), kid: Some("1".to_owned()), ..plain.clone() },
        Header { x5u: Some(url), ..plain },
    ] {
        let forged = encode(&header, &claims, &key).unwrap();
        assert_eq!(status(&wire, &format!("Bearer {forged}")), 401, "{header:?}");
    }
    // Our public key is no secret that could sign.
    let public = fs::read(wire.server.folder.path().join("data/keys/token.pub")).unwrap();
    let forged = encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(&public)).unwrap();
    assert_eq!(status(&wire, &format!("Bearer {forged}")), 401);
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    for algorithm in ["none", "None", "", "ES256"] {
        let unsigned = format!("{}.{}.", part(&json!({"alg": algorithm})), part(&Value::Object(claims.clone())));
        assert_eq!(status(&wire, &format!("Bearer {unsigned}")), 401, "{algorithm}");
    }
    let (head, signature) = (token.split('.').next().unwrap(), token.rsplit('.').next().unwrap());
    let mut more = claims;
    more["access"][0]["actions"] = json!(["*"]);
    assert_eq!(status(&wire, &format!("{head}.{}.{signature}", part(&Value::Object(more)))), 401);
}

/// Harbor fell over a token without `iat` (#22900); others took one that never ends, or one for somebody else.
#[test]
fn harbor_22900_a_token_that_says_too_little_is_refused() {
    let (wire, _, claims) = world();
    let key = fs::read(wire.server.folder.path().join("data/keys/token.key")).unwrap();
    let key = EncodingKey::from_ec_pem(&key).unwrap();
    let signed = |claims: &Map<String, Value>| {
        format!("Bearer {}", encode(&Header::new(Algorithm::ES256), claims, &key).unwrap())
    };
    assert_eq!(status(&wire, &signed(&claims)), 200, "signed by the server's own key");
    for name in claims.keys().filter(|name| *name != "token") {
        let mut less = claims.clone();
        less.remove(name);
        assert_eq!(status(&wire, &signed(&less)), 401, "without {name}");
        for odd in [Value::Null, json!(-1), json!("x"), json!({})] {
            let mut other = claims.clone();
            other[name] = odd.clone();
            // `jti` is for logs, and a point in time long ago is one.
            let harmless =
                matches!((name.as_str(), &odd), ("jti", Value::String(_)) | ("iat" | "nbf", Value::Number(_)));
            assert_eq!(status(&wire, &signed(&other)), if harmless { 200 } else { 401 }, "{name}: {odd}");
        }
    }
    assert!(!wire.server.said().contains("panicked"), "{}", wire.server.said());
}
