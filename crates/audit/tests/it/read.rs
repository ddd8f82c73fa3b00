//! Finding entries and reading what they say.

use audit::{Entry, Error, Filter};
use base::{AccountName, Actor, Credential, Ctx, Id, Principal};

use crate::world::{World, sequence_all};

fn signed_in(ctx: &Ctx) -> Ctx {
    let name: AccountName = "gitlab".parse().unwrap();
    let credential = Credential::JobToken { token: "t".into(), job: 7 };
    ctx.clone().with_actor(Actor::Account(Principal { account: Id::new(ctx), name, credential }))
}

#[tokio::test]
async fn a_body_says_what_happened() {
    World::each(async |world| {
        let (log, ctx) = (world.log().await, signed_in(&world.ctx()));
        let entry = Entry::new("tag.set").about("repository/a").about("repository/a").about("sha256:00");
        let entry = entry.detail("count", 3).set("registry/tag/a", "sha256:00").unset("registry/tag/b");
        let caused = ctx.clone().caused_by(Some("cause".into()));
        let id: Result<String, db::Error> =
            db::write!(world.db, &ctx, |tx| audit::append(tx, &caused, entry.clone()).await);
        let stored = log.entry(&id.unwrap()).await.unwrap();
        let body = stored.parsed().unwrap();
        assert_eq!((stored.kind.as_str(), stored.actor.as_str(), stored.index), ("tag.set", "gitlab", None));
        assert_eq!((body.kind.as_str(), body.actor.as_str(), body.at), ("tag.set", "gitlab", ctx.now));
        assert_eq!((body.credential.as_deref(), body.cause.as_deref()), (Some("job:7"), Some("cause")));
        assert_eq!(body.subjects, ["repository/a", "sha256:00"]);
        assert_eq!(body.details["count"], 3);
        assert_eq!(body.sets["registry/tag/a"].as_deref(), Some("sha256:00"));
        assert_eq!(body.sets["registry/tag/b"], None);
    })
    .await;
}

#[tokio::test]
async fn entries_are_found_by_who_what_and_which_page() {
    World::each(async |world| {
        let (log, ctx) = (world.log().await, world.ctx());
        for number in 0..10 {
            let kind = if number % 2 == 0 { "thing.even" } else { "thing.odd" };
            world.append(Entry::new(kind).about(format!("third/{}", number % 3))).await;
        }
        let other = signed_in(&ctx);
        let own: Result<String, db::Error> =
            db::write!(world.db, &other, |tx| audit::append(tx, &other, Entry::new("thing.even")).await);
        sequence_all(&log, &ctx).await.unwrap();
        let waiting = world.append(Entry::new("thing.odd").about("third/1")).await;

        let found = async |filter: Filter| -> Vec<u64> {
            log.entries(&filter).await.unwrap().iter().map(|entry| entry.index.unwrap()).collect()
        };
        assert_eq!(found(Filter::default()).await, (0..11).collect::<Vec<u64>>());
        let page = Filter { after: Some(3), limit: Some(2), ..Filter::default() };
        assert_eq!(found(page).await, [4, 5]);
        let newest = Filter { newest_first: true, before: Some(9), limit: Some(3), ..Filter::default() };
        assert_eq!(found(newest).await, [8, 7, 6]);
        let odd = Filter { kind: Some("thing.odd".into()), subject: Some("third/1".into()), ..Filter::default() };
        assert_eq!(found(odd).await, [1, 7]);
        let by = Filter { actor: Some("gitlab".into()), ..Filter::default() };
        assert_eq!(found(by).await, [log.index_of(&own.unwrap()).await.unwrap().unwrap()]);

        let first = log.first_about("third/1", 2).await.unwrap();
        assert_eq!(first.iter().map(|entry| entry.index).collect::<Vec<_>>(), [Some(1), Some(4)]);
        let about = log.about("third/1").await.unwrap();
        assert_eq!(about.iter().map(|entry| entry.index).collect::<Vec<_>>(), [Some(1), Some(4), Some(7), None]);
        assert_eq!(about[3].id, waiting);
        assert!(matches!(log.entry("nobody").await, Err(Error::NotFound(_))));
        assert!(matches!(log.entry_at(11).await, Err(Error::NotFound(_))));
    })
    .await;
}

#[tokio::test]
async fn what_is_about_a_subject_is_told_whole() {
    World::each(async |world| {
        let (log, ctx) = (world.log().await, world.ctx());
        let many = 2 * base::limits::PAGE_MAX + 3;
        let written: Result<(), db::Error> = db::write!(world.db, &ctx, |tx| {
            for number in 0..many {
                audit::append(tx, &ctx, Entry::new("thing.seen").about("busy").detail("number", number)).await?;
            }
            Ok(())
        });
        written.unwrap();
        sequence_all(&log, &ctx).await.unwrap();
        let waiting = world.append(Entry::new("thing.seen").about("busy")).await;
        let about = log.about("busy").await.unwrap();
        assert_eq!(about.len(), many + 1);
        assert!(about[..many].iter().zip(0..).all(|(entry, index)| entry.index == Some(index)));
        assert_eq!(about[many].id, waiting);
        assert_eq!(log.first_about("busy", usize::MAX).await.unwrap().len(), base::limits::PAGE_MAX);
    })
    .await;
}
