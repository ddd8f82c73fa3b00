//! What was answered from memory is what the rows say, from the moment on that a change was acknowledged.

use serde_json::json;

use crate::{
    image::{call, debian, push},
    server::{BASIC, Server},
};

#[test]
fn a_change_is_seen_by_the_next_pull() {
    let server = Server::start("127.0.0.1");
    let change = |status: u16, method: &str, path: &str, body: serde_json::Value| {
        call(&server, status, method, path, &body);
    };
    let path = "/v2/admin/shop/manifests/latest";
    let pull = |authorization: Option<&str>| {
        let headers: Vec<_> = authorization.iter().map(|value| ("Authorization", *value)).collect();
        // Twice: the second answer comes from memory, when the first was one that is kept.
        let (first, second) = (server.ask("GET", path, &headers, b""), server.ask("GET", path, &headers, b""));
        assert_eq!((first.status, &first.body), (second.status, &second.body));
        let head = server.ask("HEAD", path, &headers, b"");
        assert_eq!((head.status, head.body.as_str()), (first.status, ""));
        assert_eq!(head.header("docker-content-digest"), first.header("docker-content-digest"));
        (first.status, first.header("docker-content-digest").unwrap_or_default().to_owned())
    };
    let one = push(&server, "admin/shop", "latest", &debian(&["bash 5.2.15-2"]));
    change(201, "POST", "/enzi/v0/accounts", json!({"name": "reader", "password": "a long enough password"}));
    let grant = |level: serde_json::Value| {
        let body = json!({"on": "repository", "name": "shop", "user": "reader", "accessLevel": level});
        change(204, "PUT", "/api/v1/namespaces/admin/grants", body);
    };
    grant(json!("read-only"));
    let reader = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, "reader:a long enough password");
    let (admin, reader) = (
        server.token("repository:admin/shop:pull", Some(BASIC)),
        server.token("repository:admin/shop:pull", Some(&reader)),
    );
    for token in [&admin, &reader] {
        assert_eq!(pull(Some(token)), (200, one.to_string()));
    }
    assert_eq!(pull(None).0, 401);

    let two = push(&server, "admin/shop", "latest", &debian(&["bash 5.2.15-3"]));
    assert_eq!(pull(Some(&reader)), (200, two.to_string()));
    change(200, "PATCH", "/api/v0/repositories/admin/shop", json!({"visibility": "public"}));
    assert_eq!(pull(None), (200, two.to_string()));
    change(200, "PATCH", "/api/v0/repositories/admin/shop", json!({"visibility": "private"}));
    assert_eq!(pull(None).0, 401);
    grant(serde_json::Value::Null);
    assert_eq!(pull(Some(&reader)).0, 404);
    assert_eq!(pull(Some(&admin)), (200, two.to_string()));
    change(204, "DELETE", "/api/v0/repositories/admin/shop/tags/latest", json!({}));
    assert_eq!(pull(Some(&admin)).0, 404);
}
