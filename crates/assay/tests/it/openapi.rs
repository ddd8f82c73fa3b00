//! The description of `/api/v1` is valid, whole and true.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::{
    contract::{CONTRACT, Request},
    docs,
    server::{Answer, Server},
};

fn document() -> Value {
    serde_json::from_str(web::description()).unwrap()
}

/// Every value under this key, wherever it stands.
fn all<'a>(value: &'a Value, key: &str, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get(key));
            members.values().for_each(|member| all(member, key, found));
        }
        Value::Array(items) => items.iter().for_each(|item| all(item, key, found)),
        _ => {}
    }
}

/// By the schema that the OpenAPI Initiative publishes, which leaves the schemas in it to JSON Schema 2020-12.
#[test]
fn it_is_valid_openapi() {
    let published: Value = serde_json::from_str(include_str!("../openapi/schema-3.1.json")).unwrap();
    let validator = jsonschema::draft202012::new(&published).unwrap();
    let document = document();
    let problems: Vec<String> =
        validator.iter_errors(&document).map(|error| format!("{error} at {}", error.instance_path())).collect();
    assert!(problems.is_empty(), "{problems:#?}");

    let (mut schemas, mut references) = (Vec::new(), Vec::new());
    all(&document, "schema", &mut schemas);
    schemas.extend(document["components"]["schemas"].as_object().unwrap().values());
    for schema in &schemas {
        assert!(jsonschema::draft202012::meta::is_valid(schema), "{schema} is no schema");
    }
    all(&document, "$ref", &mut references);
    let places: BTreeSet<&str> = references.iter().map(|place| place.as_str().unwrap()).collect();
    for place in &places {
        assert!(document.pointer(&place[1..]).is_some(), "{place} is not there");
    }
    for (kind, members) in document["components"].as_object().unwrap() {
        for name in members.as_object().unwrap().keys().filter(|_| kind != "securitySchemes") {
            assert!(places.contains(&*format!("#/components/{kind}/{name}")), "nothing refers to {kind}/{name}");
        }
    }
}

#[test]
fn it_has_the_routes_of_the_router() {
    let described: Vec<String> = CONTRACT.operations.iter().map(|operation| operation.route()).collect();
    let served: BTreeSet<String> = docs::routes().into_iter().filter(|route| route.contains(" /api/v1/")).collect();
    assert_eq!(described.iter().cloned().collect::<BTreeSet<_>>(), served, "described (left) and served (right)");
    let ids: BTreeSet<&str> = CONTRACT.operations.iter().map(|operation| operation.id.as_str()).collect();
    assert_eq!(ids.len(), described.len(), "an operationId stands twice");
}

#[test]
fn its_examples_are_as_its_schemas_say() {
    let document = document();
    let mut contents = Vec::new();
    all(&document, "content", &mut contents);
    let with_example = contents.into_iter().flat_map(|content| content.as_object().unwrap().values());
    let mut seen = 0;
    for content in with_example.filter(|content| content.get("example").is_some()) {
        CONTRACT.valid(&content["schema"], &content["example"]).unwrap_or_else(|why| panic!("{why}: {content}"));
        seen += 1;
    }
    assert!(seen > 20, "{seen} examples");
}

#[test]
fn everybody_may_read_it() {
    let server = Server::start("127.0.0.1");
    let answer = server.ask("GET", "/api/v1/openapi.json", &[], b"");
    assert_eq!((answer.status, answer.json()), (200, document()));
    let etag = answer.header("etag").unwrap();
    assert_eq!(server.ask("GET", "/api/v1/openapi.json", &[("If-None-Match", etag)], b"").status, 304);
}

/// An answer as it comes over the wire.
fn answer(status: u16, kind: &str, body: &Value) -> Answer {
    Answer::parse(format!("HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\n\r\n{body}").as_bytes()).unwrap()
}

fn checked(method: &str, path: &str, sent: &str, answer: &Answer) -> Result<(), String> {
    let headers = [("Authorization", "Bearer x")];
    CONTRACT.check(&Request { method, path, headers: &headers, body: sent.as_bytes() }, answer)
}

#[test]
fn what_is_not_described_is_found() {
    const JSON: &str = "application/json";
    let quota = json!({"usedBytes": 1, "quotaBytes": 2});
    let usage = "/api/v1/namespaces/prod/usage";
    let get = |path: &str, status, kind: &str, body: &Value| checked("GET", path, "", &answer(status, kind, body));
    get(usage, 200, JSON, &quota).unwrap();

    let refused = |result: Result<(), String>, part: &str| {
        let why = result.expect_err(part);
        assert!(why.contains(part), "{why:?} does not say {part:?}");
    };
    refused(get(usage, 200, JSON, &json!({"usedBytes": 1})), "\"quotaBytes\" is a required property");
    refused(get(usage, 200, JSON, &json!({"usedBytes": 1, "quotaBytes": 2, "files": 3})), "files");
    refused(get(usage, 200, JSON, &json!({"usedBytes": "1", "quotaBytes": 2})), "usedBytes");
    refused(get(usage, 202, JSON, &quota), "the status 202");
    refused(get(usage, 200, "text/plain", &quota), "\"text/plain\" is not described");
    refused(get("/api/v1/nothing", 200, JSON, &quota), "this operation is not described");
    refused(get("/api/v1/nothing", 404, JSON, &json!({"message": "404"})), "message");
    refused(get(&format!("{usage}?by=day"), 200, JSON, &quota), "by in the query");
    refused(get("/api/v1/namespaces/Prod/usage", 200, JSON, &quota), "the parameter namespace");
    let failed = json!({"errors": [{"code": "NOT_FOUND", "message": "x", "detail": null, "hint": "y"}]});
    refused(get(usage, 404, JSON, &failed), "hint");

    let done = Answer::parse(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
    let put = "/api/v1/namespaces/prod/quota";
    checked("PUT", put, r#"{"bytes": 1}"#, &done).unwrap();
    refused(checked("PUT", put, r#"{"bytes": -1}"#, &done), "what was sent");
    refused(checked("PUT", put, r#"{"bytes": 1, "files": 2}"#, &done), "what was sent");
    refused(checked("PUT", put, "", &done), "no JSON");
    let anonymous = Request { method: "GET", path: usage, headers: &[], body: b"" };
    refused(CONTRACT.check(&anonymous, &answer(200, JSON, &quota)), "without credentials");
}
