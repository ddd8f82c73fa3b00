//! An inventory and what a snapshot says of it, as one report that every format is written from: pure.

use std::collections::BTreeMap;

use advisory::{Finding, Profile, Rating, Snapshot, Status};
use base::Timestamp;
use bom::{Confidence, Evidence, Method, Probability, Report, Score, SourcePackage};
use inventory::{Component, ImageInventory, SCANNER_VERSION};
use oci::{Digest, ImageConfig};
use package::end_of_life;
use registry::Image;

use crate::{ImageFinding, findings};

/// What is known of an image beside its inventory.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// As it was asked for.
    pub name: String,
    pub kind: bom::Subject,
    /// Of its manifest.
    pub digest: Option<Digest>,
    /// Of its packed layers, lowest first, and their sizes in bytes.
    pub layers: Vec<(Option<Digest>, u64)>,
    pub config: Option<ImageConfig>,
    /// Of its manifest.
    pub annotations: BTreeMap<String, String>,
    /// The configuration's bytes, of which facts are told.
    pub config_json: Vec<u8>,
    /// The image it was built from, as far as somebody can tell.
    pub base: Option<bom::Base>,
}

/// What an inventory is judged with.
#[derive(Clone, Copy, Debug)]
pub struct Judging<'a> {
    pub snapshot: &'a Snapshot,
    /// How severities are told.
    pub profile: Profile,
    /// From which age on the snapshot is called stale.
    pub stale_days: u32,
}

/// Put everything together; where nothing is judged it is a mere bill of materials.
pub fn report(about: &About, image: &ImageInventory, judging: Option<Judging<'_>>, created: Timestamp) -> Report {
    let mut gaps: Vec<bom::Gap> = image.gaps.iter().map(gap).collect();
    let mut found = Vec::new();
    if let Some(Judging { snapshot, profile, .. }) = judging {
        let unjudged = crate::matching::match_inventory(image, snapshot, profile).totals;
        gaps.extend(unjudged.sentences().map(|reason| bom::Gap { reason, ..bom::Gap::default() }));
        found = findings(image, snapshot, profile).into_iter().map(|one| finding(&one)).collect();
    }
    Report {
        image: subject(about, image, created),
        layers: layers(about, image),
        components: image.components.iter().map(component).collect(),
        findings: found,
        facts: facts(about, image),
        gaps,
        scanner: bom::Scanner {
            name: "assay".to_owned(),
            version: format!("{}+{}", env!("CARGO_PKG_VERSION"), image.scanner_version),
        },
        snapshot: judging.map(|Judging { snapshot, profile, stale_days }| bom::Snapshot {
            digest: snapshot.digest().to_owned(),
            name: snapshot.about().name.clone(),
            label: snapshot.about().label.clone(),
            created: Some(snapshot.about().created).filter(|_| !snapshot.about().never_stale),
            profile: profile.as_str().to_owned(),
            stale: snapshot.is_stale(created, stale_days),
        }),
        created,
    }
    .sorted()
}

fn subject(about: &About, image: &ImageInventory, now: Timestamp) -> bom::Image {
    let config = about.config.as_ref();
    let platform = config.and_then(|config| {
        let parts = [config.os.clone()?, config.architecture.clone()?];
        Some(parts.into_iter().chain(config.variant.clone()).collect::<Vec<_>>().join("/"))
    });
    bom::Image {
        kind: about.kind,
        name: about.name.clone(),
        digest: about.digest.as_ref().map(ToString::to_string),
        platform,
        created: config.and_then(|config| config.created),
        distribution: image.os.as_ref().map(|os| distribution(os, now)),
        config: config.map(|config| bom::Config {
            user: config.user.clone().unwrap_or_default(),
            exposed_ports: config.exposed_ports.clone(),
            entrypoint: config.entrypoint.clone(),
            command: config.cmd.clone(),
            healthcheck: config
                .healthcheck
                .as_ref()
                .is_some_and(|check| check.test.first().is_some_and(|word| word != "NONE")),
        }),
        base: about.base.clone(),
        ..bom::Image::default()
    }
}

fn distribution(os: &package::OsRelease, now: Timestamp) -> bom::Distribution {
    let end = end_of_life(os);
    let last = end.as_ref().map(|end| end.extended.unwrap_or(end.standard));
    bom::Distribution {
        id: os.id.clone(),
        version: os.version_id.clone(),
        pretty_name: os.pretty_name.clone(),
        cpe: Some(os.cpe_name.clone()).filter(|cpe| !cpe.is_empty()),
        end_of_life: end.as_ref().map(|end| end.standard.to_string()),
        ended: last.is_some_and(|last| last.to_string() < now.strftime("%Y-%m-%d").to_string()),
    }
}

/// As much of a report as statements of others are held against; its findings stand in the order in which they are given.
pub fn spoken_of(image: &Image, inventory: &ImageInventory, findings: &[ImageFinding], now: Timestamp) -> Report {
    let platform = image.platform.as_ref().map(|platform| format!("{}/{}", platform.os, platform.architecture));
    Report {
        image: bom::Image {
            name: image.digest.to_string(),
            digest: Some(image.digest.to_string()),
            platform,
            distribution: inventory.os.as_ref().map(|os| distribution(os, now)),
            ..bom::Image::default()
        },
        components: inventory.components.iter().map(component).collect(),
        findings: findings.iter().map(finding).collect(),
        created: now,
        ..Report::default()
    }
}

fn layers(about: &About, image: &ImageInventory) -> Vec<bom::Layer> {
    let history = about.config.as_ref().map(ImageConfig::layer_history).unwrap_or_default();
    let layer = |(number, diff_id): (usize, &String)| {
        let packed = about.layers.get(number);
        let line = history.get(number).and_then(|step| step.created_by.as_deref());
        bom::Layer {
            digest: packed.and_then(|(digest, _)| digest.as_ref()).map(ToString::to_string),
            diff_id: Some(diff_id.clone()),
            instruction: line.map(posture::instruction),
            base: about.base.as_ref().is_some_and(|base| number < base.layers),
            size_bytes: packed.map_or(0, |(_, size)| *size),
        }
    };
    image.layers.iter().enumerate().map(layer).collect()
}

pub(crate) fn component(component: &Component) -> bom::Component {
    let licenses = license::all(component.licenses.iter().map(String::as_str));
    let evidence = match component.evidence.is_empty() {
        true => component.paths.iter().map(|path| metadata(path)).collect(),
        false => {
            component.evidence.iter().flat_map(|(path, list)| list.iter().map(|one| in_bytes(path, one))).collect()
        }
    };
    bom::Component {
        kind: component.kind.as_str().to_owned(),
        name: component.name.clone(),
        version: component.version.clone(),
        purl: component.purl.clone(),
        architecture: component.architecture.clone(),
        paths: component.paths.clone(),
        layer: Some(component.layer),
        since_layer: Some(component.layer),
        license_names: if licenses.spdx.is_some() { Vec::new() } else { component.licenses.clone() },
        licenses: licenses.spdx.into_iter().collect(),
        confidence: Some(Confidence::from_units(component.confidence.map_or(100, u32::from))),
        evidence,
        source: (component.source != component.name || component.source_version != component.version)
            .then(|| SourcePackage { name: component.source.clone(), version: component.source_version.clone() }),
        cpes: component.cpe.iter().map(|cpe| cpe_name(cpe, &component.version)).collect(),
        supplier: None,
        third_party: component.third_party.clone(),
        sha256: BTreeMap::new(),
    }
}

/// `vendor:product` with a version as a CPE 2.3 name (NISTIR 7695, 6.2.2): what is no letter or digit is quoted.
fn cpe_name(cpe: &str, version: &str) -> String {
    let quoted = |text: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        text.chars().flat_map(|c| (!plain(c)).then_some('\\').into_iter().chain([c])).collect::<String>()
    };
    let (vendor, product) = cpe.split_once(':').unwrap_or(("*", cpe));
    let vendor = if vendor == "*" { vendor.to_owned() } else { quoted(vendor) };
    let version = if version.is_empty() { "*".to_owned() } else { quoted(version) };
    format!("cpe:2.3:a:{vendor}:{}:{version}:*:*:*:*:*:*:*", quoted(product))
}

fn metadata(path: &str) -> Evidence {
    Evidence { method: Method::Metadata, path: Some(path.to_owned()), ..Evidence::default() }
}

fn in_bytes(path: &str, evidence: &fingerprint::Evidence) -> Evidence {
    use fingerprint::Evidence as Seen;
    let (method, offset, detail) = match evidence {
        Seen::File { sha256 } => (Method::FileHash, None, sha256.clone()),
        Seen::Section { name, offset, sha256, .. } => (Method::SectionHash, Some(*offset), format!("{name} {sha256}")),
        Seen::Banner { offset, text, .. } | Seen::BareVersion { offset, text } => {
            (Method::Banner, Some(*offset), text.clone())
        }
        Seen::PackageName { offset, text } => (Method::Note, Some(*offset), text.clone()),
        Seen::Texts { matched, of, examples, .. } => {
            let shown: Vec<&str> = examples.iter().map(|found| found.text.as_str()).collect();
            let first = examples.first().map(|found| found.offset);
            (Method::Strings, first, format!("{matched} of {of} texts: {}", shown.join(" | ")))
        }
        Seen::VersionTexts { agreeing, of } => {
            (Method::Strings, None, format!("{agreeing} of {of} texts tell the version"))
        }
        Seen::Exports { matched, of } => (Method::Strings, None, format!("{matched} of {of} exported names")),
        Seen::PeVersion { field, text } => (Method::Note, None, format!("{field}: {text}")),
    };
    Evidence { method, path: Some(path.to_owned()), offset, detail, confidence: None }
}

fn finding(found: &ImageFinding) -> bom::Finding {
    let about = &found.about;
    bom::Finding {
        id: about.advisory.clone(),
        aliases: about.aliases.clone(),
        component: found.component.clone(),
        version: found.version.clone(),
        purl: found.purl.clone(),
        layer: usize::try_from(found.layer).ok(),
        severity: severity(about.severity),
        severities: about.severities.iter().map(|rating| (rating.source.clone(), rating.said())).collect(),
        cvss: about.severities.iter().filter_map(cvss).collect(),
        fixed_in: about.fixed_version.clone(),
        status: status(about.status),
        reason: about.reason.clone(),
        summary: about.summary.clone().unwrap_or_default(),
        source: about.source.clone(),
        range: about.range.to_string(),
        urls: about.references.clone(),
        cwes: Vec::new(),
        published: about.published,
        kev: about.kev.as_ref().map(|kev| bom::Kev { date_added: kev.added.clone(), ransomware: kev.ransomware }),
        epss: epss(about),
        waiver: None,
        stated: None,
    }
}

fn epss(about: &Finding) -> Option<bom::Epss> {
    let epss = about.epss.as_ref()?;
    Some(bom::Epss {
        probability: Probability::from_units(epss.probability_1e5),
        percentile: Probability::from_units(epss.percentile_1e5),
        date: epss.date.clone(),
    })
}

fn cvss(rating: &Rating) -> Option<bom::Cvss> {
    let score = Score::from_units(u32::from(rating.score_tenths?));
    Some(bom::Cvss { source: rating.source.clone(), vector: rating.vector.clone()?, score })
}

fn severity(severity: advisory::Severity) -> bom::Severity {
    match severity {
        advisory::Severity::Unknown => bom::Severity::Unknown,
        advisory::Severity::Minor => bom::Severity::Minor,
        advisory::Severity::Major => bom::Severity::Major,
        advisory::Severity::Critical => bom::Severity::Critical,
    }
}

fn status(status: Status) -> bom::Status {
    match status {
        Status::Affected | Status::Deferred => bom::Status::Affected,
        Status::WillNotFix | Status::EndOfLife => bom::Status::WillNotFix,
        Status::UnderInvestigation => bom::Status::UnderInvestigation,
        Status::NotAffected => bom::Status::NotAffected,
    }
}

fn gap(gap: &inventory::Gap) -> bom::Gap {
    let (layer, path) = match gap {
        inventory::Gap::Broken { layer, path, .. } | inventory::Gap::Unread { layer, path } => {
            (Some(*layer), Some(path.clone()))
        }
        inventory::Gap::NoPackages { .. } => (None, None),
    };
    bom::Gap { layer, path, reason: gap.to_string() }
}

/// The files that facts are told of.
pub(crate) fn notable(image: &ImageInventory) -> impl Iterator<Item = posture::File<'_>> {
    image.notable.iter().map(|(path, notable)| posture::File {
        path,
        mode: notable.mode,
        uid: None,
        size_bytes: notable.size_bytes,
    })
}

fn facts(about: &About, image: &ImageInventory) -> bom::Facts {
    let secret = |(path, secrets): (&String, &inventory::Secrets)| {
        let (path, layer) = (path.clone(), secrets.layer);
        secrets
            .found
            .iter()
            .map(move |found| bom::FoundSecret {
                path: path.clone(),
                line: found.line,
                rule: found.rule.clone(),
                title: found.title.clone(),
                masked: found.masked.clone(),
                layer: Some(layer),
            })
            .collect::<Vec<_>>()
    };
    let files = notable(image);
    let told = match posture::Config::parse(&about.config_json) {
        Some(config) => posture::facts(&config, files),
        None => posture::of_files(files),
    };
    let settings = told.into_iter().flat_map(|fact| {
        let setting = |path: Option<String>| bom::Setting {
            rule: fact.id.to_owned(),
            path,
            message: fact.sentence.to_owned(),
            layer: None,
        };
        let whole = fact.places.is_empty().then(|| setting(None));
        whole.into_iter().chain(fact.places.iter().map(|place| setting(Some(place.clone())))).collect::<Vec<_>>()
    });
    bom::Facts {
        secrets: image.secrets.iter().flat_map(secret).collect(),
        configuration: settings.collect(),
        licenses: image
            .license_files
            .iter()
            .map(|(path, license)| bom::LicenseFile { path: path.clone(), license: Some(license.clone()), layer: None })
            .collect(),
    }
}

/// A bill of somebody else as an inventory, so that it is judged as if it had been scanned.
pub fn inventory_of(report: &Report) -> ImageInventory {
    let os = report.image.distribution.as_ref().map(|distribution| package::OsRelease {
        id: distribution.id.clone(),
        version_id: distribution.version.clone(),
        pretty_name: distribution.pretty_name.clone(),
        ..package::OsRelease::default()
    });
    let component = |component: &bom::Component| {
        let kind = package::PackageType::ALL.into_iter().find(|kind| kind.as_str() == component.kind);
        let source = component.source.as_ref();
        Component {
            architecture: component.architecture.clone(),
            confidence: component.confidence.map(|confidence| u8::try_from(confidence.units()).unwrap_or(100)),
            cpe: None,
            evidence: BTreeMap::new(),
            kind: kind.unwrap_or(package::PackageType::Generic),
            layer: component.layer.unwrap_or_default(),
            licenses: component.licenses.iter().chain(&component.license_names).cloned().collect(),
            module: None,
            name: component.name.clone(),
            paths: component.paths.clone(),
            purl: component.purl.clone(),
            source: source.map_or_else(|| component.name.clone(), |source| source.name.clone()),
            source_version: source
                .map(|source| source.version.clone())
                .filter(|version| !version.is_empty())
                .unwrap_or_else(|| component.version.clone()),
            third_party: component.third_party.clone(),
            version: component.version.clone(),
        }
    };
    ImageInventory {
        components: report.components.iter().map(component).collect(),
        os,
        scanner_version: SCANNER_VERSION,
        ..ImageInventory::default()
    }
}
