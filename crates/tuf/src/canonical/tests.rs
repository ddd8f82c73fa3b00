//! Canonical JSON against the rules of its Go original.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{encode, parse, to_json};

fn canonical(text: &str) -> Option<String> {
    encode(&parse(text.as_bytes()).ok()?).ok().map(|bytes| String::from_utf8(bytes).unwrap())
}

#[test]
fn sorts_and_escapes_as_docker_does() {
    for (given, expected) in [
        (r#" { "b" : 1 , "a" : [ true , null ] } "#, r#"{"a":[true,null],"b":1}"#),
        (r#"{"é":1,"z":2,"Z":3,"":4}"#, r#"{"":4,"Z":3,"z":2,"é":1}"#),
        (r#""\u003c\/\"\\""#, r#""</\"\\""#),
        ("1.0", "1"),
        ("1e3", "1000"),
        ("-0", "0"),
        ("-7", "-7"),
        ("9007199254740992", "9007199254740992"),
    ] {
        assert_eq!(canonical(given).as_deref(), Some(expected), "{given}");
    }
    assert_eq!(canonical(r#""\u0001\n""#).as_deref(), Some("\"\u{1}\n\""), "control characters stand raw");
    assert_eq!(to_json(&json!("\u{1}")).unwrap(), br#""\u0001""#, "but what is sent must be JSON");
}

#[test]
fn refuses_what_readers_disagree_about() {
    for bad in [
        "1.5",
        "9007199254740993",
        "18446744073709551615",
        "1e400",
        r#"{"a":1,"a":1}"#,
        r#""\ud800""#,
        "1 2",
        "",
        "nul",
    ] {
        assert_eq!(canonical(bad), None, "{bad}");
    }
    assert!(parse(b"\"\xff\"").is_err(), "invalid UTF-8");
    assert!(parse(b"\xef\xbb\xbf1").is_err(), "a byte order mark");
    assert!(parse("[".repeat(100_000).as_bytes()).is_err(), "deep nesting ends in an error, not in a full stack");
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-(1i64 << 53)..=(1i64 << 53)).prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(".{0,6}", inner, 0..5).prop_map(|members| members.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_sent_reads_back_as_the_same(value in any_json()) {
        let sent = to_json(&value).unwrap();
        let back = parse(&sent).unwrap();
        prop_assert_eq!(&back, &value);
        prop_assert_eq!(encode(&back).unwrap(), encode(&value).unwrap());
    }

    #[test]
    fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "[\\[\\]{}\",:0-9a-z.\\\\-]{0,60}") {
        let _ = parse(&bytes).map(|value| encode(&value));
        let _ = parse(text.as_bytes()).map(|value| encode(&value));
    }
}
