//! What Debian changelogs say was mended: a "fixed in" feed from a mirror, for machines that no other feed reaches.
//!
//! ```text
//!   openssl (1.0.1e-2+deb7u5) wheezy-security; urgency=high
//!     * Add CVE-2014-0160.patch
//! ```
//! It knows nothing of what is affected and not mended, and nothing of packages whose changelogs name no CVE.

use std::collections::BTreeMap;

use super::{ids, text};
use crate::{Advisory, Affected, Ecosystem, Range};

/// The records of one changelog, unpacked, of a package in this release. The oldest version whose paragraph names a CVE is
/// where it was mended: what stands in later paragraphs tells the story again.
pub fn from_changelog(source: &str, release: &Ecosystem, changelog: &[u8]) -> Vec<Advisory> {
    let text = text(changelog);
    let mut mended: BTreeMap<String, &str> = BTreeMap::new();
    let mut version = None;
    for line in text.lines() {
        if !line.starts_with([' ', '\t']) {
            if let Some(found) = head(line, source) {
                version = found;
            }
            continue;
        }
        let Some(version) = version else { continue };
        for id in ids::cves(line) {
            // Newest paragraphs come first, so that the last one written down is the oldest.
            mended.insert(id, version);
        }
    }
    let record = |(id, version): (String, &str)| Advisory {
        affected: vec![Affected { ranges: vec![Range::before(version)], ..Affected::new(release.clone(), source) }],
        id,
        source: format!("{}-changelogs", release.family().as_str()),
        ..Advisory::default()
    };
    mended.into_iter().map(record).collect()
}

/// The version of `openssl (1.0.1e-2) unstable; urgency=low`, or none when the paragraph is of another package, as in
/// changelogs that go on from a renamed one; None for other lines.
fn head<'t>(line: &'t str, source: &str) -> Option<Option<&'t str>> {
    let (name, rest) = line.split_once(" (")?;
    let (version, rest) = rest.split_once(')')?;
    if !rest.contains(';') || name.contains(' ') || version.contains(' ') || version.is_empty() {
        return None;
    }
    Some((name == source).then_some(version))
}
