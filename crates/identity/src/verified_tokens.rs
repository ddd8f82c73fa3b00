//! Tokens whose signature was verified a moment ago: a client sends the same one with each of its requests.
//!
//! Only what never changes is remembered, that this text is signed by us and what it says; under the text's SHA-256, so that no
//! token is kept. Whether it is still valid, and whether its account still stands, is decided at each request.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use base::{Timestamp, limits};
use sha2::{Digest as _, Sha256};

use crate::Claims;

/// What the tokens say that were seen lately; at most `limits::VERIFIED_TOKENS`.
#[derive(Debug, Default)]
pub(crate) struct VerifiedTokens(Mutex<HashMap<[u8; 32], Arc<Claims>>>);

impl VerifiedTokens {
    /// What this text says, from memory or as `verify` finds it.
    pub(crate) fn claims<E>(
        &self,
        token: &str,
        now: Timestamp,
        verify: impl FnOnce() -> Result<Claims, E>,
    ) -> Result<Arc<Claims>, E> {
        let key = Sha256::digest(token.as_bytes()).into();
        if let Some(known) = self.lock().get(&key) {
            return Ok(Arc::clone(known));
        }
        let claims = Arc::new(verify()?);
        let mut known = self.lock();
        if known.len() >= limits::VERIFIED_TOKENS {
            known.retain(|_, claims| claims.ends_at() > now);
        }
        if known.len() >= limits::VERIFIED_TOKENS {
            known.clear();
        }
        known.insert(key, Arc::clone(&claims));
        Ok(claims)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 32], Arc<Claims>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
