//! Files that want to crash, hang or fill the memory: each ends in words or in a plan.

use pipeline::{Outcome, Pipeline, Variable, plan};
use proptest::prelude::*;

use crate::push_to_main;

const VALID: &str = include_str!("../cases/everything.yml");

fn refusal(file: &str) -> String {
    match Pipeline::parse(file.as_bytes()) {
        Err(problems) => problems.iter().map(|problem| format!("{problem}\n")).collect(),
        Ok(pipeline) => plan(&pipeline, &push_to_main()).unwrap_err().to_string(),
    }
}

#[test]
fn what_grows_stops_at_the_budget() {
    let doubling = |line: &dyn Fn(usize) -> String| (0..30).map(line).collect::<String>();
    let references = doubling(&|i| format!("a{i}: {{k: [!reference [a{0}, k], !reference [a{0}, k]]}}\n", i + 1));
    let wide = format!(".a: {{k: [{}]}}\n", "x, ".repeat(3_000));
    let references_wide = format!("{wide}j: {{script: [{}]}}\n", "!reference [.a, k], ".repeat(300));
    let script = "y".repeat(400_000);
    let heirs: String = (0..100).map(|i| format!("j{i}: {{extends: .a}}\n")).collect();
    let extends_long = format!(".a: {{script: {script}}}\n{heirs}");
    let jobs: String = (0..100).map(|i| format!("j{i}: {{script: a}}\n")).collect();
    let defaults_long = format!("before_script: [{script}]\n{jobs}");
    let variables_long = format!("variables: {{A: {script}}}\n{jobs}");
    let doubled: String = (0..40).map(|i| format!("  V{i}: $V{0}$V{0}\n", i + 1)).collect();
    let variables_doubling = format!("variables:\n{doubled}  V40: x\nj: {{script: a}}\n");
    for file in [references_wide, extends_long, defaults_long, variables_long, variables_doubling] {
        let said = refusal(&file);
        assert!(said.contains("beyond"), "{said}");
    }
    let said = refusal(&format!("{references}a30: {{k: x}}\n"));
    assert!(said.contains("more than 10 others"), "{said}");
}

#[test]
fn circles_and_long_chains_are_told() {
    let chain: String = (0..20).map(|i| format!(".j{i}: {{extends: .j{}}}\n", i + 1)).collect();
    for file in [
        "a: {extends: b}\nb: {extends: a}\n".to_owned(),
        "a: {extends: a, script: x}\n".to_owned(),
        format!("{chain}.j20: {{}}\nj: {{script: x}}\n"),
        ".a: {k: !reference [.b, k]}\n.b: {k: !reference [.a, k]}\nj: {script: x}\n".to_owned(),
        "a: {script: x, needs: [b]}\nb: {script: x, needs: [a]}\n".to_owned(),
    ] {
        let said = refusal(&file);
        assert!(said.contains("circle"), "{said}");
    }
}

#[test]
fn many_jobs_patterns_and_problems_are_bounded() {
    let jobs: String = (0..5_001).map(|i| format!("j{i}: {{script: x}}\n")).collect();
    assert!(refusal(&jobs).contains("more than 5000 jobs"));
    let patterns: String = (0..300).map(|i| format!("j{i}: {{script: x, only: [/a{i}/]}}\n")).collect();
    assert!(refusal(&patterns).contains("more than 200 different"));
    let wrong: String = (0..4_000).map(|i| format!("j{i}: {{skript: x}}\n")).collect();
    assert!(Pipeline::parse(wrong.as_bytes()).unwrap_err().len() <= 101);
    assert!(refusal("j: {script: x, only: ['/(a{1000}){1000}/']}\n").contains("too large"));
    assert!(refusal("j: {script: x, only: ['/(?=a)/']}\n").contains("RE2"));
}

#[test]
fn five_hundred_jobs_are_planned() {
    let job = |i: usize| {
        format!(
            "j{i}:\n  extends: .base\n  stage: build\n  rules:\n    - if: $CI_COMMIT_BRANCH =~ /^ma/ && $N{i} == null\n"
        )
    };
    let jobs: String = (0..500).map(job).collect();
    let file =
        format!(".base: {{image: alpine, script: [make], variables: {{A: b}}, artifacts: {{paths: [out]}}}}\n{jobs}");
    let pipeline = Pipeline::parse(file.as_bytes()).unwrap();
    let mut situation = push_to_main();
    situation.predefined = (0..60).map(|i| Variable::public(format!("CI_P{i}"), "some value")).collect();
    let Outcome::Pipeline(plan) = plan(&pipeline, &situation).unwrap() else { panic!("the jobs are gone") };
    assert_eq!(plan.jobs.len(), 500);
}

proptest! {
    #[test]
    fn any_bytes_end_in_a_pipeline_or_in_words(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(pipeline) = Pipeline::parse(&bytes) {
            let _outcome = plan(&pipeline, &push_to_main());
        }
    }

    #[test]
    fn a_valid_file_with_a_wound_ends_in_a_plan_or_in_words(
        at in 0..VALID.len(), length in 0_usize..40, put in "[ -~\n]{0,12}",
    ) {
        let end = (at + length).min(VALID.len());
        let file = [&VALID.as_bytes()[..at], put.as_bytes(), &VALID.as_bytes()[end..]].concat();
        match Pipeline::parse(&file) {
            Ok(pipeline) => {
                let _outcome = plan(&pipeline, &push_to_main());
                serde_json::to_string(pipeline.merged()).unwrap();
            }
            Err(problems) => prop_assert!(!problems.is_empty()),
        }
    }

    #[test]
    fn lines_of_a_valid_file_in_any_order(order in Just((0..VALID.lines().count()).collect::<Vec<_>>()).prop_shuffle()) {
        let lines: Vec<&str> = VALID.lines().collect();
        let file: String = order.iter().map(|&at| format!("{}\n", lines[at])).collect();
        if let Ok(pipeline) = Pipeline::parse(file.as_bytes()) {
            let _outcome = plan(&pipeline, &push_to_main());
        }
    }
}
