//! How operators look at an installation: events, jobs, crons, settings, features, health.

use std::collections::BTreeMap;

use base::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Client, repositories::GOOD, shapes::there};
use crate::{
    image::{debian, push},
    server::{Server, until},
};

#[derive(Deserialize, Debug)]
struct Events {
    events: Vec<Event>,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
struct Event {
    id: String,
    published_at: Timestamp,
    #[serde(rename = "type")]
    kind: Kind,
    actor: String,
    #[expect(dead_code, reason = "demanded")]
    actor_type: String,
    object: Object,
    #[expect(dead_code, reason = "an object, where there is one")]
    #[serde(default, deserialize_with = "there")]
    target: Option<Object>,
    repository: String,
}

#[derive(Deserialize, Debug, PartialEq)]
#[serde(rename_all = "UPPERCASE")]
enum Kind {
    Create,
    Get,
    Update,
    Delete,
    Send,
    Fail,
    Scan,
}

#[derive(Deserialize, Debug)]
struct Object {
    id: String,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize, Debug)]
struct Jobs {
    jobs: Vec<Job>,
}

/// The vendor's own samples have `null` for a map of nothing.
#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "demanded")]
struct Job {
    id: String,
    #[serde(rename = "retryFromID")]
    retry_from_id: String,
    #[serde(rename = "workerID")]
    worker_id: String,
    status: Status,
    scheduled_at: Timestamp,
    last_updated: Timestamp,
    action: String,
    retries_left: u32,
    retries_total: u32,
    capacity_map: Option<BTreeMap<String, i64>>,
    parameters: Option<BTreeMap<String, String>>,
    deadline: String,
    stop_timeout: String,
}

#[derive(Deserialize, Debug, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Status {
    Waiting,
    Running,
    Done,
    Canceled,
    Errored,
}

#[derive(Deserialize, Debug)]
struct Crons {
    crons: Vec<Cron>,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "demanded")]
struct Cron {
    id: String,
    action: String,
    schedule: String,
    retries: u32,
    capacity_map: Option<BTreeMap<String, i64>>,
    parameters: Option<BTreeMap<String, String>>,
    deadline: String,
    stop_timeout: String,
    next_run: Timestamp,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
struct JobLog {
    #[expect(dead_code, reason = "demanded")]
    data: String,
    line_num: u64,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
struct Features {
    scanning_enabled: bool,
    #[serde(rename = "db_version")]
    db_version: u64,
    scanning_licensed: bool,
    promotion_licensed: bool,
    mirroring_licensed: bool,
    #[serde(rename = "onlineGCEnabled")]
    online_gc_enabled: bool,
    #[expect(dead_code, reason = "demanded")]
    metadata_store_opted_in: bool,
    ucp_host: String,
}

#[derive(Deserialize, Debug)]
struct ClusterStatus {
    replica_health: BTreeMap<String, String>,
    replica_readonly: BTreeMap<String, bool>,
    replica_timestamp: BTreeMap<String, Timestamp>,
    gc_lock_holder: String,
}

#[derive(Deserialize, Debug)]
#[expect(dead_code, reason = "demanded")]
struct Alert {
    message: String,
}

/// The settings that can be written, and what kind of thing each is.
const SETTINGS: [(&str, &str); 24] = [
    ("anonymizeAnalytics", "true"),
    ("clientCertAuthEnabled", "true"),
    ("createRepositoryOnPush", "true"),
    ("disableBackupWarning", "true"),
    ("disablePersistentCookies", "true"),
    ("disableUpgrades", "true"),
    ("dtrHost", "text"),
    ("jobHistoryCompactionEnabled", "true"),
    ("jobHistoryMaxAge", "text"),
    ("jobHistoryToKeep", "1"),
    ("readOnlyRegistry", "true"),
    ("repoEventHistoryCompactionEnabled", "true"),
    ("repoEventHistoryMaxAge", "text"),
    ("repoEventHistoryToKeep", "1"),
    ("reportAnalytics", "true"),
    ("scanningDeadline", "1"),
    ("scanningEnableAutoRecheck", "true"),
    ("scanningEnabled", "true"),
    ("scanningSyncOnline", "true"),
    ("sso", "true"),
    ("webTLSCA", "text"),
    ("webTLSCert", "text"),
    ("webTLSClientCA", "text"),
    ("storageVolume", "text"),
];

#[test]
fn what_happened_is_told_page_by_page() {
    let server = Server::start("127.0.0.1");
    let admin = Client::admin(&server);
    admin.creates("admin", "shop");
    push(&server, "admin/shop", "1", &debian(&[GOOD]));
    admin.gone("DELETE", "/api/v0/repositories/admin/shop/tags/1");
    let path = "/api/v0/repositories/admin/shop/events";
    let all: Events = admin.get(&format!("{path}?pageSize=100&excludePull=true"));
    let kinds: Vec<(&Kind, &str)> = all.events.iter().map(|one| (&one.kind, one.object.kind.as_str())).collect();
    assert!(kinds.contains(&(&Kind::Create, "REPOSITORY")) && kinds.contains(&(&Kind::Delete, "TAG")), "{kinds:?}");
    assert!(all.events.iter().all(|one| one.repository == "admin/shop" && !one.actor.is_empty()), "{all:?}");
    assert!(all.events.iter().all(|one| !one.id.is_empty() && !one.object.id.is_empty()), "{all:?}");
    assert!(all.events.is_sorted_by(|a, b| a.published_at >= b.published_at), "the newest first: {all:?}");
    let answer = admin.got(&format!("{path}?pageSize=2"));
    let first: Events = serde_json::from_str(&answer.body).unwrap();
    let next = answer.header("X-Next-Page-Start").unwrap();
    let second: Events = admin.get(&format!("{path}?pageSize=2&pageStart={next}"));
    assert_eq!((first.events.len(), second.events.is_empty()), (2, false));
    assert!(second.events.iter().all(|one| first.events.iter().all(|other| other.id != one.id)), "{second:?}");
    let deleted: Events = admin.get("/api/v0/events?eventType=DELETE&pageSize=100");
    assert!(!deleted.events.is_empty() && deleted.events.iter().all(|one| one.kind == Kind::Delete), "{deleted:?}");
    let none: Events = admin.get("/api/v0/events?publishedBefore=2001-01-01T00:00:00Z");
    assert!(none.events.is_empty());
}

#[test]
fn jobs_are_asked_for_and_seen_and_crons_too() {
    let server = Server::start("127.0.0.1");
    let admin = Client::admin(&server);
    let form = json!({"action": "tag_pruning", "parameters": {}, "retries": 0, "capacityMap": {}, "deadline": "",
        "stopTimeout": "", "scheduledAt": ""});
    let asked: Job = admin.send(202, "POST", "/api/v0/jobs", &form);
    assert_eq!(asked.action, "tag_pruning");
    let one = format!("/api/v0/jobs/{}", asked.id);
    until("it is done", || admin.get::<Job>(&one).status == Status::Done);
    let listed: Jobs = admin.get("/api/v0/jobs?action=any&worker=any&running=any&start=0&limit=10");
    assert!(!listed.jobs.is_empty() && listed.jobs.len() <= 10, "{listed:?}");
    let only: Jobs = admin.get("/api/v0/jobs?action=tag_pruning");
    assert!(only.jobs.iter().any(|job| job.id == asked.id), "{only:?}");
    let logs: Vec<JobLog> = admin.get(&format!("{one}/logs"));
    assert!(logs.is_sorted_by(|a, b| a.line_num < b.line_num), "{logs:?}");
    let crons: Crons = admin.get("/api/v0/crons");
    assert!(crons.crons.iter().all(|cron| cron.schedule.split(' ').count() == 6), "seconds first: {crons:?}");
    let one: Cron = admin.get(&format!("/api/v0/crons/{}", crons.crons[0].action));
    assert_eq!(one.id, crons.crons[0].id);
}

#[test]
fn the_installation_tells_of_itself() {
    let server = Server::start("127.0.0.1");
    let admin = Client::admin(&server);
    let features: Features = admin.get("/api/v0/meta/features");
    assert!(features.scanning_enabled && features.db_version > 0 && !features.ucp_host.is_empty(), "{features:?}");
    assert!(features.promotion_licensed && features.mirroring_licensed && features.scanning_licensed);
    assert!(features.online_gc_enabled);
    let status: ClusterStatus = admin.get("/api/v0/meta/cluster_status");
    assert_eq!(status.replica_health.values().collect::<Vec<_>>(), ["OK"]);
    assert_eq!(status.replica_readonly.values().collect::<Vec<_>>(), [&false]);
    assert_eq!((status.replica_timestamp.len(), status.gc_lock_holder.as_str()), (1, ""));
    let _: Vec<Alert> = admin.get("/api/v0/meta/alerts");
    let version: Value = admin.get("/api/v0/admin/version");
    assert!(version["version"].is_string(), "{version}");

    let path = "/api/v0/meta/settings";
    let settings: Value = admin.get(path);
    for (name, like) in SETTINGS {
        let found = &settings[name];
        let fits = match like {
            "true" => found.is_boolean(),
            "1" => found.is_number(),
            _ => found.is_string(),
        };
        assert!(fits, "{name} is {found}");
    }
    admin.sent(202, "POST", path, &json!({"createRepositoryOnPush": true, "scanningEnabled": false}));
    assert_eq!(admin.get::<Value>(path)["scanningEnabled"], false);
    let ann = Client::of(&server, &admin.creates_account("ann").name, super::accounts::PASSWORD);
    ann.refused(403, "NOT_AUTHORIZED", "POST", path, &json!({"scanningEnabled": true}));
    ann.refused(403, "NOT_AUTHORIZED", "GET", "/api/v0/meta/cluster_status", &());
    admin.refused(400, "INVALID_SETTINGS", "POST", path, &json!({"scanningEnabled": "perhaps"}));
}
