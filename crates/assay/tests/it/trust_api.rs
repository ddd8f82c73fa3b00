//! Bad input to the trust API: its own errors, in less than the kibibyte that clients read.

use crate::server::{BASIC, Server};

fn form(parts: &[(&str, &str)]) -> Vec<u8> {
    let mut body = String::new();
    for (name, content) in parts {
        body.push_str("--b\r\nContent-Disposition: form-data; name=\"files\"");
        if !name.is_empty() {
            body.push_str(&format!("; filename=\"{name}\""));
        }
        body.push_str(&format!("\r\nContent-Type: application/octet-stream\r\n\r\n{content}\r\n"));
    }
    body.push_str("--b--\r\n");
    body.into_bytes()
}

#[test]
fn bad_publishes_are_refused_in_the_words_of_the_protocol() {
    let server = Server::start("127.0.0.1");
    let basic = format!("Basic {BASIC}");
    let path = format!("/v2/{}/admin/flask/_trust/tuf/", server.authority);
    let multipart = "multipart/form-data; boundary=b";
    let deep = "[".repeat(10_000);
    let long_role = format!("targets/{}", "a".repeat(400));
    for (content_type, body, status, code) in [
        ("", b"{}".to_vec(), 400, "MALFORMED_UPLOAD"),
        ("application/json", b"{}".to_vec(), 400, "MALFORMED_UPLOAD"),
        (multipart, b"nonsense".to_vec(), 400, "MALFORMED_UPLOAD"),
        (multipart, form(&[("root", "{}")])[..60].to_vec(), 400, "MALFORMED_UPLOAD"),
        (multipart, form(&[("", "{}")]), 400, "NO_FILENAME"),
        (multipart, form(&[("../root", "{}")]), 400, "INVALID_ROLE"),
        (multipart, form(&[("targets/ALL", "{}")]), 400, "INVALID_ROLE"),
        (multipart, form(&[(&long_role, "{}")]), 400, "INVALID_ROLE"),
        (multipart, form(&[("root", "{")]), 400, "MALFORMED_JSON"),
        (multipart, form(&[("root.json", &deep)]), 400, "MALFORMED_JSON"),
        (multipart, form(&[("root", "{}")]), 400, "INVALID_UPDATE"),
        (multipart, form(&[("targets/releases", "{}")]), 400, "INVALID_UPDATE"),
        (multipart, form(&[("timestamp", "{}")]), 400, "INVALID_UPDATE"),
        (multipart, form(&[]), 400, "INVALID_UPDATE"),
        (multipart, form(&[("targets", "{}"); 40]), 400, "INVALID_UPDATE"),
        (multipart, form(&[("targets", &" ".repeat(17 * 1024 * 1024))]), 413, "MALFORMED_UPLOAD"),
    ] {
        let headers = [("Authorization", basic.as_str()), ("Content-Type", content_type)];
        let answer = server.ask("POST", &path, &headers, &body);
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{}", answer.body);
    }
    let foreign = "/v2/docker.io/library/alpine/_trust/tuf/";
    let headers = [("Authorization", basic.as_str()), ("Content-Type", multipart)];
    assert_eq!(server.ask("POST", foreign, &headers, &form(&[("root", "{}")])).code(), "INVALID_GUN");
}

#[test]
fn what_is_not_there_and_what_may_not_be_seen() {
    let server = Server::start("127.0.0.1");
    let basic = format!("Basic {BASIC}");
    let admin = ("Authorization", basic.as_str());
    let base = format!("/v2/{}/admin/flask/_trust", server.authority);
    for (method, path) in [
        ("GET", "/tuf/root.json"),
        ("HEAD", "/tuf/root.json"),
        ("GET", "/tuf/1.root.json"),
        ("GET", "/tuf/root.key"),
        ("GET", "/tuf/nonsense"),
        ("GET", "/"),
        ("PUT", "/tuf/"),
        ("DELETE", "/tuf/root.json"),
    ] {
        let answer = server.ask(method, &format!("{base}{path}"), &[admin], b"");
        assert_eq!(answer.status, 404, "{method} {path}");
        assert!(method == "HEAD" || answer.code() == "METADATA_NOT_FOUND");
    }
    for foreign in ["/v2/docker.io/library/alpine", "/v2/admin/flask"] {
        assert_eq!(server.ask("GET", &format!("{foreign}/_trust/tuf/root.json"), &[admin], b"").status, 404);
    }
    for query in ["", "?records=", "?records=x", "?records=1&change_id=x", "?records=99999999999999999999"] {
        let answer = server.ask("GET", &format!("{base}/changefeed{query}"), &[admin], b"");
        assert_eq!((answer.status, answer.code().as_str()), (400, "INVALID_PARAMETERS"), "{query}");
    }
    let empty = server.ask("GET", &format!("{base}/changefeed?records=1"), &[admin], b"").json();
    assert_eq!(empty, serde_json::json!({"count": 0, "records": null}));

    // Nobody, and a token of nobody: 401 with the scope to ask for, as clients that begin anonymously need.
    let scope = format!("repository:{}/admin/flask:pull", server.authority);
    let anonymous = server.token(&scope, None);
    for headers in [&[][..], &[("Authorization", anonymous.as_str())], &[("Authorization", "Bearer nonsense")]] {
        let answer = server.ask("GET", &format!("{base}/tuf/root.json"), headers, b"");
        assert_eq!((answer.status, answer.code().as_str()), (401, "UNAUTHORIZED"));
        assert!(answer.header("www-authenticate").unwrap().starts_with("Bearer realm=\"https://"));
    }
    assert_eq!(server.ask("GET", "/v2/_trust/changefeed?records=1", &[], b"").status, 401);
    assert_eq!(server.ask("GET", "/v2/_trust/changefeed?records=1", &[admin], b"").status, 200);
    assert_eq!(server.ask("GET", "/_notary_server/health", &[], b"").body, "{}");
}
