//! The tree while it grows: leaves in, finished tiles out.

use std::collections::BTreeMap;

use tlog::{EMPTY_ROOT, Frontier, Hash, TILE_WIDTH, Tile, TileKind, bundle, leaf_hash};

/// A tile with the bytes of its file.
pub(crate) type Filed = (Tile, Vec<u8>);

/// Makes every file of the log from the leaves in order. It holds the unfinished tile of each level and nothing else, so
/// the whole log streams through it in little memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Builder {
    frontier: Frontier,
    /// The unfinished entry bundle.
    bundle: Vec<u8>,
    /// The unfinished tile of hashes of each level.
    levels: Vec<Vec<u8>>,
    /// Roots on the way that somebody wants to compare.
    roots: BTreeMap<u64, Option<Hash>>,
}

impl Builder {
    /// Remember the root at this size when the log passes it.
    pub fn watch(&mut self, size: u64) {
        let root = (size == 0).then_some(EMPTY_ROOT);
        self.roots.insert(size, root);
    }

    /// The root at a watched size, once passed.
    pub fn root_at(&self, size: u64) -> Option<Hash> {
        self.roots.get(&size).copied().flatten()
    }

    pub fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// Add the next leaf; gives the tiles that it filled.
    pub fn push(&mut self, leaf: &[u8]) -> Result<Vec<Filed>, tlog::Error> {
        let mut full = Vec::new();
        bundle::append(&mut self.bundle, leaf)?;
        let completed = self.frontier.append(leaf_hash(leaf))?;
        let size = self.frontier.size();
        if size.is_multiple_of(u64::from(TILE_WIDTH)) {
            let tile = tile_of(TileKind::Entries, size / u64::from(TILE_WIDTH) - 1, size);
            full.push((tile, std::mem::take(&mut self.bundle)));
        }
        for (slot, hash) in completed.iter().filter_map(|(node, hash)| Some((node.slot()?, hash))) {
            let level = usize::from(slot.level);
            if self.levels.len() <= level {
                self.levels.push(Vec::new());
            }
            self.levels[level].extend(hash.as_bytes());
            if slot.offset == u8::MAX {
                let tile = tile_of(TileKind::Hashes { level: slot.level }, slot.index, size);
                full.push((tile, std::mem::take(&mut self.levels[level])));
            }
        }
        if let Some(root) = self.roots.get_mut(&size) {
            *root = Some(self.frontier.root());
        }
        Ok(full)
    }

    /// The partial tiles at the right edge.
    pub fn edge(&self) -> Vec<Filed> {
        let size = self.size();
        let edge_index = |level: usize| (size >> (8 * level)) / u64::from(TILE_WIDTH);
        let mut edge = Vec::new();
        if !self.bundle.is_empty() {
            edge.push((tile_of(TileKind::Entries, edge_index(0), size), self.bundle.clone()));
        }
        for (level, bytes) in self.levels.iter().enumerate().filter(|(_, bytes)| !bytes.is_empty()) {
            let kind =
                TileKind::Hashes { level: u8::try_from(level).expect("a tree has at most eight levels of tiles") };
            edge.push((tile_of(kind, edge_index(level), size), bytes.clone()));
        }
        edge
    }
}

fn tile_of(kind: TileKind, index: u64, size: u64) -> Tile {
    Tile::of_log(kind, index, size).expect("a tile that has bytes is a tile of the log")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tlog::{Hash, Tile, TileKind, TileSet, leaf_hash, next_level, tiles_grown, tree_root};

    use super::Builder;

    /// Three levels of tiles, with an edge on each.
    const LEAVES: u64 = 256 * 256 + 256 * 3 + 7;

    #[test]
    fn it_makes_the_tiles_that_the_format_asks_for_and_no_other() {
        let mut builder = Builder::default();
        builder.watch(300);
        let mut files = BTreeMap::new();
        let mut hashes = Vec::new();
        for number in 0..LEAVES {
            let leaf = number.to_be_bytes();
            hashes.push(leaf_hash(&leaf));
            files.extend(builder.push(&leaf).unwrap());
        }
        files.extend(builder.edge());
        let expected: Vec<Tile> = tiles_grown(0, LEAVES).collect();
        assert_eq!(files.keys().copied().collect::<Vec<_>>(), sorted(expected));

        let mut set = TileSet::new();
        for (tile, bytes) in files.iter().filter(|(tile, _)| tile.kind() != TileKind::Entries) {
            set.insert(*tile, bytes).unwrap();
        }
        let above = next_level(&hashes);
        let level = concat(&files, "tile/1/");
        assert_eq!(level, above.iter().flat_map(|hash| hash.0).collect::<Vec<u8>>());
        let level = concat(&files, "tile/2/");
        assert_eq!(level, next_level(&above).iter().flat_map(|hash| hash.0).collect::<Vec<u8>>());
        let root: Result<Hash, tlog::Error> = tree_root(300, |node| set.node(node));
        assert_eq!(builder.root_at(300), Some(root.unwrap()));
    }

    fn sorted(mut tiles: Vec<Tile>) -> Vec<Tile> {
        tiles.sort();
        tiles
    }

    fn concat(files: &BTreeMap<Tile, Vec<u8>>, prefix: &str) -> Vec<u8> {
        files
            .iter()
            .filter(|(tile, _)| tile.to_string().starts_with(prefix))
            .flat_map(|(_, bytes)| bytes.clone())
            .collect()
    }
}
