//! Which format a file has, from its name and its beginning.

use std::fmt;

use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::Format;

/// Keys of an object that are looked at before a file counts as no feed.
const KEYS: usize = 32;

/// How much of a text is looked at.
const HEAD: usize = 4096;

pub(super) fn format(name: &str, bytes: &[u8]) -> Option<Format> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let start = bytes.iter().position(|byte| !byte.is_ascii_whitespace())?;
    match bytes[start] {
        b'{' => json(&bytes[start..], name),
        b'[' if bytes[start + 1..].trim_ascii_start().first().is_some_and(|byte| matches!(byte, b'{' | b']')) => {
            json(&bytes[start..], name)
        }
        b'<' => xml(&head(bytes)),
        _ => text(name, &head(bytes)),
    }
}

fn head(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(HEAD)]).into_owned()
}

fn xml(head: &str) -> Option<Format> {
    if head.contains("oval_definitions") {
        Some(Format::Oval)
    } else if head.contains("<updates") {
        Some(Format::UpdateInfo)
    } else {
        None
    }
}

fn text(name: &str, head: &str) -> Option<Format> {
    let has = |key: &str| head.lines().any(|line| line.starts_with(key));
    let first = head.lines().next().unwrap_or_default();
    let lower = name.to_ascii_lowercase();
    if first.starts_with("```toml") {
        return Some(Format::RustSec);
    }
    if first.starts_with("cveID,") || first.starts_with("\"cveID\",") {
        return Some(Format::KevTable);
    }
    if first.starts_with("#model_version") || first.starts_with("cve,epss") {
        return Some(Format::Epss);
    }
    if first.starts_with('[') && [" DSA-", " DLA-", " DTSA-", " ELA-"].iter().any(|kind| first.contains(kind)) {
        return Some(Format::DebianList);
    }
    if has("Candidate: CVE-") || has("Candidate:  CVE-") {
        return Some(Format::UbuntuCve);
    }
    if !lower.ends_with(".yaml") && !lower.ends_with(".yml") {
        return None;
    }
    if has("distroversion:") || has("apkurl:") || has("urlprefix:") {
        Some(Format::SecDbYaml)
    } else if has("gem:") || has("engine:") {
        Some(Format::RubySec)
    } else if has("id:") {
        Some(Format::OsvYaml)
    } else if has("title:") || has("link:") || has("branches:") {
        Some(Format::Php)
    } else {
        None
    }
}

fn json(bytes: &[u8], name: &str) -> Option<Format> {
    let mut keys = Vec::new();
    let mut format = None;
    let walk = Walk { keys: &mut keys, format: &mut format };
    // Where it decides it stops with an error: the rest of a feed is not read twice. One that is broken is decided by what
    // came before.
    let _ = serde_json::Deserializer::from_slice(bytes).deserialize_any(walk);
    format.or_else(|| in_the_end(&keys, name))
}

/// Keys that tell a format whatever else there is.
fn decisive(keys: &[String]) -> Option<Format> {
    let key = keys.last()?;
    let has = |key: &str| keys.iter().any(|found| found == key);
    match key.as_str() {
        "document" => Some(Format::Csaf),
        "schema_version" => Some(Format::OsvJson),
        "catalogVersion" => Some(Format::KevJson),
        "NVD_CVE" | "resultsPerPage" | "_annotation" | "/cve" => Some(Format::Nvd),
        "distroversion" | "apkurl" | "urlprefix" => Some(Format::SecDbJson),
        "advisories" => Some(Format::Rocky),
        "updateinfo_id" => Some(Format::AlmaErrata),
        "aff_ver" | "res_ver" => Some(Format::Photon),
        "affected" if has("packages") => Some(Format::Arch),
        "issues" if has("packages") => Some(Format::Arch),
        "/releases" | "/isummary" => Some(Format::UbuntuUsn),
        inner if inner.starts_with("/CVE-") || inner.starts_with("/TEMP-") => Some(Format::DebianTracker),
        _ => None,
    }
}

fn in_the_end(keys: &[String], name: &str) -> Option<Format> {
    let has = |key: &str| keys.iter().any(|found| found == key);
    if has("id") && ["affected", "modified", "published", "withdrawn", "aliases"].iter().any(|key| has(key)) {
        return Some(Format::OsvJson);
    }
    let lower = name.to_ascii_lowercase();
    (has("vulnerabilities") && lower.contains("exploited")).then_some(Format::KevJson)
}

/// Collects the keys of an object, or of a list's first one; those of the first inner object stand behind a slash.
struct Walk<'a> {
    keys: &'a mut Vec<String>,
    format: &'a mut Option<Format>,
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object or a list of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        list.next_element_seed(Seed(self))?;
        Err(A::Error::custom("the first one tells"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Walk { keys, format } = self;
        while let Some(key) = map.next_key::<String>()? {
            keys.push(key);
            *format = decisive(keys);
            if format.is_some() || keys.len() > KEYS {
                return Err(A::Error::custom("decided"));
            }
            if keys.len() == 1 {
                let mut inner = Vec::new();
                map.next_value_seed(Seed(Inner(&mut inner)))?;
                let inner = inner.into_iter().map(|key| format!("/{key}"));
                let found = inner.map(|key| decisive(&[key])).find(Option::is_some).flatten();
                if found.is_some() {
                    *format = found;
                    return Err(A::Error::custom("decided"));
                }
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

struct Seed<V>(V);

impl<'de, V: Visitor<'de>> serde::de::DeserializeSeed<'de> for Seed<V> {
    type Value = V::Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<V::Value, D::Error> {
        from.deserialize_any(self.0)
    }
}

/// The keys of an object; of any other value, none.
struct Inner<'a>(&'a mut Vec<String>);

impl<'de> Visitor<'de> for Inner<'_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some((key, _)) = map.next_entry::<String, IgnoredAny>()? {
            if self.0.len() < KEYS {
                self.0.push(key);
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}
