//! Whether something was killed while somebody worked: then, and only then, the work may be done again.
//!
//! A kill round takes Assay's programs away in the middle of other programs' work. A person whose `docker login` fails
//! because the server was away for a second looks, waits and types it again. What fails while nothing was killed is a defect,
//! and is never tried again.
//!
//! ```text
//!  killer ── begin ──── kill ─ start ─ ready ── end ──►          one at a time
//!  work        └─ watch ──── fails ─────────────┴─ disturbed() ─► again
//! ```

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

static STATE: Mutex<State> = Mutex::new(State { down: 0, outages: Vec::new(), remarks: Vec::new() });
static CHANGED: Condvar = Condvar::new();

struct State {
    down: usize,
    outages: Vec<Outage>,
    remarks: Vec<String>,
}

/// A program was away from the kill until it was ready again.
#[derive(Clone, Copy, Debug)]
pub struct Outage {
    pub from: Timestamp,
    pub until: Timestamp,
}

/// While it lives, something is away.
#[derive(Debug)]
pub struct Away {
    place: usize,
}

/// What was the matter when somebody began to work.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    outages: usize,
    down: bool,
}

/// Something is about to be killed.
pub fn begin() -> Away {
    let mut state = state();
    state.down += 1;
    let now = now();
    state.outages.push(Outage { from: now, until: now });
    Away { place: state.outages.len() - 1 }
}

impl Drop for Away {
    fn drop(&mut self) {
        let mut state = state();
        state.down -= 1;
        state.outages[self.place].until = now();
        CHANGED.notify_all();
    }
}

/// Notes how things stand.
pub fn watch() -> Watch {
    let state = state();
    Watch { outages: state.outages.len(), down: state.down > 0 }
}

impl Watch {
    /// Whether something was killed since; does not wait.
    pub fn is_past(self) -> bool {
        state().outages.len() > self.outages
    }

    /// Whether something was away since; waits until it is back.
    pub fn disturbed(self) -> bool {
        let mut state = state();
        while state.down > 0 {
            state = CHANGED.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        self.down || state.outages.len() > self.outages
    }
}

impl Outage {
    /// Whether something that lasted from one time to the other met this outage.
    pub fn met(&self, from: Timestamp, until: Timestamp) -> bool {
        from <= self.until && self.from <= until
    }
}

/// All outages so far, in order.
pub fn outages() -> Vec<Outage> {
    state().outages.clone()
}

/// Something was done again because of an outage; people are told after the step.
pub fn remark(text: String) {
    state().remarks.push(text);
}

/// What there is to tell, once.
pub fn remarks() -> Vec<String> {
    std::mem::take(&mut state().remarks)
}

#[expect(clippy::disallowed_methods, reason = "compared with the times that Assay gives its jobs; a chore has no Ctx")]
fn now() -> Timestamp {
    Timestamp::now()
}

/// A panic elsewhere must not stop the others, hence no poisoning.
fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_worked_meanwhile_is_disturbed() {
        let before = watch();
        let away = begin();
        let during = watch();
        drop(away);
        assert!(before.disturbed() && during.disturbed() && !watch().disturbed());
        let last = outages().pop().unwrap();
        assert!(last.met(last.until, last.until) && last.met(Timestamp::MIN, last.from));
        assert!(!last.met(Timestamp::MIN, Timestamp::MIN) && !last.met(Timestamp::MAX, Timestamp::MAX));
    }
}
