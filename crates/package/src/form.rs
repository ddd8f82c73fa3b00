//! Which files describe packages, and how each is read.

use base::limits::{DATABASE_LINES, LAYER_FILE_BYTES, LAYER_NOTICE_BYTES};

use crate::{
    Document, Error, Language, PackageType, apk, copyright, dpkg, opkg, os_release, pacman, path, python, rpm,
};

/// A kind of file that describes packages, known by where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Form {
    /// `lib/apk/db/installed`
    ApkInstalled,
    /// `usr/share/doc/PACKAGE/copyright`
    Copyright,
    /// `var/lib/dpkg/info/PACKAGE.list`
    DpkgList,
    /// `var/lib/dpkg/status.d/PACKAGE` of distroless images
    DpkgSingle,
    /// `var/lib/dpkg/status`
    DpkgStatus,
    /// `var/lib/dpkg/info/PACKAGE.md5sums`, `var/lib/dpkg/status.d/PACKAGE.md5sums`
    DpkgSums,
    /// What the tools of programming languages leave behind
    Language(Language),
    /// `etc/os-release`
    OsRelease,
    /// `….dist-info/METADATA`, `….egg-info/PKG-INFO`
    PythonMetadata,
    /// `INFO/NAME.control` of opkg
    OpkgControl,
    /// `INFO/NAME.list` of opkg
    OpkgList,
    /// `usr/lib/opkg/status`, `var/lib/opkg/status`, …
    OpkgStatus,
    /// `var/lib/pacman/local/PACKAGE/desc`
    PacmanDesc,
    /// `var/lib/pacman/local/PACKAGE/files`
    PacmanFiles,
    /// `rpmdb.sqlite`, `Packages.db` or `Packages` in `var/lib/rpm`, `usr/lib/sysimage/rpm` or `usr/share/rpm`
    RpmDatabase,
    /// `rpmdb.sqlite-wal` beside it
    RpmLog,
}

/// How much of a file is needed to read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Only the first bytes; the file may be longer.
    Head(u64),
    /// All of it. A longer file cannot be read, and the image is then not known.
    Whole(u64),
    /// All of it. A longer file is of no use, and nothing is lost with it.
    WholeOrNothing(u64),
    /// All of it, held alone. A longer file is said to be broken, and the image is then not known.
    Archive(u64),
}

impl Form {
    /// What a file is, by its normalised path; None for those that describe no packages.
    pub fn of(path: &str) -> Option<Form> {
        match path {
            "var/lib/dpkg/status" => return Some(Form::DpkgStatus),
            "lib/apk/db/installed" | "usr/lib/apk/db/installed" => return Some(Form::ApkInstalled),
            _ if os_release::RELEASE_FILES.contains(&path) => return Some(Form::OsRelease),
            _ if opkg::is_status(path) => return Some(Form::OpkgStatus),
            _ if pacman::directory(path, "desc").is_some() => return Some(Form::PacmanDesc),
            _ if pacman::directory(path, "files").is_some() => return Some(Form::PacmanFiles),
            _ => {}
        }
        let (directory, name) = path::split(path);
        match directory {
            "var/lib/dpkg/status.d" | "var/lib/dpkg/info" if name.ends_with(".md5sums") => Some(Form::DpkgSums),
            "var/lib/dpkg/status.d" => Some(Form::DpkgSingle),
            "var/lib/dpkg/info" if name.ends_with(".list") => Some(Form::DpkgList),
            "var/lib/rpm" | "usr/lib/sysimage/rpm" | "usr/share/rpm" => match name {
                "rpmdb.sqlite" | "Packages.db" | "Packages" => Some(Form::RpmDatabase),
                "rpmdb.sqlite-wal" => Some(Form::RpmLog),
                _ => None,
            },
            _ if opkg::is_info(directory, name, ".control") => Some(Form::OpkgControl),
            _ if opkg::is_info(directory, name, ".list") => Some(Form::OpkgList),
            _ if name == "copyright" && path::split(directory).0 == "usr/share/doc" => Some(Form::Copyright),
            _ if python::is_metadata(path) => Some(Form::PythonMetadata),
            _ => Language::of(path).map(Form::Language),
        }
    }

    pub fn need(self) -> Need {
        match self {
            Form::Language(language) => language.need(),
            Form::ApkInstalled | Form::DpkgSingle | Form::DpkgStatus => Need::Whole(LAYER_FILE_BYTES),
            Form::DpkgList | Form::DpkgSums => Need::WholeOrNothing(LAYER_FILE_BYTES),
            Form::Copyright => Need::WholeOrNothing(LAYER_NOTICE_BYTES),
            Form::OpkgControl | Form::OpkgStatus | Form::PacmanDesc => Need::Whole(LAYER_FILE_BYTES),
            Form::OpkgList | Form::PacmanFiles => Need::WholeOrNothing(LAYER_FILE_BYTES),
            Form::RpmDatabase | Form::RpmLog => Need::Whole(LAYER_FILE_BYTES),
            Form::OsRelease | Form::PythonMetadata => Need::Head(LAYER_NOTICE_BYTES),
        }
    }

    /// None when a file of lesser use says nothing; a database is a document even when it is empty.
    pub fn read(self, path: &str, bytes: &[u8]) -> Result<Option<Document>, Error> {
        match self {
            Form::RpmDatabase => {
                return Ok(Some(Document::Packages { kind: PackageType::Rpm, packages: rpm::packages(bytes)? }));
            }
            Form::RpmLog => return rpm::check_wal(bytes).map(|()| None),
            _ => {}
        }
        // What a line becomes takes more memory than the line.
        let is_text = !matches!(self, Form::Language(_));
        if is_text && memchr::memchr_iter(b'\n', bytes).nth(DATABASE_LINES).is_some() {
            return match self.need() {
                Need::WholeOrNothing(_) => Ok(None),
                _ => Err(Error::TooLarge { what: "lines", limit: DATABASE_LINES as u64 }),
            };
        }
        // An archive is no text, and too large to be copied.
        let text = if is_text { String::from_utf8_lossy(bytes) } else { std::borrow::Cow::default() };
        let packages = |kind, packages| Some(Document::Packages { kind, packages });
        let owned = |files: Vec<crate::OwnedFile>| {
            let package = dpkg::package_of_list(path::split(path).1).to_owned();
            (!files.is_empty()).then_some(Document::Owned { files, kind: PackageType::Deb, package })
        };
        Ok(match self {
            Form::Language(language) => language.read(path, bytes)?,
            Form::ApkInstalled => packages(PackageType::Apk, apk::packages(&text)),
            Form::DpkgStatus => packages(PackageType::Deb, dpkg::packages(&text, true)),
            Form::DpkgSingle => packages(PackageType::Deb, dpkg::packages(&text, false)),
            Form::DpkgList => owned(dpkg::owned_by_list(&text)),
            Form::DpkgSums => owned(dpkg::owned_by_md5sums(&text)),
            Form::OsRelease => os_release::read(path, &text).map(|release| Document::Os { release }),
            Form::PythonMetadata => {
                python::package(&text).and_then(|package| packages(PackageType::Pypi, vec![package]))
            }
            Form::Copyright => {
                let names = copyright::licenses(&text);
                (!names.is_empty()).then_some(Document::Licenses { names })
            }
            Form::OpkgControl => packages(PackageType::Opkg, opkg::packages(&text, false)),
            Form::OpkgStatus => packages(PackageType::Opkg, opkg::packages(&text, true)),
            Form::OpkgList => {
                let package = dpkg::package_of_list(path::split(path).1).to_owned();
                Some(Document::Owned { files: dpkg::owned_by_list(&text), kind: PackageType::Opkg, package })
            }
            Form::PacmanDesc => packages(PackageType::Alpm, vec![pacman::package(&text)?]),
            Form::PacmanFiles => pacman::directory(path, "files").map(|directory| Document::Owned {
                files: pacman::owned(&text),
                kind: PackageType::Alpm,
                package: pacman::package_of(directory).to_owned(),
            }),
            Form::RpmDatabase | Form::RpmLog => None,
        })
    }
}
