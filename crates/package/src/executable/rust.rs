//! The crates of a Rust program that `cargo auditable` built: `.dep-v0`, JSON packed by zlib ("cargo-auditable" format, version 0).

use std::io::Read;

use base::limits::{BUILD_RECORD_BYTES, NAMED_PACKAGES};
use flate2::read::ZlibDecoder;
use serde::Deserialize;

use crate::{Error, Package, language};

const EXPECTED: &str = "a list of the crates of a Rust program";

#[derive(Deserialize)]
struct List {
    packages: Vec<Crate>,
}

#[derive(Deserialize)]
struct Crate {
    name: String,
    version: String,
    /// Absent for what runs.
    #[serde(default)]
    kind: String,
}

/// Crates that run, the program's own among them. What only built it is left out.
pub(super) fn packages(section: &[u8]) -> Result<Vec<Package>, Error> {
    let broken = |reason: String| Error::Broken { expected: EXPECTED, reason };
    let mut json = Vec::new();
    let most = BUILD_RECORD_BYTES as u64 + 1;
    ZlibDecoder::new(section).take(most).read_to_end(&mut json).map_err(|error| broken(error.to_string()))?;
    if json.len() > BUILD_RECORD_BYTES {
        return Err(Error::TooLarge { what: "bytes in its list of crates", limit: BUILD_RECORD_BYTES as u64 });
    }
    let list: List = serde_json::from_slice(&json).map_err(|error| broken(error.to_string()))?;
    if list.packages.len() > NAMED_PACKAGES {
        return Err(Error::TooLarge { what: "crates", limit: NAMED_PACKAGES as u64 });
    }
    let runs = list.packages.iter().filter(|krate| krate.kind != "build");
    Ok(runs.filter_map(|krate| language::package(&krate.name, &krate.version, Vec::new())).collect())
}
