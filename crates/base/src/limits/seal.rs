//! Limits of signatures that other tools made.

/// Signatures that one manifest may hold: cosign adds a layer for each to the same tag, for years.
pub const SIGNATURE_LAYERS: usize = 100;

/// Signatures of one DSSE envelope; tools write one.
pub const ENVELOPE_SIGNATURES: usize = 20;

/// Subjects of one in-toto statement: a build may make many files.
pub const STATEMENT_SUBJECTS: usize = 1_000;

/// Manifests about one image whose signatures are looked at, and bytes of signatures read for one question.
pub const SIGNATURES_EXAMINED: usize = 100;
pub const SIGNATURES_EXAMINED_BYTES: u64 = 64 * 1024 * 1024;

/// Keys and authorities that an administrator lets sign: each is tried on each signature.
pub const TRUST_ANCHORS: usize = 200;
pub const TRUST_ANCHOR_BYTES: usize = 16 * 1024;
