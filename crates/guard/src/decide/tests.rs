//! Every request an engine was recorded to ask about, every known bypass, and anything else.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use admit::{AllowSet, Entry};
use axum::{Json, Router, extract::Request, http::StatusCode, response::IntoResponse};
use base::{Clock, Timestamp};
use oci::Digest;
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::json;
use tokio::net::UnixListener;

use super::Guard;
use crate::{engine::Engine, memory::Memory, question::Question, queue::Queue};

const HOST: &str = "dtr.example.test:4443";
const V2: &str = "sha256:2ad10859a67a130b5a2c4354f5615de14879c6ec3c06ea805ee007e4d9fbd496";
const V3: &str = "sha256:4b13064bd61256c6f69dbec1b9a5b26075c5e884bd463987367795c0effba6e5";

fn evil(letter: &str) -> String {
    format!("sha256:{}", letter.repeat(64))
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn set() -> AllowSet {
    let entry = |tag: &str, signed: &str, current: &str, allowed: bool, reason: &str| Entry {
        allowed,
        current_digest: Some(current.parse().unwrap()),
        reason: reason.to_owned(),
        repository: "admin/flask".parse().unwrap(),
        signed_digest: signed.parse().unwrap(),
        signers: Vec::new(),
        tag: tag.parse().unwrap(),
    };
    AllowSet {
        authority: HOST.to_owned(),
        enabled: true,
        expires_at: at("2026-01-01T00:10:00Z"),
        images: vec![
            entry(
                "bob",
                &evil("b"),
                &evil("b"),
                false,
                "admin/flask:bob is signed by bob, who is not in team ci/gitlab",
            ),
            entry("moved", &evil("c"), &evil("d"), true, "signed by gitlab"),
            entry("v2", V2, V2, true, "signed by gitlab"),
            entry("v3", V3, V3, true, "signed by gitlab"),
            entry("v4", &evil("4"), &evil("4"), true, "signed by gitlab"),
        ],
        issued_at: at("2026-01-01T00:00:00Z"),
        teams: vec!["ci/gitlab".parse().unwrap()],
    }
}

/// What an engine says about its images and services, as the recorded one had them.
async fn engine(request: Request) -> axum::response::Response {
    let origin = |digest: &str| vec![format!("{HOST}/admin/flask@{digest}")];
    let path = request.uri().path();
    let name = path.strip_prefix("/images/").and_then(|rest| rest.strip_suffix("/json"));
    let digests = match name {
        Some("good%3A1" | "sha256%3A4ed2657446e4" | "4ed2657446e4") => Some(origin(V2)),
        Some("dtr.example.test%3A4443%2Fadmin%2Fflask%3Av3") => {
            Some(vec![format!("other.test/x/y@{}", evil("e")), format!("{HOST}/admin/flask@{V3}")])
        }
        // Pulled before the tag moved on.
        Some("dtr.example.test%3A4443%2Fadmin%2Fflask%3Av2") => Some(origin(&evil("0"))),
        Some("bobs%3A1") => Some(origin(&evil("b"))),
        Some("unsigned%3A1" | "second%3A1" | "deadbeef") => Some(Vec::new()),
        _ => None,
    };
    let service = |image: &str| json!({"PreviousSpec": {"TaskTemplate": {"ContainerSpec": {"Image": image}}}});
    match (path, digests) {
        (_, Some(digests)) => Json(json!({"Id": "sha256:0", "RepoDigests": digests})).into_response(),
        ("/services/s1", _) => Json(service(&format!("{HOST}/admin/flask:v3@{V3}"))).into_response(),
        ("/services/bad", _) => Json(service(&format!("{HOST}/admin/flask@{}", evil("e")))).into_response(),
        ("/services/none", _) => Json(json!({"Spec": {}})).into_response(),
        _ => (StatusCode::NOT_FOUND, Json(json!({"message": "no such image"}))).into_response(),
    }
}

fn guard(folder: &Path, set: Option<AllowSet>, now: &str) -> Arc<Guard> {
    Arc::new(Guard {
        memory: Memory::new("https://dtr.example.test:4443", set),
        engine: Engine::new(folder.join("engine.sock")),
        queue: Queue::default(),
        clock: Clock::fixed(at(now)),
    })
}

#[derive(Deserialize)]
struct Case {
    #[serde(default)]
    why: String,
    /// `allow`, or a part of the sentence that refuses.
    expect: String,
    #[serde(default)]
    user: String,
    method: String,
    uri: String,
    headers: BTreeMap<String, String>,
    body: String,
}

impl Case {
    fn question(&self) -> Question {
        let headers: Vec<(&str, &str)> = self.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        Question::new(&self.user, &self.method, &self.uri, &headers, self.body.as_bytes())
    }
}

fn cases() -> Vec<Case> {
    let texts = [include_str!("../../tests/recorded.jsonl"), include_str!("../../tests/bypasses.jsonl")];
    texts.iter().flat_map(|text| text.lines()).map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Beside a running engine on `engine.sock`.
async fn beside_engine<T>(folder: &Path, work: impl Future<Output = T>) -> T {
    let listener = UnixListener::bind(folder.join("engine.sock")).unwrap();
    let serving = axum::serve(listener, Router::new().fallback(engine));
    tokio::select! {
        ended = serving.into_future() => panic!("the engine ended: {ended:?}"),
        outcome = work => outcome,
    }
}

#[tokio::test]
async fn recorded_requests_and_known_bypasses() {
    let folder = tempfile::tempdir().unwrap();
    let guard = guard(folder.path(), Some(set()), "2026-01-01T00:01:00Z");
    let wrong = beside_engine(folder.path(), async {
        let mut wrong = Vec::new();
        for case in cases() {
            let answer = guard.answer(&case.question()).await;
            let right =
                if case.expect == "allow" { answer.allow } else { !answer.allow && answer.msg.contains(&case.expect) };
            if !right {
                wrong.push(format!(
                    "{} {} {} ({})\n   expected {}\n   got {answer:?}",
                    case.method, case.uri, case.body, case.why, case.expect
                ));
            }
        }
        wrong
    });
    let wrong = wrong.await;
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases().len(), wrong.join("\n"));
}

#[tokio::test]
async fn verdicts_are_noted_with_digest_and_without_the_query() {
    let folder = tempfile::tempdir().unwrap();
    let guard = guard(folder.path(), Some(set()), "2026-01-01T00:01:00Z");
    let empty = [("Content-Length", "0")];
    let uri = format!("/v1.41/images/create?fromImage={HOST}/admin/flask&tag=v3");
    guard.answer(&Question::new("gitlab", "POST", &uri, &empty, b"")).await;
    guard.answer(&Question::new("", "POST", "/v1.41/build?buildargs=secret", &empty, b"")).await;
    guard.answer(&Question::new("", "POST", "/v1.41/containers/x/stop", &empty, b"")).await;
    let noted = guard.queue.batch();
    assert_eq!(noted.len(), 2);
    assert!(noted[0].allowed && noted[0].user == "gitlab" && noted[0].path == "/v1.41/images/create");
    assert_eq!(noted[0].digest, Some(V3.parse::<Digest>().unwrap()));
    assert!(!noted[1].allowed && noted[1].path == "/v1.41/build");
}

#[tokio::test]
async fn without_a_valid_set_nothing_new_runs_and_everything_can_be_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let body = format!(r#"{{"Image":"{HOST}/admin/flask@{V3}"}}"#);
    let create = Question::new("", "POST", "/containers/create", &[], body.as_bytes());
    let stop = Question::new("", "POST", "/containers/x/stop", &[("Content-Length", "0")], b"");
    for (set, why) in [(None, "never got the list"), (Some(set()), "was not reached since 2026-01-01T00:00:00Z")] {
        let guard = guard(folder.path(), set, "2026-01-01T00:10:00Z");
        let answer = guard.answer(&create).await;
        assert!(!answer.allow && answer.msg.contains(why), "{answer:?}");
        assert!(guard.answer(&stop).await.allow);
    }
}

#[tokio::test]
async fn an_engine_that_does_not_answer_lets_nothing_run() {
    let folder = tempfile::tempdir().unwrap();
    let guard = guard(folder.path(), Some(set()), "2026-01-01T00:01:00Z");
    let create = Question::new("", "POST", "/containers/create", &[], br#"{"Image":"good:1"}"#);
    let answer = guard.answer(&create).await;
    assert!(!answer.allow && answer.msg.contains("cannot be looked up"), "{answer:?}");
}

#[tokio::test]
async fn switched_off_everything_may_run() {
    let folder = tempfile::tempdir().unwrap();
    let mut set = set();
    set.enabled = false;
    let guard = guard(folder.path(), Some(set), "2026-01-01T00:01:00Z");
    for case in cases().iter().filter(|case| !case.uri.contains("..") && !case.uri.contains(['%', ';'])) {
        assert!(guard.answer(&case.question()).await.allow, "{} {}", case.method, case.uri);
    }
}

/// An answer without an engine: whatever needs one is refused, which is what these tests ask for.
fn answer_now(guard: &Guard, question: &Question) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(guard.answer(question)).allow
}

proptest! {
    #[test]
    fn any_body_is_answered_and_none_unsigned_allowed(
        body in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..80),
            r#"\{("[iI]mage":"[a-z:]{0,9}",?|"HostConfig":\{"Mounts":\[\{\}\]\},?){0,3}\}"#.prop_map(String::into_bytes),
        ],
        create in any::<bool>(),
    ) {
        let guard = guard(Path::new("/nonexistent"), Some(set()), "2026-01-01T00:01:00Z");
        let uri = if create { "/containers/create" } else { "/services/create" };
        prop_assert!(!answer_now(&guard, &Question::new("", "POST", uri, &[], &body)));
    }

    #[test]
    fn any_uri_is_answered_and_what_changes_something_unknown_is_refused(
        method in "(POST|PUT|DELETE|PATCH|CONNECT)",
        uri in "(.{0,40}|/?(v1.41/)?(images|plugins|build|new|commit)?[a-z0-9/%.;?=&]{0,40})",
    ) {
        let guard = guard(Path::new("/nonexistent"), Some(set()), "2026-01-01T00:01:00Z");
        let allowed = answer_now(&guard, &Question::new("", &method, &uri, &[], b""));
        let known = ["containers", "exec", "images", "networks", "volumes", "secrets", "configs", "swarm", "nodes", "auth",
            "services", "prune"];
        prop_assert!(!allowed || known.iter().any(|word| uri.contains(word) || uri.contains('%')), "{} {}", method, uri);
    }
}
