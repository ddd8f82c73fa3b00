//! Photon OS's CVE data: a line for each CVE and package of one release, which the packages' version marks name.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{Import, elements, gem::tenths, ids};
use crate::{Advisory, Affected, Ecosystem, Error, Family, Named, Range, Rating};

#[derive(Deserialize)]
struct Line {
    cve_id: String,
    pkg: String,
    #[serde(default)]
    cve_score: Value,
    res_ver: Option<String>,
}

pub(super) fn read(name: &str, bytes: &[u8], import: &mut Import) -> Result<(), Error> {
    // `cve_data_photon4.0.json`
    let release = name.rsplit_once("photon").map(|(_, rest)| rest.trim_end_matches(".json"));
    let release = release.filter(|rest| rest.starts_with(|letter: char| letter.is_ascii_digit())).map(str::to_owned);
    let mut records: BTreeMap<String, Advisory> = BTreeMap::new();
    let mut each = |value: Value| {
        match serde_json::from_value::<Line>(value) {
            Ok(line) => add(line, release.as_deref(), &mut records, import),
            Err(error) => import.wrong(name, error.to_string()),
        }
        Ok(())
    };
    elements::list(bytes, "cves", &mut each).map_err(|stopped| stopped.of(name))?;
    records.into_values().try_for_each(|record| import.push(record))
}

fn add(line: Line, release: Option<&str>, records: &mut BTreeMap<String, Advisory>, import: &mut Import) {
    let fixed = line.res_ver.filter(|version| !matches!(version.as_str(), "" | "NA" | "N/A"));
    // `1.1.1-4.ph4`
    let mark = fixed.as_deref().and_then(|version| version.rsplit_once(".ph")).map(|(_, number)| format!("{number}.0"));
    let Some(release) = release.map(str::to_owned).or(mark) else {
        import.skip("package that does not name its release");
        return;
    };
    if !ids::is_id(&line.cve_id) {
        import.skip("line without an id");
        return;
    }
    let ecosystem = Ecosystem::new(Family::Photon, Some(&release));
    let score = tenths(line.cve_score.to_string().trim_matches('"'));
    let record = records.entry(line.cve_id).or_insert_with_key(|id| Advisory {
        id: id.clone(),
        source: "photon".to_owned(),
        ..Advisory::default()
    });
    record.ratings.extend(score.filter(|tenths| *tenths > 0).map(|tenths| Rating::of_score("photon", tenths)));
    record.ratings.dedup();
    // Specifications of packages are named, which build several.
    record.affected.push(Affected {
        ranges: fixed.map(Range::before).into_iter().collect(),
        named: Some(Named::Source),
        ..Affected::new(ecosystem, line.pkg)
    });
}
