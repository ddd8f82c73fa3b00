//! "Pushing blobs": in one piece and in many, mounted, cancelled, refused.

use oci::{Algorithm, Digest};

use super::wire::{OCTETS, Wire, content, uploads};
use crate::server::Answer;

/// A way to push a blob; gives the answer that ends the push.
type Way = (&'static str, fn(&Wire, &str, &Digest, &[u8]) -> Answer);

const WAYS: [Way; 10] = [
    ("one POST", one_post),
    ("POST, then PUT", post_put),
    ("one chunk", one_chunk),
    ("three chunks", three_chunks),
    ("three chunks, the last with PUT", three_chunks_with_put),
    ("streamed", streamed),
    ("streamed without a length", streamed_without_length),
    ("everything with PUT, without a length", put_without_length),
    ("after an empty PATCH", after_an_empty_patch),
    ("to the oldest location each time", oldest_location),
];

fn one_post(wire: &Wire, repository: &str, digest: &Digest, bytes: &[u8]) -> Answer {
    wire.ask("POST", &format!("{}?digest={digest}", uploads(repository)), &[OCTETS], bytes)
}

fn post_put(wire: &Wire, repository: &str, digest: &Digest, bytes: &[u8]) -> Answer {
    wire.put(&wire.begin(repository), digest, None, bytes)
}

fn one_chunk(wire: &Wire, repository: &str, digest: &Digest, bytes: &[u8]) -> Answer {
    let location = wire.patch(&wire.begin(repository), Some(0), bytes);
    wire.put(&location, digest, None, b"")
}

fn three_chunks(wire: &Wire, repository: &str, digest: &Digest, bytes: &[u8]) -> Answer {
    let mut location = wire.begin(repository);
    let size = bytes.len().div_ceil(3);
    for (number, chunk) in bytes.chunks(size).enumerate() {
        location = wire.patch(&location, Some(number * size), chunk);
    }
    wire.put(&location, digest, None, b"")
}

fn three_chunks_with_put(wire: &Wire, repository: &str, digest: &Digest, bytes: &[u8]) -> Answer {
    let third = bytes.len() / 3;
    let location = wire.patch(&wire.begin(repository), Some(0), &bytes[..third]);
    let location = wire.patch(&location, Some(third), &bytes[third..2 * third]);
    wire.put(&location, digest, Some(2 * third), &bytes[2 * third..])
}

fn streamed(wire: &Wire, repository: &str, digest: &Digest, bytes: &[u8]) -> Answer {
    let location = wire.patch(&wire.begin(repository), None, bytes);
    wire.put(&location, digest, None, b"")
}

fn streamed_without_length(wire: &Wire, repository: &str, digest: &Digest, bytes: &[u8]) -> Answer {
    let pieces: Vec<&[u8]> = bytes.chunks(7_000).collect();
    let answer = wire.stream("PATCH", &wire.begin(repository), &pieces);
    assert_eq!(answer.status, 202, "{}", answer.body);
    wire.put(answer.header("location").unwrap(), digest, None, b"")
}

fn put_without_length(wire: &Wire, repository: &str, digest: &Digest, bytes: &[u8]) -> Answer {
    wire.stream("PUT", &format!("{}?digest={digest}", wire.begin(repository)), &[bytes])
}

fn after_an_empty_patch(wire: &Wire, repository: &str, digest: &Digest, bytes: &[u8]) -> Answer {
    let location = wire.patch(&wire.begin(repository), None, b"");
    let location = wire.patch(&location, None, bytes);
    wire.put(&location, digest, None, b"")
}

fn oldest_location(wire: &Wire, repository: &str, digest: &Digest, bytes: &[u8]) -> Answer {
    let location = wire.begin(repository);
    let (one, two) = bytes.split_at(bytes.len() / 2);
    wire.patch(&location, None, one);
    wire.patch(&location, Some(one.len()), two);
    wire.put(&location, digest, None, b"")
}

const ALGORITHMS: [Algorithm; 2] = [Algorithm::Sha256, Algorithm::Sha512];

/// That the blob was made: 201, its digest, and a location where it can be read.
fn made(wire: &Wire, how: &str, answer: &Answer, digest: &Digest, bytes: &[u8]) {
    assert_eq!(answer.status, 201, "{how}: {}", answer.body);
    assert_eq!(answer.header("docker-content-digest"), Some(digest.as_str()), "{how}");
    let location = answer.header("location").expect("a blob has a location");
    assert_eq!(wire.expect(200, "GET", location, &[], b"").bytes, bytes, "{how}");
}

#[test]
fn a_blob_comes_in_every_way_and_under_both_algorithms() {
    let wire = Wire::start();
    wire.blob("admin/present", Algorithm::Sha256, b"the first");
    for algorithm in ALGORITHMS {
        for (how, push) in WAYS {
            let bytes = content(&format!("{how} {algorithm}"), 30_001);
            let digest = Digest::of(algorithm, &bytes);
            wire.lacks("admin/present", &wire.blob("admin/other", algorithm, &bytes));
            let answer = push(&wire, "admin/present", &digest, &bytes);
            made(&wire, how, &answer, &digest, &bytes);
            wire.holds("admin/present", &digest, &bytes);
        }
    }
}

#[test]
fn the_empty_blob_and_the_empty_object_are_blobs() {
    let wire = Wire::start();
    for algorithm in ALGORITHMS {
        for (bytes, ways) in [(&b""[..], &[0, 1, 5, 6, 8][..]), (b"{}", &[0, 1, 2, 5, 6, 7, 8, 9])] {
            let digest = Digest::of(algorithm, bytes);
            for (how, push) in ways.iter().map(|way| WAYS[*way]) {
                made(&wire, how, &push(&wire, "admin/known", &digest, bytes), &digest, bytes);
                wire.holds("admin/known", &digest, bytes);
                wire.expect(202, "DELETE", &format!("/v2/admin/known/blobs/{digest}"), &[], b"");
                wire.lacks("admin/known", &digest);
            }
        }
    }
}

#[test]
fn another_content_than_its_digest_is_refused_at_the_end_of_the_push() {
    let wire = Wire::start();
    for algorithm in ALGORITHMS {
        for (how, push) in WAYS {
            let mut bytes = content(&format!("bad {how}"), 30_001);
            let digest = Digest::of(algorithm, &bytes);
            bytes.extend(b"oh no");
            let answer = push(&wire, "admin/bad", &digest, &bytes);
            assert_eq!((answer.status, answer.code().as_str()), (400, "DIGEST_INVALID"), "{how}: {}", answer.body);
            wire.blob("admin/bad", algorithm, how.as_bytes());
            wire.lacks("admin/bad", &digest);
        }
    }
}

#[test]
fn a_chunk_out_of_order_is_416_with_the_range_to_go_on_from() {
    let wire = Wire::start();
    let bytes = content("in order", 3_000);
    let digest = Digest::of(Algorithm::Sha256, &bytes);
    // What came before, what is sent then, and with which method.
    for (before, first, method) in [
        (0, 1_000, "PATCH"),
        (0, 2_000, "PUT"),
        (1_000, 0, "PATCH"),
        (1_000, 2_000, "PATCH"),
        (1_000, 2_000, "PUT"),
        (2_000, 0, "PUT"),
        (2_000, 1_999, "PATCH"),
    ] {
        let how = format!("{method} at {first} after {before}");
        let mut location = wire.begin("admin/ordered");
        if before > 0 {
            location = wire.patch(&location, Some(0), &bytes[..before]);
        }
        let chunk = &bytes[first..(first + 1_000).min(3_000)];
        let range = format!("{first}-{}", first + chunk.len() - 1);
        let path = if method == "PUT" { format!("{location}?digest={digest}") } else { location.clone() };
        let refused = wire.expect(416, method, &path, &[OCTETS, ("Content-Range", &range)], chunk);
        let stands = format!("0-{}", before.saturating_sub(1));
        assert_eq!(refused.header("range"), Some(stands.as_str()), "{how}");
        assert_eq!(refused.code(), "BLOB_UPLOAD_INVALID", "{how}");
        let status = wire.expect(204, "GET", refused.header("location").expect("where to go on"), &[], b"");
        assert_eq!(status.header("range"), Some(stands.as_str()), "{how}");
        let location = status.header("location").expect("where to go on");
        let location = wire.patch(location, Some(before), &bytes[before..]);
        let done = wire.put(&location, &digest, None, b"");
        made(&wire, &how, &done, &digest, &bytes);
        wire.expect(202, "DELETE", &format!("/v2/admin/ordered/blobs/{digest}"), &[], b"");
    }
}

#[test]
fn an_upload_that_is_cancelled_finished_or_refused_is_over() {
    let wire = Wire::start();
    let (bytes, digest) = (content("over", 600), Digest::sha256_of(&content("over", 600)));
    let cancelled = wire.patch(&wire.begin("admin/over"), Some(0), &bytes);
    wire.expect(204, "DELETE", &cancelled, &[], b"");
    let finished = wire.begin("admin/over");
    assert_eq!(wire.put(&finished, &digest, None, &bytes).status, 201);
    let refused = wire.begin("admin/over");
    assert_eq!(wire.put(&refused, &digest, None, b"something else").status, 400);
    for location in [cancelled, finished, refused] {
        for (method, body) in [("GET", &b""[..]), ("PATCH", b"more"), ("DELETE", b"")] {
            wire.refused(404, "BLOB_UPLOAD_UNKNOWN", method, &location, &[], body);
        }
        let path = format!("{location}?digest={digest}");
        wire.refused(404, "BLOB_UPLOAD_UNKNOWN", "PUT", &path, &[], &bytes);
    }
    wire.holds("admin/over", &digest, &bytes);
}

#[test]
fn a_blob_is_mounted_from_a_named_repository_or_from_any_that_may_be_read() {
    let wire = Wire::start();
    let stranger = wire.account("stranger");
    for algorithm in ALGORITHMS {
        let bytes = content(&format!("mounted {algorithm}"), 512);
        let digest = wire.blob("admin/source", algorithm, &bytes);
        let mount = |auth: &str, to: &str, from: &str| {
            let path = format!("{}?mount={digest}{from}", uploads(to));
            if auth.is_empty() { wire.ask("POST", &path, &[], b"") } else { wire.ask_as(auth, "POST", &path, &[], b"") }
        };
        for (to, from) in [("admin/named", "&from=admin%2Fsource"), ("admin/anonymous", "")] {
            let answer = mount("", to, from);
            made(&wire, to, &answer, &digest, &bytes);
            wire.holds(to, &digest, &bytes);
        }
        // Not there, no name, or not for this account to see: all alike an upload that can be used.
        for (auth, to, from) in [
            ("", "admin/none", "&from=admin%2Fempty"),
            ("", "admin/none", "&from=..%2F.."),
            (stranger.as_str(), "stranger/app", "&from=admin%2Fsource"),
            (stranger.as_str(), "stranger/app", ""),
        ] {
            let answer = mount(auth, to, from);
            assert_eq!((answer.status, answer.header("range")), (202, Some("0-0")), "{to} {from}: {}", answer.body);
            let location = answer.header("location").expect("an upload has a location");
            let path = format!("{location}?digest={digest}");
            let auth = if auth.is_empty() { crate::image::as_admin().1 } else { auth.to_owned() };
            let done = wire.ask_as(&auth, "PUT", &path, &[OCTETS], &bytes);
            assert_eq!(done.status, 201, "{to} {from}: {}", done.body);
            let gone = wire.ask_as(&auth, "DELETE", &format!("/v2/{to}/blobs/{digest}"), &[], b"");
            assert_eq!(gone.status, 202, "{to} {from}: {}", gone.body);
        }
    }
}

#[test]
fn digests_that_cannot_be_one_are_refused() {
    let wire = Wire::start();
    let location = wire.begin("admin/digests");
    let short = "0".repeat(63);
    for digest in ["md5:d41d8cd98f00b204e9800998ecf8427e", "sha256:baddigeststring", &format!("sha256:{short}"), "x"] {
        wire.refused(400, "DIGEST_INVALID", "POST", &format!("{}?digest={digest}", uploads("admin/digests")), &[], b"");
        wire.refused(400, "DIGEST_INVALID", "PUT", &format!("{location}?digest={digest}"), &[], b"");
        wire.refused(400, "DIGEST_INVALID", "POST", &format!("{}?mount={digest}", uploads("admin/digests")), &[], b"");
        wire.refused(400, "DIGEST_INVALID", "GET", &format!("/v2/admin/digests/blobs/{digest}"), &[], b"");
    }
    wire.refused(400, "DIGEST_INVALID", "PUT", &location, &[], b"");
    // None of it has hurt the upload.
    assert_eq!(wire.expect(204, "GET", &location, &[], b"").header("range"), Some("0-0"));
    // The algorithm may be told at the beginning; the digest at the end decides.
    let begun = wire.expect(202, "POST", &format!("{}?digest-algorithm=sha512", uploads("admin/digests")), &[], b"");
    let digest = Digest::of(Algorithm::Sha512, b"told before");
    assert_eq!(wire.put(begun.header("location").unwrap(), &digest, None, b"told before").status, 201);
}
