//! The disk as a mounted file system, and the instant at which everything stops.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard},
};

use fuser::{BackgroundSession, Config, MountOption};
use rustix::process::{Pid, Signal, kill_process};

use crate::{
    disk::{Disk, Ino},
    layer::Layer,
    site::Site,
};

/// Where the program shall be killed: just before the so-many-th step of this sort.
#[derive(Clone, Copy, Debug)]
pub struct Trap {
    /// A sync of this site; none is any change of the disk.
    pub site: Option<Site>,
    pub left: u32,
}

/// The disk and who works on it.
#[derive(Debug)]
pub struct State {
    pub disk: Disk,
    /// Syncs of these sites do nothing and say that they did.
    pub ignored: BTreeSet<Site>,
    /// How often each site was synced, for the report.
    pub synced: BTreeMap<Site, u64>,
    trap: Option<Trap>,
    /// The program that is killed.
    victim: Option<Pid>,
    frozen: bool,
    before: HashMap<u32, Site>,
    pub(crate) listings: HashMap<u64, Vec<(std::ffi::OsString, Ino)>>,
    pub(crate) next_listing: u64,
}

/// A handle to the disk; cheap to clone.
#[derive(Clone, Debug)]
pub struct Shared(Arc<Mutex<State>>);

/// The mount; it ends with this.
#[derive(Debug)]
pub struct Mounted(Option<BackgroundSession>);

/// The disk has stopped: the operation does not happen.
#[derive(Debug)]
pub struct Stopped;

impl Shared {
    pub fn new(disk: Disk, ignored: BTreeSet<Site>) -> Shared {
        Shared(Arc::new(Mutex::new(State {
            disk,
            ignored,
            synced: BTreeMap::new(),
            trap: None,
            victim: None,
            frozen: false,
            before: HashMap::new(),
            listings: HashMap::new(),
            next_listing: 1,
        })))
    }

    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no holder of this lock can panic")
    }

    pub fn mount(&self, at: &Path) -> io::Result<Mounted> {
        let mut config = Config::default();
        config.mount_options = vec![MountOption::FSName("crash".to_owned()), MountOption::NoAtime];
        config.n_threads = Some(2);
        Ok(Mounted(Some(fuser::spawn_mount(Layer(self.clone()), at, &config)?)))
    }
}

impl Mounted {
    /// Unmount, so that the system forgets what it kept of the files.
    pub fn unmount(mut self) -> io::Result<()> {
        match self.0.take().map_or(Ok(()), BackgroundSession::umount_and_join) {
            // The kernel cut the connection before one of the threads had asked it again: it ends either way.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => Ok(()),
            outcome => outcome,
        }
    }
}

impl State {
    /// Work goes on, with a trap or none.
    pub fn thaw(&mut self, trap: Option<Trap>) {
        self.trap = trap;
        self.victim = None;
        self.frozen = false;
        self.before.clear();
        self.listings.clear();
    }

    /// Who is to be killed. It may be too late for who ran into the trap at once.
    pub fn watch(&mut self, victim: Pid) {
        self.victim = Some(victim);
        if self.frozen {
            self.stop();
        }
    }

    pub fn arm(&mut self, trap: Trap) {
        self.trap = Some(trap);
    }

    /// The trap of the start is not for later.
    pub fn disarm(&mut self) {
        self.trap = None;
    }

    pub fn is_frozen(&self) -> bool {
        self.frozen
    }

    /// Stop everything now: nothing changes on this disk any more, and the program is dead.
    pub fn stop(&mut self) {
        self.frozen = true;
        if let Some(victim) = self.victim {
            // Gone already is as good.
            let _gone = kill_process(victim, Signal::KILL);
        }
    }

    /// Ask before each change, with the site when it is a sync.
    pub fn step(&mut self, site: Option<Site>) -> Result<(), Stopped> {
        if self.frozen {
            return Err(Stopped);
        }
        let Some(trap) = self.trap.as_mut().filter(|trap| trap.site.is_none() || trap.site == site) else {
            return Ok(());
        };
        trap.left = trap.left.saturating_sub(1);
        if trap.left > 0 {
            return Ok(());
        }
        self.trap = None;
        self.stop();
        Err(Stopped)
    }

    /// A sync of a file or folder by this thread. Gives whether it shall happen.
    pub fn sync(&mut self, ino: Ino, thread: u32) -> Result<bool, Stopped> {
        let site = Site::of(&self.disk.path(ino), self.before.get(&thread).copied());
        self.before.insert(thread, site);
        self.step(Some(site))?;
        *self.synced.entry(site).or_default() += 1;
        Ok(!self.ignored.contains(&site))
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn a_trap_stops_before_its_step_and_everything_after_it() {
        let shared = Shared::new(Disk::new(UNIX_EPOCH), BTreeSet::new());
        let mut state = shared.lock();
        state.thaw(Some(Trap { site: Some(Site::Wal), left: 2 }));
        assert!(state.step(Some(Site::Wal)).is_ok());
        assert!(state.step(None).is_ok() && state.step(Some(Site::Database)).is_ok());
        assert!(state.step(Some(Site::Wal)).is_err() && state.is_frozen());
        assert!(state.step(None).is_err());
        state.thaw(Some(Trap { site: None, left: 1 }));
        assert!(state.step(None).is_err());
    }

    #[test]
    fn an_ignored_sync_is_counted_and_does_not_happen() {
        let shared = Shared::new(Disk::new(UNIX_EPOCH), BTreeSet::from([Site::AboveData]));
        let mut state = shared.lock();
        assert!(matches!(state.sync(crate::disk::ROOT, 1), Ok(false)));
        assert_eq!(state.synced.get(&Site::AboveData), Some(&1));
    }
}
