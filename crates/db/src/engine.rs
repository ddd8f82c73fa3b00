//! The two engines behind one `Db`.

use std::{
    path::PathBuf,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use base::Ctx;
use sqlx::{
    ConnectOptions, PgPool, Postgres, Transaction,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::sync::{Mutex, OwnedMutexGuard, watch};

use crate::{
    Error, Schema,
    error::asks_for_retry,
    group::{Committing, Group, Stage, Wait},
    schema::migrate,
    sqlite::{Readers, Sqlite},
    tx::{Conn, Tx},
    wal::Wal,
};

/// How often a serializable transaction is tried before the caller is told that the database is busy.
const ATTEMPTS_MAX: u32 = 20;
/// Connections that read at the same time.
const READERS: u32 = 8;

/// Where the database is.
#[derive(Clone, Debug)]
pub enum Location {
    /// A file of SQLite; made when absent.
    Sqlite(PathBuf),
    /// A `postgres://` URL.
    Postgres(base::Secret),
}

/// A handle to the database; cheap to clone.
#[derive(Clone, Debug)]
pub struct Db(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    engine: Engine,
    wake: watch::Sender<u64>,
    version: AtomicU64,
}

#[derive(Debug)]
enum Engine {
    Sqlite { writer: Arc<Mutex<Writer>>, wal: Arc<Wal>, readers: Arc<Readers> },
    Postgres(PgPool),
}

/// The one writer of SQLite and the group of closures whose commit is still to come.
#[derive(Debug)]
struct Writer {
    tx: Tx,
    /// The connection of `tx`.
    conn: Sqlite,
    group: Option<Group>,
    /// True from SAVEPOINT to RELEASE. Found true under the lock, it means that a caller was dropped half-way.
    savepoint: bool,
    /// True while a statement that opens or closes something is under way. Found true under the lock, nobody knows whether it
    /// ran, and everything that is not committed is undone.
    unsure: bool,
}

impl Db {
    /// Open the database and bring it to the given schemas.
    pub async fn open(location: &Location, schemas: &[Schema]) -> Result<Db, Error> {
        let engine = match location {
            Location::Sqlite(path) => open_sqlite(path, schemas).await?,
            Location::Postgres(url) => open_postgres(url.expose(), schemas).await?,
        };
        Ok(Db(Arc::new(Inner { engine, wake: watch::Sender::new(0), version: AtomicU64::new(0) })))
    }

    /// The tries of one [`crate::write!`]; use the macro.
    #[doc(hidden)]
    pub fn attempts<'a>(&'a self, ctx: &'a Ctx) -> Attempts<'a> {
        Attempts { db: self, ctx, count: 0, wait: Wait::Kept }
    }

    /// The tries of one [`crate::write_soon!`]; use the macro.
    #[doc(hidden)]
    pub fn attempts_soon<'a>(&'a self, ctx: &'a Ctx) -> Attempts<'a> {
        Attempts { wait: Wait::Committed, ..self.attempts(ctx) }
    }

    /// Look at state: a transaction that sees one moment and is undone when dropped.
    pub async fn read(&self) -> Result<Tx, Error> {
        Ok(Tx::new(match &self.0.engine {
            Engine::Sqlite { readers, .. } => Conn::SqliteReader(readers.begin().await?),
            Engine::Postgres(pool) => {
                Conn::Postgres(begin(pool, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?)
            }
        }))
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), Error> {
        self.read().await?.one("SELECT 1 AS one", &[]).await.map(drop)
    }

    /// A receiver that changes after each commit in which somebody called [`Tx::wake`]. A hint, not a promise: other
    /// replicas do not reach it, so those who wait also poll.
    pub fn woken(&self) -> watch::Receiver<u64> {
        self.0.wake.subscribe()
    }

    /// A count of commits, which has grown before anybody is told that a commit succeeded: rows read since it had its present
    /// value are still so. None on PostgreSQL, where others write too.
    pub fn version(&self) -> Option<u64> {
        match &self.0.engine {
            Engine::Sqlite { .. } => Some(self.0.version.load(Ordering::Acquire)),
            Engine::Postgres(_) => None,
        }
    }

    /// Close the connections; what was acknowledged is on disk already.
    pub async fn close(&self) {
        match &self.0.engine {
            Engine::Sqlite { readers, writer, .. } => {
                drop(writer.lock().await);
                readers.close().await;
            }
            Engine::Postgres(pool) => pool.close().await,
        }
    }

    /// Commit a group behind all who were waiting for the writer meanwhile: their work joins it. Then bring it to the disk, while
    /// the next group is at work.
    async fn commit_sqlite(&self, writer: Arc<Mutex<Writer>>, wal: &Wal, group: Group) {
        let committing = Committing(group);
        let group = &committing.0;
        let mut writer = writer.lock().await;
        writer.heal().await;
        if group.is_over() {
            return;
        }
        let outcome = writer.commit().await;
        if outcome.is_err() {
            // A failed commit (a full disk) leaves the transaction open; none of the group's work may survive in it.
            let _ = writer.tx.execute("ROLLBACK", &[]).await;
        }
        writer.group = None;
        // After a failure too: nobody knows how far it came.
        self.0.version.fetch_add(1, Ordering::Release);
        let wake = std::mem::take(&mut writer.tx.wake);
        let number = wal.appended();
        drop(writer);
        if let Err(error) = outcome {
            return group.reach(Stage::Failed(error));
        }
        group.reach(Stage::Committed);
        match wal.sync(number).await {
            Ok(()) => group.reach(Stage::Kept),
            Err(error) => group.reach(Stage::Failed(error)),
        }
        if wake {
            self.0.wake.send_modify(|count| *count += 1);
        }
    }
}

/// The tries of one [`crate::write!`]: one on SQLite, up to [`ATTEMPTS_MAX`] on PostgreSQL.
#[derive(Debug)]
pub struct Attempts<'a> {
    db: &'a Db,
    ctx: &'a Ctx,
    count: u32,
    wait: Wait,
}

/// A transaction that may write, held by one [`crate::write!`]. Dropped before its end, it leaves nothing.
#[derive(Debug)]
pub struct Open(Held);

#[derive(Debug)]
enum Held {
    Sqlite(OwnedMutexGuard<Writer>),
    Postgres(Tx),
}

impl std::ops::Deref for Open {
    type Target = Tx;

    fn deref(&self) -> &Tx {
        match &self.0 {
            Held::Sqlite(writer) => &writer.tx,
            Held::Postgres(tx) => tx,
        }
    }
}

impl std::ops::DerefMut for Open {
    fn deref_mut(&mut self) -> &mut Tx {
        match &mut self.0 {
            Held::Sqlite(writer) => &mut writer.tx,
            Held::Postgres(tx) => tx,
        }
    }
}

impl Attempts<'_> {
    pub async fn begin(&mut self) -> Result<Open, Error> {
        self.count += 1;
        match &self.db.0.engine {
            Engine::Sqlite { writer, wal, .. } => {
                wal.check()?;
                let mut writer = Arc::clone(writer).lock_owned().await;
                writer.begin().await?;
                Ok(Open(Held::Sqlite(writer)))
            }
            Engine::Postgres(pool) => {
                let conn = begin(pool, "BEGIN ISOLATION LEVEL SERIALIZABLE").await?;
                let mut tx = Tx::new(Conn::Postgres(conn));
                if self.wait == Wait::Committed {
                    tx.execute("SET LOCAL synchronous_commit = off", &[]).await?;
                }
                Ok(Open(Held::Postgres(tx)))
            }
        }
    }

    /// Commit or undo. `None` means: run the closure again.
    pub async fn end<T, E: From<Error>>(&mut self, open: Open, outcome: Result<T, E>) -> Option<Result<T, E>> {
        match open.0 {
            Held::Sqlite(writer) => Some(self.end_sqlite(writer, outcome).await),
            Held::Postgres(tx) => self.end_postgres(tx, outcome).await,
        }
    }

    async fn end_sqlite<T, E: From<Error>>(
        &self,
        mut writer: OwnedMutexGuard<Writer>,
        outcome: Result<T, E>,
    ) -> Result<T, E> {
        let value = writer.end(outcome).await?;
        let group = writer.group.clone().expect("begin made a group");
        let queue = OwnedMutexGuard::mutex(&writer).clone();
        drop(writer);
        if let (true, Engine::Sqlite { wal, .. }) = (group.claim(), &self.db.0.engine) {
            let (db, wal, group) = (self.db.clone(), Arc::clone(wal), group.clone());
            // A task of its own: whoever is dropped here (a client that hangs up) must not leave a commit half-done.
            #[expect(clippy::disallowed_methods, reason = "all of the group wait for it, and it is short")]
            tokio::spawn(async move { db.commit_sqlite(queue, &wal, group).await });
        }
        group.ended(self.wait).await.map(|()| value).map_err(E::from)
    }

    async fn end_postgres<T, E: From<Error>>(&mut self, tx: Tx, outcome: Result<T, E>) -> Option<Result<T, E>> {
        let Conn::Postgres(conn) = tx.conn else { unreachable!("the connection was put there by begin") };
        let outcome = match outcome {
            Ok(value) => match conn.commit().await {
                Ok(()) => Ok(value),
                Err(error) if asks_for_retry(&error) => return self.again(),
                Err(error) => Err(Error::from(error).into()),
            },
            Err(_) if tx.retry => return self.again(),
            Err(error) => Err(error),
        };
        if outcome.is_ok() && tx.wake {
            self.db.0.wake.send_modify(|count| *count += 1);
        }
        Some(outcome)
    }

    fn again<T, E: From<Error>>(&self) -> Option<Result<T, E>> {
        tracing::debug!(request_id = self.ctx.request_id, attempt = self.count, "the transaction runs again");
        let busy = || Error::Unavailable(format!("{ATTEMPTS_MAX} attempts met other writers"));
        (self.count >= ATTEMPTS_MAX).then(|| Err(busy().into()))
    }
}

/// Change state: run the body in a transaction and commit it durably; an error of the body undoes all it did.
///
/// ```text
/// let id = db::write!(self.db, ctx, |tx| {
///     store::insert(tx, &thing).await?;
///     Ok::<_, Error>(audit::append(tx, ctx, entry).await?)
/// })?;
/// ```
///
/// The body is an async block over `tx: &mut Tx`. On PostgreSQL it may run several times, so it must have no effect but SQL
/// and move nothing out of its surroundings. It is a macro because the future of an async closure that borrows its
/// surroundings cannot be shown to be `Send` by the compiler of today (rust-lang/rust#110338).
#[macro_export]
macro_rules! write {
    ($db:expr, $ctx:expr, |$tx:ident| $body:expr) => {
        $crate::write_with!(attempts, $db, $ctx, |$tx| $body)
    };
}

/// The same, and go on as soon as everybody sees it: a power cut may still undo it, as long as no later [`write!`] has returned.
/// For what a client does again without loss, such as beginning an upload.
#[macro_export]
macro_rules! write_soon {
    ($db:expr, $ctx:expr, |$tx:ident| $body:expr) => {
        $crate::write_with!(attempts_soon, $db, $ctx, |$tx| $body)
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! write_with {
    ($attempts:ident, $db:expr, $ctx:expr, |$tx:ident| $body:expr) => {
        // The match keeps temporaries of the arguments alive.
        match (&$db, $ctx) {
            (db, ctx) => {
                let mut attempts = db.$attempts(ctx);
                loop {
                    let mut open = match attempts.begin().await {
                        Ok(open) => open,
                        Err(error) => break Err(From::from(error)),
                    };
                    let outcome = {
                        let $tx: &mut $crate::Tx = &mut open;
                        async { $body }.await
                    };
                    if let Some(outcome) = attempts.end(open, outcome).await {
                        break outcome;
                    }
                }
            }
        }
    };
}

impl Writer {
    async fn begin(&mut self) -> Result<(), Error> {
        self.heal().await;
        if self.group.is_none() {
            self.control("BEGIN IMMEDIATE").await?;
            self.group = Some(Group::default());
        }
        self.control("SAVEPOINT one").await?;
        self.savepoint = true;
        Ok(())
    }

    async fn end<T, E: From<Error>>(&mut self, outcome: Result<T, E>) -> Result<T, E> {
        match outcome {
            Ok(value) => {
                self.control("RELEASE one").await?;
                self.savepoint = false;
                Ok(value)
            }
            Err(error) => {
                self.heal().await;
                Err(error)
            }
        }
    }

    /// Undo what a caller left half-done.
    async fn heal(&mut self) {
        if self.unsure {
            self.give_up("another caller was cut off in the middle").await;
        }
        if self.savepoint {
            let mut undone = self.control("ROLLBACK TO one").await;
            if undone.is_ok() {
                undone = self.control("RELEASE one").await;
            }
            // The engine itself ends a transaction that finds the disk full or failing, and the savepoint with it
            // (sqlite.org/lang_transaction.html, "Response To Errors Within A Transaction").
            if let Err(error) = undone {
                self.give_up(&format!("the transaction was ended by the engine ({error})")).await;
            }
            self.savepoint = false;
        }
    }

    /// End the transaction and all the group's work; nobody was told that any of it is committed.
    async fn give_up(&mut self, why: &str) {
        let _ = self.tx.execute("ROLLBACK", &[]).await;
        if let Some(group) = self.group.take() {
            group.reach(Stage::Failed(Error::Unavailable(why.to_owned())));
        }
        (self.unsure, self.savepoint) = (false, false);
    }

    async fn commit(&mut self) -> Result<(), Error> {
        self.unsure = true;
        let outcome = self.conn.run_apart("COMMIT").await;
        self.unsure = false;
        outcome
    }

    /// A statement that opens or closes something.
    async fn control(&mut self, sql: &'static str) -> Result<(), Error> {
        self.unsure = true;
        let outcome = self.tx.execute(sql, &[]).await.map(drop);
        self.unsure = false;
        outcome
    }
}

async fn open_sqlite(path: &std::path::Path, schemas: &[Schema]) -> Result<Engine, Error> {
    let conn = Sqlite::open(path, true)?;
    let mut tx = Tx::new(Conn::SqliteWriter(conn.clone()));
    let mode = tx.one("PRAGMA journal_mode", &[]).await?.text("journal_mode")?;
    if mode != "wal" {
        return Err(Error::Unavailable(format!("{} does not allow write-ahead logging ({mode})", path.display())));
    }
    tx.execute("BEGIN IMMEDIATE", &[]).await?;
    migrate(&mut tx, schemas).await?;
    tx.execute("COMMIT", &[]).await?;
    let writer = Writer { tx, conn, group: None, savepoint: false, unsure: false };
    let wal = Arc::new(Wal::of(path)?);
    wal.sync(wal.appended()).await?;
    Ok(Engine::Sqlite { writer: Arc::new(Mutex::new(writer)), wal, readers: Arc::new(Readers::new(path, READERS)) })
}

async fn open_postgres(url: &str, schemas: &[Schema]) -> Result<Engine, Error> {
    let options = PgConnectOptions::from_str(url)?.disable_statement_logging();
    let pool = PgPoolOptions::new().max_connections(READERS * 2).connect_with(options).await?;
    let mut tx = Tx::new(Conn::Postgres(pool.begin().await?));
    require_byte_order(&mut tx).await?;
    // Two replicas that start together must not both run a step; the lock goes with the transaction.
    tx.execute("SELECT pg_advisory_xact_lock(4193752)", &[]).await?;
    migrate(&mut tx, schemas).await?;
    let Conn::Postgres(conn) = tx.conn else { unreachable!("the connection was put there above") };
    conn.commit().await?;
    Ok(Engine::Postgres(pool))
}

/// In a task of its own, for whoever is dropped here (a client that hangs up) must not leave a connection that has begun and does not
/// know it: sqlx undoes a transaction only once `BEGIN` was answered, and the next to get the connection would work in it, with its
/// isolation, read-only or not.
async fn begin(pool: &PgPool, statement: &'static str) -> Result<Transaction<'static, Postgres>, Error> {
    let pool = pool.clone();
    #[expect(clippy::disallowed_methods, reason = "it is waited for, and ends by itself when nobody does any more")]
    let begun = tokio::spawn(async move { pool.begin_with(statement).await });
    Ok(begun.await.map_err(|error| Error::Unavailable(error.to_string()))??)
}

/// Lists are promised in the order of bytes, and SQLite keeps them so.
async fn require_byte_order(tx: &mut Tx) -> Result<(), Error> {
    let row = tx.one("SELECT datcollate FROM pg_database WHERE datname = current_database()", &[]).await?;
    let collation = row.text("datcollate")?;
    if ["C", "POSIX", "C.UTF-8", "C.utf8"].contains(&collation.as_str()) {
        return Ok(());
    }
    Err(Error::Unavailable(format!(
        "it sorts text by {collation}, and lists must be in the order of bytes; make one with: CREATE DATABASE assay \
         ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
    )))
}
