//! Which database an OSV record comes from, and what that database means by its fields.

use crate::{Family, Named};

/// What the prefix of an id stands for. Others are their own database's name.
const PREFIXES: [(&str, &str); 45] = [
    ("ALBA", "almalinux"),
    ("ALEA", "almalinux"),
    ("ALSA", "almalinux"),
    ("ALPINE", "alpine"),
    ("AZL", "azurelinux"),
    ("BELL", "alpaquita"),
    ("BIT", "bitnami"),
    ("CGA", "chainguard"),
    ("CVE", "osv"),
    ("DEBIAN", "debian"),
    ("DLA", "debian-dla"),
    ("DSA", "debian-dsa"),
    ("DTSA", "debian-dsa"),
    ("ECHO", "echo"),
    ("EEF", "erlef"),
    ("ELSA", "oracle"),
    ("GHSA", "ghsa"),
    ("GO", "golang"),
    ("HSEC", "haskell"),
    ("LBSEC", "loopback"),
    ("LSN", "ubuntu"),
    ("MAL", "malicious-packages"),
    ("MGASA", "mageia"),
    ("MINI", "minimos"),
    ("OESA", "openeuler"),
    ("OSV", "oss-fuzz"),
    ("PSF", "psf"),
    ("PYSEC", "pypa"),
    ("RHBA", "redhat"),
    ("RHEA", "redhat"),
    ("RHSA", "redhat"),
    ("RLBA", "rocky"),
    ("RLEA", "rocky"),
    ("RLSA", "rocky"),
    ("RXSA", "rocky"),
    ("RSEC", "r-advisory"),
    ("RUSTSEC", "rustsec"),
    ("SUSE", "suse"),
    ("UBUNTU", "ubuntu"),
    ("USN", "ubuntu"),
    ("V8", "v8"),
    ("ALAS", "amazon"),
    ("FEDORA", "fedora"),
    ("OPENSUSE", "suse"),
    ("PHSA", "photon"),
];

/// Ids of bulletins: what they relate to is what they mend.
const BULLETINS: [&str; 24] = [
    "ALAS", "ALBA", "ALEA", "ALSA", "DLA", "DSA", "DTSA", "ELSA", "FEDORA", "LSN", "MGASA", "OESA", "OPENSUSE", "PHSA",
    "RHBA", "RHEA", "RHSA", "RLBA", "RLEA", "RLSA", "RXSA", "SUSE", "USN", "ELA",
];

/// Bulletins about bugs and new features.
const OTHER_BULLETINS: [&str; 6] = ["ALBA", "ALEA", "RHBA", "RHEA", "RLBA", "RLEA"];

fn prefix(id: &str) -> String {
    id.split(['-', '_', ':']).next().unwrap_or_default().to_ascii_uppercase()
}

/// `ghsa` of `GHSA-…`. An unknown one is the id's prefix in small letters.
pub(super) fn source_of(id: &str) -> String {
    let prefix = prefix(id);
    // Amazon counts by its releases: ALAS2, ALAS2023.
    let plain = prefix.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let plain = if plain.is_empty() { &prefix } else { plain };
    let known = PREFIXES.iter().find(|(known, _)| *known == prefix || *known == plain);
    known.map_or_else(|| prefix.to_ascii_lowercase(), |(_, source)| (*source).to_owned())
}

/// True when the record is about what it lists, not one vulnerability itself.
pub(super) fn is_bulletin(id: &str) -> bool {
    let prefix = prefix(id);
    BULLETINS.contains(&prefix.as_str()) || prefix.starts_with("ALAS")
}

/// True for a bulletin about bugs or features: without a vulnerability it is none.
pub(super) fn is_no_security(id: &str) -> bool {
    OTHER_BULLETINS.contains(&prefix(id).as_str())
}

/// Who rates: the word in a rating's `source`.
pub(super) fn rater(source: &str) -> &str {
    match source {
        "debian-dla" | "debian-dsa" | "debian-tracker" => "debian",
        other => other,
    }
}

/// Which names of packages a distribution's OSV records use, where that is not its family's custom.
pub(super) fn names(family: Family) -> &'static [Option<Named>] {
    match family {
        Family::AzureLinux | Family::Mageia | Family::OpenEuler | Family::OpenSuse | Family::Suse => {
            &[Some(Named::Source)]
        }
        // Records of both kinds are about.
        Family::Rocky => &[None, Some(Named::Source)],
        _ => &[None],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_tell_the_database() {
        for (id, source) in [
            ("GHSA-jfh8-c2jp-5v3q", "ghsa"),
            ("ALSA-2021:2363", "almalinux"),
            ("SUSE-SU-2024:1-1", "suse"),
            ("openSUSE-SU-2024:1-1", "suse"),
            ("ALAS2023-2024-1", "amazon"),
            ("BIT-minio-2023-27589", "bitnami"),
            ("V8-1", "v8"),
            ("DLA-1", "debian-dla"),
            ("XYZ-1", "xyz"),
        ] {
            assert_eq!(source_of(id), source, "{id}");
        }
        assert!(is_bulletin("RHSA-2021:1") && !is_bulletin("DEBIAN-CVE-2021-1") && is_no_security("RLBA-2021:1"));
    }
}
