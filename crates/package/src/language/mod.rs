//! Metadata and lock files of programming languages: which file is one, and what each says.
//!
//! Two sorts. A file of the *installed* sort lies there because the package was installed, and always counts. A *lock* file says
//! what an application was built from: it counts in an image that holds only the result, such as a bundle, and is set aside where
//! what it names is installed ([`Language::is_lock`], [`Language::lock_scope`]). What a lock file marks as needed for development
//! only is left out; `yarn.lock` and `Gemfile.lock` mark nothing, so all they name counts.

mod composer;
mod conan;
mod dotnet;
mod erlang;
mod haskell;
mod json;
mod npm;
mod npm_lock;
mod place;
mod pnpm;
mod python_lock;
mod ruby;
mod swift;
mod wheel;
mod yaml;
mod yarn;

use base::limits::{ARCHIVE_FILE_BYTES, METADATA_FILE_BYTES, PACKAGE_NAME_BYTES};

pub(crate) use dotnet::packages as dotnet_packages;

use crate::{Document, Error, Need, Package, PackageType, document::sorted, java, path};

/// A kind of file that a language's tools write, known by where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Language {
    /// `bun.lock`, in JSON with trailing commas
    BunLock,
    /// `cabal.project.freeze`
    CabalFreeze,
    /// `VENDOR/composer/installed.json`
    ComposerInstalled,
    /// `composer.lock`
    ComposerLock,
    /// `data/NAME/VERSION/USER/CHANNEL/package/ID/conaninfo.txt` of Conan 1, and wherever else one lies
    ConanInfo,
    /// `conan.lock` of Conan 1 and 2
    ConanLock,
    /// `deno.lock`: what it took from npm
    DenoLock,
    /// `….deps.json`
    DotnetDeps,
    /// `packages.lock.json`
    DotnetLock,
    /// `specifications/….gemspec`, `specifications/default/….gemspec`
    Gemspec,
    /// `Gemfile.lock`
    GemLock,
    /// `package.db/….conf`, `package.conf.d/….conf` of GHC
    HaskellPackage,
    /// `lib/NAME-VERSION/ebin/NAME.app`
    HexApp,
    /// `mix.lock`
    HexLock,
    /// `.jar`, `.war`, `.ear`, `.jpi`, `.hpi`, `.par`, `.sar`, `.nar`, `.lpkg`
    JavaArchive,
    /// `node_modules/NAME/package.json`, `node_modules/@SCOPE/NAME/package.json`
    NpmInstalled,
    /// `package-lock.json`, `npm-shrinkwrap.json`
    NpmLock,
    /// `pnpm-lock.yaml`
    PnpmLock,
    /// `Pipfile.lock`
    PipfileLock,
    /// `poetry.lock`
    PoetryLock,
    /// `….whl`, `….egg` that are files
    PythonArchive,
    /// `stack.yaml.lock`
    StackLock,
    /// `Package.resolved`
    SwiftResolved,
    /// `uv.lock`
    UvLock,
    /// `yarn.lock` of Yarn 1 and of its successors
    YarnLock,
}

impl Language {
    /// What a file is, by its normalised path; None for those that say nothing.
    pub fn of(path: &str) -> Option<Language> {
        let (directory, name) = path::split(path);
        let lock = match name {
            "Gemfile.lock" => Some(Language::GemLock),
            "Package.resolved" => Some(Language::SwiftResolved),
            "Pipfile.lock" => Some(Language::PipfileLock),
            "bun.lock" => Some(Language::BunLock),
            "cabal.project.freeze" => Some(Language::CabalFreeze),
            "composer.lock" => Some(Language::ComposerLock),
            "conan.lock" => Some(Language::ConanLock),
            "deno.lock" => Some(Language::DenoLock),
            "mix.lock" => Some(Language::HexLock),
            "package-lock.json" | "npm-shrinkwrap.json" => Some(Language::NpmLock),
            "packages.lock.json" => Some(Language::DotnetLock),
            "pnpm-lock.yaml" => Some(Language::PnpmLock),
            "poetry.lock" => Some(Language::PoetryLock),
            "stack.yaml.lock" => Some(Language::StackLock),
            "uv.lock" => Some(Language::UvLock),
            "yarn.lock" => Some(Language::YarnLock),
            _ => None,
        };
        if lock.is_some() {
            return lock.filter(|_| place::may_hold_lock(directory));
        }
        match name {
            "package.json" => return place::is_npm_package(directory).then_some(Language::NpmInstalled),
            "installed.json" if path::split(directory).1 == "composer" => return Some(Language::ComposerInstalled),
            "conaninfo.txt" => return Some(Language::ConanInfo),
            _ => {}
        }
        match name.rsplit_once('.')?.1 {
            "jar" | "war" | "ear" | "jpi" | "hpi" | "par" | "sar" | "nar" | "lpkg" => Some(Language::JavaArchive),
            "whl" | "egg" => Some(Language::PythonArchive),
            "json" if name.ends_with(".deps.json") => Some(Language::DotnetDeps),
            "gemspec" if place::is_specifications(directory) => Some(Language::Gemspec),
            "conf" if place::is_haskell_database(directory) => Some(Language::HaskellPackage),
            "app" if place::is_erlang_application(directory, name) => Some(Language::HexApp),
            _ => None,
        }
    }

    /// True for a file that says what was to be installed, not what is.
    pub fn is_lock(self) -> bool {
        use Language as L;
        match self {
            L::BunLock | L::CabalFreeze | L::ComposerLock | L::ConanLock | L::DenoLock | L::DotnetLock | L::GemLock => {
                true
            }
            L::HexLock | L::NpmLock | L::PipfileLock | L::PnpmLock | L::PoetryLock | L::StackLock => true,
            L::SwiftResolved | L::UvLock | L::YarnLock => true,
            L::ComposerInstalled | L::ConanInfo | L::DotnetDeps | L::Gemspec | L::HaskellPackage | L::HexApp => false,
            L::JavaArchive | L::NpmInstalled | L::PythonArchive => false,
        }
    }

    /// Where this lock file's packages would be installed: its folder. Whoever merges layers sets a lock file aside when a package
    /// of its type is installed below that folder, or when at least half of those that it names are installed anywhere.
    pub fn lock_scope(self, path: &str) -> Option<&str> {
        self.is_lock().then(|| path::split(path).0)
    }

    pub(crate) fn need(self) -> Need {
        match self {
            Language::JavaArchive | Language::PythonArchive => Need::Archive(ARCHIVE_FILE_BYTES),
            _ => Need::Whole(METADATA_FILE_BYTES),
        }
    }

    pub(crate) fn read(self, path: &str, bytes: &[u8]) -> Result<Option<Document>, Error> {
        let text = match self {
            Language::JavaArchive | Language::PythonArchive => std::borrow::Cow::default(),
            _ => String::from_utf8_lossy(bytes),
        };
        let (kind, packages) = match self {
            Language::BunLock => (PackageType::Npm, npm_lock::bun(&text)?),
            Language::CabalFreeze => (PackageType::Hackage, haskell::freeze(&text)),
            Language::ComposerInstalled => (PackageType::Composer, composer::installed(bytes)?),
            Language::ComposerLock => (PackageType::Composer, composer::lock(bytes)?),
            Language::ConanInfo => (PackageType::Conan, conan::info(path, &text)),
            Language::ConanLock => (PackageType::Conan, conan::lock(bytes)?),
            Language::DenoLock => (PackageType::Npm, npm_lock::deno(bytes)?),
            Language::DotnetDeps => (PackageType::Nuget, dotnet::packages(bytes)?),
            Language::DotnetLock => (PackageType::Nuget, dotnet::lock(bytes)?),
            Language::GemLock => (PackageType::Gem, ruby::lock(&text)),
            Language::Gemspec => (PackageType::Gem, ruby::specification(path, &text)?),
            Language::HaskellPackage => (PackageType::Hackage, haskell::installed(&text)?),
            Language::HexApp => erlang::application(&text),
            Language::HexLock => (PackageType::Hex, erlang::lock(&text)),
            Language::JavaArchive => (PackageType::Maven, java::packages(path, bytes)?),
            Language::NpmInstalled => (PackageType::Npm, npm::installed(bytes)?),
            Language::NpmLock => (PackageType::Npm, npm_lock::npm(bytes)?),
            Language::PipfileLock => (PackageType::Pypi, python_lock::pipfile(bytes)?),
            Language::PnpmLock => (PackageType::Npm, pnpm::lock(&text)?),
            Language::PoetryLock => (PackageType::Pypi, python_lock::poetry(&text)?),
            Language::PythonArchive => (PackageType::Pypi, wheel::packages(bytes)?),
            Language::StackLock => (PackageType::Hackage, haskell::stack_lock(&text)?),
            Language::SwiftResolved => (PackageType::Swift, swift::resolved(bytes)?),
            Language::UvLock => (PackageType::Pypi, python_lock::uv(&text)?),
            Language::YarnLock => (PackageType::Npm, yarn::lock(&text)?),
        };
        Ok((!packages.is_empty()).then(|| Document::Packages { kind, packages: sorted(packages) }))
    }
}

/// A package whose source is itself. None when name or version is missing, or is longer than any that was published.
pub(crate) fn package(name: &str, version: &str, licenses: Vec<String>) -> Option<Package> {
    let (name, version) = (name.trim(), version.trim());
    let fits = |text: &str| !text.is_empty() && text.len() <= PACKAGE_NAME_BYTES && !text.contains(char::is_control);
    (fits(name) && fits(version)).then(|| Package {
        licenses,
        name: name.to_owned(),
        source: name.to_owned(),
        source_version: version.to_owned(),
        version: version.to_owned(),
        ..Package::default()
    })
}

/// A licence as metadata writes it, where it is a name or an expression and not a whole text.
pub(crate) fn license(text: &str) -> Option<String> {
    /// Longer ones are texts; the longest SPDX expressions in use stay below.
    const NAME_BYTES: usize = 200;
    let text = text.trim();
    let named = !text.is_empty() && text.len() <= NAME_BYTES && !text.contains('\n');
    (named && !text.eq_ignore_ascii_case("unknown")).then(|| text.to_owned())
}
