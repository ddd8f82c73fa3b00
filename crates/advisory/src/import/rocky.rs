//! Rocky Linux's errata service: pages of advisories with the files they brought.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use super::{
    Import,
    csaf_product::{Kind, nevra},
    elements::{self, or_default},
    ids, osv_source, time,
};
use crate::{Advisory, Affected, Ecosystem, Error, Family, Named, Range, Rating};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Update {
    name: String,
    synopsis: Option<String>,
    severity: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    cves: Vec<Cve>,
    /// Release to files.
    #[serde(default, deserialize_with = "or_default")]
    rpms: BTreeMap<String, Files>,
    published_at: Option<String>,
}

#[derive(Deserialize)]
struct Cve {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct Files {
    #[serde(default, deserialize_with = "or_default")]
    nvras: Vec<String>,
}

pub(super) fn read(name: &str, bytes: &[u8], import: &mut Import) -> Result<(), Error> {
    let mut each = |value: Value| match serde_json::from_value(value) {
        Ok(update) => record(update, name, import),
        Err(error) => {
            import.wrong(name, error.to_string());
            Ok(())
        }
    };
    elements::list(bytes, "advisories", &mut each).map_err(|stopped| stopped.of(name))
}

fn record(update: Update, name: &str, import: &mut Import) -> Result<(), Error> {
    let covers: Vec<String> = update.cves.iter().flat_map(|cve| ids::cves(&cve.name)).collect();
    if covers.is_empty() && osv_source::is_no_security(&update.name) {
        import.skip("bulletin about bugs, not vulnerabilities");
        return Ok(());
    }
    let mut affected: BTreeSet<Affected> = BTreeSet::new();
    for (release, files) in update.rpms {
        // `Rocky Linux 9`; debuginfo and the like are listed as well, and are harmless.
        let Some(number) = release.strip_prefix("Rocky Linux ") else {
            import.skip("release that is not known");
            continue;
        };
        for file in files.nvras {
            let file = file.trim_end_matches(".rpm");
            let Some(package) = nevra(file) else {
                import.wrong(name, format!("{}: {file:?} is no package's file", update.name));
                continue;
            };
            let ecosystem = Ecosystem::new(Family::Rocky, Some(number));
            let ranges = package.version.map(Range::before).into_iter().collect();
            let named = (package.named == Kind::Known(Named::Source)).then_some(Named::Source);
            let entry = Affected { ranges, named, ..Affected::new(ecosystem, package.name) };
            affected.insert(entry);
        }
    }
    if affected.is_empty() {
        import.skip("record without any entry we can use");
        return Ok(());
    }
    // `SEVERITY_IMPORTANT`
    let word = update.severity.map(|word| word.trim_start_matches("SEVERITY_").to_ascii_lowercase());
    let published = update.published_at.as_deref().and_then(time);
    import.push(Advisory {
        affected: affected.into_iter().collect(),
        covers,
        id: update.name,
        modified: published,
        published,
        ratings: word.map(|word| Rating::of_word("rocky", word)).into_iter().collect(),
        source: "rocky".to_owned(),
        summary: update.synopsis,
        ..Advisory::default()
    })
}
