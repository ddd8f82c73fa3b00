//! Alpine's security database, and those of its shape (Wolfi, Chainguard): which version of a package mends what.

use std::collections::BTreeMap;

use base::limits::ADVISORY_LIST_BYTES;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Import, elements::or_default, ids, refused, text, yaml};
use crate::{Advisory, Affected, Ecosystem, Error, Family, Range, Status};

#[derive(Deserialize)]
struct Feed {
    /// `v3.19`, `edge-main`; rolling distributions have none.
    distroversion: Option<String>,
    apkurl: Option<String>,
    urlprefix: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    packages: Vec<Value>,
}

#[derive(Deserialize)]
struct Packed {
    pkg: Package,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    /// Version to ids. `0` stands for "never affected".
    #[serde(default, deserialize_with = "or_default")]
    secfixes: Map<String, Value>,
}

pub(super) fn read_json(name: &str, bytes: &[u8], import: &mut Import) -> Result<(), Error> {
    if bytes.len() > ADVISORY_LIST_BYTES {
        return Err(refused(
            name,
            format!("it has {} bytes, more than the limit of {ADVISORY_LIST_BYTES}", bytes.len()),
        ));
    }
    let feed = serde_json::from_slice(bytes).map_err(|error| refused(name, error))?;
    feed_of(feed, name, import)
}

pub(super) fn read_yaml(name: &str, bytes: &[u8], import: &mut Import) -> Result<(), Error> {
    let value = yaml::read(&text(bytes)).map_err(|reason| refused(name, reason))?;
    feed_of(serde_json::from_value(value).map_err(|error| refused(name, error))?, name, import)
}

fn feed_of(feed: Feed, name: &str, import: &mut Import) -> Result<(), Error> {
    let place =
        format!("{} {}", feed.urlprefix.as_deref().unwrap_or_default(), feed.apkurl.as_deref().unwrap_or_default());
    let family = match () {
        () if place.contains("wolfi") => Family::Wolfi,
        () if place.contains("chainguard") || place.contains("cgr.dev") => Family::Chainguard,
        () if place.contains("alpaquita") || place.contains("bell-sw") => Family::Alpaquita,
        () if feed.distroversion.is_some() => Family::Alpine,
        () => return Err(refused(name, "it says neither a release nor where its packages are")),
    };
    let release =
        feed.distroversion.as_deref().map(|version| if version.starts_with("edge") { "edge" } else { version });
    let ecosystem = Ecosystem::new(family, release);
    if family.has_releases() && ecosystem.release().is_none() {
        return Err(refused(name, "it does not say its release"));
    }
    let mut records: BTreeMap<String, Advisory> = BTreeMap::new();
    for value in feed.packages {
        match serde_json::from_value::<Packed>(value) {
            Ok(packed) => package(packed.pkg, &ecosystem, &mut records, import),
            Err(error) => import.wrong(name, error.to_string()),
        }
    }
    import.covered.insert(ecosystem);
    records.into_values().try_for_each(|record| import.push(record))
}

fn package(package: Package, ecosystem: &Ecosystem, records: &mut BTreeMap<String, Advisory>, import: &mut Import) {
    let source = ecosystem.family().as_str();
    for (version, list) in package.secfixes {
        let list = match list {
            Value::Array(list) => list,
            // Written without a dash in front of it.
            text @ Value::String(_) => vec![text],
            _ => {
                import.skip("version that mends nothing");
                continue;
            }
        };
        for (id, aliases) in list.iter().filter_map(Value::as_str).flat_map(ids::grouped) {
            let never = version == "0";
            let ranges = if never { Vec::new() } else { vec![Range::before(&version)] };
            let status = if never { Status::NotAffected } else { Status::Affected };
            let entry = Affected { ranges, status, ..Affected::new(ecosystem.clone(), &package.name) };
            let record = records.entry(id).or_insert_with_key(|id| Advisory {
                id: id.clone(),
                source: source.to_owned(),
                ..Advisory::default()
            });
            record.affected.push(entry);
            record.aliases.extend(aliases);
        }
    }
}
