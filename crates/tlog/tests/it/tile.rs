//! Tile paths, and a store that keeps nothing but tiles.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tlog::{
    Error, Frontier, Hash, Tile, TileKind, TileSet, consistency_nodes, inclusion_nodes, next_level, prove_consistency,
    prove_inclusion, tile_root, tiles_grown, tiles_of, verify_consistency, verify_inclusion,
};

use crate::reference;

/// The tiles of a log by level and index, as a store that follows [`Frontier::append`] has them.
#[derive(Default)]
struct Store {
    frontier: Frontier,
    tiles: BTreeMap<(u8, u64), Vec<u8>>,
}

impl Store {
    fn append(&mut self, leaf: Hash) {
        for (node, hash) in self.frontier.append(leaf).unwrap() {
            if let Some(slot) = node.slot() {
                let tile = self.tiles.entry((slot.level, slot.index)).or_default();
                assert_eq!(tile.len(), usize::from(slot.offset) * 32, "hashes arrive in order");
                tile.extend(hash.0);
            }
        }
    }

    /// The tiles as files of the log at an earlier size.
    fn fetch(&self, tiles: &[Tile]) -> TileSet {
        let mut set = TileSet::new();
        for tile in tiles {
            let TileKind::Hashes { level } = tile.kind() else { panic!("proofs need no entries") };
            set.insert(*tile, &self.tiles[&(level, tile.index())][..usize::from(tile.width()) * 32]).unwrap();
        }
        set
    }
}

#[test]
fn paths_of_the_specification() {
    let good = [
        "tile/0/000",
        "tile/0/x001/x234/067",
        "tile/63/999",
        "tile/1/005.p/17",
        "tile/entries/x273/000.p/255",
        "tile/entries/000.p/1",
        "tile/0/x018/x446/x744/x073/x709/x551/615",
    ];
    for path in good {
        assert_eq!(path.parse::<Tile>().unwrap().to_string(), path);
    }
    assert_eq!("tile/0/x001/x234/067".parse::<Tile>().unwrap().index(), 1_234_067);
    let bad = [
        "",
        "tile",
        "tile/",
        "tile/0",
        "tile/0/",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/64/000",
        "tile/00/000",
        "tile/+1/000",
        "tile/-1/000",
        "tile/0/x000/000",
        "tile/0/001/000",
        "tile/0/x001/x002",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/+1",
        "tile/0/000.p/",
        "tile/0/000.p",
        "tile/0/+00",
        "/tile/0/000",
        "tile/0/000/",
        "tile/data/000",
        "tile/0/../000",
        "tile/0/x018/x446/x744/x073/x709/x551/616",
        "tile/0/xx01",
        "tile/0/000.p/1.p/1",
        "tile/0/٠٠٠",
        "tile/Entries/000",
        "tile/0/x1/x1/000",
    ];
    for path in bad {
        assert!(path.parse::<Tile>().is_err(), "{path}");
    }
}

#[test]
fn the_log_of_seventy_thousand_of_the_specification() {
    let all: Vec<Tile> = tiles_grown(0, 70_000).collect();
    let count = |level, full| {
        all.iter().filter(|tile| tile.kind() == TileKind::Hashes { level } && tile.is_full() == full).count()
    };
    assert_eq!([count(0, true), count(0, false), count(1, true), count(1, false), count(2, true)], [273, 1, 1, 1, 0]);
    let partial: Vec<String> = all.iter().filter(|tile| !tile.is_full()).map(Tile::to_string).collect();
    assert_eq!(partial, ["tile/entries/273.p/112", "tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]);
    assert_eq!(
        tiles_grown(255, 256).map(|tile| tile.to_string()).collect::<Vec<_>>(),
        ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]
    );
    assert_eq!(tiles_grown(300, 300).count(), 0);
    assert_eq!(tiles_grown(300, 299).count(), 0);
}

#[test]
fn tiles_alone_prove_everything() {
    let leaves = reference::leaves(256 * 256 + 300);
    let mut store = Store::default();
    let mut roots = vec![store.frontier.root()];
    for leaf in &leaves {
        store.append(*leaf);
        roots.push(store.frontier.root());
    }
    let sizes = [1_u64, 2, 255, 256, 257, 511, 512, 700, 65_535, 65_536, 65_537, 65_792, 65_836];
    for size in sizes {
        let root = roots[usize::try_from(size).unwrap()];
        for index in [0, 1, size / 3, size / 2, size - 1].into_iter().filter(|index| *index < size) {
            let needed = tiles_of(&inclusion_nodes(index, size).unwrap(), size).unwrap();
            let tiles = store.fetch(&needed);
            let path = prove_inclusion(index, size, |node| tiles.node(node)).unwrap();
            verify_inclusion(leaves[usize::try_from(index).unwrap()], index, size, root, &path).unwrap();
        }
        for old_size in sizes.into_iter().filter(|old_size| *old_size <= size) {
            let needed = tiles_of(&consistency_nodes(old_size, size).unwrap(), size).unwrap();
            let tiles = store.fetch(&needed);
            let proof = prove_consistency(old_size, size, |node| tiles.node(node)).unwrap();
            verify_consistency(old_size, roots[usize::try_from(old_size).unwrap()], size, root, &proof).unwrap();
        }
        let needed = tiles_of(&tlog::root_nodes(size).unwrap(), size).unwrap();
        let tiles = store.fetch(&needed);
        assert_eq!(Frontier::load(size, |node| tiles.node(node)).unwrap().root(), root);
    }
    let level_0: Vec<Hash> = leaves;
    let level_1 = next_level(&level_0);
    for (level, hashes) in [(0, &level_0), (1, &level_1), (2, &next_level(&level_1))] {
        let stored: Vec<u8> =
            store.tiles.iter().filter(|(at, _)| at.0 == level).flat_map(|(_, tile)| tile.clone()).collect();
        assert_eq!(stored, hashes.iter().flat_map(|hash| hash.0).collect::<Vec<u8>>(), "level {level}");
    }
    assert_eq!(tile_root(&level_0[..256]).unwrap(), level_1[0]);
    assert!(tile_root(&level_0[..255]).is_err());
}

#[test]
fn a_missing_or_wrong_tile_is_named() {
    let nodes = inclusion_nodes(0, 300).unwrap();
    let tiles = tiles_of(&nodes, 300).unwrap();
    assert_eq!(tiles.iter().map(Tile::to_string).collect::<Vec<_>>(), ["tile/0/000", "tile/0/001.p/44"]);
    let mut set = TileSet::new();
    assert!(set.insert(tiles[0], &[0; 8191]).is_err());
    assert!(set.insert("tile/entries/000.p/1".parse().unwrap(), &[0; 32]).is_err());
    set.insert(tiles[0], &[0; 8192]).unwrap();
    // A narrower version that comes later takes nothing away.
    set.insert("tile/0/000.p/1".parse().unwrap(), &[0; 32]).unwrap();
    let missing = nodes.iter().find_map(|node| set.node(*node).err());
    assert_eq!(missing, Some(Error::MissingTile { path: "tile/0/001.p/32".to_owned() }));
    assert!(tiles_of(&nodes, 200).is_err());
}

proptest! {
    #[test]
    fn tiles_grow_as_the_frontier_does(steps in prop::collection::vec(0_usize..400, 1..6)) {
        let mut store = Store::default();
        let mut files: BTreeMap<(TileKind, u64), u16> = BTreeMap::new();
        for step in steps {
            let old_size = store.frontier.size();
            reference::leaves(step).into_iter().for_each(|leaf| store.append(leaf));
            for tile in tiles_grown(old_size, store.frontier.size()) {
                let before = files.insert((tile.kind(), tile.index()), tile.width());
                prop_assert!(before.is_none_or(|before| before < tile.width()), "{} written twice", tile);
            }
            let hashes = files.iter().filter_map(|((kind, index), width)| match kind {
                TileKind::Hashes { level } => Some(((*level, *index), usize::from(*width) * 32)),
                TileKind::Entries => None,
            });
            let stored = store.tiles.iter().map(|(at, tile)| (*at, tile.len()));
            prop_assert_eq!(hashes.collect::<Vec<_>>(), stored.collect::<Vec<_>>());
        }
    }

    #[test]
    fn reading_a_path_never_panics(text in "(tile/)?[0-9a-z/.x]{0,40}|.{0,60}") {
        if let Ok(tile) = text.parse::<Tile>() {
            prop_assert_eq!(tile.to_string(), text);
        }
    }

    #[test]
    fn paths_round_trip(level in 0_u8..8, index in 0..u64::MAX >> 8, size: u64) {
        for kind in [TileKind::Entries, TileKind::Hashes { level }] {
            if let Some(tile) = Tile::of_log(kind, index % 2000, size % 600_000) {
                prop_assert_eq!(tile.to_string().parse::<Tile>().unwrap(), tile);
            }
            if let Some(tile) = Tile::of_log(kind, index, size) {
                prop_assert_eq!(tile.to_string().parse::<Tile>().unwrap(), tile);
            }
        }
    }
}
