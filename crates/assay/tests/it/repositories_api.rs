//! DTR's repositories, tags and scans, as scripts of a DTR estate ask for them.

use serde_json::{Value, json};

use crate::{
    image::{as_admin, call, debian, get, push, scanned},
    server::Server,
};

fn code(server: &Server, status: u16, method: &str, path: &str, body: Value) -> String {
    call(server, status, method, path, &body)["errors"][0]["code"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_repository_from_its_creation_to_its_end() {
    let server = Server::start("127.0.0.1");
    let api = "/api/v0/repositories";
    let new = json!({"name": "shop", "visibility": "private", "immutableTags": true, "shortDescription": "a shop"});
    let made = call(&server, 201, "POST", &format!("{api}/admin"), &new.clone());
    assert_eq!(
        (&made["namespace"], &made["name"], &made["scanOnPush"]),
        (&json!("admin"), &json!("shop"), &json!(true))
    );
    assert_eq!(code(&server, 400, "POST", &format!("{api}/admin"), new), "REPOSITORY_EXISTS");
    let odd = json!({"name": "odd", "visibility": "secret"});
    assert_eq!(code(&server, 400, "POST", &format!("{api}/admin"), odd), "INVALID_REPOSITORY_VISIBILITY");
    assert_eq!(code(&server, 404, "POST", &format!("{api}/nobody"), json!({"name": "x"})), "NO_SUCH_ACCOUNT");
    assert_eq!(code(&server, 400, "POST", &format!("{api}/admin"), json!({"name": "UPPER"})), "INVALID_PARAMETERS");
    call(&server, 201, "POST", &format!("{api}/admin"), &json!({"name": "zoo/deep"}));
    let deep = get(&server, &format!("{api}/admin/zoo%2Fdeep"));
    assert_eq!(deep["name"], "zoo/deep");

    let (name, value) = as_admin();
    let page = server.ask("GET", &format!("{api}?pageSize=1"), &[(name, &value)], b"");
    assert_eq!(page.header("x-next-page-start"), Some("admin/shop"));
    let rest = get(&server, &format!("{api}?pageStart=admin/shop"));
    assert_eq!(rest["repositories"].as_array().unwrap().len(), 1);
    assert_eq!(get(&server, &format!("{api}/admin"))["repositories"].as_array().unwrap().len(), 2);

    let index = "/api/v0/index/autocomplete?includeRepositories=true&includeAccounts=true";
    let found = get(&server, &format!("{index}&query=SH"));
    assert_eq!(found["repositoryResults"][0]["name"], "shop");
    assert_eq!(found["accountResults"], json!([]));
    let found = get(&server, &format!("{index}&query=admin&limit=1"));
    assert_eq!(
        (&found["accountResults"][0]["name"], found["repositoryResults"].as_array().unwrap().len()),
        (&json!("admin"), 1)
    );
    let first = server.ask("GET", &format!("{index}&query=admin&limit=1"), &[(name, &value)], b"");
    let next = first.header("x-next-page-start").unwrap().replace(' ', "%20");
    let rest = get(&server, &format!("{index}&query=admin&pageStart={next}"));
    assert_eq!(rest["repositoryResults"][0]["name"], "zoo/deep");
    // Nobody in particular finds what is public, and no accounts.
    let nobody = server.ask("GET", &format!("{index}&query=admin"), &[], b"");
    assert_eq!((nobody.status, nobody.json()), (200, json!({"accountResults": [], "repositoryResults": []})));
    assert_eq!(code(&server, 400, "GET", "/v1/search?q=", json!({})), "INVALID_PARAMETERS");

    let changed = call(&server, 200, "PATCH", &format!("{api}/admin/shop"), &json!({"visibility": "public"}));
    let nobody = server.ask("GET", "/v1/search?q=shop&n=5", &[], b"").json();
    assert_eq!((&nobody["num_results"], &nobody["results"][0]["name"]), (&json!(1), &json!("admin/shop")));
    assert_eq!((&changed["visibility"], &changed["immutableTags"]), (&json!("public"), &json!(true)));
    call(&server, 204, "DELETE", &format!("{api}/admin/shop"), &json!({}));
    assert_eq!(code(&server, 404, "GET", &format!("{api}/admin/shop"), json!({})), "NO_SUCH_REPOSITORY");
    assert_eq!(server.ask("GET", &format!("{api}/admin/shop"), &[], b"").status, 401);
}

#[test]
fn tags_with_their_scans() {
    let server = Server::start("127.0.0.1");
    let digest = push(&server, "admin/shop", "bad", &debian(&["liblog4j2-java 2.14.1-1"]));
    let tag = scanned(&server, "admin/shop:bad", 6);
    assert_eq!((tag["digest"].as_str(), tag["author"].as_str()), (Some(digest.as_str()), Some("admin")));
    assert_eq!((&tag["manifest"]["os"], &tag["manifest"]["architecture"]), (&json!("linux"), &json!("amd64")));
    assert_eq!((&tag["vuln_summary"]["critical"], &tag["vuln_summary"]["unknown"]), (&json!(1), &json!(0)));
    assert_eq!(tag["promotion"], Value::Null);

    // What nobody could look into is never "completed".
    push(&server, "admin/shop", "scratch", &[("app".to_owned(), "x".to_owned())]);
    let scratch = scanned(&server, "admin/shop:scratch", 4);
    assert!(scratch["vuln_summary"]["unknown_because"].as_str().unwrap().contains("no package database"));

    let list = get(&server, "/api/v0/repositories/admin/shop/tags");
    assert_eq!(list.as_array().unwrap().len(), 2);
    let summaries = get(&server, "/api/v0/imagescan/scansummary/repositories/admin/shop/bad");
    let summary = &summaries[0];
    assert_ne!(summary["check_completed_at"], "0001-01-01T00:00:00Z");
    assert_eq!(summary["components"][0]["vulns"][0]["cve"], "CVE-2021-44228");

    call(&server, 200, "POST", "/api/v0/imagescan/scan/admin/shop/bad/linux/amd64", &json!({}));
    let missing = code(&server, 404, "POST", "/api/v0/imagescan/scan/admin/shop/none/linux/amd64", json!({}));
    assert_eq!(missing, "NO_SUCH_TAG");
    call(&server, 204, "DELETE", "/api/v0/repositories/admin/shop/tags/bad", &json!({}));
    let gone = code(&server, 404, "GET", "/api/v0/repositories/admin/shop/tags/bad", json!({}));
    assert_eq!(gone, "NO_SUCH_REF");
}
