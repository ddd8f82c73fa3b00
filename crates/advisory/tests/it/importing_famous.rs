//! Famous vulnerabilities from feed to finding: the last version that has it, the first that has not.

use advisory::{About, Import, Snapshot, Subject, find};

use super::importing_data::{data, read};

/// Vulnerability, ecosystem, package, a version that has it, one that has not.
type Known = (&'static str, &'static str, &'static str, &'static str, &'static str);

const OURS: [Known; 3] = [
    ("CVE-2021-44228", "maven", "org.apache.logging.log4j:log4j-core", "2.14.1", "2.15.0"),
    ("CVE-2021-44228", "maven", "org.apache.logging.log4j:log4j-core", "2.12.1", "2.12.2"),
    ("CVE-2014-0160", "any", "openssl/openssl", "1.0.1f", "1.0.1g"),
];

const PUBLIC: [Known; 12] = [
    ("CVE-2022-1962", "golang", "stdlib", "1.17.11", "1.17.12"),
    ("CVE-2021-25900", "cargo", "smallvec", "1.6.0", "1.6.1"),
    ("CVE-2022-30123", "gem", "rack", "2.2.3", "2.2.3.1"),
    ("CVE-2014-0160", "debian:7", "openssl", "1.0.1e-2+deb7u4", "1.0.1e-2+deb7u5"),
    ("CVE-2023-1393", "debian:11", "xorg-server", "2:1.20.11-1+deb11u5", "2:1.20.11-1+deb11u6"),
    ("CVE-2023-1393", "debian:10", "xorg-server", "2:1.20.4-1+deb10u8", "2:1.20.4-1+deb10u9"),
    ("CVE-2021-33516", "almalinux:8", "gupnp", "1.0.6-1.el8", "1.0.6-2.el8_4"),
    ("CVE-2019-14904", "alpine:3.11", "ansible", "2.9.2-r0", "2.9.3-r0"),
    ("CVE-2019-10906", "pypi", "Jinja2", "2.10", "2.10.1"),
    ("CVE-2017-9841", "composer", "phpunit/phpunit", "5.6.2", "5.6.3"),
    ("CVE-2023-27589", "bitnami", "minio", "2023.02.27", "2023.03.13"),
    ("CVE-2019-7317", "any", "libpng/libpng", "1.6.36", "1.6.37"),
];

fn check(import: Import, known: &[Known]) -> Snapshot {
    let snapshot = Snapshot::new(About::default(), import.advisories).unwrap();
    for (id, ecosystem, package, bad, good) in known {
        let found = |version: &str| {
            let subject = Subject::new(Some(ecosystem.parse().unwrap()), package, version);
            find(&[subject], &snapshot).findings.into_iter().any(|finding| finding.advisory == *id)
        };
        assert!(found(bad), "{id} is not found in {package} {bad}");
        assert!(!found(good), "{id} is found in {package} {good}");
    }
    snapshot
}

#[test]
fn log4shell_and_heartbleed_are_found() {
    let mut import = Import::default();
    for (name, text) in [
        ("ghsa.json", include_str!("cases/import/osv-json/ghsa-log4shell.input.json")),
        ("nvd.json", include_str!("cases/import/nvd/feed.input.json")),
        ("kev.json", include_str!("cases/import/kev-json/kev.input.json")),
        ("epss.csv", include_str!("cases/import/epss/epss.input.csv")),
    ] {
        import.add(name, text.as_bytes()).unwrap();
    }
    let snapshot = check(import, &OURS);
    let maven = Subject::new(Some("maven".parse().unwrap()), OURS[0].2, "2.14.1");
    let [finding] = &find(&[maven], &snapshot).findings[..] else { panic!("one finding") };
    assert!(finding.kev.as_ref().is_some_and(|kev| kev.ransomware && kev.added == "2021-12-10"));
    assert_eq!(finding.epss.as_ref().map(|epss| epss.probability_1e5), Some(94_358));
    assert_eq!((finding.cvss_tenths, finding.fixed_version.as_deref()), (Some(100), Some("2.15.0")));
    // Of another vendor it is another product.
    let other = Subject::new(Some("any".parse().unwrap()), "someone/openssl", "1.0.1f");
    assert_eq!(find(&[other], &snapshot).findings, []);
}

#[test]
fn famous_ones_of_public_databases_are_found() {
    let Some(data) = data() else { return };
    let mut import = Import::default();
    for folder in [
        "golang/data/osv",
        "rustsec/crates/smallvec",
        "rubysec/gems/rack",
        "debian/data",
        "almalinux/advisories/almalinux8",
        "alpine/v3.11",
        "pypa/vulns/jinja2",
        "php/phpunit",
        "bitnami/data/minio",
        "nvd-overrides/data/2019",
        "kev",
    ] {
        import.advisories.extend(read(&data, folder).advisories);
    }
    let snapshot = check(import, &PUBLIC);
    let unit = Subject::new(Some("composer".parse().unwrap()), "phpunit/phpunit", "5.6.2");
    assert!(find(&[unit], &snapshot).findings.iter().any(|finding| finding.kev.is_some()));
}
