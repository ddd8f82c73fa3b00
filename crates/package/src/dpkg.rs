//! dpkg's records: the status file, distroless's one file per package, and the lists of installed files.

mod origin;

use crate::{OwnedFile, Package, document::sorted, path};

/// Installed packages of `var/lib/dpkg/status` (deb-control(5), dpkg(1) "INFORMATION ABOUT PACKAGES").
///
/// In `status.d` (distroless) a package has no `Status` field and is always installed.
pub(crate) fn packages(text: &str, status_required: bool) -> Vec<Package> {
    sorted(paragraphs(text).filter_map(|lines| package(&lines, status_required)).collect())
}

/// The files of `var/lib/dpkg/info/NAME.list`: one absolute path a line, directories among them.
pub(crate) fn owned_by_list(text: &str) -> Vec<OwnedFile> {
    owned(text.lines().map(|path| (path, None)))
}

/// The files of `NAME.md5sums`: a digest, two spaces, a path. Configuration files are not listed there.
pub(crate) fn owned_by_md5sums(text: &str) -> Vec<OwnedFile> {
    owned(text.lines().filter_map(|line| line.split_once("  ").map(|(sum, path)| (path, Some(sum)))))
}

/// The package a list belongs to: `libc6:amd64.list` is `libc6`.
pub(crate) fn package_of_list(file_name: &str) -> &str {
    let stem = file_name.rsplit_once('.').map_or(file_name, |(stem, _)| stem);
    stem.split_once(':').map_or(stem, |(name, _)| name)
}

/// One paragraph of a deb822 text.
#[derive(Default)]
pub(crate) struct Paragraph<'a> {
    /// First lines, `Field: value`.
    fields: Vec<(&'a str, &'a str)>,
    /// What follows the line `Conffiles:`.
    conffiles: Vec<&'a str>,
}

impl<'a> Paragraph<'a> {
    /// Names of fields are the same in any case.
    pub(crate) fn field(&self, name: &str) -> Option<&'a str> {
        self.fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }
}

pub(crate) fn paragraphs(text: &str) -> impl Iterator<Item = Paragraph<'_>> {
    let mut lines = text.lines().peekable();
    std::iter::from_fn(move || {
        while lines.next_if(|line| line.trim().is_empty()).is_some() {}
        lines.peek()?;
        let mut paragraph = Paragraph::default();
        while let Some(line) = lines.next_if(|line| !line.trim().is_empty()) {
            if line.starts_with([' ', '\t']) {
                if paragraph.fields.last().is_some_and(|(field, _)| field.eq_ignore_ascii_case("Conffiles")) {
                    paragraph.conffiles.push(line.trim());
                }
            } else if let Some((field, value)) = line.split_once(':') {
                paragraph.fields.push((field, value.trim()));
            }
        }
        Some(paragraph)
    })
}

pub(crate) fn package(paragraph: &Paragraph<'_>, status_required: bool) -> Option<Package> {
    let field = |name: &str| paragraph.field(name);
    match field("Status") {
        Some(status) if status.split_whitespace().nth(2) != Some("installed") => return None,
        None if status_required => return None,
        _ => {}
    }
    let name = field("Package").filter(|name| !name.is_empty())?;
    let version = field("Version").filter(|version| !version.is_empty())?;
    let (source, source_version) = match field("Source") {
        Some(source) if !source.is_empty() => source_and_version(source, version),
        _ => (name, version),
    };
    Some(Package {
        architecture: field("Architecture").map(str::to_owned),
        name: name.to_owned(),
        owns: owned(paragraph.conffiles.iter().filter_map(|line| conffile(line))),
        source: source.to_owned(),
        source_version: source_version.to_owned(),
        third_party: origin::third_party(field),
        version: version.to_owned(),
        ..Package::default()
    })
}

/// `glibc (2.36-9)` when the versions differ, `glibc` when they do not.
fn source_and_version<'a>(source: &'a str, version: &'a str) -> (&'a str, &'a str) {
    match source.split_once('(') {
        Some((name, rest)) => (name.trim(), rest.trim_end().trim_end_matches(')').trim()),
        None => (source, version),
    }
}

/// `/etc/bash.bashrc 89269e1298235f1b12b4c16e4065ad0d`; not those that a newer version does not ship (`obsolete`) or that were not
/// unpacked (`newconffile`).
fn conffile(line: &str) -> Option<(&str, Option<&str>)> {
    let (path, sum) = line.rsplit_once(' ')?;
    (sum.len() == 32 && sum.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some((path, Some(sum)))
}

fn owned<'a>(files: impl Iterator<Item = (&'a str, Option<&'a str>)>) -> Vec<OwnedFile> {
    let mut found: Vec<OwnedFile> = files
        .filter_map(|(path, sum)| {
            let path = path::normalise(path.as_bytes()).ok().filter(|path| !path.is_empty())?;
            Some(OwnedFile { path, sum: sum.map(|sum| format!("md5:{sum}")) })
        })
        .collect();
    found.sort();
    found.dedup();
    // A list of one path many times would keep its room.
    found.shrink_to_fit();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nMulti-Arch: same\n\
        Source: glibc\nVersion: 2.36-9+deb12u9\nDescription: GNU C Library\n Package: not a field\n\n\
        Package: gone\nStatus: deinstall ok config-files\nVersion: 1.0\n\n\n\
        Package: libbz2-1.0\nStatus: hold ok installed\nSource: bzip2 (1.0.8-5)\nVersion: 1.0.8-5+b1\n";

    #[test]
    fn only_installed_packages_count() {
        let found = packages(STATUS, true);
        assert_eq!(found.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["libbz2-1.0", "libc6"]);
        assert_eq!((found[0].source.as_str(), found[0].source_version.as_str()), ("bzip2", "1.0.8-5"));
        assert_eq!(found[0].version, "1.0.8-5+b1");
        assert_eq!((found[1].source.as_str(), found[1].source_version.as_str()), ("glibc", "2.36-9+deb12u9"));
    }

    #[test]
    fn configuration_files_are_owned_as_they_were_shipped() {
        let text = "Package: a\nStatus: install ok installed\nConffiles:\n /etc/a b 89269e1298235f1b12b4c16e4065ad0d\n \
            /etc/old 89269e1298235f1b12b4c16e4065ad0d obsolete\n /etc/new newconffile\nDescription: x\n /etc/not 00\nVersion: 1\n";
        let found = packages(text, true);
        let sum = Some("md5:89269e1298235f1b12b4c16e4065ad0d".to_owned());
        assert_eq!(found[0].owns, [OwnedFile { path: "etc/a b".to_owned(), sum }]);
    }

    #[test]
    fn distroless_has_no_status() {
        let text = "Package: tzdata\nVersion: 2024a-0+deb12u1\nArchitecture: all\n";
        assert_eq!(packages(text, true), []);
        assert_eq!(packages(text, false)[0].source, "tzdata");
    }

    #[test]
    fn lists_tell_what_a_package_owns() {
        assert_eq!(package_of_list("libc6:amd64.list"), "libc6");
        assert_eq!(package_of_list("python3.11-minimal.list"), "python3.11-minimal");
        let list = "/.\n/usr\n/usr/lib/python3/dist-packages/flask-2.2.2.egg-info/PKG-INFO\n";
        let file = |path: &str, sum: Option<&str>| OwnedFile { path: path.to_owned(), sum: sum.map(str::to_owned) };
        let metadata = "usr/lib/python3/dist-packages/flask-2.2.2.egg-info/PKG-INFO";
        assert_eq!(owned_by_list(list), [file("usr", None), file(metadata, None)]);
        assert_eq!(owned_by_md5sums("00  usr/bin/x y\n"), [file("usr/bin/x y", Some("md5:00"))]);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text in "(Package|Version|Status|Source|\\PC)?[: \n(a-z)]{0,60}") {
            for package in packages(&text, false) {
                proptest::prop_assert!(!package.name.is_empty() && !package.version.is_empty());
            }
        }
    }
}
