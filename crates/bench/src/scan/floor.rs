//! What a full look at a layer costs at the least: two threads, no more, that unpack it, hash it three times over and go through its
//! executables once for some thousand words.
//!
//! ```text
//!   packed ─► SHA-256, inflate ─ chunks ─► SHA-256 of the tar ─► each file: SHA-256, and Aho-Corasick where it begins as ELF does
//!   one thread                             the other
//! ```
//!
//! The same inflater, SHA-256 and Aho-Corasick as the product's. The words are the names of all products in its index: what the
//! product looks up is every printable text by its hash, which is more. Nothing is parsed, kept or written, so that no scanner can be
//! quicker by much.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use anyhow::{Context, Result, anyhow};
use fingerprint::Index;
use flate2::bufread::MultiGzDecoder;
use serde_json::json;
use sha2::{Digest as _, Sha256};

const CHUNK: usize = 256 * 1024;
const CHUNKS: usize = 16;
/// Shorter names are in every file.
const WORD: usize = 4;

/// Says what it saw, so that nobody can take away the work.
pub fn run(layer: &Path) -> Result<serde_json::Value> {
    let words = words(Index::builtin());
    let searched = AhoCorasick::builder().kind(Some(AhoCorasickKind::DFA)).build(&words)?;
    let packed = File::open(layer).with_context(|| format!("cannot open {}", layer.display()))?;
    let (to_walk, chunks) = sync_channel(CHUNKS);
    let (back, spare) = channel();
    thread::scope(|scope| {
        let unpacking = scope.spawn(move || unpack(packed, &to_walk, &spare));
        let mut seen = Walk { chunks, back, present: Vec::new(), at: 0, tar: Sha256::new(), bytes: 0 };
        let walked = walk(&mut seen, &searched);
        let digest = unpacking.join().map_err(|_| anyhow!("the unpacking thread panicked"))??;
        let Files { files, executables, hits, sums } = walked?;
        Ok(json!({
            "packed": digest, "tar": hex(seen.tar), "bytes": seen.bytes, "files": files, "sums": hex(sums),
            "executableBytes": executables, "words": words.len(), "hits": hits,
        }))
    })
}

/// The names of the index's products.
fn words(index: &Index) -> Vec<String> {
    let names = (0..=u16::MAX).map_while(|number| index.product(number)).map(|product| product.name.to_owned());
    names.filter(|name| name.len() >= WORD).collect()
}

/// The digest of the packed bytes.
fn unpack(packed: File, to_walk: &SyncSender<Vec<u8>>, spare: &Receiver<Vec<u8>>) -> Result<String> {
    let hashed = Hashed { packed, hasher: Sha256::new() };
    let mut unpacked = MultiGzDecoder::new(io::BufReader::with_capacity(CHUNK, hashed));
    loop {
        let mut chunk = spare.try_recv().unwrap_or_default();
        chunk.resize(CHUNK, 0);
        let mut filled = 0;
        while filled < CHUNK {
            match unpacked.read(&mut chunk[filled..])? {
                0 => break,
                count => filled += count,
            }
        }
        if filled == 0 {
            return Ok(hex(unpacked.into_inner().into_inner().hasher));
        }
        chunk.truncate(filled);
        to_walk.send(chunk).map_err(|_| anyhow!("the walk ended before the layer"))?;
    }
}

struct Hashed {
    packed: File,
    hasher: Sha256,
}

impl Read for Hashed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.packed.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        Ok(count)
    }
}

struct Files {
    files: u64,
    executables: u64,
    hits: u64,
    /// Over the sums of all files.
    sums: Sha256,
}

fn walk(seen: &mut Walk, searched: &AhoCorasick) -> Result<Files> {
    let mut found = Files { files: 0, executables: 0, hits: 0, sums: Sha256::new() };
    let mut buffer = vec![0; CHUNK];
    let mut archive = tar::Archive::new(&mut *seen);
    for entry in archive.entries()? {
        let mut entry = entry?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let (mut hasher, mut first, mut executable) = (Sha256::new(), true, false);
        loop {
            let count = entry.read(&mut buffer)?;
            if count == 0 {
                break;
            }
            let bytes = &buffer[..count];
            hasher.update(bytes);
            executable |= std::mem::take(&mut first) && bytes.starts_with(b"\x7fELF");
            if executable {
                found.executables += count as u64;
                found.hits += searched.find_iter(bytes).count() as u64;
            }
        }
        found.files += 1;
        found.sums.update(hasher.finalize());
    }
    // The tar's sum covers what follows its end mark.
    while seen.read(&mut buffer)? > 0 {}
    Ok(found)
}

/// The tar stream as the walking thread reads it.
struct Walk {
    chunks: Receiver<Vec<u8>>,
    back: Sender<Vec<u8>>,
    present: Vec<u8>,
    at: usize,
    tar: Sha256,
    bytes: u64,
}

impl Read for Walk {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.present.len() {
            let Ok(chunk) = self.chunks.recv() else { return Ok(0) };
            self.tar.update(&chunk);
            self.bytes += chunk.len() as u64;
            // Nobody takes it when all is unpacked.
            let _ = self.back.send(std::mem::replace(&mut self.present, chunk));
            self.at = 0;
        }
        let count = buffer.len().min(self.present.len() - self.at);
        buffer[..count].copy_from_slice(&self.present[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

fn hex(hasher: Sha256) -> String {
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
