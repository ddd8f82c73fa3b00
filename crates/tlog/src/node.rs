//! The address of one hash: a perfect subtree, and the slot of a tile in which it stands.

use crate::tile::TILE_WIDTH;

/// A perfect subtree: the entries from `index << level` to `(index + 1) << level`. Level 0 is one entry. Nodes come only
/// from this crate, so that their entries always fit a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node {
    level: u8,
    index: u64,
}

/// Where a node of tile height stands: hash number `offset` (0 to 255) of tile `index` at tile level `level`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot {
    pub level: u8,
    pub index: u64,
    pub offset: u8,
}

impl Node {
    pub(crate) fn new(level: u8, index: u64) -> Node {
        Node { level, index }
    }

    pub(crate) fn leaf(index: u64) -> Node {
        Node { level: 0, index }
    }

    /// The subtree above this one; this must be its right child.
    pub(crate) fn parent(self) -> Node {
        Node { level: self.level + 1, index: self.index >> 1 }
    }

    pub fn level(self) -> u8 {
        self.level
    }

    pub fn index(self) -> u64 {
        self.index
    }

    /// The slot of this node, if its hash stands in a tile itself: levels 0, 8, 16, …. The levels between are computed
    /// from the tile below (tlog-tiles, "Merkle Tree").
    pub fn slot(self) -> Option<Slot> {
        self.level.is_multiple_of(8).then(|| self.first_slot())
    }

    /// The first of the `1 << (level % 8)` slots from which this node's hash is computed.
    pub(crate) fn first_slot(self) -> Slot {
        let first = self.index << (self.level % 8);
        let width = u64::from(TILE_WIDTH);
        Slot { level: self.level / 8, index: first / width, offset: (first % width) as u8 }
    }

    /// How many slots of its tile this node spans.
    pub(crate) fn span(self) -> usize {
        1 << (self.level % 8)
    }
}
