//! The pages of pruning, mirroring, waivers, settings, accounts and activity: what is sent from them is done, refused with the reason
//! beside its field, and never markup.

use oci::Digest;
use serde_json::{Value, json};

use crate::{
    browser::{Browser, Window},
    image::{as_admin, basic, call, debian, get, push, scanned},
    mirroring,
    server::{Answer, PASSWORD, Server, until},
};

const HOSTILE: &str = "\"><script>alert(1)</script>";
const LOG4J: &str = "liblog4j2-java 2.14.1-1";

/// Somebody with a browser that is not one.
struct Person<'a> {
    server: &'a Server,
    auth: String,
}

impl<'a> Person<'a> {
    fn admin(server: &'a Server) -> Person<'a> {
        Person { server, auth: as_admin().1 }
    }

    /// A new account.
    fn new(server: &'a Server, name: &str, admin: bool) -> Person<'a> {
        call(server, 201, "POST", "/enzi/v0/accounts", &json!({"name": name, "password": PASSWORD, "isAdmin": admin}));
        Person { server, auth: basic(name, PASSWORD).1 }
    }

    fn get(&self, path: &str) -> Answer {
        let answer = self.server.ask("GET", path, &[("Authorization", &self.auth)], b"");
        assert!(!answer.body.contains("<script>"), "{path}: {}", answer.body);
        answer
    }

    /// The page, which is there.
    fn page(&self, path: &str) -> String {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.body
    }

    /// Send a form.
    fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let kind = ("Content-Type", "application/x-www-form-urlencoded");
        let answer = self.server.ask("POST", path, &[("Authorization", &self.auth), kind], body.as_bytes());
        assert!(!answer.body.contains("<script>"), "{path}: {}", answer.body);
        answer
    }

    /// Send a form that is taken; gives where it leads.
    fn done(&self, path: &str, fields: &[(&str, &str)]) -> String {
        let answer = self.post(path, fields);
        assert_eq!(answer.status, 303, "{path}: {}", answer.body);
        answer.header("location").unwrap().to_owned()
    }

    /// Send a form that is refused with these words.
    fn refused(&self, path: &str, fields: &[(&str, &str)], why: &str) -> String {
        let answer = self.post(path, fields);
        assert!(answer.status == 400 && answer.body.contains(why), "{path}: {} {}", answer.status, answer.body);
        answer.body
    }
}

/// The value of the first attribute of this name.
fn attribute(page: &str, name: &str) -> String {
    let (_, rest) = page.split_once(&format!("{name}=\"")).unwrap_or_else(|| panic!("{name} is not in {page}"));
    rest.split_once('"').unwrap().0.to_owned()
}

/// The label of the field that the page calls wrong.
fn wrong_field(page: &str) -> String {
    let (before, _) =
        page.split_once(" aria-invalid=\"true\"").unwrap_or_else(|| panic!("no field is wrong in {page}"));
    let field = before.rsplit_once(" name=\"").unwrap().1;
    field.split_once('"').unwrap().0.to_owned()
}

/// `admin/shop` that everybody sees, and somebody who may change nothing in it.
fn open_shop(server: &Server) -> Person<'_> {
    push(server, "admin/shop", "old", &debian(&["hello 2.10-3"]));
    push(server, "admin/shop", "new", &debian(&["hello 2.10-4"]));
    call(server, 200, "PATCH", "/api/v0/repositories/admin/shop", &json!({"visibility": "public"}));
    Person::new(server, "dora", false)
}

#[test]
fn pruning_is_tried_kept_switched_and_told() {
    let server = Server::start("127.0.0.1");
    let dora = open_shop(&server);
    let admin = Person::admin(&server);
    let about = ("repository", "admin/shop");
    let draft = |rules: &'static str| [about, ("rules", rules), ("enabled", "true")];
    let here = "/pruning/of/admin/shop";
    let page = admin.refused("/pruning/save", &draft(HOSTILE), "FIELD OPERATOR VALUE");
    assert_eq!((wrong_field(&page).as_str(), page.contains("&lt;script&gt;")), ("rules", true));
    admin.refused("/pruning/save?all=true", &draft(""), "would delete every tag");

    let page = admin.post("/pruning/try", &draft("tag eq old")).body;
    assert!(page.contains("1 of the 2 tags would go") && page.contains("tag eq old"), "{page}");
    assert_eq!(get(&server, "/api/v0/repositories/admin/shop/pruningPolicies"), json!([]), "trying keeps nothing");
    let unknown = admin.post("/pruning/try", &draft("kev_all lte 0")).body;
    assert!(unknown.contains("of the 2 tags would go"), "{unknown}");

    assert_eq!(admin.done("/pruning/save", &draft("tag eq old")), here);
    let page = admin.page(here);
    assert!(page.contains("Tag name equals old") && page.contains("tags set since"), "{page}");
    let id = attribute(&page, "data-policy");
    admin.done(&format!("/pruning/{id}/disable"), &[about]);
    assert!(admin.page(here).contains("○ disabled"));
    admin.done(&format!("/pruning/{id}/enable"), &[about]);
    let form = admin.page(&format!("{here}?edit={id}"));
    assert!(form.contains("Change the policy") && form.contains(&format!("name=\"policy\" value=\"{id}\"")), "{form}");
    let [repository, rules, enabled] = draft("tag sw ol");
    admin.done("/pruning/save?all=true", &[repository, rules, enabled, ("policy", &id)]);
    until("the tag went", || admin.page(here).contains("pruning policy"));
    let page = admin.page(here);
    assert!(page.contains("tag &quot;old&quot; begins with &quot;ol&quot;") && page.contains("all tags"), "{page}");

    let seen = dora.page(here);
    assert!(
        !seen.contains("<form class") && !seen.contains("/delete") && seen.contains("Tag name starts with ol"),
        "{seen}"
    );
    dora.refused("/pruning/save", &draft("tag eq new"), "admin");
    dora.refused(&format!("/pruning/{id}/delete"), &[about], "admin");
    call(&server, 200, "PATCH", "/api/v0/repositories/admin/shop", &json!({"visibility": "private"}));
    assert_eq!(dora.get(here).status, 404);
    assert_eq!(dora.post("/pruning/save", &draft("tag eq new")).status, 404);
    assert_eq!(admin.done(&format!("/pruning/{id}/delete"), &[about]), here);
    assert!(admin.page(here).contains("No policy yet"));
}

#[test]
fn settings_are_shown_changed_and_a_limit_is_tried() {
    let server = Server::start("127.0.0.1");
    let dora = open_shop(&server);
    let admin = Person::admin(&server);
    let here = "/settings/of/admin/shop";
    let fields = |limit: &'static str| {
        [
            ("repository", "admin/shop"),
            ("visibility", "private"),
            ("only_robots_push", "true"),
            ("tag_limit", limit),
            ("short_description", HOSTILE),
        ]
    };
    let page = admin.refused("/settings/save", &fields("many"), "is no number of tags");
    assert_eq!(wrong_field(&page), "tag_limit");
    let [repository, visibility, ..] = fields("3");
    let both = [repository, visibility, ("immutable", "true"), ("tag_limit", "3")];
    assert_eq!(wrong_field(&admin.refused("/settings/save", &both, "no tag limit")), "tag_limit");
    let page = admin.post("/settings/try", &fields("1")).body;
    assert!(page.contains("would drop 1 of the tags") && page.contains("value=\"1\""), "{page}");
    assert_eq!(get(&server, "/api/v0/repositories/admin/shop")["tagLimit"], 0, "trying keeps nothing");

    dora.refused("/settings/save", &fields("5"), "admin");
    assert_eq!(dora.get(here).status, 404, "settings are for those who may change them");
    assert_eq!(admin.done("/settings/save", &fields("5")), format!("{here}?saved=true"));
    let saved = get(&server, "/api/v0/repositories/admin/shop");
    let wanted = json!([5, "private", true, false, false, HOSTILE]);
    let keys = ["tagLimit", "visibility", "onlyRobotsPush", "scanOnPush", "immutableTags", "shortDescription"];
    assert_eq!(json!(keys.map(|key| saved[key].clone())), wanted);
    assert!(admin.page(&format!("{here}?saved=true")).contains("✓ Saved."));
    assert_eq!(dora.get("/repositories/admin/shop").status, 404);
}

#[test]
fn mirroring_is_tried_run_and_its_credentials_are_never_shown() {
    let server = mirroring::here();
    let dora = open_shop(&server);
    let admin = Person::admin(&server);
    let (here, host) = ("/mirroring/of/admin/shop", format!("https://{}", server.authority));
    let fields = |password: &'static str| {
        vec![
            ("repository", "admin/shop"),
            ("direction", "push"),
            ("host", host.as_str()),
            ("remote", "admin/copy"),
            ("username", "admin"),
            ("password", password),
            ("enabled", "true"),
            ("referrers", "true"),
            ("rules", "tag eq new"),
            ("tag", "%n"),
        ]
    };
    let mut odd = fields("secret-word");
    odd[2].1 = "ftp://x";
    let page = admin.refused("/mirroring/save", &odd, "begins with neither");
    assert!(wrong_field(&page) == "host" && page.contains("ftp://x") && !page.contains("secret-word"), "{page}");
    odd[2].1 = host.as_str();
    odd[8].1 = HOSTILE;
    assert_eq!(wrong_field(&admin.refused("/mirroring/save", &odd, "FIELD OPERATOR")), "rules");

    let page = admin.post("/mirroring/try", &fields(PASSWORD));
    assert!(page.status == 200 && page.body.contains("read and write there"), "{}", page.body);
    assert!(!page.body.contains(PASSWORD), "a password is in a page");
    let wrong = admin.post("/mirroring/try", &fields("secret-word")).body;
    assert!(!wrong.contains("read and write there") && !wrong.contains("secret-word"), "{wrong}");
    assert_eq!(get(&server, "/api/v0/repositories/admin/shop/mirroringPolicies"), json!([]), "trying keeps nothing");

    let policy = admin.done("/mirroring/save?apply=true", &fields(PASSWORD));
    assert!(policy.starts_with(&format!("{here}?policy=")), "{policy}");
    until("the image is there", || admin.page(&policy).contains("✓ mirrored"));
    let page = admin.page(&policy);
    assert!(page.contains("✓ went well") && page.contains("kept sealed") && !page.contains(PASSWORD), "{page}");
    let id = policy.split_once('=').unwrap().1;
    let about = [("repository", "admin/shop"), ("direction", "push")];
    let tested = admin.post(&format!("/mirroring/{id}/test"), &about).body;
    assert!(tested.contains("read and write there"), "with the kept credentials: {tested}");
    assert_eq!(admin.done(&format!("/mirroring/{id}/run"), &about), policy);
    // Elsewhere they are asked for again.
    let mut moved = fields("");
    moved[2].1 = "https://elsewhere.example";
    moved.push(("policy", id));
    assert_eq!(wrong_field(&admin.refused("/mirroring/save", &moved, "takes the credentials anew")), "password");
    admin.done(&format!("/mirroring/{id}/disable"), &about);
    admin.refused(&format!("/mirroring/{id}/run"), &about, "not enabled");

    assert_eq!(dora.get(here).status, 404, "they name hosts and users elsewhere");
    assert_eq!(dora.post("/mirroring/try", &fields(PASSWORD)).status, 404);
    dora.refused(&format!("/mirroring/{id}/delete"), &about, "admin");
    assert_eq!(admin.done(&format!("/mirroring/{id}/delete"), &about), here);
    assert!(admin.page(here).contains("Nothing is mirrored yet"));
}

#[test]
fn tokens_and_robots_are_made_shown_once_and_end() {
    let server = Server::start("127.0.0.1");
    let dora = open_shop(&server);
    let admin = Person::admin(&server);
    assert_eq!(dora.get("/accounts").header("location"), Some("/accounts/dora"));
    let token =
        dora.post("/accounts/dora/tokens", &[("label", HOSTILE), ("scope", "admin/shop read-only"), ("days", "7")]);
    let value = token.body.split_once("<code id=\"value\">").unwrap().1.split('<').next().unwrap().to_owned();
    assert!(token.status == 200 && value.starts_with("assay-"), "{}", token.body);
    let page = dora.page("/accounts/dora");
    assert!(
        !page.contains(&value) && page.contains("admin/shop read-only") && page.contains("&lt;script&gt;"),
        "{page}"
    );
    let (name, basic) = basic("dora", &value);
    let pulled = || server.ask("GET", "/api/v0/repositories/admin/shop", &[(name, &basic)], b"").status;
    assert_eq!(pulled(), 200);
    for (fields, field, why) in [
        ([("scope", "admin/shop much"), ("days", "")], "scope", "much"),
        ([("scope", "a b c d"), ("days", "")], "scope", "is none of PLACE LEVEL"),
        ([("scope", "admin/shop admin"), ("days", "")], "scope", "cannot be administered"),
        ([("scope", ""), ("days", "soon")], "days", "is no number of days"),
    ] {
        assert_eq!(wrong_field(&dora.refused("/accounts/dora/tokens", &fields, why)), field);
    }
    let revoke = format!("/accounts/dora/tokens/{}/revoke", attribute(&page, "data-token"));
    dora.done(&revoke, &[]);
    assert_eq!(pulled(), 401);

    // An organization has robots and no tokens, and only its owners see it.
    call(&server, 201, "POST", "/enzi/v0/accounts", &json!({"name": "ops", "isOrg": true}));
    assert_eq!((dora.get("/accounts/ops").status, dora.get("/accounts/admin").status), (404, 404));
    assert_eq!(dora.post("/accounts/ops/robots", &[("name", "deploy")]).status, 404);
    assert!(!admin.page("/accounts/ops").contains("New token"));
    let page = admin.refused("/accounts/ops/robots", &[("name", HOSTILE)], "is not valid");
    assert_eq!(wrong_field(&page), "name");
    let made =
        admin.post("/accounts/ops/robots", &[("name", "deploy"), ("grants", "ops read-write"), ("days", "30")]).body;
    assert!(made.contains("The robot ops+deploy was made") && made.contains("assay-"), "{made}");
    let page = admin.page("/accounts/ops");
    assert!(page.contains("ops read-write") && page.contains("1 token in use") && !page.contains("assay-"), "{page}");
    assert!(admin.post("/accounts/ops/robots/deploy/rotate", &[]).body.contains("A new token of ops+deploy"));
    assert!(admin.page("/accounts/ops").contains("2 tokens in use"));
    admin.done("/accounts/ops/robots/deploy/delete", &[]);
    assert!(admin.page("/accounts/ops").contains("No robot yet"));
    admin.done("/accounts/ops/pushers", &[("only_robots", "true")]);
    assert_eq!(get(&server, "/api/v1/namespaces/ops/settings"), json!({"onlyRobotsPush": true}));
    assert_eq!(dora.post("/accounts/ops/pushers", &[("only_robots", "false")]).status, 404);
}

#[test]
fn the_activity_of_a_repository_is_told_to_those_who_may_see_it() {
    let server = Server::start("127.0.0.1");
    let dora = open_shop(&server);
    let admin = Person::admin(&server);
    scanned(&server, "admin/shop:new", 6);
    call(&server, 201, "POST", "/api/v0/repositories/admin", &json!({"name": "prod"}));
    let policy = json!({
        "enabled": true, "targetRepository": "admin/prod", "tagTemplate": "%n",
        "rules": [{"field": "tag", "operator": "eq", "values": ["new"]}],
    });
    call(&server, 201, "POST", "/api/v0/repositories/admin/shop/promotionPolicies?initialEvaluation=true", &policy);
    let webhook = json!({"type": "TAG_PUSH", "key": "admin/shop", "endpoint": "https://hooks.example/"});
    call(&server, 201, "POST", "/api/v0/webhooks", &webhook);
    let here = "/activity/of/admin/shop";
    until("the promotion is told", || admin.page(here).contains("data-what=\"Promoted\""));
    let page = admin.page(here);
    let order = ["Webhook created", "Repository updated", "Image pushed", "Repository created"];
    let places = order
        .map(|what| page.find(&format!("data-what=\"{what}\"")).unwrap_or_else(|| panic!("{what} is not in {page}")));
    assert!(places.is_sorted(), "{places:?}");
    let (_, decided) = page.split_once("data-what=\"Decided\"").unwrap();
    let (_, decision) = decided.split_once("href=\"/decisions/").unwrap();
    let id = decision.split('"').next().unwrap();
    assert!(admin.page(&format!("/decisions/{id}")).contains("Evaluator"));
    let seen = dora.page(here);
    assert!(
        seen.contains("Image pushed") && !seen.contains("Webhook created") && !seen.contains("hooks.example"),
        "{seen}"
    );
    let nobody = server.ask("GET", here, &[], b"");
    assert_eq!((nobody.status, nobody.header("location")), (303, Some("/sign-in?to=%2Factivity%2Fof%2Fadmin%2Fshop")));
    call(&server, 200, "PATCH", "/api/v0/repositories/admin/shop", &json!({"visibility": "private"}));
    assert_eq!(dora.get(here).status, 404);
}

#[test]
fn a_waiver_is_refused_with_the_reason_beside_its_field() {
    let server = Server::start("127.0.0.1");
    let dora = open_shop(&server);
    let admin = Person::admin(&server);
    let fields = |name: &'static str, value: &'static str| {
        let all = [
            ("advisory", "CVE-2021-44228"),
            ("scope", "admin/shop"),
            ("reason", "ticket 7"),
            ("until", ""),
            ("version", ""),
        ];
        all.map(|(field, usual)| (field, if field == name { value } else { usual }))
    };
    for (field, value, why) in [
        ("advisory", "", "name the advisory"),
        ("scope", "no where", "is nowhere"),
        ("reason", " ", "say why"),
        ("until", "soon", "is no day"),
        ("until", "2001-01-01", "would have expired"),
        ("version", "2.0", "name the component too"),
    ] {
        let page = admin.refused("/waivers/create", &fields(field, value), why);
        let kept = page.contains("value=\"CVE-2021-44228\"");
        assert!(wrong_field(&page) == field && kept == (field != "advisory"), "{field}: {page}");
    }
    admin.done("/waivers/create", &fields("reason", HOSTILE));
    let page = admin.page("/waivers?scope=admin/shop");
    assert!(page.contains("&lt;script&gt;") && page.contains("✓ in force"), "{page}");
    let id = attribute(&page, "data-waiver");

    // Who may see the repository sees its waivers, and changes none.
    let seen = dora.page("/waivers?scope=admin/shop");
    assert!(
        seen.contains("✓ in force") && !seen.contains("/withdraw") && !seen.contains("/waivers/settings"),
        "{seen}"
    );
    dora.refused("/waivers/create", &fields("", ""), "admin");
    dora.refused(&format!("/waivers/{id}/withdraw"), &[("scope", "admin/shop")], "admin");
    dora.refused("/waivers/settings", &[("need", "true")], "only an administrator");
    let digest = get(&server, "/api/v0/repositories/admin/shop/tags/new")[0]["digest"].as_str().unwrap().to_owned();
    let ask = format!("/waivers/new?repository=admin/shop&image={digest}&advisory=CVE-1");
    assert!(dora.page(&ask).contains("ask one of them"));
    let form = admin.page(&ask);
    let scopes = ["this image", "every image in admin/shop", "every repository of admin", "everywhere"];
    assert!(scopes.iter().all(|words| form.contains(words)), "{form}");

    call(&server, 200, "PATCH", "/api/v0/repositories/admin/shop", &json!({"visibility": "private"}));
    assert_eq!(dora.get("/waivers?scope=admin/shop").status, 404);
    assert_eq!(dora.get(&ask).status, 404);
    assert_eq!(dora.post(&format!("/waivers/{id}/withdraw"), &[("scope", "")]).status, 404);
    assert!(!dora.page("/waivers").contains(&id));
    assert_eq!(admin.done(&format!("/waivers/{id}/withdraw"), &[("scope", "")]), "/waivers");
    assert!(admin.page("/waivers").contains("No waiver."));
}

#[test]
fn a_waiver_is_asked_for_from_a_finding_and_approved_by_another_person() {
    let Some(browser) = Browser::open() else { return };
    let server = Server::start("127.0.0.1");
    let window = Window::new(browser, &server);
    let digest: Digest = push(&server, "admin/shop", "1", &debian(&[LOG4J]));
    scanned(&server, "admin/shop:1", 6);
    Person::new(&server, "second", true);
    let page = &window.browser;
    let counts = || {
        let summary: Value = get(&server, "/api/v0/imagescan/scansummary/repositories/admin/shop/1");
        [summary[0]["critical"].clone(), summary[0]["waived"].clone()]
    };
    window.go("/waivers");
    window.sign_in(PASSWORD);
    window.arrives_at("/waivers");
    page.click("form[action='/waivers/settings'] button");
    until("approval is asked for", || page.text("main").contains("It counts once somebody else approved it."));

    window.go(&format!("/images/admin/shop@{digest}"));
    page.click("a[aria-label='Waive CVE-2021-44228 in liblog4j2-java']");
    until("the form is there", || page.text("h1") == "New waiver");
    assert_eq!(page.attributes("[name=component]", "value"), ["liblog4j2-java"]);
    page.click("[name=scope] option[value='admin/shop']");
    page.click("[name=justification] option[value=vulnerable_code_not_present]");
    page.type_into("[name=reason]", "the class is <b>removed</b>");
    page.click("form.stacked button");
    window.arrives_at("/waivers?scope=admin/shop");
    let row = page.text("#waivers");
    assert!(row.contains("proposed: waits for somebody else") && row.contains("the class is <b>removed</b>"), "{row}");
    assert!(page.attributes("form[action$='/approve']", "action").is_empty(), "nobody approves their own");
    assert_eq!(counts(), [1, 0]);

    page.click("header.site form button");
    window.arrives_at("/sign-in");
    window.go("/waivers?scope=admin/shop");
    until("it asks who is there", || !page.attributes("form.sign-in", "action").is_empty());
    page.type_into("input[name=username]", "second");
    page.type_into("input[name=password]", PASSWORD);
    page.click("form.sign-in button");
    window.arrives_at("/waivers?scope=admin/shop");
    page.click("form[action$='/approve'] button");
    until("it counts", || page.text("#waivers").contains("approved by second"));
    assert_eq!(counts(), [0, 1]);
    window.go("/repositories/admin/shop");
    assert!(page.text("tr[data-tag='1']").contains("1 waived"));
    window.go(&format!("/images/admin/shop@{digest}"));
    assert!(page.text("#components").contains("waived: the class is <b>removed</b> (admin, approved by second)"));
    let report = get(&server, "/api/v1/audit/verify");
    assert_eq!(report["clean"], true, "{report}");
}
