//! Limits of signatures that other tools made.

/// Signatures that one manifest may hold: cosign adds a layer for each to the same tag, for years.
pub const SIGNATURE_LAYERS: usize = 100;

/// Signatures of one DSSE envelope; tools write one.
pub const ENVELOPE_SIGNATURES: usize = 20;

/// Subjects of one in-toto statement: a build may make many files.
pub const STATEMENT_SUBJECTS: usize = 1_000;
