//! `assay import dtr` against a stand-in for a DTR, which is labelled so: no DTR was at hand.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    process::{Child, Command, Stdio},
};

use oci::Digest;
use serde_json::{Value, json};

use crate::{
    command_line::{Came, Person},
    dtr_stand_in::{DTR_PASSWORD, Dtr, Twist},
    image::{as_admin, call, get},
    server::until,
};

/// A layer of some hundred kilobytes, of which a part is sent before anybody notices that the rest is not there.
const OLD: &str = "the old program; ";
const OLD_TIMES: usize = 50_000;

/// Somebody who leaves a DTR.
pub struct Move {
    pub person: Person,
    pub dtr: Dtr,
}

/// What came of an import: its exit, and outcome and reason of each thing.
pub struct Report {
    pub came: Came,
    rows: BTreeMap<String, (String, String)>,
    pub notes: String,
}

impl Move {
    fn new() -> Move {
        let person = Person::new();
        let certificate = call(&person.server, 201, "POST", "/api/v1/certificates", &json!({"names": ["127.0.0.1"]}));
        let file = |name: &str| certificate["files"][name].as_str().unwrap().to_owned();
        let dtr = Dtr::start(&file("cert.pem"), &file("key.pem"));
        Move { person, dtr }
    }

    fn arguments<'a>(&self, url: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        [&["import", "dtr", url, "--user", "admin", "--ca", "data/keys/ca.pem"], more].concat()
    }

    pub fn runs(&self, more: &[&str]) -> Report {
        let url = self.dtr.url();
        let arguments = self.arguments(&url, &[&["--report", "report.json"], more].concat());
        let came = self.person.tells(&arguments, &format!("{DTR_PASSWORD}\n"));
        let text = fs::read_to_string(self.person.server.folder.path().join("report.json")).unwrap();
        let report: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {came:?}"));
        let word = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
        let mut rows = BTreeMap::new();
        for row in report["rows"].as_array().unwrap() {
            let key = format!("{} {}", word(row, "kind"), word(row, "name"));
            rows.entry(key).or_insert((word(row, "outcome"), word(row, "why")));
        }
        Report { came, rows, notes: report["notes"].to_string() }
    }

    /// The importer on its own, to be killed.
    pub fn begins(&self) -> Child {
        let url = self.dtr.url();
        let mut child = Command::new(env!("CARGO_BIN_EXE_assay"))
            .args(self.arguments(&url, &[]))
            .current_dir(self.person.server.folder.path())
            .env("ASSAY_LOGIN", self.person.server.folder.path().join("login.json"))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        writeln!(child.stdin.take().unwrap(), "{DTR_PASSWORD}").unwrap();
        child
    }

    /// What administrators did, by the log.
    fn entries(&self) -> usize {
        get(&self.person.server, "/api/v1/audit/entries?actor=admin&limit=1000")["entries"].as_array().unwrap().len()
    }

    /// The digest of a tag here, and whether each of its layers can be pulled.
    fn digest(&self, image: &str) -> Option<String> {
        let (repository, tag) = image.split_once(':').unwrap();
        let (name, value) = as_admin();
        let path = format!("/v2/{repository}/manifests/{tag}");
        let answer = self.person.server.ask("GET", &path, &[(name, &value)], b"");
        (answer.status == 200).then(|| Digest::sha256_of(&answer.bytes).to_string())
    }
}

impl Report {
    pub fn outcome(&self, row: &str) -> &str {
        self.rows.get(row).map_or("no row", |(outcome, _)| outcome.as_str())
    }

    fn why(&self, row: &str) -> &str {
        self.rows.get(row).map_or("", |(_, why)| why.as_str())
    }

    pub fn count(&self, outcome: &str) -> usize {
        self.rows.values().filter(|(one, _)| one == outcome).count()
    }
}

fn account(name: &str, more: &Value) -> Value {
    let mut account = json!({
        "id": format!("id-{name}"), "name": name, "fullName": format!("{name} there"), "isOrg": false, "isAdmin": false,
        "isActive": true, "isImported": false,
    });
    account.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    account
}

fn people(dtr: &Dtr) {
    let admin = account("admin", &json!({"fullName": "Administrator", "isAdmin": true}));
    let org = json!({"isOrg": true});
    let bert = account("bert", &json!({"isActive": false}));
    let accounts = [
        account("anna", &json!({})),
        bert,
        account("Carl.Big", &json!({})),
        account("ops", &org),
        account("api", &org),
    ];
    dtr.lists("/enzi/v0/accounts", json!([admin]));
    dtr.lists("/enzi/v0/accounts", accounts.as_slice().into());
    dtr.has("/enzi/v0/accounts/admin", admin);
    let member = |name: &str, admin: bool| json!({"member": account(name, &json!({})), "isAdmin": admin});
    let members = [member("anna", true), member("bert", false), member("Carl.Big", false)];
    dtr.lists("/enzi/v0/accounts/ops/members", members.as_slice().into());
    dtr.lists("/enzi/v0/accounts/api/members", json!([]));
    let team = |name: &str| json!({"id": format!("t-{name}"), "name": name, "description": "who ships"});
    dtr.lists("/enzi/v0/accounts/ops/teams", json!([team("release"), team("Big Team")]));
    dtr.lists("/enzi/v0/accounts/ops/teams/release/members", json!([member("anna", false)]));
    let key = json!({"id": "0123abcd", "label": "laptop", "publicKey": "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"});
    dtr.lists("/enzi/v0/accounts/anna/publicKeys", json!([key]));
}

fn repository(dtr: &Dtr, namespace: &str, name: &str, more: &Value) {
    let mut repository = json!({
        "id": format!("r-{namespace}-{name}"), "namespace": namespace, "name": name, "shortDescription": "short",
        "longDescription": "# long", "visibility": "private", "scanOnPush": true, "immutableTags": false,
        "enableManifestLists": false, "tagLimit": 0, "pulls": 3, "pushes": 1,
    });
    repository.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    dtr.lists("/api/v0/repositories", json!([repository]));
    dtr.has(&format!("/api/v0/repositories/{namespace}/{name}"), repository);
}

fn tag(dtr: &Dtr, repository: &str, name: &str, (digest, day, signed): (&Digest, u32, bool)) {
    let tag = json!({
        "name": name, "digest": digest, "author": "anna", "updatedAt": format!("2020-01-{day:02}T10:00:00.5Z"),
        "inNotary": signed, "hashMismatch": false,
    });
    dtr.lists(&format!("/api/v0/repositories/{repository}/tags"), json!([tag]));
}

fn images(dtr: &Dtr) {
    let (shop, prod) = ("ops/shop", "ops/prod");
    let program = OLD.repeat(OLD_TIMES);
    let old = dtr.image(shop, "old", &["a base layer", &program]);
    let new = dtr.image(shop, "new", &["a base layer", "the new program"]);
    let windows = dtr.image(shop, "windows", &["foreign a base of windows", "a program"]);
    let multi = dtr.list_of(shop, "multi", &[&old, &new]);
    let sparse = dtr.list_of(shop, "sparse", &[&old, &Digest::sha256_of(b"elsewhere")]);
    let ancient = dtr.document(
        shop,
        "ancient",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
        b"{\"schemaVersion\": 1}",
    );
    // Listed in another order than pushed.
    for (name, digest, day) in [
        ("new", &new, 9),
        ("old", &old, 2),
        ("multi", &multi, 5),
        ("windows", &windows, 4),
        ("sparse", &sparse, 6),
        ("ancient", &ancient, 1),
    ] {
        tag(dtr, shop, name, (digest, day, name == "old"));
    }
    let released = dtr.image(prod, "1", &["a base layer", &program]);
    tag(dtr, prod, "1", (&released, 3, false));
    for (name, day) in [("first", 1), ("second", 2), ("third", 3)] {
        let toy = dtr.image("anna/toy", name, &[name]);
        tag(dtr, "anna/toy", name, (&toy, day, false));
    }
}

fn policies(dtr: &Dtr) {
    let rule = |field: &str| json!([{"field": field, "operator": "lte", "values": ["0"]}]);
    let promotion = |id: &str, target: &str| {
        json!({
            "id": id, "enabled": true, "rules": rule("vulnerability_critical"), "sourceRepository": "ops/shop",
            "targetRepository": target, "tagTemplate": "%n", "lastPromotedAt": "2020-01-02T00:00:00Z",
        })
    };
    let path = "/api/v0/repositories/ops/shop";
    dtr.lists(
        &format!("{path}/promotionPolicies"),
        json!([promotion("11112222", "ops/prod"), promotion("33334444", "ops/gone")]),
    );
    let pruning =
        json!({"id": "55556666", "enabled": true, "rules": [{"field": "tag", "operator": "sw", "values": ["ci-"]}]});
    dtr.lists(&format!("{path}/pruningPolicies"), json!([pruning]));
    let mirror = json!({
        "id": "77778888", "enabled": true, "remoteHost": "https://dtr2.example", "remoteRepository": "ops/shop",
        "username": "robot", "skipTLSVerification": false, "remoteCA": "", "rules": [], "tagTemplate": "%n",
    });
    dtr.lists(&format!("{path}/pushMirroringPolicies"), json!([mirror]));
    let access = |team: &str, level: &str| json!([{"accessLevel": level, "team": {"id": format!("t-{team}"), "orgID": "id-ops"}}]);
    dtr.lists(&format!("{path}/teamAccess"), access("release", "read-write"));
    dtr.lists("/api/v0/repositoryNamespaces/ops/teamAccess", access("release", "read-only"));
    let hook = |id: &str, kind: &str, endpoint: &str, inactive: bool| {
        json!({
            "id": id, "type": kind, "key": "ops/shop", "endpoint": endpoint, "authorID": "id-admin",
            "createdAt": "2020-01-01T00:00:00Z", "lastSuccessfulAt": "0001-01-01T00:00:00Z", "inactive": inactive, "tlsCert": "",
            "skipTLSVerification": false,
        })
    };
    dtr.lists(
        "/api/v0/webhooks",
        json!([
            hook(
                "1",
                "PROMOTION",
                "https://gitlab.example/api/v4/projects/1/trigger/pipeline?token=s3cret&ref=main",
                false
            ),
            hook(
                "2",
                "PROMOTION",
                "https://gitlab.example/api/v4/projects/1/trigger/pipeline?token=0ther&ref=main",
                true
            ),
            hook("3", "CHART_PUSH", "https://charts.example/hook", false),
            hook("4", "TAG_PUSH", "no address", false),
        ]),
    );
}

pub fn estate() -> Move {
    let moving = Move::new();
    let dtr = &moving.dtr;
    people(dtr);
    repository(dtr, "ops", "shop", &json!({"immutableTags": true, "visibility": "public"}));
    repository(dtr, "ops", "prod", &json!({}));
    repository(dtr, "anna", "toy", &json!({"scanOnPush": false, "tagLimit": 2}));
    repository(dtr, "api", "thing", &json!({}));
    repository(dtr, "ops", "Shouted", &json!({}));
    images(dtr);
    policies(dtr);
    dtr.has(
        "/api/v0/meta/settings",
        json!({
            "scanningEnabled": true, "createRepositoryOnPush": false, "scanningDeadline": 3600, "sso": true,
        }),
    );
    moving
}

const WHOLE: [(&str, &str); 34] = [
    ("user admin", "there"),
    ("user anna", "carried"),
    ("user bert", "carried"),
    ("user Carl.Big", "left"),
    ("organization ops", "carried"),
    ("organization api", "left"),
    ("member anna in ops", "carried"),
    ("member bert in ops", "carried"),
    ("member Carl.Big in ops", "left"),
    ("team ops/release", "carried"),
    ("team ops/Big Team", "left"),
    ("team member anna in ops/release", "carried"),
    ("repository ops/shop", "carried"),
    ("repository ops/prod", "carried"),
    ("repository anna/toy", "carried"),
    ("repository api/thing", "left"),
    ("repository ops/Shouted", "left"),
    ("team access ops/release on ops", "carried"),
    ("team access ops/release on ops/shop", "carried"),
    ("image ops/shop:old", "carried"),
    ("signature ops/shop:old", "left"),
    ("image ops/shop:new", "carried"),
    ("image ops/shop:multi", "carried"),
    ("image ops/shop:windows", "carried"),
    ("image ops/shop:sparse", "left"),
    ("image ops/shop:ancient", "left"),
    ("image ops/prod:1", "carried"),
    ("image anna/toy:first", "left"),
    ("image anna/toy:second", "carried"),
    ("image anna/toy:third", "carried"),
    ("promotion policy 11112222 of ops/shop to ops/prod", "carried"),
    ("promotion policy 33334444 of ops/shop to ops/gone", "left"),
    ("setting createRepositoryOnPush", "differs"),
    ("webhook CHART_PUSH of ops/shop to https://charts.example/hook", "left"),
];

#[test]
fn a_whole_dtr_comes_over_and_a_second_run_changes_nothing() {
    let moving = estate();
    let dry = moving.runs(&["--dry-run"]);
    assert_eq!(
        (dry.outcome("repository ops/shop"), dry.outcome("image ops/shop:new")),
        ("would", "would"),
        "{:?}",
        dry.came
    );
    assert_eq!(dry.count("carried"), 0);
    let before = moving.entries();
    moving.runs(&["--dry-run"]);
    assert_eq!(moving.entries(), before, "a dry run changes nothing");

    let first = moving.runs(&[]);
    for (row, outcome) in WHOLE {
        assert_eq!(first.outcome(row), outcome, "{row}: {:?}\n{}", first.rows.get(row), first.came.err);
    }
    assert_eq!(first.came.code, 3, "{:?}", first.came);
    assert!(first.notes.contains("until they have: 2;") && first.notes.contains("access tokens"), "{}", first.notes);
    assert!(first.notes.contains("ignoreUnknownSeverities"), "{}", first.notes);
    let asked = moving.dtr.asked();
    assert!(asked.iter().any(|path| path.starts_with("/v2/ops/shop/blobs/")), "layers are fetched");
    assert!(!asked.iter().any(|path| path.starts_with("/v2/ops/prod/blobs/")), "and not twice");
    let hook = "webhook PROMOTION of ops/shop to https://gitlab.example/api/v4/projects/1/trigger/pipeline?token=[redacted]&ref=[redacted]";
    assert_eq!(first.outcome(hook), "carried");
    let all = format!("{}{}{:?}", first.came.out, first.came.err, first.rows);
    assert!(!all.contains("s3cret") && !all.contains(DTR_PASSWORD), "no secret is told");
    assert!(all.contains("CHART_PUSH") && first.why("team ops/Big Team").contains("not valid"), "{all}");
    // Without these routes it is said so, with them they are carried.
    for kind in ["public key 0123abcd of anna", "pruning policy 55556666 of ops/shop"] {
        let (outcome, why) = &first.rows[kind];
        assert!(outcome == "carried" || outcome == "left" && !why.is_empty(), "{kind}: {outcome} {why}");
    }

    arrived(&moving);
    let (before, first_rows) = (moving.entries(), first.rows.len());
    let second = moving.runs(&[]);
    assert_eq!((second.came.code, second.count("carried"), second.count("failed")), (3, 0, 0), "{:?}", second.came);
    assert_eq!((moving.entries(), second.rows.len()), (before, first_rows), "{:?}", second.came);
    assert_eq!(get(&moving.person.server, "/api/v1/audit/verify")["clean"], true);
}

/// What is here in the end, whichever way it came.
fn arrived(moving: &Move) {
    let server = &moving.person.server;
    let shop = get(server, "/api/v0/repositories/ops/shop");
    let members = [&shop["visibility"], &shop["immutableTags"], &shop["scanOnPush"], &shop["longDescription"]];
    assert_eq!(members, [&json!("public"), &json!(true), &json!(true), &json!("# long")]);
    assert_eq!(get(server, "/enzi/v0/accounts/bert")["isActive"], false);
    let members = get(server, "/enzi/v0/accounts/ops/members")["members"].clone();
    let anna = members.as_array().unwrap().iter().find(|one| one["member"]["name"] == "anna").unwrap().clone();
    assert_eq!((members.as_array().unwrap().len(), &anna["isAdmin"]), (2, &json!(true)));
    for image in ["ops/shop:old", "ops/shop:new", "ops/shop:multi", "ops/shop:windows", "ops/prod:1", "anna/toy:third"]
    {
        let (repository, tag) = image.split_once(':').unwrap();
        assert_eq!(moving.digest(image), Some(moving.dtr.digest(repository, tag)), "{image}");
    }
    assert_eq!((moving.digest("ops/shop:sparse"), moving.digest("anna/toy:first")), (None, None));
    let mut tags: Vec<(String, String)> = Vec::new();
    for tag in get(server, "/api/v0/repositories/ops/shop/tags").as_array().unwrap() {
        tags.push((tag["updatedAt"].as_str().unwrap().to_owned(), tag["name"].as_str().unwrap().to_owned()));
    }
    tags.sort();
    let order: Vec<&str> = tags.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(order, ["old", "windows", "multi", "new"], "in the order in which they were pushed there");
    let policies = get(server, "/api/v0/repositories/ops/shop/promotionPolicies");
    assert_eq!((policies.as_array().unwrap().len(), &policies[0]["targetRepository"]), (1, &json!("ops/prod")));
    assert_eq!(get(server, "/api/v0/repositories/ops/prod/tags").as_array().unwrap().len(), 1, "nothing is promoted");
    let hooks = get(server, "/api/v0/repositories/ops/shop/webhooks");
    let mut inactive: Vec<bool> =
        hooks.as_array().unwrap().iter().map(|one| one["inactive"].as_bool().unwrap()).collect();
    inactive.sort_unstable();
    assert_eq!(inactive, [false, true]);
}

#[test]
fn an_import_that_is_cut_off_goes_on_where_it_ended() {
    let moving = estate();
    let mut cuts = 0;
    for patience in (5..90).step_by(7) {
        moving.dtr.asked();
        moving.dtr.has_patience(Some(patience));
        let mut child = moving.begins();
        until("the importer asks or ends", || moving.dtr.is_out_of_patience() || child.try_wait().unwrap().is_some());
        cuts += usize::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(cuts > 4, "it was cut off {cuts} times");
    moving.dtr.has_patience(None);
    let last = moving.runs(&[]);
    assert_eq!((last.came.code, last.count("failed")), (3, 0), "{:?}", last.came);
    arrived(&moving);
    // Nothing was made twice.
    let again = moving.runs(&[]);
    assert_eq!((again.count("carried"), again.count("failed")), (0, 0), "{:?}", again.came);
}

#[test]
fn what_is_here_and_differs_stays() {
    let moving = estate();
    let server = &moving.person.server;
    call(server, 201, "POST", "/enzi/v0/accounts", &json!({"name": "ops", "isOrg": true, "fullName": "ours"}));
    call(server, 201, "POST", "/enzi/v0/accounts", &json!({"name": "anna", "isOrg": true}));
    call(server, 201, "POST", "/api/v0/repositories/ops", &json!({"name": "prod", "visibility": "public"}));
    let ours = crate::image::push(server, "ops/prod", "1", &crate::image::debian(&["hello 1"])).to_string();
    let report = moving.runs(&["--include", "ops/prod", "--include", "anna"]);
    assert_eq!(report.came.code, 3, "{:?}", report.came);
    for row in ["organization ops", "user anna", "repository ops/prod", "image ops/prod:1"] {
        assert_eq!(report.outcome(row), "differs", "{row}: {:?}", report.came);
    }
    assert!(report.why("repository ops/prod").contains("visibility is \"private\" there and \"public\" here"));
    assert!(report.why("repository anna/toy").contains("another kind of account"), "{:?}", report.rows);
    assert_eq!(report.outcome("repository ops/shop"), "no row", "only what is included");
    assert_eq!(report.outcome("user bert"), "carried", "a member of what is included");
    assert_eq!(moving.digest("ops/prod:1"), Some(ours.clone()));
    let nothing = moving.runs(&["--include", "ops/gone", "--include", "nobody"]);
    assert_eq!(["repository ops/gone", "repository nobody"].map(|row| nothing.outcome(row)), ["left", "left"]);
    let moved = moving.runs(&["--include", "ops/prod", "--move-tags"]);
    assert_eq!(moved.outcome("image ops/prod:1"), "carried", "{:?}", moved.came);
    assert_eq!(moving.digest("ops/prod:1"), Some(moving.dtr.digest("ops/prod", "1")));
}

#[test]
fn a_dtr_that_talks_nonsense_costs_only_what_it_talks_nonsense_about() {
    let moving = estate();
    let (dtr, repositories) = (&moving.dtr, "/api/v0/repositories");
    let blob = |words: &str| format!("/v2/ops/shop/blobs/{}", Digest::sha256_of(words.as_bytes()));
    dtr.twist("/enzi/v0/accounts/ops/teams/release/members", Twist::Status(500));
    dtr.twist("/api/v0/repositoryNamespaces/ops/teamAccess", Twist::Elsewhere);
    dtr.twist(&format!("{repositories}/anna/toy/tags"), Twist::Garbage);
    dtr.twist(&format!("{repositories}/ops/prod/tags"), Twist::Circle);
    dtr.twist(&format!("{repositories}/ops/shop/pruningPolicies"), Twist::Status(403));
    dtr.twist(&blob(&OLD.repeat(OLD_TIMES)), Twist::Half);
    dtr.twist(&blob("the new program"), Twist::OtherBytes);
    dtr.lists(
        &format!("{repositories}/ops/shop/teamAccess"),
        json!([7, null, {"team": []}, {"accessLevel": "root", "team": "release"}]),
    );
    dtr.lists("/enzi/v0/accounts", json!([{"id": "x1", "name": "\u{1b}[2Jx"}]));
    let report = moving.runs(&[]);
    assert_eq!(report.came.code, 1, "{:?}", report.came);
    for (row, why) in [
        ("team member ops/release", "500"),
        ("team access ops", "leads elsewhere"),
        ("image anna/toy", "no JSON"),
        ("image ops/prod", "lead back"),
        ("pruning policy ops/shop", "403"),
        ("image ops/shop:old", "broke off after"),
        ("image ops/shop:new", "digest"),
    ] {
        assert_eq!(report.outcome(row), "failed", "{row}: {:?}", report.came);
        assert!(report.why(row).contains(why), "{row}: {}", report.why(row));
    }
    assert!(!report.came.err.contains('\u{1b}') && !report.came.out.contains('\u{1b}'));
    assert_eq!(report.outcome("image ops/shop:windows"), "carried", "{:?}", report.came);
    assert_eq!(report.outcome("promotion policy 11112222 of ops/shop to ops/prod"), "carried");

    dtr.untwist();
    let mended = moving.runs(&[]);
    assert_eq!((mended.came.code, mended.count("failed")), (3, 0), "{:?}", mended.came);
    assert_eq!(mended.outcome("image ops/shop:old"), "carried");
}

#[test]
fn a_wrong_password_is_tried_once() {
    let moving = estate();
    let url = moving.dtr.url();
    let came = moving.person.tells(&moving.arguments(&url, &[]), "wrong\n");
    assert_eq!((came.code, moving.dtr.asked().len()), (4, 1), "{came:?}");
    assert!(came.err.contains("refuses the name admin or its password"), "{came:?}");
    // Whoever has no authority for it is told so before any password is sent.
    let came = moving.person.tells(&["import", "dtr", &url, "--user", "admin"], "secret\n");
    assert_eq!((came.code, moving.dtr.asked().len()), (1, 0), "{came:?}");
    for (bad, code) in [("http://dtr.example", 1), ("https://dtr.example/v2/", 1), ("dtr.example", 1)] {
        assert_eq!(moving.person.tells(&["import", "dtr", bad, "--user", "a"], "x\n").code, code, "{bad}");
    }
    moving.person.says(&["account", "create", "robot"]);
    let token = moving.person.answers(&["token", "create", "--account", "robot"]);
    let login = moving.person.server.folder.path().join("login.json");
    let mut remembered: Value = serde_json::from_slice(&fs::read(&login).unwrap()).unwrap();
    remembered["token"] = token["token"].clone();
    fs::write(&login, remembered.to_string()).unwrap();
    assert_eq!(moving.person.tells(&moving.arguments(&url, &[]), "x\n").code, 3, "only administrators import");
}
