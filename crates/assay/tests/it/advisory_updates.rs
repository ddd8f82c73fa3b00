//! New advisories from their making to the page that tells how old they are: signed, published, fetched, uploaded.

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use advisory::{About, Archive, Claim, Content, Snapshot};
use base::Secret;
use serde_json::{Value, json};
use tlog::{Note, Signer};

use crate::{
    command_line::Person,
    image::{call, debian, get, push, scanned, tag},
    server::{Answer, PASSWORD, Server},
};

const PAGE: (&str, &str) = ("Accept", "text/html");
const OURS: (&str, &str) = ("Sec-Fetch-Site", "same-origin");

/// A web server as simple as they come: a folder, and what was asked for.
fn serve(folder: PathBuf) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, asked) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Vec::new())));
    let log = Arc::clone(&asked);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let (mut head, mut byte) = (Vec::new(), [0]);
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
                head.push(byte[0]);
            }
            let head = String::from_utf8_lossy(&head).into_owned();
            let path = head.split(' ').nth(1).unwrap_or_default().trim_start_matches('/').to_owned();
            let (status, body) = match fs::read(folder.join(&path)) {
                Ok(body) => ("200 OK", body),
                Err(_) => ("404 Not Found", Vec::new()),
            };
            log.lock().unwrap().push(path);
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(&[head.as_bytes(), &body].concat());
        }
    });
    (address, asked)
}

/// An administrator whose server may reach this machine, with feeds to build snapshots of.
fn person() -> Person {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("assay.toml"), "webhook_allow = [\"127.0.0.1\"]\n").unwrap();
    let server = Server::start_in("127.0.0.1", folder);
    server.login();
    Person { server }
}

fn record(folder: &Path, number: u32) {
    let id = format!("DEBIAN-CVE-2024-{number:04}");
    let record = json!({
        "schema_version": "1.7.0", "id": id, "modified": "2026-01-01T00:00:00Z", "upstream": [&id[7..]],
        "affected": [{
            "package": {"ecosystem": "Debian:12", "name": "another"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.0"}]}],
        }],
    });
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join(format!("{id}.json")), record.to_string()).unwrap();
}

fn session(server: &Server, name: &str, password: &str) -> String {
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("username", name), ("password", password), ("to", "/")])
        .finish();
    let headers = [("Content-Type", "application/x-www-form-urlencoded"), OURS];
    let answer = server.ask("POST", "/sign-in", &headers, body.as_bytes());
    assert_eq!(answer.status, 303, "{}", answer.body);
    answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
}

fn upload(server: &Server, headers: &[(&str, &str)], bytes: &[u8]) -> Answer {
    let head = "--xx\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n";
    let body = [head.as_bytes(), bytes, b"\r\n--xx--\r\n"].concat();
    let kind = ("Content-Type", "multipart/form-data; boundary=xx");
    server.ask("POST", "/advisories/upload", &[headers, &[kind]].concat(), &body)
}

#[test]
fn they_are_signed_published_and_fetched() {
    let person = person();
    let home = person.server.folder.path();
    let (address, asked) = serve(home.join("published"));
    let key = person.answers(&["advisories", "key", "--name", "advisories.test", "--out", "signing.key"]);
    let key = key["key"].as_str().unwrap().to_owned();
    assert_ne!(person.runs(&["advisories", "key", "--name", "advisories.test", "--out", "signing.key"]).code, 0);
    let build = |number: u32, out: &str| {
        record(&home.join("records"), number);
        let label = format!("number {number}");
        person.answers(&["advisories", "build", "records", "--out", out, "--label", &label, "--sign", "signing.key"])
    };
    assert_eq!(build(1, "one.tar")["signedBy"], json!(key));
    person.says(&["advisories", "build", "records", "--out", "bare", "--label", "bare"]);
    assert!(person.runs(&["advisories", "publish", "bare", "published"]).err.contains("is not signed"));
    person.says(&["advisories", "publish", "one.tar", "published"]);

    let url = format!("http://{address}");
    let set = ["advisories", "settings", "--key", &key, "--url", &url, "--daily-at", "04:30", "--online"];
    let set = person.answers(&set);
    assert_eq!((&set["keys"], &set["dailyAt"], &set["online"]), (&json!([key]), &json!("04:30"), &json!(true)));
    let status = person.answers(&["advisories", "fetch"]);
    assert_eq!((&status["snapshotLabel"], &status["snapshotAgeDays"]), (&json!("number 1"), &json!(0)));
    assert!(status["snapshotSignedBy"][0].as_str().unwrap().starts_with("advisories.test+"), "{status}");
    for refused in [["advisories", "use", "bare", "--force"], ["advisories", "use", "signing.key", "--force"]] {
        let came = person.runs(&refused);
        assert!(came.code == 1 && came.err.contains("signed"), "{came:?}");
    }

    build(2, "two.tar");
    let published = person.answers(&["advisories", "publish", "two.tar", "published"]);
    asked.lock().unwrap().clear();
    assert_eq!(person.answers(&["advisories", "fetch"])["snapshotLabel"], "number 2");
    // A delta of two records is not always shorter than three.
    let expected = if published["deltas"] == 1 { "delta/" } else { "latest.tar" };
    assert!(asked.lock().unwrap().last().unwrap().starts_with(expected), "{asked:?}");
    let older = person.runs(&["advisories", "publish", "one.tar", "published"]);
    assert!(older.code != 0 && older.err.contains("older than what is published"), "{older:?}");

    // By hand, for those who have no network.
    build(3, "three.tar");
    person.says(&["advisories", "delta", "two.tar", "three.tar", "--out", "delta.tar"]);
    person.says(&["advisories", "apply", "two.tar", "delta.tar", "--key", &key, "--out", "again.tar"]);
    assert_eq!(fs::read(home.join("again.tar")).unwrap(), fs::read(home.join("three.tar")).unwrap());
    let other = person.answers(&["advisories", "key", "--name", "advisories.test", "--out", "other.key"]);
    let other = other["key"].as_str().unwrap();
    let came = person.runs(&["advisories", "apply", "two.tar", "delta.tar", "--key", other, "--out", "x"]);
    assert!(came.code != 0 && !home.join("x").exists(), "{came:?}");
    // A scan without any server trusts the same key.
    let scan = |advisories: &str, keys: &[&str]| {
        person.runs(&[&["scan", "records", "--advisories", advisories], keys].concat())
    };
    let came = scan("three.tar", &["--advisories-key", other, "--advisories-key", &key]);
    assert!(came.code == 0 && came.err.contains("three.tar are signed by a trusted key"), "{came:?}");
    let came = scan("three.tar", &[]);
    assert!(came.code == 0 && came.err.contains("the signature is not verified without --advisories-key"), "{came:?}");
    for (file, key) in [("three.tar", other), ("bare", &key)] {
        let came = scan(file, &["--advisories-key", key]);
        let why = format!("{file} is not to be trusted: none of --advisories-key signed it");
        assert!(came.code == 1 && came.out.is_empty() && came.err.contains(&why), "{came:?}");
    }
    assert_eq!(person.answers(&["advisories", "use", "delta.tar"])["label"], "number 3");
    assert_eq!(person.answers(&["advisories", "show"])["signedBy"].as_array().unwrap().len(), 1);
    person.says(&["audit", "verify"]);
}

#[test]
fn the_page_tells_their_age_and_takes_another() {
    let person = person();
    let server = &person.server;
    push(server, "admin/shop", "1", &debian(&["hello 2.10-3"]));
    scanned(server, "admin/shop:1", 6);
    person.says(&["advisories", "key", "--name", "advisories.test", "--out", "signing.key"]);
    let text = fs::read_to_string(server.folder.path().join("signing.key")).unwrap();
    let signer = Signer::from_text(&Secret::new(text)).unwrap();
    let signed = |created: &str| {
        let (created, label) = (created.parse().unwrap(), "<of long ago>".to_owned());
        let about = About { created, label, name: "test".to_owned(), ..About::default() };
        let snapshot = Snapshot::new(about, advisory::starter().records().unwrap()).unwrap();
        let note = Note::sign(Claim::of(&snapshot).to_string(), &signer).unwrap().to_string();
        Archive { content: Content::Snapshot(snapshot.bytes()), note: Some(note.as_bytes()) }.serialise()
    };
    call(server, 200, "PUT", "/api/v1/advisories/settings", &json!({"keys": [signer.verifier().to_string()]}));
    call(server, 400, "PUT", "/api/v1/advisories/settings", &json!({"keys": ["x"]}));
    call(server, 201, "POST", "/enzi/v0/accounts", &json!({"name": "dora", "password": PASSWORD}));

    let cookie = session(server, "admin", PASSWORD);
    let admin = ("Cookie", cookie.as_str());
    let page = |cookie: (&str, &str), path: &str| server.ask("GET", path, &[cookie, PAGE], b"").body;
    assert!(page(admin, "/advisories").contains("built in: only a beginning"));
    assert_eq!(server.ask("GET", "/advisories", &[PAGE], b"").status, 303);
    let old = signed("2026-01-01T00:00:00Z");
    // Another site cannot send it in the administrator's name, and nobody else can at all.
    let forged = upload(server, &[admin, ("Sec-Fetch-Site", "cross-site")], &old);
    assert!(forged.header("location").unwrap().starts_with("/sign-in"), "{}", forged.body);
    let cookie = session(server, "dora", PASSWORD);
    let dora = ("Cookie", cookie.as_str());
    assert_eq!(upload(server, &[dora, OURS], &old).status, 404);
    assert!(
        !page(dora, "/advisories").contains("<form class=\"inline\"")
            && page(dora, "/advisories").contains("Signed by")
    );
    assert_eq!(get(server, "/api/v1/advisories")["neverStale"], true);

    assert_eq!(upload(server, &[admin, OURS], &old).header("location"), Some("/advisories"));
    let refused = upload(server, &[admin, OURS], b"nonsense");
    assert!(refused.status == 400 && refused.body.contains("nobody signed"), "{}", refused.body);
    let shown = page(admin, "/advisories");
    for part in [
        "&lt;of long ago&gt;",
        "STALE",
        "advisories.test+",
        "upload.js",
        "never: this server is set to offline",
        "nobody signed",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let digest = tag(server, "admin/shop:1")["digest"].as_str().unwrap().to_owned();
    crate::server::until("it is matched again", || {
        tag(server, "admin/shop:1")["vuln_summary"]["snapshot_stale"] == json!(true)
    });
    for path in ["/repositories/admin/shop".to_owned(), format!("/images/admin/shop@{digest}")] {
        assert!(page(admin, &path).contains("days old: STALE"), "{path}");
    }
    let metrics = server.ask("GET", "/metrics", &[], b"").body;
    for line in ["assay_advisories_stale 1", "assay_advisories_signed 1", "assay_advisories_update_failed 1"] {
        assert!(metrics.lines().any(|one| one == line), "{line}: {metrics}");
    }
    let status: Value = get(server, "/api/v0/imagescan/status");
    assert_eq!((&status["snapshotStale"], &status["lastDBUpdateFailed"]), (&json!(true), &json!(true)));
    person.says(&["advisories", "settings", "--stale-days", "100000"]);
    assert!(!page(admin, "/advisories").contains("STALE"));
    person.says(&["audit", "verify"]);
}
