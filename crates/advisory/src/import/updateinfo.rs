//! `updateinfo.xml` of a dnf repository: Amazon Linux's advisories, and those of others that name their release.

use std::collections::{BTreeMap, BTreeSet};

use super::{Import, ids, osv_source, time, xml};
use crate::{Advisory, Affected, Ecosystem, Error, Family, Range, Rating};

pub(super) fn read(name: &str, bytes: &[u8], import: &mut Import) -> Result<(), Error> {
    let mut updates = Updates {
        import,
        open: Advisory::default(),
        kind: String::new(),
        place: String::new(),
        packages: BTreeSet::new(),
        module: None,
    };
    xml::read(name, bytes, &mut updates)
}

struct Updates<'a> {
    import: &'a mut Import,
    open: Advisory,
    kind: String,
    /// What names the release: the names of release and collection.
    place: String,
    /// Name, version, module; every architecture has the same.
    packages: BTreeSet<(String, String, Option<String>)>,
    module: Option<String>,
}

impl xml::Listener for Updates<'_> {
    fn start(&mut self, path: &[String], attributes: &BTreeMap<String, String>) -> Result<(), Error> {
        let get = |key: &str| attributes.get(key).map(String::as_str).unwrap_or_default();
        match path.last().map(String::as_str) {
            Some("update") => {
                self.open = Advisory::default();
                self.kind = get("type").to_owned();
                self.place.clear();
                self.packages.clear();
                self.module = None;
            }
            Some("issued") => self.open.published = time(get("date")),
            Some("updated") => self.open.modified = time(get("date")),
            Some("release") => self.place += &format!(" {}", get("name")),
            Some("collection") => {
                self.place += &format!(" {}", get("short"));
                self.module = None;
            }
            Some("module") if !get("name").is_empty() => {
                self.module = Some(format!("{}:{}", get("name"), get("stream")));
            }
            Some("reference") => {
                self.open.covers.extend(ids::cves(get("id")));
                self.open.covers.extend(ids::cves(get("title")));
                if get("type") == "self" {
                    self.open.references.push(get("href").to_owned());
                }
            }
            Some("package") if get("arch") != "src" && !get("name").is_empty() => {
                let epoch = match get("epoch") {
                    "" | "0" => String::new(),
                    epoch => format!("{epoch}:"),
                };
                let version = format!("{epoch}{}-{}", get("version"), get("release"));
                self.packages.insert((get("name").to_owned(), version, self.module.clone()));
            }
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, path: &[String], text: &str) -> Result<(), Error> {
        let inner = path.len() >= 2 && path[path.len() - 2] == "update";
        match path.last().map(String::as_str) {
            Some("update") => return self.finish(),
            Some("id") if inner => self.open.id = text.to_owned(),
            Some("title") if inner => self.open.summary = Some(text.to_owned()),
            Some("severity") if inner && !text.is_empty() => self.open.ratings = vec![Rating::of_word("", text)],
            Some("release") if inner => self.place += &format!(" {text}"),
            Some("name") if path.iter().any(|name| name == "collection") => self.place += &format!(" {text}"),
            Some("description") if inner => self.open.covers.extend(ids::cves(text)),
            _ => {}
        }
        Ok(())
    }
}

impl Updates<'_> {
    fn finish(&mut self) -> Result<(), Error> {
        let mut record = std::mem::take(&mut self.open);
        if record.id.is_empty() {
            self.import.wrong("updateinfo", "an update without an id");
            return Ok(());
        }
        record.covers.sort();
        record.covers.dedup();
        if self.kind != "security"
            && (record.covers.is_empty() || !self.kind.is_empty() && osv_source::is_no_security(&record.id))
        {
            self.import.skip("bulletin about bugs, not vulnerabilities");
            return Ok(());
        }
        record.source = osv_source::source_of(&record.id);
        let Some(ecosystem) = release(&record, &self.place) else {
            self.import.skip("bulletin that does not name its release");
            return Ok(());
        };
        for rating in &mut record.ratings {
            rating.source.clone_from(&record.source);
        }
        for (package, version, module) in std::mem::take(&mut self.packages) {
            record.affected.push(Affected {
                ranges: vec![Range::before(version)],
                module,
                ..Affected::new(ecosystem.clone(), package)
            });
        }
        if record.affected.is_empty() {
            self.import.skip("record without any entry we can use");
            return Ok(());
        }
        self.import.push(record)
    }
}

/// From the words that name it: `Amazon Linux 2`, `amazon-linux-2023`, `almalinux-9-for-x86_64-baseos-rpms`, `Fedora 42`; else
/// from the packages' own marks, `el9`.
fn release(record: &Advisory, place: &str) -> Option<Ecosystem> {
    let family = Family::named(&record.source)?;
    let lower = place.to_ascii_lowercase();
    if family == Family::Amazon && (lower.contains("amazon linux ami") || record.id.starts_with("ALAS-")) {
        return Some(Ecosystem::new(family, Some("1")));
    }
    if family == Family::Amazon {
        // Repositories of extras are named after what they hold; the id always says the release.
        let release = if record.id.starts_with("ALAS2023") { "2023" } else { "2" };
        return Some(Ecosystem::new(family, Some(release)));
    }
    let number = lower
        .split(|letter: char| !letter.is_ascii_digit() && letter != '.')
        .find(|part| part.starts_with(|letter: char| letter.is_ascii_digit()))?;
    let ecosystem = Ecosystem::new(family, Some(number));
    ecosystem.release().is_some().then_some(ecosystem)
}
