//! The documentation is true: its commands work, its lists are complete, its links lead somewhere.
//!
//! A fenced block with the info string `sh test` is run, all such blocks of a page as one script, as an administrator who is signed
//! in. In them `assay.example:8443` stands for the reader's installation and `dtr.example` for a registry it moves away from;
//! the test puts a server of its own in both places, and the images `prod/flask:1` (clean) and `prod/shop:1` (Log4Shell) into it.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    image::{debian, expect, push},
    server::{PASSWORD, Server, is_there},
};

/// What the pages' commands need besides a shell.
const PROGRAMS: [&str; 4] = ["git", "curl", "skopeo", "notary"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

pub fn page(name: &str) -> String {
    fs::read_to_string(root().join("docs").join(name)).unwrap()
}

/// The pages of a folder of `docs/`, in order.
fn pages(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join("docs").join(folder)).unwrap();
    let mut pages: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    pages.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    pages.sort();
    pages
}

/// The blocks with this info string, each with the number of its first line.
fn blocks(text: &str, info: &str) -> Vec<(usize, String)> {
    let (opening, mut found, mut inside) = (format!("```{info}"), Vec::new(), None::<(usize, String)>);
    for (index, line) in text.lines().enumerate() {
        match &mut inside {
            Some(_) if line == "```" => found.extend(inside.take()),
            Some((_, block)) => block.push_str(&format!("{line}\n")),
            None if line == opening => inside = Some((index + 2, String::new())),
            None => {}
        }
    }
    assert!(inside.is_none(), "a block with {info} has no end");
    found
}

#[test]
fn commands_work() {
    let missing: Vec<&str> = PROGRAMS.into_iter().filter(|program| !is_there(program)).collect();
    for page in ["tutorial", "how-to"].into_iter().flat_map(pages) {
        let text = fs::read_to_string(&page).unwrap();
        let script: String = blocks(&text, "sh test")
            .into_iter()
            .map(|(line, block)| format!("echo '== line {line}' >&2\n{block}"))
            .collect();
        if script.is_empty() || missing.iter().any(|program| script.contains(&format!("{program} "))) {
            continue;
        }
        let (succeeded, said) = run(&script);
        assert!(succeeded, "{}:\n{said}", page.display());
    }
}

/// Run a page's commands against a server of its own: whether all succeeded, and what they said.
fn run(script: &str) -> (bool, String) {
    let server = Server::start("127.0.0.1");
    let home = server.folder.path().join("home");
    fs::create_dir_all(home.join("certs")).unwrap();
    for copy in ["ca.crt", "certs/ca.crt"] {
        fs::copy(server.ca(), home.join(copy)).unwrap();
    }
    let ca = home.join("ca.crt").display().to_string();
    let helper = "!f() { echo username=admin; echo \"password=$ADMIN_PASSWORD\"; }; f";
    let git =
        format!("[http]\nsslCAInfo = {ca}\n[credential]\nhelper = {helper:?}\n[user]\nname = A\nemail = a@b.test\n");
    fs::write(home.join(".gitconfig"), git).unwrap();
    let prod = br#"{"name": "prod", "isOrg": true}"#;
    expect(&server, 201, "POST", "/enzi/v0/accounts", "application/json", prod);
    push(&server, "prod/flask", "1", &debian(&["base-files 12.4+deb12u5"]));
    push(&server, "prod/shop", "1", &debian(&["liblog4j2-java 2.14.1-1"]));
    let login = "printf %s \"$ADMIN_PASSWORD\" | assay login https://assay.example:8443 --username admin --ca ca.crt";
    let script = format!("set -o pipefail\n{login}\n{script}").replace("assay.example:8443", &server.authority);
    let program = Path::new(env!("CARGO_BIN_EXE_assay")).parent().unwrap().display().to_string();
    #[expect(clippy::disallowed_methods, reason = "the pages' programs are where the system has them")]
    let path = format!("{program}:{}", std::env::var("PATH").unwrap());
    let output = Command::new("timeout")
        .args(["120", "bash", "-eu", "-c", &script.replace("dtr.example", &server.authority)])
        .current_dir(&home)
        .envs([("PATH", path.as_str()), ("ADMIN_PASSWORD", PASSWORD), ("GIT_CONFIG_NOSYSTEM", "1")])
        .env("HOME", &home)
        .env_remove("XDG_CONFIG_HOME")
        .env_remove("ASSAY_LOGIN")
        .env("GIT_SSL_CAINFO", &ca)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    (output.status.success(), said.concat())
}

#[test]
fn configurations_are_understood() {
    for page in ["tutorial", "how-to", "reference"].into_iter().flat_map(pages) {
        let text = fs::read_to_string(&page).unwrap();
        let wrong = |line: usize, error: toml::de::Error| panic!("{}:{line}: {error}", page.display());
        for (line, block) in blocks(&text, "toml guard") {
            toml::from_str::<guard::Config>(&block).map(drop).unwrap_or_else(|error| wrong(line, error));
        }
        for (line, block) in blocks(&text, "toml runner") {
            toml::from_str::<runner::Config>(&block).map(drop).unwrap_or_else(|error| wrong(line, error));
        }
    }
}

/// Every route of the APIs, `GET /api/v0/…`, as the sources have it.
pub fn routes() -> BTreeSet<String> {
    const POLICIES: &str = "/api/v0/repositories/{org}/{repo}/promotionPolicies";
    let (mut found, mut folders) = (BTreeSet::new(), vec![root().join("crates/web/src")]);
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.extend((!path.ends_with("pages")).then_some(path));
                continue;
            }
            let text = fs::read_to_string(&path).unwrap().replace("{{", "{").replace("}}", "}");
            let text = text.replace("{POLICIES}", POLICIES).replace("(POLICIES", &format!("(\"{POLICIES}\""));
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            for call in text.split(".route(").skip(1).filter_map(|rest| rest.split(") }").next()) {
                let at = call.split('"').nth(1).expect("a route has a path");
                let methods = ["get", "post", "put", "patch", "delete"].into_iter();
                let methods = methods.filter(|method| call.contains(&format!("{method}(")));
                found.extend(methods.map(|method| format!("{} {at}", method.to_uppercase())));
            }
        }
    }
    found
}

#[test]
fn the_list_of_routes_is_complete() {
    let text = page("reference/api.md");
    let told = text.lines().filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned()));
    let told: BTreeSet<String> = told.filter(|route| route.contains(" /")).collect();
    let missing: Vec<_> = routes().difference(&told).cloned().collect();
    assert!(missing.is_empty(), "docs/reference/api.md does not tell of {missing:#?}");
    // Names with slashes inside are told apart by hand, and in no `.route(…)`.
    let by_hand = |route: &&String| route.contains(" /v2/") || route.contains(".git/");
    let gone: Vec<_> = told.difference(&routes()).filter(|route| !by_hand(route)).cloned().collect();
    assert!(gone.is_empty(), "docs/reference/api.md tells of what is not there: {gone:#?}");
}

#[test]
fn the_list_of_commands_is_complete() {
    let text = page("reference/commands.md");
    let mut waiting: Vec<Vec<String>> = vec![Vec::new()];
    while let Some(words) = waiting.pop() {
        let output = Command::new(env!("CARGO_BIN_EXE_assay")).args(&words).arg("--help").output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let commands = said.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
        let below = commands.filter_map(|line| line.strip_prefix("  ")?.split(' ').next().map(str::to_owned));
        let below: Vec<String> = below.filter(|word| !word.is_empty() && word != "help").collect();
        if below.is_empty() {
            let name = format!("| `assay {}", words.join(" "));
            let told =
                text.lines().find(|line| line.strip_prefix(&name).is_some_and(|rest| rest.starts_with(['`', ' '])));
            let told = told.unwrap_or_else(|| panic!("docs/reference/commands.md does not tell of {words:?}"));
            let flags = said.lines().filter_map(|line| line.trim().split(", ").last()?.strip_prefix("--"));
            let flags =
                flags.filter_map(|flag| flag.split(' ').next()).filter(|flag| !["help", "format"].contains(flag));
            for flag in flags {
                assert!(told.contains(&format!("--{flag}")), "docs/reference/commands.md: {words:?} has --{flag}");
            }
        }
        waiting.extend(below.into_iter().map(|word| words.iter().cloned().chain([word]).collect()));
    }
}

/// The page of policies has a row for each criterion, with its kind of value and an example that is understood.
#[test]
fn every_criterion_is_told_with_an_example() {
    let text = page("reference/policies.md");
    for field in policy::Field::ALL {
        let (name, kind) = (field.as_str(), format!("{:?}", field.value_kind()).to_lowercase());
        let begins = format!("| {} | `{name}` | {kind} | ", field.label());
        let row = text.lines().find_map(|line| line.strip_prefix(&begins));
        let row = row.unwrap_or_else(|| panic!("docs/reference/policies.md has no row {begins}"));
        let examples: Vec<&str> = row.split('`').filter(|span| span.starts_with(&format!("{name} "))).collect();
        assert!(!examples.is_empty(), "{name} has no example");
        for example in examples {
            let words: Vec<&str> = example.splitn(3, ' ').collect();
            let values: Vec<&str> = match words[1] {
                "oo" | "noo" => words[2].split(',').collect(),
                _ => vec![words[2]],
            };
            let rule = serde_json::json!({"field": name, "operator": words[1], "values": values});
            let rule: policy::Rule = serde_json::from_value(rule).unwrap();
            policy::Criterion::try_from(rule).unwrap_or_else(|error| panic!("{example}: {error}"));
        }
    }
    for operator in policy::Operator::ALL {
        assert!(text.contains(&format!("`{}`", operator.as_str())), "{operator:?} is not told");
    }
    for (letter, _) in policy::TagTemplate::variables() {
        assert!(text.contains(&format!("`%{letter}` ")), "%{letter} is not told");
    }
}

#[test]
fn links_lead_somewhere() {
    let mut files: Vec<PathBuf> =
        ["", "tutorial", "how-to", "reference", "explanation", "decisions"].into_iter().flat_map(pages).collect();
    files.extend(["README.md", "ARCHITECTURE.md"].map(|name| root().join(name)));
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()) {
            let elsewhere = target.is_empty() || target.contains("://") || target.ends_with(".png");
            let there = elsewhere || file.parent().unwrap().join(target).exists();
            assert!(there, "{}: {target} is not there", file.display());
        }
    }
}
