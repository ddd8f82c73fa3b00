//! Bills of materials of others, read into our components.

use std::collections::BTreeMap;

use base::{Timestamp, limits};
use serde::{Deserialize, de::IgnoredAny};

use crate::{
    Component, Distribution, Error, Gap, Image, Layer, Report, Scanner, SourcePackage, Subject, cyclonedx,
    purl::PackageUrl, reading, spdx, syft,
};

/// What somebody else says is in an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bill {
    /// As it calls itself: `CycloneDX 1.5`, `SPDX-2.3`.
    pub format: String,
    /// Who wrote it, as it says.
    pub tools: Vec<String>,
    pub image: Image,
    /// Where the bill is one of ours; the components of others name no layers.
    pub layers: Vec<Layer>,
    /// Sorted, each once.
    pub components: Vec<Component>,
    /// What the bill leaves open, in sentences.
    pub gaps: Vec<Gap>,
}

/// What tells the formats apart. Everything else is skipped without being kept.
#[derive(Deserialize)]
pub(crate) struct Head {
    #[serde(rename = "bomFormat")]
    pub(crate) bom_format: Option<String>,
    #[serde(rename = "spdxVersion")]
    pub(crate) spdx_version: Option<String>,
    #[serde(rename = "@context")]
    pub(crate) context: Option<Context>,
    #[serde(rename = "@graph")]
    graph: Option<IgnoredAny>,
    artifacts: Option<IgnoredAny>,
    pub(crate) document: Option<IgnoredAny>,
    pub(crate) statements: Option<IgnoredAny>,
    scanner: Option<IgnoredAny>,
    image: Option<IgnoredAny>,
}

/// JSON-LD lets it be a text, or a list of texts and objects.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Context {
    One(String),
    Other(IgnoredAny),
}

impl Head {
    pub(crate) fn of(bytes: &[u8]) -> Result<Head, Error> {
        reading::json(bytes, "JSON")
    }

    pub(crate) fn context(&self) -> &str {
        match &self.context {
            Some(Context::One(context)) => context,
            _ => "",
        }
    }
}

impl Bill {
    /// Reads CycloneDX (JSON 1.2 to 1.7), SPDX (JSON 2.2, 2.3 and 3.0, tag-value 2.x), syft's JSON and our own.
    ///
    /// # Errors
    /// No such format, broken (where and what), or more than a limit of `base::limits`.
    pub fn read(bytes: &[u8]) -> Result<Bill, Error> {
        let bytes = reading::bounded(bytes)?;
        let mut bill = Bill::of(bytes)?;
        bill.finish()?;
        Ok(bill)
    }

    fn of(bytes: &[u8]) -> Result<Bill, Error> {
        if !bytes.trim_ascii_start().starts_with(b"{") {
            return spdx::tag_value(bytes);
        }
        let head = Head::of(bytes)?;
        if head.bom_format.is_some() {
            cyclonedx::bill(bytes)
        } else if head.spdx_version.is_some() {
            spdx::bill2(bytes)
        } else if head.graph.is_some() && head.context().contains("spdx.org/rdf/3.") {
            spdx::bill3(bytes)
        } else if head.artifacts.is_some() {
            syft::bill(bytes)
        } else if head.scanner.is_some() && head.image.is_some() {
            ours(bytes)
        } else {
            let what = "a bill has bomFormat (CycloneDX), spdxVersion (SPDX 2), @graph (SPDX 3) or artifacts (syft)";
            Err(Error::UnknownFormat(what.to_owned()))
        }
    }

    /// A report without findings: what is left is to match it.
    pub fn into_report(self, scanner: Scanner, created: Timestamp) -> Report {
        let Bill { image, layers, components, gaps, .. } = self;
        Report { image, layers, components, gaps, scanner, created, ..Report::default() }.sorted()
    }

    fn finish(&mut self) -> Result<(), Error> {
        reading::most("components", self.components.len(), limits::BOM_COMPONENTS)?;
        if self.image.distribution.is_none() {
            self.image.distribution = distribution_of(&self.components);
        }
        let known = |layer: &usize| *layer < self.layers.len();
        for component in &mut self.components {
            component.layer = component.layer.filter(known);
            component.since_layer = component.since_layer.filter(known);
            component.sort();
        }
        self.components.sort();
        self.components.dedup();
        let nameless = self.components.iter().filter(|c| c.purl.is_empty() && c.cpes.is_empty()).count();
        let versionless = self.components.iter().filter(|c| c.version.is_empty()).count();
        for (count, lack) in [(nameless, "neither a package URL nor a CPE"), (versionless, "no version")] {
            if count > 0 {
                let reason = format!("{count} components of the bill have {lack}, so nothing is known about them");
                self.gaps.push(Gap { reason, ..Gap::default() });
            }
        }
        Ok(())
    }
}

fn ours(bytes: &[u8]) -> Result<Bill, Error> {
    let Report { image, layers, components, gaps, scanner, .. } = Report::from_json(bytes)?;
    let tools = vec![format!("{} {}", scanner.name, scanner.version)];
    Ok(Bill { format: "report".to_owned(), tools, image, layers, components, gaps })
}

/// A component as its package URL tells it; the reader adds what the format says beside. What is no package URL is kept as it is.
pub(crate) fn component(purl: &str, name: &str, version: &str) -> Component {
    let Some(url) = PackageUrl::parse(purl) else {
        let kind = "generic".to_owned();
        return Component { kind, name: name.to_owned(), version: version.to_owned(), ..Component::default() };
    };
    // The version beside it is what the package manager says; RPM's package URL has its epoch elsewhere.
    let mut version = if version.is_empty() { url.version.clone().unwrap_or_default() } else { version.to_owned() };
    if let Some(epoch) = url.qualifiers.get("epoch").filter(|epoch| url.kind == "rpm" && *epoch != "0")
        && !version.contains(':')
    {
        version = format!("{epoch}:{version}");
    }
    let source = url.qualifiers.get("upstream").map(|upstream| source(upstream, &version));
    Component {
        architecture: url.qualifiers.get("arch").cloned(),
        name: url.full_name(),
        kind: url.kind,
        version,
        purl: purl.to_owned(),
        source,
        ..Component::default()
    }
}

/// `glibc@2.36-9`, `openssl-3.0.7-1.el9.src.rpm`, or a name that has the component's own version.
fn source(upstream: &str, version: &str) -> SourcePackage {
    if let Some((name, version)) = upstream.rsplit_once('@').filter(|(name, _)| !name.is_empty()) {
        return SourcePackage { name: name.to_owned(), version: version.to_owned() };
    }
    let rpm = upstream.strip_suffix(".src.rpm").map(|stem| stem.rsplitn(3, '-').collect::<Vec<_>>());
    if let Some([release, number, name]) = rpm.as_deref() {
        let epoch = version.split_once(':').map(|(epoch, _)| format!("{epoch}:")).unwrap_or_default();
        return SourcePackage { name: (*name).to_owned(), version: format!("{epoch}{number}-{release}") };
    }
    SourcePackage { name: upstream.to_owned(), version: version.to_owned() }
}

/// Where the bill has no word of the operating system: `distro=debian-12` of most packages.
fn distribution_of(components: &[Component]) -> Option<Distribution> {
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    for component in components.iter().filter(|c| matches!(c.kind.as_str(), "deb" | "apk" | "rpm" | "alpm" | "opkg")) {
        let Some(url) = PackageUrl::parse(&component.purl) else { continue };
        let Some(distro) = url.qualifiers.get("distro") else { continue };
        // `debian-12`, `alpine-3.19.1`, and plain `3.19.1` beside the namespace.
        let (id, version) = match distro.rsplit_once('-') {
            Some((id, version)) => (id.to_owned(), version.to_owned()),
            None => (url.namespace, distro.clone()),
        };
        *counts.entry((id, version)).or_default() += 1;
    }
    let ((id, version), _) = counts.into_iter().max_by_key(|(_, count)| *count)?;
    Some(Distribution { id, version, ..Distribution::default() })
}

/// The image a bill is about: a digest may stand in its version or its name.
pub(crate) fn image(name: &str, version: &str, purl: &str, is_image: bool) -> Image {
    let digest = [version, name, purl].into_iter().find_map(digest_in);
    let kind = if is_image || digest.is_some() { Subject::Image } else { Subject::Bill };
    Image { kind, name: name.to_owned(), digest, ..Image::default() }
}

/// `sha256:` and 64 hexadecimal digits, anywhere.
pub(crate) fn digest_in(text: &str) -> Option<String> {
    let decoded = text.replace("%3A", ":").replace("%3a", ":");
    let at = decoded.find("sha256:")? + "sha256:".len();
    let digits = decoded.get(at..at + 64)?;
    digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| format!("sha256:{}", digits.to_ascii_lowercase()))
}
