//! `assay variable set` makes a variable what is said, whether it is there already or not.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use serde_json::json;

use crate::{
    image::{expect, get},
    server::Server,
};

#[test]
fn a_variable_is_set_and_set_again() {
    let server = Server::start("127.0.0.1");
    let login = server.login();
    expect(&server, 201, "POST", "/api/v4/projects", "application/json", br#"{"name":"flask"}"#);
    let set = |arguments: &[&str], value: &str| {
        let mut child = Command::new(env!("CARGO_BIN_EXE_assay"))
            .args(["variable", "set", "admin/flask", "DTR_PASSWORD"])
            .args(arguments)
            .env("ASSAY_LOGIN", &login)
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(value.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for (arguments, value, masked) in [(&["--masked"][..], "the first value", true), (&[], "the second value", false)] {
        let (good, said) = set(arguments, value);
        assert!(good, "{said}");
        let variables = get(&server, "/api/v4/projects/admin%2Fflask/variables");
        assert_eq!(variables.as_array().unwrap().len(), 1);
        assert_eq!((&variables[0]["value"], &variables[0]["masked"]), (&json!(value), &json!(masked)));
    }
    // What cannot be masked is refused the second time as the first, with the rule.
    let (good, said) = set(&["--masked"], "short");
    assert!(!good && said.contains("at least 8 characters"), "{said}");
}
