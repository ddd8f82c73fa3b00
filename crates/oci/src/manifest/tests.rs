//! Properties of the manifest reader; the examples are files, in `tests/manifests`.

use base::{Kind, limits};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Manifest, ManifestError};
use crate::{Digest, MediaType};

fn descriptor(media_type: &MediaType, seed: u8, size: u64) -> Value {
    json!({"mediaType": media_type, "digest": Digest::sha256_of(&[seed]), "size": size})
}

fn image(layers: u8) -> Value {
    let layers: Vec<Value> = (0..layers).map(|seed| descriptor(&MediaType::OCI_LAYER_GZIP, seed, 10)).collect();
    json!({
        "schemaVersion": 2,
        "mediaType": MediaType::OCI_MANIFEST,
        "config": descriptor(&MediaType::OCI_CONFIG, 255, 7),
        "layers": layers,
    })
}

fn parse(value: &Value) -> Result<Manifest, ManifestError> {
    Manifest::parse(value.to_string().as_bytes(), None)
}

#[test]
fn adds_up_and_lists_blobs() {
    let manifest = parse(&image(3)).unwrap();
    assert_eq!(manifest.total_bytes(), 37);
    assert_eq!(manifest.required_blobs().count(), 4);
    assert!(manifest.is_runnable());
    assert_eq!(manifest.effective_artifact_type(), Some(&MediaType::OCI_CONFIG));
}

#[test]
fn the_limits_hold() {
    let long = vec![b' '; limits::MANIFEST_BYTES + 1];
    assert_eq!(Manifest::parse(&long, None).unwrap_err().kind(), Kind::TooLarge);

    let mut many = image(0);
    many["layers"] = vec![descriptor(&MediaType::OCI_LAYER, 0, 1); limits::MANIFEST_DESCRIPTORS].into();
    assert!(parse(&many).is_ok());
    many["layers"] = vec![descriptor(&MediaType::OCI_LAYER, 0, 1); limits::MANIFEST_DESCRIPTORS + 1].into();
    assert!(matches!(parse(&many), Err(ManifestError::TooManyDescriptors { count: 4_001 })));

    let mut heavy = image(2);
    heavy["layers"][0]["size"] = json!(i64::MAX);
    assert_eq!(parse(&heavy), Err(ManifestError::SizeOverflow));
    heavy["layers"][0]["size"] = json!(u64::MAX);
    assert!(parse(&heavy).unwrap_err().to_string().starts_with("layers[0].size: expected a whole number"));
}

/// The largest manifest of the conformance suite is 3.9 MiB of annotations.
#[test]
fn four_megabytes_of_annotations_are_taken() {
    let mut value = image(1);
    let annotations = (0..40_000).map(|index| (format!("org.example.{index:06}"), Value::from("x".repeat(75))));
    value["annotations"] = Value::Object(annotations.collect());
    let bytes = value.to_string().into_bytes();
    assert!(bytes.len() > 3_900_000 && bytes.len() <= limits::MANIFEST_BYTES, "{}", bytes.len());
    assert_eq!(Manifest::parse(&bytes, None).unwrap().annotations().len(), 40_000);
}

/// What Go's `encoding/json` finds under `key`: any case, the last one wins, `null` changes nothing.
fn as_go(pairs: &[(String, Value)], key: &str) -> Option<Value> {
    pairs.iter().rfind(|(own, value)| own.eq_ignore_ascii_case(key) && !value.is_null()).map(|(_, value)| value.clone())
}

fn write(pairs: &[(String, Value)]) -> String {
    let members: Vec<String> =
        pairs.iter().map(|(key, value)| format!("{}:{value}", Value::from(key.as_str()))).collect();
    format!("{{{}}}", members.join(","))
}

fn member() -> impl Strategy<Value = (String, Value)> {
    let key = prop::sample::select(vec![
        "schemaVersion",
        "SchemaVersion",
        "mediaType",
        "mediatype",
        "config",
        "Config",
        "layers",
        "LAYERS",
        "manifests",
        "other",
    ]);
    let value = prop_oneof![
        Just(json!(2)),
        Just(Value::Null),
        Just(json!([])),
        Just(json!(MediaType::OCI_MANIFEST)),
        Just(json!(MediaType::OCI_INDEX)),
        Just(descriptor(&MediaType::OCI_CONFIG, 1, 1)),
        Just(json!([descriptor(&MediaType::OCI_LAYER, 2, 2)])),
    ];
    (key.prop_map(str::to_owned), value)
}

proptest! {
    /// Whatever is added to a manifest: it is refused, or a Go program reads the same document.
    #[test]
    fn never_two_readings(extra in prop::collection::vec(member(), 0..4), at_front in any::<bool>()) {
        let own = image(2);
        let own = own.as_object().unwrap().iter().map(|(key, value)| (key.clone(), value.clone()));
        let pairs: Vec<_> = if at_front { extra.into_iter().chain(own).collect() } else { own.chain(extra).collect() };
        if let Ok(manifest) = Manifest::parse(write(&pairs).as_bytes(), None) {
            prop_assert_eq!(as_go(&pairs, "mediaType"), Some(json!(manifest.media_type())));
            let layers = as_go(&pairs, "layers").unwrap();
            let digests: Vec<Value> = manifest.layers().iter().map(|layer| json!(layer.digest)).collect();
            let seen: Vec<Value> = layers.as_array().unwrap().iter().map(|layer| layer["digest"].clone()).collect();
            prop_assert_eq!(digests, seen);
            prop_assert_eq!(as_go(&pairs, "manifests"), None);
        }
    }

    /// A flipped byte is refused or is another manifest, and never a panic.
    #[test]
    fn any_flipped_byte_is_answered(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = image(2).to_string().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = Manifest::parse(&bytes, Some("application/vnd.oci.image.manifest.v1+json"));
    }

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..200), header in prop::option::of(".{0,60}")) {
        prop_assert!(Manifest::parse(&bytes, header.as_deref()).is_err());
    }
}
