//! Decisions as a person and an auditor meet them: tried before they are made, made again without the server, and said when they change.

use std::{fs, path::PathBuf};

use serde_json::{Value, json};

use crate::{
    command_line::Person,
    image::{call, debian, get, push, scanned},
    server::until,
};

/// A source with a good and a bad image, a target, and one policy.
fn chain(person: &Person) {
    for name in ["build", "prod"] {
        call(&person.server, 201, "POST", "/api/v0/repositories/admin", &json!({"name": name}));
    }
    let rule = "vulnerability_all lte 0";
    person.says(&["policy", "create", "admin/build", "admin/prod", "--rule", rule]);
    push(&person.server, "admin/build", "good", &debian(&["hello 2.10-3"]));
    push(&person.server, "admin/build", "bad", &debian(&["liblog4j2-java 2.14.1-1"]));
    for tag in ["good", "bad"] {
        scanned(&person.server, &format!("admin/build:{tag}"), 6);
        until("it is decided", || !decisions(person, tag).is_empty());
    }
}

fn decisions(person: &Person, tag: &str) -> Vec<Value> {
    let path = format!("/api/v1/repositories/admin/build/tags/{tag}/decisions");
    get(&person.server, &path)["decisions"].as_array().unwrap().clone()
}

/// A decision with all that is kept of it, in a file.
fn kept(person: &Person, tag: &str) -> PathBuf {
    let id = decisions(person, tag)[0]["id"].as_str().unwrap().to_owned();
    let file = person.server.folder.path().join(format!("{tag}.json"));
    fs::write(&file, person.says(&["decision", "show", &id, "--format", "json"])).unwrap();
    file
}

#[test]
fn an_auditor_makes_a_decision_again_without_the_server() {
    let mut person = Person::new();
    chain(&person);
    let key = person.server.folder.path().join("key.pem");
    fs::write(&key, person.says(&["attestation", "key"])).unwrap();
    let (good, bad) = (kept(&person, "good"), kept(&person, "bad"));
    let id = decisions(&person, "good")[0]["id"].as_str().unwrap().to_owned();
    assert!(person.says(&["decision", "recompute", &id]).contains("allowed"));
    let text = |path: &PathBuf| path.to_str().unwrap().to_owned();
    person.server.kill();

    let (good, bad, key) = (text(&good), text(&bad), text(&key));
    for (file, verdict) in [(&good, "allowed"), (&bad, "refused")] {
        let said = person.says(&["decision", "recompute", file, "--key", &key]);
        assert!(said.contains(verdict) && said.contains("verified"), "{said}");
    }
    // Changed in whatever place, it is not the same.
    let whole: Value = serde_json::from_str(&fs::read_to_string(&good).unwrap()).unwrap();
    let refused = |member: &str, changed: String, with: &[&str]| {
        let mut other = whole.clone();
        other[member] = changed.into();
        let file = person.server.folder.path().join("other.json");
        fs::write(&file, other.to_string()).unwrap();
        let came = person.runs(&[&["decision", "recompute", file.to_str().unwrap()], with].concat());
        (came.code, came.err)
    };
    for member in ["policyDocument", "evidenceDocument", "decisionDocument"] {
        let document = whole[member].as_str().unwrap();
        for place in (0..document.len()).step_by(97) {
            let mut bytes = document.as_bytes().to_vec();
            bytes[place] = if bytes[place] == b'1' { b'2' } else { b'1' };
            let (code, said) = refused(member, String::from_utf8(bytes).unwrap(), &[]);
            assert_eq!(code, if said.contains("was made by") { 5 } else { 3 }, "{member} {place}: {said}");
        }
    }
    // A whole other decision, well made, is not what was signed.
    let other: Value = serde_json::from_str(&fs::read_to_string(&bad).unwrap()).unwrap();
    let (code, said) = refused("statement", other["statement"].as_str().unwrap().to_owned(), &["--key", &key]);
    assert!(code == 3 && said.contains("its decision is"), "{said}");
    let (code, said) = refused("statement", "{}".to_owned(), &["--key", &key]);
    assert!(code == 3 && said.contains("no bundle"), "{said}");
    let gone = person.runs(&["decision", "recompute", "no-such-file"]);
    assert_eq!(gone.code, 1, "{gone:?}");
}

#[test]
fn a_draft_is_tried_on_what_is_there_and_on_the_past() {
    let person = Person::new();
    chain(&person);
    let test = |more: &[&str]| {
        let arguments = ["policy", "test", "admin/build", "admin/other", "--tag", "v-%n"];
        let said = person.says(&[&arguments[..], more, &["--format", "json"]].concat());
        let mut trials = serde_json::from_str::<Value>(&said).unwrap()["trials"].as_array().unwrap().clone();
        trials.sort_by_key(|trial| trial["tag"].to_string());
        trials
    };
    let now = test(&["--rule", "tag eq bad"]);
    let said = |trial: &Value| {
        [&trial["tag"], &trial["verdict"], &trial["targetTag"]].map(|part| part.as_str().unwrap().to_owned())
    };
    assert_eq!(now.iter().map(said).collect::<Vec<_>>(), [["bad", "allowed", "v-bad"], ["good", "refused", "v-good"]]);
    call(&person.server, 204, "DELETE", "/api/v0/repositories/admin/build/tags/bad", &Value::Null);
    let past = test(&["--past", "--rule", "vulnerability_critical lte 1"]);
    let was =
        |trial: &Value| [&trial["past"]["verdict"], &trial["verdict"]].map(|part| part.as_str().unwrap().to_owned());
    assert_eq!(past.iter().map(was).collect::<Vec<_>>(), [["refused", "allowed"], ["allowed", "allowed"]]);
    let table = person.says(&["policy", "test", "admin/build", "admin/other", "--past"]);
    assert!(table.contains("WOULD BE"), "{table}");
    let wrong = person.runs(&["policy", "test", "admin/build", "admin/other", "--rule", "colour eq red"]);
    assert!(wrong.code == 1 && wrong.err.contains("colour"), "{wrong:?}");
}

#[test]
fn what_lapses_is_said_at_the_tag_and_stays() {
    let person = Person::new();
    chain(&person);
    let arguments = ["waiver", "create", "CVE-2021-44228", "--reason", "for now", "--everywhere", "--format", "json"];
    let waiver: Value = serde_json::from_str(&person.says(&arguments)).unwrap();
    let promotion = || {
        let tags = get(&person.server, "/api/v0/repositories/admin/prod/tags");
        let tags = tags.as_array().unwrap().clone();
        tags.into_iter().find(|tag| tag["name"] == "bad").map(|tag| tag["promotion"].clone())
    };
    until("it is promoted", || promotion().is_some_and(|promotion| promotion["lapsed"].is_null()));
    person.says(&["waiver", "delete", waiver["id"].as_str().unwrap()]);
    until("it is marked", || promotion().unwrap()["lapsed"]["verdict"] == "refused");
    let objection = promotion().unwrap()["lapsed"]["objections"][0].as_str().unwrap().to_owned();
    assert!(objection.contains("the policy asks for at most 0"), "{objection}");
    let (name, value) = crate::image::as_admin();
    let page = person.server.ask("GET", "/repositories/admin/prod", &[(name, &value)], b"").body;
    assert!(page.contains("no longer satisfies its policy") && page.contains(&objection), "{page}");
    assert_eq!(decisions(&person, "bad")[0]["effect"], "lapsed");
    person.says(&["decision", "evaluate", "admin/build:bad"]);
    let of_all = person.says(&["decision", "list", "admin/build"]);
    assert!(of_all.contains("lapsed") && of_all.contains("promoted"), "{of_all}");
}
