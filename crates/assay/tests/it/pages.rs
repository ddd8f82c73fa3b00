//! The pages as a person meets them: shields, badges, layers, components and the chain, in a real Chromium.

use std::time::{Duration, Instant};

use oci::Digest;

use crate::{
    browser::Browser,
    image::{debian, push, scanned},
    server::{PASSWORD, Server},
};

/// A server with three images, and a browser.
struct Desk {
    browser: Browser,
    server: Server,
    clean: Digest,
    bad: Digest,
}

impl Desk {
    fn new() -> Option<Desk> {
        let browser = Browser::open()?;
        let server = Server::start("127.0.0.1");
        let clean = push(&server, "admin/shop", "clean", &debian(&["base-files 12.4+deb12u5"]));
        let bad = push(&server, "admin/shop", "bad", &debian(&["base-files 12.4+deb12u5", "liblog4j2-java 2.14.1-1"]));
        push(&server, "admin/shop", "scratch", &[("app".to_owned(), "binary".to_owned())]);
        scanned(&server, "admin/shop:clean", 6);
        scanned(&server, "admin/shop:bad", 6);
        scanned(&server, "admin/shop:scratch", 4);
        Some(Desk { browser, server, clean, bad })
    }

    fn go(&self, path: &str) {
        self.browser.go(&format!("https://{}{path}", self.server.authority));
    }

    /// Wait until the browser has gone there: a click does not wait for the page it leads to.
    fn arrives_at(&self, path: &str) {
        let deadline = Instant::now() + Duration::from_secs(30);
        let wanted = format!("https://{}{path}", self.server.authority);
        while self.browser.url() != wanted {
            assert!(Instant::now() < deadline, "{} is not {wanted}", self.browser.url());
        }
    }

    fn sign_in(&self, password: &str) {
        self.browser.type_into("input[name=username]", "admin");
        self.browser.type_into("input[name=password]", password);
        self.browser.click("form.sign-in button");
    }

    fn shield(&self, tag: &str) -> (String, String) {
        let selector = format!("tr[data-tag='{tag}'] .shield");
        let kind = self.browser.attributes(&selector, "data-shield").remove(0);
        (kind, self.browser.text(&selector))
    }
}

#[test]
fn shields_layers_and_the_chain() {
    let Some(desk) = Desk::new() else { return };
    desk.go("/repositories/admin/shop");
    desk.arrives_at("/sign-in?to=%2Frepositories%2Fadmin%2Fshop");
    desk.sign_in("wrong password");
    desk.arrives_at("/sign-in");
    assert!(desk.browser.text("[role=alert]").contains("password is wrong"));
    desk.sign_in(PASSWORD);
    desk.arrives_at("/repositories/admin/shop");

    assert_eq!(desk.shield("clean"), ("green".to_owned(), "⛨ Clean".to_owned()));
    assert_eq!(desk.shield("bad"), ("red".to_owned(), "⛨ 1 critical, 0 major, 0 minor".to_owned()));
    let (kind, text) = desk.shield("scratch");
    assert!(kind == "unknown" && text.contains("no package database"), "{kind} {text}");
    assert!(desk.browser.attributes(".badge", "class").is_empty());

    desk.browser.click("tr[data-tag='bad'] a");
    desk.arrives_at(&format!("/images/admin/shop@{}", desk.bad));
    let layers = desk.browser.text("#layers");
    assert!(layers.contains("COPY files /") && layers.contains("no layer") && layers.contains("✕ 1"), "{layers}");
    let components = desk.browser.text("#components");
    assert!(components.contains("liblog4j2-java") && components.contains("CVE-2021-44228 critical"), "{components}");
    // What an image says is text, never markup, and the sheet and script of our own origin are loaded.
    assert!(desk.browser.text("main").contains("a <b>test</b>"));
    let styled = desk
        .browser
        .run("return getComputedStyle(document.querySelector('header.site')).display", "[]".parse().unwrap());
    assert_eq!(styled, "flex");

    desk.go(&format!("/chain/{}", desk.clean));
    assert_eq!(desk.browser.attributes("ol.chain li", "data-what"), ["Image pushed", "Scanned"]);
    let chain = desk.browser.text("ol.chain");
    assert!(chain.contains("admin/shop:clean") && chain.contains("0 critical, 0 major, 0 minor, 0 unknown"), "{chain}");
    assert_eq!(desk.browser.attributes(".verdict", "data-complete"), ["false"]);
    assert!(desk.browser.text(".verdict").contains("not promoted"));
    assert!(desk.browser.screenshot().len() > 10_000);

    desk.go("/repositories/nobody/nothing");
    assert!(desk.browser.text("h1").contains("Not found"));
    desk.go("/repositories");
    assert!(desk.browser.text("table").contains("admin/shop"));
    desk.browser.click("header.site form button");
    desk.arrives_at("/sign-in");
    desk.go("/repositories");
    desk.arrives_at("/sign-in?to=%2Frepositories");
}
