//! Waiting for something to become true, always with a deadline.
//!
//! The deadline is for a world in which nothing is killed: an outage ([`crate::unrest`]) starts the clock anew.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::unrest;

/// Between two looks: short enough that waiting costs nothing, long enough that looking costs nothing.
const PAUSE: Duration = Duration::from_millis(15);

/// The same where a look starts a program and asks a server.
const DEAR_PAUSE: Duration = Duration::from_millis(200);

/// Looks until the probe finds a value.
///
/// # Errors
/// The probe failed, or `limit` went by; then the error names `what` was awaited.
pub fn until<T>(what: &str, limit: Duration, probe: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    looking(PAUSE, what, limit, probe)
}

/// As [`until`], for probes that cost something.
///
/// # Errors
/// As [`until`].
pub fn patiently<T>(what: &str, limit: Duration, probe: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    looking(DEAR_PAUSE, what, limit, probe)
}

fn looking<T>(pause: Duration, what: &str, limit: Duration, mut probe: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let (mut started, mut watch) = (Instant::now(), unrest::watch());
    loop {
        if let Some(found) = probe()? {
            return Ok(found);
        }
        if watch.is_past() {
            (started, watch) = (Instant::now(), unrest::watch());
        }
        if started.elapsed() >= limit {
            bail!("gave up after {} s waiting for {what}", limit.as_secs());
        }
        thread::sleep(pause);
    }
}
