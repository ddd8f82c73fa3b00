//! Licences: SPDX expressions, and licence texts known by what they say.
//!
//! Packages name their licence in a hundred spellings, or only bring its text; both become SPDX identifiers.
//!
//! Invariants: the same text gives the same identifiers; any bytes are read in bounded time, and nothing panics.
//!
//! What this crate does not know: which licence is wanted. That is a policy's question.
