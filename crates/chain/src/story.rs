//! The whole chain of a digest, as JSON and as text.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Node, State};

/// The story of one digest. Its JSON form is what `GET /api/v1/chain/{digest}` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Story {
    pub digest: String,
    /// The last line: `promoted and signed: …`, or what is missing.
    pub verdict: String,
    /// Whether the digest is promoted and signed, now.
    pub complete: bool,
    /// In the order of the log.
    pub nodes: Vec<Node>,
    /// The tree head that the entries can be proved against, a signed note.
    pub checkpoint: Option<String>,
}

/// Blocks of lines, one per node; the last line is the verdict.
impl fmt::Display for Story {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}\n", self.digest)?;
        for node in &self.nodes {
            let sign = match node.state {
                State::Good => '✓',
                State::Bad => '✕',
                State::Neutral => '·',
            };
            let at = node.at.strftime("%Y-%m-%d %H:%M:%S UTC");
            writeln!(out, "{sign} {} ({at}, by {})", node.what, node.actor)?;
            for (name, value) in &node.facts {
                writeln!(out, "    {name}: {value}")?;
            }
            match node.index {
                Some(index) => writeln!(out, "    audit entry: #{index} {}", node.entry)?,
                None => writeln!(out, "    audit entry: {}, not yet in the log", node.entry)?,
            }
        }
        if !self.nodes.is_empty() {
            writeln!(out)?;
        }
        write!(out, "{} {}", if self.complete { '✓' } else { '?' }, self.verdict)
    }
}
