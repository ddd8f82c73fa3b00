//! The command line as people and scripts meet it: what it prints, and the code it ends with.

use std::{
    fs,
    io::{Read, Write},
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use crate::{
    image::{as_admin, debian, push},
    server::{PASSWORD, Server, is_there},
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
        assert_eq!((answer.status, answer.code().as_str()), (405, "NOT_ALLOWED"), "{path}");
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

#[test]
fn lists_are_whole_and_stand_in_columns() {
    let person = Person::new();
    person.says(&["project", "create", "admin/flask"]);
    let (name, value) = as_admin();
    let headers = [(name, value.as_str()), ("Content-Type", "application/json")];
    for number in 0..120 {
        let body =
            json!({"key": format!("KEY_{number:03}"), "value": format!("the value {number}"), "masked": number == 7});
        let made = person.server.ask("POST", "/api/v4/projects/1/variables", &headers, body.to_string().as_bytes());
        assert_eq!(made.status, 201, "{}", made.body);
    }
    assert_eq!(person.answers(&["variable", "list", "admin/flask"]).as_array().unwrap().len(), 120);
    let shown = person.says(&["variable", "list", "admin/flask"]);
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines.len(), 121);
    assert_eq!(lines[0].split_whitespace().collect::<Vec<_>>(), ["KEY", "KIND", "MASKED", "PROTECTED", "VALUE"]);
    assert!(lines[1].starts_with("KEY_000  ") && lines[1].ends_with("the value 0"), "{}", lines[1]);
    assert!(lines[8].ends_with("[masked]"), "{}", lines[8]);

    let set = person.tells(&["variable", "set", "admin/flask", "SECRET"], "nobody reads this\n");
    assert_eq!((set.code, set.out.as_str()), (0, "SECRET of admin/flask is set\n"));
    let set = person.tells(&["variable", "set", "admin/flask", "SECRET", "--format", "json"], "nor this\n");
    assert!(set.code == 0 && set.out.contains("SECRET") && !set.out.contains("nor this"), "{set:?}");

    push(&person.server, "admin/flask", "1", &debian(&["hello 1"]));
    let tags = person.says(&["repository", "tags", "admin/flask"]);
    assert!(tags.starts_with("TAG  PUSHED") && tags.lines().count() == 2 && tags.contains("sha256:"), "{tags}");
    assert_eq!(person.says(&["pipeline", "list", "admin/flask"]), "");
}

#[test]
fn what_was_done_is_said() {
    let person = Person::new();
    person.says(&["account", "create", "org", "--organization"]);
    person.says(&["account", "create", "robot"]);
    for (command, sentence) in [
        ("member add org robot", "robot is a member of org\n"),
        ("team create org/ci", "there is a team org/ci\n"),
        ("team add org/ci robot", "robot is in the team org/ci\n"),
        ("grant org/app read-write --team org/ci", "the team org/ci has read-write on the repository org/app\n"),
        ("grant org admin --user robot --project", "robot has admin on the projects of org\n"),
        ("grant org/app none --team org/ci", "the team org/ci has no grant on the repository org/app\n"),
        ("team list org", "TEAM  DESCRIPTION\nci    -\n"),
        ("team members org/ci", "NAME   ADMIN\nrobot  no\n"),
        ("member list org", "NAME   OWNER\nrobot  no\n"),
        ("team remove org/ci robot", "robot is not in the team org/ci\n"),
        ("member remove org robot", "robot is no member of org\n"),
    ] {
        assert_eq!(person.says(&command.split(' ').collect::<Vec<_>>()), sentence, "{command}");
    }
    assert_eq!(person.answers(&["grants", "org"])["grants"].as_array().unwrap().len(), 1);
}

#[test]
fn a_waiver_holds_where_somebody_said_and_until_when() {
    let person = Person::new();
    let digest = push(&person.server, "admin/shop", "1", &debian(&["hello 1"])).to_string();
    let waive = |more: &[&str]| {
        person.runs(&[&["waiver", "create", "CVE-2021-44228", "--reason", "no input reaches it"], more].concat())
    };
    // Everywhere is not what happens when nothing is said.
    assert_eq!(waive(&[]).code, 2);
    assert_eq!(waive(&["--everywhere", "--repository", "admin/shop"]).code, 2);
    assert_eq!(waive(&["--everywhere", "--expires", "tomorrow"]).code, 2);
    assert_eq!(person.says(&["waiver", "list"]), "");
    for more in [
        &["--repository", "admin/shop", "--expires", "2999-12-31"][..],
        &["--image", &digest, "--component", "log4j"],
        &["--everywhere"],
    ] {
        assert_eq!(waive(more).code, 0, "{more:?}");
    }
    let listed = |more: &[&str]| person.answers(&[&["waiver", "list"], more].concat())["waivers"].clone();
    let all = listed(&[]);
    assert_eq!(all.as_array().unwrap().len(), 3, "{all}");
    assert_eq!(listed(&["--everywhere"]).as_array().unwrap().len(), 1);
    assert_eq!(listed(&["--image", &digest])[0]["component"], "log4j");
    let of_repository = listed(&["--repository", "admin/shop"]);
    assert_eq!(of_repository[0]["expiresAt"], "2999-12-31T00:00:00Z");
    assert!(person.says(&["waiver", "list"]).starts_with("ID  "));
}

#[test]
fn everyday_work_needs_no_address_of_an_api() {
    let person = Person::new();
    push(&person.server, "admin/flask", "1", &debian(&["hello 1"]));
    person.says(&["repository", "create", "admin/prod"]);
    assert!(person.says(&["tag", "scan", "admin/flask:1"]).starts_with("admin/flask:1 is about to be scanned"));
    assert_eq!(
        person.says(&["promote", "admin/flask:1", "admin/prod:v1"]),
        "admin/prod:v1 is the image of admin/flask:1\n"
    );
    assert_eq!(person.answers(&["repository", "tags", "admin/prod"])[0]["name"], "v1");
    assert_eq!(person.runs(&["decision", "list", "admin/flask:1"]).code, 0);
    assert_eq!(person.says(&["tag", "delete", "admin/prod:v1"]), "admin/prod:v1 is deleted\n");
    assert_eq!(person.runs(&["tag", "delete", "admin/prod:v1"]).code, 5);
    let updated = person.answers(&["repository", "update", "admin/prod", "--immutable", "true"]);
    assert_eq!((&updated["immutableTags"], &updated["scanOnPush"]), (&json!(true), &json!(true)));
    assert_eq!(person.answers(&["repository", "show", "admin/prod"])["visibility"], "private");
    person.says(&["project", "create", "admin/flask"]);
    assert_eq!(person.runs(&["pipeline", "cancel", "admin/flask", "7"]).code, 5);
    assert_eq!(person.runs(&["pipeline", "retry", "admin/flask", "7"]).code, 5);
    let secret = person.server.folder.path().join("secret");
    fs::write(&secret, "key of the receiver\n").unwrap();
    let hook = ["webhook", "create", "-", "--type", "TAG_PUSH", "--key", "admin/flask", "--skip-tls", "--secret"];
    let hook = [&hook[..], &[secret.to_str().unwrap(), "--format", "json"]].concat();
    let made = person.tells(&hook, "https://example.org/hook?token=x\n");
    assert!(made.code == 0 && !made.out.contains("key of the receiver") && !made.out.contains("token=x"), "{made:?}");
    let made: Value = serde_json::from_str(&made.out).unwrap();
    assert_eq!((&made["signed"], &made["skipTLSVerification"]), (&json!(true), &json!(true)));
}

#[test]
fn a_password_is_one_line() {
    let person = Person::new();
    let changed = person.tells(&["password"], "another battery staple\nand a line that is none\n");
    assert_eq!((changed.code, changed.out.as_str()), (0, "admin has a new password\n"), "{changed:?}");
    let url = format!("https://{}", person.server.authority);
    let ca = person.server.ca();
    let login = ["login", &url, "--username", "admin", "--ca", ca.to_str().unwrap()];
    assert_eq!(person.tells(&login, "correct horse battery\n").code, 4);
    assert_eq!(person.tells(&login, "").code, 1);
    assert_eq!(person.tells(&login, "another battery staple\nand a line that is none\n").code, 0);
    assert_eq!(person.runs(&["project", "list"]).code, 0);
}

#[test]
fn a_terminal_does_not_show_a_password() {
    if !is_there("script") {
        return;
    }
    let person = Person::new();
    let (url, ca) = (format!("https://{}", person.server.authority), person.server.ca());
    let login = format!("{} login {url} -u admin --ca {}", env!("CARGO_BIN_EXE_assay"), ca.display());
    let mut terminal = Command::new("script")
        .args(["-qec", &login, "/dev/null"])
        .env("ASSAY_LOGIN", person.server.folder.path().join("other.json"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut keys, mut screen) = (terminal.stdin.take().unwrap(), terminal.stdout.take().unwrap());
    // A person types when they are asked.
    let mut shown = Vec::new();
    let mut byte = [0];
    while !shown.ends_with(b"Password of admin: ") {
        assert_eq!(screen.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&shown));
        shown.push(byte[0]);
    }
    keys.write_all(format!("{PASSWORD}\n").as_bytes()).unwrap();
    // The keyboard stays: the command ends at Enter.
    screen.read_to_end(&mut shown).unwrap();
    let shown = String::from_utf8_lossy(&shown);
    assert!(terminal.wait().unwrap().success() && shown.contains("Signed in"), "{shown}");
    assert!(!shown.contains("correct horse"), "{shown}");
}
