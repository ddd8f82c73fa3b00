//! Which files describe packages, and how each is read.

use base::limits::{LAYER_FILE_BYTES, LAYER_NOTICE_BYTES};

use crate::{Document, Error, Language, PackageType, apk, copyright, dpkg, os_release, path, python};

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
            "etc/os-release" | "usr/lib/os-release" => return Some(Form::OsRelease),
            _ => {}
        }
        let (directory, name) = path::split(path);
        match directory {
            "var/lib/dpkg/status.d" | "var/lib/dpkg/info" if name.ends_with(".md5sums") => Some(Form::DpkgSums),
            "var/lib/dpkg/status.d" => Some(Form::DpkgSingle),
            "var/lib/dpkg/info" if name.ends_with(".list") => Some(Form::DpkgList),
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
            Form::OsRelease | Form::PythonMetadata => Need::Head(LAYER_NOTICE_BYTES),
        }
    }

    /// None when a file of lesser use says nothing; a database is a document even when it is empty.
    pub fn read(self, path: &str, bytes: &[u8]) -> Result<Option<Document>, Error> {
        // An archive is no text, and too large to be copied.
        let text = match self {
            Form::Language(_) => std::borrow::Cow::default(),
            _ => String::from_utf8_lossy(bytes),
        };
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
            Form::OsRelease => Some(Document::Os { release: os_release::parse(&text) }),
            Form::PythonMetadata => {
                python::package(&text).and_then(|package| packages(PackageType::Pypi, vec![package]))
            }
            Form::Copyright => {
                let names = copyright::licenses(&text);
                (!names.is_empty()).then_some(Document::Licenses { names })
            }
        })
    }
}
