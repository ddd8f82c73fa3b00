//! One log with a table that it guards, in a folder and a schema of its own.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicI64, Ordering},
};

use audit::{Entry, Error, Guarded, Log, Report};
use base::{Clock, Ctx, Entropy, Secret};
use db::{Db, Location, Schema, Tx, Val, args};
use tlog::{Signer, VerifierKey};

pub const ORIGIN: &str = "assay.test/audit";

const THINGS: Schema =
    Schema { context: "things", steps: &["CREATE TABLE things (name TEXT PRIMARY KEY, value TEXT NOT NULL)"] };

pub struct World {
    pub db: Db,
    pub clock: Clock,
    pub folder: tempfile::TempDir,
}

impl World {
    /// Run a test on each engine.
    pub async fn each(test: impl AsyncFn(World)) {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::Sqlite(folder.path().join("db"));
        test(World::new(&location, folder).await).await;
        #[expect(clippy::disallowed_methods, reason = "a test reads its own switch")]
        match std::env::var("ASSAY_TEST_POSTGRES") {
            Ok(url) => on_postgres(&url, test).await,
            Err(_) => eprintln!("ASSAY_TEST_POSTGRES is not set: PostgreSQL was not tested"),
        }
    }

    async fn new(location: &Location, folder: tempfile::TempDir) -> World {
        let db = Db::open(location, &[audit::SCHEMA, THINGS]).await.unwrap();
        World { db, clock: Clock::fixed("2026-01-01T00:00:00Z".parse().unwrap()), folder }
    }

    pub fn ctx(&self) -> Ctx {
        Ctx::system("test", &self.clock, &Entropy::System)
    }

    pub fn files(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    pub async fn log(&self) -> Log {
        self.log_in(self.files()).await
    }

    /// Another replica has a folder of its own.
    pub async fn log_in(&self, folder: PathBuf) -> Log {
        Log::open(self.db.clone(), signer(), ORIGIN, folder, self.clock.clone(), Entropy::System).await.unwrap()
    }

    pub async fn append(&self, entry: Entry) -> String {
        let ctx = self.ctx();
        let id: Result<String, db::Error> =
            db::write!(self.db, &ctx, |tx| audit::append(tx, &ctx, entry.clone()).await);
        id.unwrap()
    }

    /// Change a guarded row and say so in the log.
    pub async fn put(&self, name: &str, value: Option<&str>) -> String {
        let ctx = self.ctx();
        let id: Result<String, db::Error> = db::write!(self.db, &ctx, |tx| put(tx, &ctx, name, value).await);
        id.unwrap()
    }

    /// Change anything past the program.
    pub async fn sql(&self, sql: &'static str, args: &[Val]) -> u64 {
        let changed: Result<u64, db::Error> = db::write!(self.db, &self.ctx(), |tx| tx.execute(sql, args).await);
        changed.unwrap()
    }

    pub async fn verify(&self, log: &Log, earlier: &[Vec<u8>]) -> Report {
        let mut moment = log.snapshot().await.unwrap();
        let states = things(moment.tx()).await;
        moment.verify(Guarded::nothing().context("things/", states), earlier).await.unwrap()
    }

    pub async fn verify_clean(&self, log: &Log) -> Report {
        let report = self.verify(log, &[]).await;
        assert!(report.is_clean(), "{:#?}", report.problems);
        report
    }

    /// The files of the log with their contents, by path.
    pub fn contents(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        collect(&self.files(), &mut found);
        found.sort();
        found.into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
    }
}

pub fn signer() -> Signer {
    Signer::from_seed(ORIGIN.parse().unwrap(), &Secret::new([7; 32]))
}

pub fn key() -> VerifierKey {
    signer().verifier().clone()
}

/// Sequence until nothing waits.
pub async fn sequence_all(log: &Log, ctx: &Ctx) -> Result<(), Error> {
    while log.sequence(ctx).await?.is_some() {}
    Ok(())
}

pub async fn put(tx: &mut Tx, ctx: &Ctx, name: &str, value: Option<&str>) -> Result<String, db::Error> {
    let key = format!("things/{name}");
    let entry = Entry::new("thing.set").about(format!("thing/{name}"));
    let entry = match value {
        Some(value) => {
            tx.execute(
                "INSERT INTO things (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = $2",
                &args![name, value],
            )
            .await?;
            entry.set(key, value)
        }
        None => {
            tx.execute("DELETE FROM things WHERE name = $1", &args![name]).await?;
            entry.unset(key)
        }
    };
    audit::append(tx, ctx, entry).await
}

async fn things(tx: &mut Tx) -> Vec<(String, String)> {
    let rows = tx.all("SELECT name, value FROM things", &[]).await.unwrap();
    rows.iter().map(|row| (format!("things/{}", row.text("name").unwrap()), row.text("value").unwrap())).collect()
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for item in std::fs::read_dir(folder).unwrap() {
        let path = item.unwrap().path();
        if path.is_dir() { collect(&path, found) } else { found.push(path) }
    }
}

/// A schema of its own for each world, so that tests run side by side in one database.
async fn on_postgres(url: &str, test: impl AsyncFn(World)) {
    static NUMBER: AtomicI64 = AtomicI64::new(0);
    let name = format!("audit_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let plain = Db::open(&Location::Postgres(Secret::new(url.to_owned())), &[]).await.unwrap();
    let ctx = Ctx::system("test", &Clock::System, &Entropy::System);
    let admin = async |sql: String| {
        let sql: &'static str = sql.leak();
        let done: Result<u64, db::Error> = db::write!(plain, &ctx, |tx| tx.execute(sql, &[]).await);
        done.unwrap();
    };
    admin(format!("CREATE SCHEMA {name}")).await;
    let separator = if url.contains('?') { '&' } else { '?' };
    let url = format!("{url}{separator}options=-c%20search_path%3D{name}");
    let world = World::new(&Location::Postgres(Secret::new(url)), tempfile::tempdir().unwrap()).await;
    let db = world.db.clone();
    test(world).await;
    db.close().await;
    admin(format!("DROP SCHEMA {name} CASCADE")).await;
    plain.close().await;
}
