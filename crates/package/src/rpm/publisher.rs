//! Whose a package is: the distribution's own, or somebody's whose fixes the distribution's advisories do not know.
//!
//! A database does not say which distribution it belongs to, so its packages do: the publisher of a known distribution that most of
//! them name as their vendor. A package of another vendor is a third party's, also when that is another distribution (a package
//! of Fedora's EPEL on a rebuild of Red Hat's). Without a vendor it is the distribution's own when a key signed it that
//! signed others of its own. Where no known publisher leads, nothing is marked.

use std::collections::{BTreeMap, BTreeSet};

use super::header::Installed;

/// How the vendor tag of a publisher begins, and what we call it. Several names may be one publisher's.
const PUBLISHERS: [(&str, &str); 19] = [
    ("ALT Linux Team", "alt"),
    ("AlmaLinux", "almalinux"),
    ("Amazon Linux", "amazon"),
    ("Amazon.com", "amazon"),
    ("Broadcom", "photon"),
    ("CentOS", "centos"),
    ("CloudLinux", "cloudlinux"),
    ("Fedora Project", FEDORA),
    ("Mageia.Org", "mageia"),
    ("Microsoft Corporation", "azure"),
    ("OpenMandriva", "openmandriva"),
    ("Oracle America", "oracle"),
    ("Red Hat, Inc.", "redhat"),
    ("Rocky", "rocky"),
    ("SUSE", "suse"),
    ("VMware, Inc.", "photon"),
    ("http://openeuler.org", "openeuler"),
    ("openEuler", "openeuler"),
    ("openSUSE", "suse"),
];
const FEDORA: &str = "fedora";

/// Fedora builds EPEL for enterprise distributions under its own name; the release tells them apart.
const EPEL: &str = "Fedora EPEL";

pub(super) fn mark_third_parties(installed: &mut [Installed]) {
    let Some(own) = own(installed) else { return };
    let own_keys: BTreeSet<String> = installed
        .iter()
        .filter(|one| publisher(one).is_some_and(|publisher| publisher == own))
        .filter_map(|one| one.key.clone())
        .collect();
    for one in installed {
        one.package.third_party = match publisher(one) {
            Some(publisher) if publisher == own => None,
            Some(EPEL) => Some(EPEL.to_owned()),
            Some(publisher) => Some(one.vendor.clone().unwrap_or_else(|| publisher.to_owned())),
            None if one.key.as_ref().is_some_and(|key| own_keys.contains(key)) => None,
            None => Some(one.packager.clone().unwrap_or_else(|| "unknown vendor".to_owned())),
        };
    }
}

/// The known publisher that more packages name than any other vendor.
fn own(installed: &[Installed]) -> Option<&'static str> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for one in installed {
        *counts.entry(publisher(one).unwrap_or_default()).or_default() += 1;
    }
    counts.remove("");
    let (leader, _) = counts.into_iter().max_by_key(|(_, count)| *count)?;
    PUBLISHERS.into_iter().map(|(_, publisher)| publisher).find(|publisher| *publisher == leader)
}

/// What stands in the table for its vendor, or the vendor itself; None without one.
fn publisher(one: &Installed) -> Option<&str> {
    let vendor = one.vendor.as_deref()?;
    let known = PUBLISHERS.into_iter().find(|(start, _)| vendor.starts_with(start)).map(|(_, publisher)| publisher);
    if known == Some(FEDORA) && is_for_enterprise(&one.package.version) { Some(EPEL) } else { known.or(Some(vendor)) }
}

/// `.el9`, `.el8_4` in the release.
fn is_for_enterprise(version: &str) -> bool {
    version.match_indices(".el").any(|(at, tag)| version[at + tag.len()..].starts_with(|c: char| c.is_ascii_digit()))
}
