//! Passwords: stretched with argon2id, on a thread that may block.

use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use base::Secret;

use crate::Error;

/// NIST SP 800-63B asks for at least 8 characters and for accepting long ones; the upper bound keeps hashing cheap.
const LENGTH_MIN: usize = 8;
const LENGTH_MAX: usize = 256;

/// Refuse what is too short or too long to be a password.
pub(crate) fn check_form(password: &Secret) -> Result<(), Error> {
    let length = password.expose().chars().count();
    if (LENGTH_MIN..=LENGTH_MAX).contains(&length) {
        Ok(())
    } else {
        Err(Error::Invalid(format!("a password has {LENGTH_MIN} to {LENGTH_MAX} characters, this one has {length}")))
    }
}

/// The hash to store, in the PHC string format.
pub(crate) async fn hash(password: Secret) -> Result<String, Error> {
    blocking(move || {
        Argon2::default()
            .hash_password(password.expose().as_bytes())
            .map(|hash| hash.to_string())
            .map_err(|error| Error::Internal(format!("the password could not be hashed: {error}")))
    })
    .await?
}

/// Whether the password is the one of this hash. An absent hash costs the same time as a present one.
pub(crate) async fn verify(password: Secret, hash: Option<String>) -> Result<bool, Error> {
    /// A hash of a random value nobody knows, so that an unknown name takes as long as a known one.
    const NOBODY: &str =
        "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$lCPVpFxNnuOeKB+RpnqaBKbzpIcsQ1gCmfqD1RUBcpQ";
    blocking(move || {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| NOBODY.to_owned());
        let matches = Argon2::default().verify_password(password.expose().as_bytes(), hash.as_str()).is_ok();
        known && matches
    })
    .await
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Error::Internal(error.to_string()))
}
