//! The command line as people and scripts meet it: what it prints, and the code it ends with.

use std::{
    fs,
    io::Write,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use crate::{
    image::{as_admin, debian, push},
    server::Server,
};

/// The administrator at a terminal, signed in to a server of their own.
pub struct Person {
    pub server: Server,
}

/// What a command came to.
#[derive(Debug)]
pub struct Came {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Person {
    pub fn new() -> Person {
        let server = Server::start("127.0.0.1");
        server.login();
        Person { server }
    }

    /// Run a command with something on its standard input.
    pub fn tells(&self, arguments: &[&str], input: &str) -> Came {
        let mut child = Command::new(env!("CARGO_BIN_EXE_assay"))
            .args(arguments)
            .current_dir(self.server.folder.path())
            .env("ASSAY_LOGIN", self.server.folder.path().join("login.json"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that does not read its input may be gone.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        Came { code: output.status.code().unwrap(), out, err }
    }

    pub fn runs(&self, arguments: &[&str]) -> Came {
        self.tells(arguments, "")
    }

    /// What it prints, when it succeeds.
    pub fn says(&self, arguments: &[&str]) -> String {
        let came = self.runs(arguments);
        assert_eq!(came.code, 0, "{arguments:?}: {came:?}");
        came.out
    }

    pub fn answers(&self, arguments: &[&str]) -> Value {
        let text = self.says(&[arguments, &["--format", "json"]].concat());
        serde_json::from_str(&text).unwrap()
    }
}

#[test]
fn a_repository_is_scanned_on_push_unless_somebody_says_otherwise() {
    let person = Person::new();
    let scanned = |name: &str, more: &[&str]| {
        let made = person.answers(&[&["repository", "create", name], more].concat());
        (made["scanOnPush"].as_bool().unwrap(), made["immutableTags"].as_bool().unwrap())
    };
    assert_eq!(scanned("admin/a", &[]), (true, false));
    assert_eq!(scanned("admin/b", &["--scan-on-push", "--immutable"]), (true, true));
    assert_eq!(scanned("admin/c", &["--no-scan-on-push"]), (false, false));
    assert_eq!(person.runs(&["repository", "create", "admin/d", "--scan-on-push", "--no-scan-on-push"]).code, 2);
}

#[test]
fn a_failure_of_the_server_is_found_in_its_log_by_the_id_that_the_person_was_told() {
    let person = Person::new();
    let git = person.server.folder.path().join("data/git");
    fs::remove_dir_all(&git).unwrap();
    fs::write(&git, "no folder").unwrap();
    let came = person.runs(&["project", "create", "admin/flask"]);
    assert_eq!(came.code, 1);
    let (_, id) = came.err.trim().rsplit_once("request id ").unwrap_or_else(|| panic!("{came:?}"));
    let id = id.trim_end_matches(')');
    // What the server wrote before it answered is on its way to the test.
    let line =
        std::iter::repeat_with(|| person.server.said().lines().find(|line| line.contains(id)).map(str::to_owned));
    let line = line.take(1_000_000).flatten().next().expect("the log has the id");
    assert!(line.contains("a request failed") && line.contains("what a crash left"), "{line}");
    // Nothing for the operator in what a person can mend alone.
    assert!(!person.runs(&["project", "show", "admin/nothing"]).err.contains("request id"));
}

#[test]
fn scripts_know_by_the_exit_code_why() {
    let person = Person::new();
    let code = |arguments: &[&str]| person.runs(arguments).code;
    assert_eq!(code(&["repository", "create", "admin/flask"]), 0);
    assert_eq!(code(&["repository", "create", "admin/flask"]), 1, "REPOSITORY_EXISTS");
    assert_eq!(code(&["project", "show", "admin/nothing"]), 5);
    assert_eq!(code(&["api", "DELETE", "/api/v0/repositories"]), 1, "405 of a method");
    let owner = person.runs(&["grant", "admin/flask", "owner", "--user", "admin"]);
    assert_eq!(owner.code, 2);
    assert!(owner.err.contains("read-only, read-write, admin, none"), "{}", owner.err);
    assert_eq!(code(&["account", "create", "robot"]), 0);
    assert_eq!(code(&["grant", "admin/flask", "read-write", "--user", "robot"]), 0);
    let granted = person.answers(&["api", "GET", "/api/v1/namespaces/admin/grants"]);
    assert_eq!(granted["grants"][0]["accessLevel"], "read-write");
    assert_eq!(code(&["grant", "admin/flask", "none", "--user", "robot"]), 0);
    assert_eq!(person.answers(&["api", "GET", "/api/v1/namespaces/admin/grants"])["grants"], json!([]));
    fs::remove_file(person.server.folder.path().join("login.json")).unwrap();
    assert_eq!(code(&["project", "list"]), 4);
}

#[test]
fn a_wrong_method_is_answered_in_the_words_of_its_api() {
    let person = Person::new();
    let server = &person.server;
    push(server, "admin/flask", "1", &debian(&["hello 1"]));
    let (name, value) = as_admin();
    let ask = |method: &str, path: &str| server.ask(method, path, &[(name, &value)], b"");
    for (method, path, allow) in [
        ("DELETE", "/api/v0/repositories", "GET,HEAD"),
        ("PUT", "/enzi/v0/accounts", "GET,HEAD,POST"),
        ("POST", "/api/v1/audit/entries", "GET,HEAD"),
    ] {
        let answer = ask(method, path);
        assert_eq!((answer.status, answer.code().as_str()), (405, "METHOD_NOT_ALLOWED"), "{path}");
        assert_eq!(answer.header("allow"), Some(allow), "{path}");
    }
    let gitlab = ask("DELETE", "/api/v4/user");
    assert_eq!((gitlab.status, gitlab.header("allow")), (405, Some("GET,HEAD")));
    assert!(gitlab.json()["message"].as_str().unwrap().starts_with("405 Method Not Allowed"), "{}", gitlab.body);
    let token = server.token("repository:admin/flask:pull,push", Some(crate::server::BASIC));
    let oci = server.ask("POST", "/v2/admin/flask/manifests/1", &[("Authorization", &token)], b"");
    assert_eq!((oci.status, oci.code().as_str()), (405, "UNSUPPORTED"));
    assert_eq!(oci.header("allow"), Some("GET, HEAD, PUT, DELETE"));
}
