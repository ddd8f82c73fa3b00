//! What happened to a repository of late, as the audit log has it.

use maud::{Markup, html};

use crate::{
    Frame, NodeState,
    layout::{page, short_digest},
    tabs::{Tab, Tabs},
};

/// A page of entries, the newest first.
#[derive(Clone, Debug)]
pub struct ActivityView {
    pub tabs: Tabs,
    pub rows: Vec<ActivityRow>,
    /// The index before which the next page begins.
    pub next: Option<u64>,
}

/// One entry.
#[derive(Clone, Debug)]
pub struct ActivityRow {
    pub what: String,
    pub state: NodeState,
    pub at: String,
    pub actor: String,
    pub tags: Vec<String>,
    pub digest: Option<String>,
    pub facts: Vec<(String, String)>,
    /// Words and address of what it is explained by: a decision, a pipeline.
    pub links: Vec<(String, String)>,
    pub entry: String,
    pub index: Option<u64>,
}

/// The page.
pub fn activity(frame: &Frame, view: &ActivityView) -> Markup {
    let content = html! {
        (view.tabs.at(frame, Tab::Activity))
        p.quiet { "The entries of the audit log about this repository, the newest first. Pulls are not recorded." }
        @if view.rows.is_empty() { p { "Nothing is recorded here." } }
        @else { div.wide { table #activity {
            thead { tr { th { "What" } th { "Tag" } th { "Image" } th { "By" } th { "When" } th { "More" } } }
            tbody { @for row in &view.rows { (row_of(&view.tabs.repository, row)) } }
        } } }
        @if let Some(next) = view.next {
            p { a href={ "/activity/of/" (view.tabs.repository) "?before=" (next) } { "Older" } }
        }
    };
    page(frame, &format!("Activity in {}", view.tabs.repository), &content)
}

fn row_of(repository: &str, row: &ActivityRow) -> Markup {
    html! {
        tr data-what=(row.what) data-entry=(row.entry) {
            td { @match row.state {
                NodeState::Good => span.good { "✓ " (row.what) },
                NodeState::Bad => span.bad { "✕ " (row.what) },
                NodeState::Neutral => { "· " (row.what) },
            } }
            td { @for tag in &row.tags { (tag) br; } }
            td { @if let Some(digest) = &row.digest { a href={ "/images/" (repository) "@" (digest) } { (short_digest(digest)) } } }
            td { (row.actor) }
            td { (row.at) }
            td {
                @for (words, address) in &row.links { a href=(address) { (words) } " " }
                details {
                    summary { "Entry " @match row.index { Some(index) => (index), None => "(waits for its place)" } }
                    dl.facts { @for (name, value) in &row.facts { dt { (name) } dd { (value) } } dt { "id" } dd { code { (row.entry) } } }
                }
            }
        }
    }
}
