//! Databases of rpm, in the three formats it has had, read from their bytes.
//!
//! ```text
//!   rpmdb.sqlite   since 4.16   table Packages(hnum, blob)     ┐
//!   Packages.db    SUSE         slots that point to blobs      ├─► header (tags) ─► package
//!   Packages       until 4.15   Berkeley DB, a hash            ┘
//! ```
//!
//! The format is told by the first bytes, as rpm itself takes any of them under any of the three names. Each page and each blob is
//! used at most once, so no file makes us keep more than a small multiple of its own size, and none leads in a circle.

mod bdb;
mod field;
mod header;
mod ndb;
mod publisher;
mod signature;
mod sqlite;
mod wal;

#[cfg(test)]
mod tests;

use base::limits::LAYER_NAMES_BYTES;

use crate::{Error, Package, document::sorted};

pub(crate) use wal::check as check_wal;

/// Every installed package; public keys, which rpm keeps among them, are none.
pub(crate) fn packages(bytes: &[u8]) -> Result<Vec<Package>, Error> {
    let mut found = Vec::new();
    let mut room = LAYER_NAMES_BYTES;
    let mut take = |blob: &[u8]| {
        found.extend(header::installed(blob, &mut room)?);
        Ok(())
    };
    if sqlite::is_database(bytes) {
        sqlite::each_blob(bytes, &mut take)?;
    } else if ndb::is_database(bytes) {
        ndb::each_blob(bytes, &mut take)?;
    } else if bdb::is_database(bytes) {
        bdb::each_blob(bytes, &mut take)?;
    } else {
        return Err(broken("it begins as none of SQLite, ndb and a Berkeley DB hash"));
    }
    publisher::mark_third_parties(&mut found);
    Ok(sorted(found.into_iter().map(|installed| installed.package).collect()))
}

fn broken(reason: impl Into<String>) -> Error {
    Error::Broken { expected: "a database of rpm", reason: reason.into() }
}
