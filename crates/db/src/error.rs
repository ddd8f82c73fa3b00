//! What can go wrong between us and the database.

use rusqlite::ffi;

/// A failure of the database, by what the caller can do.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// A unique or foreign key said no; the caller decides what that means in its own words.
    #[error("the database refused a row: {0}")]
    Refused(String),
    /// The engine is busy, gone or full; the same request may work later.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// A stored value does not have the form this program writes; somebody else wrote it.
    #[error("the database holds a value this program did not write: {0}")]
    Corrupt(String),
    /// The database was made by a newer or an altered program.
    #[error("the database has an unknown schema: {0}")]
    Schema(String),
}

impl Error {
    /// The kind of this failure for the edges.
    pub fn kind(&self) -> base::Kind {
        match self {
            Error::Refused(_) => base::Kind::Conflict,
            Error::Unavailable(_) => base::Kind::Unavailable,
            Error::Corrupt(_) | Error::Schema(_) => base::Kind::Internal,
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Error {
        match &error {
            sqlx::Error::Database(cause) if cause.is_unique_violation() || cause.is_foreign_key_violation() => {
                Error::Refused(cause.to_string())
            }
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::ColumnNotFound(_) | sqlx::Error::Decode(_) => {
                Error::Corrupt(error.to_string())
            }
            _ => Error::Unavailable(error.to_string()),
        }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Error {
        let extended = error.sqlite_error().map(|cause| cause.extended_code);
        match extended {
            Some(
                ffi::SQLITE_CONSTRAINT_UNIQUE
                | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
                | ffi::SQLITE_CONSTRAINT_ROWID
                | ffi::SQLITE_CONSTRAINT_FOREIGNKEY,
            ) => Error::Refused(error.to_string()),
            _ => Error::Unavailable(error.to_string()),
        }
    }
}

/// Whether a query of SQLite was broken off because it took too long for where it ran.
pub(crate) fn is_interrupted(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted)
}

/// Whether PostgreSQL asks for the whole transaction again (SQLSTATE 40001 and 40P01).
pub(crate) fn asks_for_retry(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|cause| cause.code());
    matches!(code.as_deref(), Some("40001" | "40P01"))
}
