//! The log of one job: masked, limited, numbered by bytes, ready to be sent in pieces.

use std::sync::{Mutex, MutexGuard};

use base::{Clock, limits};
use tokio::sync::Notify;

use crate::mask::Masker;

/// Kept free at the end of a log for the sentence that it was cut and the runner's last lines.
const RESERVE_BYTES: usize = 4 * 1024;

/// The server takes pieces of at most this size (the stock runner's).
const PIECE_BYTES: usize = 1024 * 1024;

/// What is sent at once, without waiting for the interval.
const PROMPT_BYTES: usize = 16 * 1024;

/// Where the job writes and the uplink reads.
#[derive(Debug)]
pub(crate) struct Log {
    inner: Mutex<Inner>,
    /// Woken when there is something new to send, or the log was closed.
    pub(crate) news: Notify,
    clock: Clock,
}

#[derive(Debug)]
struct Inner {
    masker: Masker,
    trace: Trace,
    closed: bool,
}

/// The bytes of a log and how far the server has them.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    bytes: Vec<u8>,
    sent: usize,
    full: bool,
}

impl Log {
    pub(crate) fn new(masker: Masker, clock: Clock) -> Log {
        let inner = Inner { masker, trace: Trace::default(), closed: false };
        Log { inner: Mutex::new(inner), news: Notify::new(), clock }
    }

    /// Output of the job, as it comes.
    pub(crate) fn write(&self, chunk: &[u8]) {
        let mut inner = self.lock();
        let mut shown = Vec::with_capacity(chunk.len());
        inner.masker.push(chunk, &mut shown);
        inner.trace.append(&shown);
        drop(inner);
        self.news.notify_one();
    }

    /// A line of the runner's own.
    pub(crate) fn line(&self, text: &str) {
        self.write(format!("{text}\n").as_bytes());
    }

    /// A line of the runner's own that stands out.
    pub(crate) fn heading(&self, text: &str) {
        self.line(&format!("\x1b[36;1m{text}\x1b[0;m"));
    }

    /// Begin a part of the log that viewers can fold.
    pub(crate) fn section(&self, name: &str, title: &str) {
        self.write(format!("section_start:{}:{name}\r\x1b[0K", self.clock.now().as_second()).as_bytes());
        self.heading(title);
    }

    pub(crate) fn section_end(&self, name: &str) {
        self.write(format!("section_end:{}:{name}\r\x1b[0K", self.clock.now().as_second()).as_bytes());
    }

    /// Write the last line; nothing is taken after it.
    pub(crate) fn close(&self, last: &str) {
        let mut inner = self.lock();
        if !inner.closed {
            inner.closed = true;
            let mut shown = Vec::new();
            inner.masker.push(last.as_bytes(), &mut shown);
            inner.masker.finish(&mut shown);
            inner.trace.append_last(&shown);
        }
        drop(inner);
        self.news.notify_one();
    }

    pub(crate) fn closed(&self) -> bool {
        self.lock().closed
    }

    /// Whether there is something to send.
    pub(crate) fn waiting(&self) -> bool {
        self.lock().trace.waiting() > 0
    }

    /// The next piece to send and the place of its first byte.
    pub(crate) fn piece(&self) -> Option<(usize, Vec<u8>)> {
        self.lock().trace.piece()
    }

    /// Whether so much waits that it should not wait for the interval.
    pub(crate) fn urgent(&self) -> bool {
        let inner = self.lock();
        inner.trace.waiting() >= PROMPT_BYTES || inner.closed
    }

    /// The server has this many bytes.
    pub(crate) fn acknowledge(&self, total: usize) -> bool {
        self.lock().trace.acknowledge(total)
    }

    /// The length of the log and its CRC-32 (IEEE), which the server compares with what it got.
    pub(crate) fn checksum(&self) -> (usize, String) {
        let inner = self.lock();
        (inner.trace.bytes.len(), format!("crc32:{:08x}", crc32fast::hash(&inner.trace.bytes)))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no holder of this lock can panic")
    }
}

impl Trace {
    fn append(&mut self, shown: &[u8]) {
        if self.full {
            return;
        }
        let limit = usize::try_from(limits::JOB_TRACE_BYTES).unwrap_or(usize::MAX) - RESERVE_BYTES;
        let room = limit.saturating_sub(self.bytes.len());
        self.bytes.extend_from_slice(&shown[..shown.len().min(room)]);
        if shown.len() > room {
            self.full = true;
            // The stock runner's sentence: people and tools look for it.
            let sentence = format!(
                "\n\x1b[33;1mJob's log exceeded limit of {} bytes.\n\
                 Job execution will continue but no more output will be collected.\x1b[0;m\n",
                limits::JOB_TRACE_BYTES
            );
            self.bytes.extend_from_slice(sentence.as_bytes());
        }
    }

    /// The verdict is shown even when the log is full; the reserve has room for it.
    fn append_last(&mut self, shown: &[u8]) {
        self.bytes.extend_from_slice(&shown[..shown.len().min(RESERVE_BYTES / 2)]);
    }

    fn waiting(&self) -> usize {
        self.bytes.len() - self.sent
    }

    fn piece(&self) -> Option<(usize, Vec<u8>)> {
        let end = self.bytes.len().min(self.sent + PIECE_BYTES);
        if end == self.sent { None } else { Some((self.sent, self.bytes[self.sent..end].to_vec())) }
    }

    /// Believe the server about what it has, unless it claims more than there is.
    fn acknowledge(&mut self, total: usize) -> bool {
        if total <= self.bytes.len() {
            self.sent = total;
            true
        } else {
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use base::{Clock, limits};
    use proptest::prelude::*;

    use super::{Log, PIECE_BYTES};
    use crate::mask::Masker;

    fn log() -> Log {
        Log::new(Masker::new([], []), Clock::fixed(base::from_micros(5_000_000)))
    }

    #[test]
    fn marks_sections() {
        let log = log();
        log.section("get_sources", "Getting source");
        log.section_end("get_sources");
        log.close("end\n");
        log.close("never");
        let (start, bytes) = log.piece().unwrap();
        assert_eq!(start, 0);
        assert_eq!(
            String::from_utf8(bytes).unwrap(),
            "section_start:5:get_sources\r\x1b[0K\x1b[36;1mGetting source\x1b[0;m\nsection_end:5:get_sources\r\x1b[0Kend\n"
        );
    }

    #[test]
    fn cuts_a_log_at_the_limit_and_still_shows_the_verdict() {
        let log = log();
        let chunk = vec![b'x'; 1_000_000];
        for _ in 0..6 {
            log.write(&chunk);
        }
        log.close("Job succeeded\n");
        let mut all = Vec::new();
        while let Some((start, bytes)) = log.piece() {
            assert_eq!(start, all.len());
            assert!(bytes.len() <= PIECE_BYTES);
            all.extend_from_slice(&bytes);
            assert!(log.acknowledge(all.len()));
        }
        assert!(all.len() as u64 <= limits::JOB_TRACE_BYTES);
        let text = String::from_utf8(all).unwrap();
        assert!(text.contains("Job's log exceeded limit of 4194304 bytes."));
        assert!(text.ends_with("Job succeeded\n"));
        assert_eq!(log.checksum().0, text.len());
    }

    #[test]
    fn checksum_is_crc32_ieee() {
        let log = log();
        log.write(b"123456789");
        assert_eq!(log.checksum(), (9, "crc32:cbf43926".to_owned()));
    }

    proptest! {
        /// Whatever the server claims to have, what it ends up with is the log.
        #[test]
        fn a_server_that_loses_bytes_gets_them_again(
            chunks in prop::collection::vec("[a-z\n]{0,40}", 0..20),
            answers in prop::collection::vec((any::<bool>(), 0usize..900), 0..40),
        ) {
            let log = log();
            let mut expected = String::new();
            let mut server = Vec::new();
            let mut answers = answers.into_iter();
            for chunk in chunks {
                log.write(chunk.as_bytes());
                expected += &chunk;
                let Some((start, bytes)) = log.piece() else { continue };
                prop_assert_eq!(start, server.len());
                match answers.next() {
                    Some((true, kept)) => {
                        server.extend_from_slice(&bytes);
                        server.truncate(kept);
                    }
                    Some((false, _)) => {}
                    None => server.extend_from_slice(&bytes),
                }
                prop_assert!(log.acknowledge(server.len()));
            }
            log.close("");
            while let Some((_, bytes)) = log.piece() {
                server.extend_from_slice(&bytes);
                log.acknowledge(server.len());
            }
            prop_assert_eq!(server, expected.into_bytes());
            prop_assert!(!log.acknowledge(usize::MAX));
        }
    }
}
