//! "Content discovery": tags and referrers, in pages; and repositories, which the specification leaves open.

use oci::{Algorithm, Digest};
use serde_json::{Value, json};

use super::{
    sets::{IMAGE, INDEX},
    wire::Wire,
};

/// The path of the next page, out of the `Link` header.
fn next(answer: &crate::server::Answer) -> Option<String> {
    let link = answer.header("link")?;
    let (path, rest) = link.strip_prefix('<').unwrap().split_once('>').unwrap();
    assert_eq!(rest, "; rel=\"next\"");
    Some(path.to_owned())
}

/// All pages from a path on: what each holds under this member.
fn pages(wire: &Wire, path: &str, member: &str) -> Vec<Vec<Value>> {
    let (mut at, mut pages) = (Some(path.to_owned()), Vec::new());
    while let Some(path) = at.take() {
        let answer = wire.expect(200, "GET", &path, &[], b"");
        pages.push(answer.json()[member].as_array().unwrap().clone());
        at = next(&answer);
        assert!(pages.len() < 100, "{path} leads in circles");
    }
    pages
}

/// Push an empty artifact of this type, about something; gives its digest.
fn artifact(wire: &Wire, repository: &str, reference: Option<&str>, kind: &str, subject: Option<&Digest>) -> Digest {
    let empty = wire.blob(repository, Algorithm::Sha256, b"{}");
    let empty = json!({"mediaType": "application/vnd.oci.empty.v1+json", "digest": empty, "size": 2});
    let mut body = json!({
        "schemaVersion": 2, "mediaType": IMAGE, "artifactType": kind, "config": empty, "layers": [empty],
        "annotations": {"org.example.tag": reference.unwrap_or_default()},
    });
    if let Some(subject) = subject {
        body["subject"] = json!({"mediaType": IMAGE, "digest": subject, "size": 7});
    }
    let bytes = body.to_string().into_bytes();
    let digest = Digest::sha256_of(&bytes);
    let path = format!("/v2/{repository}/manifests/{}", reference.unwrap_or(digest.as_str()));
    wire.expect(201, "PUT", &path, &[("Content-Type", IMAGE)], &bytes);
    digest
}

#[test]
fn tags_come_in_order_of_their_bytes_and_in_pages() {
    let wire = Wire::start();
    let tags = ["1", "10", "2", "A", "Z", "_x", "a", "a-1", "a.1", "a_1", "b"];
    for tag in tags.iter().rev() {
        artifact(&wire, "admin/tagged", Some(tag), "application/vnd.example", None);
    }
    let mut sorted = tags.map(|tag| json!(tag)).to_vec();
    sorted.sort_by_key(|tag| tag.as_str().unwrap().as_bytes().to_vec());
    let list = "/v2/admin/tagged/tags/list";
    assert_eq!(pages(&wire, list, "tags"), [sorted.clone()]);
    for size in [1, 3, 10, 11, 12, 5_000] {
        let expected: Vec<Vec<Value>> = sorted.chunks(size).map(<[Value]>::to_vec).collect();
        assert_eq!(pages(&wire, &format!("{list}?n={size}"), "tags"), expected, "n={size}");
    }
    assert_eq!(pages(&wire, &format!("{list}?n=4&last=Z"), "tags").concat(), sorted[5..]);
    // What stands after need not be a tag.
    assert_eq!(pages(&wire, &format!("{list}?last=a%2D"), "tags").concat(), sorted[7..]);
    assert_eq!(pages(&wire, &format!("{list}?last=zzz"), "tags").concat(), Vec::<Value>::new());
    let none = wire.expect(200, "GET", &format!("{list}?n=0"), &[], b"");
    assert_eq!((&none.json()["tags"], next(&none)), (&json!([]), None));
    for n in ["-1", "x", "", "99999999999999999999999"] {
        wire.refused(400, "PAGINATION_NUMBER_INVALID", "GET", &format!("{list}?n={n}"), &[], b"");
    }
    wire.refused(404, "NAME_UNKNOWN", "GET", "/v2/admin/nowhere/tags/list", &[], b"");
}

#[test]
fn repositories_come_in_pages_too() {
    let wire = Wire::start();
    for name in ["c", "a", "b/d", "b"] {
        wire.blob(&format!("admin/{name}"), Algorithm::Sha256, b"{}");
    }
    let all = ["admin/a", "admin/b", "admin/b/d", "admin/c"].map(|name| json!(name));
    assert_eq!(pages(&wire, "/v2/_catalog", "repositories"), [all.to_vec()]);
    assert_eq!(pages(&wire, "/v2/_catalog?n=3", "repositories"), [all[..3].to_vec(), all[3..].to_vec()]);
    assert_eq!(pages(&wire, "/v2/_catalog?last=admin/b", "repositories"), [all[2..].to_vec()]);
}

#[test]
fn nothing_is_about_what_nobody_pushed() {
    let wire = Wire::start();
    let digest = Digest::sha256_of(b"nobody pushed this");
    // In a repository that a push would make, and in one that is there.
    for repository in ["admin/nowhere", "admin/here"] {
        let answer = wire.expect(200, "GET", &format!("/v2/{repository}/referrers/{digest}"), &[], b"");
        assert_eq!(answer.header("content-type"), Some(INDEX));
        assert_eq!(answer.json(), json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": []}));
        wire.blob("admin/here", Algorithm::Sha256, b"{}");
    }
    wire.refused(400, "DIGEST_INVALID", "GET", "/v2/admin/here/referrers/latest", &[], b"");
    wire.refused(400, "DIGEST_INVALID", "GET", "/v2/admin/here/referrers/sha256:baddigeststring", &[], b"");
}

#[test]
fn referrers_come_in_pages_that_keep_their_filter() {
    let wire = Wire::start();
    let (one, other) = ("application/vnd.example.one+json", "application/vnd.example.other");
    let subject = Digest::of(Algorithm::Sha512, b"the subject");
    let mut digests = Vec::new();
    for number in 0..9 {
        let kind = if number % 3 == 0 { other } else { one };
        let digest = artifact(&wire, "admin/app", Some(&format!("t{number}")), kind, Some(&subject));
        digests.push((digest.to_string(), kind));
    }
    digests.sort_unstable();
    let list = format!("/v2/admin/app/referrers/{subject}");
    let found = |path: &str| {
        let pages = pages(&wire, path, "manifests");
        let digest = |page: Vec<Value>| page.iter().map(|item| item["digest"].as_str().unwrap().to_owned()).collect();
        pages.into_iter().map(digest).collect::<Vec<Vec<String>>>()
    };
    let of = |kind: Option<&str>| -> Vec<String> {
        let wanted = digests.iter().filter(|(_, own)| kind.is_none_or(|kind| kind == *own));
        wanted.map(|(digest, _)| digest.clone()).collect()
    };
    assert_eq!(found(&list), [of(None)]);
    assert_eq!(found(&format!("{list}?n=4")), of(None).chunks(4).map(<[String]>::to_vec).collect::<Vec<_>>());
    let filtered = format!("{list}?artifactType={}", one.replace('+', "%2B"));
    assert_eq!(found(&filtered), [of(Some(one))]);
    let paged = found(&format!("{filtered}&n=4"));
    assert_eq!(paged, of(Some(one)).chunks(4).map(<[String]>::to_vec).collect::<Vec<_>>());
    assert_eq!(found(&format!("{list}?artifactType=application/vnd.example.none")), [Vec::<String>::new()]);
    // Of another repository nothing is told.
    wire.blob("admin/other", Algorithm::Sha256, b"{}");
    assert_eq!(found(&format!("/v2/admin/other/referrers/{subject}")), [Vec::<String>::new()]);
}

/// What clients did before there was a list of referrers, and still do beside it: an index under a tag made of the digest.
#[test]
fn the_fallback_tag_is_a_tag() {
    let wire = Wire::start();
    let subject = artifact(&wire, "admin/app", Some("1"), "application/vnd.example", None);
    let about = artifact(&wire, "admin/app", None, "application/vnd.example.bill", Some(&subject));
    let tag = format!("sha256-{}", subject.hex());
    let size = wire.expect(200, "HEAD", &format!("/v2/admin/app/manifests/{about}"), &[], b"");
    let size: u64 = size.header("content-length").unwrap().parse().unwrap();
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [
        {"mediaType": IMAGE, "digest": about, "size": size, "artifactType": "application/vnd.example.bill"},
    ]});
    let path = format!("/v2/admin/app/manifests/{tag}");
    wire.expect(201, "PUT", &path, &[("Content-Type", INDEX)], index.to_string().as_bytes());
    assert_eq!(wire.expect(200, "GET", &path, &[], b"").json(), index);
    assert_eq!(pages(&wire, "/v2/admin/app/tags/list", "tags").concat(), [json!("1"), json!(tag)]);
    // The list has what is about it, and not the index that only names that.
    let list = pages(&wire, &format!("/v2/admin/app/referrers/{subject}"), "manifests").concat();
    assert_eq!((list.len(), &list[0]["digest"]), (1, &json!(about)));
    // An index that only repeats what the list says may go while what it names stays.
    wire.expect(202, "DELETE", &path, &[], b"");
    wire.expect(200, "GET", &format!("/v2/admin/app/manifests/{about}"), &[], b"");
}
