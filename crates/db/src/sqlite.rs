//! SQLite without a thread in between: what is quick runs where it is asked for.
//!
//! A row found by an index takes some microseconds, and another thread's answer some tens of them; a push asks two hundred times.
//! So statements run in the caller's thread. A query that takes longer than [`QUICK`] is broken off and runs again in a thread
//! that may block. One that writes is not, for the engine would undo its transaction; and commits, which wait for the disk,
//! never run in the caller's thread.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use rusqlite::{
    Connection, OpenFlags, Statement, ToSql,
    config::DbConfig,
    types::{ToSqlOutput, Value, ValueRef},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{Error, Row, Val, error::is_interrupted, row::Source};

/// How long a query may hold up the others of its thread.
const QUICK: Duration = Duration::from_millis(2);
/// Steps of the engine between two looks at the clock: some ten microseconds.
const STEPS_PER_LOOK: i32 = 1_000;
/// Statements that stay prepared in each connection; the product has some hundred.
const STATEMENTS: usize = 400;
/// Waiting for a lock that another process holds, which only a backup does.
const BUSY: Duration = Duration::from_secs(10);

/// One connection. Work that a caller left running when he was cut off keeps it until it ends.
#[derive(Clone, Debug)]
pub(crate) struct Sqlite(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    connection: Mutex<Connection>,
    deadline: Arc<Deadline>,
}

/// When the query under way is to be broken off.
#[derive(Debug)]
struct Deadline {
    origin: Instant,
    /// Microseconds since the origin.
    at: AtomicU64,
}

/// The columns of one answer and the values of one row of it.
#[derive(Debug)]
pub(crate) struct SqliteRow {
    columns: Arc<[String]>,
    values: Vec<Value>,
}

/// Which rows of an answer are wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// None: the statement runs to its end, and the number of changed rows is what counts.
    Changes,
    First,
    All,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) rows: Vec<Row>,
    pub(crate) changed: u64,
}

impl Sqlite {
    /// Open the file with all that durability asks for; `write` makes it when absent.
    pub(crate) fn open(path: &Path, write: bool) -> Result<Sqlite, Error> {
        let access = match write {
            true => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
            false => OpenFlags::SQLITE_OPEN_READ_ONLY,
        };
        let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(BUSY)?;
        // A plan that does not look at bound values: with one that does, `LIMIT $1` is planned anew at each call.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        // Small things that a statement needs for a moment are not worth a file.
        connection.execute_batch("PRAGMA temp_store = MEMORY")?;
        if write {
            // What FULL would do beyond NORMAL is done by `wal.rs`.
            connection
                .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON")?;
        }
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        let deadline = Arc::new(Deadline { origin: Instant::now(), at: AtomicU64::new(u64::MAX) });
        let looked_at = Arc::clone(&deadline);
        connection.progress_handler(STEPS_PER_LOOK, Some(move || looked_at.is_over()))?;
        Ok(Sqlite(Arc::new(Inner { connection: Mutex::new(connection), deadline })))
    }

    pub(crate) async fn run(&self, sql: &'static str, args: &[Val], wanted: Wanted) -> Result<Answer, Error> {
        // Statements do not wait for anything, and whoever runs many of them shall let others in between.
        tokio::task::consume_budget().await;
        match self.0.run(sql, args, wanted, Some(QUICK)) {
            Err(error) if is_interrupted(&error) => {
                let (inner, args) = (Arc::clone(&self.0), args.to_vec());
                let _cut_off = CutOff(&self.0.deadline);
                blocking(move || inner.run(sql, &args, wanted, None)).await?.map_err(Error::from)
            }
            outcome => outcome.map_err(Error::from),
        }
    }

    /// A statement that may wait for the disk.
    pub(crate) async fn run_apart(&self, sql: &'static str) -> Result<(), Error> {
        let inner = Arc::clone(&self.0);
        blocking(move || inner.run(sql, &[], Wanted::Changes, None).map(drop)).await?.map_err(Error::from)
    }

    /// Several statements at once.
    pub(crate) fn run_text(&self, text: &str) -> Result<(), Error> {
        let connection = self.0.lock();
        self.0.deadline.set(None);
        Ok(connection.execute_batch(text)?)
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, sql: &str, args: &[Val], wanted: Wanted, quick: Option<Duration>) -> rusqlite::Result<Answer> {
        let connection = self.lock();
        // The engine looks at the clock while it prepares, too.
        self.deadline.set(None);
        let mut statement = connection.prepare_cached(sql)?;
        bind(&mut statement, args)?;
        self.deadline.set(quick.filter(|_| statement.readonly()));
        let mut answer = Answer { rows: Vec::new(), changed: 0 };
        let mut columns: Option<Arc<[String]>> = None;
        let mut found = statement.raw_query();
        while let Some(row) = found.next()? {
            if wanted == Wanted::Changes {
                continue;
            }
            let columns =
                columns.get_or_insert_with(|| row.as_ref().column_names().into_iter().map(str::to_owned).collect());
            let values = (0..columns.len()).map(|index| row.get_ref(index).map(Value::try_from));
            let values = values.map(|value| Ok(value??)).collect::<rusqlite::Result<_>>()?;
            answer.rows.push(Row(Source::Sqlite(SqliteRow { columns: Arc::clone(columns), values })));
            if wanted == Wanted::First {
                break;
            }
        }
        answer.changed = connection.changes();
        Ok(answer)
    }
}

/// `$3` is the third argument, wherever and how often it stands.
fn bind(statement: &mut Statement<'_>, args: &[Val]) -> rusqlite::Result<()> {
    for index in 1..=statement.parameter_count() {
        let number = statement.parameter_name(index).and_then(|name| name.strip_prefix('$')?.parse::<usize>().ok());
        let arg = number.and_then(|number| args.get(number.checked_sub(1)?));
        let arg = arg.ok_or(rusqlite::Error::InvalidParameterCount(args.len(), index))?;
        statement.raw_bind_parameter(index, arg)?;
    }
    Ok(())
}

impl ToSql for Val {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Val::Bool(value) => value.map_or(ValueRef::Null, |value| ValueRef::Integer(value.into())),
            Val::Int(value) => value.map_or(ValueRef::Null, ValueRef::Integer),
            Val::Text(value) => value.as_ref().map_or(ValueRef::Null, |text| ValueRef::Text(text.as_bytes())),
            Val::Bytes(value) => value.as_ref().map_or(ValueRef::Null, |bytes| ValueRef::Blob(bytes)),
        }))
    }
}

impl Deadline {
    fn set(&self, after: Option<Duration>) {
        let at = after.map_or(u64::MAX, |after| micros(self.origin.elapsed() + after));
        self.at.store(at, Ordering::Relaxed);
    }

    fn is_over(&self) -> bool {
        micros(self.origin.elapsed()) >= self.at.load(Ordering::Relaxed)
    }
}

/// Breaks off the query under way when its caller is gone.
struct CutOff<'a>(&'a Deadline);

impl Drop for CutOff<'_> {
    fn drop(&mut self) {
        self.0.at.store(0, Ordering::Relaxed);
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

impl SqliteRow {
    pub(crate) fn value(&self, column: &str) -> Result<&Value, Error> {
        let place = self.columns.iter().position(|name| name == column);
        place.map(|place| &self.values[place]).ok_or_else(|| Error::Corrupt(format!("there is no column {column}")))
    }
}

/// The connections that read.
#[derive(Debug)]
pub(crate) struct Readers {
    path: PathBuf,
    count: u32,
    places: Arc<Semaphore>,
    idle: Mutex<Vec<Sqlite>>,
}

/// A transaction that reads; undone when dropped.
#[derive(Debug)]
pub(crate) struct Reader {
    connection: Sqlite,
    home: Arc<Readers>,
    _place: OwnedSemaphorePermit,
}

impl Readers {
    pub(crate) fn new(path: &Path, count: u32) -> Readers {
        let places = Arc::new(Semaphore::new(count as usize));
        Readers { path: path.to_owned(), count, places, idle: Mutex::default() }
    }

    pub(crate) async fn begin(self: &Arc<Readers>) -> Result<Reader, Error> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| closed())?;
        let idle = self.idle().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => {
                let path = self.path.clone();
                blocking(move || Sqlite::open(&path, false)).await??
            }
        };
        let reader = Reader { connection, home: Arc::clone(self), _place: place };
        reader.run("BEGIN", &[], Wanted::Changes).await?;
        Ok(reader)
    }

    /// Close the connections, once nobody reads any more.
    pub(crate) async fn close(&self) {
        let all = self.places.acquire_many(self.count).await;
        self.places.close();
        drop(all);
        self.idle().clear();
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Sqlite>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::ops::Deref for Reader {
    type Target = Sqlite;

    fn deref(&self) -> &Sqlite {
        &self.connection
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // A connection that still works for a caller who was cut off is not used again; it closes when that ends.
        let ended = match self.connection.0.connection.try_lock() {
            Ok(connection) => connection.is_autocommit() || connection.execute_batch("ROLLBACK").is_ok(),
            Err(_) => false,
        };
        if ended {
            self.home.idle().push(self.connection.clone());
        }
    }
}

fn closed() -> Error {
    Error::Unavailable("the database is closed".to_owned())
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    let ended = tokio::task::spawn_blocking(work).await;
    ended.map_err(|error| Error::Unavailable(format!("a statement did not end: {error}")))
}
