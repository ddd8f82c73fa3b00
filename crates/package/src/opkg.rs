//! opkg's records, of OpenWrt, Entware and Yocto: dpkg's form with another set of fields.
//!
//! ```text
//!   lib/opkg/, usr/lib/opkg/, var/lib/opkg/, opt/lib/opkg/
//!     status            what is installed
//!     info/NAME.control one package with its source and licence
//!     info/NAME.list    its files
//! ```

use crate::{Package, document::sorted, dpkg};

const FOLDERS: [&str; 4] = ["lib/opkg", "usr/lib/opkg", "var/lib/opkg", "opt/lib/opkg"];

/// True for the database itself.
pub(crate) fn is_status(path: &str) -> bool {
    path.strip_suffix("/status").is_some_and(|folder| FOLDERS.contains(&folder))
}

/// True for a file `info/NAME.ENDING` of one of the folders.
pub(crate) fn is_info(directory: &str, name: &str, ending: &str) -> bool {
    name.ends_with(ending) && directory.strip_suffix("/info").is_some_and(|folder| FOLDERS.contains(&folder))
}

/// OpenWrt names the source by its place in the feed, `package/libs/openssl` or `feeds/packages/net/curl`, and beside it by name.
pub(crate) fn packages(text: &str, status_required: bool) -> Vec<Package> {
    let mut found = Vec::new();
    for paragraph in dpkg::paragraphs(text) {
        let Some(mut package) = dpkg::package(&paragraph, status_required) else { continue };
        let field = |name: &str| paragraph.field(name).filter(|value| !value.is_empty());
        package.source = match (field("SourceName"), field("Source")) {
            (Some(name), _) => name.to_owned(),
            (None, Some(place)) => source(place).to_owned(),
            (None, None) => package.name.clone(),
        };
        package.source_version.clone_from(&package.version);
        package.licenses = field("License").map(str::to_owned).into_iter().collect();
        // What tells others from Debian's own says nothing here.
        package.third_party = None;
        found.push(package);
    }
    sorted(found)
}

/// The last part of a place; Yocto names the recipe, `curl_8.5.0.bb`.
fn source(place: &str) -> &str {
    let name = crate::path::split(place).1;
    match name.strip_suffix(".bb") {
        Some(recipe) => recipe.rsplit_once('_').map_or(recipe, |(name, _)| name),
        None => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn installed_packages_and_their_control_files() {
        let status = "Package: libopenssl3\nVersion: 3.0.14-1\nDepends: libc\nStatus: install user installed\nArchitecture: mipsel_24kc\n\
            Installed-Time: 1718000000\n\nPackage: gone\nVersion: 1\nStatus: deinstall user not-installed\n";
        let found = packages(status, true);
        assert_eq!(found.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["libopenssl3"]);
        assert_eq!((found[0].version.as_str(), found[0].source.as_str()), ("3.0.14-1", "libopenssl3"));

        let control = "Package: libopenssl3\nVersion: 3.0.14-1\nSource: package/libs/openssl\nSourceName: openssl\nLicense: Apache-2.0\n\
            Section: libs\nMaintainer: Somebody <a@example.org>\nArchitecture: mipsel_24kc\nDescription: a\n b\n";
        let found = packages(control, false);
        assert_eq!(
            (found[0].source.as_str(), found[0].licenses.as_slice()),
            ("openssl", &["Apache-2.0".to_owned()][..])
        );
        assert_eq!(packages("Package: a\nVersion: 2-0\nSource: feeds/net/curl_8.5.0.bb\n", false)[0].source, "curl");
    }

    #[test]
    fn files_are_known_by_their_place() {
        for folder in FOLDERS {
            assert!(is_status(&format!("{folder}/status")));
            assert!(is_info(&format!("{folder}/info"), "a.list", ".list"));
        }
        assert!(!is_status("srv/opkg/status") && !is_info("usr/lib/opkg", "a.list", ".list"));
    }
}
