//! Contents that DTR's pages do not give (pulls, mirroring, the scanner's update), and those of what DTR did not have.

use std::collections::BTreeMap;

use base::Timestamp;
use oci::{RepoName, Tag};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Notice, extend, notice, of_digest, of_tag};
use crate::EventType;

#[derive(Deserialize)]
pub(super) struct Pulled {
    repository: RepoName,
    tag: Option<Tag>,
    digest: String,
    author: String,
}

#[derive(Deserialize)]
pub(super) struct Mirrored {
    direction: String,
    repository: RepoName,
    tag: Option<Tag>,
    digest: String,
    #[serde(rename = "remoteRepository")]
    remote_repository: String,
    #[serde(rename = "remoteTag")]
    remote_tag: Option<String>,
    policy: Option<Value>,
}

#[derive(Deserialize)]
pub(super) struct ScannerUpdated {
    /// As `GET /api/v0/imagescan/status` says them.
    scanner_version: Value,
    scanner_updated_at: Option<Timestamp>,
    db_version: Value,
    /// The snapshot's digest and label.
    snapshot: String,
    label: String,
}

#[derive(Deserialize)]
pub(super) struct Signed {
    repository: RepoName,
    tags: Vec<SignedTag>,
}

#[derive(Deserialize)]
struct SignedTag {
    /// Nothing stops a signer from signing names that are no tags.
    tag: String,
    digest: String,
    role: String,
}

#[derive(Deserialize)]
pub(super) struct Judged {
    repository: RepoName,
    tag: Option<Tag>,
    digest: String,
    policy: Option<Value>,
    target: Option<RepoName>,
    decision: Option<String>,
    verdict: String,
    #[serde(default)]
    objections: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct Waiver {
    repository: Option<RepoName>,
    digest: Option<String>,
    id: String,
    scope: String,
    advisory: String,
    component: Option<String>,
    reason: String,
    justification: Option<String>,
    author: String,
    expires_at: Option<String>,
}

/// A pull by tag is one of the manifest as well.
pub(super) fn pulled(pull: &Pulled, at: Timestamp, host: &str) -> Vec<Notice> {
    let more = json!({"digest": pull.digest, "author": pull.author, "pulledAt": at.to_string()});
    let mut notices = Vec::new();
    let mut add = |kind, tag: Option<&Tag>, mut contents: Value| {
        extend(&mut contents, &more);
        notices.push(notice(kind, at, pull.repository.clone(), Some(pull.digest.clone()), tag, contents));
    };
    add(EventType::ManifestPull, None, of_digest(&pull.repository, &pull.digest, host));
    if let Some(tag) = &pull.tag {
        add(EventType::TagPull, Some(tag), of_tag(&pull.repository, tag, host));
    }
    notices
}

pub(super) fn mirrored(mirrored: Mirrored, at: Timestamp, host: &str) -> Result<Notice, String> {
    let kind = match mirrored.direction.as_str() {
        "push" => EventType::PushMirroring,
        "poll" => EventType::PollMirroring,
        other => return Err(format!("an image is mirrored by push or poll, not {other:?}")),
    };
    let mut contents = match &mirrored.tag {
        Some(tag) => of_tag(&mirrored.repository, tag, host),
        None => of_digest(&mirrored.repository, &mirrored.digest, host),
    };
    let more = json!({
        "digest": mirrored.digest,
        "remoteRepository": mirrored.remote_repository,
        "remoteTag": mirrored.remote_tag,
        "policy": mirrored.policy,
        "mirroredAt": at.to_string(),
    });
    extend(&mut contents, &more);
    Ok(notice(kind, at, mirrored.repository, Some(mirrored.digest), mirrored.tag.as_ref(), contents))
}

/// DTR's names; there is one scanner here, however many servers use it.
pub(super) fn scanner_updated(update: ScannerUpdated, at: Timestamp) -> Notice {
    let contents = json!({
        "scanner_version": update.scanner_version,
        "scanner_updated_at": update.scanner_updated_at.map(|at| at.to_string()),
        "db_version": update.db_version,
        "db_updated_at": at.to_string(),
        "success": true,
        "replicas": {},
        "snapshot": update.snapshot,
        "snapshotLabel": update.label,
    });
    Notice {
        kind: EventType::ScannerUpdate,
        repository: None,
        digest: None,
        subject: "scanner".to_owned(),
        at,
        contents,
        location: "/advisories".to_owned(),
    }
}

/// One per tag and digest, however many roles signed it.
pub(super) fn signed(signed: &Signed, at: Timestamp, host: &str) -> Vec<Notice> {
    let mut roles: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for each in &signed.tags {
        roles.entry((&each.tag, &each.digest)).or_default().push(&each.role);
    }
    let told = roles.into_iter().filter_map(|((tag, digest), roles)| {
        let tag: Tag = tag.parse().ok()?;
        let mut contents = of_tag(&signed.repository, &tag, host);
        extend(&mut contents, &json!({"digest": digest, "roles": roles, "signedAt": at.to_string()}));
        Some(notice(EventType::TagSigned, at, signed.repository.clone(), Some(digest.to_owned()), Some(&tag), contents))
    });
    told.collect()
}

/// What a policy says against an image: `unknown` is not allowed either.
pub(super) fn judged(kind: EventType, judged: Judged, at: Timestamp, host: &str) -> Notice {
    let mut contents = match &judged.tag {
        Some(tag) => of_tag(&judged.repository, tag, host),
        None => of_digest(&judged.repository, &judged.digest, host),
    };
    let more = json!({
        "digest": judged.digest,
        "policy": judged.policy,
        "targetRepository": judged.target,
        "decision": judged.decision,
        "verdict": judged.verdict,
        "objections": judged.objections,
        "decidedAt": at.to_string(),
    });
    extend(&mut contents, &more);
    notice(kind, at, judged.repository, Some(judged.digest), judged.tag.as_ref(), contents)
}

/// Of a repository, of an image in each repository that holds it, or of everything.
pub(super) fn waiver(waiver: Waiver, at: Timestamp, event: &str) -> Notice {
    let contents = json!({
        "event": event,
        "namespace": waiver.repository.as_ref().map(RepoName::namespace),
        "repository": waiver.repository.as_ref().map(RepoName::name),
        "digest": waiver.digest,
        "id": waiver.id,
        "scope": waiver.scope,
        "advisory": waiver.advisory,
        "component": waiver.component,
        "reason": waiver.reason,
        "justification": waiver.justification,
        "author": waiver.author,
        "expiresAt": waiver.expires_at,
    });
    let location = waiver.repository.as_ref().map_or_else(|| "/".to_owned(), |name| format!("/repositories/{name}"));
    Notice {
        kind: EventType::Waiver,
        repository: waiver.repository,
        digest: waiver.digest,
        subject: format!("waiver/{}", waiver.id),
        at,
        contents,
        location,
    }
}
