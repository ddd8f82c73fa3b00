//! Where the server may be sent, what it opens, and what it shows.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpListener,
    thread,
};

use oci::Algorithm;
use serde_json::{Value, json};

use super::{MANIFEST, made, say, tagged};
use crate::{
    conformance::Wire,
    server::{PASSWORD, Server, until},
};

/// A door of this machine that nobody may knock at.
struct Door(TcpListener);

impl Door {
    fn new() -> Door {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Door(listener)
    }

    fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }

    fn nobody_came(&self) {
        assert_eq!(self.0.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "somebody came");
    }
}

/// Harbor called every address that one gave it for a test.
#[test]
fn cve_2020_13788_the_test_of_a_webhook_reaches_nothing_inside() {
    let wire = Wire::start();
    let (user, door) = (wire.account("user"), Door::new());
    let port = door.port();
    for host in [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "169.254.169.254",
        "[fd00:ec2::254]",
        "10.0.0.1",
        "user@127.0.0.1",
        "127.0.0.1.",
    ] {
        let endpoint = format!("http://{host}:{port}/");
        let hook = json!({"type": "TAG_PUSH", "endpoint": endpoint, "skipTLSVerification": true});
        for auth in [&user, &crate::image::as_admin().1] {
            let answer = say(&wire, auth, "POST", "/api/v0/webhooks/test", &hook);
            assert_eq!(answer.status, 400, "{endpoint}: {}", answer.body);
        }
    }
    for endpoint in ["file:///etc/passwd", "gopher://127.0.0.1/", "ftp://127.0.0.1/", "/etc/passwd"] {
        let hook = json!({"type": "TAG_PUSH", "endpoint": endpoint, "skipTLSVerification": true});
        assert_eq!(say(&wire, &user, "POST", "/api/v0/webhooks/test", &hook).status, 400, "{endpoint}");
    }
    door.nobody_came();
}

/// Quay followed redirects to where it would not have gone itself (CVE-2026-2376, PROJQUAY-10572).
#[test]
fn cve_2026_32591_a_redirect_is_not_followed() {
    let (receiver, door) = (TcpListener::bind("127.0.0.1:0").unwrap(), Door::new());
    let allowed = format!("127.0.0.1:{}", receiver.local_addr().unwrap().port());
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("assay.toml");
    std::fs::write(&config, format!("webhook_allow = [{allowed:?}]\n")).unwrap();
    let wire = Wire::to(Server::start_with(&[("ASSAY_CONFIG", config.to_str().unwrap())]));
    let away = format!(
        "HTTP/1.1 307 Away\r\nLocation: http://127.0.0.1:{}/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        door.port()
    );
    let answering = thread::spawn(move || {
        let (mut stream, _) = receiver.accept().unwrap();
        let (mut heard, mut buffer) = (Vec::<u8>::new(), [0; 4096]);
        while !heard.windows(4).any(|window| window == b"\r\n\r\n") {
            let count = stream.read(&mut buffer).unwrap();
            heard.extend(&buffer[..count]);
        }
        stream.write_all(away.as_bytes()).unwrap();
    });
    let hook = json!({"type": "TAG_PUSH", "endpoint": format!("http://{allowed}/"), "skipTLSVerification": true});
    let answer =
        wire.ask("POST", "/api/v0/webhooks/test", &[("Content-Type", "application/json")], hook.to_string().as_bytes());
    assert!(answer.status == 400 && answer.body.contains("redirects are not followed"), "{}", answer.body);
    answering.join().unwrap();
    door.nobody_came();
}

/// Clair wrote where an archive told it to (CVE-2021-3762), and fetched what a manifest named.
#[test]
fn cve_2026_10517_a_scan_writes_nowhere_and_fetches_nothing() {
    let wire = Wire::start();
    let (door, escaped) = (Door::new(), wire.server.folder.path().join("escaped"));
    let climbs = [format!("../../../../../../..{}", escaped.display()), escaped.display().to_string()];
    let mut archive = Vec::new();
    for path in &climbs {
        let mut header = tar::Header::new_gnu();
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        header.set_mode(0o644);
        header.set_size(4);
        header.set_entry_type(tar::EntryType::Regular);
        header.set_cksum();
        archive.extend(header.as_bytes());
        archive.extend([&b"evil"[..], &[0; 508]].concat());
    }
    archive.extend([0; 1024]);
    let config =
        json!({"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": []}}).to_string();
    let url = format!("http://127.0.0.1:{}/layer", door.port());
    let foreign = "application/vnd.oci.image.layer.nondistributable.v1.tar";
    let descriptor = |kind: &str, bytes: &[u8]| {
        json!({"mediaType": kind, "size": bytes.len(), "urls": [url],
        "digest": wire.blob("admin/app", Algorithm::Sha256, bytes)})
    };
    let mut elsewhere = descriptor(foreign, b"somewhere else");
    elsewhere["digest"] = json!(oci::Digest::sha256_of(b"never pushed"));
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": descriptor("application/vnd.oci.image.config.v1+json", config.as_bytes()),
        "layers": [descriptor("application/vnd.oci.image.layer.v1.tar", &archive), elsewhere],
    });
    let body = manifest.to_string();
    wire.expect(201, "PUT", "/v2/admin/app/manifests/1", &[("Content-Type", MANIFEST)], body.as_bytes());
    let status = || {
        let view = wire.ask("GET", "/api/v0/repositories/admin/app/tags/1", &[], b"").json();
        view[0]["vuln_summary"]["last_scan_status"].as_i64().unwrap()
    };
    until("the scan is over", || ![1, 3].contains(&status()));
    assert_ne!(status(), 6, "a layer that nobody opened is never clean");
    assert!(!escaped.exists());
    door.nobody_came();
    assert!(!wire.server.said().contains("panicked"), "{}", wire.server.said());
}

/// Harbor showed a description as the page of whoever wrote it; Harbor and zot sent people on to other sites
/// (CVE-2024-22244, zot 2.1.15).
#[test]
fn cve_2025_32019_what_people_write_is_text_and_pages_lead_only_here() {
    let wire = Wire::start();
    let evil = "<script>alert(1)</script><img src=x onerror=alert(1)>";
    tagged(&wire, "admin/app", "1");
    let text = json!({"shortDescription": evil, "longDescription": evil});
    made(&wire, "PATCH", "/api/v0/repositories/admin/app", &text);
    let url = format!("https://{}", wire.server.authority);
    let kind = ("Content-Type", "application/x-www-form-urlencoded");
    let sign_in = |to: &str| {
        let form = format!("username=admin&password={}&to={to}", PASSWORD.replace(' ', "+"));
        wire.ask_as("", "POST", "/sign-in", &[("Origin", &url), kind], form.as_bytes())
    };
    for to in
        ["https%3A%2F%2Fevil.test", "%2F%2Fevil.test", "%2F%5Cevil.test", "%2F%09%2Fevil.test", "javascript%3Aalert(1)"]
    {
        assert_eq!(sign_in(to).header("location"), Some("/"), "{to}");
        let page = wire.ask_as("", "GET", &format!("/sign-in?to={to}"), &[], b"");
        assert!(!page.body.contains("evil.test") && !page.body.contains("javascript:"), "{to}: {}", page.body);
    }
    let session = sign_in("%2F");
    let cookie = session.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let mut shown = 0;
    for path in ["/repositories", "/repositories/admin/app"] {
        let page = wire.ask_as("", "GET", path, &[("Cookie", &cookie), ("Accept", "text/html")], b"");
        assert_eq!(page.status, 200, "{path}");
        assert!(!page.body.contains("<script>alert") && !page.body.contains("<img src=x"), "{path}");
        shown += usize::from(page.body.contains("&lt;script&gt;alert(1)"));
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe-inline"), "{policy}");
    }
    assert!(shown > 0, "the description is on a page");
    let json: Value = wire.expect(200, "GET", "/api/v0/repositories/admin/app", &[], b"").json();
    assert_eq!(json["shortDescription"], evil);
    let answer = wire.expect(200, "GET", "/api/v0/repositories/admin/app", &[], b"");
    assert_eq!(answer.header("content-type").unwrap().split(';').next(), Some("application/json"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
}
