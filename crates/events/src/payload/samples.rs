//! Made-up events, for DTR's Test button.

use base::Timestamp;
use jobs::Event;
use serde_json::{Value, json};

use super::{Notice, notices};
use crate::EventType;

/// A made-up event of this type.
pub(crate) fn sample(kind: EventType, at: Timestamp, host: &str) -> Notice {
    let (name, data) = event(kind, at);
    let event = Event { kind: name.to_owned(), subject: String::new(), data, at, entry: String::new() };
    let made = notices(&event, host).expect("the samples are events");
    made.into_iter().find(|notice| notice.kind == kind).expect("each sample has its own type")
}

fn event(kind: EventType, at: Timestamp) -> (&'static str, Value) {
    let digest = format!("sha256:{}", "0123456789abcdef".repeat(4));
    let with = |more: Value| {
        let mut data = json!({"repository": "foo/bar", "tag": "latest", "digest": digest, "author": "foo"});
        super::extend(&mut data, &more);
        data
    };
    let counts = json!({"critical": 1, "major": 2, "minor": 3});
    match kind {
        EventType::TagPush | EventType::ManifestPush => {
            ("image.pushed", with(json!({"os": "linux", "architecture": "amd64"})))
        }
        EventType::TagPull | EventType::ManifestPull => ("image.pulled", with(json!({}))),
        EventType::TagDelete => ("tag.deleted", with(json!({}))),
        EventType::ManifestDelete => ("manifest.deleted", with(json!({}))),
        EventType::ScanCompleted => ("scan.completed", with(json!({"counts": counts}))),
        EventType::ScanFailed => ("scan.failed", with(json!({"error": "a made-up error"}))),
        EventType::Promotion => (
            "image.promoted",
            with(
                json!({"policy": "0".repeat(26), "source_repository": "foo/bar", "source_tag": "latest", "target_repository": "foo/target",
                "target_tag": "latest", "promoted_at": at.to_string()}),
            ),
        ),
        EventType::PushMirroring | EventType::PollMirroring => {
            let direction = if kind == EventType::PushMirroring { "push" } else { "poll" };
            let more =
                json!({"direction": direction, "remoteRepository": "registry.example/foo/bar", "remoteTag": "latest"});
            ("image.mirrored", with(more))
        }
        EventType::Repository => (
            "repository.created",
            with(json!({"id": "0".repeat(26), "namespace_type": "user", "visibility": "private"})),
        ),
        EventType::ScannerUpdate => (
            "scanner.updated",
            json!({"scanner_version": 1, "scanner_updated_at": at.to_string(), "db_version": 2, "snapshot": digest, "label": "a made-up snapshot"}),
        ),
        EventType::TagSigned => (
            "trust.published",
            with(json!({"tags": [{"tag": "latest", "digest": digest, "role": "targets/releases"}]})),
        ),
        EventType::PromotionRefused => ("promotion.refused", with(judged())),
        EventType::PromotionLapsed => ("image.lapsed", with(judged())),
        EventType::Waiver => (
            "waiver.created",
            with(json!({"id": "0".repeat(26), "scope": "foo/bar", "advisory": "CVE-2021-44228", "component": "log4j",
                "reason": "a made-up reason"})),
        ),
    }
}

fn judged() -> Value {
    json!({"policy": "0".repeat(26), "target": "foo/target", "verdict": "refused", "objections": ["a made-up objection"]})
}
