//! "Pushing manifests", "Pulling manifests" and "Content management": each set from its push to its deletion.

use oci::{Algorithm, Digest};
use serde_json::{Value, json};

use super::{
    sets::{self, Document, IMAGE, INDEX, Set},
    wire::{Wire, content},
};
use crate::server::Server;

const NAMES: (&str, &str) =
    ("Accept", "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json");

/// How tags are set: each by a push of its own, or all with the push by digest.
#[derive(Clone, Copy, PartialEq)]
enum Tags {
    Pushed,
    AsParameters,
}

/// A set from beginning to end.
fn live(wire: &Wire, set: &Set, tags: Tags) {
    let repository = format!("admin/{}", set.name);
    for blob in &set.blobs {
        wire.blob(&repository, set.algorithm, blob);
    }
    for document in &set.documents {
        let query: String = match tags {
            Tags::Pushed => String::new(),
            Tags::AsParameters => document.tags.iter().map(|tag| format!("&tag={tag}")).collect(),
        };
        let query = if query.is_empty() { query } else { format!("?{}", &query[1..]) };
        push(wire, &repository, &format!("{}{query}", document.digest), document, tags);
        for tag in document.tags.iter().filter(|_| tags == Tags::Pushed) {
            push(wire, &repository, tag, document, tags);
        }
    }
    listed(wire, &repository, set);
    for document in &set.documents {
        let references = document.tags.iter().map(String::as_str).chain([document.digest.as_str()]);
        references.for_each(|reference| pulled(wire, &repository, reference, document));
    }
    for blob in &set.blobs {
        wire.holds(&repository, &Digest::of(set.algorithm, blob), blob);
    }
    referred(wire, &repository, set);
    gone(wire, &repository, set);
}

fn push(wire: &Wire, repository: &str, reference: &str, document: &Document, tags: Tags) {
    let path = format!("/v2/{repository}/manifests/{reference}");
    let answer = wire.expect(201, "PUT", &path, &[("Content-Type", document.media_type)], &document.bytes);
    assert_eq!(answer.header("docker-content-digest"), Some(document.digest.as_str()), "{path}");
    assert_eq!(answer.header("oci-subject"), document.subject(), "{path}");
    let set: &[String] = if tags == Tags::AsParameters { &document.tags } else { &[] };
    assert_eq!(answer.headers("oci-tag"), set, "{path}");
    let location = answer.header("location").expect("a manifest has a location");
    assert_eq!(wire.expect(200, "GET", location, &[NAMES], b"").bytes, document.bytes, "{path}");
}

/// The bytes as they were pushed, with every header that a client reads.
fn pulled(wire: &Wire, repository: &str, reference: &str, document: &Document) {
    let path = format!("/v2/{repository}/manifests/{reference}");
    for method in ["HEAD", "GET"] {
        let answer = wire.expect(200, method, &path, &[NAMES], b"");
        assert_eq!(answer.header("content-type"), Some(document.media_type), "{path}");
        assert_eq!(answer.header("content-length"), Some(document.bytes.len().to_string().as_str()), "{path}");
        assert_eq!(answer.header("docker-content-digest"), Some(document.digest.as_str()), "{path}");
        assert!(method == "HEAD" || answer.bytes == document.bytes, "{path} gives other bytes");
    }
}

fn listed(wire: &Wire, repository: &str, set: &Set) {
    let list = |query: &str| {
        let list = wire.expect(200, "GET", &format!("/v2/{repository}/tags/list{query}"), &[], b"").json();
        assert_eq!(list["name"], repository);
        list["tags"].as_array().unwrap().iter().map(|tag| tag.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let mut tags: Vec<String> = set.documents.iter().flat_map(|document| document.tags.clone()).collect();
    tags.sort_unstable();
    assert_eq!(list(""), tags);
    for (number, tag) in tags.iter().enumerate() {
        assert_eq!(list(&format!("?last={tag}")), tags[number + 1..], "after {tag}");
    }
}

/// Whatever is about something is listed there, all of it, and by type.
fn referred(wire: &Wire, repository: &str, set: &Set) {
    for subject in set.documents.iter().filter_map(Document::subject) {
        let about = set.documents.iter().filter(|document| document.subject() == Some(subject));
        let mut expected: Vec<Value> = about.map(Document::referrer).collect();
        expected.sort_by_key(|referrer| referrer["digest"].to_string());
        let path = format!("/v2/{repository}/referrers/{subject}");
        let list = |path: &str| {
            let answer = wire.expect(200, "GET", path, &[], b"");
            assert_eq!(answer.header("content-type"), Some(INDEX), "{path}");
            let index = answer.json();
            assert_eq!((&index["schemaVersion"], &index["mediaType"]), (&json!(2), &json!(INDEX)), "{path}");
            let filters = answer.header("oci-filters-applied").map(str::to_owned);
            (index["manifests"].as_array().unwrap().clone(), filters)
        };
        assert_eq!(list(&path), (expected.clone(), None), "{}", set.name);
        for kind in expected.iter().filter_map(|referrer| referrer["artifactType"].as_str()) {
            let of_kind: Vec<Value> =
                expected.iter().filter(|referrer| referrer["artifactType"] == kind).cloned().collect();
            let filtered = list(&format!("{path}?artifactType={}", kind.replace('+', "%2B")));
            assert_eq!(filtered, (of_kind, Some("artifactType".to_owned())), "{}: {kind}", set.name);
        }
    }
}

/// Tags go and leave what they named, manifests go, blobs go; each is gone when its answer came.
fn gone(wire: &Wire, repository: &str, set: &Set) {
    let path = |reference: &str| format!("/v2/{repository}/manifests/{reference}");
    for document in &set.documents {
        for tag in &document.tags {
            wire.expect(202, "DELETE", &path(tag), &[], b"");
            wire.refused(404, "MANIFEST_UNKNOWN", "HEAD", &path(tag), &[], b"");
            wire.refused(404, "MANIFEST_UNKNOWN", "GET", &path(tag), &[], b"");
            wire.refused(404, "MANIFEST_UNKNOWN", "DELETE", &path(tag), &[], b"");
        }
        pulled(wire, repository, document.digest.as_str(), document);
    }
    for document in set.documents.iter().rev() {
        let by_digest = path(document.digest.as_str());
        wire.expect(202, "DELETE", &by_digest, &[], b"");
        wire.refused(404, "MANIFEST_UNKNOWN", "HEAD", &by_digest, &[], b"");
        wire.refused(404, "MANIFEST_UNKNOWN", "DELETE", &by_digest, &[], b"");
        if let Some(subject) = document.subject() {
            let list = wire.expect(200, "GET", &format!("/v2/{repository}/referrers/{subject}"), &[], b"");
            assert!(!list.body.contains(document.digest.as_str()), "a deleted referrer is listed: {}", list.body);
        }
    }
    for blob in &set.blobs {
        let digest = Digest::of(set.algorithm, blob);
        wire.expect(202, "DELETE", &format!("/v2/{repository}/blobs/{digest}"), &[], b"");
        wire.lacks(repository, &digest);
    }
}

#[test]
fn images_live_from_their_push_to_their_deletion() {
    let wire = Wire::start();
    let images = sets::images();
    let large = images.iter().flat_map(|set| &set.documents).map(|document| document.bytes.len()).max();
    assert!(large > Some(3_900_000), "the specification asks for 4 MB");
    images.iter().for_each(|set| live(&wire, set, Tags::Pushed));
}

#[test]
fn indexes_live_from_their_push_to_their_deletion() {
    let wire = Wire::start();
    sets::indexes().iter().for_each(|set| live(&wire, set, Tags::Pushed));
}

#[test]
fn artifacts_and_what_is_about_others_live_from_their_push_to_their_deletion() {
    let wire = Wire::start();
    sets::artifacts().iter().for_each(|set| live(&wire, set, Tags::Pushed));
}

#[test]
fn sparse_documents_live_where_the_operator_wants_them() {
    let wire = Wire::to(Server::start_with(&[("ASSAY_SPARSE_MANIFESTS", "true")]));
    sets::sparse().iter().for_each(|set| live(&wire, set, Tags::Pushed));
}

#[test]
fn what_names_something_that_is_not_there_is_refused_elsewhere() {
    let wire = Wire::start();
    for set in sets::sparse() {
        let repository = format!("admin/{}", set.name);
        for blob in &set.blobs {
            wire.blob(&repository, set.algorithm, blob);
        }
        let document = set.documents.last().expect("the one that lacks something");
        for reference in [document.digest.as_str(), "tag"] {
            let path = format!("/v2/{repository}/manifests/{reference}");
            let kind = [("Content-Type", document.media_type)];
            wire.refused(404, "MANIFEST_BLOB_UNKNOWN", "PUT", &path, &kind, &document.bytes);
            assert_eq!(wire.ask("GET", &path, &[], b"").status, 404);
        }
    }
}

#[test]
fn documents_live_under_sha512_too() {
    live(&Wire::start(), &sets::sha512(), Tags::Pushed);
}

#[test]
fn a_push_by_digest_sets_the_tags_that_its_parameters_name() {
    let wire = Wire::start();
    sets::tagged_by_parameter().iter().for_each(|set| live(&wire, set, Tags::AsParameters));

    let set = &sets::images()[0];
    for blob in &set.blobs {
        wire.blob("admin/tagged", Algorithm::Sha256, blob);
    }
    let document = &set.documents[0];
    let path = format!("/v2/admin/tagged/manifests/{}", document.digest);
    let kind = [("Content-Type", IMAGE)];
    let tags = |count: usize| (0..count).map(|number| format!("tag=t{number}")).collect::<Vec<_>>().join("&");
    let most = base::limits::PUSH_TAGS;
    let answer = wire.expect(201, "PUT", &format!("{path}?{}", tags(most)), &kind, &document.bytes);
    assert_eq!(answer.headers("oci-tag").len(), most);
    wire.refused(414, "TAG_INVALID", "PUT", &format!("{path}?{}", tags(most + 1)), &kind, &document.bytes);
    wire.refused(400, "TAG_INVALID", "PUT", &format!("{path}?tag=-no"), &kind, &document.bytes);
}

#[test]
fn a_manifest_that_is_not_what_its_reference_says_is_refused() {
    let wire = Wire::start();
    let set = &sets::images()[0];
    for blob in &set.blobs {
        wire.blob("admin/errors", Algorithm::Sha256, blob);
    }
    let document = &set.documents[0];
    let (kind, path) = ([("Content-Type", IMAGE)], |reference: &str| format!("/v2/admin/errors/manifests/{reference}"));
    let by_digest = path(document.digest.as_str());
    let longer = [document.bytes.as_slice(), b"  "].concat();
    wire.refused(400, "DIGEST_INVALID", "PUT", &by_digest, &kind, &longer);
    wire.refused(404, "MANIFEST_UNKNOWN", "GET", &by_digest, &[], b"");
    let other = Digest::of(Algorithm::Sha512, b"something else");
    wire.refused(400, "DIGEST_INVALID", "PUT", &path(other.as_str()), &kind, &document.bytes);
    for method in ["PUT", "GET", "HEAD", "DELETE"] {
        let body = if method == "PUT" { document.bytes.as_slice() } else { b"" };
        wire.refused(400, "MANIFEST_INVALID", method, &path("sha256:baddigeststring"), &kind, body);
    }
    for reference in [Digest::sha256_of(&content("missing", 9)).to_string(), "missing".to_owned()] {
        for method in ["GET", "HEAD", "DELETE"] {
            wire.refused(404, "MANIFEST_UNKNOWN", method, &path(&reference), &[], b"");
        }
    }
    wire.refused(404, "NAME_UNKNOWN", "GET", "/v2/admin/nowhere/manifests/1", &[], b"");
    // Unknown members, white space and order of members are the pusher's business: the bytes count.
    let spaced = Digest::sha256_of(&longer);
    wire.expect(201, "PUT", &path(spaced.as_str()), &kind, &longer);
    assert_eq!(wire.expect(200, "GET", &path(spaced.as_str()), &[], b"").bytes, longer);
    // A client that knows the manifest already is told so.
    let known = [("If-None-Match", format!("\"{spaced}\""))];
    let known = known.each_ref().map(|(name, value)| (*name, value.as_str()));
    assert!(wire.expect(304, "GET", &path(spaced.as_str()), &known, b"").bytes.is_empty());
}
