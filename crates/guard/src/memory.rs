//! The allow-set in memory: what every answer is made from.

use std::sync::{Arc, RwLock};

use admit::AllowSet;
use base::Timestamp;

/// What the guard knows now. Cheap to read; replaced whole.
#[derive(Debug)]
pub(crate) struct Memory {
    server_url: String,
    held: RwLock<Held>,
}

#[derive(Clone, Debug, Default)]
struct Held {
    set: Option<Arc<AllowSet>>,
    /// Names the set when asking for a newer one; of no meaning after a restart.
    etag: Option<String>,
    /// When the server last said that this is the set.
    reached_at: Option<Timestamp>,
    /// Why the server's last answer was no use, for the person who is refused.
    trouble: Option<String>,
}

impl Memory {
    /// Start with the set of the last life, if there is one.
    pub(crate) fn new(server_url: &str, set: Option<AllowSet>) -> Memory {
        let held = Held { set: set.map(Arc::new), ..Held::default() };
        Memory { server_url: server_url.to_owned(), held: RwLock::new(held) }
    }

    /// The set, if it still counts; otherwise a sentence that says since when there is none.
    pub(crate) fn current(&self, now: Timestamp) -> Result<Arc<AllowSet>, String> {
        let held = self.read();
        let url = &self.server_url;
        let trouble = held.trouble.map(|trouble| format!(" ({trouble})")).unwrap_or_default();
        let Some(set) = held.set else {
            return Err(format!(
                "this guard never got the list of signed images from {url}{trouble}, so nothing may run yet"
            ));
        };
        if !set.is_expired(now) {
            return Ok(set);
        }
        let since = held.reached_at.unwrap_or(set.issued_at);
        Err(format!(
            "{url} was not reached since {since}{trouble} and the list of signed images ended at {}, so nothing new may run \
             until it answers",
            set.expires_at
        ))
    }

    pub(crate) fn etag(&self) -> Option<String> {
        self.read().etag
    }

    /// Take a set that the pinned key signed. Gives whether it counts: while the held one does, one issued before it does
    /// not, so that nobody can bring back what was revoked.
    pub(crate) fn take(&self, set: AllowSet, etag: Option<String>, now: Timestamp) -> bool {
        let mut held = self.held.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        let older = held.set.as_ref().is_some_and(|held| set.issued_at < held.issued_at && !held.is_expired(now));
        if older {
            held.trouble = Some(format!("its last answer was a list issued earlier, at {}", set.issued_at));
            return false;
        }
        *held = Held { set: Some(Arc::new(set)), etag, reached_at: Some(now), trouble: None };
        true
    }

    /// The server said that the held set is still the one.
    pub(crate) fn confirm(&self, now: Timestamp) {
        let mut held = self.held.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        held.reached_at = Some(now);
        held.trouble = None;
    }

    /// The server did not answer, or not in a way that counts. Gives whether that is news.
    pub(crate) fn failed(&self, why: String) -> bool {
        let mut held = self.held.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        let news = held.trouble.as_ref() != Some(&why);
        held.trouble = Some(why);
        news
    }

    fn read(&self) -> Held {
        // A writer cannot panic half-way: it assigns.
        self.held.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use admit::AllowSet;
    use base::Timestamp;

    use super::Memory;

    fn set(issued: &str, expires: &str) -> AllowSet {
        AllowSet {
            authority: "assay.test:8443".to_owned(),
            enabled: true,
            expires_at: expires.parse().unwrap(),
            images: Vec::new(),
            issued_at: issued.parse().unwrap(),
            teams: Vec::new(),
        }
    }

    #[test]
    fn nothing_runs_before_the_first_set_and_after_the_last() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let memory = Memory::new("https://assay.test:8443", None);
        assert!(memory.current(at("2026-01-01T00:00:00Z")).unwrap_err().contains("never got"));
        assert!(memory.take(set("2026-01-01T00:00:00Z", "2026-01-01T00:10:00Z"), None, at("2026-01-01T00:00:01Z")));
        assert!(memory.current(at("2026-01-01T00:09:59Z")).is_ok());
        memory.confirm(at("2026-01-01T00:04:00Z"));
        assert!(memory.failed("connection refused".to_owned()) && !memory.failed("connection refused".to_owned()));
        let reason = memory.current(at("2026-01-01T00:10:00Z")).unwrap_err();
        assert!(reason.contains("not reached since 2026-01-01T00:04:00Z (connection refused)"), "{reason}");
    }

    #[test]
    fn an_older_set_never_comes_back() {
        let now = "2026-01-01T00:00:01Z".parse().unwrap();
        let memory = Memory::new("https://assay.test:8443", Some(set("2026-01-01T00:00:00Z", "2026-01-01T00:10:00Z")));
        assert!(!memory.take(set("2025-12-31T23:59:59Z", "2026-01-01T00:20:00Z"), None, now));
        assert_eq!(memory.current(now).unwrap().issued_at, "2026-01-01T00:00:00Z".parse().unwrap());
        assert!(memory.take(set("2026-01-01T00:00:00Z", "2026-01-01T00:10:00Z"), Some("e".to_owned()), now));
        assert_eq!(memory.etag().as_deref(), Some("e"));
    }
}
