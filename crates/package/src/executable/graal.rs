//! The bill of materials inside a GraalVM native image: CycloneDX, packed by gzip, at the symbol `sbom` (GraalVM, "Software Bill of
//! Materials").

use std::io::Read;

use base::limits::{BUILD_RECORD_BYTES, NAMED_PACKAGES};
use flate2::read::GzDecoder;
use object::{Object, ObjectSegment, ObjectSymbol};
use serde::Deserialize;

use crate::{Error, Package, PackageType, language};

const EXPECTED: &str = "a native image's bill of materials";
const GZIP: &[u8] = b"\x1f\x8b";
/// Symbols that are looked at.
const SYMBOLS: usize = 1_000_000;

#[derive(Deserialize)]
struct Bill {
    #[serde(default)]
    components: Vec<Component>,
}

#[derive(Deserialize)]
struct Component {
    #[serde(default)]
    group: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    version: String,
}

/// The packed bytes: as many as the number at `sbom_length` says.
pub(super) fn sbom<'a>(file: &object::File<'a>) -> Option<&'a [u8]> {
    let symbols = || file.dynamic_symbols().chain(file.symbols()).take(SYMBOLS);
    let address = |name: &[u8]| {
        let is_it = |found: &[u8]| found == name || found.strip_prefix(b"_") == Some(name);
        symbols().find(|symbol| symbol.name_bytes().is_ok_and(is_it)).map(|symbol| symbol.address())
    };
    let mapped = |address: u64| {
        file.segments().find_map(|segment| {
            let at = address.checked_sub(segment.address())?;
            segment.data().ok()?.get(usize::try_from(at).ok()?..)
        })
    };
    let length = mapped(address(b"sbom_length")?)?.first_chunk::<8>()?;
    let packed = mapped(address(b"sbom")?)?.get(..usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
    // Anybody may call a variable so.
    packed.starts_with(GZIP).then_some(packed)
}

pub(super) fn packages(packed: &[u8]) -> Result<Vec<(PackageType, Package)>, Error> {
    let broken = |reason: String| Error::Broken { expected: EXPECTED, reason };
    let mut json = Vec::new();
    let most = BUILD_RECORD_BYTES as u64 + 1;
    GzDecoder::new(packed).take(most).read_to_end(&mut json).map_err(|error| broken(error.to_string()))?;
    if json.len() > BUILD_RECORD_BYTES {
        return Err(Error::TooLarge { what: "bytes in its bill of materials", limit: BUILD_RECORD_BYTES as u64 });
    }
    let bill: Bill = serde_json::from_slice(&json).map_err(|error| broken(error.to_string()))?;
    if bill.components.len() > NAMED_PACKAGES {
        return Err(Error::TooLarge { what: "components", limit: NAMED_PACKAGES as u64 });
    }
    let package = |component: &Component| {
        let name = match component.group.as_str() {
            "" => component.name.clone(),
            group => format!("{group}:{}", component.name),
        };
        Some((PackageType::Maven, language::package(&name, &component.version, Vec::new())?))
    };
    Ok(bill.components.iter().filter_map(package).collect())
}
