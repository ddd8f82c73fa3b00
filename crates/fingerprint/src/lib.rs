//! Components in the bytes of executables, whatever their name.
//!
//! An index learnt from packages of known origin tells which product, and which version of it, the bytes of an ELF, PE or Mach-O
//! file come from: the whole file, one of its sections, its texts, its version banners.
//!
//! Invariants: the same bytes and index give the same identifications; any bytes are read in bounded memory, and nothing panics.
//!
//! What this crate does not know: layers, paths, packages, advisories. A file's name is no evidence.
