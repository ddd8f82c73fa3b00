//! Robots, scopes of tokens, their end and their last use.

use std::time::Duration;

use base::{AccountName, Actor, Ctx, Secret, limits};
use identity::{Error, Grantee, Identity, Level, NewRobot, NewToken, On, Permit, Reach, Scope};

use crate::{World, name};

fn permit(on: On, place: &str, level: Level) -> Permit {
    Permit { on, place: place.parse().unwrap(), level }
}

fn robot(name: &str, grants: Vec<Permit>) -> NewRobot {
    let name = name.parse().unwrap();
    NewRobot { name, description: "deploys".to_owned(), grants, expires_at: None, agent: "test".to_owned() }
}

fn later(ctx: &Ctx, after: Duration) -> Ctx {
    Ctx { now: ctx.now.checked_add(after).unwrap(), ..ctx.clone() }
}

async fn sign_in(world: &World, ctx: &Ctx, user: &str, value: &Secret) -> Result<Ctx, Error> {
    Ok(ctx.clone().with_actor(world.identity.authenticate(ctx, user, value).await?))
}

pub async fn guarded(world: &World) {
    let mut tx = world.db.read().await.unwrap();
    let state = Identity::state(&mut tx).await.unwrap();
    let mut fold = std::collections::BTreeMap::new();
    for row in tx.all("SELECT body FROM audit_entries ORDER BY at, ordinal", &[]).await.unwrap() {
        let body: serde_json::Value = serde_json::from_str(&row.text("body").unwrap()).unwrap();
        for (key, value) in body["sets"].as_object().into_iter().flatten() {
            match value.as_str() {
                Some(value) => fold.insert(key.clone(), value.to_owned()),
                None => fold.remove(key),
            };
        }
    }
    assert_eq!(fold.into_iter().collect::<Vec<_>>(), {
        let mut state = state;
        state.sort();
        state
    });
}

#[tokio::test]
async fn a_robot_does_what_it_was_granted_and_no_more() {
    let world = World::new().await;
    let (anna, ben) = (world.user("anna").await, world.user("ben").await);
    world.organization("ops").await;
    world.identity.set_member(&world.system(), &name("ops"), &name("anna"), true).await.unwrap();
    world.identity.set_member(&world.system(), &name("ops"), &name("ben"), false).await.unwrap();

    let grants =
        vec![permit(On::Repository, "ops/shop", Level::ReadWrite), permit(On::Project, "ops", Level::ReadOnly)];
    assert!(world.identity.create_robot(&ben, robot("ops+deploy", grants.clone())).await.is_err(), "no owner");
    let foreign = vec![permit(On::Repository, "admin/flask", Level::ReadWrite)];
    assert!(world.identity.create_robot(&anna, robot("ops+deploy", foreign)).await.is_err(), "not hers to grant");
    let admin = vec![permit(On::Repository, "ops/shop", Level::Admin)];
    assert!(world.identity.create_robot(&anna, robot("ops+deploy", admin)).await.is_err(), "no admin");
    assert!(world.identity.create_robot(&anna, robot("ops", vec![])).await.is_err(), "no robot's name");
    let (made, value) = world.identity.create_robot(&anna, robot("ops+deploy", grants)).await.unwrap();

    let acting = sign_in(&world, &anna, "ops+deploy", &value).await.unwrap();
    assert!(sign_in(&world, &anna, "ops", &value).await.is_err(), "another name");
    assert_eq!(world.level(&acting, "ops", "shop").await, Some(Level::ReadWrite));
    assert_eq!(world.level(&acting, "ops", "other").await, None);
    let mut tx = world.db.read().await.unwrap();
    let source = Level::of(&mut tx, &acting.actor, On::Project, "ops", "any").await.unwrap();
    assert_eq!(source, Some(Level::ReadOnly));
    assert!(Identity::is_robot(&mut tx, &acting).await.unwrap() && !Identity::is_robot(&mut tx, &anna).await.unwrap());
    drop(tx);

    // Nothing that outlives it, whatever it was granted.
    let all = Grantee::User(made.account.name.clone());
    world.identity.set_grant(&anna, On::Repository, (&name("ops"), None), &all, Some(Level::Admin)).await.unwrap();
    assert_eq!(world.level(&acting, "ops", "other").await, Some(Level::ReadWrite));
    let own: AccountName = name("ops+deploy");
    assert!(world.identity.open_session(&acting, "ops+deploy", &value).await.is_err());
    assert!(world.identity.create_token(&acting, &own, NewToken::labelled("more")).await.is_err());
    assert!(world.identity.create_bundle(&acting, &own, "key").await.is_err());
    assert!(world.identity.set_password(&world.system(), &own, Secret::new("password".into())).await.is_err());
    assert!(world.identity.create_robot(&acting, robot("ops+other", vec![])).await.is_err());
    assert!(world.identity.set_member(&world.system(), &name("ops"), &own, true).await.is_err(), "members are users");
    assert!(Identity::require_namespace(&mut world.db.read().await.unwrap(), "ops+deploy").await.is_err());

    // It is off with its owner, and gone when it is deleted.
    world.identity.set_active(&world.system(), &name("ops"), false).await.unwrap();
    assert!(sign_in(&world, &anna, "ops+deploy", &value).await.is_err());
    world.identity.set_active(&world.system(), &name("ops"), true).await.unwrap();
    let bearer = world.identity.issue_bearer(&acting, Vec::new()).await.unwrap().0;
    world.identity.delete_robot(&anna, &own).await.unwrap();
    assert!(sign_in(&world, &anna, "ops+deploy", &value).await.is_err());
    assert!(world.identity.authenticate_bearer(&anna, &bearer).await.is_err());
    assert!(world.identity.grants(&anna, &name("ops")).await.unwrap().is_empty());
    guarded(&world).await;
}

#[tokio::test]
async fn a_rotated_token_ends_after_its_grace_and_says_so() {
    let world = World::new().await;
    let anna = world.user("anna").await;
    let end = anna.now.checked_add(Duration::from_secs(24 * 3600)).unwrap();
    let new = NewRobot { expires_at: Some(end), ..robot("anna+ci", vec![]) };
    let (_, first) = world.identity.create_robot(&anna, new).await.unwrap();
    let own: AccountName = name("anna+ci");
    let grace = Duration::from_secs(60);
    let hour = later(&anna, Duration::from_secs(3600));
    let (rotated, second) = world.identity.rotate_robot(&hour, &own, None, grace, "").await.unwrap();
    // As long as the one before, from now on.
    assert_eq!(rotated.tokens[0].expires_at, Some(hour.now.checked_add(Duration::from_secs(24 * 3600)).unwrap()));
    for value in [&first, &second] {
        sign_in(&world, &hour, "anna+ci", value).await.unwrap();
    }
    let over = later(&hour, grace);
    let refused = sign_in(&world, &over, "anna+ci", &first).await.unwrap_err();
    assert!(
        matches!(refused, Error::TokenExpired { .. }) && refused.to_string().contains("expired at 2026-01-01T01:01")
    );
    assert_eq!(refused.kind(), base::Kind::Unauthenticated);
    let acting = sign_in(&world, &over, "anna+ci", &second).await.unwrap();

    // A bearer token is never good for longer than the token it was given for.
    let last = later(&anna, Duration::from_secs(3600 + 24 * 3600 - 30));
    let (bearer, seconds) =
        world.identity.issue_bearer(&acting.clone().with_actor(acting.actor.clone()), vec![]).await.unwrap();
    assert_eq!(seconds, 300);
    assert!(world.identity.authenticate_bearer(&later(&over, Duration::from_secs(299)), &bearer).await.is_ok());
    let (bearer, seconds) =
        world.identity.issue_bearer(&last.clone().with_actor(acting.actor.clone()), vec![]).await.unwrap();
    assert_eq!(seconds, 30);
    assert!(world.identity.authenticate_bearer(&later(&last, Duration::from_secs(31)), &bearer).await.is_err());

    // At once, when there is no grace.
    world.identity.rotate_robot(&over, &own, Some(None), Duration::ZERO, "").await.unwrap();
    assert!(matches!(sign_in(&world, &over, "anna+ci", &second).await, Err(Error::Unauthenticated)));
    let long = limits::ROTATION_GRACE_MAX + Duration::from_secs(1);
    assert!(world.identity.rotate_robot(&over, &own, None, long, "").await.is_err());
}

#[tokio::test]
async fn a_scope_narrows_and_never_grants() {
    let world = World::new().await;
    let anna = world.user("anna").await;
    let scope = Scope::new(vec![
        permit(On::Repository, "anna/shop", Level::ReadOnly),
        permit(On::Repository, "admin", Level::ReadWrite),
    ])
    .unwrap();
    let new = NewToken { scope: Some(scope), ..NewToken::labelled("narrow") };
    let (token, value) = world.identity.create_token(&anna, &name("anna"), new).await.unwrap();
    let narrow = sign_in(&world, &anna, "anna", &value).await.unwrap();
    assert_eq!(world.level(&narrow, "anna", "shop").await, Some(Level::ReadOnly));
    assert_eq!(world.level(&narrow, "anna", "other").await, None, "hers, but not in the scope");
    assert_eq!(world.level(&narrow, "admin", "flask").await, None, "in the scope, but not hers");
    let to = Grantee::User(name("anna"));
    world
        .identity
        .set_grant(&world.system(), On::Repository, (&name("admin"), None), &to, Some(Level::Admin))
        .await
        .unwrap();
    assert_eq!(world.level(&narrow, "admin", "flask").await, Some(Level::ReadWrite));
    assert!(world.identity.create_token(&narrow, &name("anna"), NewToken::labelled("wide")).await.is_err());
    let mut tx = world.db.read().await.unwrap();
    let reach = Level::reach(&mut tx, &narrow.actor, On::Repository).await.unwrap();
    let Reach::Some { namespaces, names } = reach else { panic!("everything") };
    assert!(namespaces.iter().eq(["admin"]) && names.iter().eq(["anna/shop"]), "{namespaces:?} {names:?}");
    drop(tx);

    // What a job derives of it is as narrow, and it is not that job's person either.
    let derived: Result<Option<Secret>, Error> =
        db::write!(world.db, &anna, |tx| Identity::derive_job_token(tx, &anna, value.expose(), 7).await);
    let job = sign_in(&world, &anna, "anna", &derived.unwrap().unwrap()).await.unwrap();
    assert_eq!(job.job(), Some(7));
    assert_eq!(world.level(&job, "anna", "other").await, None);
    let bearer = world.identity.issue_bearer(&narrow, vec![]).await.unwrap().0;
    let (actor, _) = world.identity.authenticate_bearer(&anna, &bearer).await.unwrap();
    assert_eq!(actor, narrow.actor, "the scope is the row's, not the bearer token's");

    world.identity.update_token(&anna, &token.id, Some("renamed"), Some(false)).await.unwrap();
    assert!(sign_in(&world, &anna, "anna", &value).await.is_err());
    assert_eq!(world.level(&narrow, "anna", "shop").await, None, "also for who is signed in already");
    world.identity.update_token(&anna, &token.id, None, Some(true)).await.unwrap();
    assert!(sign_in(&world, &anna, "anna", &value).await.is_ok());
    let other = world.user("ben").await;
    assert!(matches!(world.identity.token(&other, &token.id).await, Err(Error::NotFound { .. })), "of somebody else");
}

#[tokio::test]
async fn the_last_use_is_known_and_costs_few_writes() {
    let world = World::new().await;
    let anna = world.user("anna").await;
    let (token, value) = world.identity.create_token(&anna, &name("anna"), NewToken::labelled("ci")).await.unwrap();
    let (old, _) = world
        .identity
        .create_token(&anna, &name("anna"), NewToken { automatic: true, ..NewToken::labelled("old") })
        .await
        .unwrap();
    assert_eq!(world.identity.token(&anna, &token.id).await.unwrap().0.last_used_at, None);
    let used = later(&anna, Duration::from_secs(1000));
    for second in 0..100 {
        sign_in(&world, &later(&used, Duration::from_secs(second)), "anna", &value).await.unwrap();
    }
    assert_eq!(world.identity.token(&anna, &token.id).await.unwrap().0.last_used_at, Some(used.now));
    assert_eq!(world.identity.write_uses(&used).await.unwrap(), 1);
    assert_eq!(world.identity.write_uses(&used).await.unwrap(), 0);
    let stored =
        world.db.read().await.unwrap().one("SELECT MAX(last_used_at) AS at FROM access_tokens", &[]).await.unwrap();
    assert_eq!(stored.time("at").unwrap(), used.now);

    let before = Some(used.now);
    assert_eq!(world.identity.revoke_tokens(&anna, &name("anna"), before, true).await.unwrap(), 1);
    let left = world.identity.tokens(&anna, &name("anna")).await.unwrap();
    assert!(left.iter().all(|token| token.active != (token.id == old.id)), "{left:?}");
    assert!(matches!(world.identity.authenticate(&anna, "anna", &value).await, Ok(Actor::Account(_))));
}
