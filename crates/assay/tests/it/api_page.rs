//! The page of the API in a real Chromium: it is read by everybody, and tried by whoever signed in.

use serde_json::json;

use crate::{
    browser::{Browser, Window},
    contract::CONTRACT,
    image::get,
    server::{PASSWORD, Server, until},
};

/// How many elements the selector finds.
fn count(window: &Window, selector: &str) -> usize {
    window.browser.attributes(selector, "class").len()
}

/// Open an operation, and run it with what stands in its form; gives what the page shows of the answer.
fn execute(window: &Window, operation: &str) -> (String, String) {
    let block = format!("#operations-{operation}");
    let selectors = [".opblock-summary-control", ".try-out__btn", ".btn.execute"].map(|part| format!("{block} {part}"));
    for selector in selectors {
        until(&format!("{selector} is there"), || count(window, &selector) == 1);
        window.browser.click(&selector);
    }
    let answer = format!("{block} .live-responses-table .response");
    until("an answer is shown", || count(window, &answer) == 1);
    let text = |column: &str| window.browser.text(&format!("{answer} .response-col_{column}"));
    (text("status"), text("description"))
}

#[test]
fn it_is_read_and_tried_in_a_browser() {
    let Some(browser) = Browser::open() else { return };
    let server = Server::start("127.0.0.1");
    let window = Window::new(browser, &server);
    let operations = CONTRACT.operations.len();

    window.go("/api");
    until("all operations are listed", || count(&window, ".opblock") == operations);
    window.browser.click("#operations-Registry-getReadOnly .opblock-summary-control");
    until("it is opened", || count(&window, "#operations-Registry-getReadOnly .opblock-body") == 1);
    assert_eq!(count(&window, ".try-out__btn"), 0, "nobody signed in");

    window.browser.click("main a[href^='/sign-in']");
    window.sign_in(PASSWORD);
    window.arrives_at("/api");
    until("all operations are listed", || count(&window, ".opblock") == operations);
    let (status, shown) = execute(&window, "Registry-getReadOnly");
    assert!(status == "200" && shown.contains("\"readOnly\": false"), "{status} {shown}");
    // A change, with the example that stands in the form.
    let (status, _) = execute(&window, "Registry-setReadOnly");
    assert_eq!(status, "204");
    assert_eq!(
        get(&server, "/api/v1/registry/read-only"),
        json!({"readOnly": true, "reason": "moving to another disk until 14:00"})
    );
    assert_eq!(window.browser.console(), Vec::<String>::new(), "the browser has something to say");
}

/// What is packed in the binary comes whole to those who take no gzip too.
#[test]
fn its_files_are_whole() {
    let server = Server::start("127.0.0.1");
    let page = server.ask("GET", "/api", &[], b"");
    assert!(!page.header("content-security-policy").unwrap().contains("unsafe"), "{page:?}");
    let addresses = page.body.split('"').filter(|part| part.starts_with("/assets/swagger-ui"));
    for address in addresses.map(str::to_owned).collect::<Vec<_>>() {
        let plain = server.ask("GET", &address, &[], b"");
        let packed = server.ask("GET", &address, &[("Accept-Encoding", "br, gzip")], b"");
        assert_eq!((plain.header("content-encoding"), packed.header("content-encoding")), (None, Some("gzip")));
        assert!(packed.bytes.len() < 600_000, "{} bytes", packed.bytes.len());
        let mut unpacked = Vec::new();
        std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&*packed.bytes), &mut unpacked).unwrap();
        assert!(unpacked == plain.bytes && plain.bytes.len() > 100_000, "{address}");
    }
}
