//! Who may make webhooks, and who may see them.

use base::{Actor, Kind};
use events::{Change, EventType, NewWebhook};
use identity::{Grantee, Level};

use crate::world::{World, on};

const URL: &str = "https://hooks.example.com/x?token=abcdef";

#[tokio::test]
async fn admin_level_owners_and_administrators() {
    let world = World::new(&[]).await;
    let admin = world.user("admin").await;
    let gitlab = world.user("gitlab").await;
    let other = world.user("other").await;
    let anonymous = world.system().with_actor(Actor::Anonymous);
    let try_as = async |ctx: &base::Ctx, scope: &str| {
        let made = world.webhook(ctx, on(EventType::TagPush, scope, URL)).await;
        made.map(|webhook| webhook.id).map_err(|error| error.kind())
    };
    for (scope, allowed) in
        [("gitlab/x", true), ("gitlab", true), ("admin/flask", false), ("admin", false), ("", false)]
    {
        assert_eq!(try_as(&gitlab, scope).await.is_ok(), allowed, "{scope}");
        assert!(try_as(&admin, scope).await.is_ok(), "{scope}");
        assert_eq!(try_as(&anonymous, scope).await.unwrap_err(), Kind::Unauthenticated, "{scope}");
    }
    let name = |text: &str| text.parse().unwrap();
    let grant = async |level| {
        let grantee = Grantee::User(name("gitlab"));
        world
            .identity
            .set_grant(&admin, identity::On::Repository, (&name("admin"), Some("flask")), &grantee, level)
            .await
            .unwrap();
    };
    grant(Some(Level::ReadWrite)).await;
    assert_eq!(try_as(&gitlab, "admin/flask").await.unwrap_err(), Kind::Denied);
    grant(Some(Level::Admin)).await;
    let id = try_as(&gitlab, "admin/flask").await.unwrap();

    let flask = "admin/flask".parse().unwrap();
    assert_eq!(world.events.of_scope(&gitlab, &flask).await.unwrap().len(), 2, "also those of others");
    assert_eq!(world.events.of_scope(&other, &flask).await.unwrap_err().kind(), Kind::Denied);
    assert_eq!(world.events.list(&gitlab, None, "").await.unwrap().len(), 3, "one's own");
    assert_eq!(world.events.list(&admin, None, "").await.unwrap().len(), 8, "all");
    assert_eq!(world.events.list(&admin, Some(EventType::Promotion), "").await.unwrap().len(), 0);
    assert_eq!(world.events.delete(&other, &id).await.unwrap_err().kind(), Kind::Denied);

    // The right ends with the grant, also for one's own.
    grant(None).await;
    let off = Change { inactive: Some(true), ..Change::default() };
    assert_eq!(world.events.update(&gitlab, &id, off.clone()).await.unwrap_err().kind(), Kind::Denied);
    assert!(world.events.update(&admin, &id, off).await.unwrap().inactive);
    world.events.delete(&admin, &id).await.unwrap();
    assert_eq!(world.events.delete(&admin, &id).await.unwrap_err().kind(), Kind::NotFound);
}

#[tokio::test]
async fn bad_input_is_refused_in_words() {
    let world = World::new(&[]).await;
    let ctx = world.system();
    let plain = NewWebhook { skip_tls: false, ..on(EventType::TagPush, "a/b", "http://hooks.example.com/") };
    let bad_pem = NewWebhook { tls_cert: "-----BEGIN".into(), ..on(EventType::TagPush, "a/b", URL) };
    let long = base::Secret::new("x".repeat(1000));
    let bad_secret = NewWebhook { secret: Some(long), ..on(EventType::TagPush, "a/b", URL) };
    for (new, word) in [(plain, "skipTLSVerification"), (bad_pem, "tlsCert"), (bad_secret, "secret")] {
        let error = world.webhook(&ctx, new).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Invalid);
        assert!(error.to_string().contains(word), "{error}");
    }
    assert!("NO_SUCH".parse::<EventType>().unwrap_err().to_string().contains("PROMOTION"));
}
