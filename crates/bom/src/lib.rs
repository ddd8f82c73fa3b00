//! Bills of materials, findings and exploitability statements in the formats that others read.
//!
//! A report about one image is written as CycloneDX, SPDX, SARIF, OpenVEX, a table or plain JSON, and bills of others are read.
//!
//! Invariants: the same report gives the same bytes, so that what is signed can be made again; any bytes are read or refused in words.
//!
//! What this crate does not know: how a component was found, which advisories touch it, signatures.
