//! A real Chromium, driven over the WebDriver protocol: <https://www.w3.org/TR/webdriver2/>.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};

use crate::server::{Server, is_there, until};

/// A browser at the pages of one server.
pub struct Window {
    pub browser: Browser,
    url: String,
}

impl Window {
    pub fn new(browser: Browser, server: &Server) -> Window {
        Window { browser, url: format!("https://{}", server.authority) }
    }

    pub fn go(&self, path: &str) {
        self.browser.go(&format!("{}{path}", self.url));
    }

    pub fn sign_in(&self, password: &str) {
        self.browser.type_into("input[name=username]", "admin");
        self.browser.type_into("input[name=password]", password);
        self.browser.click("form.sign-in button");
    }

    /// Wait until the browser has gone there: a click does not wait for the page it leads to.
    pub fn arrives_at(&self, path: &str) {
        let wanted = format!("{}{path}", self.url);
        until(&format!("the browser is at {wanted}"), || self.browser.url() == wanted);
    }
}

/// A browser window with a profile of its own, closed at the end.
pub struct Browser {
    driver: Child,
    address: SocketAddr,
    session: String,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// None when there is no Chromium, which is said loudly.
    pub fn open() -> Option<Browser> {
        if !is_there("chromedriver") || !is_there("chromium") {
            return None;
        }
        let mut driver =
            Command::new("chromedriver").arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = loop {
            let line = lines.next().expect("the driver says where it listens").unwrap();
            if let Some((_, port)) = line.split_once("started successfully on port ") {
                break port.trim_end_matches('.').parse().unwrap();
            }
        };
        std::thread::spawn(move || lines.for_each(drop));
        let profile = tempfile::tempdir().unwrap();
        let folder = format!("--user-data-dir={}", profile.path().display());
        // The tests may run as root, which Chromium's sandbox refuses.
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
            "--window-size=1200,1600",
            &folder,
        ];
        // The installation's own authority is not in a browser's store; that its certificate is good is tested elsewhere.
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "acceptInsecureCerts": true, "goog:chromeOptions": {"args": arguments}, "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut browser = Browser { driver, address, session: String::new(), _profile: profile };
        let made = browser.ask("POST", "/session", Some(wanted));
        browser.session = made["sessionId"].as_str().unwrap().to_owned();
        Some(browser)
    }

    pub fn go(&self, url: &str) {
        self.call("POST", "url", Some(json!({"url": url})));
    }

    pub fn url(&self) -> String {
        self.call("GET", "url", None).as_str().unwrap().to_owned()
    }

    /// Type into the first element that this selector finds.
    pub fn type_into(&self, selector: &str, text: &str) {
        let element = self.find(selector);
        self.call("POST", &format!("element/{element}/value"), Some(json!({"text": text})));
    }

    pub fn click(&self, selector: &str) {
        let element = self.find(selector);
        self.call("POST", &format!("element/{element}/click"), Some(json!({})));
    }

    /// The text a person sees in the first element that this selector finds; found and read in one step, because a page that
    /// loads itself again in between would have taken the element away.
    pub fn text(&self, selector: &str) -> String {
        let script = "return document.querySelector(arguments[0])?.innerText.trim() ?? null";
        let text = self.run(script, json!([selector]));
        text.as_str().unwrap_or_else(|| panic!("{selector} is not on the page {}", self.url())).to_owned()
    }

    /// The value of an attribute in every element that this selector finds.
    pub fn attributes(&self, selector: &str, name: &str) -> Vec<String> {
        let script = "return [...document.querySelectorAll(arguments[0])].map(e => e.getAttribute(arguments[1]) ?? '')";
        let values = self.run(script, json!([selector, name]));
        serde_json::from_value(values).unwrap()
    }

    /// Run a script in the page. A page that leaves under the script did not answer, so the next one is asked.
    pub fn run(&self, script: &str, arguments: Value) -> Value {
        const PAGES: usize = 10;
        let path = format!("/session/{}/execute/sync", self.session);
        let body = json!({"script": script, "args": arguments});
        for _ in 0..PAGES {
            let answer = self.try_ask("POST", &path, Some(body.clone())).unwrap();
            let message = answer["value"]["message"].as_str().unwrap_or_default();
            if answer["value"]["error"].is_null() {
                return answer["value"].clone();
            }
            assert!(message.contains("document unloaded"), "{script}: {answer}");
        }
        panic!("{PAGES} pages left one after the other under {script}");
    }

    /// What stood in the console since this was asked last: errors of scripts, what a policy kept from loading.
    pub fn console(&self) -> Vec<String> {
        let said = self.call("POST", "se/log", Some(json!({"type": "browser"})));
        said.as_array().unwrap().iter().map(ToString::to_string).collect()
    }

    /// A picture of the window, PNG in base64.
    pub fn screenshot(&self) -> String {
        self.call("GET", "screenshot", None).as_str().unwrap().to_owned()
    }

    fn find(&self, selector: &str) -> String {
        let found = self.call("POST", "element", Some(json!({"using": "css selector", "value": selector})));
        found.as_object().unwrap().values().next().unwrap().as_str().unwrap().to_owned()
    }

    fn call(&self, method: &str, command: &str, body: Option<Value>) -> Value {
        self.ask(method, &format!("/session/{}/{command}", self.session), body)
    }

    fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let answer = self.try_ask(method, path, body).unwrap();
        assert!(answer["value"]["error"].is_null(), "{method} {path}: {answer}");
        answer["value"].clone()
    }

    fn try_ask(&self, method: &str, path: &str, body: Option<Value>) -> std::io::Result<Value> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(Duration::from_secs(90)))?;
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.address);
        stream.write_all(format!("{head}Content-Length: {length}\r\n\r\n{body}").as_bytes())?;
        // The driver keeps the connection whatever it is asked, so its answer is read by its length.
        let mut answer = BufReader::new(stream);
        let mut length = 0;
        let mut line = String::new();
        while answer.read_line(&mut line)? > 2 {
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            line.clear();
        }
        let mut json = vec![0; length];
        answer.read_exact(&mut json)?;
        Ok(serde_json::from_slice(&json)?)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Closing the session is what ends the browser; the driver is killed after it.
        if !self.session.is_empty() {
            let _ = self.try_ask("DELETE", &format!("/session/{}", self.session), None);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
