//! Who publishes a package, and so whose advisories speak of it.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use version::Scheme;

/// Where packages of one kind of version come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    Alpine,
    Debian,
    Maven,
    Pypi,
    /// Upstream's own releases, for components that no package manager installed.
    Upstream,
}

/// A family and, for a distribution, the release: `debian:12`, `alpine:3.19`, `pypi`.
///
/// In an advisory no release means every release; in a subject, that the image does not say which one it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Ecosystem {
    family: Family,
    release: Option<String>,
}

impl Family {
    pub fn as_str(self) -> &'static str {
        match self {
            Family::Alpine => "alpine",
            Family::Debian => "debian",
            Family::Maven => "maven",
            Family::Pypi => "pypi",
            Family::Upstream => "any",
        }
    }

    pub fn scheme(self) -> Scheme {
        match self {
            Family::Alpine => Scheme::Alpine,
            Family::Pypi => Scheme::Pypi,
            Family::Debian | Family::Maven | Family::Upstream => Scheme::Debian,
        }
    }

    /// Distributions publish one line of fixes for each release.
    pub fn has_releases(self) -> bool {
        matches!(self, Family::Alpine | Family::Debian)
    }
}

impl Ecosystem {
    pub fn new(family: Family, release: Option<&str>) -> Ecosystem {
        let release = release.filter(|release| family.has_releases() && !release.is_empty()).map(str::to_owned);
        Ecosystem { family, release }
    }

    /// The distribution of an image, from os-release's `ID` and `VERSION_ID`. None when we have no advisories' format
    /// for it: a derivative such as Ubuntu has versions and fixes of its own, and is not Debian.
    pub fn of_distribution(id: &str, version_id: &str) -> Option<Ecosystem> {
        match id {
            "debian" => Some(Ecosystem::new(Family::Debian, Some(version_id))),
            "alpine" => Some(Ecosystem::new(Family::Alpine, alpine_branch(version_id).as_deref())),
            _ => None,
        }
    }

    pub fn family(&self) -> Family {
        self.family
    }

    pub fn release(&self) -> Option<&str> {
        self.release.as_deref()
    }
}

/// `3.19.1` belongs to branch `3.19`; edge (`3.23_alpha20251016`) belongs to none.
fn alpine_branch(version_id: &str) -> Option<String> {
    let mut parts = version_id.trim_start_matches('v').split('.');
    let (major, minor) = (parts.next()?, parts.next()?);
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    (digits(major) && digits(minor)).then(|| format!("{major}.{minor}"))
}

/// Our own spelling, and OSV's (`Debian:12`, `Alpine:v3.19`, `PyPI`).
impl FromStr for Ecosystem {
    type Err = String;

    fn from_str(text: &str) -> Result<Ecosystem, String> {
        let (family, release) = text.split_once(':').unwrap_or((text, "*"));
        let family = match family.to_ascii_lowercase().as_str() {
            "alpine" => Family::Alpine,
            "debian" => Family::Debian,
            "maven" => Family::Maven,
            "pypi" => Family::Pypi,
            "any" => Family::Upstream,
            _ => {
                return Err(format!(
                    "{text} is no ecosystem we know: use debian:RELEASE, alpine:BRANCH, pypi, maven or any"
                ));
            }
        };
        let release = release.trim_start_matches('v');
        Ok(Ecosystem::new(family, Some(release).filter(|release| *release != "*")))
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
        ] {
            assert_eq!(text.parse::<Ecosystem>().unwrap().to_string(), expected);
        }
        assert!("npm".parse::<Ecosystem>().unwrap_err().contains("npm"));
    }

    #[test]
    fn images_say_their_release_or_not() {
        let of = |id, version| Ecosystem::of_distribution(id, version).map(|ecosystem| ecosystem.to_string());
        assert_eq!(of("debian", "12").as_deref(), Some("debian:12"));
        assert_eq!(of("debian", "").as_deref(), Some("debian"));
        assert_eq!(of("alpine", "3.19.1").as_deref(), Some("alpine:3.19"));
        assert_eq!(of("alpine", "3.23_alpha20251016").as_deref(), Some("alpine"));
        assert_eq!(of("ubuntu", "24.04"), None);
    }
}
