//! `tests/cases/NAME.yml` with `NAME.expected.json`: adding a case is adding two files.
//!
//! The expected file has `problems` (sentences), or `warnings` and `plans`: a list of `{"in": situation, "is": outcome}`.
//! A situation names only what differs from a push to `main`; an outcome leaves out what is null, false or empty. When a
//! case differs, the actual answer is written beside the test binary, to be read and, when right, copied.

use std::{collections::BTreeMap, fs, path::Path};

use pipeline::{Outcome, Pipeline, Problem, RefType, Situation, Variable, plan};
use serde_json::{Map, Value, json};

use crate::push_to_main;

#[test]
fn every_case_gives_what_it_expects() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut names: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .filter_map(|entry| Some(entry.unwrap().file_name().to_str()?.strip_suffix(".yml")?.to_owned()))
        .collect();
    names.sort();
    assert!(names.len() >= 12, "the folder of cases is not where it was: {}", folder.display());
    let mut different = BTreeMap::new();
    for name in names {
        let file = fs::read(folder.join(format!("{name}.yml"))).unwrap();
        let expected: Value = match fs::read(folder.join(format!("{name}.expected.json"))) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap(),
            Err(_) => json!({"plans": [{"in": {}}]}),
        };
        let actual = answer(&file, &expected);
        if actual != expected {
            let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.expected.json"));
            fs::write(&path, serde_json::to_string_pretty(&actual).unwrap() + "\n").unwrap();
            different.insert(name, path);
        }
    }
    assert!(different.is_empty(), "these cases differ; what they gave: {different:#?}");
}

fn answer(file: &[u8], expected: &Value) -> Value {
    let pipeline = match Pipeline::parse(file) {
        Ok(pipeline) => pipeline,
        Err(problems) => return json!({"problems": sentences(&problems)}),
    };
    let asked = expected["plans"].as_array().cloned().unwrap_or_else(|| vec![json!({"in": {}})]);
    let plans = asked.iter().map(|one| {
        let outcome = match plan(&pipeline, &situation(&one["in"])) {
            Ok(outcome) => stored(&outcome),
            Err(problem) => json!({"problem": problem.to_string()}),
        };
        json!({"in": one["in"], "is": tidy(outcome)})
    });
    let mut answer = json!({"plans": plans.collect::<Vec<_>>()});
    if !pipeline.warnings().is_empty() {
        answer["warnings"] = json!(sentences(pipeline.warnings()));
    }
    if expected["merged"].is_object() {
        answer["merged"] = serde_json::to_value(pipeline.merged()).unwrap();
    }
    answer
}

/// As JSON; and what is stored comes back the same.
fn stored(outcome: &Outcome) -> Value {
    let value = serde_json::to_value(outcome).unwrap();
    assert_eq!(&serde_json::from_value::<Outcome>(value.clone()).unwrap(), outcome);
    value
}

fn situation(given: &Value) -> Situation {
    let mut situation = push_to_main();
    let text = |key: &str| given[key].as_str().map(str::to_owned);
    let texts = |key: &str| -> Option<Vec<String>> { serde_json::from_value(given[key].clone()).ok() };
    if let Some(source) = text("source") {
        situation.source = source.parse().unwrap();
    }
    if let Some(branch) = text("branch") {
        situation.ref_name = branch;
    }
    if let Some(tag) = text("tag") {
        situation.ref_name = tag;
        situation.ref_type = RefType::Tag;
    }
    let variables = |key: &str| {
        let map = given[key].as_object().cloned().unwrap_or_default();
        map.into_iter().map(|(key, value)| Variable::public(key, value.as_str().unwrap())).collect()
    };
    situation.predefined = variables("predefined");
    situation.variables = variables("variables");
    situation.changed_files = texts("changed");
    situation.files = texts("files");
    situation
}

fn sentences(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(Problem::to_string).collect()
}

/// Leaves out what says nothing, and writes variables as a map.
fn tidy(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.into_iter().map(|(key, value)| {
                let value = if key == "variables" { variables(&value) } else { tidy(value) };
                (key, value)
            });
            let says = |value: &Value| {
                let empty = value.as_array().is_some_and(Vec::is_empty) || value.as_object().is_some_and(Map::is_empty);
                !(empty || value.is_null() || *value == json!(false))
            };
            // No needs and no downloads are not the same as saying nothing about them.
            let kept_always = |key: &str| matches!(key, "needs" | "downloads" | "only");
            let kept = kept.filter(|(key, value)| says(value) || kept_always(key) && !value.is_null());
            Value::Object(kept.collect())
        }
        Value::Array(list) => Value::Array(list.into_iter().map(tidy).collect()),
        value => value,
    }
}

fn variables(list: &Value) -> Value {
    let list = list.as_array().cloned().unwrap_or_default();
    Value::Object(list.iter().map(|one| (one["key"].as_str().unwrap().to_owned(), one["value"].clone())).collect())
}
