//! How old the advisories are, in words: it stands beside everything that was found with them.

use base::Timestamp;
use db::Tx;
use serde::Serialize;

use crate::{Error, Scan, SnapshotInfo, store};

/// The age of the snapshot in use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Age {
    /// When its newest record was taken; None for the built-in set, which is never current.
    pub created: Option<Timestamp>,
    /// Whole days since then.
    pub days: Option<i64>,
    /// Nothing newer came for as many days as the settings allow: what was published since is not found.
    pub stale: bool,
    pub stale_days: u32,
}

impl Age {
    pub fn of(snapshot: &SnapshotInfo, stale_days: u32, now: Timestamp) -> Age {
        if snapshot.never_stale {
            return Age { created: None, days: None, stale: false, stale_days };
        }
        let hours = now.duration_since(snapshot.created).as_hours();
        let stale = hours >= i64::from(stale_days) * 24;
        Age { created: Some(snapshot.created), days: Some(hours.max(0) / 24), stale, stale_days }
    }

    /// `of 2026-11-20, 10 days old: STALE, …`
    pub fn words(&self) -> String {
        let (Some(created), Some(days)) = (self.created, self.days) else {
            return "built in: only a beginning, whose age says nothing".to_owned();
        };
        bom::age(created, days, self.stale)
    }
}

impl Scan {
    /// How old the snapshot in use is.
    pub async fn age(&self, tx: &mut Tx, now: Timestamp) -> Result<Age, Error> {
        Ok(Age::of(&self.snapshot(), store::updates(tx).await?.stale_days, now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshots::info;

    #[test]
    fn days_count_and_a_week_is_stale() {
        let age = |created: &str, now: &str| {
            let about = advisory::About { created: created.parse().unwrap(), ..advisory::About::default() };
            let snapshot = advisory::Snapshot::new(about, Vec::new()).unwrap();
            Age::of(&info(&snapshot, &[]), 7, now.parse().unwrap())
        };
        let new = age("2026-11-01T00:00:00Z", "2026-11-01T23:00:00Z");
        assert_eq!((new.stale, new.words().as_str()), (false, "of 2026-11-01, less than a day old"));
        // A clock that is behind makes nothing younger than new.
        assert_eq!(age("2026-11-03T00:00:00Z", "2026-11-01T00:00:00Z").days, Some(0));
        let almost = age("2026-11-01T00:00:00Z", "2026-11-07T23:59:59Z");
        assert_eq!((almost.stale, almost.words().as_str()), (false, "of 2026-11-01, 6 days old"));
        let old = age("2026-11-01T00:00:00Z", "2026-11-08T00:00:00Z");
        assert!(old.stale && old.words().starts_with("of 2026-11-01, 7 days old: STALE"), "{}", old.words());
        let starter = Age::of(&info(advisory::starter(), &[]), 7, Timestamp::MAX);
        assert!(!starter.stale && starter.words().starts_with("built in"));
    }
}
