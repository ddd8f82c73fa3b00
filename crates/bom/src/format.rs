//! The formats by the names that people give them.

use std::str::FromStr;

use crate::{Error, Report, cyclonedx::cyclonedx, openvex::openvex, sarif::sarif, spdx, table::table};

/// What a report can be written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Our own.
    Json,
    /// 1.6.
    CycloneDx,
    /// 2.3.
    Spdx,
    /// 3.0.1.
    Spdx3,
    /// 2.1.0.
    Sarif,
    /// 0.2.0.
    OpenVex,
    Table,
}

impl Format {
    pub const ALL: [Format; 7] =
        [Format::Json, Format::CycloneDx, Format::Spdx, Format::Spdx3, Format::Sarif, Format::OpenVex, Format::Table];

    /// The word of `--format`.
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Json => "json",
            Format::CycloneDx => "cyclonedx",
            Format::Spdx => "spdx",
            Format::Spdx3 => "spdx3",
            Format::Sarif => "sarif",
            Format::OpenVex => "openvex",
            Format::Table => "table",
        }
    }

    pub fn media_type(self) -> &'static str {
        match self {
            Format::Json | Format::OpenVex => "application/json",
            Format::CycloneDx => "application/vnd.cyclonedx+json; version=1.6",
            Format::Spdx => "application/spdx+json",
            Format::Spdx3 => "application/ld+json",
            Format::Sarif => "application/sarif+json",
            Format::Table => "text/plain; charset=utf-8",
        }
    }

    /// `width` is the terminal's, for the table.
    ///
    /// # Errors
    /// OpenVEX of a report without findings: [`Error::Nothing`].
    pub fn write(self, report: &Report, width: usize) -> Result<Vec<u8>, Error> {
        Ok(match self {
            Format::Json => report.to_json(),
            Format::CycloneDx => cyclonedx(report),
            Format::Spdx => spdx::spdx(report),
            Format::Spdx3 => spdx::spdx3(report),
            Format::Sarif => sarif(report),
            Format::OpenVex => openvex(report, "")?,
            Format::Table => table(report, width, false).into_bytes(),
        })
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(word: &str) -> Result<Format, String> {
        let found = Format::ALL.into_iter().find(|format| format.as_str() == word);
        found.ok_or_else(|| {
            let all = Format::ALL.map(Format::as_str).join(", ");
            format!("{word:?} is no format; these are: {all}")
        })
    }
}
