//! The worlds of versions, by name.

use std::{fmt, str::FromStr};

/// One world of versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    Alpine,
    /// Packagist's packages, in PHP's own order.
    Composer,
    Cran,
    /// Also of Ubuntu and opkg.
    Debian,
    Gem,
    /// Upstream's own releases, of C libraries and the like, and what no other scheme fits.
    Generic,
    Hackage,
    Maven,
    Nuget,
    Opam,
    Pacman,
    /// Dart's packages: as semver, but a build comes after its release.
    Pub,
    Pypi,
    Rpm,
    /// Of Cargo, npm, Go, Hex, Swift, Julia and GitHub's actions.
    Semver,
}

/// A word that names no scheme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownScheme(pub String);

impl Scheme {
    pub const ALL: [Scheme; 15] = [
        Scheme::Alpine,
        Scheme::Composer,
        Scheme::Cran,
        Scheme::Debian,
        Scheme::Gem,
        Scheme::Generic,
        Scheme::Hackage,
        Scheme::Maven,
        Scheme::Nuget,
        Scheme::Opam,
        Scheme::Pacman,
        Scheme::Pub,
        Scheme::Pypi,
        Scheme::Rpm,
        Scheme::Semver,
    ];

    /// The word that stands for it wherever it is stored; it never changes.
    pub const fn as_str(self) -> &'static str {
        match self {
            Scheme::Alpine => "alpine",
            Scheme::Composer => "composer",
            Scheme::Cran => "cran",
            Scheme::Debian => "debian",
            Scheme::Gem => "gem",
            Scheme::Generic => "generic",
            Scheme::Hackage => "hackage",
            Scheme::Maven => "maven",
            Scheme::Nuget => "nuget",
            Scheme::Opam => "opam",
            Scheme::Pacman => "pacman",
            Scheme::Pub => "pub",
            Scheme::Pypi => "pypi",
            Scheme::Rpm => "rpm",
            Scheme::Semver => "semver",
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scheme {
    type Err = UnknownScheme;

    fn from_str(word: &str) -> Result<Scheme, UnknownScheme> {
        Scheme::ALL.into_iter().find(|scheme| scheme.as_str() == word).ok_or_else(|| UnknownScheme(word.to_owned()))
    }
}

impl fmt::Display for UnknownScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no order of versions is called {:?}", self.0)
    }
}

impl std::error::Error for UnknownScheme {}
