//! Policies as a person writes them on a page: tried, refused in words, saved, and seen to decide.

use serde_json::json;

use crate::{
    browser::{Browser, Window},
    image::{as_admin, call, debian, push, scanned},
    server::{PASSWORD, Server, until},
};

#[test]
fn a_policy_is_tried_saved_and_decides() {
    let Some(browser) = Browser::open() else { return };
    let server = Server::start("127.0.0.1");
    let window = Window::new(browser, &server);
    push(&server, "admin/shop", "good", &debian(&["hello 2.10-3"]));
    push(&server, "admin/shop", "bad", &debian(&["liblog4j2-java 2.14.1-1"]));
    for tag in ["good", "bad"] {
        scanned(&server, &format!("admin/shop:{tag}"), 6);
    }
    window.go("/policies/of/admin/shop");
    window.sign_in(PASSWORD);
    window.arrives_at("/policies/of/admin/shop");
    let (page, place) = (&window.browser, "form.stacked");
    let fill = |name: &str, text: &str| page.type_into(&format!("{place} [name={name}]"), text);
    fill("rules", "vulnerability_all lte 0");
    fill("target", "admin/prod");
    page.click("[formaction='/policies/try']");
    window.arrives_at("/policies/try");
    let verdicts = |tag: &str| page.attributes(&format!("tr[data-tag='{tag}']"), "data-verdict");
    assert_eq!((verdicts("good"), verdicts("bad")), (vec!["allowed".to_owned()], vec!["refused".to_owned()]));
    assert!(page.text("main").contains("1 promoted, 1 refused, 0 unknown"));

    // There is no such target yet, which is said where the form is, still filled in.
    page.click("[formaction='/policies/save?apply=true']");
    window.arrives_at("/policies/save?apply=true");
    assert!(page.text("[role=alert]").contains("admin/prod"), "{}", page.text("[role=alert]"));
    call(&server, 201, "POST", "/api/v0/repositories/admin", &json!({"name": "prod"}));
    page.click("[formaction='/policies/save?apply=true']");
    window.arrives_at("/policies/of/admin/shop");
    assert!(page.text("#policies").contains("vulnerability_all lte 0"));
    let promoted =
        || server.ask("GET", "/api/v0/repositories/admin/prod/tags", &[(as_admin().0, &as_admin().1)], b"").body;
    until("the good one is promoted", || promoted().contains("\"good\""));

    window.go("/decisions/of/admin/shop");
    let decisions = page.text("main");
    assert!(
        decisions.contains("✓ allowed") && decisions.contains("✕ refused") && decisions.contains("promoted"),
        "{decisions}"
    );
    page.click("tr[data-decision] a");
    until("the decision is there", || page.text("h1") == "Decision");
    assert!(page.text("main").contains("verification summary"), "{}", page.text("main"));
    window.go("/policies/of/admin/prod?source=false");
    assert!(page.text("#policies").contains("admin/shop"));
    page.click("#policies form button");
    window.arrives_at("/policies/of/admin/shop");
    assert!(page.text("main").contains("Nothing is promoted from here yet."));
}

#[test]
fn who_may_not_write_sees_no_form_and_cannot_send_one() {
    let server = Server::start("127.0.0.1");
    push(&server, "admin/shop", "1", &debian(&["hello 2.10-3"]));
    call(&server, 200, "PATCH", "/api/v0/repositories/admin/shop", &json!({"visibility": "public"}));
    let user = json!({"name": "anna", "fullName": "", "isOrg": false, "isAdmin": false, "password": "correct horse"});
    call(&server, 201, "POST", "/enzi/v0/accounts", &user);
    let (name, value) = crate::image::basic("anna", "correct horse");
    let page = server.ask("GET", "/policies/of/admin/shop", &[(name, &value)], b"");
    assert!(page.status == 200 && !page.body.contains("<form class=\"stacked\""), "{}", page.body);
    let form = "source=admin%2Fshop&target=admin%2Fshop2&tag=%25n&rules=";
    for action in ["save", "try"] {
        let headers = [(name, value.as_str()), ("content-type", "application/x-www-form-urlencoded")];
        let answer = server.ask("POST", &format!("/policies/{action}"), &headers, form.as_bytes());
        assert!(answer.status == 400 || answer.status == 404, "{action}: {} {}", answer.status, answer.body);
    }
    let missing = server.ask("GET", "/decisions/0123456789abcdefghijklmnop", &[(name, &value)], b"");
    assert_eq!(missing.status, 404);
}
