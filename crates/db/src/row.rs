//! One row of an answer.

use std::{fmt::Display, str::FromStr};

use base::{Timestamp, from_micros};
use sqlx::{Row as _, postgres::PgRow, sqlite::SqliteRow};

use crate::Error;

/// One row; columns are read by name, and a value of another form than asked for is [`Error::Corrupt`].
#[derive(Debug)]
pub struct Row(pub(crate) Source);

pub(crate) enum Source {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl std::fmt::Debug for Source {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("row")
    }
}

macro_rules! getter {
    ($(#[$doc:meta])* $name:ident, $type:ty) => {
        $(#[$doc])*
        pub fn $name(&self, column: &str) -> Result<$type, Error> {
            match &self.0 {
                Source::Sqlite(row) => Ok(row.try_get(column)?),
                Source::Postgres(row) => Ok(row.try_get(column)?),
            }
        }
    };
}

impl Row {
    getter!(text, String);
    getter!(opt_text, Option<String>);
    getter!(int, i64);
    getter!(opt_int, Option<i64>);
    getter!(bool, bool);
    getter!(bytes, Vec<u8>);
    getter!(opt_bytes, Option<Vec<u8>>);

    /// A BIGINT of microseconds as a point in time.
    pub fn time(&self, column: &str) -> Result<Timestamp, Error> {
        self.int(column).map(from_micros)
    }

    pub fn opt_time(&self, column: &str) -> Result<Option<Timestamp>, Error> {
        Ok(self.opt_int(column)?.map(from_micros))
    }

    /// A TEXT in the form of one of our own types.
    pub fn parse<T: FromStr<Err: Display>>(&self, column: &str) -> Result<T, Error> {
        self.text(column)?.parse().map_err(|error| Error::Corrupt(format!("column {column}: {error}")))
    }

    pub fn opt_parse<T: FromStr<Err: Display>>(&self, column: &str) -> Result<Option<T>, Error> {
        self.opt_text(column)?
            .map(|text| text.parse().map_err(|error| Error::Corrupt(format!("column {column}: {error}"))))
            .transpose()
    }
}
