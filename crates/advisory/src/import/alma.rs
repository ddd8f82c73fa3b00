//! AlmaLinux's `errata.json`: a list of updates with their packages.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;

use super::{
    Import,
    elements::{self, or_default},
    ids, osv_source,
};
use crate::{Advisory, Affected, Ecosystem, Error, Family, Range, Rating};

#[derive(Deserialize)]
struct Update {
    updateinfo_id: String,
    title: Option<String>,
    severity: Option<String>,
    pkglist: Option<Packages>,
    #[serde(default, deserialize_with = "or_default")]
    references: Vec<Reference>,
    issued_date: Option<Value>,
    updated_date: Option<Value>,
}

#[derive(Deserialize)]
struct Packages {
    #[serde(default, deserialize_with = "or_default")]
    packages: Vec<Package>,
    module: Option<Value>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    #[serde(default)]
    epoch: Value,
    version: String,
    release: String,
    #[serde(default)]
    arch: String,
}

#[derive(Deserialize)]
struct Reference {
    #[serde(default, deserialize_with = "or_default")]
    id: String,
}

pub(super) fn read(name: &str, bytes: &[u8], import: &mut Import) -> Result<(), Error> {
    let mut each = |value: Value| match serde_json::from_value(value) {
        Ok(update) => record(update, import),
        Err(error) => {
            import.wrong(name, error.to_string());
            Ok(())
        }
    };
    elements::list(bytes, "data", &mut each).map_err(|stopped| stopped.of(name))
}

fn record(update: Update, import: &mut Import) -> Result<(), Error> {
    let covers: Vec<String> = update.references.iter().flat_map(|reference| ids::cves(&reference.id)).collect();
    if covers.is_empty() && osv_source::is_no_security(&update.updateinfo_id) {
        import.skip("bulletin about bugs, not vulnerabilities");
        return Ok(());
    }
    let mut affected = BTreeSet::new();
    let packages = update.pkglist.map(|list| (list.packages, module(list.module.as_ref()))).unwrap_or_default();
    for package in packages.0.iter().filter(|package| package.arch != "src") {
        // The file is of one release and does not name it: `el9`, `el8_6` in the packages do.
        let Some(release) = release(&package.release) else {
            import.skip("package that does not name its release");
            continue;
        };
        let epoch = match package.epoch.to_string().trim_matches('"') {
            "" | "0" | "null" => String::new(),
            epoch => format!("{epoch}:"),
        };
        let version = format!("{epoch}{}-{}", package.version, package.release);
        let ecosystem = Ecosystem::new(Family::AlmaLinux, Some(&release));
        let entry = Affected {
            ranges: vec![Range::before(version)],
            module: packages.1.clone(),
            ..Affected::new(ecosystem, &package.name)
        };
        affected.insert(entry);
    }
    if affected.is_empty() {
        import.skip("record without any entry we can use");
        return Ok(());
    }
    import.push(Advisory {
        affected: affected.into_iter().collect(),
        covers,
        id: update.updateinfo_id,
        modified: update.updated_date.as_ref().and_then(date),
        published: update.issued_date.as_ref().and_then(date),
        ratings: update.severity.map(|word| Rating::of_word("almalinux", word)).into_iter().collect(),
        source: "almalinux".to_owned(),
        summary: update.title,
        ..Advisory::default()
    })
}

/// `9` of `2.el9_4.1`.
fn release(release: &str) -> Option<String> {
    let (_, rest) = release.rsplit_once(".el").or_else(|| release.rsplit_once("+el"))?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Some(digits).filter(|digits| !digits.is_empty())
}

/// `{"name": "nodejs", "stream": "18", …}`
fn module(module: Option<&Value>) -> Option<String> {
    let text = |key: &str| module?.get(key)?.as_str().filter(|text| !text.is_empty());
    Some(format!("{}:{}", text("name")?, text("stream")?))
}

/// `{"$date": 1622548800000}`, in milliseconds, or a text.
fn date(value: &Value) -> Option<base::Timestamp> {
    let inner = value.get("$date").unwrap_or(value);
    match inner.as_i64() {
        Some(milliseconds) => base::Timestamp::from_millisecond(milliseconds).ok(),
        None => inner.as_str().and_then(super::time),
    }
}
