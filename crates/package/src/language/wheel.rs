//! Wheels and eggs that lie in an image as archives: `….dist-info/METADATA` and `EGG-INFO/PKG-INFO` inside.

use base::limits::ARCHIVE_NOTICE_BYTES;

use crate::{
    Error, Package,
    archive::{Budget, Zip},
    python,
};

/// Every distribution inside; none when the file is no zip, as Python could not import from it either.
pub(super) fn packages(bytes: &[u8]) -> Result<Vec<Package>, Error> {
    let mut budget = Budget::of(bytes.len() as u64);
    let Some(zip) = Zip::open(bytes)? else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for member in zip.members() {
        let member = member?;
        budget.member()?;
        let name = String::from_utf8_lossy(member.name);
        let here = name == "EGG-INFO/PKG-INFO"
            || name.split_once('/').is_some_and(|(top, rest)| top.ends_with(".dist-info") && rest == "METADATA");
        if here {
            let head = zip.head(&member, ARCHIVE_NOTICE_BYTES, &mut budget)?;
            found.extend(python::package(&String::from_utf8_lossy(&head)));
            budget.package()?;
        }
    }
    Ok(found)
}
