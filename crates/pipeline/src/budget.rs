//! How much a small file may grow to: every copy made by alias, `extends`, `!reference` or plan is paid for here.

use base::limits;

/// What is left to spend of `limits::PIPELINE_NODES` and `limits::PIPELINE_EXPANDED_BYTES`.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    nodes: usize,
    bytes: usize,
}

/// The file grows beyond its limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spent;

impl Spent {
    pub fn message(self) -> String {
        format!(
            "the file grows beyond {} nodes or {} MiB of text once aliases, extends, references and variables are \
             expanded; say less of it, or say it in fewer jobs",
            limits::PIPELINE_NODES,
            limits::PIPELINE_EXPANDED_BYTES / (1024 * 1024)
        )
    }
}

impl Budget {
    pub fn new() -> Budget {
        Budget { nodes: limits::PIPELINE_NODES, bytes: limits::PIPELINE_EXPANDED_BYTES }
    }

    pub fn spend(&mut self, nodes: usize, bytes: usize) -> Result<(), Spent> {
        self.nodes = self.nodes.checked_sub(nodes).ok_or(Spent)?;
        self.bytes = self.bytes.checked_sub(bytes).ok_or(Spent)?;
        Ok(())
    }

    /// What was spent since `earlier`, a copy of this budget: nodes and bytes.
    pub fn since(&self, earlier: &Budget) -> (usize, usize) {
        (earlier.nodes - self.nodes, earlier.bytes - self.bytes)
    }
}
