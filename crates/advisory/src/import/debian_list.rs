//! The lists of Debian's security advisories (DSA) and those of its long-term support (DLA), as its security tracker keeps them.
//!
//! ```text
//!   [29 Mar 2023] DSA-5380-1 xorg-server - security update
//!           {CVE-2023-1393}
//!           [bullseye] - xorg-server 2:1.20.11-1+deb11u6
//! ```

use base::Timestamp;

use super::{Import, codename, ids, text};
use crate::{Advisory, Affected, Ecosystem, Error, Family, Range, Status};

pub(super) fn read(name: &str, bytes: &[u8], import: &mut Import) -> Result<(), Error> {
    let text = text(bytes);
    let mut open: Option<Advisory> = None;
    for (number, line) in (1_usize..).zip(text.lines()) {
        if line.starts_with('[') {
            finish(open.take(), import)?;
            match head(line) {
                Some(record) => open = Some(record),
                None => import.wrong(name, format!("line {number} is no head of an advisory")),
            }
            continue;
        }
        let line = line.trim();
        let Some(record) = &mut open else { continue };
        if let Some(list) = line.strip_prefix('{') {
            let list = list.trim_end_matches('}');
            record.covers.extend(list.split_whitespace().filter(|id| ids::is_cve(id)).map(str::to_owned));
        } else if line.starts_with('[') {
            match entry(line) {
                Ok(Some(entry)) => record.affected.push(entry),
                Ok(None) => import.skip("release that is not known"),
                Err(reason) => import.wrong(name, format!("line {number}: {reason}")),
            }
        }
    }
    finish(open, import)
}

/// `[29 Mar 2023] DSA-5380-1 xorg-server - security update`
fn head(line: &str) -> Option<Advisory> {
    let (date, rest) = line.strip_prefix('[')?.split_once(']')?;
    let (id, title) = rest.trim().split_once(char::is_whitespace).unwrap_or((rest.trim(), ""));
    let source = match id.split('-').next()? {
        "DSA" | "DTSA" => "debian-dsa",
        "DLA" => "debian-dla",
        "ELA" => "debian-ela",
        _ => return None,
    };
    let published = self::date(date);
    Some(Advisory {
        id: id.to_owned(),
        modified: published,
        published,
        source: source.to_owned(),
        summary: Some(title.trim().to_owned()).filter(|title| !title.is_empty()),
        ..Advisory::default()
    })
}

/// `[bullseye] - xorg-server 2:1.20.11-1+deb11u6`; the version may be `<not-affected>`, `<end-of-life>` or `<unfixed>`.
fn entry(line: &str) -> Result<Option<Affected>, String> {
    let wrong = || format!("{line:?} is no `[RELEASE] - PACKAGE VERSION`");
    let (release, rest) = line.strip_prefix('[').and_then(|line| line.split_once(']')).ok_or_else(wrong)?;
    let mut words = rest.trim().strip_prefix('-').ok_or_else(wrong)?.split_whitespace();
    let (package, version) = (words.next().ok_or_else(wrong)?, words.next().ok_or_else(wrong)?);
    let Some(release) = codename::debian(release.split('/').next().unwrap_or(release)) else { return Ok(None) };
    let mut entry = Affected::new(Ecosystem::new(Family::Debian, Some(release)), package);
    match version {
        "<not-affected>" => entry.status = Status::NotAffected,
        "<end-of-life>" => entry.status = Status::EndOfLife,
        "<undetermined>" => entry.status = Status::UnderInvestigation,
        "<no-dsa>" | "<ignored>" => entry.status = Status::WillNotFix,
        "<postponed>" => entry.status = Status::Deferred,
        "<unfixed>" => {}
        version if version.starts_with('<') => return Err(wrong()),
        version => entry.ranges.push(Range::before(version)),
    }
    Ok(Some(entry))
}

/// An advisory about an update that mends no vulnerability that has a name is one all the same.
fn finish(record: Option<Advisory>, import: &mut Import) -> Result<(), Error> {
    match record {
        Some(record) if record.affected.is_empty() => {
            import.skip("record without any entry we can use");
            Ok(())
        }
        Some(record) if record.covers.is_empty() && is_regression(&record) => {
            import.skip("update that mends a regression");
            Ok(())
        }
        Some(record) => import.push(record),
        None => Ok(()),
    }
}

/// The second update of an advisory repairs the first; what they are about stands with the first.
fn is_regression(record: &Advisory) -> bool {
    record.summary.as_deref().is_some_and(|title| title.contains("regression"))
}

/// `29 Mar 2023`
fn date(text: &str) -> Option<Timestamp> {
    const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let words: Vec<&str> = text.split_whitespace().collect();
    let [day, month, year] = words[..] else { return None };
    let month = month.to_ascii_lowercase();
    let month = 1 + MONTHS.iter().position(|known| month.starts_with(known))?;
    super::time(&format!("{year:0>4}-{month:02}-{day:0>2}"))
}
