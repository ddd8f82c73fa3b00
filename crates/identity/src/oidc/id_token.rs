//! Verifying an ID token: OpenID Connect Core 1.0, section 3.1.3.7.

use base::Timestamp;
use jsonwebtoken::{
    Algorithm, DecodingKey, Validation,
    jwk::{AlgorithmParameters, Jwk, JwkSet, PublicKeyUse},
};
use serde_json::Value;

use super::is_valid_at;

/// What may sign: never a shared secret, never nothing.
const ALGORITHMS: [Algorithm; 8] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::PS384,
    Algorithm::EdDSA,
];

/// Why a token is not believed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// None of the known keys; the provider may have new ones.
    UnknownKey,
    Other(&'static str),
}

/// What the token is to be held against.
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a str,
    pub(super) now: Timestamp,
}

/// The claims, if a key of the set signed them for us, now.
pub(super) fn verify(token: &str, keys: &JwkSet, expected: &Expected<'_>) -> Result<Value, Refused> {
    let header = jsonwebtoken::decode_header(token).map_err(|_| Refused::Other("it is no signed token"))?;
    if !ALGORITHMS.contains(&header.alg) {
        return Err(Refused::Other("it is signed by an algorithm that is not taken"));
    }
    let candidates: Vec<&Jwk> = keys.keys.iter().filter(|key| fits(key, header.alg, header.kid.as_deref())).collect();
    // Without a key id the set must leave no choice.
    let key = match (header.kid.is_some(), candidates.as_slice()) {
        (_, [key]) => key,
        (_, []) => return Err(Refused::UnknownKey),
        (true, [key, ..]) => key,
        (false, _) => return Err(Refused::Other("it does not say by which key it is signed")),
    };
    let key = DecodingKey::from_jwk(key).map_err(|_| Refused::Other("its key cannot be used"))?;
    let mut validation = Validation::new(header.alg);
    validation.set_issuer(&[expected.issuer]);
    validation.set_audience(&[expected.client_id]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    // Against the request's own now, below.
    validation.validate_exp = false;
    validation.validate_nbf = false;
    let decoded = jsonwebtoken::decode::<Value>(token, &key, &validation);
    let claims = decoded.map_err(|_| Refused::Other("its signature, issuer or audience is not right"))?.claims;
    let azp = claims.get("azp").and_then(Value::as_str);
    let several = claims["aud"].as_array().is_some_and(|all| all.len() > 1);
    if azp.is_some_and(|azp| azp != expected.client_id) || several && azp.is_none() {
        return Err(Refused::Other("it was made for another client"));
    }
    let number = |claim: &str| claims[claim].as_f64().map(|seconds| seconds as i64);
    let Some(expires) = number("exp") else { return Err(Refused::Other("it does not say when it ends")) };
    if claims.get("nbf").is_some() && number("nbf").is_none() {
        return Err(Refused::Other("it does not say when it begins"));
    }
    if !is_valid_at(expected.now, number("nbf"), expires) {
        return Err(Refused::Other("it is not valid now; compare the clocks of both servers"));
    }
    if claims["nonce"].as_str() != Some(expected.nonce) {
        return Err(Refused::Other("it answers another sign-in"));
    }
    Ok(claims)
}

/// Whether a key may have signed by this algorithm: what it is, and what it says it is for.
fn fits(key: &Jwk, alg: Algorithm, kid: Option<&str>) -> bool {
    let kind = match (&key.algorithm, alg) {
        (AlgorithmParameters::RSA(_), alg) => {
            matches!(alg, Algorithm::RS256 | Algorithm::RS384 | Algorithm::RS512 | Algorithm::PS256 | Algorithm::PS384)
        }
        (AlgorithmParameters::EllipticCurve(_), Algorithm::ES256 | Algorithm::ES384) => true,
        (AlgorithmParameters::OctetKeyPair(_), Algorithm::EdDSA) => true,
        _ => false,
    };
    let purpose = !matches!(key.common.public_key_use, Some(PublicKeyUse::Encryption));
    let said = key.common.key_algorithm.is_none_or(|said| said.to_string() == format!("{alg:?}"));
    kind && purpose && said && kid.is_none_or(|kid| key.common.key_id.as_deref() == Some(kid))
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use jsonwebtoken::{
        Algorithm, EncodingKey, Header,
        jwk::{Jwk, JwkSet},
    };
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::{Expected, Refused, verify};

    const NOW: &str = "2026-01-01T00:00:00Z";

    struct Signer {
        key: EncodingKey,
        /// As an OKP key's `x`, RFC 8037.
        raw: String,
        alg: Algorithm,
        kid: &'static str,
    }

    /// A key of its own, as PKCS#8.
    fn signer(alg: Algorithm, kid: &'static str) -> Signer {
        let kind = match alg {
            Algorithm::ES256 => &rcgen::PKCS_ECDSA_P256_SHA256,
            Algorithm::EdDSA => &rcgen::PKCS_ED25519,
            _ => &rcgen::PKCS_RSA_SHA256,
        };
        let pair = rcgen::KeyPair::generate_for(kind).unwrap();
        let (pem, raw) = (pair.serialize_pem(), URL_SAFE_NO_PAD.encode(pair.public_key_raw()));
        let key = match alg {
            Algorithm::ES256 => EncodingKey::from_ec_pem(pem.as_bytes()),
            Algorithm::EdDSA => EncodingKey::from_ed_pem(pem.as_bytes()),
            _ => EncodingKey::from_rsa_pem(pem.as_bytes()),
        };
        Signer { key: key.unwrap(), raw, alg, kid }
    }

    impl Signer {
        fn jwk(&self) -> Jwk {
            let mut jwk = match self.alg {
                Algorithm::EdDSA => {
                    serde_json::from_value(json!({"kty": "OKP", "crv": "Ed25519", "x": self.raw})).unwrap()
                }
                alg => Jwk::from_encoding_key(&self.key, alg).unwrap(),
            };
            jwk.common.key_id = Some(self.kid.to_owned());
            jwk
        }

        fn sign(&self, claims: &Value) -> String {
            let header = Header { kid: Some(self.kid.to_owned()), ..Header::new(self.alg) };
            jsonwebtoken::encode(&header, claims, &self.key).unwrap()
        }
    }

    fn claims() -> Value {
        let now = NOW.parse::<base::Timestamp>().unwrap().as_second();
        json!({"iss": "https://op.test", "aud": "assay", "sub": "1", "exp": now + 300, "iat": now, "nonce": "n"})
    }

    fn check(token: &str, keys: &[Jwk]) -> Result<Value, Refused> {
        let expected =
            Expected { issuer: "https://op.test", client_id: "assay", nonce: "n", now: NOW.parse().unwrap() };
        verify(token, &JwkSet { keys: keys.to_vec() }, &expected)
    }

    #[test]
    fn what_the_provider_signed_for_us_now_is_believed_and_nothing_else() {
        for alg in [Algorithm::ES256, Algorithm::EdDSA, Algorithm::RS256] {
            let (own, other) = (signer(alg, "a"), signer(alg, "a"));
            let good = own.sign(&claims());
            assert_eq!(check(&good, &[own.jwk()]).unwrap()["sub"], "1", "{alg:?}");
            assert!(check(&good, &[other.jwk()]).is_err(), "another key of the same id");
            assert_eq!(check(&good, &[]), Err(Refused::UnknownKey));
            let mut renamed = own.jwk();
            renamed.common.key_id = Some("b".to_owned());
            assert_eq!(check(&good, &[renamed]), Err(Refused::UnknownKey));
        }
        let own = signer(Algorithm::ES256, "a");
        let hostile: [(&str, Value); 13] = [
            ("iss", json!("https://evil.test")),
            ("iss", json!("https://op.test/")),
            ("iss", Value::Null),
            ("aud", json!("another")),
            ("aud", json!(["another"])),
            ("aud", json!(["assay", "another"])),
            ("azp", json!("another")),
            ("exp", json!(NOW.parse::<base::Timestamp>().unwrap().as_second() - 61)),
            ("exp", json!("tomorrow")),
            ("nbf", json!(NOW.parse::<base::Timestamp>().unwrap().as_second() + 61)),
            ("nbf", json!("yesterday")),
            ("nonce", json!("of an earlier sign-in")),
            ("nonce", Value::Null),
        ];
        for (claim, value) in hostile {
            let mut claims = claims();
            claims[claim] = value;
            assert!(check(&own.sign(&claims), &[own.jwk()]).is_err(), "{claim}: {claims}");
        }
        for claim in ["iss", "aud", "exp", "sub", "nonce"] {
            let mut claims = claims();
            claims.as_object_mut().unwrap().remove(claim);
            assert!(check(&own.sign(&claims), &[own.jwk()]).is_err(), "without {claim}");
        }
        let mut several = claims();
        (several["aud"], several["azp"]) = (json!(["other", "assay"]), json!("assay"));
        assert!(check(&own.sign(&several), &[own.jwk()]).is_ok());
    }

    #[test]
    fn no_algorithm_but_those_of_the_key() {
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let own = signer(Algorithm::RS256, "a");
        let nothing = format!("{}.{}.", part(json!({"alg": "none", "kid": "a"})), part(claims()));
        assert!(check(&nothing, &[own.jwk()]).is_err());
        // The public key, which everybody has, as a shared secret.
        let public = serde_json::to_string(&own.jwk()).unwrap();
        for secret in [public.as_bytes(), b""] {
            let header = Header { kid: Some("a".to_owned()), ..Header::new(Algorithm::HS256) };
            let forged = jsonwebtoken::encode(&header, &claims(), &EncodingKey::from_secret(secret)).unwrap();
            assert!(check(&forged, &[own.jwk()]).is_err());
        }
        let octets: Jwk =
            serde_json::from_value(json!({"kty": "oct", "kid": "a", "k": "c2VjcmV0", "alg": "HS256"})).unwrap();
        let header = Header { kid: Some("a".to_owned()), ..Header::new(Algorithm::HS256) };
        let shared = jsonwebtoken::encode(&header, &claims(), &EncodingKey::from_secret(b"secret")).unwrap();
        assert!(check(&shared, &[octets]).is_err());
        // A key for something else, and one that says by which algorithm it signs.
        let mut sealing = own.jwk();
        sealing.common.public_key_use = Some(jsonwebtoken::jwk::PublicKeyUse::Encryption);
        assert_eq!(check(&own.sign(&claims()), &[sealing]), Err(Refused::UnknownKey));
        let mut bound = own.jwk();
        bound.common.key_algorithm = Some(jsonwebtoken::jwk::KeyAlgorithm::RS512);
        assert_eq!(check(&own.sign(&claims()), &[bound]), Err(Refused::UnknownKey));
    }

    proptest! {
        #[test]
        fn never_panics(token in "[A-Za-z0-9_.{}\":-]{0,200}") {
            prop_assert!(check(&token, &[]).is_err());
        }

        #[test]
        fn no_altered_token_is_believed(at: prop::sample::Index, with in "[A-Za-z0-9_-]") {
            let own = signer(Algorithm::ES256, "a");
            let good = own.sign(&claims());
            let mut altered: Vec<char> = good.chars().collect();
            let place = at.index(altered.len());
            altered[place] = with.chars().next().unwrap();
            let altered: String = altered.into_iter().collect();
            prop_assume!(altered != good);
            let believed = check(&altered, &[own.jwk()]);
            // The last character of base64 has bits that mean nothing.
            prop_assert!(believed.is_err() || believed.unwrap() == claims());
        }
    }
}
