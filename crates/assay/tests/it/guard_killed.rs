//! A guard that is killed, with its server away, loses no verdict.

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    process::{Child, Command},
};

use serde_json::{Value, json};

use crate::{
    image::{expect, get},
    server::{Server, until},
};

/// A guard process, killed at the end.
struct Guard(Child);

impl Guard {
    fn start(config: &Path, socket: &Path) -> Guard {
        let command = Command::new(env!("CARGO_BIN_EXE_assay")).args(["guard", "--config"]).arg(config).spawn();
        let guard = Guard(command.unwrap());
        until("the guard listens", || UnixStream::connect(socket).is_ok());
        guard
    }

    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What an engine asks before a pull.
fn may_pull(socket: &Path, authority: &str, tag: &str) -> Value {
    let uri = format!("/v1.41/images/create?fromImage={}%2Fadmin%2Fflask&tag={tag}", authority.replace(':', "%3A"));
    let body = json!({"User": "gitlab", "RequestMethod": "POST", "RequestUri": uri, "RequestHeaders": {"Content-Length": "0"}});
    let body = body.to_string();
    let mut stream = UnixStream::connect(socket).unwrap();
    let head = format!(
        "POST /AuthZPlugin.AuthZReq HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[test]
fn verdicts_reach_the_log_after_a_kill() {
    let mut server = Server::start("127.0.0.1");
    let json = "application/json";
    let account = json!({"name": "guard", "password": "guards of production"}).to_string();
    expect(&server, 201, "POST", "/enzi/v0/accounts", json, account.as_bytes());
    let label = br#"{"tokenLabel":"guard"}"#;
    let token = expect(&server, 200, "POST", "/api/v0/api_tokens?username=guard", json, label);
    let token: Value = serde_json::from_str(&token).unwrap();
    let policy = json!({"enabled": true, "teams": [], "guards": ["guard"]}).to_string();
    expect(&server, 200, "PUT", "/api/v1/admission/policy", json, policy.as_bytes());

    let folder = tempfile::tempdir().unwrap();
    let (socket, state) = (folder.path().join("assay.sock"), folder.path().join("state"));
    let config = folder.path().join("guard.toml");
    let text = format!(
        "server_url = \"https://{}\"\ntoken = {}\nsocket = {socket:?}\nstate_dir = {state:?}\nca_pem = '''\n{}'''\n",
        server.authority,
        token["token"],
        std::fs::read_to_string(server.ca()).unwrap(),
    );
    std::fs::write(&config, text).unwrap();
    let mut guard = Guard::start(&config, &socket);
    until("the guard has its list", || state.join("set").exists());
    server.kill();
    for tag in ["v1", "v2"] {
        assert_eq!(may_pull(&socket, &server.authority, tag)["Allow"], false);
    }
    guard.kill();

    server.start_again();
    let _guard = Guard::start(&config, &socket);
    let entries = || get(&server, "/api/v1/audit/entries?kind=admission.refused")["entries"].clone();
    until("both verdicts are recorded", || entries().as_array().unwrap().len() == 2);
    for (entry, tag) in entries().as_array().unwrap().iter().zip(["v2", "v1"]) {
        let text = entry.to_string();
        assert!(text.contains(&format!("admin/flask:{tag}")) && text.contains("engine/guard"), "{text}");
        assert!(text.contains("gitlab") && text.contains("is not signed"), "{text}");
    }
    until("nothing waits any more", || std::fs::metadata(state.join("verdicts")).unwrap().len() == 0);
}
