//! Documents in which somebody states what matters (VEX), kept beside waivers.

use base::{Kind as ErrorKind, limits};
use policy::{Evidence, Verdict};
use promote::{Put, Triage, VexDocument, WaiverScope};
use registry::Registry;

use crate::world::{BUILD, Kind, TARGET, World, clean, repo};

/// One OpenVEX document with one statement about log4j's best known vulnerability.
fn openvex(name: &str, time: &str, status: &str, product: &str) -> Vec<u8> {
    let why = if status == "not_affected" { r#""justification":"vulnerable_code_not_present","# } else { "" };
    let text = format!(
        r#"{{"@context":"https://openvex.dev/ns/v0.2.0","@id":"{name}","author":"The vendor","timestamp":"{time}","version":1,
        "statements":[{{"vulnerability":{{"name":"CVE-2021-44228"}},"products":[{{"@id":"{product}"}}],"status":"{status}",{why}
        "impact_statement":"the class is removed"}}]}}"#
    );
    text.into_bytes()
}

const PART: &str = "pkg:deb/debian/liblog4j2-java";
const NOT_AFFECTED: &str = "not_affected";

fn at(scope: &str) -> WaiverScope {
    scope.parse().unwrap()
}

async fn put(world: &World, scope: &str, bytes: Vec<u8>) -> VexDocument {
    match world.promote.put_vex(&world.ctx(), at(scope), bytes).await.unwrap() {
        Put::Added(document) | Put::Replaced(document) | Put::Unchanged(document) => document,
    }
}

async fn verdicts(world: &World, tag: &str) -> Vec<Verdict> {
    world.decisions(tag).await.iter().map(|record| record.decision.verdict).collect()
}

#[tokio::test]
async fn what_is_stated_not_to_matter_does_not_count_until_it_is_removed() {
    let world = World::new().await;
    world.policy(&[clean()], "%n", false).await;
    let digest = world.push(BUILD, "7", Kind::Bad).await;
    world.run().await;
    assert!(world.told().is_empty());

    let kept = put(&world, BUILD, openvex("urn:a", "2025-12-01T00:00:00Z", NOT_AFFECTED, PART)).await;
    assert_eq!((kept.format.as_str(), kept.author.as_str(), kept.statements), ("OpenVEX", "The vendor", 1));
    world.run().await;
    assert_eq!(world.told(), ["7>7"]);
    let record = world.decisions("7").await.remove(0);
    let explained = world.promote.decision(&world.ctx(), &record.id).await.unwrap();
    let evidence: Evidence = serde_json::from_slice(&explained.evidence).unwrap();
    let counts = evidence.counts.unwrap();
    assert_eq!((counts.all(), counts.waived), (0, 1));

    let mut tx = world.db.read().await.unwrap();
    let (now, image) = (world.clock.now(), Registry::image_of(&mut tx, &digest).await.unwrap().unwrap());
    let triage = world.promote.triage(&mut tx, now, &repo(BUILD), &[&digest]).await.unwrap();
    let found = world.promote.found(&mut tx, now, (&repo(BUILD), &image), &triage).await.unwrap().remove(0);
    assert!(!found.is_open());
    let said = "not affected (vulnerable_code_not_present): the class is removed";
    assert_eq!(found.closed_because().as_deref(), Some(said));
    drop(tx);
    // The report, of which every format is made, says the same.
    let name = format!("assay.test/{BUILD}:7");
    let mut report = world.scan.report(&repo(BUILD), &image, &name).await.unwrap();
    assert_eq!(report.tally().critical, 1);
    triage.write(&mut report);
    assert_eq!((report.tally().critical, report.tally().closed), (0, 1));
    let stated = report.findings[0].stated.as_ref().unwrap();
    assert_eq!((stated.author.as_str(), stated.document.as_str()), ("The vendor", "urn:a statements[0]"));
    // What is said later was not said then.
    let earlier = now.checked_sub(std::time::Duration::from_secs(600)).unwrap();
    assert!(triage.clone().by(earlier).is_empty() && !triage.by(now).is_empty());

    let entry = world.entries_of("vex.added").await.remove(0);
    assert_eq!(
        (entry["details"]["document"].as_str(), entry["details"]["author"].as_str()),
        (Some("urn:a"), Some("The vendor"))
    );
    world.assert_guarded().await;
    world.promote.remove_vex(&world.ctx(), &kept.id).await.unwrap();
    world.run().await;
    assert_eq!(verdicts(&world, "7").await, [Verdict::Refused, Verdict::Allowed, Verdict::Refused]);
    assert_eq!(world.entries_of("vex.removed").await.len(), 1);
    world.assert_guarded().await;
    let gone = world.promote.remove_vex(&world.ctx(), &kept.id).await.unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::NotFound);
}

/// What is stated of the images of a world by these documents: one word for its only finding.
async fn stated(world: &World, tag: &str) -> String {
    let mut tx = world.db.read().await.unwrap();
    let view = Registry::tagged(&mut tx, &repo(BUILD), &crate::world::tag(tag)).await.unwrap().unwrap();
    let (now, digest) = (world.clock.now(), view.image.digest.clone());
    let triage: Triage = world.promote.triage(&mut tx, now, &repo(BUILD), &[&digest]).await.unwrap();
    let found = world.promote.found(&mut tx, now, (&repo(BUILD), &view.image), &triage).await.unwrap().remove(0);
    found.statement.map_or("nothing", |statement| statement.status.as_str()).to_owned()
}

#[tokio::test]
async fn the_later_document_decides_and_a_later_version_takes_the_place_of_an_earlier() {
    let world = World::new().await;
    world.push(BUILD, "7", Kind::Bad).await;
    world.run().await;
    let (early, middle, late) = ("2025-11-01T00:00:00Z", "2025-12-01T00:00:00Z", "2025-12-02T00:00:00Z");
    put(&world, "everywhere", openvex("urn:a", middle, "affected", PART)).await;
    // An earlier one that is put here later does not win, in whatever scope.
    let other = put(&world, BUILD, openvex("urn:b", early, NOT_AFFECTED, PART)).await;
    assert_eq!(stated(&world, "7").await, "affected");

    let newer = openvex("urn:b", late, "fixed", PART);
    let put_again = world.promote.put_vex(&world.ctx(), at(BUILD), newer.clone()).await.unwrap();
    assert!(matches!(&put_again, Put::Replaced(document) if document.id == other.id), "{put_again:?}");
    assert_eq!(stated(&world, "7").await, "fixed");
    let entries = world.entries().await.len();
    assert!(matches!(world.promote.put_vex(&world.ctx(), at(BUILD), newer).await.unwrap(), Put::Unchanged(_)));
    assert_eq!(world.entries().await.len(), entries, "the same once more is nothing");
    let older = openvex("urn:b", early, NOT_AFFECTED, PART);
    let refused = world.promote.put_vex(&world.ctx(), at(BUILD), older).await.unwrap_err();
    assert!(refused.kind() == ErrorKind::Conflict && refused.to_string().contains(&other.id.to_string()), "{refused}");
    world.assert_guarded().await;
}

#[tokio::test]
async fn images_are_known_by_digest_repository_and_tag() {
    let world = World::new().await;
    let digest = world.push(BUILD, "7", Kind::Bad).await;
    world.push(BUILD, "8", Kind::Bad).await;
    world.run().await;
    let place = format!("repository_url=assay.test/{BUILD}");
    for (product, expected) in [
        (format!("pkg:oci/flask_build?{place}"), ["under_investigation", "under_investigation"]),
        (
            format!("pkg:oci/flask_build@{}?{place}", digest.as_str().replace(':', "%3A")),
            ["under_investigation", "nothing"],
        ),
        (format!("pkg:oci/flask_build?{place}&tag=8"), ["nothing", "under_investigation"]),
        (format!("assay.test/{BUILD}@{digest}"), ["under_investigation", "nothing"]),
        ("pkg:oci/flask_build?repository_url=elsewhere.test/admin/flask_build".to_owned(), ["nothing", "nothing"]),
        ("pkg:deb/debian/liblog4j2-java@9".to_owned(), ["nothing", "nothing"]),
    ] {
        let kept = put(&world, BUILD, openvex("urn:a", "2025-12-01T00:00:00Z", "under_investigation", &product)).await;
        assert_eq!([stated(&world, "7").await, stated(&world, "8").await], expected, "{product}");
        world.promote.remove_vex(&world.ctx(), &kept.id).await.unwrap();
    }
    // In another repository it says nothing here.
    put(&world, TARGET, openvex("urn:a", "2025-12-01T00:00:00Z", NOT_AFFECTED, PART)).await;
    assert_eq!(stated(&world, "7").await, "nothing");
}

#[tokio::test]
async fn who_may_and_what_is_refused() {
    let world = World::new().await;
    let digest = world.push(BUILD, "7", Kind::Bad).await;
    let (stranger, good) = (world.user("stranger"), openvex("urn:a", "2025-12-01T00:00:00Z", NOT_AFFECTED, PART));
    for (scope, kind) in
        [("everywhere", ErrorKind::Denied), (BUILD, ErrorKind::NotFound), (digest.as_str(), ErrorKind::Denied)]
    {
        let refused = world.promote.put_vex(&stranger, at(scope), good.clone()).await.unwrap_err();
        assert_eq!(refused.kind(), kind, "{scope}: {refused}");
    }
    let kept = put(&world, BUILD, good.clone()).await;
    assert!(world.promote.vex_documents(&stranger, &at(BUILD)).await.is_err());
    assert!(world.promote.all_vex_documents(&stranger).await.unwrap().is_empty());
    assert_eq!(world.promote.vex_document(&stranger, &kept.id).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert!(world.promote.remove_vex(&stranger, &kept.id).await.is_err());
    let (_, bytes) = world.promote.vex_document(&world.ctx(), &kept.id).await.unwrap();
    assert_eq!(bytes, good, "byte for byte");

    let text = String::from_utf8(good).unwrap();
    let many = (0..=limits::VEX_KEPT_PRODUCTS).map(|_| r#""p""#).collect::<Vec<_>>().join(",");
    for (bad, kind, said) in [
        (b"no JSON".to_vec(), ErrorKind::Invalid, "line 1 column"),
        (b"{}".to_vec(), ErrorKind::Invalid, "OpenVEX (@context), CSAF (document) or CycloneDX (bomFormat)"),
        (
            text.replace("CVE-2021-44228", "").into_bytes(),
            ErrorKind::Invalid,
            "no statement of the OpenVEX document names both",
        ),
        (text.replace("not_affected", "nonsense").into_bytes(), ErrorKind::Invalid, "nonsense"),
        (text.replace("2025-12-01", "2036-12-01").into_bytes(), ErrorKind::Invalid, "is dated 2036-12-01"),
        (
            text.replace(&format!(r#"{{"@id":"{PART}"}}"#), &many).into_bytes(),
            ErrorKind::TooLarge,
            "products of statements",
        ),
        (vec![b' '; limits::VEX_KEPT_BYTES + 1], ErrorKind::TooLarge, "too large to be kept"),
    ] {
        let refused = world.promote.put_vex(&world.ctx(), at(BUILD), bad).await.unwrap_err();
        assert!(refused.kind() == kind && refused.to_string().contains(said), "{said}: {refused}");
    }
    assert_eq!(world.promote.vex_documents(&world.ctx(), &at(BUILD)).await.unwrap().len(), 1);
}
