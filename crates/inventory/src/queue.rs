//! Executables on their way to the thread that looks at them: many small ones or few large ones, so much memory at most.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

use base::limits::EXECUTABLES_WAITING_BYTES;

use crate::content::Executable;

/// Both threads hold it; it ends for the one when the other closes it.
#[derive(Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Executable>,
    bytes: usize,
    closed: bool,
}

impl Queue {
    /// Add one; waits for room, unless nothing else is there.
    pub(crate) fn push(&self, executable: Executable) {
        let bytes = executable.len();
        let full =
            |state: &mut State| state.bytes > 0 && state.bytes + bytes > EXECUTABLES_WAITING_BYTES && !state.closed;
        let waited = self.changed.wait_while(self.lock(), full);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        if state.closed {
            // Nobody looks any more; the end of the walk says why.
            return;
        }
        state.bytes += bytes;
        state.waiting.push_back(executable);
        self.changed.notify_all();
    }

    /// The next one, instead of the last one, whose room is free then; None when there will be no more.
    pub(crate) fn pop(&self, done: Option<Executable>) -> Option<Executable> {
        let bytes = done.as_ref().map_or(0, Executable::len);
        drop(done);
        let mut state = self.lock();
        state.bytes -= bytes;
        self.changed.notify_all();
        let empty = |state: &mut State| state.waiting.is_empty() && !state.closed;
        let mut state = self.changed.wait_while(state, empty).unwrap_or_else(PoisonError::into_inner);
        state.waiting.pop_front()
    }

    /// Nothing more comes.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
