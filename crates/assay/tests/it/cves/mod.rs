//! One test for each class of mistake that became a CVE in another registry and could be made here, named after it.
//!
//! ```text
//! bounds       bodies, numbers, documents with two meanings
//! membership   what is readable, writable and deletable through which repository, and until when
//! tokens       forged, incomplete, altered
//! accounts     who may make himself more, see more, change more
//! outward      where the server may be sent, and what it shows
//! ```
//!
//! These do not apply, and why:
//! - CVE-2026-33540 (credentials sent to a realm that an upstream names): the server pulls from no upstream.
//! - CVE-2023-20902 (comparing secrets byte by byte): passwords are compared by Argon2, every other secret is looked up by its hash;
//!   a test of time would be a toss of a coin.
//! - CVE-2025-30086 (sorting and filtering by a column of secrets): no list takes the name of a column.
//! - CVE-2026-32590 and PROJQUAY-11190 (code in a stored object): nothing that is stored is code, and serde makes values only.
//! - CVE-2022-31668 (heaters of images by id): there are none. Its kin are in `accounts`.
//! - `InsecureSkipVerify` of zot's own client: the one switch that skips TLS is a webhook's own, as DTR had it, and is in its record.

mod accounts;
mod bounds;
mod membership;
mod outward;
mod tokens;

use oci::{Algorithm, Digest};
use serde_json::{Value, json};

use crate::{
    conformance::{OCTETS, Wire, uploads},
    server::Answer,
};

pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A request with JSON in it.
pub fn say(wire: &Wire, auth: &str, method: &str, path: &str, body: &Value) -> Answer {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    wire.ask_as(auth, method, path, &[("Content-Type", "application/json")], body.as_bytes())
}

/// The same by the administrator, and it works.
pub fn made(wire: &Wire, method: &str, path: &str, body: &Value) -> Value {
    let answer = wire.ask(method, path, &[("Content-Type", "application/json")], body.to_string().as_bytes());
    assert!((200..300).contains(&answer.status), "{method} {path}: {}", answer.body);
    serde_json::from_str(&answer.body).unwrap_or_default()
}

/// Push a blob in one request; gives the status.
pub fn push_blob(wire: &Wire, auth: &str, repository: &str, bytes: &[u8]) -> u16 {
    let path = format!("{}?digest={}", uploads(repository), Digest::sha256_of(bytes));
    wire.ask_as(auth, "POST", &path, &[OCTETS], bytes).status
}

/// An image without layers, different for each name; its blobs are pushed.
pub fn image(wire: &Wire, repository: &str, name: &str) -> Vec<u8> {
    let config =
        json!({"os": "linux", "architecture": "amd64", "author": name, "rootfs": {"type": "layers", "diff_ids": []}});
    let config = config.to_string().into_bytes();
    let digest = wire.blob(repository, Algorithm::Sha256, &config);
    let descriptor =
        json!({"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": config.len()});
    json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": descriptor, "layers": []}).to_string().into_bytes()
}

/// Push such an image under a tag; gives its digest.
pub fn tagged(wire: &Wire, repository: &str, tag: &str) -> Digest {
    let bytes = image(wire, repository, tag);
    wire.expect(201, "PUT", &format!("/v2/{repository}/manifests/{tag}"), &[("Content-Type", MANIFEST)], &bytes);
    Digest::sha256_of(&bytes)
}

/// Give somebody a level in a repository of the administrator, or take it.
pub fn grant(wire: &Wire, name: &str, user: &str, level: Option<&str>) {
    let body = json!({"on": "repository", "name": name, "user": user, "accessLevel": level});
    made(wire, "PUT", "/api/v1/namespaces/admin/grants", &body);
}

/// A token of the token service for whoever has these credentials.
pub fn bearer(wire: &Wire, scope: &str, auth: &str) -> String {
    wire.server.token(scope, auth.strip_prefix("Basic "))
}
