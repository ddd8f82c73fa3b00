//! Ubuntu's CVE tracker: a text for each CVE, with a line for each release and package.
//!
//! ```text
//!   Candidate: CVE-2021-44228
//!   Priority: high
//!   jammy_apache-log4j2: not-affected (2.15.0-1)
//!   focal_apache-log4j2: released (2.15.0-0.20.04.1)
//!   esm-apps/bionic_apache-log4j1.2: needed
//! ```

use super::{Import, codename, ids, refused, text, time};
use crate::{Advisory, Affected, Ecosystem, Error, Family, Range, Rating, Status};

pub(super) fn read(name: &str, bytes: &[u8], import: &mut Import) -> Result<(), Error> {
    let text = text(bytes);
    let mut record = Advisory { source: "ubuntu".to_owned(), ..Advisory::default() };
    let mut priority: Option<String> = None;
    let mut key = "";
    for line in text.lines() {
        if line.starts_with([' ', '\t']) {
            if key == "Description" && record.summary.is_none() {
                record.summary = Some(line.trim().to_owned()).filter(|line| !line.is_empty());
            }
            continue;
        }
        let Some((head, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        key = head;
        match head {
            "Candidate" => record.id = value.to_owned(),
            "PublicDate" => record.published = time(value).or_else(|| value.get(..10).and_then(time)),
            "Priority" => priority = value.split_whitespace().next().map(str::to_owned),
            _ => record.affected.extend(entry(head, value, import)),
        }
    }
    if !ids::is_cve(&record.id) {
        return Err(refused(name, "it has no line `Candidate: CVE-…`"));
    }
    record.ratings.extend(priority.map(|word| Rating::of_word("ubuntu", word)));
    replace_unmended(&mut record.affected);
    if record.affected.is_empty() {
        import.skip("record without any entry we can use");
        return Ok(());
    }
    import.push(record)
}

/// What Ubuntu Pro mends is mended for those who have it: their fixed version lies above all others of the release, so that
/// the plain archive's "affected" goes no further than to before it.
fn replace_unmended(affected: &mut Vec<Affected>) {
    let place = |entry: &Affected| (entry.ecosystem.clone(), entry.package.clone());
    let mended: Vec<_> =
        affected.iter().filter(|entry| entry.channel.is_some() && !entry.ranges.is_empty()).map(place).collect();
    affected.retain(|entry| {
        let open = entry.ranges.is_empty() && entry.status != Status::NotAffected;
        !open || !mended.contains(&place(entry))
    });
}

/// `esm-infra/focal_openssl: released (1.1.1f-1ubuntu2.16+esm1)`
fn entry(head: &str, value: &str, import: &mut Import) -> Option<Affected> {
    let (place, package) = head.split_once('_')?;
    let (first, second) = match place.split_once('/') {
        Some((first, second)) => (Some(first), second),
        None => (None, place),
    };
    // The pocket stands on either side: `esm-infra/focal`, and, in old records, `trusty/esm`.
    let (pocket, release) = match (codename::ubuntu(second), first.and_then(codename::ubuntu)) {
        (Some(release), _) => (first, release),
        (None, Some(release)) => (Some(second), release),
        (None, None) => return None,
    };
    let (word, detail) = value.split_once(char::is_whitespace).unwrap_or((value, ""));
    let detail = detail.trim().trim_start_matches('(').trim_end_matches(')').trim();
    let mut entry = Affected::new(Ecosystem::new(Family::Ubuntu, Some(release)), package);
    entry.channel = pocket.map(|pocket| match pocket {
        "esm" | "esm-infra" | "esm-apps" | "esm-infra-legacy" => "pro".to_owned(),
        other => other.to_owned(),
    });
    match word {
        "released" if !detail.is_empty() => entry.ranges.push(Range::before(detail)),
        "needed" | "active" => {}
        "needs-triage" | "needs_triage" => entry.status = Status::UnderInvestigation,
        "deferred" | "pending" => entry.status = Status::Deferred,
        "ignored" if ["end of life", "end-of-life", "end of standard"].iter().any(|why| detail.contains(why)) => {
            entry.status = Status::EndOfLife;
        }
        "ignored" => entry.status = Status::WillNotFix,
        "not-affected" => entry.status = Status::NotAffected,
        // The package is not in this release.
        "DNE" => return None,
        _ => {
            import.skip("status that is not known");
            return None;
        }
    }
    Some(entry)
}
