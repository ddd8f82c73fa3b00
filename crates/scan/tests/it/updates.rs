//! New snapshots: signed, fetched from a real server, brought by two at once.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use advisory::{Archive, Claim, Content, Delta};
use axum::{
    Router,
    extract::State as Shared,
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use base::Actor;
use jobs::Tasks;
use scan::{SettingsChanges, UpdatesChanges};
use tlog::{Note, Signer};

use super::*;

fn signer(seed: u64) -> Signer {
    Signer::generate("advisories.test".parse().unwrap(), &Entropy::seeded(seed))
}

/// Snapshots of a month, each with a record more than the one before.
fn made(month: usize) -> Snapshot {
    made_on(&format!("2026-{month:02}-01T00:00:00Z"), month)
}

fn made_on(created: &str, month: usize) -> Snapshot {
    let created = created.parse().unwrap();
    let records = advisory::starter().records().unwrap().into_iter().take(3 + month).collect();
    let about = About { created, label: format!("month {month}"), name: "test".into(), ..About::default() };
    Snapshot::new(about, records).unwrap()
}

fn note(snapshot: &Snapshot, signer: &Signer) -> String {
    Note::sign(Claim::of(snapshot).to_string(), signer).unwrap().to_string()
}

fn signed(snapshot: &Snapshot, signer: &Signer) -> Vec<u8> {
    let note = note(snapshot, signer);
    Archive { content: Content::Snapshot(snapshot.bytes()), note: Some(note.as_bytes()) }.serialise()
}

/// A web server of a folder: files with entity tags, and redirects. It remembers what it was asked for.
#[derive(Clone)]
struct Folder {
    path: PathBuf,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Folder {
    async fn serve(path: &Path, tasks: &Tasks) -> (Folder, SocketAddr) {
        let folder = Folder { path: path.to_owned(), asked: Arc::default() };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(file).with_state(folder.clone());
        tasks.spawn(async move { axum::serve(listener, router).await.unwrap() });
        (folder, address)
    }

    fn publish(&self, old: Option<&Snapshot>, new: &Snapshot, signer: &Signer) {
        let note = note(new, signer);
        if let Some(old) = old {
            let delta = Delta::between(old, new).unwrap().serialise();
            let archive = Archive { content: Content::Delta(&delta), note: Some(note.as_bytes()) }.serialise();
            std::fs::create_dir_all(self.path.join("delta")).unwrap();
            std::fs::write(self.path.join(delta_of(old)), archive).unwrap();
        }
        std::fs::write(self.path.join("latest.tar"), signed(new, signer)).unwrap();
        std::fs::write(self.path.join("latest.note"), note).unwrap();
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

fn delta_of(old: &Snapshot) -> String {
    format!("delta/{}.tar", old.digest().trim_start_matches("sha256:"))
}

/// `/hop/N/…` redirects to `/hop/N-1/…`, and `/away/…` to a private address.
async fn file(Shared(folder): Shared<Folder>, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/').to_owned();
    let known = headers.get(header::IF_NONE_MATCH).is_some();
    folder.asked.lock().unwrap().push(format!("{path}{}", if known { " unless known" } else { "" }));
    let to = |location: String| (StatusCode::FOUND, [(header::LOCATION, location)]).into_response();
    if let Some(rest) = path.strip_prefix("away/") {
        return to(format!("http://10.1.2.3/{rest}?token=hunter2"));
    }
    if let Some((number, rest)) = path.strip_prefix("hop/").and_then(|rest| rest.split_once('/')) {
        return match number.parse::<u32>().unwrap() {
            0 => to(format!("/{rest}")),
            number => to(format!("/hop/{}/{rest}", number - 1)),
        };
    }
    let Ok(bytes) = std::fs::read(folder.path.join(&path)) else { return StatusCode::NOT_FOUND.into_response() };
    let etag = HeaderValue::from_str(&format!("\"{}\"", base::digest_hex(&bytes))).unwrap();
    if headers.get(header::IF_NONE_MATCH) == Some(&etag) {
        return StatusCode::NOT_MODIFIED.into_response();
    }
    ([(header::ETAG, etag)], bytes).into_response()
}

impl World {
    async fn trust(&self, signer: &Signer, urls: &[String]) {
        let keys = Some(vec![signer.verifier().to_string()]);
        let changes = UpdatesChanges { keys, urls: Some(urls.to_vec()), ..UpdatesChanges::default() };
        self.scan.change_updates(&ctx(), changes).await.unwrap();
        let online = SettingsChanges { sync_online: Some(true), ..SettingsChanges::default() };
        self.scan.change_settings(&ctx(), online).await.unwrap();
    }

    /// Fetch now: the label of the snapshot in use after that, and why there is no newer one.
    async fn fetch(&self) -> (String, Option<String>) {
        self.scan.request_fetch(&ctx()).await.unwrap();
        self.run_jobs().await;
        let standing = self.scan.standing(&ctx()).await.unwrap();
        assert!(standing.progress.is_none() && standing.asked_at.is_some());
        (standing.snapshot.label, standing.update_error)
    }

    async fn logged(&self, kind: &str) -> usize {
        let sql = "SELECT COUNT(*) AS many FROM audit_entries WHERE kind = $1";
        let row = self.db.read().await.unwrap().one(sql, &db::args![kind]).await.unwrap();
        usize::try_from(row.int("many").unwrap()).unwrap()
    }
}

#[tokio::test]
async fn with_a_trusted_key_only_what_it_signed_is_taken() {
    let world = World::new().await;
    let (ours, other) = (signer(1), signer(2));
    let take = async |bytes: Vec<u8>, force| world.scan.use_snapshot(&ctx(), bytes, force).await;
    // Without keys an administrator's word is enough, and nobody is said to have signed it.
    assert!(take(signed(&made(1), &ours), false).await.unwrap().signed_by.is_empty());
    let changes = UpdatesChanges { keys: Some(vec![ours.verifier().to_string()]), ..UpdatesChanges::default() };
    let nobody = ctx().with_actor(Actor::Anonymous);
    assert!(world.scan.change_updates(&nobody, changes.clone()).await.is_err());
    world.scan.change_updates(&ctx(), changes).await.unwrap();

    let refused = [made(3).serialise(), signed(&made(3), &other), signed(&made(3), &ours)[..1500].to_vec()];
    for (number, bytes) in refused.into_iter().enumerate() {
        // Insisting is about age, never about who signed.
        assert!(matches!(take(bytes, true).await, Err(scan::Error::Invalid(_))));
        assert_eq!(
            (world.scan.snapshot().label.as_str(), world.logged("snapshot.refused").await),
            ("month 1", number + 1)
        );
    }
    let by = vec![format!("advisories.test+{}", ours.verifier().id())];
    assert_eq!(take(signed(&made(3), &ours), false).await.unwrap().signed_by, by);
    let replay = take(signed(&made(2), &ours), false).await.unwrap_err().to_string();
    assert!(replay.contains("older than the one in use"), "{replay}");
    let ahead = take(signed(&made_on("2200-01-01T00:00:00Z", 1), &ours), false).await.unwrap_err().to_string();
    assert!(ahead.contains("in the future"), "{ahead}");
    let state = Scan::state(&mut world.db.read().await.unwrap()).await.unwrap();
    assert!(state.iter().any(|(key, value)| key == "scan/snapshot" && value.contains("signed by advisories.test+")));

    // A delta to the present one, and one to another.
    let note = note(&made(4), &ours);
    let delta = |old: usize| Delta::between(&made(old), &made(4)).unwrap().serialise();
    let archive = |delta: &[u8]| Archive { content: Content::Delta(delta), note: Some(note.as_bytes()) }.serialise();
    let wrong = take(archive(&delta(1)), true).await.unwrap_err().to_string();
    assert!(wrong.contains("this delta is for the snapshot") && world.scan.snapshot().label == "month 3", "{wrong}");
    assert_eq!(take(archive(&delta(3)), false).await.unwrap().digest, made(4).digest());
    // After a restart it is still known who signed it.
    let records = Blobs::at(&world.folder.path().join("records")).await.unwrap();
    let again = Scan::open(&ctx(), world.db.clone(), world.registry.clone(), records, outbound()).await.unwrap();
    assert_eq!(again.snapshot().signed_by, by);
}

#[tokio::test]
async fn the_newest_wins_however_many_come_at_once() {
    let world = World::new().await;
    // Another server with the same database.
    let records = Blobs::beside(&world.folder.path().join("records"));
    let other = Scan::open(&ctx(), world.db.clone(), world.registry.clone(), records, outbound()).await.unwrap();
    for round in [[1, 3, 2], [4, 6, 5], [9, 8, 7]] {
        let [first, second, third] = round.map(|month| made(month).serialise());
        let (context, scan) = (ctx(), &world.scan);
        let all = (
            scan.use_snapshot(&context, first, false),
            other.use_snapshot(&context, second, false),
            scan.use_snapshot(&context, third, false),
        );
        let outcomes = tokio::join!(all.0, all.1, all.2);
        let newest = format!("month {}", round.iter().max().unwrap());
        assert!(outcomes.0.is_ok() || outcomes.1.is_ok() || outcomes.2.is_ok());
        world.run_jobs().await;
        assert_eq!(world.scan.snapshot().label, newest);
        let state = Scan::state(&mut world.db.read().await.unwrap()).await.unwrap();
        let digest = world.scan.snapshot().digest;
        assert!(state.iter().any(|(key, value)| key == "scan/snapshot" && *value == digest));
    }
}

#[tokio::test]
async fn it_is_fetched_whole_then_by_deltas_and_not_at_all_when_nothing_is_new() {
    let (world, tasks, ours, published) =
        (World::new().await, Tasks::default(), signer(1), tempfile::tempdir().unwrap());
    let (folder, address) = Folder::serve(published.path(), &tasks).await;
    let offline = world.scan.request_fetch(&ctx()).await.unwrap_err().to_string();
    assert!(offline.contains("scanningSyncOnline"), "{offline}");
    let online = SettingsChanges { sync_online: Some(true), ..SettingsChanges::default() };
    world.scan.change_settings(&ctx(), online).await.unwrap();
    world.run_jobs().await;
    let error = world.scan.standing(&ctx()).await.unwrap().update_error.unwrap();
    assert!(error.contains("no address is known"), "{error}");
    assert!(world.scan.request_fetch(&ctx().with_actor(Actor::Anonymous)).await.is_err());

    folder.publish(None, &made(1), &ours);
    world.trust(&ours, &[format!("http://{address}/")]).await;
    let starter = delta_of(advisory::starter());
    assert_eq!(world.fetch().await, ("month 1".into(), None));
    assert_eq!(folder.asked(), ["latest.note", &starter, "latest.tar"]);
    assert_eq!(world.scan.snapshot().signed_by.len(), 1);
    assert_eq!(world.fetch().await, ("month 1".into(), None));
    assert_eq!(folder.asked(), ["latest.note unless known"]);

    folder.publish(Some(&made(1)), &made(2), &ours);
    assert_eq!(world.fetch().await, ("month 2".into(), None));
    assert_eq!(folder.asked(), ["latest.note unless known", &delta_of(&made(1))]);
    // A delta that is of no use costs nothing but its bytes.
    folder.publish(Some(&made(1)), &made(3), &ours);
    std::fs::copy(published.path().join(delta_of(&made(1))), published.path().join(delta_of(&made(2)))).unwrap();
    assert_eq!(world.fetch().await, ("month 3".into(), None));
    assert_eq!(folder.asked(), ["latest.note unless known", &delta_of(&made(2)), "latest.tar"]);
    assert_eq!(world.logged("snapshot.refused").await, 0);
    tasks.finish(std::time::Duration::ZERO).await;
}

#[tokio::test]
async fn what_is_wrong_is_refused_and_another_address_is_asked() {
    let (world, tasks, ours, published) =
        (World::new().await, Tasks::default(), signer(1), tempfile::tempdir().unwrap());
    let (folder, address) = Folder::serve(published.path(), &tasks).await;
    let at = |path: &str| format!("http://{address}/{path}");
    folder.publish(None, &made(5), &ours);
    // Five redirects are followed, and one that leads to a private address is not; its query is shown to nobody.
    world.trust(&ours, &["http://127.0.0.1:1".into(), at("away"), at("hop/4")]).await;
    assert_eq!(world.fetch().await, ("month 5".into(), None));

    folder.publish(None, &made(6), &ours);
    world.trust(&ours, &["http://127.0.0.1:1".into(), at("away"), at("hop/5")]).await;
    let (label, error) = world.fetch().await;
    let error = error.unwrap();
    assert_eq!(label, "month 5");
    for part in ["127.0.0.1:1", "10.1.2.3, which is not a public address", "more than 5 redirects"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    assert!(!error.contains("hunter2"), "{error}");

    world.trust(&ours, &[at("")]).await;
    let attempts: [(&str, &dyn Fn()); 4] = [
        ("signed", &|| folder.publish(None, &made(6), &signer(2))),
        ("older than the one in use", &|| folder.publish(None, &made(4), &ours)),
        ("archive", &|| {
            folder.publish(None, &made(6), &ours);
            let whole = std::fs::read(published.path().join("latest.tar")).unwrap();
            std::fs::write(published.path().join("latest.tar"), &whole[..whole.len() / 2]).unwrap();
        }),
        ("another snapshot", &|| {
            let (claimed, other) = (note(&made(6), &ours), made(7));
            let archive = Archive { content: Content::Snapshot(other.bytes()), note: Some(claimed.as_bytes()) };
            std::fs::write(published.path().join("latest.tar"), archive.serialise()).unwrap();
        }),
    ];
    for (number, (part, spoil)) in attempts.into_iter().enumerate() {
        spoil();
        let (label, error) = world.fetch().await;
        assert_eq!(label, "month 5");
        let error = error.unwrap();
        assert!(error.contains(part), "{part}: {error}");
        assert_eq!(world.logged("snapshot.refused").await, number + 1, "{part}");
    }
    folder.publish(None, &made(6), &ours);
    assert_eq!(world.fetch().await, ("month 6".into(), None));
    tasks.finish(std::time::Duration::ZERO).await;
}

#[tokio::test]
async fn settings_that_make_no_sense_are_refused() {
    let world = World::new().await;
    let none = UpdatesChanges::default;
    let bad = [
        UpdatesChanges { urls: Some(vec!["https://u:hunter2@mirror.test/".into()]), ..none() },
        UpdatesChanges { urls: Some(vec!["https://mirror.test/".into(); 17]), ..none() },
        UpdatesChanges { daily_at: Some("25:00".into()), ..none() },
        UpdatesChanges { keys: Some(vec!["advisories.test+00000000+AAAA".into()]), ..none() },
        UpdatesChanges { stale_days: Some(0), ..none() },
    ];
    for changes in bad {
        let error = world.scan.change_updates(&ctx(), changes).await.unwrap_err();
        assert!(matches!(&error, scan::Error::Invalid(why) if !why.contains("hunter2")), "{error}");
    }
    assert_eq!(world.scan.updates().await.unwrap(), scan::Updates::default());
    let changes = UpdatesChanges { daily_at: Some("23:59".into()), stale_days: Some(30), ..none() };
    let set = world.scan.change_updates(&ctx(), changes).await.unwrap();
    assert_eq!((set.daily_at.to_string().as_str(), set.stale_days), ("23:59", 30));
    assert_eq!(world.scan.updates().await.unwrap(), set);
    let state = Scan::state(&mut world.db.read().await.unwrap()).await.unwrap();
    let (_, value) = state.iter().find(|(key, _)| key == "scan/updates").unwrap();
    assert_eq!(value, "urls [] daily 23:59 keys [] stale 30");
}
