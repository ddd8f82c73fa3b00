//! Three threads for one layer: one unpacks, one hashes the whole, and the caller's walks through the archive.
//!
//! ```text
//!   packed ─► unpack ──┬─ chunks ─► walk   (the caller: members, their digests, what they say)
//!                      └─ chunks ─► digest (SHA-256 of the tar: the diff ID)
//! ```
//!
//! Inflating is serial and takes the longest, so nothing else is done in its thread. Chunks are shared, not copied, and come back
//! to be filled again: memory is [`CHUNKS`] times [`CHUNK_BYTES`] at most.

use std::{
    io::Read,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::Scope,
};

use base::limits::CHUNK_BYTES;
use sha2::{Digest, Sha256};

use crate::{Compression, Error, Limits, stream::Unpacked};

/// Chunks on their way between two threads.
const CHUNKS: usize = 16;

/// How far a layer is read, and a way to have it given up; shared with whoever waits.
#[derive(Debug, Default)]
pub struct Progress {
    unpacked_bytes: AtomicU64,
    stopped: AtomicBool,
}

impl Progress {
    /// Bytes of the tar stream that were unpacked so far.
    pub fn unpacked_bytes(&self) -> u64 {
        self.unpacked_bytes.load(Ordering::Relaxed)
    }

    /// Give up: whoever reads gets [`Error::Stopped`] before the next chunk.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }
}

/// The tar stream of one layer, as the walking thread sees it.
pub(crate) struct Pipe {
    chunks: Receiver<Result<Chunk, Error>>,
    /// What is left of the present chunk begins here.
    present: Option<(Chunk, usize)>,
    offset: u64,
}

/// The diff ID and the number of unpacked bytes, when the whole stream was read.
pub(crate) type Whole<'scope> = std::thread::ScopedJoinHandle<'scope, (String, u64)>;

#[derive(Clone)]
struct Chunk(Arc<Bytes>);

/// Goes back to the pool when the last of its readers is done.
struct Bytes {
    filled: Vec<u8>,
    pool: Pool,
}

type Pool = Arc<Mutex<Vec<Vec<u8>>>>;

impl Drop for Bytes {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.filled);
        self.pool.lock().unwrap_or_else(PoisonError::into_inner).push(buffer);
    }
}

/// Start unpacking. The threads end with the scope: at the end of the stream, after an error, or when the pipe is dropped.
pub(crate) fn open<'scope, 'env, R: Read + Send + 'scope>(
    scope: &'scope Scope<'scope, 'env>,
    packed: R,
    compression: Compression,
    limits: Limits,
    progress: &'scope Progress,
) -> (Pipe, Whole<'scope>) {
    let (to_walk, chunks) = sync_channel(CHUNKS);
    let (to_digest, digested) = sync_channel(CHUNKS);
    scope.spawn(move || {
        if let Err(error) = unpack(packed, compression, limits, progress, &to_walk, &to_digest) {
            // Nobody waits for it when the walk ended first.
            let _ = to_walk.send(Err(error));
        }
    });
    (Pipe { chunks, present: None, offset: 0 }, scope.spawn(move || digest(&digested)))
}

fn unpack(
    packed: impl Read,
    compression: Compression,
    limits: Limits,
    progress: &Progress,
    to_walk: &SyncSender<Result<Chunk, Error>>,
    to_digest: &SyncSender<Chunk>,
) -> Result<(), Error> {
    let pool = Pool::default();
    let mut unpacked = Unpacked::open(packed, compression, limits)?;
    loop {
        if progress.stopped.load(Ordering::Relaxed) {
            return Err(Error::Stopped);
        }
        let spare = pool.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut buffer = spare.unwrap_or_default();
        buffer.resize(CHUNK_BYTES, 0);
        let count = unpacked.fill(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        buffer.truncate(count);
        progress.unpacked_bytes.fetch_add(count as u64, Ordering::Relaxed);
        let chunk = Chunk(Arc::new(Bytes { filled: buffer, pool: Arc::clone(&pool) }));
        if to_digest.send(chunk.clone()).is_err() || to_walk.send(Ok(chunk)).is_err() {
            return Ok(());
        }
    }
}

fn digest(chunks: &Receiver<Chunk>) -> (String, u64) {
    let mut hasher = Sha256::new();
    let mut bytes = 0;
    for chunk in chunks {
        hasher.update(&chunk.0.filled);
        bytes += chunk.0.filled.len() as u64;
    }
    (format!("sha256:{}", hex::encode(hasher.finalize())), bytes)
}

impl Pipe {
    /// Bytes of the tar stream that were taken so far.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// The next bytes, at most `limit`; empty only at the end or when the limit is 0.
    pub(crate) fn next(&mut self, limit: u64) -> Result<&[u8], Error> {
        while self.present.as_ref().is_none_or(|(chunk, at)| *at == chunk.0.filled.len()) {
            self.present = None;
            match self.chunks.recv() {
                Ok(chunk) => self.present = Some((chunk?, 0)),
                // The unpacking thread ended: that was all.
                Err(_) => return Ok(&[]),
            }
        }
        let Some((chunk, at)) = &mut self.present else { return Ok(&[]) };
        let rest = &chunk.0.filled[*at..];
        let count = rest.len().min(usize::try_from(limit).unwrap_or(usize::MAX));
        *at += count;
        self.offset += count as u64;
        Ok(&rest[..count])
    }

    /// Fill the buffer; fewer bytes only at the end of the stream.
    pub(crate) fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        let mut filled = 0;
        while filled < buffer.len() {
            let bytes = self.next((buffer.len() - filled) as u64)?;
            if bytes.is_empty() {
                break;
            }
            buffer[filled..filled + bytes.len()].copy_from_slice(bytes);
            filled += bytes.len();
        }
        Ok(filled)
    }

    /// Read to the end, whatever follows the archive: the diff ID covers it too.
    pub(crate) fn drain(&mut self) -> Result<(), Error> {
        while !self.next(u64::MAX)?.is_empty() {}
        Ok(())
    }
}
