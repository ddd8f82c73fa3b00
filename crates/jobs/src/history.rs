//! What is kept of jobs that ended.

use std::time::Duration;

use base::limits;

/// How much of the past is kept. Whatever is set, never more than `limits::JOB_HISTORY` jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct History {
    /// Whether the two below hold.
    pub compaction: bool,
    /// How many jobs that ended are kept; 0 for no limit of one's own.
    pub to_keep: u32,
    /// For how long; zero for no limit.
    pub max_age: Duration,
}

/// New values; what is `None` stays.
#[derive(Clone, Copy, Debug, Default)]
pub struct HistoryChanges {
    pub compaction: Option<bool>,
    pub to_keep: Option<u32>,
    pub max_age: Option<Duration>,
}

impl Default for History {
    fn default() -> History {
        History { compaction: true, to_keep: 10_000, max_age: Duration::from_secs(30 * 24 * 60 * 60) }
    }
}

impl History {
    pub(crate) fn with(self, changes: HistoryChanges) -> History {
        History {
            compaction: changes.compaction.unwrap_or(self.compaction),
            to_keep: changes.to_keep.unwrap_or(self.to_keep),
            max_age: changes.max_age.unwrap_or(self.max_age),
        }
    }

    /// How many are kept.
    pub(crate) fn most(&self) -> u32 {
        match self.to_keep {
            1.. if self.compaction => self.to_keep.min(limits::JOB_HISTORY),
            _ => limits::JOB_HISTORY,
        }
    }

    /// For how long, if that is limited.
    pub(crate) fn age(&self) -> Option<Duration> {
        (self.compaction && !self.max_age.is_zero()).then_some(self.max_age)
    }

    /// How the log writes them.
    pub(crate) fn guard(&self) -> String {
        format!("compaction {} keep {} age {}s", self.compaction, self.to_keep, self.max_age.as_secs())
    }
}

#[cfg(test)]
mod tests {
    use base::limits;

    use super::History;

    #[test]
    fn it_is_bounded_whatever_is_set() {
        let usual = History::default();
        assert_eq!(usual.most(), 10_000);
        assert_eq!(History { compaction: false, ..usual }.most(), limits::JOB_HISTORY);
        assert_eq!(History { to_keep: 0, ..usual }.most(), limits::JOB_HISTORY);
        assert_eq!(History { to_keep: u32::MAX, ..usual }.most(), limits::JOB_HISTORY);
        assert_eq!(History { compaction: false, ..usual }.age(), None);
    }
}
