//! What happened to a repository: the latest entries of the audit log about it, in the words of its chains.

use std::collections::BTreeSet;

use ::chain::{Link, tell};
use audit::{Body, Filter};
use axum::{
    Router,
    extract::{Path, Query},
    response::Response,
    routing::get,
};
use base::limits;
use ci::Ci;
use forge::ProjectRef;
use oci::{Digest, RepoName};
use serde::Deserialize;
use serde_json::Value;
use ui::{ActivityRow, ActivityView};

use super::{Failure, Page, Visitor, chain::state, view::moment};
use crate::App;

pub(super) fn routes() -> Router<App> {
    Router::new().route("/activity/of/{*name}", get(of_repository))
}

#[derive(Debug, Deserialize)]
struct Before {
    before: Option<u64>,
}

async fn of_repository(visitor: Visitor, Path(name): Path<String>, Query(before): Query<Before>) -> Response {
    visitor.answer(page(&visitor, &name, before.before).await)
}

async fn page(visitor: &Visitor, name: &str, before: Option<u64>) -> Page {
    visitor.require_account()?;
    let name: RepoName = name.parse().map_err(|_| Failure::NotFound)?;
    let app = &visitor.app;
    app.registry.repository(&visitor.ctx, &name).await?;
    let tabs = visitor.tabs(&name).await;
    let wanted = Filter {
        before,
        subject: Some(format!("repository/{name}")),
        newest_first: true,
        limit: Some(limits::PAGE_DEFAULT),
        ..Filter::default()
    };
    let entries = app.log.entries(&wanted).await?;
    let next = entries.last().filter(|_| entries.len() == limits::PAGE_DEFAULT).and_then(|last| last.index);
    let mut rows = Vec::with_capacity(entries.len());
    for entry in entries.iter().filter(|entry| tabs.administers || is_for_readers(&entry.kind)) {
        rows.push(row(visitor, &name, &Link { body: entry.parsed()?, index: entry.index }).await?);
    }
    Ok(ui::activity(&visitor.frame(), &ActivityView { tabs, rows, next }).into_string())
}

/// What names other registries, addresses and refused people is for those who administer the repository.
fn is_for_readers(kind: &str) -> bool {
    const NOUNS: [&str; 11] = [
        "decision",
        "deletion",
        "image",
        "manifest",
        "policy",
        "promotion",
        "pruning_policy",
        "scan",
        "tag",
        "trust",
        "waiver",
    ];
    kind != "image.mirrored" && kind.split_once('.').is_some_and(|(noun, _)| NOUNS.contains(&noun))
}

async fn row(visitor: &Visitor, name: &RepoName, link: &Link) -> Result<ActivityRow, Failure> {
    let body = &link.body;
    // A blob has no page.
    let digest = body.subjects.iter().find(|subject| subject.parse::<Digest>().is_ok());
    let digest = digest.filter(|_| !body.kind.starts_with("blob.")).cloned();
    let node = tell(link, digest.as_deref().unwrap_or_default());
    Ok(ActivityRow {
        what: node.what,
        state: state(node.state),
        at: moment(node.at),
        actor: node.actor,
        tags: tags(name, body),
        facts: node.facts,
        links: links(visitor, body, digest.as_deref()).await?,
        digest,
        entry: node.entry,
        index: node.index,
    })
}

/// The tags of this repository that an entry is about, or names.
fn tags(name: &RepoName, body: &Body) -> Vec<String> {
    let begins = format!("tag/{name}:");
    let about = body.subjects.iter().filter_map(|subject| subject.strip_prefix(&begins));
    let told = body
        .details
        .get("tag")
        .into_iter()
        .chain(body.details.get("tags").and_then(Value::as_array).into_iter().flatten());
    let all: BTreeSet<&str> = about.chain(told.filter_map(Value::as_str)).collect();
    all.into_iter().map(str::to_owned).collect()
}

/// The decision behind an entry, and the pipeline of its job, where the reader may see them.
async fn links(visitor: &Visitor, body: &Body, digest: Option<&str>) -> Result<Vec<(String, String)>, Failure> {
    let (app, ctx, mut links) = (&visitor.app, &visitor.ctx, Vec::new());
    let decided = match body.kind.as_str() {
        "decision.made" => Some(body.id.as_str()),
        "image.promoted" => body.cause.as_deref(),
        _ => None,
    };
    if let (Some(entry), Some(Ok(digest))) = (decided, digest.map(str::parse))
        && let Some(id) = app.promote.decision_of_entry(ctx, &digest, entry).await?
    {
        links.push(("Decision".to_owned(), format!("/decisions/{id}")));
    }
    let job = body.subjects.iter().find_map(|subject| subject.strip_prefix("job/")?.parse().ok());
    if let Some(job) = job
        && let Some(pipeline) = Ci::pipeline_of_job(&mut app.db.read().await?, job).await?
        && app.ci.pipeline(ctx, &ProjectRef::Id(pipeline.project), pipeline.id).await.is_ok()
    {
        links.push(("Pipeline".to_owned(), format!("/projects/{}/pipelines/{}", pipeline.path, pipeline.id)));
    }
    Ok(links)
}
