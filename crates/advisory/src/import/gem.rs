//! RubySec's advisory database: YAML, one file a record.

use base::limits::ADVISORY_BYTES;
use serde::Deserialize;

use super::{Import, elements::or_default, interval, refused, text, time, yaml};
use crate::{Advisory, Affected, Ecosystem, Error, Family, Rating};

#[derive(Deserialize)]
struct Record {
    gem: Option<String>,
    /// Records of Ruby itself have an engine instead.
    engine: Option<String>,
    cve: Option<String>,
    ghsa: Option<String>,
    osvdb: Option<String>,
    url: Option<String>,
    title: Option<String>,
    date: Option<String>,
    cvss_v2: Option<String>,
    cvss_v3: Option<String>,
    cvss_v4: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    patched_versions: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    unaffected_versions: Vec<String>,
}

pub(super) fn read(name: &str, bytes: &[u8], import: &mut Import) -> Result<(), Error> {
    if bytes.len() > ADVISORY_BYTES {
        return Err(refused(name, format!("it has {} bytes, more than the limit of {ADVISORY_BYTES}", bytes.len())));
    }
    let value = yaml::read(&text(bytes)).map_err(|reason| refused(name, reason))?;
    let record: Record = serde_json::from_value(value).map_err(|error| refused(name, error))?;
    let place =
        place(record.gem, record.engine).ok_or_else(|| refused(name, "it names neither a gem nor an engine"))?;
    let scheme = place.ecosystem.family().scheme();
    let safe = record.patched_versions.iter().chain(&record.unaffected_versions);
    let safe: Result<Vec<_>, String> =
        safe.map(|requirement| interval::requirement(scheme, requirement, "=")).collect();
    let ranges = interval::between(scheme, safe.map_err(|reason| refused(name, reason))?);
    if ranges.is_empty() {
        import.skip("no version is affected");
        return Ok(());
    }
    let full = |prefix: &str, id: Option<String>| {
        id.map(|id| format!("{prefix}-{}", id.trim().trim_start_matches(&format!("{prefix}-"))))
    };
    let mut ids: Vec<String> = [full("CVE", record.cve), full("GHSA", record.ghsa), full("OSVDB", record.osvdb)]
        .into_iter()
        .flatten()
        .collect();
    // Its file's name tells a record of no other id apart.
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let file = file.trim_end_matches(".yml").trim_end_matches(".yaml");
    let own = format!("RUBYSEC-{}-{file}", place.package);
    if ids.is_empty() {
        ids.push(own);
    }
    let scores = [record.cvss_v3, record.cvss_v4, record.cvss_v2];
    let id = ids.remove(0);
    import.push(Advisory {
        affected: vec![Affected { ranges, ..place }],
        aliases: ids,
        published: record.date.as_deref().and_then(time),
        ratings: scores.into_iter().flatten().filter_map(|score| rating(&score)).collect(),
        references: record.url.into_iter().collect(),
        summary: record.title,
        source: "rubysec".to_owned(),
        id,
        ..Advisory::default()
    })
}

/// A gem, or Ruby itself, which is an upstream product.
fn place(gem: Option<String>, engine: Option<String>) -> Option<Affected> {
    if let Some(gem) = gem {
        return Some(Affected::new(Ecosystem::new(Family::Gem, None), gem));
    }
    let mut place = Affected::new(Ecosystem::new(Family::Upstream, None), engine?);
    place.vendor = (place.package == "ruby").then(|| "ruby-lang".to_owned());
    Some(place)
}

/// A score such as `6.3`. It says neither vector nor version.
fn rating(score: &str) -> Option<Rating> {
    tenths(score).map(|tenths| Rating::of_score("rubysec", tenths))
}

/// `6.3` and `10` in tenths; None for what is no score.
pub(super) fn tenths(score: &str) -> Option<u8> {
    let score: f64 = score.trim().parse().ok()?;
    (0.0..=10.0).contains(&score).then(|| (score * 10.0).round() as u8)
}
