//! The strict reader against documents made to be read in two ways.

use base::limits;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{JsonError, lookup, same_key, strict, strict_with_maps};

const DEPTH: usize = limits::DOCUMENT_DEPTH;

fn read(text: &str) -> Result<Value, JsonError> {
    strict(text.as_bytes(), DEPTH)
}

#[test]
fn duplicates_are_refused_at_any_level_and_in_any_spelling() {
    for bad in [r#"{"a":1,"a":1}"#, r#"{"x":[{"a":1,"a":2}]}"#, r#"{"a":1,"\u0061":2}"#] {
        assert!(matches!(read(bad), Err(JsonError::DuplicateKey { .. })), "{bad}");
    }
    for bad in [
        r#"{"Image":"good","image":"bad"}"#,
        r#"{"HostConfig":{},"hostconfig":{}}"#,
        "{\"manifests\":[],\"manife\u{17f}ts\":[]}",
        r#"{"Links":1,"Lin\u212as":2}"#,
        r#"{"Labels":{},"x":{"A":1,"a":2}}"#,
    ] {
        assert!(matches!(read(bad), Err(JsonError::CaseVariant { .. })), "{bad}");
    }
}

#[test]
fn only_free_maps_keep_case() {
    let text = br#"{"config":{"LABELS":{"Vendor":"a","vendor":"b"}}}"#;
    assert!(strict(text, DEPTH).is_err());
    let value = strict_with_maps(text, DEPTH, &["labels"]).unwrap();
    assert_eq!(value["config"]["LABELS"]["vendor"], "b");
    // What stands inside a value of a free map is no free map again, and exact duplicates stay refused.
    assert!(strict_with_maps(br#"{"labels":{"x":{"A":1,"a":1}}}"#, DEPTH, &["labels"]).is_err());
    assert!(strict_with_maps(br#"{"labels":{"labels":{"A":1,"a":1}}}"#, DEPTH, &["labels"]).is_err());
    assert!(strict_with_maps(br#"{"labels":[{"A":1,"a":1}]}"#, DEPTH, &["labels"]).is_err());
    assert!(strict_with_maps(br#"{"labels":{"x":1,"x":1}}"#, DEPTH, &["labels"]).is_err());
}

#[test]
fn refuses_what_is_not_one_document() {
    let bad: [&[u8]; 14] = [
        b"",
        b" ",
        b"{} {}",
        b"{}x",
        b"{\"a\":1,}",
        b"[1,]",
        b"NaN",
        b"{a:1}",
        b"\xef\xbb\xbf{}",
        b"\"\xff\"",
        b"\"\\ud800\"",
        b"1e999",
        b"{\"a\":1",
        b"{}\0",
    ];
    for bad in bad {
        assert!(matches!(strict(bad, DEPTH), Err(JsonError::Syntax(_))), "{bad:?}");
    }
}

#[test]
fn depth_and_weight_are_bounded() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert!(read(&nested(DEPTH)).is_ok());
    assert_eq!(read(&nested(DEPTH + 1)), Err(JsonError::TooDeep { limit: DEPTH }));
    assert!(matches!(read(&"[".repeat(1_000_000)), Err(JsonError::TooDeep { .. })));
    assert!(matches!(strict("[".repeat(500).as_bytes(), 1_000), Err(JsonError::TooDeep { limit: 126 })));
    assert_eq!(strict(b"{}", 0), Err(JsonError::TooDeep { limit: 0 }));
    let many = format!("[{}1]", "{\"a\":1},".repeat(limits::DOCUMENT_VALUES / 8));
    assert!(matches!(read(&many), Err(JsonError::TooManyValues { .. })));
}

#[test]
fn looks_up_as_go_does() {
    let value = json!({"Image": "x", "host\u{212a}ey": 1});
    assert_eq!(lookup(&value, "image"), Some(&json!("x")));
    assert_eq!(lookup(&value, "HOSTKEY"), Some(&json!(1)));
    assert_eq!(lookup(&value, "other"), None);
    assert_eq!(lookup(&json!([]), "image"), None);
    assert!(!same_key("ab", "abc"));
}

fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        ".{0,10}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map("[a-c0-9]{0,3}", inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_was_written_is_read(value in document()) {
        prop_assert_eq!(read(&value.to_string()), Ok(value));
    }

    #[test]
    fn any_bytes_are_answered_and_never_more_than_serde_json_takes(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        if let Ok(value) = strict(&bytes, DEPTH) {
            prop_assert_eq!(serde_json::from_slice::<Value>(&bytes).unwrap(), value);
        }
    }

    #[test]
    fn any_json_like_text_is_answered(text in r#"[\[\]{}":, a0.\\-]{0,60}"#) {
        if let Ok(value) = read(&text) {
            prop_assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        }
    }
}
