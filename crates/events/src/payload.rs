//! Payloads, made from our own events: DTR's `{"type", "createdAt", "contents", "location"}`, or the same contents as a
//! CloudEvent.

use base::Timestamp;
use jobs::Event;
use oci::{RepoName, Tag};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{
    EventType, Format,
    cloud_event::{CloudEvent, Message},
};

mod ours;
mod samples;

pub(crate) use samples::sample;

/// One event in DTR's words, for those webhooks that hear of its repository.
#[derive(Clone, Debug)]
pub(crate) struct Notice {
    pub(crate) kind: EventType,
    /// None for what is about the whole installation.
    pub(crate) repository: Option<RepoName>,
    pub(crate) digest: Option<String>,
    /// What it is about, `ns/repo:tag` where it is a tag: notices of one subject are told in order.
    pub(crate) subject: String,
    pub(crate) at: Timestamp,
    pub(crate) contents: Value,
    /// DTR's: a path on this installation.
    pub(crate) location: String,
}

impl Notice {
    /// The request that tells it. `id` names this event among all of this installation, whose `host:port` is `host`.
    pub(crate) fn message(&self, format: Format, id: &str, host: &str) -> Message {
        let source = format!("https://{host}");
        let event = CloudEvent {
            specversion: "1.0",
            id,
            source: &source,
            kind: self.kind.cloud_type(),
            subject: &self.subject,
            time: self.at,
            datacontenttype: "application/json",
            data: &self.contents,
        };
        match format {
            Format::Dtr => {
                Message { content_type: "application/json", attributes: Vec::new(), body: self.envelope().to_string() }
            }
            Format::CloudEvents => event.structured(),
            Format::CloudEventsBinary => event.binary(),
        }
    }

    fn envelope(&self) -> Value {
        json!({
            "type": self.kind.as_str(),
            "createdAt": self.at.to_string(),
            "contents": self.contents,
            "location": self.location,
        })
    }
}

/// `last_scan_status` of a completed scan.
const SCAN_COMPLETED: i64 = 6;

#[derive(Deserialize)]
struct Pushed {
    repository: RepoName,
    tag: Option<Tag>,
    digest: String,
    os: Option<String>,
    architecture: Option<String>,
    author: Option<String>,
    /// False for the further tags of one push, so that its manifest is told once.
    manifest_pushed: Option<bool>,
}

#[derive(Deserialize)]
struct Deleted {
    repository: RepoName,
    tag: Option<Tag>,
    digest: String,
    author: Option<String>,
    os: Option<String>,
    architecture: Option<String>,
}

#[derive(Deserialize)]
struct Scanned {
    repository: RepoName,
    /// `None` when a manifest was pushed by its digest alone.
    tag: Option<Tag>,
    digest: String,
    counts: Option<Counts>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct Counts {
    critical: u64,
    major: u64,
    minor: u64,
    #[serde(default)]
    unknown: u64,
}

#[derive(Deserialize)]
struct Promoted {
    /// None where a person promoted by hand.
    policy: Option<String>,
    source_repository: RepoName,
    source_tag: Tag,
    target_repository: RepoName,
    target_tag: Tag,
    digest: String,
    promoted_at: Timestamp,
}

#[derive(Deserialize)]
struct Repository {
    repository: RepoName,
    author: Option<String>,
    id: Option<String>,
    #[serde(default)]
    namespace_type: String,
    #[serde(default)]
    pulls: u64,
    #[serde(default)]
    pushes: u64,
    visibility: Option<String>,
    immutable: Option<bool>,
    scan_on_push: Option<bool>,
    short_description: Option<String>,
    long_description: Option<String>,
    tag_limit: Option<u32>,
}

/// What an event is called in DTR's words: one push is a tag and a manifest. `host` is this installation's `host:port`. An
/// event that nobody can subscribe to gives nothing; one that is not understood is an error.
pub(crate) fn notices(event: &Event, host: &str) -> Result<Vec<Notice>, String> {
    let at = event.at;
    Ok(match event.kind.as_str() {
        "image.pushed" => pushed(read(event)?, at, host),
        "tag.deleted" => {
            let deleted: Deleted = read(event)?;
            let tag = deleted.tag.clone().ok_or("a deleted tag has no name")?;
            let mut contents = of_tag(&deleted.repository, &tag, host);
            extend(&mut contents, &deleted.platform(at));
            vec![notice(EventType::TagDelete, at, deleted.repository, Some(deleted.digest), Some(&tag), contents)]
        }
        "manifest.deleted" => {
            let deleted: Deleted = read(event)?;
            let mut contents = of_digest(&deleted.repository, &deleted.digest, host);
            extend(&mut contents, &deleted.platform(at));
            vec![notice(EventType::ManifestDelete, at, deleted.repository, Some(deleted.digest), None, contents)]
        }
        "scan.completed" | "scan.failed" => vec![scanned(read(event)?, at, host)],
        "image.promoted" => vec![promoted(read(event)?, at, host)],
        "repository.created" | "repository.restored" => vec![repository(read(event)?, at, "REPO_CREATED")],
        "repository.updated" => vec![repository(read(event)?, at, "REPO_UPDATED")],
        "repository.deleted" => vec![repository(read(event)?, at, "REPO_DELETED")],
        "image.pulled" => ours::pulled(&read(event)?, at, host),
        "image.mirrored" => vec![ours::mirrored(read(event)?, at, host)?],
        "scanner.updated" => vec![ours::scanner_updated(read(event)?, at)],
        "trust.published" => ours::signed(&read(event)?, at, host),
        "promotion.refused" => vec![ours::judged(EventType::PromotionRefused, read(event)?, at, host)],
        "image.lapsed" => vec![ours::judged(EventType::PromotionLapsed, read(event)?, at, host)],
        "waiver.created" => vec![ours::waiver(read(event)?, at, "WAIVER_CREATED")],
        "waiver.deleted" => vec![ours::waiver(read(event)?, at, "WAIVER_DELETED")],
        "waiver.expired" => vec![ours::waiver(read(event)?, at, "WAIVER_EXPIRED")],
        _ => Vec::new(),
    })
}

fn read<T: DeserializeOwned>(event: &Event) -> Result<T, String> {
    serde_json::from_value(event.data.clone())
        .map_err(|error| format!("event {} is not understood: {error}", event.kind))
}

fn pushed(pushed: Pushed, at: Timestamp, host: &str) -> Vec<Notice> {
    let platform = json!({
        "os": pushed.os.unwrap_or_default(),
        "architecture": pushed.architecture.unwrap_or_default(),
        "author": pushed.author.unwrap_or_default(),
    });
    let digest = Some(pushed.digest.clone());
    let mut notices = Vec::new();
    if pushed.manifest_pushed.unwrap_or(true) {
        let mut contents = of_digest(&pushed.repository, &pushed.digest, host);
        extend(&mut contents, &platform);
        notices.push(notice(EventType::ManifestPush, at, pushed.repository.clone(), digest.clone(), None, contents));
    }
    if let Some(tag) = &pushed.tag {
        let mut contents = of_tag(&pushed.repository, tag, host);
        extend(&mut contents, &platform);
        extend(&mut contents, &json!({"digest": pushed.digest, "pushedAt": at.to_string()}));
        notices.push(notice(EventType::TagPush, at, pushed.repository, digest, Some(tag), contents));
    }
    notices
}

fn scanned(scan: Scanned, at: Timestamp, host: &str) -> Notice {
    let mut contents = match &scan.tag {
        Some(tag) => of_tag(&scan.repository, tag, host),
        None => {
            let mut contents = of_digest(&scan.repository, &scan.digest, host);
            extend(&mut contents, &json!({"tag": ""}));
            contents
        }
    };
    let kind = match (&scan.error, &scan.counts) {
        (None, Some(counts)) => {
            let summary = json!({
                "namespace": scan.repository.namespace(),
                "repository": scan.repository.name(),
                "tag": scan.tag,
                "critical": counts.critical,
                "major": counts.major,
                "minor": counts.minor,
                "unknown": counts.unknown,
                "last_scan_status": SCAN_COMPLETED,
                "check_completed_at": at.to_string(),
            });
            extend(&mut contents, &json!({"scanSummary": summary}));
            EventType::ScanCompleted
        }
        (error, _) => {
            let error = error.as_deref().unwrap_or("the scan gave no result");
            extend(&mut contents, &json!({"error": error}));
            EventType::ScanFailed
        }
    };
    notice(kind, at, scan.repository, Some(scan.digest), scan.tag.as_ref(), contents)
}

/// Repositories are `ns/repo` without a host here, as in DTR; digest and imageName are ours.
fn promoted(promoted: Promoted, at: Timestamp, host: &str) -> Notice {
    let contents = json!({
        "promotionPolicyID": promoted.policy.unwrap_or_default(),
        "sourceRepository": promoted.source_repository,
        "sourceTag": promoted.source_tag,
        "targetRepository": promoted.target_repository,
        "targetTag": promoted.target_tag,
        "promotedAt": promoted.promoted_at.to_string(),
        "digest": promoted.digest,
        "imageName": format!("{host}/{}:{}", promoted.target_repository, promoted.target_tag),
    });
    let location = format!("/repositories/{}/tags/{}", promoted.target_repository, promoted.target_tag);
    // The target, because that is what changed, and two images that got its tag must be told in order.
    let subject = format!("{}:{}", promoted.target_repository, promoted.target_tag);
    Notice {
        kind: EventType::Promotion,
        repository: Some(promoted.source_repository),
        digest: Some(promoted.digest),
        subject,
        at,
        contents,
        location,
    }
}

fn repository(repository: Repository, at: Timestamp, event: &str) -> Notice {
    let mut contents = json!({
        "namespace": repository.repository.namespace(),
        "repository": repository.repository.name(),
        "event": event,
        "author": repository.author.unwrap_or_default(),
    });
    if event != "REPO_DELETED" {
        // DTR's object, as `GET /api/v0/repositories/NS/NAME` has it.
        let data = json!({
            "id": repository.id,
            "namespace": repository.repository.namespace(),
            "namespaceType": repository.namespace_type,
            "name": repository.repository.name(),
            "shortDescription": repository.short_description,
            "longDescription": repository.long_description,
            "visibility": repository.visibility,
            "scanOnPush": repository.scan_on_push,
            "immutableTags": repository.immutable,
            "enableManifestLists": true,
            "tagLimit": repository.tag_limit,
            "pulls": repository.pulls,
            "pushes": repository.pushes,
        });
        extend(&mut contents, &json!({"data": data}));
    }
    notice(EventType::Repository, at, repository.repository, None, None, contents)
}

fn of_tag(repository: &RepoName, tag: &Tag, host: &str) -> Value {
    json!({
        "namespace": repository.namespace(),
        "repository": repository.name(),
        "tag": tag,
        "imageName": format!("{host}/{repository}:{tag}"),
    })
}

fn of_digest(repository: &RepoName, digest: &str, host: &str) -> Value {
    json!({
        "namespace": repository.namespace(),
        "repository": repository.name(),
        "digest": digest,
        "imageName": format!("{host}/{repository}@{digest}"),
    })
}

impl Deleted {
    fn platform(&self, at: Timestamp) -> Value {
        json!({
            "digest": self.digest,
            "os": self.os.as_deref().unwrap_or_default(),
            "architecture": self.architecture.as_deref().unwrap_or_default(),
            "author": self.author.as_deref().unwrap_or_default(),
            "deletedAt": at.to_string(),
        })
    }
}

fn extend(contents: &mut Value, more: &Value) {
    if let (Value::Object(contents), Value::Object(more)) = (contents, more) {
        contents.extend(more.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
}

fn notice(
    kind: EventType,
    at: Timestamp,
    repository: RepoName,
    digest: Option<String>,
    tag: Option<&Tag>,
    contents: Value,
) -> Notice {
    let (location, subject) = match (tag, &digest) {
        (Some(tag), _) => (format!("/repositories/{repository}/tags/{tag}"), format!("{repository}:{tag}")),
        (None, Some(digest)) => {
            (format!("/repositories/{repository}/manifests/{digest}"), format!("{repository}@{digest}"))
        }
        (None, None) => (format!("/repositories/{repository}"), repository.to_string()),
    };
    Notice { kind, repository: Some(repository), digest, subject, at, contents, location }
}

#[cfg(test)]
mod tests;
