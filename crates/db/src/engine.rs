//! The two engines behind one `Db`.

use std::{
    path::PathBuf,
    str::FromStr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use base::Ctx;
use sqlx::{
    ConnectOptions, PgPool, SqlitePool,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::sync::{Mutex, MutexGuard, watch};

use crate::{
    Error, Schema,
    schema::{journal_mode, migrate},
    tx::{Conn, Tx},
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
}

#[derive(Debug)]
enum Engine {
    Sqlite { writer: Mutex<Writer>, readers: SqlitePool },
    Postgres(PgPool),
}

/// The one writer of SQLite and the group of closures whose commit is still to come.
#[derive(Debug)]
struct Writer {
    tx: Tx,
    group: Option<Group>,
    /// True from SAVEPOINT to RELEASE. Found true under the lock, it means that a caller was dropped half-way.
    savepoint: bool,
}

/// Closures that share one commit, and how that commit ended.
#[derive(Clone, Debug, Default)]
struct Group(Arc<OnceLock<Result<(), Error>>>);

impl Db {
    /// Open the database and bring it to the given schemas.
    pub async fn open(location: &Location, schemas: &[Schema]) -> Result<Db, Error> {
        let engine = match location {
            Location::Sqlite(path) => open_sqlite(path, schemas).await?,
            Location::Postgres(url) => open_postgres(url.expose(), schemas).await?,
        };
        Ok(Db(Arc::new(Inner { engine, wake: watch::Sender::new(0) })))
    }

    /// Change state: run `work` in a transaction and commit it durably. An error of `work` undoes all it did.
    ///
    /// On PostgreSQL `work` may run several times; it must have no effect but SQL.
    pub async fn write<T, E: From<Error>>(
        &self,
        ctx: &Ctx,
        work: impl AsyncFn(&mut Tx) -> Result<T, E>,
    ) -> Result<T, E> {
        match &self.0.engine {
            Engine::Sqlite { writer, .. } => self.write_sqlite(writer, work).await,
            Engine::Postgres(pool) => self.write_postgres(ctx, pool, work).await,
        }
    }

    /// Look at state: a transaction that sees one moment and is undone when dropped.
    pub async fn read(&self) -> Result<Tx, Error> {
        Ok(Tx::new(match &self.0.engine {
            Engine::Sqlite { readers, .. } => Conn::SqliteReader(readers.begin().await?),
            Engine::Postgres(pool) => {
                Conn::Postgres(pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?)
            }
        }))
    }

    /// A receiver that changes after each commit in which somebody called [`Tx::wake`]. A hint, not a promise: other
    /// replicas do not reach it, so those who wait also poll.
    pub fn woken(&self) -> watch::Receiver<u64> {
        self.0.wake.subscribe()
    }

    /// Close the connections; what was acknowledged is on disk already.
    pub async fn close(&self) {
        match &self.0.engine {
            Engine::Sqlite { readers, writer } => {
                drop(writer.lock().await);
                readers.close().await;
            }
            Engine::Postgres(pool) => pool.close().await,
        }
    }

    async fn write_sqlite<T, E: From<Error>>(
        &self,
        writer: &Mutex<Writer>,
        work: impl AsyncFn(&mut Tx) -> Result<T, E>,
    ) -> Result<T, E> {
        let (value, group) = {
            let mut writer = writer.lock().await;
            writer.begin().await?;
            let outcome = work(&mut writer.tx).await;
            (writer.end(outcome).await?, writer.group.clone().expect("begin made a group"))
        };
        let mut writer = writer.lock().await;
        let outcome = match group.0.get() {
            Some(outcome) => outcome.clone(),
            None => self.commit_sqlite(&mut writer, &group).await,
        };
        drop(writer);
        outcome.map(|()| value).map_err(E::from)
    }

    async fn commit_sqlite(&self, writer: &mut MutexGuard<'_, Writer>, group: &Group) -> Result<(), Error> {
        writer.heal().await?;
        let outcome = writer.tx.execute("COMMIT", &[]).await.map(drop);
        if outcome.is_err() {
            // A failed commit (a full disk) leaves the transaction open; none of the group's work may survive in it.
            let _ = writer.tx.execute("ROLLBACK", &[]).await;
        }
        writer.group = None;
        let _ = group.0.set(outcome.clone());
        if std::mem::take(&mut writer.tx.wake) {
            self.0.wake.send_modify(|count| *count += 1);
        }
        outcome
    }

    async fn write_postgres<T, E: From<Error>>(
        &self,
        ctx: &Ctx,
        pool: &PgPool,
        work: impl AsyncFn(&mut Tx) -> Result<T, E>,
    ) -> Result<T, E> {
        for attempt in 1..=ATTEMPTS_MAX {
            let conn = pool.begin_with("BEGIN ISOLATION LEVEL SERIALIZABLE").await.map_err(Error::from)?;
            let mut tx = Tx::new(Conn::Postgres(conn));
            let outcome = work(&mut tx).await;
            let Conn::Postgres(conn) = tx.conn else { unreachable!("the connection was put there above") };
            let value = match outcome {
                Ok(value) => value,
                Err(_) if tx.retry => continue,
                Err(error) => return Err(error),
            };
            match conn.commit().await {
                Ok(()) => {
                    if tx.wake {
                        self.0.wake.send_modify(|count| *count += 1);
                    }
                    return Ok(value);
                }
                Err(error) if crate::error::asks_for_retry(&error) => {
                    tracing::debug!(request_id = ctx.request_id, attempt, "the transaction runs again");
                }
                Err(error) => return Err(Error::from(error).into()),
            }
        }
        Err(Error::Unavailable(format!("{ATTEMPTS_MAX} attempts met other writers")).into())
    }
}

impl Writer {
    async fn begin(&mut self) -> Result<(), Error> {
        self.heal().await?;
        if self.group.is_none() {
            self.tx.execute("BEGIN IMMEDIATE", &[]).await?;
            self.group = Some(Group::default());
        }
        self.tx.execute("SAVEPOINT one", &[]).await?;
        self.savepoint = true;
        Ok(())
    }

    async fn end<T, E: From<Error>>(&mut self, outcome: Result<T, E>) -> Result<T, E> {
        match outcome {
            Ok(value) => {
                self.tx.execute("RELEASE one", &[]).await?;
                self.savepoint = false;
                Ok(value)
            }
            Err(error) => {
                self.heal().await?;
                Err(error)
            }
        }
    }

    /// Undo what a caller left half-done.
    async fn heal(&mut self) -> Result<(), Error> {
        if self.savepoint {
            self.tx.execute("ROLLBACK TO one", &[]).await?;
            self.tx.execute("RELEASE one", &[]).await?;
            self.savepoint = false;
        }
        Ok(())
    }
}

async fn open_sqlite(path: &std::path::Path, schemas: &[Schema]) -> Result<Engine, Error> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(10))
        .disable_statement_logging();
    let mut conn = options.connect().await?;
    let mode = journal_mode(&mut conn).await?;
    if mode != "wal" {
        return Err(Error::Unavailable(format!("{} does not allow write-ahead logging ({mode})", path.display())));
    }
    let mut writer = Writer { tx: Tx::new(Conn::SqliteWriter(Box::new(conn))), group: None, savepoint: false };
    writer.tx.execute("BEGIN IMMEDIATE", &[]).await?;
    migrate(&mut writer.tx, schemas).await?;
    writer.tx.execute("COMMIT", &[]).await?;
    let readers = SqlitePoolOptions::new().max_connections(READERS).connect_with(options.read_only(true)).await?;
    Ok(Engine::Sqlite { writer: Mutex::new(writer), readers })
}

async fn open_postgres(url: &str, schemas: &[Schema]) -> Result<Engine, Error> {
    let options = PgConnectOptions::from_str(url)?.disable_statement_logging();
    let pool = PgPoolOptions::new().max_connections(READERS * 2).connect_with(options).await?;
    let mut tx = Tx::new(Conn::Postgres(pool.begin().await?));
    // Two replicas that start together must not both run a step; the lock goes with the transaction.
    tx.execute("SELECT pg_advisory_xact_lock(4193752)", &[]).await?;
    migrate(&mut tx, schemas).await?;
    let Conn::Postgres(conn) = tx.conn else { unreachable!("the connection was put there above") };
    conn.commit().await?;
    Ok(Engine::Postgres(pool))
}
