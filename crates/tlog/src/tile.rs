//! Tiles: 256 consecutive hashes of one height in one immutable file, and their paths (C2SP tlog-tiles).
//!
//! ```text
//!  level 1   tile/1/000           256 roots, one per full tile below
//!              │ │ │
//!  level 0   tile/0/000 tile/0/001 … tile/0/273.p/112        256 leaf hashes each; the last may be partial
//!              │          │            │
//!  entries   tile/entries/000 …    tile/entries/273.p/112    the leaves themselves, as bundles
//! ```

use std::{fmt, iter, str};

use crate::{
    error::{Error, quoted},
    hash::{Hash, node_hash},
};

/// Hashes in a full tile, and entries in a full bundle.
pub const TILE_WIDTH: u16 = 256;

/// The highest level that tlog-tiles can name.
const LEVEL_MAX: u8 = 63;

/// What a tile holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TileKind {
    /// The leaves of level 0, as an entry bundle.
    Entries,
    /// Hashes of perfect subtrees of `256^level` entries.
    Hashes { level: u8 },
}

/// The name of one tile or entry bundle. Its text is the path under the log's prefix, and has one spelling only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    kind: TileKind,
    index: u64,
    width: u16,
}

/// The root above one full tile: the hash that stands for it in the level above. [`Error::Malformed`] for a partial tile,
/// which is never hashed into the level above.
pub fn tile_root(hashes: &[Hash]) -> Result<Hash, Error> {
    if hashes.len() == usize::from(TILE_WIDTH) {
        Ok(perfect_root(hashes))
    } else {
        Err(Error::malformed("tile", format!("{} hashes where only a full tile of 256 has a root", hashes.len())))
    }
}

/// The hashes of the level above, one for each full tile of these; the rest of a partial tile stays below.
pub fn next_level(hashes: &[Hash]) -> Vec<Hash> {
    hashes.chunks_exact(usize::from(TILE_WIDTH)).map(perfect_root).collect()
}

/// Every tile and bundle that a log of `size` entries has and a log of `old_size` had not, or had narrower: what a store
/// writes when the log grew. Bundles first, then levels upwards.
pub fn tiles_grown(old_size: u64, size: u64) -> impl Iterator<Item = Tile> {
    let levels = (0..8).map(|level| TileKind::Hashes { level });
    iter::once(TileKind::Entries).chain(levels).flat_map(move |kind| {
        let (old, new) = (kind.count(old_size), kind.count(size));
        let width = u64::from(TILE_WIDTH);
        let grown = if old < new { old / width..new.div_ceil(width) } else { 0..0 };
        grown.filter_map(move |index| Tile::of_log(kind, index, size))
    })
}

/// The root of a perfect subtree; the number of hashes is a power of two.
pub(crate) fn perfect_root(hashes: &[Hash]) -> Hash {
    match hashes {
        [hash] => *hash,
        _ => {
            let (left, right) = hashes.split_at(hashes.len() / 2);
            node_hash(&perfect_root(left), &perfect_root(right))
        }
    }
}

impl TileKind {
    /// How many hashes or entries of this kind a log of `size` entries has.
    fn count(self, size: u64) -> u64 {
        match self {
            TileKind::Entries => size,
            TileKind::Hashes { level } => size.checked_shr(8 * u32::from(level)).unwrap_or(0),
        }
    }
}

impl Tile {
    /// The tile as it stands in a log of `size` entries: full, or partial at the right edge. None beyond the edge.
    pub fn of_log(kind: TileKind, index: u64, size: u64) -> Option<Tile> {
        let first = index.checked_mul(u64::from(TILE_WIDTH))?;
        let beyond = kind.count(size).checked_sub(first).filter(|beyond| *beyond > 0)?;
        Some(Tile { kind, index, width: beyond.min(u64::from(TILE_WIDTH)) as u16 })
    }

    pub fn kind(&self) -> TileKind {
        self.kind
    }

    pub fn index(&self) -> u64 {
        self.index
    }

    /// How many hashes or entries it holds: 1 to 256.
    pub fn width(&self) -> u16 {
        self.width
    }

    /// The same tile once it is full: what a client asks for when a partial tile is gone.
    pub fn full(&self) -> Tile {
        Tile { width: TILE_WIDTH, ..*self }
    }

    pub fn is_full(&self) -> bool {
        self.width == TILE_WIDTH
    }
}

impl fmt::Display for Tile {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TileKind::Entries => out.write_str("tile/entries/")?,
            TileKind::Hashes { level } => write!(out, "tile/{level}/")?,
        }
        write_index(out, self.index / 1000)?;
        write!(out, "{:03}", self.index % 1000)?;
        if self.is_full() { Ok(()) } else { write!(out, ".p/{}", self.width) }
    }
}

impl str::FromStr for Tile {
    type Err = Error;

    /// `tile/<L>/<N>[.p/<W>]` or `tile/entries/<N>[.p/<W>]`.
    fn from_str(text: &str) -> Result<Tile, Error> {
        let refused = || {
            let expected = "tile/LEVEL/INDEX or tile/entries/INDEX, then .p/WIDTH if partial";
            Error::malformed("tile path", format!("{} is not {expected}", quoted(text)))
        };
        let (kind, rest) = text.strip_prefix("tile/").and_then(|rest| rest.split_once('/')).ok_or_else(refused)?;
        let kind = match kind {
            "entries" => TileKind::Entries,
            level => {
                let level = level.parse().ok().filter(|level| *level <= LEVEL_MAX).ok_or_else(refused)?;
                TileKind::Hashes { level }
            }
        };
        let (index, width) = match rest.split_once(".p/") {
            Some((index, width)) => {
                let width = width.parse().ok().filter(|width| (1..TILE_WIDTH).contains(width));
                (index, width.ok_or_else(refused)?)
            }
            None => (rest, TILE_WIDTH),
        };
        let tile = Tile { kind, index: read_index(index).ok_or_else(refused)?, width };
        // Plus signs and leading zeroes that the number parsers took show up here.
        if tile.to_string() == text { Ok(tile) } else { Err(refused()) }
    }
}

/// The elements before the last: `x001/x234/` for 1234.
fn write_index(out: &mut fmt::Formatter<'_>, thousands: u64) -> fmt::Result {
    if thousands == 0 {
        return Ok(());
    }
    write_index(out, thousands / 1000)?;
    write!(out, "x{:03}/", thousands % 1000)
}

/// `x001/x234/067` is 1234067.
fn read_index(text: &str) -> Option<u64> {
    text.split('/').try_fold(0_u64, |index, element| {
        let digits = element.strip_prefix('x').unwrap_or(element);
        let number: u64 = if digits.len() == 3 { digits.parse().ok()? } else { return None };
        index.checked_mul(1000)?.checked_add(number)
    })
}
