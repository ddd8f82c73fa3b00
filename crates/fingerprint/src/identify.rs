//! Everything that can be said of an executable whose bytes are at hand: the pass, its sections, its names, its resources.

use crate::evidence::{Evidence, Identification};
use crate::executable::images;
use crate::index::{Index, ONE_SECTION, WHOLE_FILE};
use crate::observation::section_digest;
use crate::pass::Pass;
use crate::pe::{VersionInfo, version_info};
use crate::verdict::judge;

/// What `executable` holds, the surest first. `sha256` is that of the whole file, where it is known already.
#[must_use]
pub fn identify(index: &Index, executable: &[u8], sha256: Option<&[u8; 32]>) -> Vec<Identification> {
    let mut pass = Pass::new(index);
    pass.feed(executable);
    let mut seen = pass.close();
    if let Some(digest) = sha256 {
        seen.digest(digest, Evidence::File { sha256: hex::encode(digest) }, WHOLE_FILE);
    }
    for image in images(executable) {
        for section in image.sections() {
            if let Some(digest) = section_digest(&section) {
                let size_bytes = section.bytes.len() as u64;
                let sha256 = hex::encode(digest);
                let what = Evidence::Section { name: section.name, offset: section.offset, size_bytes, sha256 };
                seen.digest(&digest, what, ONE_SECTION);
            }
        }
        for export in image.exports() {
            seen.export(export);
        }
    }
    let mut found = judge(&seen);
    if let Some(info) = version_info(executable) {
        add_version_info(&mut found, &info);
    }
    found
}

/// What a PE file says of itself: it confirms a product that was found, gives it a version, or stands alone.
fn add_version_info(found: &mut Vec<Identification>, info: &VersionInfo) {
    let Some((field, name)) = info.product() else { return };
    let evidence = Evidence::PeVersion { field: field.to_owned(), text: name.clone() };
    let words: Vec<String> = name.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase).collect();
    let version = info.version();
    if let Some(known) = found.iter_mut().find(|known| words.contains(&known.product)) {
        known.confidence = known.confidence.max(90);
        if known.version.is_none() {
            known.version = version;
        }
        known.evidence.push(evidence);
        return;
    }
    found.push(Identification {
        product: name.to_lowercase(),
        version,
        confidence: 60,
        cpe: None,
        evidence: vec![evidence],
    });
}
