//! Package URLs of each type, the specification's own tests when they are there, and any text.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    path::PathBuf,
};

use proptest::prelude::*;

use super::*;
use crate::{OsRelease, Package, PackageType};

fn package(name: &str, version: &str) -> Package {
    Package {
        name: name.to_owned(),
        version: version.to_owned(),
        source: name.to_owned(),
        source_version: version.to_owned(),
        ..Package::default()
    }
}

fn os(id: &str, version_id: &str) -> OsRelease {
    OsRelease { id: id.to_owned(), version_id: version_id.to_owned(), ..OsRelease::default() }
}

#[test]
fn languages_split_their_names_each_in_its_way() {
    for (kind, name, expected) in [
        (PackageType::Npm, "@angular/core", "pkg:npm/%40angular/core@1"),
        (PackageType::Npm, "lodash", "pkg:npm/lodash@1"),
        (PackageType::Maven, "org.slf4j:slf4j-api", "pkg:maven/org.slf4j/slf4j-api@1"),
        (PackageType::Maven, "alone", "pkg:maven/alone@1"),
        (PackageType::Golang, "github.com/docker/cli", "pkg:golang/github.com/docker/cli@1"),
        (PackageType::Golang, "stdlib", "pkg:golang/stdlib@1"),
        (PackageType::Composer, "Symfony/Http-Kernel", "pkg:composer/symfony/http-kernel@1"),
        (PackageType::Swift, "github.com/apple/swift-nio", "pkg:swift/github.com/apple/swift-nio@1"),
        (PackageType::Swift, "alone", "pkg:swift/alone@1"),
        (PackageType::Hex, "acme/Jason", "pkg:hex/acme/jason@1"),
        (PackageType::Pypi, "Flask_Login", "pkg:pypi/flask-login@1"),
        (PackageType::Cargo, "serde", "pkg:cargo/serde@1"),
        (PackageType::Gem, "rails", "pkg:gem/rails@1"),
        (PackageType::Nuget, "Newtonsoft.Json", "pkg:nuget/Newtonsoft.Json@1"),
        (PackageType::Conan, "zlib", "pkg:conan/zlib@1"),
        (PackageType::Hackage, "AC-HalfInteger", "pkg:hackage/AC-HalfInteger@1"),
        (PackageType::Generic, "a/b c", "pkg:generic/a%2Fb%20c@1"),
    ] {
        assert_eq!(purl(kind, &package(name, "1"), Some(&os("debian", "12"))), expected);
    }
    assert_eq!(purl(PackageType::Cargo, &package("serde", ""), None), "pkg:cargo/serde");
}

#[test]
fn distributions_name_themselves_their_architecture_and_the_source() {
    let debian = os("debian", "12");
    let built = Package { architecture: Some("amd64".to_owned()), ..package("libstdc++6", "1:12.2.0-14+b1") };
    assert_eq!(
        purl(PackageType::Deb, &built, Some(&debian)),
        "pkg:deb/debian/libstdc%2B%2B6@1:12.2.0-14%2Bb1?arch=amd64&distro=debian-12"
    );
    let of_source = Package { source: "gcc-12".to_owned(), source_version: "12.2.0-14".to_owned(), ..built };
    assert_eq!(
        purl(PackageType::Deb, &of_source, Some(&debian)),
        "pkg:deb/debian/libstdc%2B%2B6@1:12.2.0-14%2Bb1?arch=amd64&distro=debian-12&upstream=gcc-12%4012.2.0-14"
    );
    assert_eq!(purl(PackageType::Apk, &package("busybox", "1.36.1-r5"), None), "pkg:apk/alpine/busybox@1.36.1-r5");
    let rpm = Package { architecture: Some("x86_64".to_owned()), ..package("Perl", "4:5.32.1-481.el9") };
    let expected = "pkg:rpm/redhat/Perl@5.32.1-481.el9?arch=x86_64&distro=rhel-9.3&epoch=4";
    assert_eq!(purl(PackageType::Rpm, &rpm, Some(&os("rhel", "9.3"))), expected);
    let leap = os("opensuse-leap", "15.5");
    assert_eq!(
        purl(PackageType::Rpm, &package("a", "1-1"), Some(&leap)),
        "pkg:rpm/opensuse/a@1-1?distro=opensuse-leap-15.5"
    );
    assert_eq!(purl(PackageType::Alpm, &package("pacman", "6-1"), Some(&os("arch", ""))), "pkg:alpm/arch/pacman@6-1");
    assert_eq!(purl(PackageType::Opkg, &package("a", "1"), None), "pkg:opkg/openwrt/a@1");
    let sid = OsRelease { codename: "trixie".to_owned(), ..os("debian", "") };
    assert_eq!(purl(PackageType::Deb, &package("a", "1"), Some(&sid)), "pkg:deb/debian/a@1?distro=debian-trixie");
}

#[test]
fn texts_are_read_into_canonical_form() {
    let purl = Purl::parse("PKG://NPM/@Babel/core@7.1?vcs_url=git%2Bhttps://a/b%40c&a=#/x//./y/").unwrap();
    assert_eq!((purl.kind.as_str(), purl.namespace.as_str(), purl.name.as_str()), ("npm", "@Babel", "core"));
    assert_eq!((purl.version.as_str(), purl.subpath.as_str()), ("7.1", "x/y"));
    assert_eq!(purl.qualifiers.get("vcs_url").unwrap(), "git+https://a/b@c");
    assert_eq!(purl.to_string(), "pkg:npm/%40Babel/core@7.1?vcs_url=git%2Bhttps:%2F%2Fa%2Fb%40c#x/y");
    assert_eq!(Purl::parse("pkg:npm/@babel/core").unwrap().name, "core");
    let repository = Purl::parse("pkg:git/example.org/a/b%20c@1").unwrap();
    assert_eq!((repository.namespace.as_str(), repository.name.as_str()), ("example.org", "a/b c"));
    assert_eq!(repository.to_string(), "pkg:git/example.org/a/b%20c@1");
    for (wrong, why) in [
        ("", "scheme"),
        ("npm/a", "scheme"),
        ("http://a/b", "not pkg"),
        ("pkg:npm", "type or no name"),
        ("pkg:n_m/a", "type"),
        ("pkg:1/a", "type"),
        ("pkg:maven/@1", "no name"),
        ("pkg:npm/a?b%20c=1", "key"),
        ("pkg:npm/a?b", "no qualifier"),
        ("pkg:npm/a?b=1&B=2", "twice"),
        ("pkg:npm/a%2", "cut off"),
        ("pkg:npm/a%zz", "hex"),
        ("pkg:npm/%ff", "UTF-8"),
        ("pkg:npm/a%2Fb/c", "slash"),
        ("pkg:pypi/a/b", "no namespace"),
        ("pkg:swift/a", "a namespace"),
    ] {
        let error = wrong.parse::<Purl>().unwrap_err().to_string();
        assert!(error.contains(why), "{wrong}: {error}");
    }
}

fn folder() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "a test takes the place of foreign data from its environment")]
    let folder = PathBuf::from(std::env::var("ASSAY_DATA").ok()?).join("purl-tests/tests");
    folder.is_dir().then_some(folder)
}

/// "How to parse" puts keys into lower case, and so do other required tests; these two of the same group want them refused.
const AGAINST_ANOTHER: [&str; 2] =
    ["pkg:Rpm/fedora/curl@7.50.3-1.fc25?Arch=i386&Distro=fedora-25", "pkg:gem/jruby-launcher@1.1.2?Platform=java"];

#[test]
fn the_specification_is_kept() {
    let Some(folder) = folder() else {
        let _ = writeln!(
            io::stderr(),
            "SKIPPED: set ASSAY_DATA to the folder that holds purl-tests/ to run the specification's tests"
        );
        return;
    };
    let mut counts = BTreeMap::<String, (usize, usize)>::new();
    let mut wrong = Vec::new();
    for part in ["spec", "types"] {
        for entry in fs::read_dir(folder.join(part)).unwrap() {
            let text = fs::read(entry.unwrap().path()).unwrap();
            let document: serde_json::Value = serde_json::from_slice(&text).unwrap();
            for case in document["tests"].as_array().unwrap() {
                let group = case["test_group"].as_str().unwrap();
                let count = counts.entry(group.to_owned()).or_default();
                count.0 += 1;
                if !holds(case) {
                    count.1 += 1;
                    wrong.push(format!("{group}: {case}"));
                }
            }
        }
    }
    println!("{counts:?}\n{}", wrong.join("\n"));
    // One recommended case makes the names of git repositories lower case, which the definition of the type does not.
    assert_eq!((counts["required"].1, counts["recommended"].1), (0, 1), "{}", wrong.join("\n"));
}

fn holds(case: &serde_json::Value) -> bool {
    let (input, output) = (&case["input"], &case["expected_output"]);
    let found = match input.as_str() {
        Some(text) => Purl::parse(text),
        None => {
            let part = |name: &str| input[name].as_str().unwrap_or_default();
            Purl::new(
                part("type"),
                part("namespace"),
                part("name"),
                part("version"),
                qualifiers(input),
                part("subpath"),
            )
        }
    };
    match found {
        Err(_) => case["expected_failure"] == true,
        Ok(_) if case["expected_failure"] == true => input.as_str().is_some_and(|text| AGAINST_ANOTHER.contains(&text)),
        Ok(purl) if output.is_object() => {
            let part = |name: &str| output[name].as_str().unwrap_or_default();
            part("type") == purl.kind
                && part("namespace") == purl.namespace
                && part("name") == purl.name
                && part("version") == purl.version
                && part("subpath") == purl.subpath
                && qualifiers(output) == purl.qualifiers
        }
        Ok(purl) => output.as_str() == Some(&purl.to_string()),
    }
}

fn qualifiers(value: &serde_json::Value) -> BTreeMap<String, String> {
    let map = value["qualifiers"].as_object().into_iter().flatten();
    map.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

proptest! {
    #[test]
    fn any_text_is_read_and_what_is_read_is_written_the_same(
        text in "(pkg:)?(deb|git|npm|swift|pypi|x)?/?([a-zA-Z@/#?&=%:+. ]|%2[0-9A-F]|\\PC){0,30}",
    ) {
        if let Ok(purl) = Purl::parse(&text) {
            let written = purl.to_string();
            prop_assert_eq!(Purl::parse(&written).map_err(|error| format!("{written}: {error}")), Ok(purl));
        }
    }

    #[test]
    fn the_purl_of_any_package_is_one(at in 0..PackageType::ALL.len(), name in "[a-z@/:.~]{1,12}|\\PC{1,8}", version in "\\PC{0,8}") {
        let kind = PackageType::ALL[at];
        let written = purl(kind, &package(&name, &version), Some(&os("debian", "12")));
        let start = format!("pkg:{}/", kind.as_str());
        prop_assert!(written.starts_with(&start));
    }
}
