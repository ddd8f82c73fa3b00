//! Long-lived programs: a log each, readiness by looking, an end by process id.
//!
//! Every program runs in a process group of its own, so that Ctrl-C reaches xtask alone and the end comes in order. It
//! is also tied to xtask by the kernel (`PR_SET_PDEATHSIG`, through util-linux's `setpriv`): when xtask is killed, so is
//! it. That tie hangs on the *thread* that started the program, hence one thread that starts them all and never ends.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::{Cleanup, Ticket};
use crate::{command, wait};

/// Lines of a log that an error repeats.
const ERROR_LINES: usize = 15;

/// A program that runs until it is stopped; at the latest by [`Cleanup`].
pub struct Process {
    name: String,
    pid: u32,
    log: PathBuf,
    /// Where this process's part of the log begins: a restarted program appends.
    log_start: u64,
    child: Arc<Mutex<Child>>,
    cleanup: Cleanup,
    ticket: Ticket,
}

impl Process {
    /// Starts a program with its output appended to `log`. The command may carry arguments, environment and folder;
    /// not `env_clear`, which cannot be read back from it.
    ///
    /// # Errors
    /// The program or its log cannot be started or opened.
    pub fn spawn(cleanup: &Cleanup, name: &str, command: &Command, log: &Path) -> Result<Process> {
        let out = OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .with_context(|| format!("cannot open the log {}", log.display()))?;
        let log_start = out.metadata()?.len();
        let child = spawn_tied(command, out).with_context(|| format!("cannot start {name}"))?;
        let pid = child.id();
        let child = Arc::new(Mutex::new(child));
        let undone = Arc::clone(&child);
        let ticket = cleanup.add(format!("process {name}"), move || end(&undone));
        let (name, log, cleanup) = (name.to_owned(), log.to_owned(), cleanup.clone());
        Ok(Process { name, pid, log, log_start, child, cleanup, ticket })
    }

    /// Its id; the one to `kill -9`.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// What it printed since it was started.
    pub fn said(&self) -> String {
        let bytes = fs::read(&self.log).unwrap_or_default();
        let from = usize::try_from(self.log_start).unwrap_or(usize::MAX).min(bytes.len());
        String::from_utf8_lossy(&bytes[from..]).into_owned()
    }

    /// How it ended, if it did.
    ///
    /// # Errors
    /// The kernel does not know it.
    pub fn ended(&self) -> Result<Option<ExitStatus>> {
        Ok(self.child.lock().unwrap_or_else(PoisonError::into_inner).try_wait()?)
    }

    /// Looks until the program is ready; gives up at once when it has ended.
    ///
    /// # Errors
    /// The probe failed, the program ended, or `limit` went by; with the tail of its log.
    pub fn ready(&self, what: &str, limit: Duration, mut probe: impl FnMut() -> Result<bool>) -> Result<()> {
        let what = format!("{}: {what}", self.name);
        wait::until(&what, limit, || {
            if probe()? {
                return Ok(Some(()));
            }
            match self.ended()? {
                Some(status) => bail!("{} ended with {status} before it was ready", self.name),
                None => Ok(None),
            }
        })
        .with_context(|| format!("{} says:\n{}", self.name, command::tail(&self.said(), ERROR_LINES)))
    }

    /// Sends it one signal.
    ///
    /// # Errors
    /// It is gone.
    pub fn signal(&self, number: Signal) -> Result<()> {
        signal(self.pid, number).with_context(|| format!("cannot signal {}", self.name))
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// `limit` went by.
    pub fn end(&self, limit: Duration) -> Result<ExitStatus> {
        wait::until(&format!("the end of {}", self.name), limit, || self.ended())
    }

    /// Asks it to end, and ends it with everything it started once `grace` is over.
    ///
    /// # Errors
    /// It cannot be ended.
    pub fn stop(&self, grace: Duration) -> Result<()> {
        if self.ended()?.is_none() {
            self.signal(Signal::TERM)?;
            // Late is no error here: what follows does not ask.
            let _in_time = self.end(grace);
        }
        self.cleanup.undo(self.ticket)
    }

    /// `kill -9`, of it and everything it started.
    ///
    /// # Errors
    /// It does not go.
    pub fn kill(&self) -> Result<()> {
        self.cleanup.undo(self.ticket)
    }
}

/// Sends a signal to any process id.
///
/// # Errors
/// No such process.
pub fn signal(pid: u32, number: Signal) -> Result<()> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).context("not a process id")?;
    Ok(kill_process(pid, number)?)
}

fn end(child: &Mutex<Child>) -> Result<()> {
    let mut child = child.lock().unwrap_or_else(PoisonError::into_inner);
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw).context("not a process id")?;
    // The group outlives its first process when that left children behind; gone altogether is what we want.
    let _gone_already = kill_process_group(group, Signal::KILL);
    child.wait()?;
    Ok(())
}

type Order = (Command, Sender<io::Result<Child>>);

fn spawn_tied(command: &Command, log: File) -> Result<Child> {
    static STARTER: OnceLock<Mutex<Sender<Order>>> = OnceLock::new();
    let starter = STARTER.get_or_init(|| {
        let (orders, inbox) = mpsc::channel::<Order>();
        thread::spawn(move || {
            for (mut command, answer) in inbox {
                // Nobody waiting for the answer means that xtask is ending, and the kernel ends the child with it.
                let _nobody_waits = answer.send(command.spawn());
            }
        });
        Mutex::new(orders)
    });
    let (answer, answered) = mpsc::channel();
    let order = (tied(command, log)?, answer);
    starter.lock().unwrap_or_else(PoisonError::into_inner).send(order).context("the starting thread is gone")?;
    Ok(answered.recv().context("the starting thread is gone")??)
}

fn tied(command: &Command, log: File) -> Result<Command> {
    let mut tied = Command::new("setpriv");
    tied.args(["--pdeathsig", "KILL", "--"]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => tied.env(name, value),
            None => tied.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        tied.current_dir(folder);
    }
    tied.process_group(0).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    Ok(tied)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::with_cleanup;

    #[test]
    fn a_program_that_ends_early_shows_its_log() {
        let folder = tempfile::tempdir().unwrap();
        with_cleanup(false, |cleanup| {
            let mut command = Command::new("sh");
            command.args(["-c", "echo the port is taken; exit 3"]);
            let process = Process::spawn(cleanup, "a shell", &command, &folder.path().join("log"))?;
            let error = process.ready("an answer", Duration::from_secs(20), || Ok(false)).unwrap_err();
            let text = format!("{error:#}");
            assert!(text.contains("the port is taken") && text.contains("before it was ready"), "{text}");
            Ok(())
        })
        .unwrap();
    }

    #[test]
    fn the_end_takes_children_along() {
        let folder = tempfile::tempdir().unwrap();
        let child = with_cleanup(false, |cleanup| {
            let mut command = Command::new("sh");
            command.args(["-c", "sleep 1000 & echo child $!; wait"]);
            let process = Process::spawn(cleanup, "a shell", &command, &folder.path().join("log"))?;
            process.ready("its child", Duration::from_secs(20), || Ok(process.said().ends_with('\n')))?;
            Ok(process.said().trim().trim_start_matches("child ").parse::<u32>()?)
        })
        .unwrap();
        wait::until("the child's end", Duration::from_secs(20), || {
            Ok(signal(child, Signal::CONT).is_err().then_some(()))
        })
        .unwrap();
    }
}
