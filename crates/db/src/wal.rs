//! The way of SQLite's write-ahead log to the disk: one sync for all commits that wait for it.
//!
//! A commit appends to the log and is seen at once; it is there to stay when the log is synced. The engine could do both together
//! (`synchronous = FULL`), but then everybody else waits for the disk too. With `NORMAL` it only appends, and what FULL would do
//! next is done here, outside the writer's lock: fdatasync of the log, the same call on the same file
//! (sqlite.org/wal.html, "Performance Considerations"). Frames carry checksums, so that after a power cut the log ends where it
//! was last synced or somewhat later, never in between.
//!
//! ```text
//!   append 1 ─► append 2 ─► append 3 ─► …        under the writer's lock
//!      └ sync ─────┐  └───────┴ sync ───────      one at a time; each covers all that was appended when it began
//! ```
//!
//! A sync that failed is not tried again: the kernel forgets what it could not write, and the next one would succeed without
//! it. Nothing is written from then on until the program is started again, which reads what the disk has.

use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use tokio::sync::Mutex;

use crate::Error;

/// The log file of the one writer.
#[derive(Debug)]
pub(crate) struct Wal {
    file: Arc<File>,
    /// How many commits were appended.
    appended: AtomicU64,
    /// How many of them are on the disk. Held by whoever syncs.
    synced: Mutex<u64>,
    broken: AtomicBool,
}

impl Wal {
    /// The log beside an open database.
    pub(crate) fn of(database: &Path) -> Result<Wal, Error> {
        let mut name = database.as_os_str().to_owned();
        name.push("-wal");
        let path = PathBuf::from(name);
        let file = File::open(&path).map_err(|error| Error::Unavailable(format!("{}: {error}", path.display())))?;
        Ok(Wal::over(file))
    }

    fn over(file: File) -> Wal {
        Wal { file: Arc::new(file), appended: AtomicU64::new(0), synced: Mutex::new(0), broken: AtomicBool::new(false) }
    }

    /// A commit was appended; gives its number, for [`Wal::sync`].
    pub(crate) fn appended(&self) -> u64 {
        self.appended.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// Return when this commit is on the disk.
    pub(crate) async fn sync(&self, number: u64) -> Result<(), Error> {
        let mut synced = self.synced.lock().await;
        self.check()?;
        if *synced >= number {
            return Ok(());
        }
        let until = self.appended.load(Ordering::Acquire);
        let file = Arc::clone(&self.file);
        match tokio::task::spawn_blocking(move || file.sync_data()).await {
            Ok(Ok(())) => {
                *synced = until;
                Ok(())
            }
            outcome => {
                self.broken.store(true, Ordering::Release);
                tracing::error!(
                    ?outcome,
                    "the database's log did not reach the disk; nothing is written until a restart"
                );
                self.check()
            }
        }
    }

    /// Refuse to go on after a failed sync.
    pub(crate) fn check(&self) -> Result<(), Error> {
        match self.broken.load(Ordering::Acquire) {
            true => Err(Error::Unavailable(
                "the disk failed to keep the database's log; look at the disk, then start the server again".to_owned(),
            )),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::Wal;
    use crate::Error;

    #[tokio::test]
    async fn one_sync_is_for_all_that_was_appended_before() {
        let wal = Wal::over(tempfile::tempfile().unwrap());
        let (first, second) = (wal.appended(), wal.appended());
        wal.sync(second).await.unwrap();
        assert_eq!(*wal.synced.lock().await, second);
        wal.sync(first).await.unwrap();
        wal.check().unwrap();
    }

    #[tokio::test]
    async fn a_failed_sync_is_final() {
        // A device that cannot be synced: EINVAL.
        let wal = Wal::over(File::open("/dev/null").unwrap());
        let number = wal.appended();
        for _ in 0..2 {
            assert!(matches!(wal.sync(number).await, Err(Error::Unavailable(_))));
            assert!(matches!(wal.check(), Err(Error::Unavailable(_))));
        }
        assert_eq!(*wal.synced.lock().await, 0, "nobody was told that it is kept");
    }
}
