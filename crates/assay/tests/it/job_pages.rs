//! From a commit to the log of its job and the chain of its image: real git, and this test in the place of a runner.

use std::{fs, path::Path, sync::mpsc};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::{
    browser::{Browser, Window},
    image::{as_admin, debian, get, push_as, scanned},
    server::{PASSWORD, Server, attempt, is_there, until},
};

const FILE: &str = "stages: [make]\nbuild:\n  stage: make\n  script: [\"echo hello\"]\n";

fn post(server: &Server, path: &str, body: Value) -> Value {
    let (name, value) = as_admin();
    let headers = [(name, value.as_str()), ("Content-Type", "application/json")];
    let answer = server.ask("POST", path, &headers, body.to_string().as_bytes());
    assert!(answer.status < 300, "{path}: {}", answer.body);
    answer.json()
}

/// A job that was handed to us.
struct Taken<'a> {
    server: &'a Server,
    id: i64,
    token: String,
    /// The child of the access token among the project's variables.
    registry_password: String,
    sent: usize,
}

impl<'a> Taken<'a> {
    fn take(server: &'a Server) -> Taken<'a> {
        let runner =
            post(server, "/api/v4/user/runners", json!({"runner_type": "instance_type", "run_untagged": true}));
        let job = post(server, "/api/v4/jobs/request", json!({"token": runner["token"], "info": {}}));
        let variables = job["variables"].as_array().unwrap();
        let password = variables.iter().find(|variable| variable["key"] == "DTR_PASSWORD").unwrap();
        Taken {
            server,
            id: job["id"].as_i64().unwrap(),
            token: job["token"].as_str().unwrap().to_owned(),
            registry_password: password["value"].as_str().unwrap().to_owned(),
            sent: 0,
        }
    }

    fn log(&mut self, text: &str) {
        let range = format!("{}-{}", self.sent, self.sent + text.len());
        let headers = [("Job-Token", self.token.as_str()), ("Content-Range", &range)];
        let answer = self.server.ask("PATCH", &format!("/api/v4/jobs/{}/trace", self.id), &headers, text.as_bytes());
        assert_eq!(answer.status, 202, "{}", answer.body);
        self.sent += text.len();
    }

    fn succeed(&self) {
        let body = json!({"token": self.token, "state": "success"}).to_string();
        let headers = [("Content-Type", "application/json")];
        let answer = self.server.ask("PUT", &format!("/api/v4/jobs/{}", self.id), &headers, body.as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}

/// Push a commit with a pipeline; gives the commit.
fn commit(server: &Server, folder: &Path) -> String {
    fs::create_dir(folder).unwrap();
    fs::write(folder.join(".gitlab-ci.yml"), FILE).unwrap();
    let ca = server.ca();
    let environment = [("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_SSL_CAINFO", ca.to_str().unwrap())];
    let url = format!("https://admin:{}@{}/admin/app.git", PASSWORD.replace(' ', "%20"), server.authority);
    let git = |arguments: &[&str]| {
        let mut all = vec!["-c", "user.name=a", "-c", "user.email=a@b.test"];
        all.extend(arguments);
        let (succeeded, text) = attempt("git", &all, folder, &environment);
        assert!(succeeded, "git {arguments:?}: {text}");
        text
    };
    git(&["init", "--quiet", "--initial-branch=main"]);
    git(&["add", "."]);
    git(&["commit", "--quiet", "--message=first"]);
    git(&["push", "--quiet", &url, "main"]);
    git(&["rev-parse", "HEAD"]).trim().to_owned()
}

/// A server with a project, a commit, and its job running here.
fn running(server: &Server) -> (String, Taken<'_>) {
    post(server, "/api/v4/projects", json!({"name": "app", "namespace_path": "admin"}));
    let token = post(server, "/api/v0/api_tokens", json!({"tokenLabel": "push"}));
    let variable = json!({"key": "DTR_PASSWORD", "value": token["token"], "masked": true});
    post(server, "/api/v4/projects/admin%2Fapp/variables", variable);
    let sha = commit(server, &server.folder.path().join("app"));
    (sha, Taken::take(server))
}

#[test]
fn a_log_is_followed_and_taken_up_again() {
    if !is_there("git") {
        return;
    }
    let server = Server::start("127.0.0.1");
    let (_, mut job) = running(&server);
    let path = format!("/projects/admin/app/jobs/{}/log?offset=0", job.id);
    let (name, value) = as_admin();
    job.log("one <1>\nhalf");
    let (started, begun) = mpsc::channel();
    let body = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            started.send(()).unwrap();
            server.ask("GET", &path, &[(name, &value)], b"")
        });
        begun.recv().unwrap();
        job.log(" a line\n");
        job.log("last, without an end");
        job.succeed();
        reader.join().unwrap()
    });
    assert_eq!(body.header("content-type"), Some("text/event-stream"));
    let text = &body.body;
    for part in [
        "event: log",
        "data: one &lt;1&gt;",
        "data: half a line",
        "data: last, without an end",
        "event: end\ndata: over",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    let ids: Vec<usize> = text.lines().filter_map(|line| line.strip_prefix("id: ")?.parse().ok()).collect();
    assert_eq!(ids.last(), Some(&job.sent));
    assert!(ids.is_sorted());

    // Who comes back says how far they had got, and it counts more than where they began.
    let again = server.ask("GET", &path, &[(name, &value), ("Last-Event-ID", "8")], b"");
    assert!(!again.body.contains("one") && again.body.contains("data: half a line"), "{}", again.body);
    let rest = server.ask("GET", &path, &[(name, &value), ("Last-Event-ID", &job.sent.to_string())], b"");
    assert!(!rest.body.contains("event: log") && rest.body.contains("event: end"));
    let nobody = server.ask("GET", &path, &[], b"");
    assert_eq!(nobody.status, 303);
    assert_eq!(server.ask("GET", "/projects/admin/app/jobs/999/log", &[(name, &value)], b"").status, 404);
    let moved = server.ask("GET", &format!("/admin/app/-/jobs/{}", job.id), &[], b"");
    assert_eq!(moved.header("location"), Some(format!("/projects/admin/app/jobs/{}", job.id).as_str()));
}

#[test]
fn a_commit_in_the_browser_from_its_push_to_its_chain() {
    if !is_there("git") {
        return;
    }
    let Some(browser) = Browser::open() else { return };
    let server = Server::start("127.0.0.1");
    let window = Window::new(browser, &server);
    let (sha, mut job) = running(&server);
    job.log("\u{1b}[32;1m$ echo hello\u{1b}[0;m\n<b>hello</b>\n");

    window.go("/projects");
    window.sign_in(PASSWORD);
    window.arrives_at("/projects");
    assert!(window.browser.text("table").contains("admin/app"));
    window.browser.click("table a");
    window.arrives_at("/projects/admin/app/pipelines");
    assert!(window.browser.text("table").contains(&sha[..8]));
    window.browser.click("tbody a");
    let pipeline = window.browser.url();
    assert_eq!(window.browser.text("h2"), "make");
    window.browser.click("tbody a");
    window.arrives_at(&format!("/projects/admin/app/jobs/{}", job.id));
    assert_eq!(window.browser.text("pre.log"), "$ echo hello\n<b>hello</b>");
    assert_eq!(window.browser.text("pre.log .green"), "$ echo hello");
    assert_eq!(window.browser.attributes("[data-status]", "data-status"), ["running"]);

    job.log("a line that came later\n");
    until("the log grew in the page", || window.browser.text("pre.log").contains("came later"));
    let basic = format!("Basic {}", STANDARD.encode(format!("admin:{}", job.registry_password)));
    let digest = push_as(&server, &basic, "admin/app_build", "1", &debian(&["base-files 12.4+deb12u5"]));
    scanned(&server, "admin/app_build:1", 6);
    job.succeed();
    until("the page was loaded again", || {
        window.browser.attributes("[data-status]", "data-status").first().is_some_and(|status| status == "success")
    });
    window.browser.go(&pipeline);
    assert!(window.browser.text("p").contains("success"));

    window.go(&format!("/chain/{digest}"));
    let told = window.browser.attributes("ol.chain li", "data-what");
    for part in ["Commit pushed", "Pipeline created", "Job started", "Image pushed", "Scanned", "Job finished"] {
        assert!(told.iter().any(|what| what == part), "{part} is not in {told:?}");
    }
    assert!(window.browser.text("ol.chain").contains(&sha));
    let story = get(&server, &format!("/api/v1/chain/{digest}"));
    assert_eq!(story["nodes"].as_array().unwrap().len(), told.len());
    assert_eq!(story["complete"], false);
}
