//! Who publishes a package, and so whose advisories speak of it.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use version::Scheme;

use crate::Family;

/// A family and, for a distribution, the release: `debian:12`, `alpine:3.19`, `redhat:9`, `suse:15.5`, `pypi`.
///
/// In an advisory no release means every release; in a subject, that the image does not say which one it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Ecosystem {
    family: Family,
    release: Option<String>,
}

impl Ecosystem {
    /// The release in any spelling the distribution or OSV uses; a family without releases has none.
    pub fn new(family: Family, release: Option<&str>) -> Ecosystem {
        let release = release.filter(|release| family.has_releases() && !release.is_empty() && *release != "*");
        Ecosystem { family, release: release.and_then(|release| spelled(family, release)) }
    }

    /// The distribution of an image, from os-release's `ID` and `VERSION_ID`. None when we have no advisories' format
    /// for it: a derivative such as Linux Mint has versions and fixes of its own, and is neither Ubuntu nor Debian.
    pub fn of_distribution(id: &str, version_id: &str) -> Option<Ecosystem> {
        let family = match id {
            "almalinux" => Family::AlmaLinux,
            "alpaquita" => Family::Alpaquita,
            "alpine" => Family::Alpine,
            "amzn" => Family::Amazon,
            "arch" => Family::Arch,
            "azurelinux" | "mariner" => Family::AzureLinux,
            // Up to 7 CentOS was Red Hat's packages built again; from 8 on the same id is also Stream, which runs ahead.
            "centos" if matches!(major(version_id), "5" | "6" | "7") => Family::RedHat,
            "centos" => Family::CentOs,
            "chainguard" => Family::Chainguard,
            "debian" => Family::Debian,
            "echo" => Family::Echo,
            "fedora" => Family::Fedora,
            "mageia" => Family::Mageia,
            "minimos" => Family::MinimOs,
            "ol" => Family::Oracle,
            "openEuler" | "openeuler" => Family::OpenEuler,
            "opensuse-leap" | "opensuse" => Family::OpenSuse,
            "opensuse-tumbleweed" => return Some(Ecosystem::new(Family::OpenSuse, Some("tumbleweed"))),
            "photon" => Family::Photon,
            "rhel" => Family::RedHat,
            "rocky" => Family::Rocky,
            "sled" | "sles" | "sles_sap" | "sle_hpc" | "sle-hpc" => Family::Suse,
            "sle-micro" | "sl-micro" | "suse-microos" => {
                return Some(Ecosystem::new(Family::Suse, Some(&format!("micro {version_id}"))));
            }
            "ubuntu" => Family::Ubuntu,
            "wolfi" => Family::Wolfi,
            _ => return None,
        };
        Some(Ecosystem::new(family, Some(version_id)))
    }

    /// Whose records judge a package of this type of package URLs, in an image of this distribution. None for a distribution's
    /// package in an image of another kind, and for a type that nobody publishes records of.
    pub fn of_package(kind: &str, distribution: Option<&Ecosystem>) -> Option<Ecosystem> {
        let installed = |by: fn(Family) -> bool| distribution.filter(|ecosystem| by(ecosystem.family())).cloned();
        match kind {
            "alpm" => installed(|family| family == Family::Arch),
            "apk" => installed(|family| family.scheme() == Scheme::Alpine),
            "deb" => installed(|family| family.scheme() == Scheme::Debian),
            "rpm" => installed(Family::is_rpm),
            "generic" => Some(Ecosystem::new(Family::Upstream, None)),
            kind => {
                let family = Family::named(kind).filter(|family| !family.is_distribution());
                family.map(|family| Ecosystem::new(family, None))
            }
        }
    }

    /// Our own spelling and OSV's, with what OSV puts between family and release: `Ubuntu:Pro:18.04:LTS` is release
    /// 18.04 with the qualifier `pro`, `SUSE:Linux Enterprise Server 15 SP4-LTSS` is 15.4 with `ltss`.
    pub fn read(text: &str) -> Result<(Ecosystem, Option<String>), String> {
        let (name, release) = text.split_once(':').unwrap_or((text, "*"));
        let family = Family::named(name.trim()).ok_or_else(|| {
            format!("{text} is no ecosystem we know: use debian:RELEASE, redhat:MAJOR, pypi, npm or any")
        })?;
        let lower = release.to_ascii_lowercase();
        let qualifier = match family {
            Family::Ubuntu => ubuntu_qualifier(&lower),
            Family::Suse if lower.ends_with("-ltss") => Some("ltss".to_owned()),
            _ => None,
        };
        Ok((Ecosystem::new(family, Some(release)), qualifier))
    }

    pub fn family(&self) -> Family {
        self.family
    }

    pub fn release(&self) -> Option<&str> {
        self.release.as_deref()
    }
}

/// The one spelling of a release. What it makes it leaves as it is.
fn spelled(family: Family, release: &str) -> Option<String> {
    let release = release.trim().to_ascii_lowercase();
    let plain = slug(&release);
    let spelled = match family {
        Family::Alpine | Family::Alpaquita => match alpine_branch(&plain) {
            Some(branch) => branch,
            None if plain.contains("_alpha") => "edge".to_owned(),
            None => plain,
        },
        Family::Amazon if plain.starts_with("201") => "1".to_owned(),
        Family::Ubuntu => release.split(':').find(|part| digits_first(part)).map_or(plain, slug),
        Family::RedHat => redhat(&release),
        Family::Suse => suse(&release),
        Family::OpenSuse => slug(release.trim_start_matches("leap ")),
        Family::OpenEuler | Family::Photon => plain,
        _ => numbered(plain),
    };
    Some(spelled).filter(|spelled| !spelled.is_empty())
}

/// `3.19.1` belongs to branch `3.19`; edge calls itself `3.23_alpha20251016`.
fn alpine_branch(version_id: &str) -> Option<String> {
    let mut parts = version_id.trim_start_matches('v').split('.');
    let (major, minor) = (parts.next()?, parts.next()?);
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    (digits(major) && digits(minor)).then(|| format!("{major}.{minor}"))
}

/// `enterprise_linux:9::baseos` is release 9; an extended stream, `rhel_eus:9.2::baseos`, is a line of its own, `eus-9.2`.
fn redhat(release: &str) -> String {
    let (product, rest) = release.split_once(':').unwrap_or((release, ""));
    let version = rest.split(':').next().unwrap_or_default();
    if product == "enterprise_linux" && !version.is_empty() {
        return numbered(slug(version));
    }
    match product.strip_prefix("rhel_").filter(|stream| !version.is_empty() && !digits_first(stream)) {
        Some(stream) => slug(&format!("{stream}-{version}")),
        None => numbered(slug(release)),
    }
}

/// `Linux Enterprise Module for Basesystem 15 SP5` is `15.5`, `Linux Micro 6.0` is `micro-6.0`; other products are not of
/// the distribution's line.
fn suse(release: &str) -> String {
    let release = release.trim_end_matches("-ltss");
    let words: Vec<&str> = release.split_whitespace().collect();
    let enterprise = release.contains("enterprise") && !release.contains("micro");
    match words[..] {
        [.., number, pack] if enterprise && digits_first(number) && pack.starts_with("sp") => {
            slug(&format!("{number}.{}", pack.trim_start_matches("sp")))
        }
        [.., number] if enterprise && digits_first(number) => slug(number),
        [.., "micro", number] if digits_first(number) => slug(&format!("micro-{number}")),
        _ => slug(release),
    }
}

/// `pro` of `pro:18.04:lts`, `pro-fips` of `pro:fips:18.04:lts`.
fn ubuntu_qualifier(release: &str) -> Option<String> {
    let words: Vec<&str> = release.split(':').take_while(|part| !digits_first(part)).collect();
    let known = words.first() == Some(&"pro");
    known.then(|| words.join("-"))
}

fn digits_first(text: &str) -> bool {
    text.starts_with(|letter: char| letter.is_ascii_digit())
}

/// Of a numbered release the first number: `9.4` is 9.
fn numbered(plain: String) -> String {
    if digits_first(&plain) { major(&plain).to_owned() } else { plain }
}

fn major(version: &str) -> &str {
    version.split(['.', '-', ':', ' ']).next().unwrap_or_default()
}

/// Without spaces and colons, so that it can stand behind the family's.
fn slug(text: &str) -> String {
    text.split([' ', ':']).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}

/// Our own spelling, and OSV's (`Debian:12`, `Alpine:v3.19`, `PyPI`).
impl FromStr for Ecosystem {
    type Err = String;

    fn from_str(text: &str) -> Result<Ecosystem, String> {
        Ecosystem::read(text).map(|(ecosystem, _)| ecosystem)
    }
}

impl fmt::Display for Ecosystem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.family.as_str())?;
        match &self.release {
            Some(release) => write!(out, ":{release}"),
            None => Ok(()),
        }
    }
}

impl TryFrom<String> for Ecosystem {
    type Error = String;

    fn try_from(text: String) -> Result<Ecosystem, String> {
        text.parse()
    }
}

impl From<Ecosystem> for String {
    fn from(ecosystem: Ecosystem) -> String {
        ecosystem.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_are_read() {
        for (text, expected) in [
            ("debian:12", "debian:12"),
            ("Debian:12", "debian:12"),
            ("debian:*", "debian"),
            ("Alpine:v3.19", "alpine:3.19"),
            ("PyPI", "pypi"),
            ("any", "any"),
            ("crates.io", "cargo"),
            ("Go", "golang"),
            ("Ubuntu:22.04:LTS", "ubuntu:22.04"),
            ("Ubuntu:Pro:FIPS:18.04:LTS", "ubuntu:18.04"),
            ("Red Hat:enterprise_linux:9::baseos", "redhat:9"),
            ("Red Hat:rhel_eus:9.2::appstream", "redhat:eus-9.2"),
            ("Red Hat:openshift:4.12::el8", "redhat:openshift-4.12-el8"),
            ("Rocky Linux:9", "rocky:9"),
            ("AlmaLinux:10", "almalinux:10"),
            ("SUSE:Linux Enterprise Server 15 SP5", "suse:15.5"),
            ("SUSE:Linux Enterprise Module for Basesystem 15 SP4-LTSS", "suse:15.4"),
            ("SUSE:Linux Enterprise Micro 5.3", "suse:micro-5.3"),
            ("SUSE:Manager Server 4.3", "suse:manager-server-4.3"),
            ("openSUSE:Leap 15.6", "opensuse:15.6"),
            ("openSUSE:Tumbleweed", "opensuse:tumbleweed"),
            ("Azure Linux:3", "azurelinux:3"),
            ("Photon OS:5.0", "photon:5.0"),
        ] {
            assert_eq!(text.parse::<Ecosystem>().unwrap().to_string(), expected);
            assert_eq!(expected.parse::<Ecosystem>().unwrap().to_string(), expected);
        }
        assert!("zpm".parse::<Ecosystem>().unwrap_err().contains("zpm"));
        let qualifier = |text| Ecosystem::read(text).unwrap().1;
        assert_eq!(qualifier("Ubuntu:Pro:18.04:LTS").as_deref(), Some("pro"));
        assert_eq!(qualifier("Ubuntu:Pro:FIPS:18.04:LTS").as_deref(), Some("pro-fips"));
        assert_eq!(qualifier("Ubuntu:22.04:LTS"), None);
        assert_eq!(qualifier("SUSE:Linux Enterprise Server 15 SP4-LTSS").as_deref(), Some("ltss"));
    }

    #[test]
    fn images_say_their_release_or_not() {
        for (id, version, expected) in [
            ("debian", "12", Some("debian:12")),
            ("debian", "", Some("debian")),
            ("alpine", "3.19.1", Some("alpine:3.19")),
            ("alpine", "3.23_alpha20251016", Some("alpine:edge")),
            ("ubuntu", "24.04", Some("ubuntu:24.04")),
            ("rhel", "9.4", Some("redhat:9")),
            ("centos", "7", Some("redhat:7")),
            ("centos", "9", Some("centos:9")),
            ("rocky", "9.3", Some("rocky:9")),
            ("amzn", "2018.03", Some("amazon:1")),
            ("amzn", "2023", Some("amazon:2023")),
            ("sles", "15.5", Some("suse:15.5")),
            ("sle-micro", "5.3", Some("suse:micro-5.3")),
            ("opensuse-tumbleweed", "20260801", Some("opensuse:tumbleweed")),
            ("mariner", "2.0", Some("azurelinux:2")),
            ("photon", "5.0", Some("photon:5.0")),
            ("wolfi", "20230201", Some("wolfi")),
            ("arch", "", Some("arch")),
            ("linuxmint", "21", None),
            ("kali", "2026.1", None),
        ] {
            let found = Ecosystem::of_distribution(id, version).map(|ecosystem| ecosystem.to_string());
            assert_eq!(found.as_deref(), expected, "{id} {version}");
        }
    }

    #[test]
    fn a_package_is_of_its_type_or_of_the_image() {
        let of = |kind, distribution: &str| {
            Ecosystem::of_package(kind, distribution.parse().ok().as_ref()).map(|ecosystem| ecosystem.to_string())
        };
        for (kind, distribution, expected) in [
            ("deb", "ubuntu:22.04", Some("ubuntu:22.04")),
            ("deb", "alpine:3.20", None),
            ("deb", "", None),
            ("apk", "wolfi", Some("wolfi")),
            ("rpm", "redhat:9", Some("redhat:9")),
            ("alpm", "arch", Some("arch")),
            ("npm", "debian:12", Some("npm")),
            ("generic", "debian:12", Some("any")),
            ("opkg", "debian:12", None),
            ("debian", "debian:12", None),
        ] {
            assert_eq!(of(kind, distribution).as_deref(), expected, "{kind} in {distribution}");
        }
    }

    proptest::proptest! {
        /// What is written is read as the same ecosystem, whatever a record called it.
        #[test]
        fn one_spelling(at in 0_usize..38, release in "(v|rhel_|enterprise_linux:|leap |linux enterprise |micro )?[0-9a-z.: -]{0,12}( sp[0-9])?") {
            let family = Family::all().nth(at).unwrap();
            if let Ok((ecosystem, _)) = Ecosystem::read(&format!("{}:{release}", family.as_str())) {
                proptest::prop_assert_eq!(ecosystem.to_string().parse::<Ecosystem>().unwrap(), ecosystem);
            }
        }
    }
}
