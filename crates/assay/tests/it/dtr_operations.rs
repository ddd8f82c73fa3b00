//! DTR's operations API: events, jobs, crons, settings, and what it tells of itself.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{
    image::{as_admin, basic, call, debian, expect, get, push, scanned},
    server::Server,
};

const SETTINGS: &str = "/api/v0/meta/settings";

/// A user with a password, and the way they show who they are.
fn user(server: &Server, name: &str) -> (&'static str, String) {
    let password = format!("the password of {name}");
    call(server, 201, "POST", "/enzi/v0/accounts", &json!({"name": name, "password": password}));
    basic(name, &password)
}

fn asks(server: &Server, who: &(&'static str, String), method: &str, path: &str, body: &Value) -> (u16, Value) {
    let headers = [(who.0, who.1.as_str()), ("Content-Type", "application/json")];
    let answer = server.ask(method, path, &headers, body.to_string().as_bytes());
    (answer.status, serde_json::from_str(&answer.body).unwrap_or_default())
}

/// What each event is: type, kind of object, name of object.
fn told(answer: &Value) -> Vec<String> {
    let events = answer["events"].as_array().unwrap();
    let text = |event: &Value| {
        let object = &event["object"];
        format!("{} {} {}", plain(&event["type"]), plain(&object["type"]), plain(&object["name"]))
    };
    events.iter().map(text).collect()
}

fn plain(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn job_until(server: &Server, id: &Value, status: &str) -> Value {
    let began = Instant::now();
    loop {
        let job = get(server, &format!("/api/v0/jobs/{}", plain(id)));
        if job["status"] == status {
            return job;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{job} is not {status}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn code(answer: &Value) -> &str {
    plain(&answer["errors"][0]["code"])
}

fn message(answer: &Value) -> &str {
    plain(&answer["errors"][0]["message"])
}

/// A repository in which something happened: a push, another, a scan, promotions by policy and by hand, a deletion.
fn eventful() -> (Server, String) {
    let server = Server::start("127.0.0.1");
    call(&server, 201, "POST", "/enzi/v0/accounts", &json!({"name": "ops", "isOrg": true}));
    for name in ["app", "prod"] {
        call(&server, 201, "POST", "/api/v0/repositories/ops", &json!({"name": name, "scanOnPush": false}));
    }
    push(&server, "ops/app", "1", &debian(&["base-files 12"]));
    let digest = push(&server, "ops/app", "1", &debian(&["base-files 13"])).to_string();
    call(&server, 200, "POST", "/api/v0/imagescan/scan/ops/app/1/linux/amd64", &json!(null));
    scanned(&server, "ops/app:1", 6);
    let policy = json!({"enabled": true, "targetRepository": "ops/prod", "tagTemplate": "by-policy",
        "rules": [{"field": "tag", "operator": "eq", "values": ["1"]}]});
    let policy = call(&server, 201, "POST", "/api/v0/repositories/ops/app/promotionPolicies", &policy);
    let began = Instant::now();
    while told(&get(&server, "/api/v0/repositories/ops/app/events?eventType=SEND")).is_empty() {
        assert!(began.elapsed() < Duration::from_secs(60), "nothing was promoted");
    }
    let by_hand = json!({"targetRepository": "ops/prod", "targetTag": "by-hand"});
    call(&server, 201, "POST", "/api/v0/repositories/ops/app/tags/1/promotion", &by_hand);
    expect(&server, 204, "DELETE", "/api/v0/repositories/ops/app/tags/1", "application/json", b"");
    let id = plain(&policy["id"]).to_uppercase();
    assert!(!digest.is_empty());
    (server, format!("PROMOTION {}", &id[id.len() - 8..]))
}

#[test]
fn events_are_the_log_in_dtrs_words_and_each_sees_his() {
    let (server, promoter) = eventful();
    let path = "/api/v0/repositories/ops/app/events";
    let all = get(&server, path);
    let expected = [
        "DELETE TAG 1",
        "SEND TAG 1",
        "SEND TAG 1",
        "CREATE PROMOTION_POLICY",
        "SCAN MANIFEST sha256:",
        "UPDATE TAG 1",
        "CREATE TAG 1",
        "CREATE REPOSITORY ops/app",
    ];
    let seen = told(&all);
    assert!(
        seen.len() == expected.len() && seen.iter().zip(expected).all(|(seen, expected)| seen.starts_with(expected)),
        "{seen:#?}"
    );
    let events = all["events"].as_array().unwrap();
    assert_eq!((&events[1]["actor"], &events[1]["actorType"]), (&json!("PROMOTION MANUAL_P"), &json!("policy")));
    assert_eq!((&events[2]["actor"], &events[2]["target"]["name"]), (&json!(promoter), &json!("ops/prod:by-policy")));
    assert_eq!((&events[5]["actor"], &events[5]["repository"]), (&json!("admin"), &json!("ops/app")));
    let target = get(&server, "/api/v0/repositories/ops/prod/events?objectType=TAG");
    assert_eq!(told(&target), ["CREATE TAG by-hand", "CREATE TAG by-policy"]);
    assert_eq!(target["events"][1]["actor"], promoter);

    // Page by page it is the same list, and its number is told.
    let (mut start, mut paged) = (String::new(), Vec::new());
    loop {
        let page = format!("{path}?pageSize=3&count=true&pageStart={start}");
        let answer = server.ask("GET", &page, &[("Authorization", &as_admin().1)], b"");
        assert_eq!(answer.header("x-resource-count"), Some("8"));
        paged.extend(told(&answer.json()));
        match answer.header("x-next-page-start") {
            Some(next) => start = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(paged, seen);
    let only = |query: &str| told(&get(&server, &format!("{path}?{query}")));
    assert_eq!(only("eventType=UPDATE&excludePull=true"), ["UPDATE TAG 1"]);
    assert_eq!(only("actorId=admin&objectType=TAG").len(), 3);
    let admin = get(&server, "/enzi/v0/accounts/admin");
    assert_eq!(only(&format!("actorId={}&objectType=TAG", plain(&admin["id"]))).len(), 3);
    let at = plain(&events[5]["publishedAt"]);
    assert_eq!(only(&format!("publishedBefore={at}")), seen[6..]);
    assert_eq!(only(&format!("publishedAfter={at}")), seen[..5]);
    call(&server, 400, "GET", &format!("{path}?publishedAfter=yesterday"), &json!(null));

    // Whoever may see it sees what happened, but not where images go.
    let (reader, stranger) = (user(&server, "reader"), user(&server, "stranger"));
    call(&server, 201, "POST", "/enzi/v0/accounts/ops/teams", &json!({"name": "readers"}));
    call(&server, 200, "PUT", "/enzi/v0/accounts/ops/members/reader", &json!({}));
    call(&server, 200, "PUT", "/enzi/v0/accounts/ops/teams/readers/members/reader", &json!({}));
    let access = "/api/v0/repositories/ops/app/teamAccess/readers";
    call(&server, 200, "PUT", access, &json!({"accessLevel": "read-only"}));
    let seen_by = |who, path: &str| asks(&server, who, "GET", path, &json!(null));
    let (status, of_reader) = seen_by(&reader, path);
    assert_eq!((status, told(&of_reader).len(), told(&of_reader)[1].starts_with("SCAN")), (200, 5, true));
    assert_eq!(code(&seen_by(&stranger, path).1), "NO_SUCH_REPOSITORY");
    assert_eq!(server.ask("GET", path, &[], b"").status, 401);
    let everywhere = "/api/v0/events?pageSize=100";
    assert_eq!(told(&get(&server, everywhere)).len(), 8 + 2 + 1);
    assert_eq!(told(&seen_by(&reader, everywhere).1), told(&of_reader));
    assert_eq!(told(&seen_by(&stranger, everywhere).1), Vec::<String>::new());
    call(&server, 200, "PATCH", "/api/v0/repositories/ops/prod", &json!({"visibility": "public"}));
    let public =
        ["UPDATE REPOSITORY ops/prod", "CREATE TAG by-hand", "CREATE TAG by-policy", "CREATE REPOSITORY ops/prod"];
    assert_eq!(told(&seen_by(&stranger, everywhere).1), public);
    what_happened_under_a_name_before_is_for_its_owners(&server, |path| seen_by(&stranger, path).1);
}

fn what_happened_under_a_name_before_is_for_its_owners(server: &Server, stranger: impl Fn(&str) -> Value) {
    let everywhere = "/api/v0/events?pageSize=100";
    let again = json!({"name": "again", "visibility": "public"});
    call(server, 201, "POST", "/api/v0/repositories/ops", &again);
    push(server, "ops/again", "secret", &debian(&["base-files 12"]));
    expect(server, 204, "DELETE", "/api/v0/repositories/ops/again", "application/json", b"");
    let about =
        |answer: &Value| told(answer).into_iter().filter(|event| event.contains("again") || event.contains("secret"));
    assert_eq!(about(&stranger(everywhere)).count(), 0);
    call(server, 201, "POST", "/api/v0/repositories/ops", &again);
    for path in [everywhere, "/api/v0/repositories/ops/again/events"] {
        assert_eq!(about(&stranger(path)).collect::<Vec<_>>(), ["CREATE REPOSITORY ops/again"], "{path}");
    }
    assert_eq!(about(&get(server, everywhere)).count(), 4);
}

#[test]
fn jobs_are_asked_for_looked_at_and_survive_a_kill() {
    let mut server = Server::start("127.0.0.1");
    let pruning = call(&server, 202, "POST", "/api/v0/jobs", &json!({"action": "tag_pruning", "retries": 0}));
    assert_eq!((&pruning["action"], &pruning["parameters"]), (&json!("tag_pruning"), &json!({})), "{pruning}");
    let done = job_until(&server, &pruning["id"], "done");
    assert!(done["workerID"].as_str().unwrap().len() == 12 && done["endedAt"].is_string(), "{done}");
    let lines = get(&server, &format!("/api/v0/jobs/{}/logs", plain(&pruning["id"])));
    assert!(lines.as_array().unwrap().len() >= 3 && plain(&lines[2]["data"]).ends_with("it is done"), "{lines}");
    let skipped = get(&server, &format!("/api/v0/jobs/{}/logs?offset=2&limit=1", plain(&pruning["id"])));
    assert_eq!(skipped, json!([lines[2]]));
    for action in ["gc", "poll_mirror", "push_mirror_tag", "scan_check_all", "onlinegc_joblogs"] {
        let job = call(&server, 202, "POST", "/api/v0/jobs", &json!({"action": action}));
        job_until(&server, &job["id"], "done");
    }
    let list = |query: &str| get(&server, &format!("/api/v0/jobs?{query}"))["jobs"].as_array().unwrap().clone();
    assert_eq!(list("action=onlinegc&worker=any&running=any&start=0&limit=10").len(), 1);
    assert_eq!(list("action=any&limit=1").len(), 1);
    assert_eq!(list("worker=nobody"), [] as [Value; 0]);
    assert_eq!(list("start=1000"), [] as [Value; 0]);

    let unknown = call(&server, 400, "POST", "/api/v0/jobs", &json!({"action": "license_update"}));
    assert!(code(&unknown) == "INVALID_PARAMETERS" && message(&unknown).contains("tag_pruning"), "{unknown}");
    let with = json!({"action": "scan_check_single", "parameters": {"SHA256SUM": "00"}});
    call(&server, 400, "POST", "/api/v0/jobs", &with);
    let offline = call(&server, 400, "POST", "/api/v0/jobs", &json!({"action": "update_vuln_db"}));
    assert!(message(&offline).contains("scanningSyncOnline"), "{offline}");
    assert_eq!(code(&call(&server, 404, "GET", "/api/v0/jobs/1fcf4c0f", &json!(null))), "NO_SUCH_JOB");
    let over = format!("/api/v0/jobs/{}/cancel", plain(&pruning["id"]));
    call(&server, 409, "POST", &over, &json!(null));
    let person = user(&server, "anna");
    for (method, path) in [("GET", "/api/v0/jobs"), ("GET", "/api/v0/crons"), ("GET", "/api/v0/meta/cluster_status")] {
        assert_eq!(asks(&server, &person, method, path, &json!(null)).0, 403, "{path}");
    }
    assert_eq!(asks(&server, &person, "POST", "/api/v0/jobs", &json!({"action": "gc"})).0, 403);

    // Whatever it was doing: what was asked for is done, by the next life of the server.
    let asked = call(&server, 202, "POST", "/api/v0/jobs", &json!({"action": "onlinegc"}));
    server.kill_and_restart();
    job_until(&server, &asked["id"], "done");
    assert_eq!(get(&server, "/api/v0/jobs?running=true")["jobs"], json!([]));
    assert_eq!(get(&server, "/api/v0/workers")["workers"][0]["status"], "running");
    let worker = get(&server, "/api/v0/workers")["workers"][0]["id"].clone();
    let capacity = format!("/api/v0/workers/{}/capacity", plain(&worker));
    assert_eq!(get(&server, &capacity)["capacityMap"]["scan"], 4);
    call(&server, 405, "POST", &capacity, &json!({"capacityMap": {"scan": 2}}));
}

#[test]
fn the_clock_can_be_set() {
    let mut server = Server::start("127.0.0.1");
    let crons = |server: &Server| {
        let crons = get(server, "/api/v0/crons")["crons"].as_array().unwrap().clone();
        crons.iter().map(|cron| format!("{} {}", plain(&cron["action"]), plain(&cron["schedule"]))).collect::<Vec<_>>()
    };
    let usual = crons(&server);
    for expected in ["onlinegc 0 0 * * * *", "tag_pruning 0 */15 * * * *", "poll_mirror 0 */30 * * * *"] {
        assert!(usual.contains(&expected.to_owned()), "{usual:?}");
    }
    let set = |server: &Server, status, action: &str, schedule: &str| {
        let body = json!({"action": action, "schedule": schedule, "retries": 0, "deadline": "", "stopTimeout": "30s"});
        call(server, status, "POST", "/api/v0/crons", &body)
    };
    let each_second = set(&server, 200, "gc", "* * * * * *");
    assert_eq!((&each_second["action"], &each_second["schedule"]), (&json!("onlinegc"), &json!("* * * * * *")));
    assert!(message(&set(&server, 400, "gc", "0 0 25 * * *")).contains("hours"));
    assert!(message(&set(&server, 400, "gc", "0 0 0 31 2 *")).contains("never"));
    assert!(message(&set(&server, 400, "poll_mirror", "@hourly")).contains("half an hour"));
    assert!(message(&set(&server, 400, "update_vuln_db", "0 0 4 * * *")).contains("scanningSyncOnline"));
    assert_eq!(code(&set(&server, 404, "license_update", "@hourly")), "NO_SUCH_CRON");
    call(&server, 202, "POST", SETTINGS, &json!({"scanningSyncOnline": true}));
    assert_eq!(set(&server, 200, "update_vuln_db", "0 5 4 * * *")["schedule"], "0 5 4 * * *");
    assert_eq!(get(&server, "/api/v1/advisories/settings")["dailyAt"], "04:05");
    set(&server, 400, "update_vuln_db", "0 5 */2 * * *");

    // A server that starts with it does it each second.
    server.kill_and_restart();
    let began = Instant::now();
    let runs = || get(&server, "/api/v0/jobs?action=onlinegc&limit=100")["jobs"].as_array().unwrap().len();
    while runs() < 2 {
        assert!(began.elapsed() < Duration::from_secs(60), "nothing is collected each second");
    }
    expect(&server, 204, "DELETE", "/api/v0/crons/onlinegc", "application/json", b"");
    assert!(!crons(&server).iter().any(|cron| cron.starts_with("onlinegc ")));
    assert_eq!(code(&call(&server, 404, "GET", "/api/v0/crons/gc", &json!(null))), "NO_SUCH_CRON");
    set(&server, 200, "gc", "@daily");
    assert_eq!(get(&server, "/api/v0/crons/gc")["schedule"], "0 0 0 * * *");
    assert_eq!(get(&server, "/api/v1/audit/verify")["clean"], true);
}

/// All that the reference names.
const NAMES: [&str; 36] = [
    "dtrHost",
    "sso",
    "createRepositoryOnPush",
    "disableUpgrades",
    "reportAnalytics",
    "anonymizeAnalytics",
    "disableBackupWarning",
    "webTLSCert",
    "webTLSKey",
    "webTLSCA",
    "webTLSClientCA",
    "clientCertAuthEnabled",
    "scanningEnabled",
    "scanningSyncOnline",
    "scanningDeadline",
    "scanningEnableAutoRecheck",
    "jobHistoryCompactionEnabled",
    "jobHistoryToKeep",
    "jobHistoryMaxAge",
    "repoEventHistoryCompactionEnabled",
    "repoEventHistoryToKeep",
    "repoEventHistoryMaxAge",
    "readOnlyRegistry",
    "disablePersistentCookies",
    "replicaSettings",
    "replicaID",
    "httpProxy",
    "httpsProxy",
    "noProxy",
    "logProtocol",
    "logHost",
    "logLevel",
    "storageVolume",
    "nfsHost",
    "nfsPath",
    "scanningAttest",
];

#[test]
fn settings_are_whole_and_what_is_set_holds() {
    let server = Server::start("127.0.0.1");
    let shown = get(&server, SETTINGS);
    let mut names: Vec<&str> = shown.as_object().unwrap().keys().map(String::as_str).collect();
    let mut expected = NAMES.to_vec();
    names.sort_unstable();
    expected.sort_unstable();
    assert_eq!(names, expected);
    call(&server, 202, "POST", SETTINGS, &shown);
    for (name, value, why) in [
        ("repoEventHistoryToKeep", json!(100), "nothing is ever deleted"),
        ("dtrHost", json!("elsewhere"), "configuration"),
        ("nfsHost", json!("10.0.0.1"), "nfsHost"),
        ("unheardOf", json!(1), "unheardOf"),
        ("jobHistoryMaxAge", json!("a month"), "720h"),
        ("jobHistoryToKeep", json!(-1), "u32"),
    ] {
        let refused = call(&server, 400, "POST", SETTINGS, &json!({name: value}));
        assert!(code(&refused) == "INVALID_SETTINGS" && message(&refused).contains(why), "{refused}");
    }
    assert_eq!(get(&server, SETTINGS), shown);

    let person = user(&server, "anna");
    assert_eq!(asks(&server, &person, "POST", SETTINGS, &json!({"createRepositoryOnPush": false})).0, 403);
    let begin = |path: &str| asks(&server, &person, "POST", path, &json!(null));
    assert_eq!(begin("/v2/anna/first/blobs/uploads/").0, 202);
    let history = json!({"createRepositoryOnPush": false, "jobHistoryToKeep": 3, "jobHistoryMaxAge": "1h30m"});
    call(&server, 202, "POST", SETTINGS, &history);
    let (status, refused) = begin("/v2/anna/second/blobs/uploads/");
    assert!(status == 403 && message(&refused).contains("createRepositoryOnPush"), "{status} {refused}");
    assert_eq!(begin("/v2/anna/first/blobs/uploads/").0, 202);
    let now = get(&server, SETTINGS);
    assert_eq!((&now["createRepositoryOnPush"], &now["jobHistoryMaxAge"]), (&json!(false), &json!("1h30m0s")));
    for _ in 0..6 {
        let job = call(&server, 202, "POST", "/api/v0/jobs", &json!({"action": "onlinegc_joblogs"}));
        job_until(&server, &job["id"], "done");
    }
    assert!(get(&server, "/api/v0/jobs?limit=100")["jobs"].as_array().unwrap().len() <= 4);
    assert_eq!(get(&server, "/api/v1/audit/verify")["clean"], true);
}

#[test]
fn pulls_are_counted_and_it_tells_of_itself() {
    let mut server = Server::start("127.0.0.1");
    call(&server, 201, "POST", "/enzi/v0/accounts", &json!({"name": "ops", "isOrg": true}));
    call(&server, 201, "POST", "/api/v0/repositories/ops", &json!({"name": "app", "visibility": "public"}));
    push(&server, "ops/app", "1", &debian(&["base-files 12"]));
    push(&server, "admin/tool", "1", &debian(&["base-files 12"]));
    let etag = {
        let answer = server.ask("GET", "/v2/ops/app/manifests/1", &[], b"");
        answer.header("etag").unwrap().to_owned()
    };
    // Those that are kept in memory count as well; what only looks does not.
    for (method, header) in [("GET", None), ("GET", None), ("HEAD", None), ("GET", Some(etag.as_str()))] {
        let headers: Vec<(&str, &str)> = header.iter().map(|value| ("If-None-Match", *value)).collect();
        server.ask(method, "/v2/ops/app/manifests/1", &headers, b"");
    }
    let repository = get(&server, "/api/v0/repositories/ops/app");
    assert_eq!((&repository["pulls"], &repository["pushes"]), (&json!(3), &json!(1)), "{repository}");
    assert_eq!(repository["namespaceType"], "organization");
    let listed = get(&server, "/api/v0/repositories/admin")["repositories"][0].clone();
    assert_eq!((&listed["namespaceType"], &listed["pulls"], &listed["pushes"]), (&json!("user"), &json!(0), &json!(1)));

    let text = expect(&server, 200, "GET", "/api/v0/admin/metrics", "application/json", b"");
    for line in [
        "repos 2",
        "public_repos 1",
        "private_repos 1",
        "pull_count 3",
        "push_count 2",
        "pull_count_per_repo{repository=\"ops/app\"} 3",
        "push_count_per_repo{repository=\"admin/tool\"} 1",
    ] {
        assert!(text.lines().any(|found| found == line), "no {line} in\n{text}");
    }
    assert_eq!(server.ask("GET", "/api/v0/admin/metrics", &[], b"").status, 401);
    server.kill_and_restart();
    // The scrape had them written.
    assert_eq!(get(&server, "/api/v0/repositories/ops/app")["pulls"], 3);

    let features = get(&server, "/api/v0/meta/features");
    assert!(features["promotionLicensed"] == true && features["scanningEnabled"] == true, "{features}");
    let status = get(&server, "/api/v0/meta/cluster_status");
    let replica = get(&server, SETTINGS)["replicaID"].clone();
    assert_eq!((&status["replica_health"][plain(&replica)], &status["gc_lock_holder"]), (&json!("OK"), &json!("")));
    let alerts = |server: &Server| get(server, "/api/v0/meta/alerts").as_array().unwrap().clone();
    assert!(!alerts(&server).iter().any(|alert| alert["id"] == "read-only"));
    call(&server, 202, "POST", SETTINGS, &json!({"readOnlyRegistry": true}));
    assert_eq!(get(&server, "/api/v0/meta/cluster_status")["replica_readonly"][plain(&replica)], true);
    assert!(alerts(&server).iter().any(|alert| alert["id"] == "read-only" && alert["class"] == "warning"));
    assert!(get(&server, "/api/v0/admin/version")["version"].is_string());
}
