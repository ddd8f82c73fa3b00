//! Reading entries: by index, by what they are about, by who and what.

use base::{Id, Timestamp, limits};

use crate::{Body, Error, Log, log::signed, store};

/// An entry as it is stored. The columns are for finding it; the body is what was hashed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEntry {
    pub id: String,
    /// Its place in the log; none while it waits for one.
    pub index: Option<u64>,
    pub at: Timestamp,
    pub kind: String,
    pub actor: String,
    /// The leaf, canonical JSON.
    pub body: String,
}

impl StoredEntry {
    /// What the leaf says.
    pub fn parsed(&self) -> Result<Body, Error> {
        Body::parse(self.body.as_bytes())
    }
}

/// Which entries of the log to list; all of them by default, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only entries after this index.
    pub after: Option<u64>,
    /// Only entries before this index.
    pub before: Option<u64>,
    pub kind: Option<String>,
    pub actor: Option<String>,
    pub subject: Option<String>,
    pub newest_first: bool,
    /// At most `limits::PAGE_MAX`, which is also taken for more; `limits::PAGE_DEFAULT` for none.
    pub limit: Option<usize>,
}

impl Log {
    /// Entries that have an index. The next page begins after (or, newest first, before) the index of the last one.
    pub async fn entries(&self, filter: &Filter) -> Result<Vec<StoredEntry>, Error> {
        let limit = filter.limit.unwrap_or(limits::PAGE_DEFAULT).min(limits::PAGE_MAX);
        let (after, before) = (filter.after.map_or(-1, signed), filter.before.map_or(i64::MAX, signed));
        Ok(store::entries(&mut self.0.db.read().await?, filter, after, before, limit).await?)
    }

    /// All entries about a subject in the order of the log, those that wait for an index last: one step of the walk along a
    /// chain. Read page by page, of one moment; more than `limits::AUDIT_ABOUT_ENTRIES` are an error, never a part.
    pub async fn about(&self, subject: &str) -> Result<Vec<StoredEntry>, Error> {
        let (mut tx, mut found, mut after) = (self.0.db.read().await?, Vec::new(), -1);
        loop {
            let page = store::about(&mut tx, subject, after, limits::PAGE_MAX).await?;
            let more = page.len() == limits::PAGE_MAX;
            after = page.last().and_then(|entry| entry.index).map_or(after, signed);
            found.extend(page);
            if found.len() > limits::AUDIT_ABOUT_ENTRIES {
                return Err(Error::TooMany { subject: subject.to_owned() });
            }
            if !more {
                break;
            }
        }
        let waiting = store::waiting_about(&mut tx, subject, limits::AUDIT_ABOUT_ENTRIES).await?;
        found.extend(waiting);
        Ok(found)
    }

    /// The first entries about a subject, `limits::PAGE_MAX` at most, those that wait for an index last.
    pub async fn first_about(&self, subject: &str, limit: usize) -> Result<Vec<StoredEntry>, Error> {
        let limit = limit.min(limits::PAGE_MAX);
        let mut tx = self.0.db.read().await?;
        let mut found = store::about(&mut tx, subject, -1, limit).await?;
        let waiting = store::waiting_about(&mut tx, subject, limit - found.len()).await?;
        found.extend(waiting);
        Ok(found)
    }

    /// Entries back from this id, it included, or from the newest for an empty one; also those that wait for an index. About a
    /// subject, or about anything; made before a time, as far as ids tell: to the millisecond.
    pub async fn backwards(
        &self,
        subject: Option<&str>,
        from: &str,
        before: Option<Timestamp>,
        limit: usize,
    ) -> Result<Vec<StoredEntry>, Error> {
        // Behind all ids.
        let newest = if from.is_empty() { "~" } else { from };
        let bound = before.map(|at| format!("{}~", Id::<StoredEntry>::beginning(at)));
        let from = bound.as_deref().map_or(newest, |bound| newest.min(bound));
        Ok(store::backwards(&mut self.0.db.read().await?, subject, from, limit.min(limits::PAGE_MAX)).await?)
    }

    /// One entry by its id: where a cause points to.
    pub async fn entry(&self, id: &str) -> Result<StoredEntry, Error> {
        let found = store::entry(&mut self.0.db.read().await?, id).await?;
        found.ok_or_else(|| Error::NotFound(format!("there is no audit entry {id:?}")))
    }

    /// The entry at an index.
    pub async fn entry_at(&self, index: u64) -> Result<StoredEntry, Error> {
        let found = store::entry_at(&mut self.0.db.read().await?, signed(index)).await?;
        found.ok_or_else(|| Error::NotFound(format!("there is no audit entry with index {index}")))
    }
}
