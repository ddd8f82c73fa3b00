//! Who installs a package: the types of package URLs.

use serde::{Deserialize, Serialize};

/// Which world a package belongs to, and so which advisories speak of it. Named and written as the types of package URLs
/// (ECMA-427).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PackageType {
    Alpm,
    Apk,
    Cargo,
    Composer,
    Conan,
    Deb,
    Gem,
    /// Found in the bytes of a file, of no package manager.
    Generic,
    Golang,
    Hackage,
    Hex,
    Maven,
    Npm,
    Nuget,
    Opkg,
    Pypi,
    Rpm,
    Swift,
}

impl PackageType {
    pub const ALL: [PackageType; 18] = [
        PackageType::Alpm,
        PackageType::Apk,
        PackageType::Cargo,
        PackageType::Composer,
        PackageType::Conan,
        PackageType::Deb,
        PackageType::Gem,
        PackageType::Generic,
        PackageType::Golang,
        PackageType::Hackage,
        PackageType::Hex,
        PackageType::Maven,
        PackageType::Npm,
        PackageType::Nuget,
        PackageType::Opkg,
        PackageType::Pypi,
        PackageType::Rpm,
        PackageType::Swift,
    ];

    /// The word of package URLs, which is also how it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            PackageType::Alpm => "alpm",
            PackageType::Apk => "apk",
            PackageType::Cargo => "cargo",
            PackageType::Composer => "composer",
            PackageType::Conan => "conan",
            PackageType::Deb => "deb",
            PackageType::Gem => "gem",
            PackageType::Generic => "generic",
            PackageType::Golang => "golang",
            PackageType::Hackage => "hackage",
            PackageType::Hex => "hex",
            PackageType::Maven => "maven",
            PackageType::Npm => "npm",
            PackageType::Nuget => "nuget",
            PackageType::Opkg => "opkg",
            PackageType::Pypi => "pypi",
            PackageType::Rpm => "rpm",
            PackageType::Swift => "swift",
        }
    }

    /// True for the packages of a Linux distribution, which one database lists together.
    pub fn is_distribution(self) -> bool {
        matches!(self, PackageType::Alpm | PackageType::Apk | PackageType::Deb | PackageType::Opkg | PackageType::Rpm)
    }
}
