//! OVAL definitions (version 5) of the rpm world: Oracle Linux, Azure Linux, SUSE, Red Hat.
//!
//! A definition is a tree of tests. Read is which packages are vulnerable before which version, in which release; tests of
//! signatures, architectures and running kernels are not.

use std::collections::{BTreeMap, BTreeSet};

use base::limits::ADVISORY_ENTRIES;

use super::{
    Import, ids,
    oval_tree::{Bound, Criteria, Tests},
    time, xml,
};
use crate::{Advisory, Affected, Ecosystem, Error, Family, Named, Range, Rating};

pub(super) fn read(name: &str, bytes: &[u8], import: &mut Import) -> Result<(), Error> {
    let mut feed = Feed::default();
    xml::read(name, bytes, &mut feed)?;
    for definition in std::mem::take(&mut feed.definitions) {
        record(definition, &feed.tests, name, import)?;
    }
    Ok(())
}

#[derive(Debug, Default)]
struct Feed {
    definitions: Vec<Definition>,
    tests: Tests,
    open: Option<Definition>,
    /// The criteria that are not closed yet.
    stack: Vec<(bool, Vec<Criteria>)>,
    /// The test, object or state that the reader is in.
    id: String,
    comparison: String,
}

#[derive(Debug, Default)]
struct Definition {
    class: String,
    record: Advisory,
    platforms: Vec<String>,
    /// References that are no CVE: the bulletin's own id.
    bulletins: Vec<String>,
    title: String,
    criteria: Vec<Criteria>,
}

impl xml::Listener for Feed {
    fn start(&mut self, path: &[String], attributes: &BTreeMap<String, String>) -> Result<(), Error> {
        let get = |key: &str| attributes.get(key).cloned().unwrap_or_default();
        let last = path.last().map(String::as_str).unwrap_or_default();
        match (last, &mut self.open) {
            ("definition", _) => {
                self.open = Some(Definition { class: get("class"), ..Definition::default() });
            }
            ("criteria", Some(_)) => self.stack.push((get("operator") != "OR", Vec::new())),
            ("criterion", Some(open)) => {
                let test = Criteria::Test { id: get("test_ref"), comment: get("comment") };
                match self.stack.last_mut() {
                    Some((_, list)) => list.push(test),
                    None => open.criteria.push(test),
                }
            }
            ("reference", Some(open)) => match ids::cves(&get("ref_id")) {
                cves if !cves.is_empty() => open.record.covers.extend(cves),
                _ => open.bulletins.push(get("ref_id")),
            },
            ("issued", Some(open)) => open.record.published = time(&get("date")),
            ("updated", Some(open)) => open.record.modified = time(&get("date")),
            ("object", None) => {
                let test = self.tests.tests.entry(self.id.clone()).or_default();
                test.0 = get("object_ref");
            }
            ("state", None) => {
                let test = self.tests.tests.entry(self.id.clone()).or_default();
                if test.1.is_empty() {
                    test.1 = get("state_ref");
                }
            }
            ("evr", None) => self.comparison = get("operation"),
            (_, None) if last.ends_with("_test") || last.ends_with("_object") || last.ends_with("_state") => {
                self.id = get("id");
            }
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, path: &[String], text: &str) -> Result<(), Error> {
        let last = path.last().map(String::as_str).unwrap_or_default();
        match (last, &mut self.open) {
            ("definition", _) => self.definitions.extend(self.open.take()),
            ("criteria", Some(open)) => {
                let Some((all, list)) = self.stack.pop() else { return Ok(()) };
                let done = if all { Criteria::All(list) } else { Criteria::Any(list) };
                match self.stack.last_mut() {
                    Some((_, outer)) => outer.push(done),
                    None => open.criteria.push(done),
                }
            }
            ("title", Some(open)) => open.title = text.to_owned(),
            ("description", Some(open)) if open.record.summary.is_none() => {
                open.record.summary = Some(text.to_owned()).filter(|text| !text.is_empty());
            }
            ("platform", Some(open)) => open.platforms.push(text.to_owned()),
            ("severity", Some(open)) if !text.is_empty() => open.record.ratings = vec![Rating::of_word("", text)],
            ("cve", Some(open)) => open.record.covers.extend(ids::cves(text)),
            ("name", None) if path.iter().any(|name| name.ends_with("_object")) => {
                self.tests.objects.insert(self.id.clone(), text.to_owned());
            }
            ("evr", None) => {
                let comparison = std::mem::take(&mut self.comparison);
                self.tests.states.insert(self.id.clone(), (comparison, text.to_owned()));
            }
            _ => {}
        }
        Ok(())
    }
}

fn record(definition: Definition, tests: &Tests, name: &str, import: &mut Import) -> Result<(), Error> {
    let Definition { class, mut record, platforms, bulletins, title, criteria } = definition;
    if class != "patch" && class != "vulnerability" {
        import.skip("definition that is no advisory");
        return Ok(());
    }
    let (bounds, others) = tests.bounds(&criteria);
    if others > 0 {
        import.skip("definition with tests that are no `earlier than`");
    }
    let mut affected = BTreeSet::new();
    for bound in bounds {
        affected.extend(entries(bound, &platforms));
        // Every bound may be of every release.
        if affected.len() > ADVISORY_ENTRIES {
            import.wrong(name, format!("the definition {title:?} has more than {ADVISORY_ENTRIES} entries"));
            return Ok(());
        }
    }
    let Some(family) = affected.first().map(|entry| entry.ecosystem.family()) else {
        import.skip("record without any entry we can use");
        return Ok(());
    };
    record.affected = affected.into_iter().collect();
    record.source = family.as_str().to_owned();
    for rating in &mut record.ratings {
        rating.source.clone_from(&record.source);
    }
    record.covers.extend(ids::cves(&title));
    record.covers.sort();
    record.covers.dedup();
    let own = bulletins
        .into_iter()
        .find(|id| ids::is_id(id))
        .or_else(|| title.split([':', ' ']).next().filter(|id| ids::is_id(id) && !ids::is_cve(id)).map(str::to_owned));
    match (class.as_str(), own) {
        ("patch", Some(id)) => record.id = id,
        _ if record.covers.len() == 1 => record.id = record.covers.remove(0),
        (_, Some(id)) => record.id = id,
        _ => {
            import.wrong(name, format!("the definition {title:?} has no id"));
            return Ok(());
        }
    }
    import.push(record)
}

fn entries(bound: Bound, platforms: &[String]) -> Vec<Affected> {
    let Bound { package, fixed, around } = bound;
    let releases = if around.releases.is_empty() { platforms } else { &around.releases };
    let ecosystems: BTreeSet<Ecosystem> = releases.iter().filter_map(|name| release(name)).collect();
    let fixed = fixed.strip_prefix("0:").unwrap_or(&fixed).to_owned();
    let entry = |ecosystem: Ecosystem| Affected {
        // Azure Linux speaks of what a package was built from.
        named: (ecosystem.family() == Family::AzureLinux).then_some(Named::Source),
        ranges: vec![Range::before(fixed.clone())],
        module: around.module.clone(),
        ..Affected::new(ecosystem, package.clone())
    };
    ecosystems.into_iter().map(entry).collect()
}

/// `Oracle Linux 8`, `SUSE Linux Enterprise Server 15 SP5`, `CBL-Mariner 2.0`, `Red Hat Enterprise Linux 8`.
fn release(name: &str) -> Option<Ecosystem> {
    let read = |family: Family, release: &str| {
        let ecosystem = Ecosystem::new(family, Some(release));
        ecosystem.release().is_some().then_some(ecosystem)
    };
    let after = |start: &str| name.strip_prefix(start).map(str::trim);
    after("Oracle Linux ")
        .and_then(|release| read(Family::Oracle, release))
        .or_else(|| after("Red Hat Enterprise Linux ").and_then(|release| read(Family::RedHat, release)))
        .or_else(|| after("Azure Linux ").and_then(|release| read(Family::AzureLinux, release)))
        .or_else(|| after("CBL-Mariner ").and_then(|release| read(Family::AzureLinux, release)))
        .or_else(|| after("CBL-Mariner").and_then(|release| read(Family::AzureLinux, release)))
        .or_else(|| after("openSUSE ").and_then(|release| read(Family::OpenSuse, release)))
        .or_else(|| after("SUSE ").and_then(|release| read(Family::Suse, release)))
}
