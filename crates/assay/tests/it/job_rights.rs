//! What a job's token may do, when the job's person is the administrator: pull, push, read, and nothing that outlives it.

use serde_json::{Value, json};

use crate::{
    image::{call, debian, get, push, push_as},
    pipelines::World,
    server::{PASSWORD, Server, attempt, until},
};

/// What an administrator may do, and a job of theirs may not.
fn forbidden() -> Vec<(&'static str, &'static str, Value)> {
    let rule = json!({"field": "tag", "operator": "eq", "values": ["1"]});
    let policy = json!({"enabled": true, "rules": [rule], "targetRepository": "admin/other", "tagTemplate": "%n"});
    vec![
        ("POST", "/auth/login", json!({"username": "admin", "password": "TOKEN"})),
        ("POST", "/enzi/v0/accounts", json!({"name": "mallory", "password": PASSWORD})),
        ("PATCH", "/enzi/v0/accounts/admin", json!({"password": "another password"})),
        ("PATCH", "/enzi/v0/accounts/admin", json!({"isActive": false})),
        ("PUT", "/enzi/v0/accounts/org/members/admin", json!({"isAdmin": true})),
        ("POST", "/enzi/v0/accounts/org/teams", json!({"name": "team"})),
        ("PUT", "/api/v1/namespaces/admin/grants", json!({"user": "admin", "accessLevel": "admin"})),
        ("POST", "/api/v0/api_tokens", json!({"tokenLabel": "more"})),
        ("GET", "/api/v0/api_tokens", Value::Null),
        ("GET", "/api/clientbundle", Value::Null),
        ("POST", "/api/v1/accounts/admin/bundles", json!({"label": "mine"})),
        ("POST", "/api/v1/certificates", json!({"names": ["engine"]})),
        ("POST", "/api/v0/repositories/admin", json!({"name": "more"})),
        ("PATCH", "/api/v0/repositories/admin/flask", json!({"immutableTags": true})),
        ("DELETE", "/api/v0/repositories/admin/flask", Value::Null),
        ("POST", "/api/v0/repositories/admin/flask/promotionPolicies", policy),
        (
            "POST",
            "/api/v0/repositories/admin/flask/tags/1/promotion",
            json!({"targetRepository": "admin/other", "targetTag": "1"}),
        ),
        ("POST", "/api/v1/waivers", json!({"advisory": "CVE-2021-44228", "reason": "no", "repository": "admin/flask"})),
        ("PUT", "/api/v1/waivers/settings", json!({"needApproval": true})),
        (
            "POST",
            "/api/v0/imagescan/layeroverride/sha256:98ea6e4f216f2fb4b69fff9b3a44842c38686ca685f3f55dc48c5d3fb1107be4",
            json!({"component": "a", "componentVersion": "1", "cve": "CVE-2021-44228", "notes": "no"}),
        ),
        ("POST", "/api/v1/vex?repository=admin/flask", json!({"@context": "openvex", "statements": []})),
        (
            "POST",
            "/api/v0/webhooks",
            json!({"type": "TAG_PUSH", "key": "admin/flask", "endpoint": "https://example.org"}),
        ),
        ("PUT", "/api/v1/admission/policy", json!({"enabled": false})),
        ("GET", "/api/v1/audit/entries", Value::Null),
        ("POST", "/api/v4/projects", json!({"name": "more"})),
        ("POST", "/api/v4/projects/1/variables", json!({"key": "KEY", "value": "value"})),
        ("POST", "/api/v4/projects/1/triggers", json!({"description": "mine"})),
        ("POST", "/api/v4/projects/1/pipeline", json!({"ref": "main"})),
        ("POST", "/api/v4/user/runners", json!({"runner_type": "instance_type"})),
    ]
}

fn ask(server: &Server, token: &str, (method, path, body): &(&str, &str, Value)) -> (u16, String) {
    let headers = [("PRIVATE-TOKEN", token), ("Content-Type", "application/json")];
    let body = if body.is_null() { String::new() } else { body.to_string().replace("TOKEN", token) };
    let answer = server.ask(method, path, &headers, body.as_bytes());
    (answer.status, answer.body)
}

#[test]
fn a_job_pushes_and_reads_and_changes_nothing_else() {
    let world = World::new();
    let server = &world.server;
    push(server, "admin/flask", "1", &debian(&["hello 1"]));
    push(server, "admin/other", "1", &debian(&["hello 1"]));
    let basic = format!("Basic {}", crate::server::BASIC);
    let as_admin = [("Authorization", basic.as_str()), ("Content-Type", "application/json")];
    let org = server.ask("POST", "/enzi/v0/accounts", &as_admin, br#"{"name":"org","isOrg":true}"#);
    assert_eq!(org.status, 201, "{}", org.body);
    let token = server.ask("POST", "/api/v0/api_tokens", &as_admin, br#"{"tokenLabel":"ci"}"#);
    let token = token.json()["token"].as_str().unwrap().to_owned();
    let variable = json!({"key": "DTR_PASSWORD", "value": token});
    world.api("POST", "/projects/1/variables", &variable, 201);
    world.push("build: {script: [build]}\n");
    let job = world.take();
    let child = job.value("DTR_PASSWORD").to_owned();
    assert_ne!(child, token);

    let sentence = format!("the token of job {} may", job.id);
    let answers = forbidden().into_iter().map(|call| (ask(server, &child, &call), call));
    let allowed: Vec<_> = answers.filter(|((status, body), _)| *status != 403 || !body.contains(&sentence)).collect();
    assert!(allowed.is_empty(), "{allowed:#?}");
    // A push of code would be a pipeline that no person asked for.
    let url = format!("https://admin:{child}@{}/admin/flask.git", server.authority);
    let (ca, work) = (server.ca(), server.folder.path().join("work"));
    let environment = [("GIT_SSL_CAINFO", ca.to_str().unwrap()), ("GIT_CONFIG_NOSYSTEM", "1")];
    assert!(attempt("git", &["ls-remote", &url], &work, &environment).0);
    let (pushed, said) = attempt("git", &["push", &url, "HEAD:refs/heads/x"], &work, &environment);
    assert!(!pushed && said.contains("403"), "{said}");

    for path in ["/api/v4/user", "/api/v0/repositories", "/api/v0/repositories/admin/flask/tags"] {
        assert_eq!(ask(server, &child, &("GET", path, Value::Null)).0, 200, "{path}");
    }
    let scope = "repository:admin/flask:pull,push";
    let name_and_token = format!("Basic {}", base64(&format!("admin:{child}")));
    push_as(server, &server.token(scope, name_and_token.strip_prefix("Basic ")), "admin/flask", "2", &debian(&["a 1"]));
    is_of_its_pipeline(server);
    // The first push of a pipeline makes its repository, and the job does not manage that one either.
    let scope = "repository:admin/fresh:pull,push";
    push_as(server, &server.token(scope, name_and_token.strip_prefix("Basic ")), "admin/fresh", "1", &debian(&["a 1"]));
    let managed = ask(server, &child, &("PATCH", "/api/v0/repositories/admin/fresh", json!({"immutableTags": true})));
    assert_eq!(managed.0, 403, "{}", managed.1);
    // Its person still does all of it.
    assert_eq!(ask(server, &token, &("PUT", "/enzi/v0/accounts/org/members/admin", json!({"isAdmin": true}))).0, 200);
}

/// Policies know which pipeline's job pushed an image; of one that a person pushed they know that nobody knows.
fn is_of_its_pipeline(server: &Server) {
    let rule = |field: &str, value: &str| json!({"field": field, "operator": "eq", "values": [value]});
    let rules = [
        rule("provenance.project", "admin/flask"),
        rule("provenance.ref", "refs/heads/main"),
        rule("pushed.by", "admin"),
    ];
    let policy = json!({"enabled": true, "rules": rules, "targetRepository": "admin/other", "tagTemplate": "%n-built"});
    call(server, 201, "POST", "/api/v0/repositories/admin/flask/promotionPolicies", &policy);
    let last = |tag: &str| {
        get(server, &format!("/api/v1/repositories/admin/flask/tags/{tag}/decisions"))["decisions"][0].clone()
    };
    until("both are decided", || ["1", "2"].iter().all(|tag| last(tag)["verdict"].is_string()));
    assert_eq!((&last("2")["verdict"], &last("2")["effect"]), (&json!("allowed"), &json!("promoted")), "{}", last("2"));
    let sentence = "no job of a pipeline pushed the image, so that what built it is not known";
    assert_eq!((&last("1")["verdict"], &last("1")["reasons"][0]["sentence"]), (&json!("unknown"), &json!(sentence)));
}

fn base64(text: &str) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    STANDARD.encode(text)
}
