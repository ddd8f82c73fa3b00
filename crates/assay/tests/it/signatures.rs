//! Who signed an image, as the API and the command tell it: what cosign made, read and judged.

use std::{fs, path::Path};

use oci::Digest;
use serde_json::{Value, json};

use crate::{
    image::{call, expect, get},
    server::{Server, attempt},
};

const REPOSITORY: &str = "admin/app";

/// What cosign made of one image; crate `seal` keeps it.
fn kept(path: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../seal/tests/fixtures").join(path)).unwrap()
}

/// Push a manifest and its blobs; gives its digest.
fn push(server: &Server, folder: &str, tag: &str) -> Digest {
    let manifest = kept(&format!("{folder}/manifest.json"));
    let parsed: Value = serde_json::from_slice(&manifest).unwrap();
    for blob in parsed["layers"].as_array().unwrap().iter().chain([&parsed["config"]]) {
        let digest = blob["digest"].as_str().unwrap();
        let content = kept(&format!("{folder}/{}", digest.replace(':', "-")));
        let path = format!("/v2/{REPOSITORY}/blobs/uploads/?digest={digest}");
        expect(server, 201, "POST", &path, "application/octet-stream", &content);
    }
    let kind = parsed["mediaType"].as_str().unwrap();
    expect(server, 201, "PUT", &format!("/v2/{REPOSITORY}/manifests/{tag}"), kind, &manifest);
    Digest::sha256_of(&manifest)
}

#[test]
fn a_signature_is_told_with_whose_it_is_or_why_it_counts_for_nothing() {
    let server = Server::start("127.0.0.1");
    let image = push(&server, "image", "1");
    push(&server, "simple-keys", &format!("sha256-{}.sig", image.hex()));
    let path = format!("/api/v1/repositories/{REPOSITORY}/images/1/signatures");
    let told = get(&server, &path);
    assert_eq!(told["digest"], json!(image));
    let all = told["signatures"].as_array().unwrap();
    assert_eq!(all.len(), 4);
    for one in all {
        assert_eq!((&one["form"], &one["accepted"]), (&json!("cosign-signature"), &json!(false)));
        assert_eq!(one["reason"], "none of the keys known here made it");
    }

    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("vendor.pub");
    fs::write(&place, kept("ec384.pub")).unwrap();
    let login = server.login();
    let assay = |arguments: &[&str]| {
        let environment = [("ASSAY_LOGIN", login.to_str().unwrap())];
        let (done, text) = attempt(env!("CARGO_BIN_EXE_assay"), arguments, folder.path(), &environment);
        assert!(done, "{arguments:?}: {text}");
        text
    };
    assay(&["anchor", "set", "vendor", place.to_str().unwrap()]);
    let key = String::from_utf8(kept("cosign.pub")).unwrap();
    call(&server, 201, "POST", "/enzi/v0/accounts/admin/publicKeys", &json!({"label": "cosign", "publicKey": key}));
    let told = get(&server, &path);
    let by: Vec<&Value> = told["signatures"].as_array().unwrap().iter().map(|one| &one["by"]).collect();
    assert_eq!(by, [&json!([{"account": "admin"}]), &json!([]), &json!([{"anchor": "vendor"}]), &json!([])]);
    let table = assay(&["tag", "signatures", &format!("{REPOSITORY}:1")]);
    assert!(table.contains("vendor (anchor)") && table.contains("none of the keys known here"), "{table}");
    assert!(assay(&["anchor", "list"]).contains("vendor"));

    assay(&["anchor", "remove", "vendor"]);
    assert_eq!(get(&server, "/api/v1/anchors"), json!({"anchors": []}));
    assert_eq!(get(&server, &path)["signatures"][2]["accepted"], false);
    for (status, body) in [(400, json!({"pem": "no PEM"})), (400, json!({"key": "x"}))] {
        call(&server, status, "PUT", "/api/v1/anchors/vendor", &body);
    }
    call(&server, 404, "DELETE", "/api/v1/anchors/vendor", &Value::Null);
    call(&server, 400, "PUT", "/api/v1/anchors/Vendor", &json!({"pem": key}));
    call(&server, 404, "GET", &format!("/api/v1/repositories/{REPOSITORY}/images/none/signatures"), &Value::Null);
}
