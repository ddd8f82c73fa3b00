//! Ubuntu's security notices as one file (`database.json`): notice, release, source package, fixed version.

use std::collections::BTreeMap;

use base::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::{Import, codename, elements, elements::or_default, ids};
use crate::{Advisory, Affected, Ecosystem, Error, Family, Range};

#[derive(Deserialize)]
struct Notice {
    title: Option<String>,
    timestamp: Option<f64>,
    #[serde(default, deserialize_with = "or_default")]
    cves: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    releases: BTreeMap<String, Release>,
}

#[derive(Deserialize)]
struct Release {
    #[serde(default, deserialize_with = "or_default")]
    sources: BTreeMap<String, Fix>,
}

#[derive(Deserialize)]
struct Fix {
    version: Option<String>,
}

pub(super) fn read(name: &str, bytes: &[u8], import: &mut Import) -> Result<(), Error> {
    let mut each = |id: String, value: Value| match serde_json::from_value(value) {
        Ok(notice) => record(&id, notice, import),
        Err(error) => {
            import.wrong(name, format!("{id}: {error}"));
            Ok(())
        }
    };
    elements::members(bytes, &mut each).map_err(|stopped| stopped.of(name))
}

fn record(id: &str, notice: Notice, import: &mut Import) -> Result<(), Error> {
    let mut affected = Vec::new();
    for (name, release) in notice.releases {
        let Some(number) = codename::ubuntu(&name) else {
            import.skip("release that is not known");
            continue;
        };
        for (package, fix) in release.sources {
            let Some(version) = fix.version else { continue };
            // A version that only Ubuntu Pro has says so.
            let channel = version.contains("esm").then(|| "pro".to_owned());
            let ranges = vec![Range::before(version)];
            let ecosystem = Ecosystem::new(Family::Ubuntu, Some(number));
            affected.push(Affected { ranges, channel, ..Affected::new(ecosystem, package) });
        }
    }
    if affected.is_empty() {
        import.skip("record without any entry we can use");
        return Ok(());
    }
    let published = notice.timestamp.and_then(|seconds| Timestamp::from_second(seconds as i64).ok());
    import.push(Advisory {
        affected,
        covers: notice.cves.into_iter().filter(|id| ids::is_cve(id)).collect(),
        id: if id.starts_with("USN-") { id.to_owned() } else { format!("USN-{id}") },
        modified: published,
        published,
        source: "ubuntu".to_owned(),
        summary: notice.title,
        ..Advisory::default()
    })
}
