//! Making oneself more, seeing more, changing more than one may.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use super::{bearer, grant, made, push_blob, say, tagged};
use crate::{
    conformance::{Wire, basic},
    image::as_admin,
    server::{PASSWORD, Server, until},
};

/// Harbor took `has_admin_role` from whoever registered.
#[test]
fn cve_2019_16097_nobody_makes_himself_an_administrator() {
    let wire = Wire::start();
    let user = wire.account("user");
    let new = json!({"name": "evil", "password": PASSWORD, "isAdmin": true, "has_admin_role": true});
    assert_eq!(say(&wire, "", "POST", "/enzi/v0/accounts", &new).status, 401);
    assert_eq!(say(&wire, &user, "POST", "/enzi/v0/accounts", &new).status, 403);
    for (status, more) in [
        (403, json!({"isAdmin": true})),
        (403, json!({"isAdmin": true, "fullName": "me", "password": PASSWORD})),
        (400, json!({"admin": true})),
        (400, json!({"is_admin": true, "password": PASSWORD})),
    ] {
        let path = "/enzi/v0/accounts/user";
        assert_eq!(say(&wire, &user, "PATCH", path, &more).status, status, "{more}");
    }
    say(&wire, &user, "POST", "/api/v0/api_tokens", &json!({"tokenLabel": "t", "isAdmin": true, "username": "admin"}));
    say(&wire, &user, "POST", "/api/v0/repositories/user", &json!({"name": "app", "namespace": "admin"}));
    assert_eq!(wire.ask("GET", "/enzi/v0/accounts/user", &[], b"").json()["isAdmin"], false);
    assert_eq!(wire.ask("GET", "/api/v0/repositories/admin/app", &[], b"").status, 404);
    for kind in ["PUT", "DELETE"] {
        let seat = "/enzi/v0/accounts/admin/members/user";
        assert!(say(&wire, &user, kind, seat, &json!({"isAdmin": true})).status >= 400);
    }
}

/// Harbor: requests that other sites forge, and text that became SQL (CVE-2019-19025, CVE-2019-19026, CVE-2019-19029,
/// CVE-2024-22261).
#[test]
fn cve_2019_19023_forged_requests_and_text_in_queries_do_nothing() {
    let wire = Wire::start();
    let user = wire.account("user");
    tagged(&wire, "admin/hidden", "1");
    tagged(&wire, "admin/shown", "1");
    made(&wire, "PATCH", "/api/v0/repositories/admin/shown", &json!({"visibility": "public"}));
    let texts = ["'", "' OR '1'='1", "') OR 1=1 --", "\"; DROP TABLE tags; --", "%' OR '%'='", "\\", "\u{1f433}"];
    for text in texts.map(|text| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>()) {
        for path in [
            format!("/v2/_catalog?last={text}"),
            format!("/v2/admin/shown/tags/list?last={text}"),
            format!("/v2/admin/shown/referrers/{}?artifactType={text}", oci::Digest::sha256_of(b"x")),
            format!("/api/v0/repositories?pageStart={text}"),
            format!("/api/v0/repositories/{text}"),
            format!("/api/v0/repositories/admin/shown/tags?pageStart={text}"),
            format!("/api/v0/webhooks?pageStart={text}"),
            format!("/enzi/v0/accounts?start={text}"),
            format!("/api/v1/waivers?repository={text}"),
            format!("/api/v4/projects?search={text}"),
        ] {
            let answer = wire.ask_as(&user, "GET", &path, &[], b"");
            assert!(answer.status < 500 && !answer.body.contains("hidden"), "{path}: {}", answer.body);
        }
    }
    wire.expect(200, "GET", "/v2/admin/shown/manifests/1", &[], b"");

    let url = format!("https://{}", wire.server.authority);
    let form = format!("username=admin&password={}", PASSWORD.replace(' ', "+"));
    let kind = ("Content-Type", "application/x-www-form-urlencoded");
    let session = wire.ask_as("", "POST", "/sign-in", &[("Origin", &url), kind], form.as_bytes());
    let cookie = session.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    for origin in [("Origin", "https://evil.test"), ("Origin", "null"), ("Sec-Fetch-Site", "same-site"), ("X-None", "")]
    {
        let headers = [("Cookie", cookie.as_str()), origin];
        let path = "/api/v0/repositories/admin/shown";
        assert_eq!(wire.ask_as("", "DELETE", path, &headers, b"").status, 401, "{origin:?}");
        let answer = wire.ask_as("", "GET", "/api/v0/repositories", &headers, b"");
        assert_eq!(answer.header("access-control-allow-origin"), None, "zot 2.1.15: no site reads with one's cookie");
    }
    wire.expect(200, "GET", "/v2/admin/shown/manifests/1", &[], b"");
}

/// Harbor and others: lists for nobody on another spelling of a path, and answers that tell what exists (CVE-2020-13794,
/// CVE-2020-29662).
#[test]
fn cve_2019_19030_nothing_is_enumerated_on_any_spelling_of_a_path() {
    let wire = Wire::start();
    let stranger = wire.account("stranger");
    tagged(&wire, "admin/hidden", "1");
    for path in [
        "/v2/_catalog",
        "/v2/_catalog/",
        "//v2/_catalog",
        "/v2//_catalog",
        "/v2/./_catalog",
        "/v2/x/../_catalog",
        "/v2/%5fcatalog",
        "/V2/_catalog",
        "/v2/_catalog;x",
        "/v2/_catalog?n=1&last=",
        "/v2/admin/hidden/tags/list/",
        "/v2/admin%2Fhidden/tags/list",
        "//v2/admin/hidden/tags/list",
        "/api/v0/repositories",
        "/api/v0/repositories/admin",
        "/api/v0//repositories",
        "/enzi/v0/accounts",
        "/api/v4/projects",
        "/repositories",
    ] {
        let nobody = wire.ask_as("", "GET", path, &[], b"");
        assert!(nobody.status != 200 || !path.to_lowercase().contains("v2"), "{path}: {}", nobody.body);
        let answers = [nobody, wire.ask_as(&stranger, "GET", path, &[], b"")];
        // The name that was asked for may be in the answer; that it is there may not.
        let told = answers.map(|answer| answer.status == 200 && answer.body.contains("hidden"));
        assert_eq!(told, [false; 2], "{path}");
    }
    for auth in ["", &stranger] {
        for path in [
            "/v2/NAME/tags/list",
            "/v2/NAME/manifests/1",
            "/api/v0/repositories/NAME",
            "/api/v0/repositories/NAME/tags",
        ] {
            let told = |name: &str| {
                let answer = wire.ask_as(auth, "GET", &path.replace("NAME", name), &[], b"");
                (answer.status, answer.body.replace(name, "NAME"))
            };
            assert_eq!(told("admin/hidden"), told("admin/absent"), "{path}");
        }
    }
}

/// Harbor found things by the id in a URL, whoever's they were (CVE-2022-31667, 31669, 31670, 31671).
#[test]
fn cve_2022_31666_an_id_is_no_right_to_what_it_names() {
    let wire = Wire::start();
    let mallory = wire.account("mallory");
    for name in ["admin/app", "admin/prod"] {
        tagged(&wire, name, "1");
    }
    say(&wire, &mallory, "POST", "/api/v0/repositories/mallory", &json!({"name": "app"}));
    let hook = json!({"type": "TAG_PUSH", "key": "admin/app", "endpoint": "https://example.org/"});
    let hook = made(&wire, "POST", "/api/v0/webhooks", &hook)["id"].as_str().unwrap().to_owned();
    let rule = json!({"field": "tag", "operator": "eq", "values": ["1"]});
    let policy = json!({"enabled": false, "rules": [rule], "targetRepository": "admin/prod", "tagTemplate": "%n"});
    let policy = made(&wire, "POST", "/api/v0/repositories/admin/app/promotionPolicies", &policy)["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let waiver = json!({"advisory": "CVE-2021-44228", "reason": "no", "repository": "admin/app"});
    let waiver = made(&wire, "POST", "/api/v1/waivers", &waiver)["id"].as_str().unwrap().to_owned();
    made(&wire, "POST", "/api/v4/projects", &json!({"name": "site"}));
    say(&wire, &mallory, "POST", "/api/v4/projects", &json!({"name": "site"}));
    let trigger = made(&wire, "POST", "/api/v4/projects/1/triggers", &json!({"description": "mine"}));
    let (whole, trigger) = (trigger.to_string(), trigger["id"].to_string());
    for (method, path, body) in [
        ("DELETE", format!("/api/v0/webhooks/{hook}"), Value::Null),
        ("POST", "/api/v0/webhooks/update".to_owned(), json!({"id": hook, "inactive": true})),
        ("GET", format!("/api/v1/webhooks/{hook}/deliveries"), Value::Null),
        ("GET", format!("/api/v0/repositories/mallory/app/promotionPolicies/{policy}"), Value::Null),
        ("PUT", format!("/api/v0/repositories/mallory/app/promotionPolicies/{policy}"), json!({"enabled": true})),
        ("DELETE", format!("/api/v0/repositories/mallory/app/promotionPolicies/{policy}"), Value::Null),
        ("DELETE", format!("/api/v1/waivers/{waiver}"), Value::Null),
        ("GET", format!("/api/v4/projects/2/triggers/{trigger}"), Value::Null),
        ("PUT", format!("/api/v4/projects/2/triggers/{trigger}"), json!({"description": "theirs"})),
        ("DELETE", format!("/api/v4/projects/2/triggers/{trigger}"), Value::Null),
        ("GET", format!("/api/v4/projects/1/triggers/{trigger}"), Value::Null),
        ("GET", "/api/v0/api_tokens?username=admin".to_owned(), Value::Null),
    ] {
        let answer = say(&wire, &mallory, method, &path, &body);
        assert!([403, 404].contains(&answer.status), "{method} {path}: {} {}", answer.status, answer.body);
    }
    assert_eq!(wire.ask("GET", "/api/v0/repositories/admin/app/webhooks", &[], b"").json()[0]["inactive"], false);
    let path = format!("/api/v0/repositories/admin/app/promotionPolicies/{policy}");
    assert_eq!(wire.ask("GET", &path, &[], b"").json()["enabled"], false);
    assert!(wire.ask("GET", "/api/v1/waivers?repository=admin/app", &[], b"").body.contains(&waiver));
    let kept = wire.ask("GET", &format!("/api/v4/projects/1/triggers/{trigger}"), &[], b"");
    assert!(kept.status == 200 && whole.contains("mine") && kept.body.contains("mine"), "{}", kept.body);
}

/// Harbor showed what was made public to people who were not asked to sign in; here private is the default.
#[test]
fn cve_2022_46463_public_is_what_somebody_made_public() {
    let wire = Wire::start();
    tagged(&wire, "admin/pushed", "1");
    made(&wire, "POST", "/api/v0/repositories/admin", &json!({"name": "created"}));
    made(&wire, "POST", "/api/v0/repositories/admin", &json!({"name": "opened", "visibility": "public"}));
    let shown = wire.ask_as("", "GET", "/api/v0/repositories", &[], b"").json();
    let names: Vec<_> =
        shown["repositories"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["opened"]);
    assert_eq!(wire.ask_as("", "GET", "/v2/admin/opened/tags/list", &[], b"").status, 200);
    for name in ["pushed", "created"] {
        assert_eq!(wire.ask_as("", "GET", &format!("/v2/admin/{name}/tags/list"), &[], b"").status, 401, "{name}");
    }
}

/// In Harbor a maintainer could change what only an administrator of the project may.
#[test]
fn cve_2024_22278_each_setting_asks_for_its_own_right() {
    let wire = Wire::start();
    let writer = wire.account("writer");
    tagged(&wire, "admin/app", "1");
    grant(&wire, "app", "writer", Some("read-write"));
    assert_eq!(push_blob(&wire, &writer, "admin/app", b"writes"), 201);
    let policy = json!({"enabled": true, "rules": [], "targetRepository": "writer/app", "tagTemplate": "%n"});
    for (method, path, body) in [
        ("PATCH", "/api/v0/repositories/admin/app", json!({"visibility": "public"})),
        ("PATCH", "/api/v0/repositories/admin/app", json!({"immutableTags": true})),
        ("PATCH", "/api/v0/repositories/admin/app", json!({"shortDescription": "mine"})),
        ("DELETE", "/api/v0/repositories/admin/app", Value::Null),
        ("PUT", "/api/v1/namespaces/admin/grants", json!({"name": "app", "user": "writer", "accessLevel": "admin"})),
        (
            "POST",
            "/api/v0/webhooks",
            json!({"type": "TAG_PUSH", "key": "admin/app", "endpoint": "https://example.org"}),
        ),
        ("GET", "/api/v0/repositories/admin/app/webhooks", Value::Null),
        ("POST", "/api/v0/repositories/admin/app/promotionPolicies", policy),
        ("POST", "/api/v1/waivers", json!({"advisory": "CVE-2021-44228", "reason": "x", "repository": "admin/app"})),
        ("POST", "/api/v0/repositories/admin", json!({"name": "other"})),
        ("PUT", "/api/v1/admission/policy", json!({"enabled": false, "guards": [], "teams": []})),
        ("GET", "/api/v1/audit/entries", Value::Null),
    ] {
        let answer = say(&wire, &writer, method, path, &body);
        assert_eq!(answer.status, 403, "{method} {path}: {}", answer.body);
    }
}

/// Harbor began with a password that everybody knows.
#[test]
fn cve_2026_4404_there_is_no_password_to_begin_with() {
    let server = Server::start_with(&[("ASSAY_ADMIN_PASSWORD", "")]);
    for password in ["", "admin", "password", "Harbor12345", "changeme", "assay", PASSWORD] {
        let answer = server.ask("GET", "/v2/", &[("Authorization", &basic("admin", password))], b"");
        assert_eq!(answer.status, 401, "{password:?}");
    }
}

/// zot and Harbor wrote secrets into logs; Quay showed robots' tokens to who may only look (PROJQUAY-12365).
#[test]
fn cve_2025_48374_no_secret_is_in_a_log_a_list_or_a_table() {
    let wire = Wire::to(Server::start_with(&[("ASSAY_LOG", "debug")]));
    let (url, key, variable) = ("in-the-url-of-a-hook", "signs-the-hooks-of-one", "kept-for-the-jobs-of-one");
    let hook = json!({"type": "TAG_PUSH", "key": "admin/app", "secret": key,
        "endpoint": format!("https://{}/nowhere?token={url}", wire.server.authority)});
    tagged(&wire, "admin/app", "1");
    made(&wire, "POST", "/api/v0/webhooks", &hook);
    made(&wire, "POST", "/api/v4/projects", &json!({"name": "site"}));
    made(&wire, "POST", "/api/v4/projects/1/variables", &json!({"key": "SECRET", "value": variable, "masked": true}));
    let token =
        made(&wire, "POST", "/api/v0/api_tokens", &json!({"tokenLabel": "t"}))["token"].as_str().unwrap().to_owned();
    let session = say(&wire, "", "POST", "/auth/login", &json!({"username": "admin", "password": PASSWORD}));
    let session = session.json()["auth_token"].as_str().unwrap().to_owned();
    let guess = "a-guess-that-was-nearly-right";
    let wrong = wire.ask_as(&basic("admin", guess), "GET", "/v2/", &[], b"");
    assert_eq!(wrong.status, 401);
    let pull = bearer(&wire, "repository:admin/app:pull", &as_admin().1);
    assert_eq!(wire.ask_as(&pull, "GET", "/v2/admin/app/manifests/1", &[], b"").status, 200);
    // A push that the webhook is told of.
    tagged(&wire, "admin/app", "2");
    let told = || wire.ask("GET", "/api/v1/audit/entries?limit=1000", &[], b"").body;
    until("the audit log has the webhook", || told().contains("webhook."));

    let pull = pull.trim_start_matches("Bearer ").to_owned();
    let secrets = [PASSWORD, url, key, variable, &token, &session, guess, &pull];
    let mut places = vec![
        ("its log".to_owned(), wire.server.said().into_bytes()),
        ("the audit log".to_owned(), told().into_bytes()),
    ];
    for path in [
        "/api/v0/webhooks",
        "/api/v0/api_tokens",
        "/enzi/v0/accounts",
        "/api/v0/repositories/admin/app/webhooks",
        "/metrics",
    ] {
        places.push((path.to_owned(), wire.expect(200, "GET", path, &[], b"").bytes));
    }
    let mut files = BTreeSet::new();
    below(&wire.server.folder.path().join("data"), &mut files);
    assert!(files.iter().any(|file| file.ends_with("assay.db")));
    places.extend(files.iter().map(|file| (file.display().to_string(), fs::read(file).unwrap_or_default())));
    assert!(places[0].1.len() > 1_000, "the log says something");
    for (place, bytes) in places {
        for secret in secrets {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{secret:?} is in {place}");
        }
    }
}

fn below(folder: &Path, found: &mut BTreeSet<PathBuf>) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            below(&path, found);
        } else {
            found.insert(path);
        }
    }
}
