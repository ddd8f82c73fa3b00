//! Bodies without an end, numbers without a limit, documents with two meanings.

use base::limits;
use serde_json::{Value, json};

use super::{MANIFEST, image};
use crate::conformance::Wire;

/// distribution read whatever came into memory.
#[test]
fn cve_2017_11468_bodies_have_an_end() {
    let wire = Wire::start();
    let piece = vec![b' '; 64 * 1024];
    let pieces = vec![piece.as_slice(); limits::MANIFEST_BYTES / piece.len() + 1];
    // Nobody said before how long it would be.
    let answer = wire.stream("PUT", "/v2/admin/app/manifests/1", &pieces);
    assert_eq!((answer.status, answer.code().as_str()), (413, "SIZE_INVALID"), "{}", answer.body);
    for path in ["/api/v0/repositories/admin", "/auth/token", "/enzi/v0/accounts"] {
        let answer =
            wire.ask("POST", path, &[("Content-Type", "application/json")], &vec![b' '; limits::API_BODY_BYTES + 1]);
        assert!([400, 413, 415].contains(&answer.status), "{path}: {}", answer.status);
    }
    let long = "x".repeat(1 << 20);
    let answer = wire.ask("GET", "/v2/", &[("X-Long", &long)], b"");
    assert_eq!(answer.status, 431);
    assert_eq!(wire.ask("GET", "/v2/", &[], b"").status, 200);
}

/// distribution made a list as long as `n` said, before it looked how much there was.
#[test]
fn cve_2023_2253_catalog_n_is_clamped() {
    let wire = Wire::start();
    let bytes = image(&wire, "admin/app", "many");
    let digest = oci::Digest::sha256_of(&bytes);
    let tags: Vec<String> = (0..limits::PAGE_MAX + 1).map(|number| format!("tag=t{number:04}")).collect();
    for tags in tags.chunks(limits::PUSH_TAGS) {
        let path = format!("/v2/admin/app/manifests/{digest}?{}", tags.join("&"));
        wire.expect(201, "PUT", &path, &[("Content-Type", MANIFEST)], &bytes);
    }
    for n in ["1001", "100000000", "9223372036854775807", "18446744073709551615"] {
        let answer = wire.expect(200, "GET", &format!("/v2/admin/app/tags/list?n={n}"), &[], b"");
        assert_eq!(answer.json()["tags"].as_array().unwrap().len(), limits::PAGE_MAX, "{n}");
        assert!(answer.header("link").unwrap().contains("?n=1000&last=t0999"), "{n}: {:?}", answer.header("link"));
        assert_eq!(
            wire.expect(200, "GET", &format!("/v2/_catalog?n={n}"), &[], b"").json(),
            json!({"repositories": ["admin/app"]})
        );
    }
    for n in ["-1", "18446744073709551616", "1e9"] {
        wire.refused(400, "PAGINATION_NUMBER_INVALID", "GET", &format!("/v2/_catalog?n={n}"), &[], b"");
    }
}

/// One digest was an index for some programs and an image for others.
#[test]
fn ghsa_qq97_vm5h_rrhg_a_document_has_one_type() {
    let wire = Wire::start();
    let good: Value = serde_json::from_slice(&image(&wire, "admin/app", "1")).unwrap();
    let with = |key: &str, value: Value| {
        let mut document = good.clone();
        document[key] = value;
        document
    };
    let index = "application/vnd.oci.image.index.v1+json";
    let docker = "application/vnd.docker.distribution.manifest.v2+json";
    for (kind, document) in [
        (MANIFEST, with("manifests", json!([]))),
        (MANIFEST, with("fsLayers", json!([]))),
        (MANIFEST, with("mediaType", json!(index))),
        (MANIFEST, with("mediaType", json!(docker))),
        (index, good.clone()),
        (docker, good.clone()),
        (index, with("mediaType", json!(index))),
        ("application/json", with("mediaType", Value::Null)),
        // Go reads a member whatever its case.
        (MANIFEST, with("Manifests", json!([]))),
        (MANIFEST, with("LAYERS", json!([]))),
    ] {
        let body = document.to_string();
        let path = "/v2/admin/app/manifests/1";
        wire.refused(400, "MANIFEST_INVALID", "PUT", path, &[("Content-Type", kind)], body.as_bytes());
    }
    let twice = good.to_string().replacen('{', "{\"layers\":[{}],", 1);
    let path = "/v2/admin/app/manifests/1";
    wire.refused(400, "MANIFEST_INVALID", "PUT", path, &[("Content-Type", MANIFEST)], twice.as_bytes());
    wire.expect(201, "PUT", path, &[("Content-Type", MANIFEST)], good.to_string().as_bytes());
}
