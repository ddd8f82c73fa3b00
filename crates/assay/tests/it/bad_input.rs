//! Bad input at each edge of the real server: the protocol's own code, and a sentence that says what, where and what to do.
//!
//! One line of a file in `tests/bad_input` is one case. What the formats themselves refuse has its tests in their crates; here
//! stands what a client gets to see.

use std::{
    io::{Read, Write},
    net::TcpStream,
    process::Command,
};

use serde_json::{Value, json};

use crate::{
    image::{as_admin, debian, expect, get, push},
    server::{Answer, Server},
};

/// The cases of a file, one JSON object a line.
fn cases(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The bytes a case sends: a text, bytes in hexadecimal, or a text many times.
fn body(case: &Value, filled: impl Fn(&str) -> String) -> Vec<u8> {
    match &case["body"] {
        Value::String(text) => filled(text).into_bytes(),
        given if given["hex"].is_string() => {
            let digits = given["hex"].as_str().unwrap();
            (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
        }
        given => {
            given["repeat"].as_str().unwrap().repeat(given["times"].as_u64().unwrap().try_into().unwrap()).into_bytes()
        }
    }
}

/// What went otherwise than a case says; all are tried before one fails.
fn compare(wrong: &mut Vec<String>, case: &Value, status: u16, code: &str, message: &str) {
    let says = case["says"].as_array().unwrap().iter().map(|word| word.as_str().unwrap());
    let missing: Vec<&str> = says.filter(|word| !message.contains(word)).collect();
    if case["status"].as_u64() != Some(status.into()) || case["code"] != code || !missing.is_empty() {
        wrong.push(format!("{case}\n    got {status} {code} {message}\n    without {missing:?}"));
    }
}

/// Code and sentence of an error of the registry or of DTR; of GitLab's the sentence.
fn told(answer: &Answer) -> (String, String) {
    let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match &body["message"] {
        Value::Null => (text(&body["errors"][0]["code"]), text(&body["errors"][0]["message"])),
        message => (String::new(), message.to_string()),
    }
}

/// Ask for each case what it asks, as the administrator.
fn try_all(server: &Server, cases: &[Value], fill: impl Fn(&str) -> String) {
    let (name, value) = as_admin();
    let mut wrong = Vec::new();
    for case in cases {
        let ask = fill(case["ask"].as_str().unwrap());
        let (method, path) = ask.split_once(' ').unwrap();
        let mut headers = vec![(name, value.as_str()), ("Content-Type", case["type"].as_str().unwrap())];
        headers.extend(case["range"].as_str().map(|range| ("Content-Range", range)));
        let answer = server.ask(method, path, &headers, &body(case, &fill));
        let (code, message) = told(&answer);
        compare(&mut wrong, case, answer.status, &code, &message);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(!server.said().contains("panicked"), "{}", server.said());
}

#[test]
fn manifests() {
    let server = Server::start("127.0.0.1");
    push(&server, "admin/app", "good", &debian(&[]));
    let (name, value) = as_admin();
    let good = || server.ask("GET", "/v2/admin/app/manifests/good", &[(name, &value)], b"").json();
    let before = good();
    let (config, digest) = (before["config"].to_string(), before["config"]["digest"].as_str().unwrap());
    let fill = |text: &str| text.replace("<CONFIG>", &config).replace("<CONFIG DIGEST>", digest);
    try_all(&server, &cases(include_str!("../bad_input/manifests.jsonl")), fill);
    assert_eq!(good(), before);
}

#[test]
fn uploads() {
    let server = Server::start("127.0.0.1");
    let (name, value) = as_admin();
    let begin = || {
        let begun = server.ask("POST", "/v2/admin/app/blobs/uploads/", &[(name, &value)], b"");
        begun.header("location").unwrap().to_owned()
    };
    let fill =
        |text: &str| if text.contains("<UPLOAD>") { text.replace("<UPLOAD>", &begin()) } else { text.to_owned() };
    try_all(&server, &cases(include_str!("../bad_input/uploads.jsonl")), fill);

    // A sender whose connection breaks may ask how far it came, and go on.
    let upload = begin();
    let mut stream = TcpStream::connect(server.plain()).unwrap();
    let head = format!("PATCH {upload} HTTP/1.1\r\nHost: x\r\n{name}: {value}\r\nContent-Length: 100\r\n\r\nri");
    stream.write_all(head.as_bytes()).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let _ = stream.read_to_end(&mut Vec::new());
    let status = server.ask("GET", &upload, &[(name, &value)], b"");
    assert_eq!((status.status, status.header("range")), (204, Some("0-1")));
    let path = format!("{upload}?digest=sha256:27042f4e6eca7d0b2a7ee4026df2ecfa51d3339e6d122aa099118ecd8563bad9");
    let rest = server.ask("PUT", &path, &[(name, &value), ("Content-Range", "2-4")], b"ght");
    assert_eq!(rest.status, 201, "{}", rest.body);
}

#[test]
fn administration() {
    let server = Server::start("127.0.0.1");
    try_all(&server, &cases(include_str!("../bad_input/administration.jsonl")), str::to_owned);
}

#[test]
fn pipelines() {
    let server = Server::start("127.0.0.1");
    let (name, value) = as_admin();
    let headers = [(name, value.as_str()), ("Content-Type", "application/json")];
    expect(&server, 201, "POST", "/api/v4/projects", "application/json", br#"{"name":"flask"}"#);
    let mut wrong = Vec::new();
    for case in cases(include_str!("../bad_input/pipelines.jsonl")) {
        let body = json!({"content": case["file"]}).to_string();
        let answer = server.ask("POST", "/api/v4/projects/admin%2Fflask/ci/lint", &headers, body.as_bytes());
        let told = answer.json();
        let case = json!({"case": case["case"], "status": case["status"], "code": "false", "says": case["says"]});
        compare(&mut wrong, &case, answer.status, &told["valid"].to_string(), &told["errors"].to_string());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(get(&server, "/api/v4/projects/admin%2Fflask/pipelines"), json!([]));
}

#[test]
fn configurations() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("assay.toml");
    let mut wrong = Vec::new();
    for case in cases(include_str!("../bad_input/configurations.jsonl")) {
        std::fs::write(&path, case["text"].as_str().unwrap()).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_assay"));
        let output = command.args([case["command"].as_str().unwrap(), "--config"]).arg(&path).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        let code = output.status.code().unwrap().to_string();
        let case = json!({"case": case["case"], "status": 0, "code": "1", "says": case["says"]});
        compare(&mut wrong, &case, 0, &code, &said);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
