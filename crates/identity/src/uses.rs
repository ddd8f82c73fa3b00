//! When access tokens were used: remembered here, written now and then.
//!
//! A write for each request would cost more than most requests. So a use is a line in memory, and every few minutes those
//! that are new go into the rows. A crash forgets the last minutes, which tells nobody that a token is unused for weeks.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use base::{Ctx, Timestamp, limits};

use crate::{AccessToken, Error, Identity, store};

/// The last uses of this process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Uses(Arc<Mutex<HashMap<String, Use>>>);

#[derive(Clone, Copy, Debug)]
struct Use {
    at: Timestamp,
    written: bool,
}

impl Uses {
    /// A token was used. Within the grain nothing changes; when there is no room, the use is not remembered.
    pub(crate) fn note(&self, token: &str, now: Timestamp) {
        let mut uses = self.lock();
        let full = uses.len() >= limits::TOKEN_USES;
        match uses.get_mut(token) {
            Some(last) if now.duration_since(last.at).unsigned_abs() < limits::TOKEN_USE_GRAIN => {}
            Some(last) => *last = Use { at: now, written: false },
            None if full => {}
            None => {
                uses.insert(token.to_owned(), Use { at: now, written: false });
            }
        }
    }

    /// The later of what the row says and what is remembered.
    pub(crate) fn fill(&self, token: &mut AccessToken) {
        let known = self.lock().get(token.id.as_str()).map(|last| last.at);
        token.last_used_at = token.last_used_at.max(known);
    }

    fn unwritten(&self) -> Vec<(String, Timestamp)> {
        let uses = self.lock();
        uses.iter().filter(|(_, last)| !last.written).map(|(id, last)| (id.clone(), last.at)).collect()
    }

    /// Keep what is fresh, so that it is not written again within the grain.
    fn written(&self, ids: &[(String, Timestamp)], now: Timestamp) {
        let mut uses = self.lock();
        for (id, at) in ids {
            if let Some(last) = uses.get_mut(id).filter(|last| last.at == *at) {
                last.written = true;
            }
        }
        uses.retain(|_, last| !last.written || now.duration_since(last.at).unsigned_abs() < limits::TOKEN_USE_GRAIN);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Use>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Identity {
    /// Write when tokens were used: a timer's work, in each process. It is no state that the log guards.
    pub async fn write_uses(&self, ctx: &Ctx) -> Result<usize, Error> {
        let uses = self.uses.unwritten();
        for some in uses.chunks(500) {
            db::write_soon!(self.db, ctx, |tx| {
                for (id, at) in some {
                    store::set_token_used(tx, id, *at).await?;
                }
                Ok::<_, Error>(())
            })?;
            self.uses.written(some, ctx.now);
        }
        Ok(uses.len())
    }
}
