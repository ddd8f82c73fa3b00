//! The queue on a real database: order, retries, and what a dead worker leaves.
#![expect(clippy::unwrap_used, reason = "a test says what failed by failing")]

use std::{
    pin::Pin,
    sync::{Arc, Mutex},
};

use base::{Actor, Clock, Ctx, Entropy, Kind};
use db::{Db, Error, Location, Tx};
use jobs::{
    Board, BoardError, Event, FORGET_JOB, Failure, HistoryChanges, JobRecord, NewJob, Refusal, SCHEMA, State,
    Subscription, Wanted, Worker, emit, enqueue, subscribe, want,
};
use serde_json::json;

struct World {
    db: Db,
    clock: Clock,
    seen: Arc<Mutex<Vec<String>>>,
    _folder: tempfile::TempDir,
}

/// Accounts are not known here.
fn system_only<'t>(_: &'t mut Tx, actor: &'t Actor) -> Pin<Box<dyn Future<Output = Result<(), Refusal>> + Send + 't>> {
    let refusal = || Refusal { kind: Kind::Denied, message: format!("{} is no administrator", actor.label()) };
    let allowed = matches!(actor, Actor::System(_)).then_some(()).ok_or_else(refusal);
    Box::pin(async move { allowed })
}

impl World {
    async fn new() -> World {
        let folder = tempfile::tempdir().unwrap();
        let schemas = [SCHEMA, audit::SCHEMA];
        let db = Db::open(&Location::Sqlite(folder.path().join("db")), &schemas).await.unwrap();
        let clock = Clock::fixed("2026-01-01T00:00:00Z".parse().unwrap());
        World { db, clock, seen: Arc::default(), _folder: folder }
    }

    fn ctx(&self) -> Ctx {
        Ctx::system("test", &self.clock, &Entropy::System)
    }

    fn advance(&self, seconds: i64) {
        let Clock::Fixed(at) = &self.clock else { panic!("the test's clock stands still") };
        at.fetch_add(seconds * 1_000_000, std::sync::atomic::Ordering::SeqCst);
    }

    /// A worker that notes what it ran, and fails for as long as the payload says so.
    fn worker(&self) -> Worker {
        let seen = Arc::clone(&self.seen);
        Worker::new(self.db.clone(), self.clock.clone(), Entropy::System).on("note", move |_, job| {
            let seen = Arc::clone(&seen);
            async move {
                let name = job.payload["name"].as_str().unwrap().to_owned();
                seen.lock().unwrap().push(format!("{name}#{}", job.attempt));
                match job.payload["fails"].as_i64() {
                    Some(times) if job.attempt <= times => Err(Failure::retry("not yet")),
                    _ => Ok(()),
                }
            }
        })
    }

    async fn add(&self, jobs: Vec<NewJob>) {
        let ctx = self.ctx();
        db::write!(self.db, &ctx, |tx| {
            for job in jobs.clone() {
                enqueue(tx, &ctx, job).await?;
            }
            Ok::<(), Error>(())
        })
        .unwrap();
    }

    /// All that an administrator sees, oldest first: what each is about, and its state.
    async fn listed(&self, wanted: Wanted) -> Vec<JobRecord> {
        let mut listed = Board::of(&self.worker(), system_only).list(&self.ctx(), &wanted, 0, 100).await.unwrap();
        listed.reverse();
        listed
    }

    async fn states(&self) -> Vec<(String, State)> {
        let listed = self.listed(Wanted::default()).await;
        let name = |job: &JobRecord| job.payload["name"].as_str().unwrap_or(&job.kind).to_owned();
        listed.iter().map(|job| (name(job), job.state)).collect()
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

#[tokio::test]
async fn a_lane_waits_for_its_first_job() {
    let world = World::new().await;
    world
        .add(vec![
            NewJob::new("note", json!({"name": "a", "fails": 1})).in_lane("one"),
            NewJob::new("note", json!({"name": "b"})).in_lane("one"),
            NewJob::new("note", json!({"name": "c"})).in_lane("two"),
        ])
        .await;
    world.worker().run_until_idle().await.unwrap();
    assert_eq!(world.seen(), ["a#1", "c#1"]);
    world.advance(60);
    world.worker().run_until_idle().await.unwrap();
    assert_eq!(world.seen(), ["a#1", "c#1", "a#2", "b#1"]);
}

#[tokio::test]
async fn a_job_of_a_dead_worker_runs_again() {
    let world = World::new().await;
    world.add(vec![NewJob::new("hang", json!({"name": "a"}))]).await;
    let hanging = Worker::new(world.db.clone(), world.clock.clone(), Entropy::System)
        .on("hang", |_, _| async { std::future::pending().await });
    let killed = tokio::time::timeout(std::time::Duration::from_millis(300), hanging.run_until_idle()).await;
    assert!(killed.is_err());
    let seen = Arc::clone(&world.seen);
    let second = Worker::new(world.db.clone(), world.clock.clone(), Entropy::System).on("hang", move |_, job| {
        seen.lock().unwrap().push(format!("hang#{}", job.attempt));
        async { Ok(()) }
    });
    second.run_until_idle().await.unwrap();
    assert!(world.seen().is_empty(), "the lease still holds");
    assert_eq!(second.release_all().await.unwrap(), 1);
    second.run_until_idle().await.unwrap();
    assert_eq!(world.seen(), ["hang#2"]);
}

#[tokio::test]
async fn an_event_becomes_one_job_per_subscriber_and_none_when_undone() {
    let world = World::new().await;
    let ctx = world.ctx();
    db::write!(world.db, &ctx, |tx| subscribe(
        tx,
        &[Subscription { event: "it.happened", job: "note", filtered: false }]
    )
    .await)
    .unwrap();
    let event =
        Event { kind: "it.happened".into(), subject: "x".into(), data: json!({}), at: ctx.now, entry: "e1".into() };
    let undone: Result<(), Error> = db::write!(world.db, &ctx, |tx| {
        emit(tx, &ctx, &event).await?;
        Err(Error::Refused("changed my mind".into()))
    });
    assert!(undone.is_err());
    db::write!(world.db, &ctx, |tx| emit(tx, &ctx, &event).await).unwrap();
    let seen = Arc::clone(&world.seen);
    let worker = Worker::new(world.db.clone(), world.clock.clone(), Entropy::System).on("note", move |ctx, job| {
        let event = job.event().unwrap();
        seen.lock().unwrap().push(format!("{} {} {:?}", event.kind, event.subject, ctx.cause));
        async { Ok(()) }
    });
    worker.run_until_idle().await.unwrap();
    assert_eq!(world.seen(), ["it.happened x Some(\"e1\")"]);
}

#[tokio::test]
async fn a_filtered_subscription_counts_where_it_is_wanted() {
    let world = World::new().await;
    let ctx = world.ctx();
    let emit_in = async |repository: &str| {
        let (data, at) = (json!({"name": repository, "repository": repository}), ctx.now);
        let event = Event { kind: "it.happened".into(), subject: "x".into(), data, at, entry: "e1".into() };
        db::write!(world.db, &ctx, |tx| emit(tx, &ctx, &event).await).unwrap();
    };
    let want_in = async |scopes: &[&str]| {
        let scopes: Vec<String> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        db::write!(world.db, &ctx, |tx| want(tx, "note", &scopes).await).unwrap();
    };
    let subscription = Subscription { event: "it.happened", job: "note", filtered: true };
    db::write!(world.db, &ctx, |tx| subscribe(tx, &[subscription]).await).unwrap();
    emit_in("a/nobody").await;
    want_in(&["a/one", "a/two"]).await;
    emit_in("a/one").await;
    emit_in("a/three").await;
    want_in(&["a/two"]).await;
    emit_in("a/one").await;
    emit_in("a/two").await;
    want_in(&[""]).await;
    emit_in("a/any").await;
    let seen = Arc::clone(&world.seen);
    let worker = Worker::new(world.db.clone(), world.clock.clone(), Entropy::System).on("note", move |_, job| {
        seen.lock().unwrap().push(job.event().unwrap().data["name"].as_str().unwrap().to_owned());
        async { Ok(()) }
    });
    worker.run_until_idle().await.unwrap();
    assert_eq!(world.seen(), ["a/one", "a/two", "a/any"]);
}

#[tokio::test]
async fn a_job_that_panics_is_tried_again_and_holds_nobody_up() {
    let world = World::new().await;
    world.add(vec![NewJob::new("panic", json!({})), NewJob::new("note", json!({"name": "b"}))]).await;
    let worker = world.worker().on("panic", |_, _| async { panic!("as a mistake in a handler would") });
    let tasks = jobs::Tasks::default();
    worker.start(&tasks);
    while world.seen().is_empty() {
        tokio::task::yield_now().await;
    }
    assert!(tasks.finish(std::time::Duration::from_secs(60)).await);
    let mut tx = world.db.read().await.unwrap();
    let left = tx.all("SELECT kind, state, last_error FROM jobs WHERE kind = 'panic'", &[]).await.unwrap();
    assert_eq!(left.len(), 1);
    let error = left[0].opt_text("last_error").unwrap();
    assert_eq!((left[0].text("state").unwrap().as_str(), error.as_deref()), ("waiting", Some("it panicked")));
}

fn pair(name: &str, state: State) -> (String, State) {
    (name.to_owned(), state)
}

#[tokio::test]
async fn what_ended_can_be_looked_at_and_is_forgotten_in_time() {
    let world = World::new().await;
    let board = Board::of(&world.worker(), system_only);
    world
        .add(vec![
            NewJob::new("note", json!({"name": "good"})),
            NewJob::new("note", json!({"name": "late", "fails": 1})),
            NewJob::new("note", json!({"name": "bad", "fails": 100})),
            NewJob::new("unheard of", json!({})),
        ])
        .await;
    for _ in 0..15 {
        world.worker().run_until_idle().await.unwrap();
        world.advance(600);
    }
    let states = [
        pair("good", State::Done),
        pair("late", State::Done),
        pair("bad", State::Failed),
        pair("unheard of", State::Failed),
    ];
    assert_eq!(world.states().await, states);
    let listed = world.listed(Wanted::default()).await;
    assert_eq!((listed[1].attempts, listed[1].log.lines().count(), listed[1].last_error.is_none()), (2, 1, true));
    assert_eq!((listed[2].attempts, listed[2].log.lines().count()), (12, 12));
    assert!(
        listed.iter().all(|job| job.ended_at >= job.started_at && job.started_at.is_some() && job.worker.len() == 12)
    );
    let some = Wanted { kinds: Some(vec!["unheard of".to_owned()]), running: Some(false), ..Wanted::default() };
    assert_eq!(world.listed(some).await.len(), 1);

    let nobody = world.ctx().with_actor(base::Actor::Anonymous);
    assert!(matches!(board.list(&nobody, &Wanted::default(), 0, 10).await, Err(BoardError::Refused(_))));
    assert!(matches!(board.set_history(&nobody, HistoryChanges::default()).await, Err(BoardError::Refused(_))));
    board.set_history(&world.ctx(), HistoryChanges { to_keep: Some(2), ..HistoryChanges::default() }).await.unwrap();
    board.forget_now(&world.ctx()).await.unwrap();
    world.worker().run_until_idle().await.unwrap();
    let names: Vec<String> = world.states().await.into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["late", "bad", FORGET_JOB], "the two that ended last, and what forgot the others");
    // By age, too.
    world.advance(40 * 24 * 60 * 60);
    board.forget_now(&world.ctx()).await.unwrap();
    world.worker().run_until_idle().await.unwrap();
    assert_eq!(world.states().await, [pair(FORGET_JOB, State::Done)]);
}

#[tokio::test]
async fn a_job_can_be_cancelled_while_it_waits_and_after_its_worker_died() {
    let world = World::new().await;
    let board = Board::of(&world.worker(), system_only);
    world.add(vec![NewJob::new("note", json!({"name": "waits"})), NewJob::new("hang", json!({"name": "runs"}))]).await;
    let listed = world.listed(Wanted::default()).await;
    board.cancel(&world.ctx(), listed[0].id.as_str()).await.unwrap();
    let hanging = Worker::new(world.db.clone(), world.clock.clone(), Entropy::System)
        .on("hang", |_, _| async { std::future::pending().await });
    let killed = tokio::time::timeout(std::time::Duration::from_millis(300), hanging.run_until_idle()).await;
    assert!(killed.is_err());
    assert_eq!(world.states().await, [pair("waits", State::Canceled), pair("runs", State::Running)]);
    board.cancel(&world.ctx(), listed[1].id.as_str()).await.unwrap();
    world.worker().release_all().await.unwrap();
    world.worker().run_until_idle().await.unwrap();
    assert_eq!(world.states().await, [pair("waits", State::Canceled), pair("runs", State::Canceled)]);
    assert!(world.seen().is_empty());
    let again = board.cancel(&world.ctx(), listed[0].id.as_str()).await;
    assert!(matches!(again, Err(BoardError::Over(_))), "{again:?}");
    let unknown = board.cancel(&world.ctx(), "0").await;
    assert!(matches!(unknown, Err(BoardError::NoSuchJob(_))), "{unknown:?}");
}

#[tokio::test(start_paused = true)]
async fn a_job_that_runs_is_stopped_where_it_is() {
    let world = World::new().await;
    world.add(vec![NewJob::new("hang", json!({"name": "runs"})).in_lane("one")]).await;
    world.add(vec![NewJob::new("note", json!({"name": "next"})).in_lane("one")]).await;
    let worker = world.worker().on("hang", |_, _| async { std::future::pending().await });
    let board = Board::of(&worker, system_only);
    let cancelled = async {
        loop {
            let wanted = Wanted { running: Some(true), ..Wanted::default() };
            if let [job] = &board.list(&world.ctx(), &wanted, 0, 1).await.unwrap()[..] {
                return board.cancel(&world.ctx(), job.id.as_str()).await.unwrap();
            }
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    };
    let (ran, ()) = tokio::join!(worker.run_until_idle(), cancelled);
    ran.unwrap();
    assert_eq!(world.states().await, [pair("runs", State::Canceled), pair("next", State::Done)]);
}
