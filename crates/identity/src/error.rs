//! Why something about an account could not be done.

/// By what the caller can do.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The credential is missing, wrong or no longer valid. It never says which, so that names cannot be tried out.
    #[error("the user name or password is wrong, or the token is no longer valid")]
    Unauthenticated,
    /// Also for the right password, until the wait is over.
    #[error(
        "too many wrong passwords for this account or from this address; wait {wait_s} s and try again (access tokens and \
         open sessions work meanwhile)"
    )]
    TooManyAttempts { wait_s: i64 },
    /// Said only to who holds the value of the token.
    #[error("the access token expired at {at}; make a new one, or have the robot's rotated")]
    TokenExpired { at: base::Timestamp },
    /// Nobody could ask the directory or the identity provider.
    #[error("{0}")]
    Unavailable(String),
    #[error("{0}")]
    Denied(String),
    #[error("there is no {what} {name}")]
    NotFound { what: &'static str, name: String },
    #[error("{0}")]
    Conflict(String),
    #[error("{0}")]
    Invalid(String),
    #[error(transparent)]
    Database(#[from] db::Error),
    #[error("{0}")]
    Internal(String),
}

impl Error {
    pub fn kind(&self) -> base::Kind {
        match self {
            Error::Unauthenticated | Error::TokenExpired { .. } => base::Kind::Unauthenticated,
            Error::Unavailable(_) => base::Kind::Unavailable,
            Error::TooManyAttempts { .. } => base::Kind::RateLimited,
            Error::Denied(_) => base::Kind::Denied,
            Error::NotFound { .. } => base::Kind::NotFound,
            Error::Conflict(_) => base::Kind::Conflict,
            Error::Invalid(_) => base::Kind::Invalid,
            Error::Database(error) => error.kind(),
            Error::Internal(_) => base::Kind::Internal,
        }
    }
}

impl From<base::InvalidName> for Error {
    fn from(error: base::InvalidName) -> Error {
        Error::Invalid(error.to_string())
    }
}
