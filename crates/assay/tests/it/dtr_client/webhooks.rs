//! Webhooks: subscriptions, and what a listener hears of each type.

use serde_json::Value;

use super::{
    Client, forms,
    repositories::GOOD,
    shapes::{Payload, PromotionPolicy, Repository, Webhook, never},
};
use crate::{
    image::{as_admin, debian, push},
    server::until,
    webhooks::{Receiver, server},
};

/// Each type of a repository, of a namespace and of the installation, with the members of its contents that are published. Of those
/// with none it is only known that they come. PROMOTION's are the ones that a public receiver reads.
const TYPES: [(&str, &[&str]); 13] = [
    (
        "TAG_PUSH",
        &["namespace", "repository", "tag", "digest", "imageName", "os", "architecture", "author", "pushedAt"],
    ),
    ("TAG_PULL", &[]),
    (
        "TAG_DELETE",
        &["namespace", "repository", "tag", "digest", "imageName", "os", "architecture", "author", "deletedAt"],
    ),
    (
        "PROMOTION",
        &[
            "promotionPolicyID",
            "digest",
            "sourceRepository",
            "sourceTag",
            "targetRepository",
            "targetTag",
            "promotedAt",
        ],
    ),
    ("PUSH_MIRRORING", &[]),
    ("POLL_MIRRORING", &[]),
    ("MANIFEST_PUSH", &["namespace", "repository", "digest", "imageName", "os", "architecture", "author"]),
    ("MANIFEST_PULL", &[]),
    (
        "MANIFEST_DELETE",
        &["namespace", "repository", "digest", "imageName", "os", "architecture", "author", "deletedAt"],
    ),
    ("REPO_EVENT", &["namespace", "repository", "event", "author", "data"]),
    ("SCAN_COMPLETED", &["namespace", "repository", "tag", "imageName", "scanSummary"]),
    ("SCAN_FAILED", &["namespace", "repository", "tag", "imageName", "error"]),
    (
        "SCANNER_UPDATE_COMPLETED",
        &["scanner_version", "scanner_updated_at", "db_version", "db_updated_at", "success", "replicas"],
    ),
];

const SUMMARY: [&str; 8] =
    ["namespace", "repository", "tag", "critical", "major", "minor", "last_scan_status", "check_completed_at"];

fn has_what_is_published(payload: &Payload) {
    let (_, members) = TYPES.iter().find(|(kind, _)| *kind == payload.kind).unwrap();
    for member in *members {
        // There is no repository any more to tell of.
        if *member == "data" && payload.contents["event"] == "REPO_DELETED" {
            continue;
        }
        assert!(!payload.contents[member].is_null(), "{member} of {payload:?}");
    }
    if payload.kind == "SCAN_COMPLETED" {
        for member in SUMMARY {
            assert!(!payload.contents["scanSummary"][member].is_null(), "{member} of {payload:?}");
        }
    }
}

#[test]
fn every_type_is_subscribed_and_tried() {
    let (server, _config) = server();
    let admin = Client::admin(&server);
    let ann_id = admin.creates_account("ann").id;
    admin.creates("admin", "shop");
    let receiver = Receiver::default();
    let url = format!("http://{}/in", receiver.start());
    for (count, (kind, _)) in TYPES.iter().enumerate() {
        let key = match *kind {
            "REPO_EVENT" => "admin",
            "SCANNER_UPDATE_COMPLETED" => "",
            _ => "admin/shop",
        };
        let form = forms::Webhook { kind, key, endpoint: &url, tls_cert: "", skip_tls_verification: true };
        let made: Webhook = admin.send(201, "POST", "/api/v0/webhooks", &form);
        assert_eq!((made.kind.as_str(), made.key.as_str(), made.endpoint.as_str()), (*kind, key, url.as_str()));
        assert_eq!((made.id.len(), made.inactive, made.last_successful_at), (64, false, never()));
        let form = forms::WebhookTest { kind, endpoint: &url, tls_cert: "", skip_tls_verification: true };
        admin.sent(200, "POST", "/api/v0/webhooks/test", &form);
        let payload: Payload = serde_json::from_str(&receiver.until(count + 1)[count].body).unwrap();
        assert_eq!(payload.kind, *kind);
        has_what_is_published(&payload);
    }
    let all: Vec<Webhook> = admin.get("/api/v0/webhooks?webhookType=any");
    assert_eq!(all.len(), TYPES.len());
    let pushes: Vec<Webhook> = admin.get("/api/v0/webhooks?webhookType=TAG_PUSH");
    assert_eq!(pushes.len(), 1);
    let of_repository: Vec<Webhook> = admin.get("/api/v0/repositories/admin/shop/webhooks");
    assert_eq!(of_repository.len(), TYPES.len() - 2);
    let of_namespace: Vec<Webhook> = admin.get("/api/v0/accounts/admin/webhooks");
    assert!(of_namespace.iter().any(|one| one.kind == "REPO_EVENT"), "{of_namespace:?}");

    let form = forms::WebhookUpdate { id: &pushes[0].id, inactive: true, tls_cert: "", skip_tls_verification: true };
    let updated: Vec<Webhook> = admin.send(200, "POST", "/api/v0/webhooks/update", &form);
    assert!(updated.iter().any(|one| one.id == pushes[0].id && one.inactive), "{updated:?}");
    // What others subscribed to is not theirs to see, and theirs is told to belong to them.
    let ann = Client::of(&server, "ann", super::accounts::PASSWORD);
    assert!(ann.get::<Vec<Webhook>>("/api/v0/webhooks").is_empty());
    ann.creates("ann", "own");
    let form =
        forms::Webhook { kind: "TAG_PUSH", key: "ann/own", endpoint: &url, tls_cert: "", skip_tls_verification: true };
    let own: Webhook = ann.send(201, "POST", "/api/v0/webhooks", &form);
    assert_eq!(own.author_id, ann_id);
    let everything = forms::Webhook { key: "", ..form };
    ann.refused(403, "NOT_AUTHORIZED", "POST", "/api/v0/webhooks", &everything);
    let one = format!("/api/v0/webhooks/{}", own.id);
    ann.gone("DELETE", &one);
    ann.refused(404, "NO_SUCH_WEBHOOK", "DELETE", &one, &());
}

#[test]
fn a_listener_hears_of_the_life_of_an_image() {
    let (server, _config) = server();
    let admin = Client::admin(&server);
    let receiver = Receiver::default();
    let url = format!("http://{}/in", receiver.start());
    // An administrator may leave the key out: all there is of a type.
    for (kind, _) in TYPES {
        let form = forms::Webhook { kind, key: "", endpoint: &url, tls_cert: "", skip_tls_verification: true };
        admin.sent(201, "POST", "/api/v0/webhooks", &form);
    }
    let heard = |kind: &str, told: &dyn Fn(&Value) -> bool| {
        let find = || {
            let payloads =
                receiver.so_far().into_iter().map(|heard| serde_json::from_str::<Payload>(&heard.body).unwrap());
            payloads.into_iter().find(|payload| payload.kind == kind && told(&payload.contents))
        };
        until(&format!("{kind} is heard"), || find().is_some());
        let payload = find().unwrap();
        has_what_is_published(&payload);
        payload
    };
    let build = admin.creates("admin", "build");
    admin.creates("admin", "release");
    let made =
        heard("REPO_EVENT", &|contents| contents["event"] == "REPO_CREATED" && contents["repository"] == "build");
    assert_eq!(serde_json::from_value::<Repository>(made.contents["data"].clone()).unwrap().id, build.id);
    let update = forms::UpdateRepo { short_description: Some("what is built"), ..Default::default() };
    admin.sent(200, "PATCH", "/api/v0/repositories/admin/build", &update);
    heard("REPO_EVENT", &|contents| contents["event"] == "REPO_UPDATED");
    let policy = forms::PromotionPolicy {
        enabled: true,
        rules: vec![forms::rule("vulnerability_all", "lte", &["0"])],
        target_repository: "admin/release",
        tag_template: "%n",
    };
    let policy: PromotionPolicy =
        admin.send(201, "POST", "/api/v0/repositories/admin/build/promotionPolicies", &policy);

    let digest = push(&server, "admin/build", "1", &debian(&[GOOD])).to_string();
    let of_build = |contents: &Value| contents["repository"] == "build";
    let pushed = heard("TAG_PUSH", &of_build);
    assert_eq!(pushed.location, "/repositories/admin/build/tags/1");
    assert_eq!((&pushed.contents["digest"], &pushed.contents["tag"]), (&digest.clone().into(), &"1".into()));
    assert_eq!(pushed.contents["imageName"], format!("{}/admin/build:1", server.authority));
    assert_eq!((&pushed.contents["os"], &pushed.contents["author"]), (&"linux".into(), &"admin".into()));
    let manifest = heard("MANIFEST_PUSH", &of_build);
    assert_eq!(manifest.contents["imageName"], format!("{}/admin/build@{digest}", server.authority));
    let scanned = heard("SCAN_COMPLETED", &of_build);
    assert_eq!(scanned.contents["scanSummary"]["last_scan_status"], 6);
    let promoted = heard("PROMOTION", &|_| true);
    assert_eq!(
        (&promoted.contents["sourceRepository"], &promoted.contents["sourceTag"]),
        (&"admin/build".into(), &"1".into())
    );
    assert_eq!(
        (&promoted.contents["targetRepository"], &promoted.contents["targetTag"]),
        (&"admin/release".into(), &"1".into())
    );
    assert_eq!(
        (&promoted.contents["promotionPolicyID"], &promoted.contents["digest"]),
        (&policy.id.into(), &digest.clone().into())
    );
    assert_ne!(promoted.contents["promotedAt"], super::shapes::NEVER);

    let (name, value) = as_admin();
    server.ask("GET", "/v2/admin/build/manifests/1", &[(name, &value), ("Accept", "*/*")], b"");
    heard("TAG_PULL", &of_build);
    heard("MANIFEST_PULL", &of_build);
    admin.gone("DELETE", "/api/v0/repositories/admin/build/tags/1");
    heard("TAG_DELETE", &of_build);
    admin.gone("DELETE", &format!("/api/v0/repositories/admin/release/manifests/{digest}"));
    let gone = heard("MANIFEST_DELETE", &|contents| contents["repository"] == "release");
    assert_eq!(gone.contents["digest"], digest);
    admin.gone("DELETE", "/api/v0/repositories/admin/build");
    heard("REPO_EVENT", &|contents| contents["event"] == "REPO_DELETED");
    let hooks: Vec<Webhook> = admin.get("/api/v0/webhooks");
    until("its successes are told", || {
        let hooks: Vec<Webhook> = admin.get("/api/v0/webhooks?webhookType=PROMOTION");
        hooks[0].last_successful_at > never()
    });
    assert_eq!(hooks.len(), TYPES.len());
}
