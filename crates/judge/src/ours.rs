//! Our own side: every file of a corpus, given to the identifier as bytes without a name.

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use fingerprint::Index;
use sha2::{Digest, Sha256};

use crate::score::Named;

/// What was named in each case, and what it cost.
#[derive(Debug)]
pub struct Run {
    pub named: Vec<Vec<Named>>,
    pub bytes: u64,
    pub took: Duration,
}

/// Identifies the components of each case; `files` gives a case's files below `folder`.
///
/// # Errors
/// A file cannot be read.
pub fn identify(folder: &Path, cases: &[Vec<std::path::PathBuf>], index: &Index) -> Result<Run> {
    let began = Instant::now();
    let (next, bytes) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let named: Mutex<Vec<Vec<Named>>> = Mutex::new(vec![Vec::new(); cases.len()]);
    let work = || -> Result<()> {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(files) = cases.get(number) else { return Ok(()) };
            let mut found = Vec::new();
            for file in files {
                let path = folder.join(file);
                let data = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
                bytes.fetch_add(data.len(), Ordering::Relaxed);
                found.extend(one(index, &data));
            }
            named.lock().expect("nobody panics while holding it")[number] = found;
        }
    };
    thread::scope(|scope| {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("identifying never panics"))
    })?;
    let named = named.into_inner().expect("nobody panics while holding it");
    Ok(Run { named, bytes: bytes.into_inner() as u64, took: began.elapsed() })
}

fn one(index: &Index, data: &[u8]) -> impl Iterator<Item = Named> {
    let sha256: [u8; 32] = Sha256::digest(data).into();
    fingerprint::identify(index, data, Some(&sha256)).into_iter().map(|found| {
        let evidence = found.evidence.first().map(|first| format!("{first:?}")).unwrap_or_default();
        let evidence = evidence.chars().take(EVIDENCE_SHOWN).collect();
        Named { product: found.product, version: found.version, confidence: found.confidence, evidence }
    })
}

/// Characters of the first evidence that a wrong answer is listed with.
const EVIDENCE_SHOWN: usize = 160;
