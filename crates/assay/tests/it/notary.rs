//! Content trust with the stock clients: the commands of both editions of the reference architecture, word for word.

use std::{fs, os::unix::fs::PermissionsExt};

use base::Clock;
use identity::Authority;
use serde_json::Value;

use crate::{
    server::{BASIC, Desk, attempt, is_there},
    webhooks::{Receiver, has_members},
};

const DIGEST: &str = "98ea6e4f216f2fb4b69fff9b3a44842c38686ca685f3f55dc48c5d3fb1107be4";

/// A person with a client bundle.
pub fn desk() -> Desk {
    at(Desk::new())
}

fn at(desk: Desk) -> Desk {
    let now = Clock::System.now();
    let bundle = Authority::generate("engines", now).unwrap().client("gitlab", now).unwrap();
    fs::write(desk.home.join("cert.pem"), bundle.certificate_pem).unwrap();
    fs::write(desk.home.join("key.pem"), bundle.private_key_pem).unwrap();
    fs::set_permissions(desk.home.join("key.pem"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::copy(desk.server.ca(), desk.home.join("ca.pem")).unwrap();
    desk
}

impl Desk {
    /// `notary -s https://HOST --tlscacert ca.pem -d trust …`, signed in as the administrator unless `auth` is false.
    fn notary(&self, arguments: &[&str], auth: bool) -> (bool, String) {
        let url = format!("https://{}", self.server.authority);
        let mut all = vec!["-s", &url, "--tlscacert", "ca.pem", "-d", "trust"];
        all.extend(arguments);
        let mut environment = vec![
            ("NOTARY_ROOT_PASSPHRASE", "passphrase of root"),
            ("NOTARY_TARGETS_PASSPHRASE", "passphrase of targets"),
            ("NOTARY_SNAPSHOT_PASSPHRASE", "passphrase of snapshot"),
            ("NOTARY_DELEGATION_PASSPHRASE", "passphrase of gitlab"),
        ];
        if auth {
            environment.push(("NOTARY_AUTH", BASIC));
        }
        attempt("notary", &all, &self.home, &environment)
    }

    pub(crate) fn notary_ok(&self, arguments: &[&str]) -> String {
        let (succeeded, text) = self.notary(arguments, true);
        assert!(succeeded, "notary {arguments:?}:\n{text}");
        text
    }

    /// `docker` with the CA where its client looks for it, signed in.
    fn docker(&self, arguments: &[&str]) -> (bool, String) {
        let config = self.home.join(".docker");
        let tls = config.join("tls").join(&self.server.authority);
        fs::create_dir_all(&tls).unwrap();
        fs::copy(self.server.ca(), tls.join("ca.crt")).unwrap();
        let auths = serde_json::json!({"auths": {&self.server.authority: {"auth": BASIC}}});
        fs::write(config.join("config.json"), auths.to_string()).unwrap();
        let environment = [
            ("DOCKER_CONFIG", config.to_str().unwrap()),
            ("DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE", "passphrase of root"),
            ("DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE", "passphrase of the rest"),
        ];
        attempt("docker", arguments, &self.home, &environment)
    }

    fn docker_ok(&self, arguments: &[&str]) -> String {
        let (succeeded, text) = self.docker(arguments);
        assert!(succeeded, "docker {arguments:?}:\n{text}");
        text
    }

    /// Every change is in the audit log, and the rows are as the log says.
    fn is_proved(&self) {
        let basic = format!("Basic {BASIC}");
        let report = self.server.ask("GET", "/api/v1/audit/verify", &[("Authorization", &basic)], b"").json();
        assert_eq!(report["clean"], true, "{report}");
    }

    fn inspect(&self, gun: &str) -> Value {
        serde_json::from_str(&self.docker_ok(&["trust", "inspect", gun])).unwrap()
    }
}

#[test]
fn the_first_edition_with_notary() {
    if !is_there("notary") {
        return;
    }
    let desk = desk();
    let gun = desk.place("admin/flask");
    desk.notary_ok(&["init", &gun]);
    let said = desk.notary_ok(&["key", "rotate", &gun, "snapshot", "-r"]);
    assert!(said.contains("Successfully rotated snapshot key"), "{said}");
    for role in ["targets/releases", "targets/gitlab"] {
        desk.notary_ok(&["delegation", "add", &gun, role, "cert.pem", "--all-paths"]);
    }
    let said = desk.notary_ok(&["publish", &gun]);
    assert!(said.contains("Successfully published changes"), "{said}");
    assert!(desk.notary_ok(&["list", &gun]).contains("No targets present"));
    let said = desk.notary_ok(&["delegation", "list", &gun]);
    assert!(said.contains("targets/gitlab") && said.contains("targets/releases"), "{said}");

    desk.notary_ok(&["addhash", "-p", &gun, "v1", "528", "--sha256", DIGEST, "--roles", "targets"]);
    assert!(desk.notary_ok(&["list", &gun]).contains(DIGEST));
    assert!(desk.notary_ok(&["lookup", &gun, "v1"]).contains(DIGEST));
    desk.notary_ok(&["key", "rotate", &gun, "timestamp", "-r"]);
    desk.notary_ok(&["key", "rotate", &gun, "targets"]);
    // The client's cache removed: another person who meets the repository for the first time.
    fs::remove_dir_all(desk.home.join("trust/tuf")).unwrap();
    assert!(desk.notary_ok(&["list", &gun]).contains(DIGEST));

    // Private: whoever is nobody is asked to sign in.
    fs::remove_dir_all(desk.home.join("trust/tuf")).unwrap();
    let (succeeded, said) = desk.notary(&["list", &gun], false);
    assert!(!succeeded && said.contains("401"), "{said}");
    headers_of_documents(&desk, &gun);

    let said = desk.notary_ok(&["delete", "--remote", &gun]);
    assert!(said.contains("Successfully deleted"), "{said}");
    let (succeeded, said) = desk.notary(&["list", &gun], true);
    assert!(!succeeded && said.contains("does not have trust data"), "{said}");
    desk.is_proved();
}

#[test]
fn a_signature_is_told_to_a_webhook() {
    if !is_there("notary") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("assay.toml"), "webhook_allow = [\"127.0.0.0/8\"]\n").unwrap();
    let desk = at(Desk::of(folder));
    let receiver = Receiver::default();
    let basic = format!("Basic {BASIC}");
    let headers = [("Authorization", basic.as_str()), ("Content-Type", "application/json")];
    desk.server.ask("POST", "/api/v0/repositories/admin", &headers, br#"{"name": "flask"}"#);
    let webhook = serde_json::json!({
        "type": "TAG_SIGNED", "key": "admin/flask", "endpoint": format!("http://{}/", receiver.start()),
        "skipTLSVerification": true,
    });
    let made = desk.server.ask("POST", "/api/v0/webhooks", &headers, webhook.to_string().as_bytes());
    assert_eq!(made.status, 201, "{}", made.body);

    let gun = desk.place("admin/flask");
    desk.notary_ok(&["init", &gun]);
    desk.notary_ok(&["key", "rotate", &gun, "snapshot", "-r"]);
    desk.notary_ok(&["addhash", "-p", &gun, "v1", "528", "--sha256", DIGEST, "--roles", "targets"]);
    let told = receiver.told("TAG_SIGNED");
    assert_eq!(told["location"], "/repositories/admin/flask/tags/v1");
    let contents = &told["contents"];
    has_members(contents, &["namespace", "repository", "tag", "imageName", "digest", "roles", "signedAt"]);
    let expected =
        serde_json::json!(["admin", "flask", "v1", format!("{gun}:v1"), format!("sha256:{DIGEST}"), ["targets"]]);
    let members = ["namespace", "repository", "tag", "imageName", "digest", "roles"];
    assert_eq!(Value::from(members.map(|name| contents[name].clone()).to_vec()), expected);
}

/// What the stock server lacks: HEAD, ETag, dates that are dates, and no shared cache for what is private.
fn headers_of_documents(desk: &Desk, gun: &str) {
    let token = desk.server.token(&format!("repository:{gun}:pull"), Some(BASIC));
    let (path, auth) = (format!("/v2/{gun}/_trust/tuf/timestamp.json"), ("Authorization", token.as_str()));
    let got = desk.server.ask("GET", &path, &[auth], b"");
    assert_eq!((got.status, got.header("cache-control")), (200, Some("private, no-cache")));
    assert!(got.header("last-modified").unwrap().ends_with(" GMT"));
    let head = desk.server.ask("HEAD", &path, &[auth], b"");
    assert_eq!((head.status, head.body.as_str(), head.header("etag")), (200, "", got.header("etag")));
    assert_eq!(head.header("content-length"), got.header("content-length"));
    let etag = got.header("etag").unwrap();
    let unchanged = desk.server.ask("GET", &path, &[auth, ("If-None-Match", etag)], b"");
    assert_eq!((unchanged.status, unchanged.body.as_str()), (304, ""));
    let by_sum = path.replace(".json", &format!(".{}.json", etag.trim_matches('"')));
    let by_sum = desk.server.ask("GET", &by_sum, &[auth], b"");
    assert_eq!(
        (by_sum.body.as_str(), by_sum.header("cache-control")),
        (got.body.as_str(), Some("private, max-age=2592000"))
    );
    let feed = desk.server.ask("GET", &format!("/v2/{gun}/_trust/changefeed?records=2"), &[auth], b"").json();
    assert_eq!((&feed["count"], &feed["records"][1]["Category"]), (&2.into(), &"update".into()));

    // A token for pulling is for no more, whoever holds it.
    let key = format!("/v2/{gun}/_trust/tuf/timestamp.key");
    for (method, path) in [("GET", &key), ("POST", &key), ("DELETE", &format!("/v2/{gun}/_trust/tuf/"))] {
        let refused = desk.server.ask(method, path, &[auth], b"");
        assert_eq!((refused.status, refused.code().as_str()), (401, "UNAUTHORIZED"), "{method} {path}");
        assert!(refused.header("www-authenticate").unwrap().contains(&format!("repository:{gun}:")));
    }
    // `*` stands for pull and push too.
    let token = desk.server.token(&format!("repository:{gun}:*"), Some(BASIC));
    for method in ["POST", "GET"] {
        assert_eq!(desk.server.ask(method, &key, &[("Authorization", &token)], b"").status, 200);
    }
}

#[test]
fn the_second_edition_with_docker_trust() {
    if !is_there("docker") {
        return;
    }
    let desk = desk();
    if !desk.docker(&["trust", "--help"]).0 {
        eprintln!("NOT TESTED: this docker has no `docker trust`");
        return;
    }
    let gun = desk.place("admin/flask");
    let (succeeded, said) = desk.docker(&["trust", "inspect", &gun]);
    // The client of 20.10 begins the sentence with a capital letter, that of 28 does not.
    assert!(!succeeded && said.to_lowercase().contains("no signatures or cannot access"), "{said}");
    desk.docker_ok(&["trust", "key", "load", "--name", "gitlab", "key.pem"]);
    let said = desk.docker_ok(&["trust", "signer", "add", "--key", "cert.pem", "gitlab", &gun]);
    assert!(said.contains("Successfully added signer: gitlab"), "{said}");
    desk.docker_ok(&["trust", "key", "generate", "bob"]);
    desk.docker_ok(&["trust", "signer", "add", "--key", "bob.pub", "bob", &gun]);
    let seen = desk.inspect(&gun);
    let mut names: Vec<&str> =
        seen[0]["Signers"].as_array().unwrap().iter().map(|signer| signer["Name"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["bob", "gitlab"], "{seen}");
    assert_eq!(seen[0]["SignedTags"], serde_json::json!([]));

    // Without the authority's certificate nobody is believed (docker asks for none on 127/8).
    if !desk.server.authority.starts_with("127.") {
        let bare = desk.home.join("bare");
        fs::create_dir_all(&bare).unwrap();
        let environment = [("DOCKER_CONFIG", bare.to_str().unwrap())];
        let (succeeded, said) = attempt("docker", &["trust", "inspect", &gun], &desk.home, &environment);
        assert!(!succeeded, "{said}");
    }
    // Both editions speak of the same data.
    if is_there("notary") {
        let said = desk.notary_ok(&["delegation", "list", &gun]);
        assert!(said.contains("targets/gitlab") && said.contains("targets/bob"), "{said}");
    }
    desk.is_proved();
}
