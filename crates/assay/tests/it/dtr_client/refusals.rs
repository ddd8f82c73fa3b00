//! What is refused: the status, and the code of the first error, as scripts compare them.

use serde_json::json;

use super::{Client, accounts::PASSWORD, forms, is_refusal, repositories::GOOD};
use crate::{
    image::{as_admin, debian, push},
    notary::desk,
    server::{Server, is_there},
};

#[test]
fn what_is_not_there_says_what() {
    let server = Server::start("127.0.0.1");
    let admin = Client::admin(&server);
    admin.creates_organization("engineering");
    admin.creates_team("engineering", "builders");
    admin.creates("engineering", "shop");
    push(&server, "engineering/shop", "1", &debian(&[GOOD]));
    let shop = "/api/v0/repositories/engineering/shop";
    let nowhere = "00000000-0000-4000-8000-000000000000";
    for (code, method, path) in [
        ("NO_SUCH_ACCOUNT", "GET", "/enzi/v0/accounts/nobody".to_owned()),
        ("NO_SUCH_ACCOUNT", "GET", "/api/v0/repositories/nobody".to_owned()),
        ("NO_SUCH_ACCOUNT", "GET", "/api/v0/accounts/nobody/webhooks".to_owned()),
        ("NO_SUCH_ACCOUNT", "GET", "/api/v0/repositoryNamespaces/nobody/teamAccess".to_owned()),
        ("NO_SUCH_USER", "GET", "/api/v0/api_tokens?username=nobody".to_owned()),
        ("NO_SUCH_TEAM", "GET", "/enzi/v0/accounts/engineering/teams/nobody".to_owned()),
        ("NO_SUCH_TEAM", "GET", "/api/v0/accounts/engineering/teams/nobody/repositoryAccess".to_owned()),
        ("NO_SUCH_TEAM", "DELETE", format!("{shop}/teamAccess/nobody")),
        (
            "NO_SUCH_NAMESPACE_TEAM_ACCESS",
            "GET",
            "/api/v0/repositoryNamespaces/engineering/teamAccess/builders".to_owned(),
        ),
        ("NO_SUCH_REPOSITORY", "GET", "/api/v0/repositories/engineering/none".to_owned()),
        ("NO_SUCH_REPOSITORY", "GET", "/api/v0/repositories/engineering/none/tags".to_owned()),
        ("NO_SUCH_REPOSITORY", "GET", "/api/v0/repositories/engineering/none/webhooks".to_owned()),
        ("NO_SUCH_REPOSITORY", "GET", "/api/v0/accounts/admin/repositoryAccess/engineering/none".to_owned()),
        ("NO_SUCH_REF", "GET", format!("{shop}/tags/none")),
        ("NO_SUCH_TAG", "DELETE", format!("{shop}/tags/none")),
        ("NO_SUCH_TAG", "POST", "/api/v0/imagescan/scan/engineering/shop/none/linux/amd64".to_owned()),
        ("NO_SUCH_TAG", "GET", "/api/v0/imagescan/repositories/engineering/shop/none".to_owned()),
        ("NO_SUCH_REF", "GET", "/api/v0/imagescan/scansummary/repositories/engineering/shop/none".to_owned()),
        (
            "NO_SUCH_LAYER",
            "GET",
            format!("/api/v0/imagescan/scansummary/layer/{}", oci::Digest::sha256_of(b"no layer")),
        ),
        ("NO_SUCH_API_TOKEN", "GET", "/api/v0/api_tokens/none".to_owned()),
        ("NO_SUCH_WEBHOOK", "DELETE", format!("/api/v0/webhooks/{nowhere}")),
        ("NO_SUCH_PROMOTION_POLICY", "GET", format!("{shop}/promotionPolicies/{nowhere}")),
        ("NO_SUCH_PRUNING_POLICY", "GET", format!("{shop}/pruningPolicies/{nowhere}")),
        ("NO_SUCH_PUSH_MIRRORING_POLICY", "GET", format!("{shop}/pushMirroringPolicies/{nowhere}")),
        ("NO_SUCH_POLL_MIRRORING_POLICY", "GET", format!("{shop}/pollMirroringPolicies/{nowhere}")),
    ] {
        admin.refused(404, code, method, &path, &());
    }
}

#[test]
fn what_is_wrong_says_what() {
    let server = Server::start("127.0.0.1");
    let admin = Client::admin(&server);
    admin.creates("admin", "shop");
    let digest = push(&server, "admin/shop", "1", &debian(&[GOOD]));
    let shop = "/api/v0/repositories/admin/shop";
    let policy = |rules: serde_json::Value| json!({"enabled": true, "targetRepository": "admin/shop", "tagTemplate": "%n", "rules": rules});
    let no_rule = json!([{"field": "tag", "operator": "like", "values": ["1"]}]);
    let named = forms::CreateRepo { visibility: "secret", ..forms::CreateRepo::private("other") };
    let promotion = |tag| forms::Promotion { target_repository: "admin/shop", target_tag: tag };
    admin.refused(400, "INVALID_REPOSITORY_VISIBILITY", "POST", "/api/v0/repositories/admin", &named);
    admin.refused(400, "INVALID_REPOSITORY_VISIBILITY", "PATCH", shop, &json!({"visibility": "secret"}));
    admin.refused(400, "REPOSITORY_EXISTS", "POST", "/api/v0/repositories/admin", &forms::CreateRepo::private("shop"));
    admin.refused(400, "INVALID_TAG_NAME", "POST", &format!("{shop}/tags/1/promotion"), &promotion("a b"));
    admin.refused(400, "INVALID_DIGEST", "DELETE", &format!("{shop}/manifests/sha256:nonsense"), &());
    admin.refused(400, "INVALID_PARAMETERS", "GET", "/api/v0/repositories?pageSize=many", &());
    admin.refused(
        400,
        "INVALID_PROMOTION_POLICY",
        "POST",
        &format!("{shop}/promotionPolicies"),
        &policy(no_rule.clone()),
    );
    // In the description these are 404, though nothing is missing; here they are 400, and the code tells them as there.
    for (code, list) in [
        ("INVALID_PRUNING_POLICY", "pruningPolicies"),
        ("INVALID_PRUNING_POLICY", "pruningPolicies/test"),
        ("INVALID_PUSH_MIRRORING_POLICY", "pushMirroringPolicies"),
    ] {
        let mut form = json!({"enabled": true, "rules": no_rule});
        if list.starts_with("push") {
            form["remoteHost"] = "https://192.0.2.1".into();
            form["remoteRepository"] = "a/b".into();
            form["tagTemplate"] = "%n".into();
        }
        admin.refused(400, code, "POST", &format!("{shop}/{list}"), &form);
    }
    // A policy that polls takes everything: it has no rules.
    let form = json!({"enabled": true, "remoteHost": "https://192.0.2.1", "remoteRepository": "a/b",
        "rules": [{"field": "tag", "operator": "eq", "values": ["1"]}]});
    admin.refused(400, "INVALID_POLL_MIRRORING_POLICY", "POST", &format!("{shop}/pollMirroringPolicies"), &form);
    let auth = as_admin().1;
    let json = ("Content-Type", "application/json");
    let broken = server.ask("POST", "/api/v0/webhooks", &[("Authorization", &auth), json], b"{\"type\":");
    is_refusal(&broken, 400, "INVALID_JSON", "half an object");
    admin.got(&format!("{shop}/tags/{digest}"));
}

#[test]
fn only_json_is_spoken_and_only_to_whom_may() {
    let server = Server::start("127.0.0.1");
    let (admin, auth) = (Client::admin(&server), as_admin().1);
    admin.creates_account("ann");
    admin.creates("admin", "shop");
    let form = serde_json::to_vec(&forms::CreateRepo::private("other")).unwrap();
    for (accept, kind, status, code) in [
        ("text/html", "application/json", 406, "NOT_ACCEPTABLE"),
        ("application/json", "text/plain", 415, "UNSUPPORTED_MEDIA_TYPE"),
    ] {
        let headers = [("Authorization", auth.as_str()), ("Accept", accept), ("Content-Type", kind)];
        let answer = server.ask("POST", "/api/v0/repositories/admin", &headers, &form);
        is_refusal(&answer, status, code, kind);
    }
    for accept in ["*/*", "application/*;q=0.8, text/html", "application/json; charset=utf-8"] {
        let answer = server.ask("GET", "/api/v0/repositories", &[("Authorization", &auth), ("Accept", accept)], b"");
        assert_eq!(answer.status, 200, "{accept}");
    }
    // Public repositories are listed to everybody here; to DTR's list one had to sign in.
    for path in ["/api/v0/api_tokens", "/enzi/v0/accounts"] {
        is_refusal(&server.ask("GET", path, &[], b""), 401, "NOT_AUTHENTICATED", path);
        admin.refused(405, "NOT_ALLOWED", "PUT", path, &());
    }
    let wrong = Client::of(&server, "ann", "not hers");
    wrong.refused(401, "NOT_AUTHENTICATED", "GET", "/api/v0/repositories", &());
    let ann = Client::of(&server, "ann", PASSWORD);
    for (method, path) in [
        ("GET", "/api/v0/api_tokens?username=admin"),
        ("DELETE", "/enzi/v0/accounts/admin"),
        ("POST", "/api/v0/repositories/admin"),
        ("POST", "/api/v0/imagescan/scan"),
    ] {
        let form = if path.ends_with("scan") { json!({"scan": true, "check": true}) } else { json!({"name": "x"}) };
        ann.refused(403, "NOT_AUTHORIZED", method, path, &form);
    }
    let ping = server.ask("GET", "/_ping", &[], b"");
    assert!(ping.status == 200 && ping.json().is_object(), "{ping:?}");
    let health = server.ask("GET", "/health", &[], b"").json();
    assert_eq!((&health["healthy"], &health["error"]), (&true.into(), &"".into()));
}

#[test]
fn immutable_and_signed_tags_stay() {
    if !is_there("notary") {
        return;
    }
    let desk = desk();
    let (server, admin) = (&desk.server, Client::admin(&desk.server));
    admin.creates("admin", "shop");
    let form = forms::UpdateRepo { immutable_tags: Some(true), ..Default::default() };
    admin.sent(200, "PATCH", "/api/v0/repositories/admin/shop", &form);
    let digest = push(server, "admin/shop", "1", &debian(&[GOOD]));
    let auth = as_admin().1;
    let manifest = server.ask("GET", &format!("/v2/admin/shop/manifests/{digest}"), &[("Authorization", &auth)], b"");
    let kind = manifest.header("content-type").unwrap().to_owned();
    let headers = [("Authorization", auth.as_str()), ("Content-Type", kind.as_str())];
    // The same image with a space more is another one.
    let other = format!("{} ", manifest.body);
    let refused = server.ask("PUT", "/v2/admin/shop/manifests/1", &headers, other.as_bytes());
    let host = &server.authority;
    let words = format!("tag=1 cannot be overwritten because {host}/admin/shop is an immutable repository");
    assert!(
        refused.status >= 400 && refused.json()["errors"][0]["message"].as_str().unwrap().contains(&words),
        "{refused:?}"
    );

    let (gun, sha256) = (desk.place("admin/shop"), digest.to_string().replace("sha256:", ""));
    desk.notary_ok(&["init", "-p", &gun]);
    let size = manifest.bytes.len().to_string();
    desk.notary_ok(&["addhash", "-p", &gun, "1", &size, "--sha256", &sha256, "--roles", "targets"]);
    let domain = format!("?domain={host}");
    let tags: Vec<super::shapes::Tag> = admin.get(&format!("/api/v0/repositories/admin/shop/tags/1{domain}"));
    assert!(tags[0].in_notary && !tags[0].hash_mismatch, "{tags:?}");
    admin.refused(409, "TAG_IN_NOTARY", "DELETE", &format!("/api/v0/repositories/admin/shop/tags/1{domain}"), &());
    let shop = format!("/api/v0/repositories/admin/shop{domain}");
    admin.refused(405, "REPOSITORY_CONTAINS_TAGS_IN_NOTARY", "DELETE", &shop, &());
    desk.notary_ok(&["remove", "-p", &gun, "1", "--roles", "targets"]);
    admin.gone("DELETE", &format!("/api/v0/repositories/admin/shop/tags/1{domain}"));
    admin.gone("DELETE", &shop);
}
