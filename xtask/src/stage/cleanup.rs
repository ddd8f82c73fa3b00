//! An end that always happens: success, failure, panic, Ctrl-C.
//!
//! Whatever makes something that outlives a process (a namespace, a network device, a control group, a saved file)
//! puts the undoing of it here at once. The undoings run last in, first out:
//!
//! ```text
//! story returns or panics ──► (KEEP=1: wait for Ctrl-C) ──► undo all ──► result of the story
//! SIGINT, SIGTERM, SIGHUP ─────────────────────────────────► undo all ──► exit 130
//! ```
//!
//! Against SIGKILL of xtask itself helps nothing here: processes are tied to it by the kernel
//! ([`super::Process`]) and the next [`super::Run`] sweeps the rest.

use std::process;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use anyhow::{Context, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

type Action = Box<dyn FnOnce() -> Result<()> + Send>;

/// The list of undoings; a clone is the same list.
#[derive(Clone)]
pub struct Cleanup {
    list: Arc<Mutex<List>>,
    /// Held while undoing, so that the process does not end in the middle of it.
    undoing: Arc<Mutex<()>>,
    holding: Arc<(Mutex<Holding>, Condvar)>,
}

/// One undoing of the list.
#[derive(Clone, Copy, Debug)]
pub struct Ticket(u64);

#[derive(Default)]
struct List {
    next: u64,
    actions: Vec<(u64, String, Action)>,
    closed: bool,
}

#[derive(PartialEq)]
enum Holding {
    No,
    Yes,
    Released,
}

/// Plays a story and cleans up after it, however it ends; with `keep`, only once Ctrl-C says so.
///
/// # Errors
/// Those of the story, or signals cannot be caught.
pub fn with_cleanup<T>(keep: bool, story: impl FnOnce(&Cleanup) -> Result<T>) -> Result<T> {
    let cleanup = Cleanup::new();
    cleanup.listen()?;
    let guard = Guard(cleanup.clone());
    let result = story(&cleanup);
    if keep {
        match &result {
            Ok(_) => println!("everything stays up; Ctrl-C ends and cleans it"),
            Err(error) => println!("failed: {error:#}\neverything stays up; Ctrl-C ends and cleans it"),
        }
        cleanup.hold();
    }
    drop(guard);
    result
}

impl Cleanup {
    fn new() -> Cleanup {
        Cleanup {
            list: Arc::default(),
            undoing: Arc::default(),
            holding: Arc::new((Mutex::new(Holding::No), Condvar::new())),
        }
    }

    /// Adds an undoing; when the end has begun already, it runs at once.
    pub fn add(&self, name: impl Into<String>, action: impl FnOnce() -> Result<()> + Send + 'static) -> Ticket {
        let name = name.into();
        let mut list = locked(&self.list);
        let ticket = Ticket(list.next);
        list.next += 1;
        if list.closed {
            drop(list);
            perform(&name, Box::new(action));
        } else {
            list.actions.push((ticket.0, name, Box::new(action)));
        }
        ticket
    }

    /// Runs one undoing now, unless it ran already.
    ///
    /// # Errors
    /// Those of the undoing.
    pub fn undo(&self, ticket: Ticket) -> Result<()> {
        let mut list = locked(&self.list);
        let Some(place) = list.actions.iter().position(|(id, ..)| *id == ticket.0) else { return Ok(()) };
        let (_, name, action) = list.actions.remove(place);
        drop(list);
        action().with_context(|| format!("cannot clean up {name}"))
    }

    /// Runs every undoing now: for a story that looks at what is left.
    pub fn finish(&self) {
        self.undo_all();
    }

    fn undo_all(&self) {
        let _one_at_a_time = locked(&self.undoing);
        locked(&self.list).closed = true;
        loop {
            let last = locked(&self.list).actions.pop();
            let Some((_, name, action)) = last else { return };
            perform(&name, action);
        }
    }

    fn listen(&self) -> Result<()> {
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).context("cannot catch signals")?;
        let cleanup = self.clone();
        thread::spawn(move || {
            for _ in signals.forever() {
                if cleanup.release() {
                    continue;
                }
                eprintln!("\ninterrupted, cleaning up");
                cleanup.undo_all();
                process::exit(130);
            }
        });
        Ok(())
    }

    fn hold(&self) {
        let (state, changed) = &*self.holding;
        let mut state = locked(state);
        *state = Holding::Yes;
        while *state == Holding::Yes {
            state = changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Ends [`Cleanup::hold`]; false when nobody holds or held.
    fn release(&self) -> bool {
        let (state, changed) = &*self.holding;
        let mut state = locked(state);
        if *state == Holding::No {
            return false;
        }
        *state = Holding::Released;
        changed.notify_all();
        true
    }
}

struct Guard(Cleanup);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.undo_all();
    }
}

fn perform(name: &str, action: Action) {
    if let Err(error) = action() {
        eprintln!("cannot clean up {name}: {error:#}");
    }
}

/// A panic elsewhere must not stop the cleaning, hence no poisoning.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn undoes_last_in_first_out_and_each_once() {
        let (sender, receiver) = mpsc::channel();
        let result: Result<()> = with_cleanup(false, |cleanup| {
            let mut tickets = Vec::new();
            for number in 0..4 {
                let sender = sender.clone();
                tickets.push(cleanup.add("a number", move || sender.send(number).map_err(Into::into)));
            }
            cleanup.undo(tickets[1])?;
            cleanup.undo(tickets[1])?;
            anyhow::bail!("the story failed")
        });
        assert_eq!(result.unwrap_err().to_string(), "the story failed");
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [1, 3, 2, 0]);
    }
}
