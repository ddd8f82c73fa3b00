//! The package note of an ELF file: which package of a distribution brought it (systemd, "Package Metadata for ELF Files").

use base::limits::BUILD_RECORD_BYTES;
use serde::Deserialize;

use crate::{Error, Package, PackageType, language};

const OWNER: &[u8] = b"FDO\0";
const TYPE: u32 = 0xcafe_1a7e;
const HEADER_BYTES: usize = 12;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Note {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    version: String,
    architecture: Option<String>,
}

/// The package, named by its source as distributions do there. None where the section holds no such note, or a note without version.
pub(super) fn package(section: &[u8]) -> Result<Option<(PackageType, Package)>, Error> {
    let Some(json) = description(section) else { return Ok(None) };
    let note: Note = serde_json::from_slice(json)
        .map_err(|error| Error::Broken { expected: "a package note", reason: error.to_string() })?;
    let package = language::package(&note.name, &note.version, Vec::new());
    Ok(package.map(|package| (kind(&note.kind), Package { architecture: note.architecture, ..package })))
}

fn kind(name: &str) -> PackageType {
    let known = PackageType::ALL.into_iter().find(|kind| kind.as_str() == name);
    known.unwrap_or(if name == "pacman" { PackageType::Alpm } else { PackageType::Generic })
}

/// Notes stand one behind the other: length of the owner, length of the description, type, both padded to four bytes. In little or big
/// endian, which the type tells.
fn description(mut section: &[u8]) -> Option<&[u8]> {
    while let Some((header, rest)) = section.split_at_checked(HEADER_BYTES) {
        let field = |at: usize| header[at..at + 4].try_into().map_or([0; 4], |field: [u8; 4]| field);
        let big = u32::from_be_bytes(field(8)) == TYPE;
        let number = |at: usize| if big { u32::from_be_bytes(field(at)) } else { u32::from_le_bytes(field(at)) };
        let owner = usize::try_from(number(0)).ok()?;
        let length = usize::try_from(number(4)).ok().filter(|length| *length <= BUILD_RECORD_BYTES)?;
        let begin = owner.checked_next_multiple_of(4)?;
        let end = begin.checked_add(length)?;
        if rest.get(..owner)? == OWNER && number(8) == TYPE {
            let json = rest.get(begin..end)?;
            return Some(&json[..json.iter().position(|byte| *byte == 0).unwrap_or(json.len())]);
        }
        section = rest.get(end.checked_next_multiple_of(4)?..)?;
    }
    None
}
