//! CSAF 2.0 documents: Red Hat's VEX and advisories, SUSE's, and those of others who name releases as these do.
//!
//! Each vulnerability of a document is a record of its own, as each says for itself which product it touches. What is fixed is
//! said of the source package where the document lists it: one statement instead of fifty.

use std::collections::{BTreeMap, BTreeSet};

use base::limits::ADVISORY_LIST_BYTES;
use serde_json::Value;

use super::{
    Import,
    csaf_product::{Kind, Package, Product, products},
    refused, time,
};
use crate::{Advisory, Affected, Ecosystem, Error, Named, Range, Rating, Status};

pub(super) fn read(name: &str, bytes: &[u8], import: &mut Import) -> Result<(), Error> {
    if bytes.len() > ADVISORY_LIST_BYTES {
        return Err(refused(
            name,
            format!("it has {} bytes, more than the limit of {ADVISORY_LIST_BYTES}", bytes.len()),
        ));
    }
    let document: Value = serde_json::from_slice(bytes).map_err(|error| refused(name, error))?;
    let head = &document["document"];
    let publisher = head.pointer("/publisher/name").and_then(Value::as_str).unwrap_or_default();
    let source = match publisher {
        _ if publisher.starts_with("Red Hat") => "redhat",
        _ if publisher.starts_with("SUSE") => "suse",
        _ if publisher.starts_with("openEuler") => "openeuler",
        "" => return Err(refused(name, "it does not name its publisher")),
        _ => {
            import.skip("document of another publisher");
            return Ok(());
        }
    };
    let products = products(&document["product_tree"]);
    let said = items(&document, "vulnerabilities");
    if said.is_empty() {
        import.skip("document without a vulnerability");
    }
    for vulnerability in said {
        let Some(id) = vulnerability.get("cve").and_then(Value::as_str).or_else(|| own_id(vulnerability)) else {
            import.wrong(name, "a vulnerability without an id");
            continue;
        };
        let mut record = record(head, vulnerability, source);
        record.id = id.to_owned();
        record.affected = affected(vulnerability, &products, source, import);
        if record.affected.is_empty() {
            import.skip("record without any entry we can use");
            continue;
        }
        import.push(record)?;
    }
    Ok(())
}

fn items<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn own_id(vulnerability: &Value) -> Option<&str> {
    items(vulnerability, "ids").first()?.get("text")?.as_str()
}

fn record(head: &Value, vulnerability: &Value, source: &str) -> Advisory {
    let at = |path: &str| head.pointer(path).and_then(Value::as_str);
    let addresses = items(head, "references").iter().filter(|reference| reference["category"] == "self");
    let summary = vulnerability.get("title").and_then(Value::as_str).or(at("/title"));
    let mut ratings: Vec<Rating> = Vec::new();
    for score in items(vulnerability, "scores") {
        for key in ["cvss_v3", "cvss_v4", "cvss_v2"] {
            let vector = score.pointer(&format!("/{key}/vectorString")).and_then(Value::as_str);
            ratings.extend(vector.map(|vector| Rating::of_vector(source, vector)));
        }
    }
    let impacts = items(vulnerability, "threats").iter().filter(|threat| threat["category"] == "impact");
    let general = impacts.filter(|threat| items(threat, "product_ids").is_empty());
    let word = general.filter_map(|threat| threat["details"].as_str()).next().or(at("/aggregate_severity/text"));
    ratings.extend(word.map(|word| Rating::of_word(source, word)));
    ratings.sort();
    ratings.dedup();
    Advisory {
        modified: at("/tracking/current_release_date").and_then(time),
        published: vulnerability["release_date"].as_str().or(at("/tracking/initial_release_date")).and_then(time),
        ratings,
        references: addresses.filter_map(|reference| reference["url"].as_str()).map(str::to_owned).collect(),
        source: source.to_owned(),
        summary: summary.map(str::to_owned),
        ..Advisory::default()
    }
}

/// Statements by release, package, name and module: many products say one thing.
type Said = BTreeSet<Affected>;

fn affected(
    vulnerability: &Value,
    products: &BTreeMap<String, Product>,
    source: &str,
    import: &mut Import,
) -> Vec<Affected> {
    let impacts = details(vulnerability, "threats", "impact");
    let no_fix = details(vulnerability, "remediations", "no_fix_planned");
    let not_yet = details(vulnerability, "remediations", "none_available");
    let mut said = Said::new();
    let mut fixed: Vec<(Affected, Named)> = Vec::new();
    let statuses = vulnerability.get("product_status").and_then(Value::as_object);
    for (status, ids) in statuses.into_iter().flatten() {
        for id in ids.as_array().into_iter().flatten().filter_map(Value::as_str) {
            let product = products.get(id).cloned().unwrap_or_default();
            let (Some(ecosystem), Some(package)) = (product.ecosystem, product.package) else {
                import.skip("product that is no package of a release");
                continue;
            };
            let mut entry = Affected::new(ecosystem, &package.name);
            entry.module = product.module;
            entry.channel = product.channel;
            entry.rating = impacts.get(id).map(|word| Rating::of_word(source, *word));
            match status.as_str() {
                "fixed" | "first_fixed" | "recommended" => {
                    fixed.extend(fix(entry, package));
                    continue;
                }
                "known_not_affected" => entry.status = Status::NotAffected,
                "under_investigation" => entry.status = Status::UnderInvestigation,
                "known_affected" | "first_affected" | "last_affected" => {
                    entry.status = planned(no_fix.get(id), not_yet.get(id));
                }
                _ => {
                    import.skip("status that is not known");
                    continue;
                }
            }
            said.extend(names(entry, &package));
        }
    }
    said.extend(by_source(fixed));
    said.into_iter().collect()
}

/// Product to text, of the threats or remediations of one category.
fn details<'v>(vulnerability: &'v Value, list: &str, category: &str) -> BTreeMap<&'v str, &'v str> {
    let entries = items(vulnerability, list).iter().filter(|entry| entry["category"] == category);
    let pairs = entries.flat_map(|entry| {
        let text = entry["details"].as_str().unwrap_or_default();
        items(entry, "product_ids").iter().filter_map(Value::as_str).map(move |id| (id, text))
    });
    pairs.collect()
}

/// "Will not fix", "Out of support scope", "Fix deferred", "Affected".
fn planned(no_fix: Option<&&str>, not_yet: Option<&&str>) -> Status {
    let says = |text: Option<&&str>, words: &str| text.is_some_and(|text| text.to_ascii_lowercase().contains(words));
    if says(no_fix, "out of support") || says(not_yet, "out of support") {
        Status::EndOfLife
    } else if no_fix.is_some() || says(not_yet, "will not fix") {
        Status::WillNotFix
    } else if says(not_yet, "deferred") {
        Status::Deferred
    } else {
        Status::Affected
    }
}

/// A statement for each name that is meant.
fn names(mut entry: Affected, package: &Package) -> Vec<Affected> {
    // Red Hat says "not affected" of a version too; it means the package.
    match package.named {
        Kind::Known(named) => {
            entry.named = Some(named);
            vec![entry]
        }
        Kind::Either => [Named::Source, Named::Binary]
            .into_iter()
            .map(|named| Affected { named: Some(named), ..entry.clone() })
            .collect(),
    }
}

fn fix(mut entry: Affected, package: Package) -> Option<(Affected, Named)> {
    entry.ranges.push(Range::before(package.version?));
    let named = match package.named {
        Kind::Known(named) => named,
        Kind::Either => Named::Source,
    };
    entry.named = Some(named);
    Some((entry, named))
}

/// Of a release whose source packages are listed, these only.
fn by_source(fixed: Vec<(Affected, Named)>) -> impl Iterator<Item = Affected> {
    let key = |entry: &Affected| (entry.ecosystem.clone(), entry.module.clone());
    let listed: BTreeSet<(Ecosystem, Option<String>)> =
        fixed.iter().filter(|(_, named)| *named == Named::Source).map(|(entry, _)| key(entry)).collect();
    fixed
        .into_iter()
        .filter(move |(entry, named)| *named == Named::Source || !listed.contains(&key(entry)))
        .map(|(entry, _)| entry)
}
