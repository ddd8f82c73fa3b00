//! The system-wide settings: what happens while the scanner is off, and which snapshots are taken.

use scan::{Settings, SettingsChanges, Wanted};

use super::*;

fn switched(enabled: bool) -> SettingsChanges {
    SettingsChanges { enabled: Some(enabled), ..SettingsChanges::default() }
}

fn shop() -> Vec<u8> {
    layer(&[("etc/os-release", OS), ("var/lib/dpkg/status", &dpkg("liblog4j2-java", "2.14.1-1"))])
}

fn made(created: &str, label: &str) -> Snapshot {
    let about =
        About { created: created.parse().unwrap(), label: label.into(), name: "test".into(), ..About::default() };
    let kept = advisory::starter().records().unwrap().into_iter().filter(|one| !one.id.contains("44228")).collect();
    Snapshot::new(about, kept).unwrap()
}

#[tokio::test]
async fn while_it_is_off_nothing_is_scanned_and_what_was_found_stays() {
    let world = World::new().await;
    assert_eq!(world.scan.settings().await.unwrap(), Settings::default());
    let before = world.push("before", &shop()).await;
    world.scan.change_settings(&ctx(), switched(false)).await.unwrap();
    assert!(
        !Registry::scans_new(&mut world.db.read().await.unwrap()).await.unwrap(),
        "what is made now is scanned by hand"
    );
    let during =
        world.push("during", &layer(&[("etc/os-release", OS), ("var/lib/dpkg/status", &dpkg("a", "1"))])).await;
    let mut tx = world.db.read().await.unwrap();
    assert!(world.scan.summary(&mut tx, &repo(), &during).await.unwrap().is_none());
    drop(tx);
    assert_eq!(world.summary(&before).await.counts.critical, 1);
    let reference = Reference::Digest(during.clone());
    let off = |result: Result<(), scan::Error>| matches!(result, Err(scan::Error::SwitchedOff));
    assert!(off(world.scan.request(&ctx(), &repo(), &reference).await));
    assert!(off(world.scan.request_all(&ctx()).await) && off(world.scan.request_recheck(&ctx()).await.map(drop)));

    world.scan.change_settings(&ctx(), switched(true)).await.unwrap();
    world.run_jobs().await;
    let mut tx = world.db.read().await.unwrap();
    assert!(world.scan.summary(&mut tx, &repo(), &during).await.unwrap().is_none(), "nobody asked for it");
    drop(tx);
    world.scan.request(&ctx(), &repo(), &reference).await.unwrap();
    world.run_jobs().await;
    assert!(world.summary(&during).await.is_known());
    let state = Scan::state(&mut world.db.read().await.unwrap()).await.unwrap();
    let (_, value) = state.iter().find(|(key, _)| key == "scan/settings").unwrap();
    assert_eq!(value, "enabled true deadline 0 online false recheck true");
}

#[tokio::test]
async fn nobody_but_an_administrator_changes_settings() {
    let world = World::new().await;
    let nobody = ctx().with_actor(base::Actor::Anonymous);
    assert!(world.scan.change_settings(&nobody, switched(false)).await.is_err());
    assert!(world.scan.use_snapshot(&nobody, made("2026-02-01T00:00:00Z", "x").serialise(), true).await.is_err());
    assert!(world.scan.settings().await.unwrap().enabled);
    assert_eq!(world.scan.standing(&ctx()).await.unwrap().update_error, None);
}

#[tokio::test]
async fn an_older_snapshot_is_refused_and_the_present_one_stays() {
    let world = World::new().await;
    let (new, old) = (made("2026-02-01T00:00:00Z", "new"), made("2026-01-01T00:00:00Z", "old"));
    // The built-in set is only a beginning.
    world.scan.use_snapshot(&ctx(), new.serialise(), false).await.unwrap();
    let refused = world.scan.use_snapshot(&ctx(), old.serialise(), false).await.unwrap_err().to_string();
    assert!(refused.contains("older than the one in use"), "{refused}");
    let standing = world.scan.standing(&ctx()).await.unwrap();
    assert_eq!((standing.snapshot.label.as_str(), standing.update_error), ("new", Some(refused)));
    let whole = new.serialise();
    for bytes in [Vec::new(), whole[..whole.len() / 2].to_vec(), b"nonsense".to_vec()] {
        assert!(world.scan.use_snapshot(&ctx(), bytes, true).await.is_err());
    }
    assert_eq!(world.scan.snapshot().digest, new.digest());
    let standing = world.scan.standing(&ctx()).await.unwrap();
    assert!(standing.update_error.is_some());
    let number = standing.snapshot_number;

    let mut archive = tar_of("old.snapshot", &old.serialise());
    world.scan.use_snapshot(&ctx(), archive.clone(), true).await.unwrap();
    let standing = world.scan.standing(&ctx()).await.unwrap();
    assert_eq!((standing.snapshot.label.as_str(), standing.update_error), ("old", None));
    assert_eq!(standing.snapshot_number, number + 1);
    archive.truncate(1000);
    assert!(world.scan.use_snapshot(&ctx(), archive, true).await.is_err());
}

fn tar_of(path: &str, content: &[u8]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(content.len() as u64);
    archive.append_data(&mut header, path, content).unwrap();
    archive.into_inner().unwrap()
}

#[tokio::test]
async fn without_automatic_rechecks_a_snapshot_waits_until_somebody_asks() {
    let world = World::new().await;
    let digest = world.push("shop", &shop()).await;
    let changes = SettingsChanges { auto_recheck: Some(false), ..SettingsChanges::default() };
    world.scan.change_settings(&ctx(), changes).await.unwrap();
    world.scan.use_snapshot(&ctx(), made("2026-02-01T00:00:00Z", "new").serialise(), false).await.unwrap();
    world.run_jobs().await;
    let summary = world.summary(&digest).await;
    assert!(summary.outdated && summary.counts.critical == 1, "{summary:?}");
    world.scan.request_recheck(&ctx()).await.unwrap();
    world.run_jobs().await;
    let summary = world.summary(&digest).await;
    assert!(!summary.outdated && summary.counts.all() == 0, "{summary:?}");
}

#[tokio::test]
async fn images_are_found_by_what_is_in_them_where_one_may_see_them() {
    let world = World::new().await;
    let layer = shop();
    let digest = world.push("shop", &layer).await;
    let search = async |ctx: &Ctx, wanted: Wanted| world.scan.search(ctx, &wanted, "", 10).await.unwrap().0;
    let asked = [
        Wanted::Advisory("cve-2021-44228".into()),
        Wanted::Component("liblog4j2-java".into()),
        Wanted::Component("liblog4j2-java@2.14.1-1".into()),
        Wanted::Layer(Digest::sha256_of(&layer)),
    ];
    for wanted in asked {
        let hits = search(&ctx(), wanted.clone()).await;
        assert_eq!((hits.len(), &hits[0].digest, &hits[0].repository), (1, &digest, &repo()), "{wanted:?}");
        assert_eq!(hits[0].findings.len(), usize::from(!matches!(wanted, Wanted::Layer(_))), "{wanted:?}");
        let nobody = ctx().with_actor(base::Actor::Anonymous);
        assert!(search(&nobody, wanted).await.is_empty(), "the repository is private");
    }
    for wanted in [Wanted::Advisory("CVE-2021-1".into()), Wanted::Component("x".into()), Wanted::License("MIT".into())]
    {
        assert!(search(&ctx(), wanted).await.is_empty());
    }
    let (_, next) =
        world.scan.search(&ctx(), &Wanted::Component("x".into()), digest.to_string().as_str(), 1).await.unwrap();
    assert_eq!(next, None);
}
