//! Robots, what their tokens may do, and repositories that only they push to, over HTTP and with docker.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::{
    image::{call, get},
    server::Server,
};

fn basic(user: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{secret}")))
}

fn status(server: &Server, who: &str, method: &str, path: &str, body: &[u8]) -> (u16, Value) {
    let headers = [("Authorization", who), ("Content-Type", "application/json")];
    let answer = server.ask(method, path, &headers, body);
    (answer.status, serde_json::from_str(&answer.body).unwrap_or_default())
}

fn message(answer: &Value) -> &str {
    answer["errors"][0]["message"].as_str().unwrap_or_default()
}

#[test]
fn a_robot_from_its_first_token_to_its_end() {
    let server = Server::start("127.0.0.1");
    call(&server, 201, "POST", "/enzi/v0/accounts", &json!({"name": "ops", "isOrg": true}));
    for name in ["shop", "other"] {
        call(&server, 201, "POST", "/api/v0/repositories/ops", &json!({"name": name}));
    }
    let new = json!({"name": "deploy", "description": "ships", "grants": [{"place": "ops/shop", "accessLevel": "read-write"}]});
    let made = call(&server, 201, "POST", "/api/v1/namespaces/ops/robots", &new);
    assert_eq!((&made["name"], &made["isRobot"], &made["isOrg"]), (&json!("ops+deploy"), &json!(true), &json!(false)));
    assert!(made["expiresAt"].is_string() && made["lastUsed"].is_null(), "{made}");
    let first = basic("ops+deploy", made["token"].as_str().unwrap());

    // The token service takes its name, as docker sends it, and the bearer token does what the robot may.
    let scope = "/auth/token?service=x&account=ops%2Bdeploy&scope=repository:ops/shop:pull,push";
    let (answered, token) = status(&server, &first, "GET", scope, b"");
    assert_eq!((answered, &token["expires_in"]), (200, &json!(300)));
    let bearer = format!("Bearer {}", token["token"].as_str().unwrap());
    assert_eq!(status(&server, &bearer, "POST", "/v2/ops/shop/blobs/uploads/", b"").0, 202);
    assert_eq!(status(&server, &first, "POST", "/v2/ops/shop/blobs/uploads/", b"").0, 202);
    assert_eq!(status(&server, &first, "POST", "/v2/ops/other/blobs/uploads/", b"").0, 404);
    assert_eq!(status(&server, &first, "GET", "/api/v0/repositories/ops/shop", b"").0, 200);
    for (method, path, body) in [
        ("PATCH", "/api/v0/repositories/ops/shop", json!({"visibility": "public"})),
        ("POST", "/api/v0/api_tokens", json!({})),
        ("POST", "/auth/login", json!({"username": "ops+deploy", "password": made["token"]})),
        ("POST", "/api/v1/robots/ops+deploy/rotate", json!({})),
        ("POST", "/api/v1/namespaces/ops/robots", json!({"name": "more"})),
        ("DELETE", "/api/v1/robots/ops+deploy", json!({})),
    ] {
        let (answered, told) = status(&server, &first, method, path, body.to_string().as_bytes());
        assert!(
            answered == 403 && message(&told).contains("the token of a robot"),
            "{method} {path}: {answered} {told}"
        );
    }
    let seen = get(&server, "/api/v1/namespaces/ops/robots");
    assert!(
        seen["robots"][0]["lastUsed"].is_string() && seen["robots"][0]["tokens"][0].get("token").is_none(),
        "{seen}"
    );
    assert_eq!(get(&server, "/enzi/v0/accounts?filter=robots")["accounts"].as_array().unwrap().len(), 1);

    let rotated = call(&server, 200, "POST", "/api/v1/robots/ops+deploy/rotate", &json!({"graceMinutes": 0}));
    let second = basic("ops+deploy", rotated["token"].as_str().unwrap());
    assert_eq!(status(&server, &first, "GET", "/v2/", b"").0, 401);
    assert_eq!(status(&server, &bearer, "GET", "/v2/", b"").0, 401);
    assert_eq!(status(&server, &second, "GET", "/v2/", b"").0, 200);
    what_can_be_no_robot_is_refused(&server);
    assert_eq!(call(&server, 409, "DELETE", "/enzi/v0/accounts/ops", &json!({}))["errors"][0]["code"], "CONFLICT");
    call(&server, 204, "DELETE", "/api/v1/robots/ops+deploy", &json!({}));
    assert_eq!(status(&server, &second, "GET", "/v2/", b"").0, 401);
    assert_eq!(
        call(&server, 404, "GET", "/api/v1/robots/ops+deploy", &json!({}))["errors"][0]["code"],
        "NO_SUCH_ROBOT"
    );

    // With its repositories gone for good, the organization goes too.
    let held = call(&server, 409, "DELETE", "/enzi/v0/accounts/ops", &json!({}));
    assert!(message(&held).contains("the repository ops/other is in its namespace"), "{held}");
    for name in ["shop", "other"] {
        call(&server, 204, "DELETE", &format!("/api/v0/repositories/ops/{name}"), &json!({}));
    }
    let held = call(&server, 409, "DELETE", "/enzi/v0/accounts/ops", &json!({}));
    assert!(message(&held).contains("can still be brought back"), "{held}");
    assert_eq!(get(&server, "/api/v1/audit/verify")["problems"], json!([]));
}

fn what_can_be_no_robot_is_refused(server: &Server) {
    let path = "/api/v1/namespaces/ops/robots";
    for (body, why) in [
        (json!({"name": "UPPER"}), "OWNER+ROBOT"),
        (json!({"name": "x", "grants": [{"place": "ops/shop", "accessLevel": "admin"}]}), "cannot be administered"),
        (json!({"name": "x", "grants": [{"place": "nobody", "accessLevel": "read-only"}]}), "nobody"),
        (json!({"name": "x", "expiresInDays": 1, "expiresAt": "2030-01-01T00:00:00Z"}), "either"),
        (json!({"name": "x", "expiresAt": "2001-01-01T00:00:00Z"}), "worthless"),
    ] {
        let (answered, told) = status(server, &crate::image::as_admin().1, "POST", path, body.to_string().as_bytes());
        assert!((400..=404).contains(&answered) && message(&told).contains(why), "{body}: {answered} {told}");
    }
}

#[test]
fn persons_are_told_why_they_may_not_push() {
    let server = Server::start("127.0.0.1");
    let admin = crate::image::as_admin().1;
    call(&server, 201, "POST", "/api/v0/repositories/admin", &json!({"name": "flask", "onlyRobotsPush": true}));
    assert_eq!(get(&server, "/api/v0/repositories/admin/flask")["onlyRobotsPush"], true);
    for path in [
        "/v2/admin/flask/blobs/uploads/",
        "/v2/admin/flask/blobs/uploads/?digest=sha256:0000000000000000000000000000000000000000000000000000000000000000",
    ] {
        let (answered, told) = status(&server, &admin, "POST", path, b"");
        assert_eq!((answered, told["errors"][0]["code"].as_str()), (403, Some("DENIED")), "{path}: {told}");
        assert!(
            message(&told).starts_with("no human builds or deploys here: admin/flask takes pushes from robots"),
            "{told}"
        );
    }
    crate::image::push(&server, "admin/work", "1", &crate::image::debian(&["bash 5.2-1"]));
    let by_hand = json!({"targetRepository": "admin/flask", "targetTag": "1"});
    let told = call(&server, 403, "POST", "/api/v0/repositories/admin/work/tags/1/promotion", &by_hand);
    assert!(message(&told).contains("no human builds"), "{told}");
    let entries = get(&server, "/api/v1/audit/entries?kind=push.refused");
    assert_eq!(entries["entries"].as_array().unwrap().len(), 1, "once in a while: {entries}");
    call(&server, 200, "PATCH", "/api/v1/namespaces/admin/settings", &json!({"onlyRobotsPush": true}));
    assert_eq!(get(&server, "/api/v1/namespaces/admin/settings")["onlyRobotsPush"], true);
    let (answered, told) = status(&server, &admin, "POST", "/v2/admin/new/blobs/uploads/", b"");
    assert!(answered == 403 && message(&told).contains("says the namespace admin"), "{told}");
    assert_eq!(get(&server, "/api/v1/audit/verify")["problems"], json!([]));
}
