//! What is pushed: sets of blobs and documents, each in the order in which a client pushes them.

use oci::{Algorithm, Digest};
use serde_json::{Value, json};

use super::content;

pub const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const EMPTY: &str = "application/vnd.oci.empty.v1+json";
const TAR: &str = "application/vnd.oci.image.layer.v1.tar";
const GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const FOREIGN: &str = "application/vnd.oci.image.layer.nondistributable.v1.tar";
const BILL: &str = "application/vnd.example.bill.v1";
const SEAL: &str = "application/vnd.example.seal.v1";

/// One manifest or index.
pub struct Document {
    pub digest: Digest,
    pub media_type: &'static str,
    pub bytes: Vec<u8>,
    pub tags: Vec<String>,
    pub body: Value,
}

impl Document {
    /// The manifest it is about.
    pub fn subject(&self) -> Option<&str> {
        self.body["subject"]["digest"].as_str()
    }

    /// How the list of referrers describes it: an image without a type of its own has that of its configuration.
    pub fn referrer(&self) -> Value {
        let mut referrer = json!({"mediaType": self.media_type, "digest": self.digest, "size": self.bytes.len()});
        let own = [&self.body["artifactType"], &self.body["config"]["mediaType"]];
        if let Some(kind) = own.into_iter().find(|kind| kind.is_string()) {
            referrer["artifactType"] = kind.clone();
        }
        if self.body["annotations"].is_object() {
            referrer["annotations"] = self.body["annotations"].clone();
        }
        referrer
    }
}

/// What belongs together, in a repository of this name.
pub struct Set {
    pub name: &'static str,
    pub blobs: Vec<Vec<u8>>,
    pub documents: Vec<Document>,
    pub algorithm: Algorithm,
}

impl Set {
    fn new(name: &'static str, algorithm: Algorithm) -> Set {
        Set { name, blobs: Vec::new(), documents: Vec::new(), algorithm }
    }

    fn descriptor(&self, kind: &str, bytes: &[u8]) -> Value {
        json!({"mediaType": kind, "digest": Digest::of(self.algorithm, bytes), "size": bytes.len()})
    }

    fn blob(&mut self, kind: &str, bytes: Vec<u8>) -> Value {
        let descriptor = self.descriptor(kind, &bytes);
        if !self.blobs.contains(&bytes) {
            self.blobs.push(bytes);
        }
        descriptor
    }

    fn layers(&mut self, kind: &str, count: usize) -> Vec<Value> {
        let first = self.blobs.len();
        (first..first + count)
            .map(|number| self.blob(kind, content(&format!("{} {number}", self.name), 1_024)))
            .collect()
    }

    /// A configuration, with members of one's own.
    fn config(&mut self, more: &Value) -> Value {
        let mut config = json!({
            "os": "linux", "architecture": "amd64", "author": format!("{} {}", self.name, self.blobs.len()),
            "rootfs": {"type": "layers", "diff_ids": []},
        });
        merge(&mut config, more);
        self.blob(CONFIG, config.to_string().into_bytes())
    }

    /// A document of these members; gives its descriptor.
    fn document(&mut self, media_type: &'static str, tag: &str, members: &Value) -> Value {
        let mut body = json!({"schemaVersion": 2, "mediaType": media_type});
        merge(&mut body, members);
        let bytes = body.to_string().into_bytes();
        let descriptor = self.descriptor(media_type, &bytes);
        let digest = Digest::of(self.algorithm, &bytes);
        let tags = (!tag.is_empty()).then(|| tag.to_owned()).into_iter().collect();
        self.documents.push(Document { digest, media_type, bytes, tags, body });
        descriptor
    }

    /// An image with two layers and these members more.
    fn image(&mut self, tag: &str, members: &Value) -> Value {
        let layers = self.layers(GZIP, 2);
        let mut body = json!({"config": self.config(&json!({})), "layers": layers});
        merge(&mut body, members);
        self.document(IMAGE, tag, &body)
    }

    /// An artifact of this type in the form of an image.
    fn artifact(&mut self, tag: &str, kind: &str, members: &Value) -> Value {
        let mut body = json!({
            "artifactType": kind, "config": self.blob(EMPTY, b"{}".to_vec()), "layers": self.layers(kind, 1),
        });
        merge(&mut body, members);
        self.document(IMAGE, tag, &body)
    }

    /// An index of two images for two platforms.
    fn index(&mut self, tag: &str, members: &Value) -> Value {
        let children: Vec<Value> = ["amd64", "arm64"]
            .into_iter()
            .map(|architecture| {
                let mut child = self.image("", &json!({}));
                child["platform"] = json!({"os": "linux", "architecture": architecture});
                child
            })
            .collect();
        let mut body = json!({"manifests": children});
        merge(&mut body, members);
        self.document(INDEX, tag, &body)
    }
}

fn merge(into: &mut Value, more: &Value) {
    for (key, value) in more.as_object().expect("members of an object") {
        into[key] = value.clone();
    }
}

fn set(name: &'static str, make: impl FnOnce(&mut Set)) -> Set {
    let mut set = Set::new(name, Algorithm::Sha256);
    make(&mut set);
    set
}

/// Images as builders make them, and at the edges of what the image specification allows.
pub fn images() -> Vec<Set> {
    let annotation = "A".repeat(10_000);
    let large: serde_json::Map<String, Value> =
        (0..390).map(|number| (format!("large-annotation-{number}"), json!(annotation))).collect();
    let extra = json!({"org.example.unknown": {"deep": [1, null, "ä"]}});
    vec![
        set("image", |set| drop(set.image("image", &json!({})))),
        set("uncompressed", |set| {
            let body = json!({"layers": set.layers(TAR, 3), "config": set.config(&json!({}))});
            set.document(IMAGE, "uncompressed", &body);
        }),
        set("large-manifest", |set| drop(set.image("large", &json!({"annotations": large})))),
        set("no-layers", |set| drop(set.image("no-layers", &json!({"layers": []})))),
        set("data-field", |set| {
            let mut config = set.blob(EMPTY, b"{}".to_vec());
            config["data"] = json!("e30=");
            let body = json!({"artifactType": BILL, "config": config, "layers": [config]});
            set.document(IMAGE, "data", &body);
        }),
        set("non-distributable", |set| {
            let mut layers = set.layers(GZIP, 1);
            for kind in [FOREIGN.to_owned(), format!("{FOREIGN}+gzip")] {
                let mut foreign = set.descriptor(&kind, kind.as_bytes());
                foreign["urls"] = json!(["https://store.example.com/blobs/1"]);
                layers.push(foreign);
            }
            let body = json!({"config": set.config(&json!({})), "layers": layers});
            set.document(IMAGE, "foreign", &body);
        }),
        set("custom-fields", |set| {
            let config = set.config(&extra);
            let layers = set.layers(GZIP, 1);
            let mut body = json!({"config": config, "layers": layers});
            merge(&mut body, &extra);
            let child = set.document(IMAGE, "", &body);
            let mut body = json!({"manifests": [child]});
            merge(&mut body, &extra);
            set.document(INDEX, "custom", &body);
        }),
    ]
}

/// Indexes: of images, of indexes, of nothing.
pub fn indexes() -> Vec<Set> {
    vec![
        set("index", |set| drop(set.index("index", &json!({})))),
        set("nested-index", |set| {
            let children = [set.index("", &json!({})), set.index("", &json!({}))];
            set.document(INDEX, "index-of-index", &json!({"manifests": children}));
        }),
        set("empty-index", |set| drop(set.document(INDEX, "empty", &json!({"manifests": []})))),
        set("artifact-index", |set| {
            let children = [set.artifact("", BILL, &json!({})), set.artifact("", SEAL, &json!({}))];
            set.document(INDEX, "artifacts", &json!({"artifactType": BILL, "manifests": children}));
        }),
    ]
}

/// Artifacts, and documents about other documents.
pub fn artifacts() -> Vec<Set> {
    let noted = |text: &str| json!({"org.example.note": text});
    vec![
        set("artifact", |set| drop(set.artifact("artifact", BILL, &json!({})))),
        set("artifact-of-nothing", |set| {
            let empty = set.blob(EMPTY, b"{}".to_vec());
            set.document(IMAGE, "nothing", &json!({"artifactType": BILL, "config": empty, "layers": [empty]}));
        }),
        set("with-subject", |set| {
            let subject = set.image("image", &json!({}));
            set.image("", &json!({"subject": subject}));
            set.artifact("bill", BILL, &json!({"subject": subject, "annotations": noted("a bill")}));
            set.artifact("other-bill", BILL, &json!({"subject": subject, "annotations": noted("another")}));
            set.artifact("seal", SEAL, &json!({"subject": subject, "annotations": noted("a seal")}));
        }),
        set("index-with-subject", |set| {
            let subject = set.index("index", &json!({}));
            set.index("about", &json!({"subject": subject, "artifactType": SEAL, "annotations": noted("an index")}));
            set.index("untyped", &json!({"subject": subject}));
        }),
        set("missing-subject", |set| {
            let subject = set.descriptor(IMAGE, b"nobody ever pushed this");
            set.artifact("early", BILL, &json!({"subject": subject, "annotations": noted("first")}));
        }),
    ]
}

/// The same under the other algorithm, and tags that come as parameters of a push by digest.
pub fn tagged_by_parameter() -> Vec<Set> {
    [("by-parameter-256", Algorithm::Sha256), ("by-parameter-512", Algorithm::Sha512)]
        .into_iter()
        .map(|(name, algorithm)| {
            let mut set = Set::new(name, algorithm);
            set.index("top", &json!({}));
            for (number, document) in set.documents.iter_mut().enumerate() {
                document.tags.push(format!("number-{number}"));
            }
            set
        })
        .collect()
}

pub fn sha512() -> Set {
    let mut set = Set::new("sha512", Algorithm::Sha512);
    set.index("", &json!({}));
    set
}

/// An image without one of its layers, and an index without one of its images.
pub fn sparse() -> Vec<Set> {
    vec![
        set("sparse-image", |set| {
            set.image("sparse", &json!({}));
            set.blobs.remove(0);
        }),
        set("sparse-index", |set| {
            let here = set.image("", &json!({}));
            let elsewhere = set.descriptor(IMAGE, b"the image of another platform");
            set.document(INDEX, "sparse", &json!({"manifests": [here, elsewhere]}));
        }),
        set("sparse-everything", |set| {
            let body = json!({"config": set.descriptor(CONFIG, b"{}"), "layers": [set.descriptor(GZIP, b"a layer")]});
            set.document(IMAGE, "nothing-is-here", &body);
        }),
    ]
}
