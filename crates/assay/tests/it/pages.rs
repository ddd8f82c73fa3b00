//! The pages as a person meets them: shields, badges, layers, components and the chain, in a real Chromium.

use oci::Digest;
use serde_json::{Value, json};

use crate::{
    browser::{Browser, Window},
    image::{call, debian, get, push, scanned},
    server::{PASSWORD, Server, until},
};

/// A server with three images, and a browser.
struct Desk {
    window: Window,
    server: Server,
    clean: Digest,
    bad: Digest,
}

impl Desk {
    fn new() -> Option<Desk> {
        let browser = Browser::open()?;
        let server = Server::start("127.0.0.1");
        let window = Window::new(browser, &server);
        let clean = push(&server, "admin/shop", "clean", &debian(&["base-files 12.4+deb12u5"]));
        let bad = push(&server, "admin/shop", "bad", &debian(&["base-files 12.4+deb12u5", "liblog4j2-java 2.14.1-1"]));
        push(&server, "admin/shop", "scratch", &[("app".to_owned(), "binary".to_owned())]);
        scanned(&server, "admin/shop:clean", 6);
        scanned(&server, "admin/shop:bad", 6);
        scanned(&server, "admin/shop:scratch", 4);
        Some(Desk { window, server, clean, bad })
    }

    fn shield(&self, tag: &str) -> (String, String) {
        let selector = format!("tr[data-tag='{tag}'] .shield");
        let kind = self.window.browser.attributes(&selector, "data-shield").remove(0);
        (kind, self.window.browser.text(&selector))
    }
}

#[test]
fn shields_layers_and_the_chain() {
    let Some(desk) = Desk::new() else { return };
    desk.window.go("/repositories/admin/shop");
    desk.window.arrives_at("/sign-in?to=%2Frepositories%2Fadmin%2Fshop");
    desk.window.sign_in("wrong password");
    desk.window.arrives_at("/sign-in");
    assert!(desk.window.browser.text("[role=alert]").contains("password is wrong"));
    desk.window.sign_in(PASSWORD);
    desk.window.arrives_at("/repositories/admin/shop");

    assert_eq!(desk.shield("clean"), ("green".to_owned(), "Clean".to_owned()));
    assert_eq!(desk.shield("bad"), ("red".to_owned(), "1 critical, 0 major, 0 minor".to_owned()));
    let (kind, text) = desk.shield("scratch");
    assert!(kind == "unknown" && text.contains("no package database"), "{kind} {text}");
    assert!(desk.window.browser.attributes(".badge", "class").is_empty());

    desk.window.browser.click("tr[data-tag='bad'] a");
    desk.window.arrives_at(&format!("/images/admin/shop@{}", desk.bad));
    let layers = desk.window.browser.text("#layers");
    assert!(layers.contains("COPY files /") && layers.contains("no layer") && layers.contains("✕ 1"), "{layers}");
    let components = desk.window.browser.text("#components");
    assert!(components.contains("liblog4j2-java") && components.contains("CVE-2021-44228 critical"), "{components}");
    // What an image says is text, never markup, and the sheet and script of our own origin are loaded.
    assert!(desk.window.browser.text("main").contains("a <b>test</b>"));
    let styled = desk
        .window
        .browser
        .run("return getComputedStyle(document.querySelector('header.site')).display", "[]".parse().unwrap());
    assert_eq!(styled, "flex");

    desk.window.go(&format!("/chain/{}", desk.clean));
    // It is attested some time after its scan.
    let links = desk.window.browser.attributes("ol.chain li", "data-what");
    assert_eq!(links.iter().filter(|what| *what != "Image attested").collect::<Vec<_>>(), ["Image pushed", "Scanned"]);
    let chain = desk.window.browser.text("ol.chain");
    assert!(chain.contains("admin/shop:clean") && chain.contains("0 critical, 0 major, 0 minor, 0 unknown"), "{chain}");
    assert_eq!(desk.window.browser.attributes(".verdict", "data-complete"), ["false"]);
    assert!(desk.window.browser.text(".verdict").contains("not promoted"));
    assert!(desk.window.browser.screenshot().len() > 10_000);

    desk.window.go("/repositories/nobody/nothing");
    assert!(desk.window.browser.text("h1").contains("Not found"));
    desk.window.go("/repositories");
    assert!(desk.window.browser.text("table").contains("admin/shop"));
    desk.window.browser.click("header.site form button");
    desk.window.arrives_at("/sign-in");
    desk.window.go("/repositories");
    desk.window.arrives_at("/sign-in?to=%2Frepositories");
}

#[test]
fn badges_waivers_and_why_an_image_was_refused() {
    let Some(desk) = Desk::new() else { return };
    let server = &desk.server;
    let policy = json!({
        "enabled": true, "targetRepository": "admin/release", "tagTemplate": "%n",
        "rules": [{"field": "vulnerability_all", "operator": "lte", "values": ["0"]}],
    });
    let post = |path: &str, body: &Value| call(server, 201, "POST", path, body);
    post("/api/v0/repositories/admin", &json!({"name": "release"}));
    post("/api/v0/repositories/admin/shop/promotionPolicies?initialEvaluation=true", &policy);
    let tags = || get(server, "/api/v0/repositories/admin/release/tags");
    until("the clean image is promoted", || !tags().as_array().unwrap().is_empty());
    let promoted = &tags()[0];
    assert_eq!((&promoted["name"], &promoted["digest"]), (&json!("clean"), &json!(desk.clean)));
    assert_eq!(promoted["promotion"]["sourceRepository"], "admin/shop");

    desk.window.go(&format!("/chain/{}", desk.bad));
    desk.window.sign_in(PASSWORD);
    desk.window.arrives_at(&format!("/chain/{}", desk.bad));
    let decided = |digest: &Digest| {
        let story = get(server, &format!("/api/v1/chain/{digest}"));
        story["nodes"].as_array().unwrap().iter().any(|node| node["what"] == "Decided")
    };
    until("the bad image is decided about", || decided(&desk.bad));
    desk.window.go(&format!("/chain/{}", desk.bad));
    let verdict = desk.window.browser.text(".verdict");
    assert!(verdict.starts_with("? refused: ") && verdict.contains('1'), "{verdict}");

    desk.window.go("/repositories/admin/release");
    assert_eq!(desk.window.browser.text(".badge.promoted"), "PROMOTED");
    assert_eq!(desk.window.browser.attributes(".badge.promoted", "title"), ["promoted from admin/shop:clean"]);
    desk.window.go(&format!("/chain/{}", desk.clean));
    let told = desk.window.browser.attributes("ol.chain li", "data-what");
    for part in ["Image pushed", "Scanned", "Decided", "Promoted"] {
        assert!(told.iter().any(|what| what == part), "{part} is not in {told:?}");
    }
    assert!(desk.window.browser.text(".verdict").contains("promoted, not signed: nobody signed admin/release:clean"));

    let waiver = json!({"advisory": "CVE-2021-44228", "reason": "no logging here", "repository": "admin/shop"});
    post("/api/v1/waivers", &waiver);
    desk.window.go("/repositories/admin/shop");
    assert_eq!(desk.shield("bad"), ("green".to_owned(), "Clean".to_owned()));
    assert!(desk.window.browser.text("tr[data-tag='bad']").contains("1 waived"));
    desk.window.go(&format!("/images/admin/shop@{}", desk.bad));
    assert!(desk.window.browser.text("#components").contains("waived: no logging here (admin)"));
    until("the waived image is promoted", || tags().as_array().unwrap().len() == 2);
}
