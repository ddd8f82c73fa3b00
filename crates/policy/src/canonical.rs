//! One value, one text, one digest: JSON with sorted keys, no spaces and whole numbers only.
//!
//! What RFC 8785 makes of documents whose keys are ASCII and whose numbers are integers; ours are both.

use serde::Serialize;
use serde_json::Value;

/// The canonical bytes of a value.
pub(crate) fn to_vec(value: &impl Serialize) -> Vec<u8> {
    let value = serde_json::to_value(value).expect("our documents have string keys and finite numbers");
    let mut out = Vec::new();
    write(&value, &mut out);
    out
}

/// `sha256:<hex>` over the canonical bytes.
pub(crate) fn digest(value: &impl Serialize) -> String {
    format!("sha256:{}", base::digest_hex(&to_vec(value)))
}

/// Keys are sorted here and not left to the order of serde_json's map, which a feature of that crate changes.
fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write(item, out);
            }
            out.push(b']');
        }
        Value::Object(object) => {
            let mut members: Vec<_> = object.iter().collect();
            members.sort_unstable_by_key(|(key, _)| *key);
            out.push(b'{');
            for (index, (key, value)) in members.into_iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write(&Value::from(key.as_str()), out);
                out.push(b':');
                write(value, out);
            }
            out.push(b'}');
        }
        scalar => out.extend_from_slice(scalar.to_string().as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn sorted_and_tight() {
        let value = json!({"b": [1, {"z": null, "a": "é\"\n\u{1}"}], "a": true});
        let text = String::from_utf8(super::to_vec(&value)).unwrap();
        assert_eq!(text, "{\"a\":true,\"b\":[1,{\"a\":\"é\\\"\\n\\u0001\",\"z\":null}]}");
        assert_eq!(
            super::digest(&json!({})),
            "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
        );
    }
}
