//! pacman's records, of Arch Linux and those built on it: `var/lib/pacman/local/NAME-VERSION-RELEASE/desc` and `files`.
//!
//! ```text
//!   %NAME%          a line with the field, its values a line each, an empty line
//!   openssl
//!
//!   %VERSION%
//!   3.2.0-1
//! ```

use crate::{Error, OwnedFile, Package, path};

const LOCAL: &str = "var/lib/pacman/local/";

/// The directory's name when the path is `file` in one of the package directories.
pub(crate) fn directory<'a>(path: &'a str, file: &str) -> Option<&'a str> {
    let directory = path.strip_prefix(LOCAL)?.strip_suffix(file)?.strip_suffix('/')?;
    (!directory.is_empty() && !directory.contains('/')).then_some(directory)
}

/// The package a directory belongs to: all but the version and the release.
pub(crate) fn package_of(directory: &str) -> &str {
    directory.rsplitn(3, '-').nth(2).unwrap_or(directory)
}

/// Refused without name and version: then a package is there of which nothing is known.
pub(crate) fn package(text: &str) -> Result<Package, Error> {
    let mut package = Package::default();
    let mut packager = "";
    for (field, value) in values(text) {
        match field {
            "NAME" => package.name = value.to_owned(),
            "VERSION" => package.version = value.to_owned(),
            "BASE" => package.source = value.to_owned(),
            "ARCH" => package.architecture = Some(value.to_owned()),
            "LICENSE" => package.licenses.push(value.to_owned()),
            "PACKAGER" => packager = value,
            _ => {}
        }
    }
    if package.name.is_empty() || package.version.is_empty() {
        let reason = "it has no %NAME% or no %VERSION%".to_owned();
        return Err(Error::Broken { expected: "a package of pacman", reason });
    }
    if package.source.is_empty() {
        package.source.clone_from(&package.name);
    }
    package.source_version.clone_from(&package.version);
    // What makepkg writes for somebody who builds for himself, from the AUR or elsewhere.
    package.third_party = (packager == "Unknown Packager").then(|| packager.to_owned());
    Ok(package)
}

/// Files of a package; directories end with a slash. Of configuration files there are sums, of others only in a packed list beside it.
pub(crate) fn owned(text: &str) -> Vec<OwnedFile> {
    let normal = |path: &str| path::normalise(path.as_bytes()).ok().filter(|path| !path.is_empty());
    let mut found: Vec<OwnedFile> = Vec::new();
    for (field, value) in values(text) {
        match field {
            "FILES" if !value.ends_with('/') => found.extend(normal(value).map(|path| OwnedFile { path, sum: None })),
            "BACKUP" => {
                let file = value.split_once('\t').and_then(|(path, sum)| Some((normal(path)?, sum)));
                found.extend(file.map(|(path, sum)| OwnedFile { path, sum: Some(format!("md5:{sum}")) }));
            }
            _ => {}
        }
    }
    // The entry with a sum stands behind the one without, and is the one to keep.
    found.sort();
    found.reverse();
    found.dedup_by(|next, kept| next.path == kept.path);
    found.reverse();
    found.shrink_to_fit();
    found
}

/// Each value with the field it stands under.
fn values(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut field = "";
    text.lines().filter_map(move |line| {
        if let Some(name) = line.strip_prefix('%').and_then(|rest| rest.strip_suffix('%')) {
            field = name;
            return None;
        }
        if line.is_empty() {
            field = "";
        }
        (!field.is_empty()).then_some((field, line))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DESC: &str = "%NAME%\nlib32-openssl\n\n%VERSION%\n1:3.2.0-1\n\n%BASE%\nopenssl\n\n%DESC%\n%NAME% is no field here\n\n%ARCH%\n\
        x86_64\n\n%LICENSE%\nApache-2.0\nMIT\n\n%PACKAGER%\nSomebody <a@archlinux.org>\n\n%VALIDATION%\npgp\n\n";

    #[test]
    fn a_package_is_described_by_its_fields() {
        let found = package(DESC).unwrap();
        assert_eq!((found.name.as_str(), found.version.as_str()), ("lib32-openssl", "1:3.2.0-1"));
        assert_eq!((found.source.as_str(), found.source_version.as_str()), ("openssl", "1:3.2.0-1"));
        assert_eq!(found.licenses, ["Apache-2.0", "MIT"]);
        assert_eq!((found.architecture.as_deref(), found.third_party), (Some("x86_64"), None));
        let own = package("%NAME%\nyay\n\n%VERSION%\n12-1\n\n%PACKAGER%\nUnknown Packager\n").unwrap();
        assert_eq!(own.third_party.unwrap(), "Unknown Packager");
        assert!(package("%NAME%\nx\n").unwrap_err().to_string().contains("%VERSION%"));
    }

    #[test]
    fn places_and_owned_files() {
        let at = "var/lib/pacman/local/gcc-libs-13.2.1-3/desc";
        assert_eq!(directory(at, "desc").map(package_of), Some("gcc-libs"));
        for other in
            ["var/lib/pacman/local/desc", "var/lib/pacman/local/a/b/desc", "var/lib/pacman/local/a/files", "a-1/desc"]
        {
            assert_eq!(directory(other, "desc"), None);
        }
        let found = owned("%FILES%\netc/\netc/a.conf\nusr/bin/a\n\n%BACKUP%\netc/a.conf\t00ff\n");
        let file = |path: &str, sum: Option<&str>| OwnedFile { path: path.to_owned(), sum: sum.map(str::to_owned) };
        assert_eq!(found, [file("etc/a.conf", Some("md5:00ff")), file("usr/bin/a", None)]);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text in "(%(NAME|VERSION|FILES|BACKUP)%|[a-z/\t.-]{0,6}|\n|\\PC){0,20}") {
            let _ = package(&text);
            for file in owned(&text) {
                proptest::prop_assert!(!file.path.starts_with('/') && !file.path.is_empty());
            }
        }
    }
}
