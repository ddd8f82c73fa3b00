//! What an identification is, and what speaks for it.

use serde::{Deserialize, Serialize};

/// Characters of a text that evidence shows.
const SHOWN: usize = 160;
/// Texts that evidence shows as examples.
pub const EXAMPLES: usize = 5;

/// A product found in the bytes of an executable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Identification {
    /// Upstream's name of the product, in small letters.
    pub product: String,
    /// Upstream's version, when the evidence singles one out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Percent.
    pub confidence: u8,
    /// `vendor:product` in the CPE dictionary, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpe: Option<String>,
    /// The strongest first.
    pub evidence: Vec<Evidence>,
}

/// One reason for an identification. Offsets are bytes from the beginning of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Evidence {
    /// The whole file is one the index was learnt from.
    File { sha256: String },
    /// A section is.
    Section { name: String, offset: u64, size_bytes: u64, sha256: String },
    /// A text that tells the version, and the template it fits.
    Banner { offset: u64, text: String, template: String },
    /// A text that is nothing but a version, in a product known to hold one.
    BareVersion { offset: u64, text: String },
    /// The name of a file of debugging data, as RPM writes it into a file, says which package that is from.
    PackageName { offset: u64, text: String },
    /// Texts of the product: how many of those the index keeps, and what they weigh in hundredths of a long text.
    Texts { matched: u32, of: u32, weight: u32, examples: Vec<Found> },
    /// Which of the learnt versions has the texts that were found and lacks those that were not.
    VersionTexts { agreeing: u32, of: u32 },
    /// Exported names of the product.
    Exports { matched: u32, of: u32 },
    /// A field of the version resource of a PE file.
    PeVersion { field: String, text: String },
}

/// A text and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    pub offset: u64,
    pub text: String,
}

/// A text as evidence shows it: bounded, and printable whatever it was.
#[must_use]
pub fn shown(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(&text[..text.len().min(SHOWN)]);
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
