//! Files from before os-release(5), and those of images that leave it out. Spelled as the distribution's os-release would.

use super::{OsRelease, assignments};

pub(super) fn read(path: &str, text: &str) -> Option<OsRelease> {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty());
    match path {
        "etc/lsb-release" | "etc/openwrt_release" => lsb(text),
        "etc/alpine-release" => line.map(alpine),
        "etc/debian_version" => line.map(debian),
        "etc/SuSE-release" => suse(text),
        // It is empty, and it is only on Arch Linux.
        "etc/arch-release" => Some(release("arch", "", "Arch Linux")),
        _ => line.and_then(red_hat),
    }
}

fn release(id: &str, version_id: &str, pretty_name: &str) -> OsRelease {
    OsRelease {
        id: id.to_owned(),
        version_id: version_id.to_owned(),
        pretty_name: pretty_name.to_owned(),
        ..OsRelease::default()
    }
}

/// `DISTRIB_ID=Ubuntu`, `DISTRIB_RELEASE=14.04`, `DISTRIB_CODENAME=trusty`.
fn lsb(text: &str) -> Option<OsRelease> {
    let mut found = OsRelease::default();
    for (key, value) in assignments(text) {
        match key {
            "DISTRIB_ID" => found.id = value.to_ascii_lowercase(),
            "DISTRIB_RELEASE" if value != "rolling" => found.version_id = value,
            "DISTRIB_CODENAME" => found.codename = value,
            "DISTRIB_DESCRIPTION" => found.pretty_name = value,
            _ => {}
        }
    }
    (!found.id.is_empty()).then_some(found)
}

fn alpine(version: &str) -> OsRelease {
    release("alpine", version, &format!("Alpine Linux v{version}"))
}

/// `12.5` of a release, of which os-release says `12`; `trixie/sid` before it is one.
fn debian(version: &str) -> OsRelease {
    let name = format!("Debian GNU/Linux {version}");
    match version.split_once('/') {
        Some((codename, _)) => OsRelease { codename: codename.to_owned(), ..release("debian", "", &name) },
        // Until 6 the point belonged to the number of the release, as `6.0.10`.
        None => {
            let major = version.split('.').next().unwrap_or(version);
            release("debian", major, &name)
        }
    }
}

/// How the sentence in the file begins, and the id of that distribution.
const NAMES: [(&str, &str); 13] = [
    ("AlmaLinux", "almalinux"),
    ("Amazon Linux", "amzn"),
    ("CentOS", "centos"),
    ("CloudLinux", "cloudlinux"),
    ("EuroLinux", "eurolinux"),
    ("Fedora", "fedora"),
    ("Mageia", "mageia"),
    ("Oracle Linux", "ol"),
    ("Red Hat Enterprise Linux", "rhel"),
    ("Rocky Linux", "rocky"),
    ("Scientific Linux", "scientific"),
    ("Virtuozzo", "virtuozzo"),
    ("openEuler", "openEuler"),
];

/// `CentOS Linux release 7.9.2009 (Core)`.
fn red_hat(line: &str) -> Option<OsRelease> {
    let (_, id) = NAMES.into_iter().find(|(start, _)| line.starts_with(start))?;
    let version =
        line.split_once(" release ").map_or("", |(_, rest)| rest.split_whitespace().next().unwrap_or_default());
    let version = match id {
        // Their os-release names no minor release.
        "centos" => version.split('.').next().unwrap_or_default(),
        "amzn" if version.starts_with("2023") => "2023",
        _ => version,
    };
    Some(release(id, version, line))
}

/// A sentence, then `VERSION = 11` and `PATCHLEVEL = 4`.
fn suse(text: &str) -> Option<OsRelease> {
    let name = text.lines().next()?.trim();
    let field = |wanted: &str| assignments(text).find(|(key, _)| *key == wanted).map(|(_, value)| value);
    let version = field("VERSION")?;
    if name.starts_with("openSUSE") {
        return Some(release("opensuse", &version, name));
    }
    let version = match field("PATCHLEVEL") {
        Some(patch) if patch != "0" => format!("{version}.{patch}"),
        _ => version,
    };
    name.starts_with("SUSE").then(|| release("sles", &version, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_gives_what_os_release_would() {
        for (path, text, id, version, codename) in [
            ("etc/alpine-release", "3.19.1\n", "alpine", "3.19.1", ""),
            ("etc/debian_version", "12.5\n", "debian", "12", ""),
            ("etc/debian_version", "trixie/sid\n", "debian", "", "trixie"),
            ("etc/redhat-release", "Red Hat Enterprise Linux Server release 6.10 (Santiago)\n", "rhel", "6.10", ""),
            ("etc/centos-release", "CentOS Linux release 7.9.2009 (Core)\n", "centos", "7", ""),
            ("etc/centos-release", "CentOS Stream release 9\n", "centos", "9", ""),
            ("etc/system-release", "Amazon Linux AMI release 2018.03\n", "amzn", "2018.03", ""),
            ("etc/system-release", "Amazon Linux release 2023.3.20240108 (Amazon Linux)\n", "amzn", "2023", ""),
            ("etc/redhat-release", "Fedora release 39 (Thirty Nine)\n", "fedora", "39", ""),
            ("etc/oracle-release", "Oracle Linux Server release 7.9\n", "ol", "7.9", ""),
            (
                "etc/SuSE-release",
                "SUSE Linux Enterprise Server 11 (x86_64)\nVERSION = 11\nPATCHLEVEL = 4\n",
                "sles",
                "11.4",
                "",
            ),
            (
                "etc/lsb-release",
                "DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=14.04\nDISTRIB_CODENAME=trusty\n",
                "ubuntu",
                "14.04",
                "trusty",
            ),
            ("etc/openwrt_release", "DISTRIB_ID='OpenWrt'\nDISTRIB_RELEASE='23.05.3'\n", "openwrt", "23.05.3", ""),
            ("etc/arch-release", "", "arch", "", ""),
        ] {
            let found = read(path, text).unwrap();
            assert_eq!(
                (found.id.as_str(), found.version_id.as_str(), found.codename.as_str()),
                (id, version, codename),
                "{path}"
            );
        }
        assert_eq!(read("etc/redhat-release", "Something else release 1\n"), None);
        assert_eq!(read("etc/lsb-release", "LSB_VERSION=1.4\n"), None);
    }
}
