//! Pulls: told where a webhook asks for them, and not even noted where none does.

use base::Ctx;
use events::{EventType, Pull};

use crate::{
    receiver::Receiver,
    world::{World, on},
};

fn pull(repository: &str, tag: Option<&str>, digest: &str, head: bool) -> Pull {
    Pull {
        repository: repository.parse().unwrap(),
        tag: tag.map(|tag| tag.parse().unwrap()),
        digest: digest.to_owned(),
        head,
    }
}

#[tokio::test]
async fn told_where_somebody_asks() {
    let world = World::new(&["127.0.0.1"]).await;
    let receiver = Receiver::default();
    let url = format!("http://{}/", receiver.plain(&world.tasks).await);
    let (flask, other) = ("admin/flask".parse().unwrap(), "gitlab/x".parse().unwrap());
    world.webhook(&world.system(), on(EventType::TagPush, "", &url)).await.unwrap();
    assert!(!world.events.wants_any_pulls() && !world.events.wants_pulls(&flask));
    let tags = world.webhook(&world.system(), on(EventType::TagPull, "admin", &url)).await.unwrap();
    world.webhook(&world.system(), on(EventType::ManifestPull, "admin/flask", &url)).await.unwrap();
    assert!(world.events.wants_pulls(&flask) && !world.events.wants_pulls(&other));

    let ctx = world.system();
    let note = |ctx: &Ctx, pull: Pull| world.events.note_pull(ctx, pull);
    note(&ctx, pull("gitlab/x", Some("1"), "sha256:aa", false));
    note(&ctx, pull("admin/flask", Some("1"), "sha256:aa", false));
    // A tag that is only asked for is not pulled; then its digest is, and another that nobody asked for by tag.
    note(&ctx, pull("admin/flask", Some("2"), "sha256:bb", true));
    note(&ctx, pull("admin/flask", None, "sha256:cc", false));
    note(&ctx, pull("admin/flask", None, "sha256:bb", false));
    note(&ctx, pull("admin/flask", None, "sha256:bb", false));
    world.events.tell_pulls(&ctx).await.unwrap();
    world.run().await;
    let mut told: Vec<String> = receiver
        .seen()
        .iter()
        .map(|seen| {
            let body: serde_json::Value = serde_json::from_str(&seen.body).unwrap();
            let contents = &body["contents"];
            assert_eq!(contents["author"], ctx.actor.label());
            format!("{} {} {}", body["type"], contents["tag"], contents["digest"]).replace('"', "")
        })
        .collect();
    told.sort();
    let expected = [
        "MANIFEST_PULL null sha256:aa",
        "MANIFEST_PULL null sha256:bb",
        "MANIFEST_PULL null sha256:bb",
        "MANIFEST_PULL null sha256:cc",
        "TAG_PULL 1 sha256:aa",
        "TAG_PULL 2 sha256:bb",
    ];
    assert_eq!(told, expected);

    // Nobody asks for that any more: nothing is noted, and a start anew knows as much.
    world.events.delete(&ctx, &tags.id).await.unwrap();
    assert!(!world.events.wants_pulls(&"admin/other".parse().unwrap()));
    let world = world.restarted(&["127.0.0.1"]).await;
    assert!(world.events.wants_pulls(&flask));
}
