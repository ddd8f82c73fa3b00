//! In which order entries get their index.

use std::sync::atomic::{AtomicI64, Ordering};

use base::{Timestamp, micros};

/// The last ordinal given: microseconds since 1970, but never twice and never back.
///
/// The time of an entry is that of its request, and a request that began earlier may write later; ordered by it, a fold
/// over the log would end with the wrong value. So entries are ordered by when they were *appended*: two transactions that
/// change the same row cannot overlap, hence the one that wins last also appended last.
static LAST: AtomicI64 = AtomicI64::new(0);

pub(crate) fn next(now: Timestamp) -> i64 {
    let next = |last: i64| (last + 1).max(micros(now));
    let last = LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(next(last)));
    next(last.expect("the update always gives a value"))
}

/// Give only larger ordinals from now on: those of an earlier process whose clock ran ahead are in the table.
pub(crate) fn raise(at_least: i64) {
    LAST.fetch_max(at_least, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use base::from_micros;

    #[test]
    fn they_follow_the_clock_and_never_go_back() {
        let first = super::next(from_micros(1_000));
        assert!(first >= 1_000);
        let second = super::next(from_micros(5));
        assert!(second > first);
        super::raise(second + 50);
        assert!(super::next(from_micros(5)) > second + 50);
    }
}
