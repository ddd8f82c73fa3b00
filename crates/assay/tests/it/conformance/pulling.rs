//! "Pulling blobs" and the endpoint that says whether this is a registry.

use oci::Algorithm;

use super::wire::{Wire, content};

/// What is asked for, and what comes: the first and last byte, everything, or nothing.
enum Comes {
    Part(usize, usize),
    Whole,
    Nothing,
}

#[test]
fn a_range_of_a_blob_is_206_and_an_impossible_one_416() {
    use Comes::{Nothing, Part, Whole};
    let wire = Wire::start();
    for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
        let bytes = content("ranges", 2_048);
        let digest = wire.blob("admin/ranges", algorithm, &bytes);
        let path = format!("/v2/admin/ranges/blobs/{digest}");
        for (range, comes) in [
            ("bytes=500-1499", Part(500, 1_499)),
            ("bytes=500-", Part(500, 2_047)),
            ("bytes=-500", Part(1_548, 2_047)),
            ("bytes=2000-5000", Part(2_000, 2_047)),
            ("bytes=0-0", Part(0, 0)),
            ("bytes=2047-2047", Part(2_047, 2_047)),
            ("bytes=-5000", Part(0, 2_047)),
            ("bytes=0-99999999999999999999999", Part(0, 2_047)),
            ("bytes=500-0", Nothing),
            ("bytes=5000-10000", Nothing),
            ("bytes=2048-", Nothing),
            ("bytes=-0", Nothing),
            // Several ranges would need an answer in several parts, which no client of a registry reads: RFC 9110, section 14.2,
            // lets a server ignore the header.
            ("bytes=0-1,3-4", Whole),
            ("lines=0-1", Whole),
            ("bytes=a-b", Whole),
        ] {
            let answer = wire.ask("GET", &path, &[("Range", range)], b"");
            let length = answer.header("content-length").unwrap().parse::<usize>().unwrap();
            match comes {
                Part(first, last) => {
                    assert_eq!(answer.status, 206, "{range}");
                    assert_eq!(answer.bytes, bytes[first..=last], "{range}");
                    assert_eq!(length, last - first + 1, "{range}");
                    let told = format!("bytes {first}-{last}/2048");
                    assert_eq!(answer.header("content-range"), Some(told.as_str()), "{range}");
                }
                Whole => assert_eq!((answer.status, &answer.bytes), (200, &bytes), "{range}"),
                Nothing => {
                    assert_eq!((answer.status, answer.header("content-range")), (416, Some("bytes */2048")), "{range}");
                    assert_eq!(answer.code(), "RANGE_INVALID", "{range}");
                }
            }
        }
        // A range of what HEAD would have sent has no meaning: RFC 9110, section 14.2.
        let head = wire.expect(200, "HEAD", &path, &[("Range", "bytes=0-1")], b"");
        assert_eq!((head.header("content-length"), head.header("accept-ranges")), (Some("2048"), Some("bytes")));
    }
}

#[test]
fn a_blob_that_nobody_pushed_is_404() {
    let wire = Wire::start();
    let elsewhere = wire.blob("admin/elsewhere", Algorithm::Sha256, &content("elsewhere", 100));
    wire.blob("admin/here", Algorithm::Sha256, b"{}");
    wire.lacks("admin/here", &oci::Digest::sha256_of(b"never pushed"));
    wire.lacks("admin/here", &elsewhere);
    wire.lacks("admin/here", &oci::Digest::of(Algorithm::Sha512, b"{}"));
    let nowhere = format!("/v2/admin/nowhere/blobs/{elsewhere}");
    wire.refused(404, "NAME_UNKNOWN", "GET", &nowhere, &[], b"");
}

#[test]
fn the_base_answers_whoever_is_signed_in_and_tells_others_where_tokens_are() {
    let wire = Wire::start();
    for path in ["/v2/", "/v2"] {
        let answer = wire.expect(200, "GET", path, &[], b"");
        assert_eq!(answer.header("docker-distribution-api-version"), Some("registry/2.0"));
        let answer = wire.ask_as("", "GET", path, &[], b"");
        assert_eq!((answer.status, answer.code().as_str()), (401, "UNAUTHORIZED"));
        let challenge = answer.header("www-authenticate").unwrap();
        assert!(challenge.starts_with(&format!("Bearer realm=\"https://{}/auth/token\"", wire.server.authority)));
    }
    for (method, path, allow) in [
        ("POST", "/v2/", "GET, HEAD"),
        ("DELETE", "/v2/admin/a/tags/list", "GET"),
        ("POST", "/v2/admin/a/manifests/latest", "GET, HEAD, PUT, DELETE"),
        ("GET", "/v2/admin/a/blobs/uploads/", "POST"),
    ] {
        let answer = wire.expect(405, method, path, &[], b"");
        assert_eq!((answer.header("allow"), answer.code().as_str()), (Some(allow), "UNSUPPORTED"), "{method} {path}");
    }
}
