//! Time as an argument.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

/// A point in time, UTC. In SQL it is a BIGINT of microseconds since 1970, see [`micros`].
pub type Timestamp = jiff::Timestamp;

/// The clock of the machine, or one that a test moves by hand.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    #[default]
    System,
    /// Microseconds since 1970; stands still until somebody stores another value.
    Fixed(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands still at `at`.
    pub fn fixed(at: Timestamp) -> Clock {
        Clock::Fixed(Arc::new(AtomicI64::new(at.as_microsecond())))
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    pub fn now(&self) -> Timestamp {
        match self {
            Clock::System => from_micros(Timestamp::now().as_microsecond()),
            Clock::Fixed(at) => from_micros(at.load(Ordering::SeqCst)),
        }
    }
}

/// A point in time as SQL stores it: microseconds since 1970-01-01T00:00:00Z.
pub fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// The point in time that SQL stored; a number outside the range of years -9999 to 9999 is cut to it.
pub fn from_micros(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(if micros < 0 { Timestamp::MIN } else { Timestamp::MAX })
}
