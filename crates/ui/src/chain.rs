//! The chain of one digest: from the commit to what runs, node by node.

use maud::{Markup, html};

use crate::{
    Frame,
    layout::{page, short},
};

/// The story of one digest.
#[derive(Clone, Debug)]
pub struct ChainView {
    pub digest: String,
    /// The last line: `promoted and signed`, or what is missing.
    pub verdict: String,
    pub complete: bool,
    pub nodes: Vec<Node>,
    /// The tree head that the entries are proved against.
    pub checkpoint: Option<String>,
}

/// One link.
#[derive(Clone, Debug)]
pub struct Node {
    /// `Pushed`, `Scanned`, `Promoted`.
    pub what: String,
    pub at: String,
    pub actor: String,
    pub state: NodeState,
    pub facts: Vec<(String, String)>,
    /// The audit entry that proves it: its index in the log, once it has one.
    pub entry_index: Option<u64>,
    pub entry_id: String,
}

/// How a link stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeState {
    Good,
    Bad,
    Neutral,
}

/// The page.
pub fn chain(frame: &Frame, view: &ChainView) -> Markup {
    let class = if view.complete { "good" } else { "wait" };
    let sign = if view.complete { "✓" } else { "?" };
    let content = html! {
        p.digest { (view.digest) }
        p class={ "verdict " (class) } data-complete=(view.complete) { (sign) " " (view.verdict) }
        ol.chain { @for node in &view.nodes { (link(node)) } }
        @if view.nodes.is_empty() { p { "Nothing is known of this digest." } }
        @if let Some(checkpoint) = &view.checkpoint {
            h2 { "Checkpoint" }
            pre.panel { (checkpoint) }
        }
    };
    page(frame, &format!("Chain of {}", short(&view.digest)), &content)
}

fn link(node: &Node) -> Markup {
    let (sign, class) = match node.state {
        NodeState::Good => ("✓", "good"),
        NodeState::Bad => ("✕", "bad"),
        NodeState::Neutral => ("·", "quiet"),
    };
    html! {
        li class=(class) data-sign=(sign) data-what=(node.what) {
            div { span.what { (node.what) } span.quiet { " " (node.at) " by " (node.actor) } }
            dl.facts {
                @for (name, value) in &node.facts { dt { (name) } dd { (value) } }
                dt { "audit entry" }
                dd {
                    @if let Some(index) = node.entry_index { "#" (index) } @else { "not yet in the log" }
                    " " code { (node.entry_id) }
                }
            }
        }
    }
}
