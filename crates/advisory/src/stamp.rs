//! What makes a finding another finding, in few bytes.

use crate::{
    Snapshot,
    find::{EXACT, Hit},
    layout::Section,
};

impl Snapshot {
    /// The vulnerability, its severity and status, and the version that fixes it: two hits with the same stamp are the same finding
    /// of a subject, whatever snapshots they come from. The hit must be of this snapshot.
    pub fn stamp(&self, hit: &Hit) -> Vec<u8> {
        let tables = &self.tables;
        let text = |section, number, at| tables.row(section, number).map_or("", |row| tables.text(row.word(at)));
        let fixed = match tables.row(Section::Ranges, hit.held).filter(|_| hit.held & EXACT == 0) {
            Some(range) => range.word(4).checked_sub(1).map_or("", |version| text(Section::Versions, version, 0)),
            None => "",
        };
        let words =
            [text(Section::Vulnerabilities, hit.vulnerability, 0), hit.severity.as_str(), hit.status.as_str(), fixed];
        words.join("\0").into_bytes()
    }
}
