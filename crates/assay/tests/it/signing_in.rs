//! Signing in and out on the wire: the cookie, where one goes afterwards, and requests that other sites forge.

use crate::{
    image::{debian, expect, push},
    server::{Answer, PASSWORD, Server},
};

fn post(server: &Server, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut all = vec![("Content-Type", "application/x-www-form-urlencoded")];
    all.extend(headers);
    server.ask("POST", path, &all, body.as_bytes())
}

fn form(password: &str, to: &str) -> String {
    format!("username=admin&password={}&to={}", password.replace(' ', "+"), to.replace('/', "%2F"))
}

#[test]
fn a_session_begins_and_ends() {
    let server = Server::start("127.0.0.1");
    let url = format!("https://{}", server.authority);
    let own = [("Origin", url.as_str())];

    let answer = post(&server, "/sign-in", &own, &form(PASSWORD, "/repositories?after=a"));
    assert_eq!((answer.status, answer.header("location")), (303, Some("/repositories?after=a")));
    let cookie = answer.header("set-cookie").unwrap().to_owned();
    assert!(
        cookie.starts_with("__Host-assay=") && cookie.ends_with("; Secure; HttpOnly; SameSite=Lax; Path=/"),
        "{cookie}"
    );
    for elsewhere in ["https://evil.test", "//evil.test", "/\\evil.test", "javascript:alert(1)", ""] {
        let answer = post(&server, "/sign-in", &own, &form(PASSWORD, elsewhere));
        assert_eq!((answer.status, answer.header("location")), (303, Some("/")), "{elsewhere}");
    }

    let refused = post(&server, "/sign-in", &own, &form("wrong", "/"));
    assert_eq!((refused.status, refused.header("set-cookie")), (403, None));
    assert!(refused.body.contains("password is wrong"));

    let session = ("Cookie", cookie.split(';').next().unwrap());
    let page = server.ask("GET", "/repositories", &[session], b"");
    assert_eq!(page.status, 200);
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert_eq!(page.header("cache-control"), Some("no-store"));

    // Another site's page posts with the person's cookie.
    for forged in [vec![], vec![("Origin", "https://evil.test")], vec![("Sec-Fetch-Site", "cross-site"), own[0]]] {
        let mut headers = vec![session];
        headers.extend(forged);
        assert_eq!(post(&server, "/sign-out", &headers, "").status, 403);
        assert_eq!(post(&server, "/sign-in", &headers, &form(PASSWORD, "/")).status, 403);
        let body = br#"{"name":"forged"}"#;
        headers.push(("Content-Type", "application/json"));
        assert_eq!(server.ask("POST", "/api/v0/repositories/admin", &headers, body).status, 401);
    }
    assert_eq!(server.ask("GET", "/repositories", &[session], b"").status, 200);

    assert_eq!(post(&server, "/sign-out", &[session, own[0]], "").status, 303);
    let page = server.ask("GET", "/repositories", &[session], b"");
    assert_eq!((page.status, page.header("location")), (303, Some("/sign-in?to=%2Frepositories")));
}

#[test]
fn what_is_denied_looks_like_what_is_not_there() {
    let server = Server::start("127.0.0.1");
    let digest = push(&server, "admin/secret", "1", &debian(&["hello 1"]));
    let account = br#"{"name":"guest","password":"correct horse battery"}"#;
    expect(&server, 201, "POST", "/enzi/v0/accounts", "application/json", account);
    let url = format!("https://{}", server.authority);
    let body = format!("username=guest&password={}", PASSWORD.replace(' ', "+"));
    let answer = post(&server, "/sign-in", &[("Origin", &url)], &body);
    let cookie = answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let shown = |path: &str| {
        let page = server.ask("GET", path, &[("Cookie", &cookie), ("Accept", "text/html")], b"");
        let (before, after) = page.body.split_once("Request id").unwrap();
        assert!(!after.contains("secret"));
        (page.status, before.to_owned())
    };
    let nothing = shown("/repositories/admin/nothing");
    assert_eq!(nothing.0, 404);
    for path in [
        "/repositories/admin/secret".to_owned(),
        format!("/images/admin/secret@{digest}"),
        format!("/chain/{digest}"),
        "/chain/sha256:12".to_owned(),
        "/images/x".to_owned(),
        "/repositories/%2e%2e/x".to_owned(),
        "/nowhere".to_owned(),
    ] {
        assert_eq!(shown(&path), nothing, "{path}");
    }
    let api = server.ask("GET", &format!("/api/v1/chain/{digest}"), &[("Cookie", &cookie)], b"");
    assert_eq!((api.status, api.code().as_str()), (404, "NOT_FOUND"));
    assert_eq!(server.ask("GET", &format!("/api/v1/chain/{digest}"), &[], b"").status, 401);
}

#[test]
fn assets_are_kept_under_their_own_version_only() {
    let server = Server::start("127.0.0.1");
    let page = server.ask("GET", "/sign-in", &[], b"");
    let start = page.body.find("/assets/style.css?v=").unwrap();
    let address: String = page.body[start..].chars().take_while(|c| *c != '"').collect();
    let sheet = server.ask("GET", &address, &[], b"");
    assert_eq!(sheet.header("cache-control"), Some("public, max-age=31536000, immutable"));
    assert_eq!(sheet.header("content-type"), Some("text/css; charset=utf-8"));
    assert_eq!(server.ask("GET", "/assets/style.css?v=old", &[], b"").header("cache-control"), Some("no-cache"));
    assert_eq!(server.ask("GET", "/assets/..%2fx", &[], b"").status, 404);
}

#[test]
fn who_guesses_passwords_is_told_to_wait_in_the_words_of_each_protocol() {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let server = Server::start("127.0.0.1");
    let (name, admin) = crate::image::as_admin();
    let account = br#"{"name":"guest","password":"correct horse battery"}"#;
    expect(&server, 201, "POST", "/enzi/v0/accounts", "application/json", account);
    let with = |password: &str| format!("Basic {}", STANDARD.encode(format!("guest:{password}")));
    let ask = |path: &str, password: &str| server.ask("GET", path, &[("Authorization", &with(password))], b"");
    let guessed = (0..40).map(|_| ask("/api/v0/repositories", "a guess").status).take_while(|status| *status == 401);
    assert_eq!(guessed.count(), 10);
    // The right one too: a different answer would say that it is right.
    for path in ["/api/v0/repositories", "/api/v4/user", "/auth/token", "/v2/", "/v2/x/guest/app/_trust/tuf/root.json"]
    {
        let answer = ask(path, PASSWORD);
        assert_eq!(answer.status, 429, "{path}: {}", answer.body);
        assert!(answer.header("retry-after").unwrap().parse::<u32>().unwrap() > 0, "{path}");
        assert!(answer.body.contains("too many wrong passwords"), "{path}: {}", answer.body);
    }
    let git = ask("/guest/app.git/info/refs?service=git-upload-pack", PASSWORD);
    assert!(git.status == 429 && git.body.contains("too many wrong passwords"), "{git:?}");
    let url = format!("https://{}", server.authority);
    let body = format!("username=guest&password={}", PASSWORD.replace(' ', "+"));
    let page = post(&server, "/sign-in", &[("Origin", &url)], &body);
    assert_eq!((page.status, page.header("set-cookie")), (429, None));
    assert!(page.body.contains("too many wrong passwords"));

    let entries = server.ask("GET", "/api/v1/audit/entries?kind=sign_in.limited", &[(name, &admin)], b"");
    assert_eq!(entries.json()["entries"].as_array().unwrap().len(), 1, "{}", entries.body);
}

#[test]
fn the_token_service_refuses_in_codes_that_clients_of_the_registry_know() {
    let server = Server::start("127.0.0.1");
    let refused = server.ask("GET", "/auth/token", &[("Authorization", "Basic Z3Vlc3Q6YSBndWVzcw==")], b"");
    assert_eq!((refused.status, refused.code().as_str()), (401, "UNAUTHORIZED"), "{}", refused.body);
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let body = b"grant_type=password&username=guest&password=a+guess";
    let codes: Vec<_> = (0..12).map(|_| server.ask("POST", "/auth/token", &form, body).code()).collect();
    assert_eq!((codes[0].as_str(), codes[11].as_str()), ("UNAUTHORIZED", "TOOMANYREQUESTS"));
}
