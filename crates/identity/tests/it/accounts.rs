//! Accounts, teams and keys over their whole life.

use identity::{AccountChanges, AccountKind, Error, Filter, GivenKey, Grantee, Identity, Level, NewAccount, On};

use crate::{World, name, secret};

async fn delete(world: &World, ctx: &base::Ctx, account: &str) -> Result<(), Error> {
    db::write!(world.db, ctx, |tx| Identity::delete_account(tx, ctx, &name(account)).await)
}

#[tokio::test]
async fn lists_are_filtered_counted_and_paged() {
    let world = World::new().await;
    let system = world.system();
    for user in ["anna", "ben", "cleo"] {
        world.user(user).await;
    }
    world.organization("ops").await;
    world.identity.create_team(&system, &name("ops"), &name("release"), "").await.unwrap();
    for (user, owner) in [("anna", true), ("ben", false)] {
        world.identity.set_member(&system, &name("ops"), &name(user), owner).await.unwrap();
    }
    world.identity.set_active(&system, &name("cleo"), false).await.unwrap();
    let listed = async |filter: Filter, after: &str, limit: usize| {
        let found = world.identity.accounts(&system, filter, after, limit).await.unwrap();
        found.iter().map(|counted| counted.account.name.to_string()).collect::<Vec<_>>()
    };
    for (filter, expected) in [
        (Filter::All, &["admin", "anna", "ben", "cleo", "ops"][..]),
        (Filter::Users, &["admin", "anna", "ben", "cleo"]),
        (Filter::Orgs, &["ops"]),
        (Filter::Admins, &["admin"]),
        (Filter::NonAdmins, &["anna", "ben", "cleo"]),
        (Filter::ActiveUsers, &["admin", "anna", "ben"]),
        (Filter::InactiveUsers, &["cleo"]),
        (Filter::Robots, &[]),
    ] {
        assert_eq!(listed(filter, "", 100).await, expected, "{filter:?}");
    }
    assert_eq!(listed(Filter::Users, "anna", 1).await, ["ben"]);
    let ops = world.identity.counted(&system, &name("ops")).await.unwrap();
    assert_eq!((ops.members, ops.teams, ops.account.kind), (2, 1, AccountKind::Organization));
    let of_anna = world.identity.organizations_of(&system, &name("anna")).await.unwrap();
    assert!(of_anna.len() == 1 && of_anna[0].0.account.name == name("ops") && of_anna[0].1);
    assert!(world.identity.member(&system, &name("ops"), &name("cleo")).await.is_err());
}

#[tokio::test]
async fn an_admin_of_a_team_says_who_is_in_it_and_nothing_else() {
    let world = World::new().await;
    let system = world.system();
    world.organization("ops").await;
    let (anna, _) = (world.user("anna").await, world.user("ben").await);
    world.identity.create_team(&system, &name("ops"), &name("release"), "ships").await.unwrap();
    let (release, other) = ((&name("ops"), &name("release")), (&name("ops"), &name("other")));
    world.identity.create_team(&system, other.0, other.1, "").await.unwrap();
    for user in ["anna", "ben"] {
        world.identity.set_member(&system, &name("ops"), &name(user), false).await.unwrap();
    }
    let add = async |place| world.identity.set_team_member(&anna, place, &name("ben"), Some(false)).await;
    world.identity.set_team_member(&system, release, &name("anna"), Some(false)).await.unwrap();
    assert!(add(release).await.is_err(), "a member only");
    world.identity.set_team_member(&system, release, &name("anna"), Some(true)).await.unwrap();
    add(release).await.unwrap();
    assert!(add(other).await.is_err(), "of another team");
    assert!(world.identity.describe_team(&anna, release.0, release.1, "mine").await.is_err());
    assert!(world.identity.team_member(&anna, release, &name("anna")).await.unwrap().admin);
    let teams = world.identity.teams_of(&anna, &name("ops"), &name("anna")).await.unwrap();
    assert!(teams.len() == 1 && teams[0].1 && teams[0].0.members == 2 && teams[0].0.description == "ships");

    let team = Grantee::Team { organization: name("ops"), team: name("release") };
    world
        .identity
        .set_grant(&system, On::Repository, (&name("ops"), None), &team, Some(Level::ReadWrite))
        .await
        .unwrap();
    assert_eq!(world.level(&anna, "ops", "shop").await, Some(Level::ReadWrite));
    world.identity.delete_team(&system, release.0, release.1).await.unwrap();
    assert_eq!(world.level(&anna, "ops", "shop").await, None);
    let state = Identity::state(&mut world.db.read().await.unwrap()).await.unwrap();
    assert!(!state.iter().any(|(key, _)| key.contains("/team/")), "{state:?}");
}

#[tokio::test]
async fn a_deleted_account_leaves_nothing_and_the_last_administrator_stays() {
    let world = World::new().await;
    let system = world.system();
    let anna = world.user("anna").await;
    let own = Grantee::User(name("anna"));
    world.identity.set_grant(&system, On::Project, (&name("admin"), None), &own, Some(Level::Admin)).await.unwrap();
    let bundle = world.identity.create_bundle(&anna, &name("anna"), "key").await.unwrap();
    let session = world.identity.open_session(&anna, "anna", &secret("password of mine")).await.unwrap();
    assert!(delete(&world, &anna, "anna").await.is_err(), "no administrator");
    let change = |admin, active| AccountChanges { full_name: None, admin, active };
    for changes in [change(Some(false), None), change(None, Some(false))] {
        let refused = world.identity.update_account(&system, &name("admin"), changes).await.unwrap_err();
        assert!(matches!(refused, Error::Conflict(_)), "{refused}");
    }
    assert!(delete(&world, &system, "admin").await.is_err());
    delete(&world, &system, "anna").await.unwrap();
    assert!(world.identity.session(&anna, &session).await.is_err());
    let state = Identity::state(&mut world.db.read().await.unwrap()).await.unwrap();
    assert!(!state.iter().any(|(key, value)| key.contains("anna") || value.contains("anna")), "{state:?}");

    // The next of that name is somebody else.
    let again = world.user("anna").await;
    assert_ne!(again.principal().unwrap().account, anna.principal().unwrap().account);
    assert_eq!(world.level(&anna, "anna", "shop").await, None);
    assert!(Identity::signers(&mut world.db.read().await.unwrap()).await.unwrap().is_empty());
    let given = |pem: &str| GivenKey { label: "old".into(), public_key_pem: pem.into(), certificate_pem: None };
    let pem = &bundle.certified.public_key_pem;
    assert!(world.identity.add_key(&again, &name("anna"), given(pem)).await.is_err(), "not for oneself");
    let key = world.identity.add_key(&system, &name("anna"), given(pem)).await.unwrap();
    assert_eq!(key.id, bundle.certified.key_id);
    assert!(matches!(world.identity.add_key(&system, &name("admin"), given(pem)).await, Err(Error::Conflict(_))));
    assert_eq!(world.identity.label_key(&again, &name("anna"), &key.id, "new").await.unwrap().label, "new");
    for bad in [
        "",
        "nonsense",
        &bundle.certified.certificate_pem,
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
    ] {
        assert_eq!(
            world.identity.add_key(&system, &name("anna"), given(bad)).await.unwrap_err().kind(),
            base::Kind::Invalid
        );
    }
    let foreign = world.identity.create_bundle(&again, &name("anna"), "").await.unwrap().certified.certificate_pem;
    let other = GivenKey { certificate_pem: Some(foreign), ..given(pem) };
    assert_eq!(world.identity.add_key(&system, &name("anna"), other).await.unwrap_err().kind(), base::Kind::Invalid);
}

#[tokio::test]
async fn nobody_is_made_with_a_robots_name() {
    let world = World::new().await;
    for kind in [AccountKind::User, AccountKind::Organization, AccountKind::Robot] {
        let new = NewAccount { name: name("admin+x"), kind, full_name: String::new(), password: None, admin: false };
        assert_eq!(world.identity.create_account(&world.system(), new).await.unwrap_err().kind(), base::Kind::Invalid);
    }
}
