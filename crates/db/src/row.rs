//! One row of an answer.

use std::{fmt::Display, str::FromStr};

use base::{Timestamp, from_micros};
use rusqlite::types::Value;
use sqlx::{Row as _, postgres::PgRow};

use crate::{Error, sqlite::SqliteRow};

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

/// A value of SQLite as one of our types; a column that may be NULL is an `Option`.
trait FromValue: Sized {
    fn from_value(value: &Value) -> Option<Self>;
}

impl FromValue for String {
    fn from_value(value: &Value) -> Option<String> {
        if let Value::Text(text) = value { Some(text.clone()) } else { None }
    }
}

impl FromValue for i64 {
    fn from_value(value: &Value) -> Option<i64> {
        if let Value::Integer(number) = value { Some(*number) } else { None }
    }
}

impl FromValue for bool {
    fn from_value(value: &Value) -> Option<bool> {
        i64::from_value(value).map(|number| number != 0)
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: &Value) -> Option<Vec<u8>> {
        if let Value::Blob(bytes) = value { Some(bytes.clone()) } else { None }
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: &Value) -> Option<Option<T>> {
        if *value == Value::Null { Some(None) } else { T::from_value(value).map(Some) }
    }
}

fn read<T: FromValue>(row: &SqliteRow, column: &str) -> Result<T, Error> {
    let value = row.value(column)?;
    T::from_value(value).ok_or_else(|| Error::Corrupt(format!("column {column} holds {}", value.data_type())))
}

macro_rules! getter {
    ($(#[$doc:meta])* $name:ident, $type:ty) => {
        $(#[$doc])*
        pub fn $name(&self, column: &str) -> Result<$type, Error> {
            match &self.0 {
                Source::Sqlite(row) => read(row, column),
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
