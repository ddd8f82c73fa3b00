//! Records of OSV.

use advisory::{Error, Import, Profile, Range, Severity, import};
use proptest::prelude::*;
use serde_json::{Value, json};

fn debian() -> Value {
    json!({
        "id": "DEBIAN-CVE-2024-1", "upstream": ["CVE-2024-1"], "details": "left out",
        "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
        "affected": [
            {"package": {"ecosystem": "Debian:12", "name": "curl"},
             "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "7.88.1-10+deb12u4"}]}],
             "versions": ["7.88.1-10"]},
            {"package": {"ecosystem": "Debian:11", "name": "curl"},
             "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]},
            {"package": {"ecosystem": "zpm", "name": "curl"}},
        ],
    })
}

fn read(records: &[(&str, Value)]) -> Import {
    import(records.iter().map(|(name, record)| (*name, record.to_string()))).unwrap()
}

#[test]
fn a_debian_record_keeps_its_releases_and_score() {
    let found = read(&[("one.json", debian())]);
    let [advisory] = &found.advisories[..] else { panic!("{found:?}") };
    assert_eq!((advisory.id.as_str(), &advisory.aliases[..]), ("DEBIAN-CVE-2024-1", &["CVE-2024-1".to_owned()][..]));
    let rating = &advisory.ratings[0];
    assert_eq!((rating.severity(Profile::Dtr), rating.score_tenths), (Severity::Critical, Some(98)));
    let fixed = Range { fixed: Some("7.88.1-10+deb12u4".into()), ..Range::default() };
    assert_eq!(advisory.affected[0].ranges, [fixed]);
    assert_eq!(advisory.affected[0].exact, Vec::<String>::new());
    assert_eq!(advisory.affected[1].ranges, [Range::default()]);
    assert_eq!(found.skipped["entry of another ecosystem"], 1);
}

#[test]
fn events_have_no_order_and_names_are_normalised() {
    let record = json!({
        "id": "PYSEC-1", "database_specific": {"severity": "MODERATE"},
        "affected": [{"package": {"ecosystem": "PyPI", "name": "Flask_Login"}, "ranges": [
            {"type": "GIT", "events": [{"introduced": "0"}]},
            {"type": "ECOSYSTEM", "events": [
                {"fixed": "2.3.2"}, {"introduced": "2.3.0"}, {"last_affected": "2.2.10"}, {"introduced": "0"}]},
        ]}],
    });
    let found = read(&[("p.json", record)]);
    let affected = &found.advisories[0].affected[0];
    assert_eq!(affected.package, "flask-login");
    assert_eq!(found.advisories[0].ratings[0].severity(Profile::Dtr), Severity::Major);
    for (version, hit) in [("2.2.9", true), ("2.2.10", true), ("2.2.11", false), ("2.3.1", true), ("2.3.2", false)] {
        assert_eq!(affected.holding(version).is_some(), hit, "{version}");
    }
}

#[test]
fn what_cannot_be_used_is_counted_and_what_is_wrong_is_named() {
    let mut withdrawn = debian();
    withdrawn["withdrawn"] = json!("2024-01-01T00:00:00Z");
    let commits = json!({"id": "X", "affected": [{"package": {"ecosystem": "PyPI", "name": "x"},
        "ranges": [{"type": "GIT", "events": [{"introduced": "0"}]}]}]});
    let found = read(&[
        ("a.json", withdrawn),
        ("b.json", commits),
        ("c.json", json!({"id": 7})),
        ("d.json", json!("text")),
        ("e.json", debian()),
    ]);
    assert_eq!((found.advisories.len(), found.wrong_total), (1, 2));
    assert_eq!(found.skipped["withdrawn"], 1);
    assert_eq!(found.skipped["entry with commits only"], 1);
    assert!(matches!(&found.wrong[0], Error::Record { file, .. } if file == "c.json"), "{:?}", found.wrong);
}

proptest! {
    #[test]
    fn damaged_records_are_survived(at in 0_usize..600, byte in any::<u8>()) {
        let mut bytes = debian().to_string().into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        import([("x", bytes)]).unwrap();
    }
}
