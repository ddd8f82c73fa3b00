//! RustSec's advisory database: TOML in front of Markdown, one file a record.

use base::limits::ADVISORY_BYTES;
use serde::Deserialize;
use version::Scheme;

use super::{Import, interval, refused, text, time};
use crate::{Advisory, Affected, Ecosystem, Error, Family, Rating};

#[derive(Deserialize)]
struct Front {
    advisory: Head,
    #[serde(default)]
    versions: Versions,
}

#[derive(Deserialize)]
struct Head {
    id: String,
    package: String,
    /// `crates` where it is not said; `rust` for the standard library and Rust's own tools.
    collection: Option<String>,
    date: Option<String>,
    withdrawn: Option<String>,
    url: Option<String>,
    #[serde(default)]
    references: Vec<String>,
    #[serde(default)]
    aliases: Vec<String>,
    informational: Option<String>,
    cvss: Option<String>,
    title: Option<String>,
}

#[derive(Deserialize, Default)]
struct Versions {
    #[serde(default)]
    patched: Vec<String>,
    #[serde(default)]
    unaffected: Vec<String>,
}

pub(super) fn read(name: &str, bytes: &[u8], import: &mut Import) -> Result<(), Error> {
    if bytes.len() > ADVISORY_BYTES {
        return Err(refused(name, format!("it has {} bytes, more than the limit of {ADVISORY_BYTES}", bytes.len())));
    }
    let text = text(bytes);
    let front = text.trim_start().strip_prefix("```toml");
    let (front, prose) = front
        .and_then(|text| text.split_once("\n```"))
        .ok_or_else(|| refused(name, "it does not begin with TOML between ```toml and ```"))?;
    let Front { advisory, versions } = toml::from_str(front).map_err(|error| refused(name, error))?;
    if advisory.withdrawn.is_some() {
        import.skip("withdrawn");
        return Ok(());
    }
    if matches!(advisory.informational.as_deref(), Some("unmaintained" | "notice")) {
        import.skip("about maintenance, not a vulnerability");
        return Ok(());
    }
    let safe = versions.patched.iter().chain(&versions.unaffected);
    let safe: Result<Vec<_>, String> =
        safe.map(|requirement| interval::requirement(Scheme::Semver, requirement, "^")).collect();
    let ranges = interval::between(Scheme::Semver, safe.map_err(|reason| refused(name, reason))?);
    if ranges.is_empty() {
        import.skip("no version is affected");
        return Ok(());
    }
    let title = prose.lines().find_map(|line| line.trim().strip_prefix("# "));
    let references = advisory.url.into_iter().chain(advisory.references).collect();
    import.push(Advisory {
        affected: vec![Affected { ranges, ..place(advisory.package, advisory.collection.as_deref(), name) }],
        aliases: advisory.aliases,
        published: advisory.date.as_deref().and_then(time),
        ratings: advisory.cvss.map(|vector| Rating::of_vector("rustsec", vector)).into_iter().collect(),
        references,
        summary: advisory.title.or_else(|| title.map(|title| title.trim().to_owned())),
        source: "rustsec".to_owned(),
        id: advisory.id,
        ..Advisory::default()
    })
}

/// A crate. What stands in the folder `rust` is Rust itself, whose parts are upstream's products.
fn place(package: String, collection: Option<&str>, file: &str) -> Affected {
    let folder = file.rsplit(['/', '\\']).nth(2);
    if collection.or(folder) != Some("rust") {
        return Affected::new(Ecosystem::new(Family::Cargo, None), package);
    }
    let product = if package == "cargo" { "cargo" } else { "rust" };
    let vendor = Some("rust-lang".to_owned());
    Affected { vendor, ..Affected::new(Ecosystem::new(Family::Upstream, None), product) }
}
