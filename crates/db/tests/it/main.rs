//! Transactions on real engines: SQLite always, PostgreSQL when `ASSAY_TEST_POSTGRES` holds a URL.
#![expect(clippy::unwrap_used, reason = "a test says what failed by failing")]

use std::{future::Future, task::Poll};

use base::{Clock, Ctx, Entropy, Secret};
use db::{Bulk, Db, Error, Location, Schema, Tx, Val, args};

const SCHEMA: &[Schema] = &[Schema {
    context: "test",
    steps: &["CREATE TABLE things (name TEXT PRIMARY KEY, count BIGINT NOT NULL, data BYTEA, flag BOOLEAN NOT NULL);
              CREATE TABLE others (name TEXT PRIMARY KEY REFERENCES things (name))"],
}];

fn ctx() -> Ctx {
    Ctx::system("test", &Clock::System, &Entropy::System)
}

async fn each_engine(test: impl AsyncFn(Db)) {
    let folder = tempfile::tempdir().unwrap();
    test(Db::open(&Location::Sqlite(folder.path().join("db")), SCHEMA).await.unwrap()).await;
    #[expect(clippy::disallowed_methods, reason = "a test reads its own switch")]
    match std::env::var("ASSAY_TEST_POSTGRES") {
        Ok(url) => {
            // The tests share one database there.
            static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
            let _alone = ALONE.lock().await;
            let db = Db::open(&Location::Postgres(Secret::new(url)), SCHEMA).await.unwrap();
            db::write!(db, &ctx(), |tx| {
                tx.execute("DELETE FROM others", &[]).await?;
                tx.execute("DELETE FROM things", &[]).await
            })
            .unwrap();
            test(db).await;
        }
        Err(_) => eprintln!("ASSAY_TEST_POSTGRES is not set: PostgreSQL was not tested"),
    }
}

async fn add(tx: &mut Tx, name: &str) -> Result<i64, Error> {
    let row = tx
        .one(
            "INSERT INTO things (name, count, data, flag) VALUES ($1, 1, $2, $3)
             ON CONFLICT (name) DO UPDATE SET count = things.count + 1 RETURNING count",
            &args![name, vec![0_u8, 255], true],
        )
        .await?;
    row.int("count")
}

#[tokio::test]
async fn values_come_back_as_they_went() {
    each_engine(async |db| {
        db::write!(db, &ctx(), |tx| add(tx, "a").await).unwrap();
        let mut tx = db.read().await.unwrap();
        let row = tx.one("SELECT * FROM things WHERE name = $1", &args!["a"]).await.unwrap();
        assert_eq!(row.bytes("data").unwrap(), [0, 255]);
        assert!(row.bool("flag").unwrap());
        assert!(matches!(row.int("absent"), Err(Error::Corrupt(_))));
    })
    .await;
}

#[tokio::test]
async fn an_error_undoes_all_and_a_broken_key_is_refused() {
    each_engine(async |db| {
        let outcome: Result<(), Error> = db::write!(db, &ctx(), |tx| {
            add(tx, "gone").await?;
            tx.execute("INSERT INTO others (name) VALUES ($1)", &args!["nobody"]).await?;
            Ok(())
        });
        assert!(matches!(outcome, Err(Error::Refused(_))), "{outcome:?}");
        let mut tx = db.read().await.unwrap();
        assert!(tx.opt("SELECT * FROM things", &[]).await.unwrap().is_none());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_that_come_together_all_commit() {
    each_engine(async |db| {
        let tasks: Vec<_> = (0..50)
            .map(|_| {
                let db = db.clone();
                #[expect(clippy::disallowed_methods, reason = "joined below")]
                tokio::spawn(async move { db::write!(db, &ctx(), |tx| add(tx, "shared").await) })
            })
            .collect();
        let mut counts = Vec::new();
        for task in tasks {
            counts.push(task.await.unwrap().unwrap());
        }
        counts.sort_unstable();
        assert_eq!(counts, (1..=50).collect::<Vec<i64>>());
    })
    .await;
}

#[tokio::test]
async fn a_caller_dropped_half_way_leaves_nothing() {
    each_engine(async |db| {
        let caller = ctx();
        let half = async {
            db::write!(db, &caller, |tx| {
                add(tx, "half").await?;
                std::future::pending::<()>().await;
                Ok::<(), Error>(())
            })
        };
        assert!(tokio::time::timeout(std::time::Duration::from_millis(200), half).await.is_err());
        db::write!(db, &ctx(), |tx| add(tx, "whole").await).unwrap();
        let mut tx = db.read().await.unwrap();
        let names = tx.all("SELECT name FROM things", &[]).await.unwrap();
        assert_eq!(names.iter().map(|row| row.text("name").unwrap()).collect::<Vec<_>>(), ["whole"]);
    })
    .await;
}

#[tokio::test]
async fn waking_happens_after_the_commit() {
    each_engine(async |db| {
        let mut woken = db.woken();
        db::write!(db, &ctx(), |tx| {
            tx.wake();
            add(tx, "w").await
        })
        .unwrap();
        woken.changed().await.unwrap();
        let mut tx = db.read().await.unwrap();
        assert!(tx.opt("SELECT 1 AS one FROM things WHERE name = 'w'", &[]).await.unwrap().is_some());
    })
    .await;
}

#[tokio::test]
async fn a_changed_step_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let location = Location::Sqlite(folder.path().join("db"));
    Db::open(&location, SCHEMA).await.unwrap().close().await;
    let other = [Schema { context: "test", steps: &["CREATE TABLE things (name TEXT)"] }];
    assert!(matches!(Db::open(&location, &other).await, Err(Error::Schema(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_cut_off_anywhere_leave_a_writer_that_works() {
    each_engine(async |db| {
        for delay_us in 0..300_u64 {
            let caller = ctx();
            let name = format!("cut-{delay_us}");
            let one = async { db::write!(db, &caller, |tx| add(tx, &name).await) };
            let cut = tokio::time::timeout(std::time::Duration::from_micros(delay_us * 7), one).await;
            let after: Result<i64, Error> = db::write!(db, &ctx(), |tx| add(tx, "after").await);
            assert!(after.is_ok(), "after a cut at {delay_us}: {after:?}");
            if cut.is_ok_and(|outcome| outcome.is_ok()) {
                let mut tx = db.read().await.unwrap();
                let kept = tx.opt("SELECT 1 AS one FROM things WHERE name = $1", &args![&name]).await.unwrap();
                assert!(kept.is_some(), "{name} was acknowledged");
            }
        }
    })
    .await;
}

/// `sqlite.org/lang_transaction.html`, "Response To Errors Within A Transaction": the engine may end the whole transaction by
/// itself, which a statement in the middle stands for here.
#[tokio::test]
async fn a_transaction_that_the_engine_ends_leaves_a_writer_that_works() {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(&Location::Sqlite(folder.path().join("db")), SCHEMA).await.unwrap();
    let ended: Result<i64, Error> = db::write!(db, &ctx(), |tx| {
        add(tx, "lost").await?;
        tx.execute("ROLLBACK", &[]).await?;
        Err(Error::Unavailable("database or disk is full".to_owned()))
    });
    assert!(matches!(ended, Err(Error::Unavailable(_))));
    assert_eq!(db::write!(db, &ctx(), |tx| add(tx, "lost").await).unwrap(), 1);
    // One that goes on as if nothing were has not committed either.
    let ended: Result<(), Error> = db::write!(db, &ctx(), |tx| tx.execute("ROLLBACK", &[]).await.map(drop));
    assert!(matches!(ended, Err(Error::Unavailable(_))), "{ended:?}");
    assert_eq!(db::write!(db, &ctx(), |tx| add(tx, "lost").await).unwrap(), 2);
}

#[tokio::test]
async fn a_full_database_refuses_and_takes_again_once_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(&Location::Sqlite(folder.path().join("db")), SCHEMA).await.unwrap();
    let limit = async |sql: &'static str| {
        let set: Result<u64, Error> = db::write!(db, &ctx(), |tx| tx.execute(sql, &[]).await);
        set.unwrap();
    };
    let big = async |name: &str| {
        let data = vec![7_u8; 1 << 20];
        let sql = "INSERT INTO things (name, count, data, flag) VALUES ($1, 1, $2, TRUE)";
        db::write!(db, &ctx(), |tx| {
            add(tx, "before").await?;
            tx.execute(sql, &args![name, data.clone()]).await
        })
    };
    limit("PRAGMA max_page_count = 20").await;
    let full: Result<u64, Error> = big("big").await;
    let full = full.unwrap_err();
    assert!(matches!(full, Error::Unavailable(_)) && full.to_string().contains("full"), "{full}");
    limit("PRAGMA max_page_count = 1000000").await;
    big("big").await.unwrap();
    let row = db.read().await.unwrap().one("SELECT count FROM things WHERE name = 'before'", &[]).await.unwrap();
    assert_eq!(row.int("count").unwrap(), 1, "what came with the refused row was undone");
}

/// A query that is broken off where it must be quick, and runs again where it need not: also between the statements of a
/// transaction that writes, which must not notice.
#[tokio::test]
async fn a_long_query_has_its_answer_and_harms_nobody() {
    const COUNT: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500000)
         SELECT COUNT(*) AS count FROM n";
    each_engine(async |db| {
        let count = async |tx: &mut Tx| tx.one(COUNT, &[]).await?.int("count");
        assert_eq!(count(&mut db.read().await.unwrap()).await.unwrap(), 500_000);
        let counted: Result<i64, Error> = db::write!(db, &ctx(), |tx| {
            add(tx, "before").await?;
            let counted = tx.one(COUNT, &[]).await?.int("count")?;
            add(tx, "after").await?;
            Ok(counted)
        });
        assert_eq!(counted.unwrap(), 500_000);
        let row = db.read().await.unwrap().one("SELECT COUNT(*) AS count FROM things", &[]).await.unwrap();
        assert_eq!(row.int("count").unwrap(), 2);
    })
    .await;
}

/// Whoever is cut off in the middle of a long query leaves neither its connection nor its place to nobody.
#[tokio::test]
async fn readers_cut_off_leave_room_for_others() {
    const LONG: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000)
         SELECT COUNT(*) AS count FROM n";
    each_engine(async |db| {
        for _ in 0..20 {
            let long = async { db.read().await.unwrap().one(LONG, &[]).await };
            let cut = tokio::time::timeout(std::time::Duration::from_millis(5), long).await;
            assert!(cut.is_err(), "the query was not long");
        }
        let caller = ctx();
        let long = async { db::write!(db, &caller, |tx| tx.one(LONG, &[]).await.map(drop)) };
        assert!(tokio::time::timeout(std::time::Duration::from_millis(5), long).await.is_err());
        let _: i64 = db::write!(db, &ctx(), |tx| add(tx, "after").await).unwrap();
    })
    .await;
}

/// The engine reads its schema when a connection prepares its first query, and looks at the clock meanwhile; the time of the
/// statement before must not count then.
#[tokio::test]
async fn reading_a_large_schema_is_not_taken_for_a_long_query() {
    let folder = tempfile::tempdir().unwrap();
    let tables: String = (0..400).map(|number| format!("CREATE TABLE t{number} (a TEXT);")).collect();
    let schema = [Schema { context: "test", steps: vec![&*tables.leak()].leak() }];
    let db = Db::open(&Location::Sqlite(folder.path().join("db")), &schema).await.unwrap();
    let mut tx = db.read().await.unwrap();
    let begun = std::time::Instant::now();
    while begun.elapsed() < std::time::Duration::from_millis(5) {
        std::hint::spin_loop();
    }
    let row = tx.one("SELECT COUNT(*) AS count FROM t7", &[]).await.unwrap();
    assert_eq!(row.int("count").unwrap(), 0);
}

#[tokio::test]
async fn what_is_written_soon_is_seen_at_once_and_kept_by_the_next_write() {
    each_engine(async |db| {
        db::write_soon!(db, &ctx(), |tx| add(tx, "soon").await).unwrap();
        let count = async |name: &'static str| {
            let mut tx = db.read().await.unwrap();
            let row = tx.opt("SELECT count FROM things WHERE name = $1", &args![name]).await.unwrap();
            row.map_or(0, |row| row.int("count").unwrap())
        };
        assert_eq!(count("soon").await, 1);
        let undone: Result<(), Error> = db::write_soon!(db, &ctx(), |tx| {
            add(tx, "soon").await?;
            Err(Error::Refused("changed my mind".into()))
        });
        assert!(undone.is_err());
        db::write!(db, &ctx(), |tx| add(tx, "later").await).unwrap();
        assert_eq!((count("soon").await, count("later").await), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn many_rows_go_in_few_statements() {
    static INSERT: Bulk<2> =
        Bulk::new("INSERT INTO things (name, count, flag) SELECT column1, column2, $1 FROM (VALUES {rows}) AS v", 1);
    static DOUBLE: Bulk<2> = Bulk::new(
        "UPDATE things SET count = v.column2, data = NULL FROM (VALUES {rows}) AS v WHERE things.name = v.column1 AND things.flag = $1
         RETURNING things.name",
        1,
    );
    static EVEN: Bulk<1> = Bulk::new("SELECT name FROM things WHERE name IN (VALUES {rows}) AND count % 2 = 0", 0);
    each_engine(async |db| {
        let rows: Vec<[Val; 2]> = (0..234_i64).map(|number| args![format!("n{number}"), number]).collect();
        let doubled: Vec<[Val; 2]> = (0..234_i64).map(|number| args![format!("n{number}"), 2 * number]).collect();
        let names: Vec<[Val; 1]> = rows.iter().map(|[name, _]| [name.clone()]).collect();
        let (inserted, returned, even, others) = db::write!(db, &ctx(), |tx| {
            let inserted = INSERT.execute(tx, &args![true], &rows).await?;
            let others = DOUBLE.all(tx, &args![false], &doubled).await?.len();
            let returned = DOUBLE.all(tx, &args![true], &doubled).await?;
            let returned = returned.iter().map(|row| row.text("name")).collect::<Result<Vec<_>, Error>>()?;
            Ok::<_, Error>((inserted, returned, EVEN.all(tx, &[], &names).await?, others))
        })
        .unwrap();
        assert_eq!((inserted, returned.len(), others), (234, 234, 0));
        assert!(returned.contains(&"n233".to_owned()));
        assert_eq!(even.len(), 234);
    })
    .await;
}

#[tokio::test]
async fn whoever_hangs_up_while_a_transaction_begins_leaves_nothing_of_it_to_the_next() {
    each_engine(async |db| {
        for polls in 0..60 {
            let mut left = polls % 6;
            let mut beginning = std::pin::pin!(db.read());
            let cut_off = std::future::poll_fn(|context| {
                left -= 1;
                if left < 0 { Poll::Ready(()) } else { beginning.as_mut().poll(context).map(drop) }
            });
            cut_off.await;
        }
        for count in 1..=20 {
            assert_eq!(db::write!(db, &ctx(), |tx| add(tx, "a").await).unwrap(), count);
        }
    })
    .await;
}
