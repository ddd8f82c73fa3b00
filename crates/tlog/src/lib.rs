//! A transparency log as C2SP writes it down: hashes, tiles, proofs, signed notes, checkpoints, receipts.
//!
//! The audit log of the product is an append-only Merkle tree (RFC 6962, SHA-256). Whoever holds one checkpoint of it
//! can be shown that an entry is in the log, and that a later log still begins with everything the earlier one held;
//! whoever changes, drops or inserts an entry can show neither. This crate is that mathematics and its file formats:
//! bytes in, values out.
//!
//! ```text
//!  leaf bytes ─ leaf_hash ─► Frontier::append ─► (Node, Hash)…   nodes of level 0, 8, 16, … stand in tiles
//!                                │                    │
//!                                │ root, size         │  tile/0/000   256 leaf hashes        tile/entries/000  leaves
//!                                ▼                    ▼  tile/1/000   256 roots of level 0
//!                           Checkpoint ── sign ─►  Note      (origin, size, root, "— name base64")
//!                                                     │
//!       prove_inclusion(index, size, read) ──────────►│
//!                                                     ▼
//!                                  Receipt: index, path, checkpoint; checked offline with the leaf and a VerifierKey
//! ```
//!
//! # Invariants
//!
//! * A leaf is hashed after a zero byte and a node after a one byte, so that no leaf can pose as a node.
//! * A [`Node`] is a perfect subtree. Its hash never changes once the log has grown past it; every root and every proof
//!   is made of such hashes, so a store writes each once and rewrites none.
//! * Every text has one spelling. What a parser accepts prints as the same bytes; everything else is refused: leading
//!   zeroes, base64 with stray bits, padded paths.
//! * [`Checkpoint::open`] and [`Receipt::verify`] are the only ways from outside bytes to a trusted [`Checkpoint`], and
//!   both take the origin and the keys that the caller trusts. Extra data of a receipt is never authenticated.
//! * A signature by a trusted key that does not verify condemns the whole note; a signature by an unknown key counts for
//!   nothing.
//!
//! # What this crate does not know
//!
//! Where tiles and leaves are kept, what a leaf says, when a checkpoint is due, who the witnesses are, and what time it
//! is. It never refuses to sign a checkpoint that contradicts an earlier one: the `audit` crate, which remembers what it
//! signed, does.

mod error;

// The tree.
mod frontier;
mod hash;
mod node;
mod proof;

// Its files.
pub mod bundle;
mod tile;
mod tile_set;

// What is signed.
mod checkpoint;
mod key;
mod note;
mod receipt;

pub use checkpoint::Checkpoint;
pub use error::Error;
pub use frontier::Frontier;
pub use hash::{EMPTY_ROOT, Hash, leaf_hash, node_hash};
pub use key::{KeyId, KeyName, Signer, VerifierKey};
pub use node::{Node, Slot};
pub use note::{Note, Signature};
pub use proof::{
    consistency_nodes, inclusion_nodes, prove_consistency, prove_inclusion, root_nodes, tree_root, verify_consistency,
    verify_inclusion,
};
pub use receipt::Receipt;
pub use tile::{TILE_WIDTH, Tile, TileKind, next_level, tile_root, tiles_grown};
pub use tile_set::{TileSet, tiles_of};
