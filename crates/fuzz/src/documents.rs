//! Documents of registries and logs, and what the scanner itself keeps.

use base::Secret;
use inventory::{Compression, ImageInventory, LayerInventory, Limits, Listing, Progress, merge, read_layer};
use oci::{ImageConfig, ImageRef, Manifest};
use tlog::{Checkpoint, Hash, Note, Receipt, Signer};

use crate::{
    layers,
    reader::{Reader, files},
};

const CONFIG: &str = r#"{"architecture":"amd64","os":"linux","config":{"User":"app","Env":["A=b"],"Cmd":["sh"],"Labels":{"a":"b"},"ExposedPorts":{"80/tcp":{}},
"Healthcheck":{"Test":["CMD","true"]}},"rootfs":{"type":"layers","diff_ids":["sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"]},
"history":[{"created_by":"COPY a /"},{"created_by":"CMD sh","empty_layer":true}]}"#;

pub(crate) fn readers() -> Vec<Reader> {
    let manifests = files("oci/tests/manifests");
    let manifests: Vec<Vec<u8>> = manifests
        .into_iter()
        .filter(|(name, _)| name.ends_with(".json") && !name.starts_with("refused-"))
        .map(|(_, bytes)| bytes)
        .filter(|bytes| manifest(bytes))
        .collect();
    let read = read_layer(
        &layers::tarball()[..],
        Compression::None,
        &Limits::default(),
        fingerprint::Index::builtin(),
        &Progress::default(),
    )
    .unwrap();
    let image = merge(std::slice::from_ref(&read.inventory)).to_json();
    let mut readers = vec![
        Reader::new("oci-manifest", manifests, manifest),
        Reader::new("oci-config", [CONFIG.as_bytes().to_vec()], |bytes| {
            ImageConfig::parse(bytes).is_ok_and(|config| config.layer_history().len() < 1_000_000)
        }),
        Reader::new("oci-reference", [b"host.example:5000/a/b:1@sha256:".to_vec(), b"a/b:1".to_vec()], |bytes| {
            let text = String::from_utf8_lossy(bytes);
            let Ok(reference) = text.parse::<ImageRef>() else { return text.ends_with(':') };
            let again: ImageRef = reference.to_string().parse().unwrap();
            assert_eq!(again, reference);
            true
        }),
        Reader::new("inventory-layer", [read.inventory.to_json()], |bytes| {
            let Ok(layer) = LayerInventory::from_json(bytes) else { return false };
            merge(&[layer.clone(), layer]).to_json();
            true
        }),
        Reader::new("inventory-listing", [read.listing.to_text()], |bytes| {
            let Ok(listing) = Listing::from_text(bytes) else { return false };
            assert_eq!(Listing::from_text(&listing.to_text()).unwrap(), listing);
            true
        }),
        Reader::new("inventory-image", [image], |bytes| ImageInventory::from_json(bytes).is_ok()),
    ];
    readers.extend(logs());
    readers
}

fn manifest(bytes: &[u8]) -> bool {
    let Ok(manifest) = Manifest::parse(bytes, None) else { return false };
    let largest = manifest.layers().iter().map(|layer| layer.size).max().unwrap_or_default();
    assert!(manifest.total_bytes() >= largest);
    manifest.required_blobs().count()
        >= manifest.layers().iter().filter(|layer| !layer.media_type.is_nondistributable()).count()
}

/// Notes, checkpoints and receipts, signed here with a key that is the same every time.
fn logs() -> Vec<Reader> {
    let signer = Signer::from_seed("log.example".parse().unwrap(), &Secret::new([7; 32]));
    let checkpoint = Checkpoint::new("log.example", 1, Hash([1; 32])).unwrap();
    let note = checkpoint.sign(&signer).unwrap();
    let receipt = Receipt::new(0, Vec::new(), note.clone()).unwrap();
    let key = signer.verifier().clone();
    vec![
        Reader::new("log-note", [note.to_string().into_bytes()], |bytes| {
            let Ok(note) = Note::parse(bytes) else { return false };
            assert_eq!(Note::parse(note.to_string().as_bytes()).unwrap().text(), note.text());
            true
        }),
        Reader::new("log-checkpoint", [note.to_string().into_bytes()], move |bytes| {
            Checkpoint::open(bytes, "log.example", std::slice::from_ref(&key)).is_ok()
        }),
        Reader::new("log-receipt", [receipt.to_string().into_bytes()], |bytes| Receipt::parse(bytes).is_ok()),
    ]
}
