//! Images as cases: `NAME.json` is the configuration, `NAME.files` the merged files, `NAME.expected` the facts.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::{fs, path::Path};

use posture::{Config, Fact, File, base_named, facts, instruction, layers_of_history};
use proptest::prelude::*;

fn cases() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<String> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| path.with_extension("").to_str().unwrap().to_owned())
        .collect();
    cases.sort();
    assert!(cases.len() >= 3);
    cases
}

/// `mode path [size]`, the mode in octal.
fn files(text: &str) -> Vec<File<'_>> {
    text.lines()
        .map(|line| {
            let mut words = line.split(' ');
            let mode = u32::from_str_radix(words.next().unwrap(), 8).unwrap();
            let path = words.next().unwrap();
            let size_bytes = words.next().map_or(1, |size| size.parse().unwrap());
            File { path, mode, uid: Some(0), size_bytes }
        })
        .collect()
}

fn told(facts: &[Fact]) -> String {
    facts.iter().map(|fact| format!("{} {}: {}\n", fact.id, fact.count, fact.places.join(", "))).collect()
}

#[test]
fn images_have_these_facts() {
    for case in cases() {
        let read = |extension: &str| fs::read_to_string(format!("{case}.{extension}")).unwrap();
        let config = Config::parse(read("json").as_bytes()).unwrap();
        let files_text = read("files");
        let mut merged = files(&files_text);
        let found = facts(&config, merged.iter().copied());
        assert_eq!(told(&found), read("expected"), "{case}");
        merged.reverse();
        assert_eq!(facts(&config, merged), found, "the order of files changes nothing");
        assert!(found.iter().all(|fact| fact.sentence.ends_with('.')));
        let all = format!("{found:?}");
        assert!(!all.contains("hunter2"), "no fact holds a secret: {all}");
    }
}

#[test]
fn lists_are_cut_and_counted() {
    let paths: Vec<String> = (0..1_000).map(|number| format!("bin/{number:04}")).collect();
    let many = paths.iter().map(|path| File { path, mode: 0o104_755, uid: None, size_bytes: 1 });
    let found = facts(&Config { user: "app".to_owned(), ..Config::default() }, many);
    let setuid = found.iter().find(|fact| fact.id == "setuid-files").unwrap();
    assert_eq!((setuid.count, setuid.places.len()), (1_000, base::limits::FACT_PLACES));
    assert_eq!(setuid.places[0], "bin/0000");
}

#[test]
fn the_base_by_labels_and_by_history() {
    let text = fs::read(format!("{}/tests/cases/buildkit.json", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let config = Config::parse(&text).unwrap();
    assert_eq!(base_named(&config.labels).name.as_deref(), Some("docker.io/library/debian:12"));
    assert_eq!(layers_of_history(&config), 1);
    assert_eq!(layers_of_history(&Config::default()), 0);
}

#[test]
fn what_is_no_configuration() {
    for text in ["", "[]", "null", "{", "{\"config\":"] {
        assert_eq!(Config::parse(text.as_bytes()), None, "{text}");
    }
    let odd = br#"{"config":{"User":7,"Env":[1,"A=b"],"ExposedPorts":[],"Labels":null,"Healthcheck":"x"},"history":{},"rootfs":3}"#;
    let config = Config::parse(odd).unwrap();
    assert_eq!(config.env, ["", "A=b"]);
    assert_eq!(Config::parse(&vec![b' '; base::limits::MANIFEST_BYTES + 1]), None);
}

proptest! {
    #[test]
    fn any_step_is_an_instruction_once(text in "(RUN )?(\\|[0-9]{1,2} )?([A-Z]=[a-z ]{0,5} )?(/bin/sh -c )?(#\\(nop\\) )?\\PC{0,30}( # buildkit)?") {
        let line = instruction(&text);
        prop_assert!(line.len() <= text.len() + 4);
    }

    #[test]
    fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Config::parse(&bytes);
    }
}
