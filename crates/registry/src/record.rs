//! What the audit log and the events say about a change: keys, subjects, particulars.

use audit::Entry;
use base::Ctx;
use db::{Error, Tx};
use identity::Identity;
use jobs::Event;
use oci::{Digest, RepoName, Tag};
use serde_json::{Value, json};

use crate::{Image, Repository, store};

pub(crate) fn repository_key(name: &RepoName) -> String {
    format!("registry/repository/{name}")
}

/// Holds the digest the tag names.
pub(crate) fn tag_key(name: &RepoName, tag: &Tag) -> String {
    format!("registry/tag/{name}:{tag}")
}

/// Holds how the tag came, by whom, and from which job.
pub(crate) fn origin_key(name: &RepoName, tag: &Tag) -> String {
    format!("registry/origin/{name}:{tag}")
}

/// Holds the digest the name was given last; stays when the tag is deleted.
pub(crate) fn tag_name_key(name: &RepoName, tag: &Tag) -> String {
    format!("registry/tag_name/{name}:{tag}")
}

/// Holds the bytes that a repository may use.
pub(crate) fn repository_quota_key(name: &RepoName) -> String {
    format!("registry/quota/repository/{name}")
}

/// Holds the bytes that a namespace may use.
pub(crate) fn namespace_quota_key(namespace: &str) -> String {
    format!("registry/quota/namespace/{namespace}")
}

/// Holds `robots` while only they push in a namespace.
pub(crate) fn pushers_key(namespace: &str) -> String {
    format!("registry/pushers/{namespace}")
}

/// Holds `off` while a push makes no repository.
pub(crate) const ON_PUSH_KEY: &str = "registry/create_on_push";

/// Holds a digest of the reason while nothing may be written.
pub(crate) const READ_ONLY_KEY: &str = "registry/read_only";

pub(crate) fn repository_subject(name: &RepoName) -> String {
    format!("repository/{name}")
}

pub(crate) fn tag_subject(name: &RepoName, tag: &Tag) -> String {
    format!("tag/{name}:{tag}")
}

pub(crate) fn job_subject(job: i64) -> String {
    format!("job/{job}")
}

/// Insert a new repository with its entry and event; `how` is `push` or `request`.
pub(crate) async fn created(tx: &mut Tx, ctx: &Ctx, repository: &Repository, how: &'static str) -> Result<(), Error> {
    store::insert_repository(tx, repository).await?;
    let mut entry = Entry::new("repository.created")
        .about(repository_subject(&repository.name))
        .detail("by", how)
        .set(repository_key(&repository.name), repository.settings());
    if let Some(job) = ctx.job() {
        entry = entry.about(job_subject(job));
    }
    let entry = audit::append(tx, ctx, entry).await?;
    repository_event(tx, ctx, "repository.created", repository, &entry).await
}

pub(crate) async fn repository_event(
    tx: &mut Tx,
    ctx: &Ctx,
    kind: &str,
    repository: &Repository,
    entry: &str,
) -> Result<(), Error> {
    let traffic = store::traffic(tx, std::slice::from_ref(repository)).await?;
    let traffic = traffic.get(&repository.id).copied().unwrap_or_default();
    let data = json!({
        "repository": repository.name,
        "id": repository.id,
        "long_description": repository.long_description,
        "tag_limit": repository.tag_limit,
        "visibility": repository.visibility.to_string(),
        "immutable": repository.immutable,
        "scan_on_push": repository.scan_on_push,
        "short_description": repository.short_description,
        "author": ctx.actor.label(),
        "namespace_type": Identity::kind_of(tx, repository.name.namespace()).await?.map(|kind| kind.to_string()),
        "pulls": traffic.pulls,
        "pushes": traffic.pushes,
    });
    emit(tx, ctx, kind, repository.name.to_string(), data, entry).await
}

/// What every event about an image says. `tag` is `null` when it is about the manifest alone.
pub(crate) fn image_data(ctx: &Ctx, name: &RepoName, tag: Option<&Tag>, image: &Image, job: Option<i64>) -> Value {
    json!({
        "repository": name,
        "tag": tag,
        "digest": image.digest,
        "media_type": image.media_type,
        "artifact_type": image.artifact_type,
        "subject": image.subject,
        "os": image.platform.as_ref().map(|platform| &platform.os),
        "architecture": image.platform.as_ref().map(|platform| &platform.architecture),
        "author": ctx.actor.label(),
        "job": job,
    })
}

/// `admin/flask:7`, or `admin/flask@sha256:…` without a tag.
pub(crate) fn image_subject(name: &RepoName, tag: Option<&Tag>, digest: &Digest) -> String {
    match tag {
        Some(tag) => format!("{name}:{tag}"),
        None => format!("{name}@{digest}"),
    }
}

pub(crate) async fn emit(
    tx: &mut Tx,
    ctx: &Ctx,
    kind: &str,
    subject: String,
    data: Value,
    entry: &str,
) -> Result<(), Error> {
    let event = Event { kind: kind.to_owned(), subject, data, at: ctx.now, entry: entry.to_owned() };
    jobs::emit(tx, ctx, &event).await
}
