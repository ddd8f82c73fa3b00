//! `assay chain`: for people in blocks of lines, for scripts as JSON and by its exit code.

use std::process::Command;

use serde_json::{Value, json};

use crate::{
    image::{debian, push, scanned},
    server::Server,
};

#[test]
fn a_chain_on_the_command_line() {
    let server = Server::start("127.0.0.1");
    let path = server.login();
    let assay = |arguments: &[&str]| {
        let output =
            Command::new(env!("CARGO_BIN_EXE_assay")).args(arguments).env("ASSAY_LOGIN", &path).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let digest = push(&server, "admin/shop", "1", &debian(&["base-files 12.4+deb12u5"])).to_string();
    scanned(&server, "admin/shop:1", 6);

    let (code, text) = assay(&["chain", &digest]);
    assert_eq!(code, Some(3), "not promoted and signed: {text}");
    assert!(text.starts_with(&digest) && text.contains("✓ Image pushed (") && text.contains("    image: admin/shop:1"));
    assert_eq!(text.trim_end().lines().last(), Some("? not promoted: no policy promoted it"));
    let (code, text) = assay(&["chain", &digest, "--format", "json"]);
    let story: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (code, &story["complete"], &story["nodes"][0]["what"]),
        (Some(3), &json!(false), &json!("Image pushed"))
    );
    let other = format!("sha256:{}", "0".repeat(64));
    assert_eq!(assay(&["chain", &other]).0, Some(5));
}
