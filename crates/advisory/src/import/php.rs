//! FriendsOfPHP's security advisories: YAML, one file a record, whose path names the package.

use base::limits::ADVISORY_BYTES;
use serde::Deserialize;
use serde_json::{Map, Value};
use version::Scheme;

use super::{Import, elements::or_default, ids, interval, refused, text, time, yaml};
use crate::{Advisory, Affected, Ecosystem, Error, Family, Range};

#[derive(Deserialize)]
struct Record {
    title: Option<String>,
    link: Option<String>,
    cve: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    branches: Map<String, Value>,
    reference: Option<String>,
}

#[derive(Deserialize)]
struct Branch {
    time: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    versions: Vec<String>,
}

pub(super) fn read(name: &str, bytes: &[u8], import: &mut Import) -> Result<(), Error> {
    if bytes.len() > ADVISORY_BYTES {
        return Err(refused(name, format!("it has {} bytes, more than the limit of {ADVISORY_BYTES}", bytes.len())));
    }
    let value = yaml::read(&text(bytes)).map_err(|reason| refused(name, reason))?;
    let record: Record = serde_json::from_value(value).map_err(|error| refused(name, error))?;
    let reference = record.reference.as_deref().and_then(|reference| reference.strip_prefix("composer://"));
    let package = reference.ok_or_else(|| refused(name, "it has no reference composer://VENDOR/PACKAGE"))?.trim();
    let (mut ranges, mut published) = (Vec::new(), None);
    for (branch, value) in record.branches {
        let branch: Branch =
            serde_json::from_value(value).map_err(|error| refused(name, format!("{branch}: {error}")))?;
        ranges.push(range(&branch.versions).map_err(|reason| refused(name, reason))?);
        let time = branch.time.as_deref().and_then(time);
        published = published.or(time).min(time.or(published));
    }
    if ranges.is_empty() {
        import.skip("record without any entry we can use");
        return Ok(());
    }
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let own = format!("FOP-{package}-{}", file.trim_end_matches(".yaml").trim_end_matches(".yml"));
    let (id, aliases) = match record.cve.filter(|cve| ids::is_cve(cve)) {
        Some(cve) => (cve, vec![own]),
        None => (own, Vec::new()),
    };
    import.push(Advisory {
        affected: vec![Affected { ranges, ..Affected::new(Ecosystem::new(Family::Composer, None), package) }],
        aliases,
        published,
        references: record.link.into_iter().collect(),
        summary: record.title,
        source: "friendsofphp".to_owned(),
        id,
        ..Advisory::default()
    })
}

/// `['>=2.0.0', '<2.0.99']`: all of them hold.
fn range(versions: &[String]) -> Result<Range, String> {
    if versions.is_empty() {
        return Err("a branch without versions".to_owned());
    }
    Ok(interval::requirement(Scheme::Composer, &versions.join(","), "=")?.range(Scheme::Composer))
}
