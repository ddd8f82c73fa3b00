//! Keys: every type and method, loading from PEM, root certificates.

use aws_lc_rs::{
    encoding::{AsDer, EcPrivateKeyRfc5915Der, PublicKeyX509Der},
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
        RsaKeyPair,
    },
};
use base64::{Engine, engine::general_purpose::STANDARD};
use tuf::{KeyType, PublicKey, RoleName, SigningKey};

use crate::repo::{GUN, Repo, certificate, seal};

/// A P-384 key and its signature over `assay` with SHA-256, made with openssl.
const P384: &str = "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEIJqX6oSS0wK9flV+7nav6XaPrRUkd76Hh+aAUqaea4xyfX2mY2XRCexh9p6emlN9iyTscJjqX6WGt9RPjiptGaxo/VCi0PDlLuylZy4VqE9erpOQYOhhXzBSMjbxNE8Q";
const P384_SIGNATURE: &str = "Cjj6ZecowWMWMutPY6LXR9Q3N0Ox3FnRm56appFtPdSlMjFKZ1geWmaf2qZSzFLsIq+bcO1Y5rtXjrXtBLQqylNv6tcy6YHUqsXUc6EyK76kXQw6rlbuSbQ9cYjnWADd";

/// A certificate for the GUN of these tests, signed with SHA-1; made with openssl, its key was thrown away.
const SHA1: &str = include_str!("sha1.pem");

#[test]
fn a_method_belongs_to_its_type_of_key() {
    let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let info: PublicKeyX509Der<'_> = rsa.public_key().as_der().unwrap();
    let rsa_key = PublicKey::new(KeyType::Rsa, info.as_ref().to_vec()).unwrap();
    let rsa_sign = |encoding| {
        let mut signature = vec![0; rsa.public_modulus_len()];
        rsa.sign(encoding, &SystemRandom::new(), b"assay", &mut signature).unwrap();
        signature
    };
    let edwards = Ed25519KeyPair::generate().unwrap();
    let edwards_key = PublicKey::new(KeyType::Ed25519, edwards.public_key().as_ref().to_vec()).unwrap();
    let ecdsa = SigningKey::generate();
    let p384 = PublicKey::new(KeyType::Ecdsa, STANDARD.decode(P384).unwrap()).unwrap();
    let cases = [
        (&rsa_key, "rsapss", rsa_sign(&RSA_PSS_SHA256)),
        (&rsa_key, "rsapkcs1v15", rsa_sign(&RSA_PKCS1_SHA256)),
        (&edwards_key, "eddsa", edwards.sign(b"assay").as_ref().to_vec()),
        (ecdsa.public(), "ecdsa", ecdsa.sign(b"assay")),
        (&p384, "ecdsa", STANDARD.decode(P384_SIGNATURE).unwrap()),
    ];
    for (key, method, signature) in &cases {
        assert!(key.verifies(method, b"assay", signature), "{method}");
        assert!(!key.verifies(method, b"assaz", signature), "{method}: another message");
        for other in ["rsapss", "rsapkcs1v15", "eddsa", "ecdsa", "pycrypto-pkcs#1 pss", "none", ""] {
            assert!(other == *method || !key.verifies(other, b"assay", signature), "{method} as {other}");
        }
        for index in [0, signature.len() / 2, signature.len() - 1] {
            let mut bent = signature.clone();
            bent[index] ^= 1;
            assert!(!key.verifies(method, b"assay", &bent), "{method}: bent at {index}");
        }
        assert!(!key.verifies(method, b"assay", &signature[1..]), "{method}: too short");
        assert!(!key.verifies(method, b"assay", &[]), "{method}: empty");
        let again = PublicKey::parse(serde_json::to_string(key).unwrap().as_bytes()).unwrap();
        assert_eq!((&again, again.id()), (*key, key.canonical_id()), "a bare key is its own canonical key");
    }
}

#[test]
fn refuses_keys_it_could_not_trust() {
    let good = SigningKey::generate().public().public().to_vec();
    let mut off_curve = good.clone();
    *off_curve.last_mut().unwrap() ^= 1;
    let mut compressed = good[..59].to_vec();
    compressed[26] = 2;
    for (what, keytype, public) in [
        ("off the curve", KeyType::Ecdsa, off_curve),
        ("compressed", KeyType::Ecdsa, compressed),
        ("bytes behind it", KeyType::Ecdsa, [good.as_slice(), &[0]].concat()),
        ("of another type", KeyType::Rsa, good.clone()),
        ("no certificate", KeyType::EcdsaX509, good.clone()),
        ("too short", KeyType::Ed25519, vec![0; 31]),
        ("empty", KeyType::Ecdsa, Vec::new()),
        ("huge", KeyType::Ecdsa, vec![0; 1 << 20]),
        ("a certificate of another type", KeyType::RsaX509, SHA1.as_bytes().to_vec()),
    ] {
        assert!(PublicKey::new(keytype, public).is_err(), "{what}");
    }
    let public = STANDARD.encode(&good);
    for bad in [
        format!(r#"{{"keytype":"ecdsa","keyval":{{"private":"c2VjcmV0","public":"{public}"}}}}"#),
        format!(r#"{{"keytype":"ECDSA","keyval":{{"private":null,"public":"{public}"}}}}"#),
        format!(r#"{{"keytype":"ecdsa","Keytype":"rsa","keyval":{{"private":null,"public":"{public}"}}}}"#),
        r#"{"keytype":"ecdsa","keyval":{"private":null,"public":"?"}}"#.to_owned(),
        r#"{"keytype":"ecdsa"}"#.to_owned(),
    ] {
        assert!(PublicKey::parse(bad.as_bytes()).is_err(), "{bad}");
    }
}

#[test]
fn loads_private_keys_from_both_kinds_of_pem() {
    let key = SigningKey::generate();
    let pkcs8 = pem::encode(&pem::Pem::new("PRIVATE KEY", key.to_pkcs8().expose().clone()));
    let loaded = SigningKey::from_pem(pkcs8.as_bytes()).unwrap();
    assert_eq!(loaded.public(), key.public());
    assert_eq!(SigningKey::from_pkcs8(key.to_pkcs8().expose()).unwrap().public(), key.public());
    assert!(key.public().verifies("ecdsa", b"m", &loaded.sign(b"m")));

    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let sec1: EcPrivateKeyRfc5915Der<'_> = pair.private_key().as_der().unwrap();
    let parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
    let text = parameters.to_owned() + &pem::encode(&pem::Pem::new("EC PRIVATE KEY", sec1.as_ref()));
    let loaded = SigningKey::from_pem(text.as_bytes()).unwrap();
    assert!(loaded.public().public().ends_with(pair.public_key().as_ref()));
    assert!(!format!("{loaded:?}").contains("pair"), "nothing of the private half is shown");

    let rsa = pem::encode(&pem::Pem::new("RSA PRIVATE KEY", [1, 2, 3]));
    let sealed = pem::encode(&pem::Pem::new("ENCRYPTED PRIVATE KEY", [1, 2, 3]));
    let broken = pem::encode(&pem::Pem::new("PRIVATE KEY", [1, 2, 3]));
    for (text, reason) in [
        (rsa.as_str(), "RSA"),
        (&sealed, "encrypted"),
        (&broken, "P-256"),
        (parameters, "no private"),
        ("x", "no private"),
    ] {
        let error = SigningKey::from_pem(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn a_root_certificate_names_its_repository() {
    let mut repo = Repo::new();
    let key = SigningKey::generate();
    let sha1 = PublicKey::from_certificate_pem(SHA1.as_bytes()).unwrap();
    for (what, leaf, reason) in [
        ("its name", certificate(&key, GUN, false, 2036), None),
        ("a wildcard", certificate(&key, "dtr.example.test/admin/*", false, 2036), None),
        ("another name", certificate(&key, "dtr.example.test/admin/other", false, 2036), Some("not for")),
        ("a bare wildcard", certificate(&key, "*", false, 2036), Some("not for")),
        ("an authority", certificate(&key, GUN, true, 2036), Some("authority")),
        ("expired", certificate(&key, GUN, false, 2026), Some("expired")),
        ("SHA-1", sha1, Some("SHA-256")),
        ("no certificate", key.public().clone(), Some("not a certificate")),
    ] {
        repo.certificate = leaf;
        let root = seal(repo.root_value(1), &[(&repo.certificate, &key)]);
        let upload = [(RoleName::Root, root), (RoleName::Targets, repo.targets_file(1, &[], &[]))];
        match reason {
            None => assert!(repo.validate(&upload).is_ok(), "{what}"),
            Some(reason) => {
                let (code, name, message) = repo.refused(&upload);
                assert_eq!((code.as_str(), name.as_str()), ("INVALID_UPDATE", "ErrBadRoot"), "{what}: {message}");
                assert!(message.contains("path to a trusted root") && message.contains(reason), "{what}: {message}");
            }
        }
    }
}
