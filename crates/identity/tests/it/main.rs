//! Accounts, rights and credentials on a real database.
#![expect(clippy::unwrap_used, reason = "a test says what failed by failing")]

use base::{AccountName, Actor, Clock, Ctx, Entropy, Secret, limits};
use db::{Db, Location};
use identity::{AccountKind, Authority, Error, Grantee, Identity, Level, NewAccount, NewToken, On, TokenKeys};

mod accounts;
mod directory;
#[path = "../../../db/tests/it/postgres.rs"]
mod postgres;
mod robots;

struct World {
    db: Db,
    identity: Identity,
    clock: Clock,
    _folder: tempfile::TempDir,
}

impl World {
    async fn new() -> World {
        let folder = tempfile::tempdir().unwrap();
        let schemas = [jobs::SCHEMA, audit::SCHEMA, identity::SCHEMA];
        let location = postgres::postgres().await.unwrap_or_else(|| Location::Sqlite(folder.path().join("db")));
        let db = Db::open(&location, &schemas).await.unwrap();
        let clock = Clock::fixed("2026-01-01T00:00:00Z".parse().unwrap());
        let authority = Authority::generate("assay.test", clock.now()).unwrap();
        let key = authority.client("token", clock.now()).unwrap();
        let keys = TokenKeys::new(&key.private_key_pem, &key.public_key_pem, "assay.test:8443").unwrap();
        let identity = Identity::new(db.clone(), keys, authority, Some("tcp://prod:2376".into()));
        let world = World { db, identity, clock, _folder: folder };
        world.identity.create_first_admin(&world.system(), name("admin"), secret("correct horse")).await.unwrap();
        world
    }

    fn system(&self) -> Ctx {
        Ctx::system("test", &self.clock, &Entropy::System)
    }

    async fn user(&self, user: &str) -> Ctx {
        let new = NewAccount {
            name: name(user),
            kind: AccountKind::User,
            full_name: String::new(),
            password: Some(secret("password of mine")),
            admin: false,
        };
        self.identity.create_account(&self.system(), new).await.unwrap();
        let actor = self.identity.authenticate(&self.system(), user, &secret("password of mine")).await.unwrap();
        self.system().with_actor(actor)
    }

    async fn organization(&self, org: &str) {
        let new = NewAccount {
            name: name(org),
            kind: AccountKind::Organization,
            full_name: String::new(),
            password: None,
            admin: false,
        };
        self.identity.create_account(&self.system(), new).await.unwrap();
    }

    async fn level(&self, ctx: &Ctx, namespace: &str, repository: &str) -> Option<Level> {
        Level::of(&mut self.db.read().await.unwrap(), &ctx.actor, On::Repository, namespace, repository).await.unwrap()
    }
}

fn name(text: &str) -> AccountName {
    text.parse().unwrap()
}

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

#[tokio::test]
async fn the_highest_grant_wins_and_leaving_the_team_ends_it() {
    let world = World::new().await;
    let gitlab = world.user("gitlab").await;
    let system = world.system();
    world.organization("ci").await;
    let team = Grantee::Team { organization: name("ci"), team: name("gitlab") };
    world.identity.create_team(&system, &name("ci"), &name("gitlab"), "").await.unwrap();
    let place = (&name("ci"), &name("gitlab"));
    // Whom an owner puts into a team is a member of the organization by that; an admin of the team chooses among the members.
    world.identity.set_team_member(&system, place, &name("gitlab"), Some(true)).await.unwrap();
    assert!(!world.identity.member(&system, &name("ci"), &name("gitlab")).await.unwrap().owner);
    world.user("outsider").await;
    let brought = world.identity.set_team_member(&gitlab, place, &name("outsider"), Some(false)).await;
    assert!(matches!(brought, Err(Error::Conflict(_))));
    world.identity.set_team_member(&system, place, &name("gitlab"), Some(false)).await.unwrap();

    assert_eq!(world.level(&gitlab, "admin", "flask").await, None);
    world
        .identity
        .set_grant(&system, On::Repository, (&name("admin"), Some("flask")), &team, Some(Level::ReadWrite))
        .await
        .unwrap();
    let own = Grantee::User(name("gitlab"));
    world
        .identity
        .set_grant(&system, On::Repository, (&name("admin"), None), &own, Some(Level::ReadOnly))
        .await
        .unwrap();
    assert_eq!(world.level(&gitlab, "admin", "flask").await, Some(Level::ReadWrite));
    assert_eq!(world.level(&gitlab, "admin", "other").await, Some(Level::ReadOnly));
    assert_eq!(world.level(&gitlab, "gitlab", "anything").await, Some(Level::Admin));

    world.identity.remove_member(&system, &name("ci"), &name("gitlab")).await.unwrap();
    assert_eq!(world.level(&gitlab, "admin", "flask").await, Some(Level::ReadOnly));
    world.identity.set_active(&system, &name("gitlab"), false).await.unwrap();
    assert_eq!(world.level(&gitlab, "gitlab", "anything").await, None);
}

#[tokio::test]
async fn wrong_credentials_are_all_refused_alike() {
    let world = World::new().await;
    world.user("gitlab").await;
    let (_, token) =
        world.identity.create_token(&world.system(), &name("gitlab"), NewToken::labelled("ci")).await.unwrap();
    assert!(matches!(world.identity.authenticate(&world.system(), "gitlab", &token).await, Ok(Actor::Account(_))));
    let cases = [
        ("gitlab", secret("wrong wrong")),
        ("nobody", secret("password of mine")),
        ("admin", token),
        ("A b", secret("x")),
    ];
    for (user, given) in cases {
        let refused = world.identity.authenticate(&world.system(), user, &given).await;
        assert!(matches!(refused, Err(Error::Unauthenticated)), "{user}: {refused:?}");
    }
}

#[tokio::test]
async fn a_jobs_token_is_the_jobs_and_dies_with_it_or_its_parent() {
    let world = World::new().await;
    world.user("gitlab").await;
    let system = world.system();
    let (parent, value) =
        world.identity.create_token(&system, &name("gitlab"), NewToken::labelled("ci")).await.unwrap();
    let derive = async |job: i64| {
        let child: Result<Option<Secret>, Error> =
            db::write!(world.db, &system, |tx| Identity::derive_job_token(tx, &system, value.expose(), job).await);
        child.unwrap().unwrap()
    };
    let (seven, eight) = (derive(7).await, derive(8).await);
    let actor = world.identity.authenticate(&world.system(), "gitlab", &seven).await.unwrap();
    let job = system.clone().with_actor(actor);
    assert_eq!(job.job(), Some(7));
    assert!(world.identity.create_token(&job, &name("gitlab"), NewToken::labelled("more")).await.is_err());

    let bearer = world.identity.issue_bearer(&job, Vec::new()).await.unwrap().0;
    let (actor, _) = world.identity.authenticate_bearer(&system, &bearer).await.unwrap();
    assert_eq!(system.clone().with_actor(actor).job(), Some(7));

    let ended: Result<(), Error> = db::write!(world.db, &system, |tx| Identity::revoke_job_tokens(tx, 7).await);
    ended.unwrap();
    assert!(world.identity.authenticate(&world.system(), "gitlab", &seven).await.is_err());
    assert!(world.identity.authenticate_bearer(&system, &bearer).await.is_err(), "the bearer token dies with it");
    assert!(world.identity.authenticate(&world.system(), "gitlab", &eight).await.is_ok());
    world.identity.revoke_token(&system, &parent.id).await.unwrap();
    assert!(world.identity.authenticate(&world.system(), "gitlab", &eight).await.is_err());
}

#[tokio::test]
async fn bearer_tokens_expire_and_cannot_be_forged() {
    let world = World::new().await;
    let user = world.user("gitlab").await;
    let bearer = world.identity.issue_bearer(&user, Vec::new()).await.unwrap().0;
    assert!(world.identity.authenticate_bearer(&user, &bearer).await.is_ok());
    let mut later = user.clone();
    later.now = "2026-01-01T00:05:01Z".parse().unwrap();
    assert!(world.identity.authenticate_bearer(&later, &bearer).await.is_err());
    let mut parts: Vec<&str> = bearer.split('.').collect();
    parts[2] = "AAAA";
    assert!(world.identity.authenticate_bearer(&user, &parts.join(".")).await.is_err());
}

#[tokio::test]
async fn a_bundle_holds_a_key_that_belongs_to_its_account() {
    let world = World::new().await;
    let gitlab = world.user("gitlab").await;
    let other = world.user("other").await;
    assert!(world.identity.create_bundle(&other, &name("gitlab"), "not mine").await.is_err());
    let bundle = world.identity.create_bundle(&gitlab, &name("gitlab"), "signing").await.unwrap();
    assert!(bundle.certified.private_key_pem.starts_with("-----BEGIN PRIVATE KEY-----"));
    assert!(bundle.zip().unwrap().starts_with(b"PK"));
    let signers = Identity::signers(&mut world.db.read().await.unwrap()).await.unwrap();
    assert_eq!(signers.len(), 1);
    assert_eq!(signers[0].0.id, bundle.certified.key_id);
    assert_eq!(signers[0].1.name, name("gitlab"));
    world.identity.revoke_key(&gitlab, &name("gitlab"), &bundle.certified.key_id).await.unwrap();
    assert!(Identity::signers(&mut world.db.read().await.unwrap()).await.unwrap().is_empty());
}

#[tokio::test]
async fn sessions_are_opened_with_a_password_and_closed() {
    let world = World::new().await;
    let system = world.system();
    assert!(world.identity.open_session(&system, "admin", &secret("wrong horse")).await.is_err());
    let cookie = world.identity.open_session(&system, "admin", &secret("correct horse")).await.unwrap();
    assert!(matches!(world.identity.session(&system, &cookie).await, Ok(Actor::Account(_))));
    world.identity.close_session(&system, &cookie).await.unwrap();
    assert!(world.identity.session(&system, &cookie).await.is_err());
}

#[tokio::test]
async fn after_too_many_wrong_passwords_even_the_right_one_waits() {
    let world = World::new().await;
    world.user("gitlab").await;
    let (_, token) =
        world.identity.create_token(&world.system(), &name("gitlab"), NewToken::labelled("ci")).await.unwrap();
    let at = |second: i64, address: &str| {
        let mut ctx = world.system().with_actor(Actor::Anonymous);
        ctx.now = base::from_micros(base::micros(ctx.now) + second * 1_000_000);
        ctx.remote = Some(address.parse().unwrap());
        ctx
    };
    let attempt = async |second: i64, address: &str, user: &str, given: &str| {
        world.identity.authenticate(&at(second, address), user, &secret(given)).await
    };
    for _ in 0..limits::WRONG_PASSWORDS_OF_ACCOUNT {
        assert!(matches!(attempt(0, "10.0.0.1", "gitlab", "a guess").await, Err(Error::Unauthenticated)));
    }
    let refused = attempt(0, "10.0.0.1", "gitlab", "password of mine").await;
    assert!(matches!(refused, Err(Error::TooManyAttempts { wait_s: 1..=31 })), "{refused:?}");
    assert_eq!(refused.unwrap_err().kind(), base::Kind::RateLimited);
    // From everywhere, because whoever guesses has many addresses; other people and tokens go on.
    assert!(matches!(attempt(0, "10.0.0.2", "gitlab", "a guess").await, Err(Error::TooManyAttempts { .. })));
    assert!(attempt(0, "10.0.0.1", "admin", "correct horse").await.is_ok());
    assert!(world.identity.authenticate(&at(0, "10.0.0.1"), "gitlab", &token).await.is_ok());

    let rest_s = i64::try_from(limits::WRONG_PASSWORD_REST_OF_ACCOUNT.as_secs()).unwrap();
    assert!(attempt(rest_s - 1, "10.0.0.1", "gitlab", "password of mine").await.is_err());
    assert!(attempt(rest_s + 1, "10.0.0.1", "gitlab", "password of mine").await.is_ok());

    // One password on many names, of which most are no accounts.
    for number in 0..limits::WRONG_PASSWORDS_FROM_ADDRESS {
        let refused = attempt(0, "10.0.0.9", &format!("name-{number}"), "password1").await;
        assert!(matches!(refused, Err(Error::Unauthenticated)), "{number}: {refused:?}");
    }
    assert!(matches!(attempt(0, "10.0.0.9", "admin", "correct horse").await, Err(Error::TooManyAttempts { .. })));
    assert!(attempt(0, "10.0.0.1", "admin", "correct horse").await.is_ok());

    // Each limit is told once.
    let rows = "SELECT COUNT(*) AS n FROM audit_entries WHERE kind = 'sign_in.limited'";
    let told = world.db.read().await.unwrap().one(rows, &[]).await.unwrap().int("n").unwrap();
    assert_eq!(told, 2);
}

#[tokio::test]
async fn a_new_password_ends_sessions_and_keeps_tokens() {
    let world = World::new().await;
    let gitlab = world.user("gitlab").await;
    let (_, token) = world.identity.create_token(&gitlab, &name("gitlab"), NewToken::labelled("ci")).await.unwrap();
    let cookie = world.identity.open_session(&gitlab, "gitlab", &secret("password of mine")).await.unwrap();
    let other = world.identity.open_session(&gitlab, "admin", &secret("correct horse")).await.unwrap();
    world.identity.set_password(&gitlab, &name("gitlab"), secret("another of mine")).await.unwrap();
    assert!(world.identity.session(&gitlab, &cookie).await.is_err());
    assert!(world.identity.session(&gitlab, &other).await.is_ok(), "of somebody else");
    assert!(world.identity.authenticate_token(&gitlab, &token).await.is_ok());
}

#[tokio::test]
async fn the_servers_own_addresses_are_no_names() {
    let world = World::new().await;
    for name in ["repositories", "api", "v2", "sign-in"] {
        for kind in [AccountKind::User, AccountKind::Organization] {
            let new = NewAccount {
                name: name.parse().unwrap(),
                kind,
                full_name: String::new(),
                password: None,
                admin: false,
            };
            let refused = world.identity.create_account(&world.system(), new).await.unwrap_err();
            assert_eq!(refused.kind(), base::Kind::Invalid);
            assert!(refused.to_string().contains(&format!("begin with /{name};")), "{refused}");
        }
    }
}

#[tokio::test]
async fn a_servers_certificate_is_for_servers_only() {
    let authority = Authority::generate("assay.test", Clock::System.now()).unwrap();
    let extended = |pem: &str| {
        let (_, pem) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).unwrap();
        let certificate = pem.parse_x509().unwrap();
        let usage = certificate.extended_key_usage().unwrap().unwrap().value;
        (usage.server_auth, usage.client_auth)
    };
    let server = authority.server(&["assay.test".to_owned()], Clock::System.now()).unwrap();
    assert_eq!(extended(&server.certificate_pem), (true, false));
    let client = authority.client("gitlab", Clock::System.now()).unwrap();
    assert_eq!(extended(&client.certificate_pem), (false, true));
}

#[tokio::test]
async fn a_grant_on_images_is_none_on_source() {
    let world = World::new().await;
    let (user, system) = (world.user("user").await, world.system());
    let (admin, own) = (name("admin"), Grantee::User(name("user")));
    let level = async |on: On, at: &str| {
        Level::of(&mut world.db.read().await.unwrap(), &user.actor, on, "admin", at).await.unwrap()
    };
    let set = async |on: On, at: Option<&str>, level: Option<Level>| {
        world.identity.set_grant(&system, on, (&admin, at), &own, level).await.unwrap();
    };
    for (one, other) in [(On::Repository, On::Project), (On::Project, On::Repository)] {
        for at in [Some("flask"), None] {
            set(one, at, Some(Level::ReadWrite)).await;
            assert_eq!((level(one, "flask").await, level(other, "flask").await), (Some(Level::ReadWrite), None));
            let grants = world.identity.grants(&system, &admin).await.unwrap();
            assert!(grants.len() == 1 && grants[0].on == one && grants[0].name.as_deref() == at, "{grants:?}");
            set(one, at, None).await;
            assert_eq!(level(one, "flask").await, None);
        }
    }
    // Both at once are two grants, and the log guards both.
    set(On::Repository, Some("flask"), Some(Level::ReadOnly)).await;
    set(On::Project, Some("flask"), Some(Level::Admin)).await;
    let state = Identity::state(&mut world.db.read().await.unwrap()).await.unwrap();
    let keys: Vec<_> = state.iter().filter(|(key, _)| key.contains("grant/")).cloned().collect();
    let expected = [
        ("identity/grant/admin/flask/user/user", "read-only"),
        ("identity/project_grant/admin/flask/user/user", "admin"),
    ];
    for (key, value) in expected {
        assert!(keys.contains(&(key.to_owned(), value.to_owned())), "{keys:?}");
    }
}

#[tokio::test]
async fn grants_of_before_are_on_repositories() {
    let folder = tempfile::tempdir().unwrap();
    let location = Location::Sqlite(folder.path().join("db"));
    let before = db::Schema { steps: &identity::SCHEMA.steps[..1], ..identity::SCHEMA };
    let db = Db::open(&location, &[jobs::SCHEMA, audit::SCHEMA, before]).await.unwrap();
    let system = Ctx::system("test", &Clock::System, &Entropy::System);
    let written: Result<(), db::Error> = db::write!(db, &system, |tx| {
        tx.execute(
            "INSERT INTO accounts (id, name, kind, full_name, admin, active, created_at)
             VALUES ('00000000000000000000000000', 'reader', 'user', '', FALSE, TRUE, 0)",
            &[],
        )
        .await?;
        let sql = "INSERT INTO grants VALUES ('ci', 'flask', '00000000000000000000000000', '', 'read-only')";
        tx.execute(sql, &[]).await.map(drop)
    });
    written.unwrap();
    db.close().await;
    let db = Db::open(&location, &[audit::SCHEMA, identity::SCHEMA]).await.unwrap();
    let state = Identity::state(&mut db.read().await.unwrap()).await.unwrap();
    let kept = ("identity/grant/ci/flask/user/reader".to_owned(), "read-only".to_owned());
    assert!(state.contains(&kept) && !state.iter().any(|(key, _)| key.contains("project_grant")), "{state:?}");
}
