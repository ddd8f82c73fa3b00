//! The National Vulnerability Database, API 2.0 and its feeds (`{"vulnerabilities": [{"cve": …}]}`), and single records of that
//! shape, such as corrections of others to its configurations.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{
    Import,
    elements::{self, or_default},
    gem::tenths,
    ids, interval,
    nvd_cpe::{Cpe, Version},
    refused, time,
};
use crate::{Advisory, Affected, Ecosystem, Error, Family, Range, Rating};

#[derive(Deserialize)]
struct Item {
    cve: Cve,
    /// Of a correction: which record it corrects, and what it says of it.
    #[serde(rename = "_annotation")]
    annotation: Option<Annotation>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cve {
    id: Option<String>,
    published: Option<String>,
    last_modified: Option<String>,
    vuln_status: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    descriptions: Vec<Description>,
    #[serde(default, deserialize_with = "or_default")]
    metrics: BTreeMap<String, Value>,
    #[serde(default, deserialize_with = "or_default")]
    configurations: Vec<Configuration>,
    #[serde(default, deserialize_with = "or_default")]
    references: Vec<Reference>,
}

#[derive(Deserialize)]
struct Annotation {
    cve_id: String,
    description: Option<String>,
    published: Option<String>,
    modified: Option<String>,
}

#[derive(Deserialize)]
struct Description {
    lang: String,
    value: String,
}

#[derive(Deserialize)]
struct Reference {
    #[serde(default)]
    url: String,
}

#[derive(Deserialize)]
struct Configuration {
    operator: Option<String>,
    #[serde(default)]
    negate: bool,
    #[serde(default, deserialize_with = "or_default")]
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Node {
    #[serde(default)]
    negate: bool,
    #[serde(default, deserialize_with = "or_default")]
    cpe_match: Vec<Match>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Match {
    #[serde(default)]
    vulnerable: bool,
    criteria: String,
    version_start_including: Option<String>,
    version_start_excluding: Option<String>,
    version_end_including: Option<String>,
    version_end_excluding: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metric {
    source: Option<String>,
    cvss_data: Data,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    vector_string: Option<String>,
    base_score: Option<f64>,
}

pub(super) fn read(name: &str, bytes: &[u8], import: &mut Import) -> Result<(), Error> {
    // A feed's head is short, and a single record has no such list.
    let head = &bytes[..bytes.len().min(1024)];
    if !head.windows(17).any(|part| part == b"\"vulnerabilities\"") {
        let item = serde_json::from_slice(bytes).map_err(|error| refused(name, error))?;
        return record(item, name, import);
    }
    let mut each = |value: Value| match serde_json::from_value(value) {
        Ok(item) => record(item, name, import),
        Err(error) => {
            import.wrong(name, error.to_string());
            Ok(())
        }
    };
    elements::list(bytes, "vulnerabilities", &mut each).map_err(|stopped| stopped.of(name))
}

fn record(item: Item, name: &str, import: &mut Import) -> Result<(), Error> {
    let Item { cve, annotation } = item;
    let id = cve.id.as_ref().or(annotation.as_ref().map(|note| &note.cve_id)).filter(|id| ids::is_cve(id)).cloned();
    let Some(id) = id else {
        import.wrong(name, "a record without a CVE id");
        return Ok(());
    };
    if cve.vuln_status.as_deref().is_some_and(|status| status.eq_ignore_ascii_case("rejected")) {
        import.skip("rejected");
        return Ok(());
    }
    let mut products = Products::new();
    for configuration in &cve.configurations {
        self::configuration(configuration, &mut products, import);
    }
    let affected = products.into_values().collect();
    let told = annotation.as_ref();
    let description = cve.descriptions.iter().find(|text| text.lang == "en").map(|text| text.value.clone());
    let published = cve.published.as_deref().or(told.and_then(|note| note.published.as_deref()));
    let modified = cve.last_modified.as_deref().or(told.and_then(|note| note.modified.as_deref()));
    import.push(Advisory {
        affected,
        modified: modified.and_then(time),
        published: published.and_then(time),
        ratings: cve.metrics.values().flat_map(ratings).collect(),
        references: cve.references.into_iter().map(|reference| reference.url).collect(),
        source: if told.is_some() { "nvd-overrides" } else { "nvd" }.to_owned(),
        summary: description.or_else(|| told.and_then(|note| note.description.clone())),
        id,
        ..Advisory::default()
    })
}

/// What is vulnerable in it. Where it is so only together with other things, it counts unless these are other operating systems.
fn configuration(configuration: &Configuration, into: &mut Products, import: &mut Import) {
    let together = configuration.operator.as_deref().is_some_and(|operator| operator.eq_ignore_ascii_case("and"));
    if configuration.negate || configuration.nodes.iter().any(|node| node.negate) {
        import.skip("configuration that says what is not affected");
        return;
    }
    let elsewhere = |node: &Node| {
        let mut with = node.cpe_match.iter().filter(|one| !one.vulnerable).peekable();
        with.peek().is_some()
            && node.cpe_match.iter().all(|one| !one.vulnerable)
            && with.all(|one| Cpe::parse(&one.criteria).is_some_and(|cpe| cpe.is_elsewhere()))
    };
    if together && configuration.nodes.iter().any(elsewhere) {
        import.skip("configuration of another operating system");
        return;
    }
    for one in configuration.nodes.iter().flat_map(|node| &node.cpe_match).filter(|one| one.vulnerable) {
        match entry(one) {
            Ok(entry) => add(entry, into),
            Err(reason) => import.skip(reason),
        }
    }
}

/// By product and vendor.
type Products = BTreeMap<(String, Option<String>), Affected>;

/// Products repeat, once for each of their ranges.
fn add(entry: Affected, into: &mut Products) {
    let key = (entry.package.clone(), entry.vendor.clone());
    // A statement about every version holds whatever else is said.
    let is_all = |entry: &Affected| entry.ranges.is_empty() && entry.exact.is_empty();
    match into.get_mut(&key) {
        Some(known) if is_all(known) => {}
        Some(known) if is_all(&entry) => *known = entry,
        Some(known) => {
            known.ranges.extend(entry.ranges);
            known.exact.extend(entry.exact);
        }
        None => drop(into.insert(key, entry)),
    }
}

fn entry(one: &Match) -> Result<Affected, &'static str> {
    let cpe = Cpe::parse(&one.criteria).ok_or("name that is no CPE 2.3")?;
    if !cpe.is_component() {
        return Err("hardware or an operating system");
    }
    if cpe.is_for_elsewhere() {
        return Err("configuration of another operating system");
    }
    if cpe.is_extension() {
        return Err("extension of a platform");
    }
    let mut entry = Affected::new(Ecosystem::new(Family::Upstream, None), cpe.product);
    entry.vendor = Some(cpe.vendor);
    match cpe.version {
        Some(Version::Is(version)) => entry.exact.push(version),
        Some(Version::NotSaid) => return Err("version that is not said"),
        None => entry.ranges.extend(range(one)),
    }
    Ok(entry)
}

/// None where no bound is given: every version.
fn range(one: &Match) -> Option<Range> {
    let scheme = Family::Upstream.scheme();
    let after = one.version_start_excluding.as_deref().map(|version| interval::after(scheme, version));
    let introduced = one.version_start_including.clone().or(after).filter(|version| version != "0");
    let fixed = one.version_end_excluding.clone();
    let last_affected = one.version_end_including.clone().filter(|_| fixed.is_none());
    let range = Range { fixed, introduced, last_affected };
    (range != Range::default()).then_some(range)
}

/// NVD's own and those of who assigned the id.
fn ratings(list: &Value) -> Vec<Rating> {
    let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
    let metrics = list.iter().filter_map(|value| serde_json::from_value::<Metric>(value.clone()).ok());
    metrics
        .filter_map(|metric| {
            let source = match metric.source.as_deref() {
                Some("nvd@nist.gov") | None => "nvd",
                Some("security-advisories@github.com") => "ghsa",
                // CISA's additions to records that NVD has not looked at.
                Some("134c704f-9b21-4f2e-91b3-4a467353bcc0") => "cisa",
                Some(other) => other,
            };
            let said = metric.cvss_data.base_score.and_then(|score| tenths(&score.to_string()));
            match metric.cvss_data.vector_string {
                Some(vector) => {
                    let rating = Rating::of_vector(source, vector);
                    Some(Rating { score_tenths: said.or(rating.score_tenths), ..rating })
                }
                None => said.map(|score| Rating::of_score(source, score)),
            }
        })
        .collect()
}
