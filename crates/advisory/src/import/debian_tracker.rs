//! Debian's security tracker as JSON: package, CVE, release, what is so there.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{Import, codename, elements, elements::or_default};
use crate::{Advisory, Affected, Ecosystem, Error, Family, Range, Rating, Status};

#[derive(Deserialize)]
struct Issue {
    description: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    releases: BTreeMap<String, Release>,
}

#[derive(Deserialize)]
struct Release {
    status: String,
    /// `0` for a package that never was affected.
    fixed_version: Option<String>,
    urgency: Option<String>,
    /// Why there will be no advisory of its own; with a reason the tracker says more.
    nodsa: Option<String>,
    nodsa_reason: Option<String>,
}

pub(super) fn read(name: &str, bytes: &[u8], import: &mut Import) -> Result<(), Error> {
    let mut records: BTreeMap<String, Advisory> = BTreeMap::new();
    let mut each = |package: String, value: Value| {
        let issues = match value {
            Value::Object(issues) => issues,
            _ => {
                import.wrong(name, format!("{package} has no issues"));
                return Ok(());
            }
        };
        for (id, issue) in issues {
            match serde_json::from_value::<Issue>(issue) {
                Ok(issue) => self::issue(&package, id, issue, &mut records, import),
                Err(error) => import.wrong(name, format!("{package}, {id}: {error}")),
            }
        }
        Ok(())
    };
    elements::members(bytes, &mut each).map_err(|stopped| stopped.of(name))?;
    records.into_values().try_for_each(|record| import.push(record))
}

fn issue(package: &str, id: String, issue: Issue, records: &mut BTreeMap<String, Advisory>, import: &mut Import) {
    let mut affected = Vec::new();
    for (name, release) in issue.releases {
        let Some(number) = codename::debian(&name) else {
            import.skip("release that is not known");
            continue;
        };
        let ecosystem = Ecosystem::new(Family::Debian, Some(number));
        import.covered.insert(ecosystem.clone());
        match entry(Affected::new(ecosystem, package), &release) {
            Some(entry) => affected.push(entry),
            None => import.skip("status that is not known"),
        }
    }
    if affected.is_empty() {
        return;
    }
    let record = records.entry(id).or_insert_with_key(|id| Advisory {
        id: id.clone(),
        source: "debian-tracker".to_owned(),
        summary: issue.description,
        ..Advisory::default()
    });
    record.affected.extend(affected);
}

fn entry(mut entry: Affected, release: &Release) -> Option<Affected> {
    let urgency = release.urgency.as_deref().filter(|urgency| !urgency.is_empty());
    match (release.status.as_str(), release.fixed_version.as_deref()) {
        ("resolved", Some("0")) => entry.status = Status::NotAffected,
        ("resolved", Some(version)) => entry.ranges.push(Range::before(version)),
        ("open", _) => {
            entry.status = match (urgency, release.nodsa.is_some(), release.nodsa_reason.as_deref()) {
                (Some("end-of-life"), ..) => Status::EndOfLife,
                (_, true, Some("postponed")) => Status::Deferred,
                (_, true, _) => Status::WillNotFix,
                (_, false, _) => Status::Affected,
            }
        }
        ("undetermined", _) => entry.status = Status::UnderInvestigation,
        _ => return None,
    }
    // "End of life" is a status and not how bad it is.
    let word = urgency.filter(|urgency| *urgency != "end-of-life" && !urgency.starts_with("not yet"));
    // A star marks what the maintainers did not set themselves.
    entry.rating = word.map(|word| Rating::of_word("debian", word.trim_end_matches('*')));
    Some(entry)
}
