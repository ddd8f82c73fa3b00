//! Databases of distributions other than Debian's and Alpine's, in layers.

use inventory::{Component, Gap, ImageInventory, merge};
use package::PackageType;

use crate::tarball::Tarball;

/// From `package`'s own tests: nine packages.
const RPM: &[u8] = include_bytes!("../../../package/tests/data/rpm/rpmdb.sqlite.zst");
const RPM_LOG: &[u8] = include_bytes!("../../../package/tests/data/rpm/rpmdb.sqlite-wal.zst");

fn binary(tarball: Tarball, path: &str, packed: &[u8]) -> Tarball {
    tarball.raw(path.as_bytes(), b'0', &zstd::decode_all(packed).unwrap(), |_| {})
}

fn red_hat() -> Tarball {
    Tarball::new()
        .file("etc/os-release", "ID=\"rhel\"\nVERSION_ID=\"9.3\"\nID_LIKE=\"fedora\"\n")
        .symlink("var/lib/rpm", "../../usr/lib/sysimage/rpm")
}

fn component<'a>(image: &'a ImageInventory, name: &str) -> &'a Component {
    image.components.iter().find(|component| component.name == name).unwrap()
}

#[test]
fn an_rpm_database_behind_a_link_is_read_and_owns_its_files() {
    let metadata = "usr/lib/python3.11/site-packages/assay-alpha-1.2.3.dist-info/METADATA";
    let base = binary(red_hat(), "usr/lib/sysimage/rpm/rpmdb.sqlite", RPM);
    let base = base.file(metadata, "Name: assay-alpha\nVersion: 1.2.3\n").read();
    let image = merge(std::slice::from_ref(&base));
    assert_eq!(image.gaps, []);
    assert_eq!(image.components.len(), 9, "the Python package is rpm's");
    let found = component(&image, "assay-alpha-libs");
    assert_eq!(
        (found.kind, found.version.as_str(), found.source.as_str()),
        (PackageType::Rpm, "2:1.2.3-4.el9", "assay-alpha")
    );
    assert_eq!(
        found.purl,
        "pkg:rpm/redhat/assay-alpha-libs@1.2.3-4.el9?arch=noarch&distro=rhel-9.3&epoch=2&upstream=assay-alpha"
    );
    assert_eq!(component(&image, "assay-alpha").paths[1], metadata);
    assert_eq!(component(&image, "assay-gamma").third_party.as_deref(), Some("Fedora EPEL"));
    assert_eq!(component(&image, "assay-epsilon").module.as_deref(), Some("nodejs:18:9030020230717:rhel9"));

    // What somebody puts in its place is another thing.
    let changed = Tarball::new().file(metadata, "Name: assay-alpha\nVersion: 9\n").read();
    assert_eq!(merge(&[base, changed]).components.len(), 10);
}

#[test]
fn changes_that_did_not_reach_the_database_are_a_gap() {
    let base = binary(red_hat(), "usr/lib/sysimage/rpm/rpmdb.sqlite", RPM).read();
    let stopped = binary(Tarball::new(), "usr/lib/sysimage/rpm/rpmdb.sqlite-wal", RPM_LOG).read();
    let image = merge(&[base, stopped]);
    assert!(
        matches!(&image.gaps[..], [Gap::Broken { layer: 1, path, .. }] if path.ends_with("rpmdb.sqlite-wal")),
        "{:?}",
        image.gaps
    );

    let damaged = Tarball::new().file("var/lib/rpm/Packages", "no database").read();
    assert!(matches!(&merge(&[damaged]).gaps[..], [Gap::Broken { layer: 0, .. }, ..]));
    let elsewhere = Tarball::new().symlink("var/lib/rpm", "/opt/rpm").read();
    assert!(matches!(&merge(&[elsewhere]).gaps[..], [Gap::Unread { path, .. }] if path == "var/lib/rpm"));
}

#[test]
fn pacman_and_opkg_name_their_packages_and_licences() {
    let desc = "%NAME%\ncurl\n\n%VERSION%\n8.5.0-1\n\n%BASE%\ncurl\n\n%ARCH%\nx86_64\n\n%LICENSE%\nMIT\n";
    let layer = Tarball::new()
        .file("usr/lib/os-release", "ID=arch\n")
        .file("var/lib/pacman/local/curl-8.5.0-1/desc", desc)
        .file(
            "var/lib/pacman/local/curl-8.5.0-1/files",
            "%FILES%\nusr/lib/python3/site-packages/c-1.dist-info/METADATA\n",
        )
        .file("usr/lib/python3/site-packages/c-1.dist-info/METADATA", "Name: c\nVersion: 1\n")
        .read();
    let image = merge(&[layer]);
    assert_eq!(image.components.len(), 1);
    assert_eq!(component(&image, "curl").purl, "pkg:alpm/arch/curl@8.5.0-1?arch=x86_64");

    let layer = Tarball::new()
        .file("etc/openwrt_release", "DISTRIB_ID='OpenWrt'\nDISTRIB_RELEASE='23.05.3'\n")
        .symlink("lib", "usr/lib")
        .file(
            "usr/lib/opkg/status",
            "Package: libssl\nVersion: 3-1\nStatus: install user installed\nArchitecture: arm\n",
        )
        .file(
            "usr/lib/opkg/info/libssl.control",
            "Package: libssl\nVersion: 3-1\nSourceName: openssl\nLicense: Apache-2.0\nArchitecture: arm\n",
        )
        .read();
    let image = merge(&[layer]);
    assert_eq!((image.components.len(), image.gaps.len()), (1, 0));
    let found = component(&image, "libssl");
    assert_eq!((found.source.as_str(), found.licenses.as_slice()), ("openssl", &["Apache-2.0".to_owned()][..]));
    assert_eq!(found.purl, "pkg:opkg/openwrt/libssl@3-1?arch=arm&distro=openwrt-23.05.3&upstream=openssl");
}

#[test]
fn an_older_file_speaks_where_os_release_is_silent() {
    let old = Tarball::new()
        .file("etc/debian_version", "7.11\n")
        .file("etc/lsb-release", "DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=12.04\n");
    let os = merge(&[old.read()]).os.unwrap();
    assert_eq!((os.id.as_str(), os.version_id.as_str()), ("ubuntu", "12.04"));
    let both = Tarball::new().file("etc/alpine-release", "3.19.1\n").file("etc/os-release", "NAME=nothing\n").read();
    assert_eq!(merge(&[both]).os.unwrap().id, "alpine");
}
