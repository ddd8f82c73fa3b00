//! Admission on real tables: signed tags, teams, the policy, reports.
#![expect(clippy::unwrap_used, reason = "a test says what failed by failing")]

mod world;

use admit::{AllowSet, Policy, document};
use base::{AccountName, Kind};
use oci::ImageRef;
use serde_json::{Value, json};
use world::{HOST, World};

fn required(teams: &[&str]) -> Policy {
    let guards: Vec<AccountName> = vec!["guard".parse().unwrap()];
    Policy { enabled: true, guards, teams: teams.iter().map(|team| team.parse().unwrap()).collect() }
}

async fn set(world: &World) -> AllowSet {
    let issued = world.admit.allow_set(&world.user("guard")).await.unwrap();
    document::open(issued.document.as_bytes(), world.admit.verifier_key()).unwrap()
}

async fn judge(world: &World, reference: &str) -> (bool, String) {
    let reference: ImageRef = format!("{HOST}/{reference}").parse().unwrap();
    let verdict = set(world).await.judge(world.clock.now(), &reference);
    (verdict.allowed, verdict.reason)
}

#[tokio::test]
async fn a_signature_of_the_team_allows_the_tag_until_it_moves() {
    let world = World::new().await;
    world.admit.set_policy(&world.system(), required(&["ci/gitlab"])).await.unwrap();
    let good = world.push("v1", b"one").await;
    assert!(judge(&world, "ci/flask:v1").await.1.ends_with("v1 is not signed"));

    world.sign("gitlab", "v1", &good).await;
    assert_eq!(judge(&world, "ci/flask:v1").await, (true, format!("{HOST}/ci/flask:v1 is signed by gitlab")));
    assert!(judge(&world, &format!("ci/flask@{good}")).await.0);

    let other = world.push("v1", b"two").await;
    let (allowed, reason) = judge(&world, "ci/flask:v1").await;
    assert!(!allowed && reason.contains(&format!("signed {good}, now {other}")), "{reason}");
    assert!(judge(&world, &format!("ci/flask@{good}")).await.0, "what was signed stays signed");
    assert!(!judge(&world, &format!("ci/flask@{other}")).await.0);
    world.check_fold().await;
}

#[tokio::test]
async fn who_leaves_the_team_or_loses_the_key_signs_no_more() {
    let world = World::new().await;
    world.admit.set_policy(&world.system(), required(&["ci/gitlab"])).await.unwrap();
    let good = world.push("v1", b"one").await;
    world.sign("gitlab", "v1", &good).await;
    let (system, org) = (world.system(), "ci".parse().unwrap());
    let (team, user) = ("gitlab".parse().unwrap(), "gitlab".parse().unwrap());

    world.identity.set_team_member(&system, (&org, &team), &user, None).await.unwrap();
    let (allowed, reason) = judge(&world, "ci/flask:v1").await;
    assert!(!allowed && reason.ends_with("is signed by gitlab, who is not in team ci/gitlab"), "{reason}");
    world.admit.set_policy(&system, required(&[])).await.unwrap();
    assert!(judge(&world, "ci/flask:v1").await.0, "without teams any signature does");

    world.admit.set_policy(&system, required(&["ci/gitlab"])).await.unwrap();
    world.identity.set_team_member(&system, (&org, &team), &user, Some(false)).await.unwrap();
    assert!(judge(&world, "ci/flask:v1").await.0);
    world.identity.set_active(&system, &user, false).await.unwrap();
    let (allowed, reason) = judge(&world, "ci/flask:v1").await;
    assert!(!allowed && reason.contains("a key that belongs to no active account"), "{reason}");
}

#[tokio::test]
async fn one_document_until_something_changed_or_it_is_half_spent() {
    let world = World::new().await;
    let system = world.system();
    world.admit.set_policy(&system, required(&[])).await.unwrap();
    let first = world.admit.allow_set(&system).await.unwrap();
    world.later(10);
    assert_eq!(world.admit.allow_set(&world.system()).await.unwrap().version, first.version);
    // A commit that changes nothing of the set changes nothing of the document.
    world.push("v1", b"one").await;
    assert_eq!(world.admit.allow_set(&world.system()).await.unwrap().version, first.version);
    world.later(300);
    let second = world.admit.allow_set(&world.system()).await.unwrap();
    assert_ne!(second.version, first.version);
    world.admit.set_policy(&system, Policy { enabled: false, ..required(&[]) }).await.unwrap();
    let off = set(&world).await;
    assert!(!off.enabled && off.images.is_empty());
    world.later(-3_600);
    world.admit.set_policy(&system, required(&[])).await.unwrap();
    assert!(set(&world).await.issued_at >= off.issued_at, "a clock set back brings no older set");
}

#[tokio::test]
async fn who_waits_hears_of_a_change_at_once() {
    let world = World::new().await;
    let (system, patience) = (world.system(), std::time::Duration::from_secs(60));
    world.admit.set_policy(&system, required(&[])).await.unwrap();
    let first = world.admit.allow_set(&system).await.unwrap();
    assert_eq!(world.admit.allow_set_after(&system, "another", patience).await.unwrap().version, first.version);
    let (second, _) = tokio::join!(world.admit.allow_set_after(&system, &first.version, patience), async {
        let off = Policy { enabled: false, ..required(&[]) };
        world.admit.set_policy(&system, off).await.unwrap();
    });
    assert_ne!(second.unwrap().version, first.version);
}

#[tokio::test]
async fn rights() {
    let world = World::new().await;
    let kind = |outcome: Result<(), admit::Error>| outcome.unwrap_err().kind();
    let (gitlab, nobody) = (world.user("gitlab"), world.anonymous());
    for (ctx, expected) in [(&gitlab, Kind::Denied), (&nobody, Kind::Unauthenticated)] {
        assert_eq!(kind(world.admit.set_policy(ctx, required(&[])).await.map(drop)), expected);
        assert_eq!(kind(world.admit.policy(ctx).await.map(drop)), expected);
        assert_eq!(kind(world.admit.allow_set(ctx).await.map(drop)), expected);
        assert_eq!(kind(world.admit.report(ctx, &[]).await), expected);
    }
    assert_eq!(kind(world.admit.set_policy(&world.system(), required(&["ci/none"])).await.map(drop)), Kind::NotFound);
    assert_eq!(kind(world.admit.allow_set(&world.user("guard")).await.map(drop)), Kind::Denied, "not named yet");
    world.admit.set_policy(&world.system(), required(&[])).await.unwrap();
    assert!(world.admit.allow_set(&world.user("guard")).await.is_ok());
    assert!(world.admit.policy(&world.user("guard")).await.is_ok());
    assert_eq!(kind(world.admit.set_policy(&world.user("guard"), required(&[])).await.map(drop)), Kind::Denied);
}

#[tokio::test]
async fn verdicts_become_entries_about_digest_repository_and_engine() {
    let world = World::new().await;
    world.admit.set_policy(&world.system(), required(&[])).await.unwrap();
    let digest = oci::Digest::sha256_of(b"x");
    let verdict = |image: &str, allowed: bool| {
        json!({"at": "2026-11-21T12:00:00Z", "user": "gitlab", "method": "POST", "path": "/containers/create",
               "image": image, "digest": digest, "allowed": allowed, "reason": "because"})
    };
    let verdicts = json!([verdict(&format!("{HOST}/ci/flask:v1"), true), verdict("evil.test/ci/flask:v1", false)]);
    let verdicts: Vec<admit::Reported> = serde_json::from_value(verdicts).unwrap();
    world.admit.report(&world.user("guard"), &verdicts).await.unwrap();
    let allowed = world.entries("admission.allowed").await;
    assert_eq!(allowed[0]["subjects"], json!(["engine/guard", digest, "repository/ci/flask"]));
    assert_eq!(allowed[0]["actor"], "guard");
    let refused = world.entries("admission.refused").await;
    assert_eq!(refused[0]["subjects"], json!(["engine/guard", digest]));
    assert_eq!(refused[0]["details"]["reason"], "because");

    let mut long = verdicts[0].clone();
    long.reason = "x".repeat(3_000);
    assert_eq!(world.admit.report(&world.user("guard"), &[long]).await.unwrap_err().kind(), Kind::Invalid);
    let many = vec![verdicts[0].clone(); 201];
    assert_eq!(world.admit.report(&world.user("guard"), &many).await.unwrap_err().kind(), Kind::Invalid);
    let unknown: Result<admit::Reported, _> = serde_json::from_value(json!({"at": Value::Null}));
    assert!(unknown.is_err());
}
