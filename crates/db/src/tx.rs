//! One open transaction.

use sqlx::{
    Postgres, Transaction,
    postgres::{PgArguments, PgRow},
    query::Query,
};

use crate::{
    Error, Row, Val,
    error::asks_for_retry,
    row::Source,
    sqlite::{Reader, Sqlite, Wanted},
};

/// One open transaction: what a context's `store.rs` talks to.
pub struct Tx {
    pub(crate) conn: Conn,
    /// Set when the engine asked for the whole transaction again.
    pub(crate) retry: bool,
    /// Set by [`Tx::wake`].
    pub(crate) wake: bool,
}

pub(crate) enum Conn {
    /// The one writer of SQLite; transaction and savepoints are the engine's business, see `engine.rs`.
    SqliteWriter(Sqlite),
    SqliteReader(Reader),
    Postgres(Transaction<'static, Postgres>),
}

impl std::fmt::Debug for Tx {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("transaction")
    }
}

impl Tx {
    pub(crate) fn new(conn: Conn) -> Tx {
        Tx { conn, retry: false, wake: false }
    }

    /// Run a statement; gives the number of rows it changed.
    pub async fn execute(&mut self, sql: &'static str, args: &[Val]) -> Result<u64, Error> {
        match &mut self.conn {
            Conn::SqliteWriter(conn) => Ok(conn.run(sql, args, Wanted::Changes).await?.changed),
            Conn::SqliteReader(conn) => Ok(conn.run(sql, args, Wanted::Changes).await?.changed),
            Conn::Postgres(conn) => {
                let done = bind(sql, args).execute(&mut **conn).await;
                Ok(done.map_err(|error| self.failed(error))?.rows_affected())
            }
        }
    }

    /// All rows of a query. The caller's SQL bounds how many that can be.
    pub async fn all(&mut self, sql: &'static str, args: &[Val]) -> Result<Vec<Row>, Error> {
        match &mut self.conn {
            Conn::SqliteWriter(conn) => Ok(conn.run(sql, args, Wanted::All).await?.rows),
            Conn::SqliteReader(conn) => Ok(conn.run(sql, args, Wanted::All).await?.rows),
            Conn::Postgres(conn) => {
                let rows = bind(sql, args).fetch_all(&mut **conn).await;
                Ok(rows.map_err(|error| self.failed(error))?.into_iter().map(of_postgres).collect())
            }
        }
    }

    /// The first row of a query, if there is one.
    pub async fn opt(&mut self, sql: &'static str, args: &[Val]) -> Result<Option<Row>, Error> {
        match &mut self.conn {
            Conn::SqliteWriter(conn) => Ok(conn.run(sql, args, Wanted::First).await?.rows.pop()),
            Conn::SqliteReader(conn) => Ok(conn.run(sql, args, Wanted::First).await?.rows.pop()),
            Conn::Postgres(conn) => {
                let row = bind(sql, args).fetch_optional(&mut **conn).await;
                Ok(row.map_err(|error| self.failed(error))?.map(of_postgres))
            }
        }
    }

    /// The one row of a query that always has one (an aggregate, a RETURNING).
    pub async fn one(&mut self, sql: &'static str, args: &[Val]) -> Result<Row, Error> {
        self.opt(sql, args).await?.ok_or_else(|| Error::Corrupt(format!("no row for: {sql}")))
    }

    /// Wake those who wait on [`crate::Db::woken`] once this transaction is committed.
    pub fn wake(&mut self) {
        self.wake = true;
    }

    fn failed(&mut self, error: sqlx::Error) -> Error {
        self.retry |= asks_for_retry(&error);
        Error::from(error)
    }
}

fn of_postgres(row: PgRow) -> Row {
    Row(Source::Postgres(row))
}

fn bind(sql: &'static str, args: &[Val]) -> Query<'static, Postgres, PgArguments> {
    args.iter().fold(sqlx::query(sql), |query, arg| match arg.clone() {
        Val::Bool(value) => query.bind(value),
        Val::Int(value) => query.bind(value),
        Val::Text(value) => query.bind(value),
        Val::Bytes(value) => query.bind(value),
    })
}
