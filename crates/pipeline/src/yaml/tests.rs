//! Scalars as Psych reads them, and the limits of a document.

use base::limits;
use proptest::prelude::*;

use super::{Node, Value, load};
use crate::problem::{Problem, Report};

fn read(text: &str) -> (Result<Node, Problem>, Vec<Problem>) {
    let mut report = Report::default();
    let root = load(text.as_bytes(), &mut report).map(|document| document.root);
    (root, report.warnings)
}

fn value(text: &str) -> Value {
    let root = read(&format!("k: {text}\n")).0.unwrap();
    root.as_map().unwrap().get("k").unwrap().value.clone()
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

#[test]
fn scalars_as_psych_reads_them() {
    for word in ["yes", "Yes", "TRUE", "on"] {
        assert_eq!(value(word), Value::Bool(true), "{word}");
    }
    for word in ["no", "False", "OFF"] {
        assert_eq!(value(word), Value::Bool(false), "{word}");
    }
    for word in ["", "~", "null", "NULL"] {
        assert_eq!(value(word), Value::Null, "{word}");
    }
    let integers = [
        ("010", 8),
        ("0x1F", 31),
        ("0b101", 5),
        ("1_000", 1000),
        ("1,000", 1000),
        ("-7", -7),
        ("0", 0),
        ("1:30", 5400),
    ];
    for (word, number) in integers {
        assert_eq!(value(word), Value::Int(number), "{word}");
    }
    for (word, number) in [("1.10", 1.1), ("1.", 1.0), (".5", 0.5), ("-1.5e+3", -1500.0)] {
        assert_eq!(value(word), Value::Float(number), "{word}");
    }
    let texts = [
        "y",
        "n",
        "1e3",
        "3.10.2",
        "09",
        "0o10",
        "v1",
        "--",
        ".",
        "1.2.3",
        "2020-01-01",
        "8080:80",
        "99999999999999999999",
        "\u{e9}",
    ];
    for word in texts {
        assert_eq!(value(word), text(word), "{word}");
    }
    assert_eq!(value("\"yes\""), text("yes"));
    assert_eq!(value("'010'"), text("010"));
    assert_eq!(value("!!str 010"), text("010"));
    assert_eq!(value("|-\n  010"), text("010"));
    assert_eq!(value("\"\\n\""), text("\n"));
}

#[test]
fn lines_and_columns_are_kept_and_words_stay_keys() {
    let root = read("on: 1\nb:\n  - x\n  - 010\n").0.unwrap();
    let map = root.as_map().unwrap();
    assert_eq!(map.entries().iter().map(|entry| &*entry.key).collect::<Vec<_>>(), ["on", "b"]);
    let item = &map.get("b").unwrap().as_list().unwrap()[1];
    assert_eq!((item.mark.line, item.mark.column), (4, 5));
    assert_eq!(item.written.as_deref(), Some("010"));
}

#[test]
fn the_last_of_a_repeated_key_counts_and_is_told() {
    let (root, warnings) = read("a: 1\nb: 2\na: 3\n");
    assert_eq!(root.unwrap().as_map().unwrap().get("a").unwrap().value, Value::Int(3));
    assert_eq!((warnings[0].line, warnings[0].path.as_str()), (3, "a"));
}

#[test]
fn merge_keys_write_over_what_stands_above_them() {
    let (root, warnings) = read("x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz:\n  a: 0\n  <<: [*x, *y]\n  c: 3\n");
    let root = root.unwrap();
    let z = root.as_map().unwrap().get("z").unwrap().as_map().unwrap().clone();
    let numbers: Vec<Value> = ["a", "b", "c"].iter().map(|key| z.get(key).unwrap().value.clone()).collect();
    assert_eq!(numbers, [Value::Int(1), Value::Int(1), Value::Int(3)]);
    assert!(warnings.iter().any(|warning| warning.message.contains("put `<<` first")), "{warnings:?}");
}

#[test]
fn hostile_documents_are_refused_in_words() {
    let bomb = (1..12).fold("a0: &a0 [x, x]\n".to_owned(), |text, i| {
        format!("{text}a{i}: &a{i} [{}]\n", vec![format!("*a{}", i - 1); 9].join(", "))
    });
    let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(500_000), vec!["*a"; 1_000].join(", "));
    let deep_alias = (1..80).fold("a0: &a0 [x]\n".to_owned(), |text, i| format!("{text}a{i}: &a{i} [[*a{}]]\n", i - 1));
    let cases = [
        (bomb, "grows beyond"),
        (long, "grows beyond"),
        (deep_alias, "nested deeper"),
        ("a: &a [*a]\n".to_owned(), "inside the very value"),
        ("a: *b\n".to_owned(), "not valid YAML"),
        ("a: [1\n".to_owned(), "not valid YAML"),
        ("a: !ruby/object x\n".to_owned(), "unknown tag"),
        ("a: !reference x\n".to_owned(), "needs a list"),
        ("[a]: x\n".to_owned(), "a key must be text"),
        ("a:\n  <<: 1\n".to_owned(), "takes a map"),
        (" ".repeat(limits::PIPELINE_FILE_BYTES + 1), "the file has"),
    ];
    for (document, expected) in cases {
        let start: String = document.chars().take(40).collect();
        let problem = read(&document).0.expect_err(&start);
        assert!(problem.message.contains(expected), "{start}: {problem}");
    }
    let problem = load(b"a: 1\nb: \xff\n", &mut Report::default()).unwrap_err();
    assert!(problem.message.contains("from line 2"), "{problem}");
}

/// One megabyte of a sign that opens something: time must stay bounded, whatever comes of it.
#[test]
fn a_megabyte_of_one_sign_ends() {
    for sign in [
        "[", "{", "- ", "? ", ": ", "[a: ", "{? ", "&a ", "!a ", "*a ", "a: ", "- - - - ", "\"", "'", "|\n", "#",
        "a\n", "\t", "%", "a,", "[a,", "{a,", "<<: ",
    ] {
        let document = sign.repeat(limits::PIPELINE_FILE_BYTES / sign.len());
        let started = std::time::Instant::now();
        let _read = read(&document);
        assert!(started.elapsed().as_secs() < 20, "{sign:?} took {:?}", started.elapsed());
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _read = load(&bytes, &mut Report::default());
    }

    #[test]
    fn any_yaml_like_text_is_read_or_refused(text in "([a-c:&*!<>|\\[\\]{}#'\"?, \n-]|: |- |\n  |<<: |\\*a|&a ){0,60}") {
        let _read = read(&text);
    }

    #[test]
    fn quoted_text_comes_back(word in "[ -~]{0,30}") {
        let quoted = format!("'{}'", word.replace('\'', "''"));
        prop_assert_eq!(value(&quoted), text(&word));
    }
}
