//! The version resource of a PE file: what its maker says it is.
//!
//! ```text
//!   .rsrc   directory: type 16 (version) ─► id ─► language ─► data entry ─► VS_VERSIONINFO
//!   VS_VERSIONINFO   length u16 │ value length u16 │ type u16 │ key, wide, zero-ended │ pad to 4 │ value │ pad to 4 │ children …
//!     "VS_VERSION_INFO" ─► "StringFileInfo" ─► "040904b0" ─► "ProductName" = "…", "ProductVersion" = "…"
//! ```
//!
//! PE format, section ".rsrc", and the structures VS_VERSIONINFO, StringFileInfo, StringTable, String.

use object::LittleEndian as LE;
use object::read::pe::{ImageNtHeaders, PeFile, ResourceDirectoryEntryData};

/// Nodes read of one resource; real ones have some twenty.
const NODES: usize = 500;
/// Characters of a value.
const VALUE: usize = 256;
const RT_VERSION: u16 = 16;

/// Keys and values of the string tables, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VersionInfo {
    pub strings: Vec<(String, String)>,
}

impl VersionInfo {
    /// What the product is called, and the field that says so.
    #[must_use]
    pub fn product(&self) -> Option<(&'static str, &String)> {
        ["ProductName", "InternalName", "OriginalFilename"]
            .into_iter()
            .find_map(|field| Some((field, self.get(field)?)))
    }

    /// The version, without what follows it.
    #[must_use]
    pub fn version(&self) -> Option<String> {
        let text = self.get("ProductVersion").or_else(|| self.get("FileVersion"))?;
        let text = text.trim().replace(", ", ".").replace(',', ".");
        let word = text.split_whitespace().next()?.trim_start_matches('v').to_owned();
        word.starts_with(|c: char| c.is_ascii_digit()).then_some(word)
    }

    fn get(&self, field: &str) -> Option<&String> {
        self.strings
            .iter()
            .find(|(key, _)| key == field)
            .map(|(_, value)| value)
            .filter(|value| !value.trim().is_empty())
    }
}

/// The version resource of a PE file, 32 or 64 bits.
#[must_use]
pub fn version_info(bytes: &[u8]) -> Option<VersionInfo> {
    if !bytes.starts_with(b"MZ") {
        return None;
    }
    let resource =
        resource::<object::pe::ImageNtHeaders64>(bytes).or_else(|| resource::<object::pe::ImageNtHeaders32>(bytes))?;
    let mut info = VersionInfo::default();
    let mut nodes = 0;
    node(resource, 0, &mut nodes, &mut info);
    (!info.strings.is_empty()).then_some(info)
}

fn resource<Pe: ImageNtHeaders>(bytes: &[u8]) -> Option<&[u8]> {
    let file = PeFile::<Pe>::parse(bytes).ok()?;
    let sections = file.section_table();
    let directory = file.data_directories().resource_directory(bytes, &sections).ok()??;
    let types = directory.root().ok()?;
    let versions = types.entries.iter().find(|entry| entry.name_or_id().id() == Some(RT_VERSION))?;
    let mut data = versions.data(directory).ok()?;
    for _ in 0..3 {
        match data {
            ResourceDirectoryEntryData::Table(table) => data = table.entries.first()?.data(directory).ok()?,
            ResourceDirectoryEntryData::Data(entry) => {
                let address = entry.offset_to_data.get(LE);
                let found = sections.pe_data_at(bytes, address)?;
                return found.get(..(entry.size.get(LE) as usize).min(found.len()));
            }
        }
    }
    None
}

/// Reads the structure at the beginning of `bytes` and what lies in it.
fn node(bytes: &[u8], depth: usize, nodes: &mut usize, info: &mut VersionInfo) {
    *nodes += 1;
    if depth > 3 || *nodes > NODES {
        return;
    }
    let half = |at: usize| bytes.get(at..at + 2).map(|pair| usize::from(u16::from_le_bytes([pair[0], pair[1]])));
    let (Some(length), Some(value_length)) = (half(0), half(2)) else { return };
    let Some(bytes) = bytes.get(..length) else { return };
    let (key, after_key) = wide(bytes, 6);
    let value_at = after_key.next_multiple_of(4);
    if depth == 3 {
        let (value, _) = wide(bytes, value_at);
        info.strings.push((key, value));
        return;
    }
    // The value of the outermost structure is counted in bytes; those between have none.
    let mut at = (value_at + if depth == 0 { value_length } else { 0 }).next_multiple_of(4);
    if depth == 1 && key != "StringFileInfo" {
        return;
    }
    while let Some(rest) = bytes.get(at..).filter(|rest| rest.len() >= 6) {
        let child = usize::from(u16::from_le_bytes([rest[0], rest[1]]));
        if child < 6 || *nodes > NODES {
            return;
        }
        node(rest, depth + 1, nodes, info);
        at = (at + child).next_multiple_of(4);
    }
}

/// The zero-ended wide text at `at`, and where it ends.
fn wide(bytes: &[u8], mut at: usize) -> (String, usize) {
    let mut units = Vec::new();
    while let Some(pair) = bytes.get(at..at + 2) {
        at += 2;
        let unit = u16::from_le_bytes([pair[0], pair[1]]);
        if unit == 0 || units.len() >= VALUE {
            break;
        }
        units.push(unit);
    }
    let text = String::from_utf16_lossy(&units);
    (text.chars().filter(|c| !c.is_control()).collect(), at)
}
