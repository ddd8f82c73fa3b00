//! What is judged of an image: its components as advisories know them, each once, in a form that is stored.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use advisory::{Binary, Ecosystem, Family, Subject};
use inventory::{Component, ImageInventory};
use package::PackageType;
use serde::{Deserialize, Serialize};
use version::Scheme;

/// A subject that owns its texts. Equal ones are stored once, however many images have them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct StoredSubject {
    pub(crate) ecosystem: Option<Ecosystem>,
    pub(crate) package: String,
    pub(crate) version: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) binary: Option<(String, String)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) architecture: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) module: Option<String>,
}

/// Numbers of subjects that are known to be in the database. They never change, so they need not be asked for again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Numbers(Arc<Mutex<HashMap<String, u64>>>);

impl Numbers {
    /// More are asked for each time: memory is worth more.
    const KEPT: usize = 500_000;

    pub(crate) fn get(&self, text: &str) -> Option<u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(text).copied()
    }

    /// Keep what was committed.
    pub(crate) fn learn(&self, numbers: Vec<(String, u64)>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() + numbers.len() <= Numbers::KEPT {
            known.extend(numbers);
        }
    }
}

impl StoredSubject {
    /// A package of a distribution is judged by that distribution's advisories only; one that somebody else built for it, and what
    /// no package manager installed, by those of upstream.
    pub(crate) fn of(image: &ImageInventory, component: &Component) -> StoredSubject {
        let plain = |ecosystem, package: &str, version: &str| StoredSubject {
            ecosystem,
            package: package.to_owned(),
            version: version.to_owned(),
            binary: None,
            architecture: None,
            module: None,
        };
        if let Some(cpe) = &component.cpe {
            return plain(Some(Ecosystem::new(Family::Upstream, None)), &cpe.replace(':', "/"), &component.version);
        }
        if let Some(family) = language(component.kind) {
            return plain(Some(Ecosystem::new(family, None)), &component.name, &component.version);
        }
        if component.third_party.is_some() {
            let version = upstream(component.kind, &component.source_version);
            return plain(Some(Ecosystem::new(Family::Upstream, None)), &component.source, version);
        }
        let os = image.os.as_ref().and_then(|os| Ecosystem::of_distribution(&os.id, &os.version_id));
        let ecosystem = os.filter(|ecosystem| installs(ecosystem.family(), component.kind));
        let mut subject = plain(ecosystem, &component.source, &component.source_version);
        if component.kind == PackageType::Rpm {
            subject.binary = Some((component.name.clone(), component.version.clone()));
            subject.architecture.clone_from(&component.architecture);
            subject.module.clone_from(&component.module);
        }
        subject
    }

    pub(crate) fn as_subject(&self) -> Subject<'_> {
        let mut subject = Subject::new(self.ecosystem.clone(), &self.package, &self.version);
        subject.binary = self.binary.as_ref().map(|(name, version)| Binary { name, version });
        subject.architecture = self.architecture.as_deref();
        subject.module = self.module.as_deref();
        subject
    }

    /// The one text of it, by which it is found again.
    pub(crate) fn to_text(&self) -> String {
        serde_json::to_string(self).expect("texts always serialise")
    }

    pub(crate) fn from_text(text: &str) -> Result<StoredSubject, serde_json::Error> {
        serde_json::from_str(text)
    }
}

/// The subjects of an image, each with the number of components that it stands for.
pub(crate) fn of_image(image: &ImageInventory) -> BTreeMap<StoredSubject, u64> {
    let mut subjects = BTreeMap::new();
    for component in &image.components {
        *subjects.entry(StoredSubject::of(image, component)).or_default() += 1;
    }
    subjects
}

/// A list of subjects' numbers, each with how often it counts, as bytes: LEB128 of the distance to the number before and of the
/// times, some three bytes a subject.
pub(crate) fn encode(mut list: Vec<(u64, u64)>) -> Vec<u8> {
    list.sort_unstable();
    let mut bytes = Vec::with_capacity(list.len() * 3);
    let mut before = 0;
    for (number, times) in list {
        for mut rest in [number - before, times] {
            while rest >= 0x80 {
                bytes.push(rest as u8 | 0x80);
                rest >>= 7;
            }
            bytes.push(rest as u8);
        }
        before = number;
    }
    bytes
}

/// None when the bytes are no such list.
#[cfg(test)]
fn decode(bytes: &[u8]) -> Option<Vec<(u64, u64)>> {
    let mut list = Vec::with_capacity(bytes.len() / 2);
    each(bytes, |number, times| list.push((number, times)))?;
    Some(list)
}

/// Every number of a list, with how often it counts; None when the bytes are no such list.
pub(crate) fn each(bytes: &[u8], mut take: impl FnMut(u64, u64)) -> Option<()> {
    let mut bytes = bytes.iter();
    let mut before: u64 = 0;
    while !bytes.as_slice().is_empty() {
        let mut number = || {
            let mut value = 0;
            for shift in (0..63).step_by(7) {
                let byte = *bytes.next()?;
                value |= u64::from(byte & 0x7f) << shift;
                if byte < 0x80 {
                    return Some(value);
                }
            }
            None
        };
        before = before.checked_add(number()?)?;
        take(before, number()?);
    }
    Some(())
}

/// The family whose advisories judge what a language's tool installed, and what was found in bytes.
fn language(kind: PackageType) -> Option<Family> {
    Some(match kind {
        PackageType::Cargo => Family::Cargo,
        PackageType::Composer => Family::Composer,
        PackageType::Conan => Family::Conan,
        PackageType::Gem => Family::Gem,
        PackageType::Generic => Family::Upstream,
        PackageType::Golang => Family::Golang,
        PackageType::Hackage => Family::Hackage,
        PackageType::Hex => Family::Hex,
        PackageType::Maven => Family::Maven,
        PackageType::Npm => Family::Npm,
        PackageType::Nuget => Family::Nuget,
        PackageType::Pypi => Family::Pypi,
        PackageType::Swift => Family::Swift,
        PackageType::Alpm | PackageType::Apk | PackageType::Deb | PackageType::Opkg | PackageType::Rpm => return None,
    })
}

/// Whether a distribution's own packages are of this type.
fn installs(family: Family, kind: PackageType) -> bool {
    match kind {
        PackageType::Alpm => family.scheme() == Scheme::Pacman,
        PackageType::Apk => family.scheme() == Scheme::Alpine,
        PackageType::Deb => family.scheme() == Scheme::Debian,
        PackageType::Rpm => family.is_rpm(),
        _ => false,
    }
}

/// Upstream's part of a distribution's version: without epoch and revision.
fn upstream(kind: PackageType, version: &str) -> &str {
    let version = version.split_once(':').map_or(version, |(_, rest)| rest);
    match kind {
        PackageType::Apk => version.rsplit_once("-r").map_or(version, |(upstream, _)| upstream),
        _ => version.rsplit_once('-').map_or(version, |(upstream, _)| upstream),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upstreams_part_of_a_version() {
        assert_eq!(upstream(PackageType::Deb, "5:27.1.1-1~debian.12~bookworm"), "27.1.1");
        assert_eq!(upstream(PackageType::Rpm, "1:1.24.0-1.el9.ngx"), "1.24.0");
        assert_eq!(upstream(PackageType::Apk, "1.24.0-r7"), "1.24.0");
        assert_eq!(upstream(PackageType::Deb, "1.0"), "1.0");
    }

    #[test]
    fn lists_come_back_from_their_bytes() {
        let list = vec![(0, 1), (1, 300), (127, 1), (100_000, 2), (u64::from(u32::MAX), 1)];
        assert_eq!(decode(&encode(list.clone())), Some(list));
        assert_eq!(decode(&[]), Some(Vec::new()));
        assert_eq!(decode(&[0x80]), None);
        assert_eq!(decode(&[1]), None);
        assert_eq!(decode(&[0xff; 40]), None);
    }

    #[test]
    fn a_subject_comes_back_from_its_text() {
        let subject = StoredSubject {
            ecosystem: Some(Ecosystem::new(Family::Debian, Some("12"))),
            package: "openssl".into(),
            version: "3.0.11-1".into(),
            binary: Some(("libssl3".into(), "3.0.11-1".into())),
            architecture: None,
            module: None,
        };
        assert_eq!(StoredSubject::from_text(&subject.to_text()).unwrap(), subject);
        assert_eq!(subject.as_subject().binary.unwrap().name, "libssl3");
    }
}
