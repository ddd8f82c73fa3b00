//! The worlds that packages come from, each with its own names and its own order of versions.

use std::borrow::Cow;

use version::Scheme;

/// Who publishes packages of one kind. In the order of their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    AlmaLinux,
    Alpaquita,
    Alpine,
    Amazon,
    /// Upstream's own releases, for components that no package manager installed. The package is a product, as a CPE
    /// name has it; a subject may say `vendor/product`.
    Upstream,
    Arch,
    AzureLinux,
    Bitnami,
    Cargo,
    CentOs,
    Chainguard,
    Composer,
    Conan,
    Cran,
    Debian,
    Echo,
    Fedora,
    Gem,
    Golang,
    Hackage,
    Hex,
    Mageia,
    Maven,
    MinimOs,
    Npm,
    Nuget,
    OpenEuler,
    OpenSuse,
    Oracle,
    Photon,
    Pub,
    Pypi,
    RedHat,
    Rocky,
    Suse,
    Swift,
    Ubuntu,
    Wolfi,
}

/// Family, our name, other names it is known by (OSV's first).
const NAMES: [(Family, &str, &[&str]); 38] = [
    (Family::AlmaLinux, "almalinux", &[]),
    (Family::Alpaquita, "alpaquita", &[]),
    (Family::Alpine, "alpine", &[]),
    (Family::Amazon, "amazon", &["amazon linux", "amzn", "amazonlinux"]),
    (Family::Upstream, "any", &[]),
    (Family::Arch, "arch", &["arch linux", "archlinux"]),
    (Family::AzureLinux, "azurelinux", &["azure linux", "mariner", "cbl-mariner"]),
    (Family::Bitnami, "bitnami", &[]),
    (Family::Cargo, "cargo", &["crates.io"]),
    (Family::CentOs, "centos", &[]),
    (Family::Chainguard, "chainguard", &[]),
    (Family::Composer, "composer", &["packagist"]),
    (Family::Conan, "conan", &["conancenter"]),
    (Family::Cran, "cran", &[]),
    (Family::Debian, "debian", &["debian gnu/linux"]),
    (Family::Echo, "echo", &[]),
    (Family::Fedora, "fedora", &[]),
    (Family::Gem, "gem", &["rubygems"]),
    (Family::Golang, "golang", &["go"]),
    (Family::Hackage, "hackage", &[]),
    (Family::Hex, "hex", &[]),
    (Family::Mageia, "mageia", &[]),
    (Family::Maven, "maven", &[]),
    (Family::MinimOs, "minimos", &[]),
    (Family::Npm, "npm", &[]),
    (Family::Nuget, "nuget", &[]),
    (Family::OpenEuler, "openeuler", &[]),
    (Family::OpenSuse, "opensuse", &[]),
    (Family::Oracle, "oracle", &["oracle linux", "ol"]),
    (Family::Photon, "photon", &["photon os"]),
    (Family::Pub, "pub", &[]),
    (Family::Pypi, "pypi", &[]),
    (Family::RedHat, "redhat", &["red hat", "rhel"]),
    (Family::Rocky, "rocky", &["rocky linux", "rockylinux"]),
    (Family::Suse, "suse", &["sles"]),
    (Family::Swift, "swift", &["swifturl"]),
    (Family::Ubuntu, "ubuntu", &[]),
    (Family::Wolfi, "wolfi", &[]),
];

impl Family {
    /// Every family, in the order of their names.
    pub fn all() -> impl Iterator<Item = Family> {
        NAMES.iter().map(|(family, ..)| *family)
    }

    /// Our name of it.
    pub fn as_str(self) -> &'static str {
        NAMES[self as usize].1
    }

    /// The family of our name, of OSV's, or of the distribution's own, in any case.
    pub fn named(name: &str) -> Option<Family> {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        let found = NAMES.iter().find(|(_, own, others)| is(own) || others.iter().any(|other| is(other)));
        found.map(|(family, ..)| *family)
    }

    /// The order of its versions.
    pub fn scheme(self) -> Scheme {
        use Family as F;
        match self {
            F::Alpaquita | F::Alpine | F::Chainguard | F::MinimOs | F::Wolfi => Scheme::Alpine,
            F::Arch => Scheme::Pacman,
            F::Bitnami | F::Conan | F::Upstream => Scheme::Generic,
            F::Cargo | F::Golang | F::Hex | F::Npm | F::Swift => Scheme::Semver,
            F::Composer => Scheme::Composer,
            F::Cran => Scheme::Cran,
            F::Debian | F::Echo | F::Ubuntu => Scheme::Debian,
            F::Gem => Scheme::Gem,
            F::Hackage => Scheme::Hackage,
            F::Maven => Scheme::Maven,
            F::Nuget => Scheme::Nuget,
            F::Pub => Scheme::Pub,
            F::Pypi => Scheme::Pypi,
            F::AlmaLinux
            | F::Amazon
            | F::AzureLinux
            | F::CentOs
            | F::Fedora
            | F::Mageia
            | F::OpenEuler
            | F::OpenSuse
            | F::Oracle
            | F::Photon
            | F::RedHat
            | F::Rocky
            | F::Suse => Scheme::Rpm,
        }
    }

    /// Distributions publish one line of fixes for each release; rolling ones have a single line.
    pub fn has_releases(self) -> bool {
        use Family as F;
        self.is_rpm() || matches!(self, F::Alpaquita | F::Alpine | F::Debian | F::Ubuntu)
    }

    /// True for packages that a distribution's package manager installs.
    pub fn is_distribution(self) -> bool {
        use Family as F;
        self.has_releases() || matches!(self, F::Arch | F::Chainguard | F::Echo | F::MinimOs | F::Wolfi)
    }

    /// Feeds of the rpm world name binary packages where the others name source packages.
    pub fn is_rpm(self) -> bool {
        self.scheme() == Scheme::Rpm
    }

    /// The one spelling of a package's name under which it is kept and looked up.
    pub fn spelling(self, package: &str) -> Cow<'_, str> {
        match self {
            Family::Pypi => Cow::Owned(normalised_python_name(package)),
            Family::Composer | Family::Conan | Family::Nuget | Family::Upstream | Family::Hex => lowercase(package),
            Family::Swift => Cow::Owned(swift_name(package)),
            _ => Cow::Borrowed(package),
        }
    }
}

fn lowercase(package: &str) -> Cow<'_, str> {
    if package.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(package.to_ascii_lowercase())
    } else {
        Cow::Borrowed(package)
    }
}

/// PEP 503: lower case, and each run of `-`, `_` and `.` is one `-`.
fn normalised_python_name(package: &str) -> String {
    let mut out = String::with_capacity(package.len());
    for letter in package.chars() {
        match letter {
            '-' | '_' | '.' if out.ends_with('-') => {}
            '-' | '_' | '.' => out.push('-'),
            letter => out.push(letter.to_ascii_lowercase()),
        }
    }
    out
}

/// Swift packages are named by the address of their repository: `github.com/apple/swift-nio`.
fn swift_name(package: &str) -> String {
    let package = package.trim_start_matches("https://").trim_start_matches("http://");
    package.trim_end_matches('/').trim_end_matches(".git").to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_in_order_and_at_their_place() {
        for (at, (family, name, _)) in NAMES.iter().enumerate() {
            assert_eq!(*family as usize, at, "{name}");
            assert!(at == 0 || NAMES[at - 1].1 < *name, "{name}");
            assert_eq!(Family::named(name), Some(*family));
        }
        assert_eq!(Family::named("RubyGems"), Some(Family::Gem));
        assert_eq!(Family::named("npm2"), None);
    }

    #[test]
    fn packages_have_one_spelling() {
        for (family, package, expected) in [
            (Family::Pypi, "Flask_Login", "flask-login"),
            (Family::Pypi, "zope..interface", "zope-interface"),
            (Family::Nuget, "Newtonsoft.Json", "newtonsoft.json"),
            (Family::Swift, "https://github.com/Apple/swift-nio.git", "github.com/apple/swift-nio"),
            (Family::Npm, "JSONStream", "JSONStream"),
            (Family::Debian, "curl", "curl"),
        ] {
            assert_eq!(family.spelling(package), expected);
        }
    }
}
