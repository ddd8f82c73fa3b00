//! Manifests as they were answered a moment ago: an answer stays right until somebody writes.
//!
//! Whether one may pull, and what a tag names, is decided from the rows at each request. Rows change by commits only, and
//! [`db::Db::version`] counts them before anybody is told of one: what was decided under the present count would be decided
//! the same now. The clock alone can change one thing, the end of a token, and that stands beside the answer. Requests with a
//! password are always decided anew, so that none is kept.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use base::{Timestamp, limits};
use bytes::Bytes;
use registry::{Counts, StoredManifest};

/// Answers of one count of commits.
#[derive(Debug, Default)]
pub(crate) struct Recent(RwLock<Shelf>);

#[derive(Debug, Default)]
struct Shelf {
    version: u64,
    bytes: usize,
    answers: HashMap<Question, Arc<Answer>>,
}

/// Who asks for what: the token, if there is one, and the path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Question(Box<[u8]>);

/// A manifest, ready to be sent.
#[derive(Debug)]
pub(crate) struct Answer {
    media_type: HeaderValue,
    digest: HeaderValue,
    etag: HeaderValue,
    bytes: Bytes,
    /// When the token ends that it was decided for.
    until: Option<Timestamp>,
    /// Where it counts that it was sent.
    counts: Arc<Counts>,
}

impl Question {
    /// None for what is never kept: anything but a pull of a manifest by nobody or with a token.
    pub(crate) fn of(request: &Request) -> Option<Question> {
        let path = request.uri().path();
        if !(*request.method() == Method::GET || *request.method() == Method::HEAD) || !path.contains("/manifests/") {
            return None;
        }
        let mut all = request.headers().get_all(header::AUTHORIZATION).iter();
        let token = match (all.next(), all.next()) {
            (None, _) => &[][..],
            (Some(value), None) if is_bearer(value) => value.as_bytes(),
            _ => return None,
        };
        // A header holds no line end, so that no two questions are written alike.
        Some(Question([token, b"\n", path.as_bytes()].concat().into()))
    }
}

fn is_bearer(value: &HeaderValue) -> bool {
    value.as_bytes().get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer "))
}

impl Answer {
    /// None for a digest or type that no header can hold; names and digests always can.
    pub(crate) fn new(manifest: StoredManifest, until: Option<Timestamp>, counts: Arc<Counts>) -> Option<Answer> {
        Some(Answer {
            media_type: HeaderValue::from_str(manifest.media_type.as_str()).ok()?,
            digest: HeaderValue::from_str(manifest.digest.as_str()).ok()?,
            etag: HeaderValue::from_str(&format!("\"{}\"", manifest.digest)).ok()?,
            bytes: manifest.bytes.into(),
            until,
            counts,
        })
    }

    /// The bytes as they were pushed, which is a pull, or that they did not change.
    pub(crate) fn response(&self, method: &Method, asked: &HeaderMap) -> Response {
        let unchanged = asked.get(header::IF_NONE_MATCH).is_some_and(|known| *known == self.etag);
        let (status, body) = match *method {
            _ if unchanged => (StatusCode::NOT_MODIFIED, Body::empty()),
            Method::HEAD => (StatusCode::OK, Body::empty()),
            _ => {
                self.counts.pulled();
                (StatusCode::OK, Body::from(self.bytes.clone()))
            }
        };
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, self.media_type.clone());
        headers.insert("docker-content-digest", self.digest.clone());
        headers.insert(header::ETAG, self.etag.clone());
        if !unchanged {
            headers.insert(header::CONTENT_LENGTH, self.bytes.len().into());
        }
        response
    }
}

impl Recent {
    /// What was answered under this count of commits.
    pub(crate) fn get(&self, question: &Question, version: u64, now: Timestamp) -> Option<Arc<Answer>> {
        let shelf = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if shelf.version != version {
            return None;
        }
        shelf.answers.get(question).filter(|answer| answer.until.is_none_or(|until| now < until)).cloned()
    }

    /// Keep what was decided from rows read after the count had this value.
    pub(crate) fn put(&self, question: Question, version: u64, answer: Arc<Answer>) {
        let mut shelf = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let bytes = question.0.len() + answer.bytes.len();
        if version < shelf.version || bytes > limits::RECENT_BYTES {
            return;
        }
        let full = shelf.bytes + bytes > limits::RECENT_BYTES || shelf.answers.len() >= limits::RECENT_ANSWERS;
        if version > shelf.version || full {
            *shelf = Shelf { version, ..Shelf::default() };
        }
        if shelf.answers.insert(question, answer).is_none() {
            shelf.bytes += bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::{body::Body, extract::Request};
    use base::{Timestamp, limits};

    use super::{Answer, Question, Recent};

    fn question(authorization: &[&str], method: &str, path: &str) -> Option<Question> {
        let mut request = Request::builder().method(method).uri(path);
        for value in authorization {
            request = request.header("authorization", *value);
        }
        Question::of(&request.body(Body::empty()).unwrap())
    }

    fn answer(bytes: usize, until: Option<Timestamp>) -> Arc<Answer> {
        let manifest = registry::StoredManifest {
            digest: oci::Digest::sha256_of(b"a manifest"),
            media_type: oci::MediaType::OCI_MANIFEST,
            bytes: vec![b' '; bytes],
        };
        Arc::new(Answer::new(manifest, until, Arc::default()).unwrap())
    }

    #[test]
    fn only_pulls_of_manifests_by_nobody_or_with_one_token() {
        let path = "/v2/a/b/manifests/1";
        assert!(question(&[], "GET", path).is_some());
        assert!(question(&["Bearer a.b.c"], "HEAD", path).is_some());
        for (authorization, method, path) in [
            (&["Basic YTpi"][..], "GET", path),
            (&["Bearer a", "Bearer b"], "GET", path),
            (&[], "PUT", path),
            (&[], "GET", "/v2/a/b/tags/list"),
        ] {
            assert_eq!(question(authorization, method, path), None, "{authorization:?} {method} {path}");
        }
        assert_ne!(question(&["Bearer a"], "GET", path), question(&["Bearer b"], "GET", path));
        assert_ne!(question(&["Bearer a"], "GET", path), question(&[], "GET", path));
    }

    #[test]
    fn a_commit_ends_every_answer_and_the_clock_those_of_a_token() {
        let (recent, now) = (Recent::default(), Timestamp::UNIX_EPOCH);
        let (one, other) =
            (question(&[], "GET", "/v2/a/b/manifests/1"), question(&["Bearer t"], "GET", "/v2/a/b/manifests/1"));
        let (one, other) = (one.unwrap(), other.unwrap());
        let later = now + std::time::Duration::from_secs(5);
        recent.put(one.clone(), 7, answer(10, None));
        recent.put(other.clone(), 7, answer(10, Some(later)));
        assert!(recent.get(&one, 7, later).is_some() && recent.get(&other, 7, now).is_some());
        assert!(recent.get(&other, 7, later).is_none());
        assert!(recent.get(&one, 8, now).is_none() && recent.get(&one, 6, now).is_none());
        // Decided before the commit, and late: it is not believed.
        recent.put(one.clone(), 8, answer(10, None));
        recent.put(other.clone(), 7, answer(10, None));
        assert!(recent.get(&other, 8, now).is_none() && recent.get(&other, 7, now).is_none());
        assert!(recent.get(&one, 8, now).is_some());
    }

    #[test]
    fn it_stays_small() {
        let recent = Recent::default();
        for number in 0..100 {
            let question = question(&[], "GET", &format!("/v2/a/b/manifests/{number}")).unwrap();
            recent.put(question, 1, answer(limits::RECENT_BYTES / 10, None));
        }
        let shelf = recent.0.read().unwrap();
        assert!(shelf.bytes <= limits::RECENT_BYTES && !shelf.answers.is_empty());
        let kept: usize = shelf.answers.iter().map(|(question, answer)| question.0.len() + answer.bytes.len()).sum();
        assert_eq!(kept, shelf.bytes);
    }
}
