//! Reading nodes out of tiles: what a client does that has only static files, and a store that keeps only tiles.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    error::Error,
    hash::Hash,
    node::Node,
    tile::{Tile, TileKind, perfect_root},
};

/// The tiles of hashes in which these nodes stand, as they are in a log of `size` entries; each once. Nodes come from
/// [`crate::inclusion_nodes`] and the like for the same size.
pub fn tiles_of(nodes: &[Node], size: u64) -> Result<Vec<Tile>, Error> {
    let tiles = nodes.iter().map(|node| tile_of(*node, size)).collect::<Result<BTreeSet<_>, Error>>()?;
    Ok(tiles.into_iter().collect())
}

/// Tiles of one log, to read nodes from. The tiles are believed: what is read from them is proved only when the proof
/// made of it, or the root, is compared with a checkpoint.
#[derive(Clone, Debug, Default)]
pub struct TileSet {
    tiles: BTreeMap<(u8, u64), Vec<Hash>>,
}

impl TileSet {
    pub fn new() -> TileSet {
        TileSet::default()
    }

    /// Add the bytes of a tile of hashes. A wider version replaces a narrower one.
    /// [`Error::Malformed`] for a bundle of entries or when the bytes are not as many hashes as the tile's name says.
    pub fn insert(&mut self, tile: Tile, bytes: &[u8]) -> Result<(), Error> {
        let TileKind::Hashes { level } = tile.kind() else {
            return Err(Error::malformed("tile", format!("{tile} holds entries, not hashes")));
        };
        if bytes.len() != usize::from(tile.width()) * Hash::BYTES {
            return Err(Error::malformed("tile", format!("{tile} cannot have {} bytes", bytes.len())));
        }
        let hashes = Hash::split(bytes).expect("the length was checked to be a multiple of a hash");
        let kept = self.tiles.entry((level, tile.index())).or_default();
        if kept.len() < hashes.len() {
            *kept = hashes;
        }
        Ok(())
    }

    /// The hash of a node. [`Error::MissingTile`] when its tile was not inserted, or too narrow.
    pub fn node(&self, node: Node) -> Result<Hash, Error> {
        let slot = node.first_slot();
        let start = usize::from(slot.offset);
        let hashes = self.tiles.get(&(slot.level, slot.index)).and_then(|tile| tile.get(start..start + node.span()));
        let missing = || Error::MissingTile { path: tile_needed(node).to_string() };
        hashes.map(perfect_root).ok_or_else(missing)
    }
}

fn tile_of(node: Node, size: u64) -> Result<Tile, Error> {
    let slot = node.first_slot();
    let needed = tile_needed(node);
    let outside = || Error::OutOfRange { what: "tile", given: slot.index, size };
    let tile = Tile::of_log(needed.kind(), slot.index, size).ok_or_else(outside)?;
    if tile.width() < needed.width() { Err(outside()) } else { Ok(tile) }
}

/// The narrowest tile that has the node.
fn tile_needed(node: Node) -> Tile {
    let slot = node.first_slot();
    let count = slot.index * 256 + u64::from(slot.offset) + node.span() as u64;
    Tile::of_log(TileKind::Hashes { level: slot.level }, slot.index, count << (8 * slot.level))
        .expect("a node spans at least one slot")
}
