//! One open transaction.

use sqlx::{
    Postgres, Sqlite, SqliteConnection, Transaction, postgres::PgArguments, query::Query, sqlite::SqliteArguments,
};

use crate::{Error, Row, Val, error::asks_for_retry, row::Source};

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
    SqliteWriter(Box<SqliteConnection>),
    SqliteReader(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl std::fmt::Debug for Tx {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("transaction")
    }
}

macro_rules! run {
    ($tx:expr, $sql:expr, $args:expr, $method:ident) => {{
        let answer = match &mut $tx.conn {
            Conn::SqliteWriter(conn) => bind_sqlite($sql, $args).$method(&mut **conn).await.map(Answer::Sqlite),
            Conn::SqliteReader(conn) => bind_sqlite($sql, $args).$method(&mut **conn).await.map(Answer::Sqlite),
            Conn::Postgres(conn) => bind_postgres($sql, $args).$method(&mut **conn).await.map(Answer::Postgres),
        };
        answer.map_err(|error| {
            $tx.retry |= asks_for_retry(&error);
            Error::from(error)
        })
    }};
}

enum Answer<S, P> {
    Sqlite(S),
    Postgres(P),
}

impl Tx {
    pub(crate) fn new(conn: Conn) -> Tx {
        Tx { conn, retry: false, wake: false }
    }

    /// Run a statement; gives the number of rows it changed.
    pub async fn execute(&mut self, sql: &'static str, args: &[Val]) -> Result<u64, Error> {
        Ok(match run!(self, sql, args, execute)? {
            Answer::Sqlite(done) => done.rows_affected(),
            Answer::Postgres(done) => done.rows_affected(),
        })
    }

    /// All rows of a query. The caller's SQL bounds how many that can be.
    pub async fn all(&mut self, sql: &'static str, args: &[Val]) -> Result<Vec<Row>, Error> {
        Ok(match run!(self, sql, args, fetch_all)? {
            Answer::Sqlite(rows) => rows.into_iter().map(|row| Row(Source::Sqlite(row))).collect(),
            Answer::Postgres(rows) => rows.into_iter().map(|row| Row(Source::Postgres(row))).collect(),
        })
    }

    /// The first row of a query, if there is one.
    pub async fn opt(&mut self, sql: &'static str, args: &[Val]) -> Result<Option<Row>, Error> {
        Ok(match run!(self, sql, args, fetch_optional)? {
            Answer::Sqlite(row) => row.map(|row| Row(Source::Sqlite(row))),
            Answer::Postgres(row) => row.map(|row| Row(Source::Postgres(row))),
        })
    }

    /// The one row of a query that always has one (an aggregate, a RETURNING).
    pub async fn one(&mut self, sql: &'static str, args: &[Val]) -> Result<Row, Error> {
        self.opt(sql, args).await?.ok_or_else(|| Error::Corrupt(format!("no row for: {sql}")))
    }

    /// Wake those who wait on [`crate::Db::woken`] once this transaction is committed.
    pub fn wake(&mut self) {
        self.wake = true;
    }
}

fn bind_sqlite(sql: &'static str, args: &[Val]) -> Query<'static, Sqlite, SqliteArguments> {
    args.iter().fold(sqlx::query(sql), |query, arg| match arg.clone() {
        Val::Bool(value) => query.bind(value),
        Val::Int(value) => query.bind(value),
        Val::Text(value) => query.bind(value),
        Val::Bytes(value) => query.bind(value),
    })
}

fn bind_postgres(sql: &'static str, args: &[Val]) -> Query<'static, Postgres, PgArguments> {
    args.iter().fold(sqlx::query(sql), |query, arg| match arg.clone() {
        Val::Bool(value) => query.bind(value),
        Val::Int(value) => query.bind(value),
        Val::Text(value) => query.bind(value),
        Val::Bytes(value) => query.bind(value),
    })
}
