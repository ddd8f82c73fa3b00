//! The chain of one digest.

use axum::{extract::Path, response::Response};
use oci::Digest;
use ui::{ChainView, NodeState};

use super::{Failure, Page, Visitor, view::moment};
use crate::chain::teller;

/// `GET /chain/{digest}`
pub(super) async fn show(visitor: Visitor, Path(digest): Path<String>) -> Response {
    visitor.answer(page(&visitor, &digest).await)
}

async fn page(visitor: &Visitor, digest: &str) -> Page {
    let digest: Digest = digest.parse().map_err(|_| Failure::NotFound)?;
    let story = teller(&visitor.app).of(&visitor.ctx, &digest).await?;
    let view = ChainView {
        digest: story.digest,
        verdict: story.verdict,
        complete: story.complete,
        nodes: story.nodes.into_iter().map(node).collect(),
        checkpoint: story.checkpoint,
    };
    Ok(ui::chain(&visitor.frame(), &view).into_string())
}

fn node(node: ::chain::Node) -> ui::Node {
    ui::Node {
        what: node.what,
        at: moment(node.at),
        actor: node.actor,
        state: state(node.state),
        facts: node.facts,
        entry_index: node.index,
        entry_id: node.entry,
    }
}

pub(super) fn state(state: ::chain::State) -> NodeState {
    match state {
        ::chain::State::Good => NodeState::Good,
        ::chain::State::Bad => NodeState::Bad,
        ::chain::State::Neutral => NodeState::Neutral,
    }
}
