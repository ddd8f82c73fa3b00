//! Files of snapshots and deltas, signed or not, and the folder that servers fetch them from.
//!
//! ```text
//!   FOLDER/
//!     latest.note              the signed claim of the newest snapshot: all that is asked for while nothing is new
//!     latest.tar               the newest snapshot, with that note
//!     delta/<hex>.tar          what leads to it from the snapshot of this digest, with that note
//!     snapshot/<hex>.tar       the last few, for the deltas of the next publication
//! ```
//!
//! Each file is replaced whole, `latest.note` at last, so that a web server may serve the folder meanwhile.

use std::{
    collections::BTreeSet,
    fs,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use advisory::{Archive, Claim, Content, Delta, Snapshot};
use anyhow::{Context, Result, bail, ensure};
use base::{Entropy, Secret, limits::PUBLISHED_SNAPSHOTS};
use serde_json::{Value, json};
use tlog::{KeyName, Note, Signer, VerifierKey};

use super::{put, read};

/// A snapshot, with the bytes of the note that came with it.
struct Held {
    snapshot: Snapshot,
    note: Option<Vec<u8>>,
}

/// The snapshot in a file, signed or not.
fn snapshot(path: &Path) -> Result<Snapshot> {
    Ok(held(path)?.snapshot)
}

/// The snapshot in a file that one of these keys signed; where there are none, anybody or nobody may have.
pub(crate) fn trusted(path: &Path, keys: &[VerifierKey]) -> Result<Trusted> {
    let Held { snapshot, note } = held(path)?;
    let untrusted = || format!("{} is not to be trusted: none of --advisories-key signed it", path.display());
    check(note.as_deref(), keys, &snapshot).with_context(untrusted)?;
    Ok(Trusted { snapshot, signed: note.is_some(), verified: !keys.is_empty() })
}

/// A snapshot, and what is known of its signature.
pub(crate) struct Trusted {
    pub(crate) snapshot: Snapshot,
    pub(crate) signed: bool,
    pub(crate) verified: bool,
}

fn held(path: &Path) -> Result<Held> {
    let bytes = read(path)?;
    let open = || {
        let archive = Archive::parse(&bytes)?;
        let Content::Snapshot(content) = archive.content else { bail!("it is a delta, where a snapshot belongs") };
        let snapshot = Snapshot::parse(content)?;
        check(archive.note, &[], &snapshot)?;
        Ok(Held { snapshot, note: archive.note.map(<[u8]>::to_vec) })
    };
    open().with_context(|| format!("{} is no snapshot", path.display()))
}

/// Whether a note is about this snapshot and, where keys are given, signed by one of them.
fn check(note: Option<&[u8]>, trusted: &[VerifierKey], snapshot: &Snapshot) -> Result<()> {
    let Some(note) = note else {
        ensure!(trusted.is_empty(), "nobody signed it");
        return Ok(());
    };
    let note = Note::parse(note)?;
    if !trusted.is_empty() {
        note.verify(trusted)?;
    }
    let claim: Claim = note.text().parse()?;
    ensure!(claim.is_of(snapshot), "the note with it is about another snapshot, {}", claim.digest);
    Ok(())
}

/// The key in a file.
pub(super) fn signer(path: &Path) -> Result<Signer> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Signer::from_text(&Secret::new(text)).with_context(|| format!("{} is no signing key", path.display()))
}

/// The signed note about a snapshot.
pub(super) fn note(snapshot: &Snapshot, signer: &Signer) -> Result<Vec<u8>> {
    Ok(Note::sign(Claim::of(snapshot).to_string(), signer)?.to_string().into_bytes())
}

/// An archive where there is a note, the mere file otherwise.
pub(super) fn packed(content: Content<'_>, note: Option<&[u8]>) -> Vec<u8> {
    match (note, content) {
        (Some(_), _) => Archive { content, note }.serialise(),
        (None, Content::Snapshot(bytes) | Content::Delta(bytes)) => bytes.to_vec(),
    }
}

pub(super) fn key(name: KeyName, out: &Path) -> Result<Value> {
    let signer = Signer::generate(name, &Entropy::System);
    let made = fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(out);
    let mut file = made.with_context(|| format!("cannot make {}", out.display()))?;
    writeln!(file, "{}", signer.to_text().expose())?;
    file.sync_all()?;
    Ok(json!({"file": out, "key": signer.verifier().to_string()}))
}

pub(super) fn delta(old: &Path, new: &Path, out: &Path) -> Result<Value> {
    let (old, new) = (held(old)?, held(new)?);
    let delta = Delta::between(&old.snapshot, &new.snapshot)?;
    let bytes = packed(Content::Delta(&delta.serialise()), new.note.as_deref());
    put(out, &bytes)?;
    Ok(json!({"old": delta.old(), "new": delta.new_digest(), "bytes": bytes.len()}))
}

pub(super) fn apply(old: &Path, delta: &Path, trusted: &[VerifierKey], out: &Path) -> Result<Value> {
    let bytes = read(delta)?;
    let archive = Archive::parse(&bytes)?;
    let Content::Delta(content) = archive.content else { bail!("{} is no delta", delta.display()) };
    let new = Delta::parse(content).with_context(|| format!("{} is no delta", delta.display()))?;
    let new = new.apply(&snapshot(old)?)?;
    check(archive.note, trusted, &new).with_context(|| format!("{} is not to be trusted", delta.display()))?;
    put(out, &packed(Content::Snapshot(new.bytes()), archive.note))?;
    Ok(json!({"digest": new.digest(), "advisories": new.advisory_count()}))
}

pub(super) fn publish(path: &Path, folder: &Path) -> Result<Value> {
    let new = held(path)?;
    let note = new.note.as_deref();
    let note = note.with_context(|| {
        format!("{} is not signed, and servers fetch only what is: build it with --sign", path.display())
    })?;
    for part in ["snapshot", "delta"] {
        let part = folder.join(part);
        fs::create_dir_all(&part).with_context(|| format!("cannot make {}", part.display()))?;
    }
    let mut before = Vec::new();
    for path in tars(&folder.join("snapshot"))? {
        let held = held(&path)?;
        if held.snapshot.digest() != new.snapshot.digest() {
            before.push((held.snapshot, path));
        }
    }
    before.sort_by_key(|(snapshot, _)| std::cmp::Reverse(snapshot.about().created));
    if let Some((newest, _)) = before.first() {
        let (new, old) = (new.snapshot.about().created, newest.about().created);
        ensure!(new >= old, "{} is of {new}, older than what is published, of {old}", path.display());
    }
    let whole = packed(Content::Snapshot(new.snapshot.bytes()), Some(note));
    replace(&folder.join("snapshot").join(tar_of(new.snapshot.digest())), &whole)?;
    let mut deltas = BTreeSet::new();
    for (number, (old, path)) in before.iter().enumerate() {
        if number + 1 >= PUBLISHED_SNAPSHOTS {
            fs::remove_file(path).with_context(|| format!("cannot remove {}", path.display()))?;
            continue;
        }
        let delta = packed(Content::Delta(&Delta::between(old, &new.snapshot)?.serialise()), Some(note));
        // One that is as long as all of it helps nobody.
        if delta.len() < whole.len() {
            let path = folder.join("delta").join(tar_of(old.digest()));
            replace(&path, &delta)?;
            deltas.insert(path);
        }
    }
    for path in tars(&folder.join("delta"))?.into_iter().filter(|path| !deltas.contains(path)) {
        fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
    }
    replace(&folder.join("latest.tar"), &whole)?;
    replace(&folder.join("latest.note"), note)?;
    Ok(json!({"digest": new.snapshot.digest(), "bytes": whole.len(), "deltas": deltas.len()}))
}

fn tar_of(digest: &str) -> String {
    format!("{}.tar", digest.trim_start_matches("sha256:"))
}

fn tars(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut all: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    all.retain(|path| path.extension().is_some_and(|extension| extension == "tar"));
    all.sort();
    Ok(all)
}

/// Never half of a file: it is written beside, then renamed.
fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let beside = path.with_extension("new");
    put(&beside, bytes)?;
    fs::rename(&beside, path).with_context(|| format!("cannot write {}", path.display()))
}
