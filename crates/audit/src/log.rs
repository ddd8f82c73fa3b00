//! The log as a service: opening it, asking it, proving to others what it holds.

use std::{path::PathBuf, sync::Arc, time::Duration};

use base::{Clock, Ctx, Entropy};
use db::{Db, Tx};
use tlog::{Checkpoint, Frontier, Note, Receipt, Signer, TileSet, VerifierKey};
use tokio::sync::{Mutex, Notify, watch};

use crate::{
    Error,
    builder::Builder,
    error::blocking,
    files::Files,
    ordinal,
    store::{self, Head},
};

/// How long one who waits for an index sleeps at most: another replica may have given it.
const POLL: Duration = Duration::from_millis(200);
/// How often a proof is made anew because its tiles were replaced by wider ones meanwhile.
const PROOF_ATTEMPTS: u32 = 5;

/// The log of one installation; cheap to clone.
#[derive(Clone, Debug)]
pub struct Log(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub db: Db,
    pub signer: Signer,
    pub origin: String,
    pub files: Files,
    pub clock: Clock,
    pub entropy: Entropy,
    /// Held by whoever sequences, writes files or verifies.
    pub standing: Arc<Mutex<Standing>>,
    pub view: watch::Sender<View>,
    /// Told when somebody waits for an index.
    pub hurry: Notify,
}

/// Whether the files may be written.
#[derive(Debug)]
pub(crate) enum Standing {
    /// They were not compared with the database, or writing them was interrupted.
    Unknown,
    /// They are what the database says, up to the builder's size.
    Ready(Box<Builder>),
    /// One of the two was altered; nothing is signed any more.
    Contradicted(String),
}

/// What readers see without waiting for the sequencer.
#[derive(Clone, Debug, Default)]
pub(crate) struct View {
    /// The last checkpoint whose files are all written, and its size.
    pub published: Option<(Note, u64)>,
    pub contradiction: Option<String>,
}

/// The row of the log, checked.
#[derive(Clone, Debug)]
pub(crate) struct Signed {
    pub frontier: Frontier,
    pub note: Note,
    pub checkpoint: Checkpoint,
}

impl Log {
    /// Open the log and bring the files in `folder` to what the database says. `origin` names the log in its checkpoints
    /// and should be the name of the signer's key.
    ///
    /// Reads the whole log once: a sequencer that signs on top of altered entries would bless them. A contradiction is
    /// logged and kept, see [`Log::contradiction`]; the log then opens for reading and appending only.
    pub async fn open(
        db: Db,
        signer: Signer,
        origin: &str,
        folder: PathBuf,
        clock: Clock,
        entropy: Entropy,
    ) -> Result<Log, Error> {
        let log = Log(Arc::new(Inner {
            db,
            signer,
            origin: origin.to_owned(),
            files: Files::new(folder),
            clock,
            entropy,
            standing: Arc::new(Mutex::new(Standing::Unknown)),
            view: watch::Sender::new(View::default()),
            hurry: Notify::new(),
        }));
        let files = log.0.files.clone();
        blocking(move || files.create()).await?;
        log.begin().await?;
        let mut standing = log.0.standing.lock().await;
        match log.settle(&mut standing).await {
            Ok(()) | Err(Error::Contradicted(_)) => {}
            Err(error) => return Err(error),
        }
        drop(standing);
        Ok(log)
    }

    /// The public half of the key that signs; what an auditor is given once.
    pub fn verifier(&self) -> &VerifierKey {
        self.0.signer.verifier()
    }

    pub fn origin(&self) -> &str {
        &self.0.origin
    }

    /// The last signed checkpoint whose files are written. None only when the log never was whole since it was opened.
    pub fn checkpoint(&self) -> Option<Note> {
        self.0.view.borrow().published.as_ref().map(|(note, _)| note.clone())
    }

    /// How many entries that checkpoint covers.
    pub fn size(&self) -> u64 {
        self.0.view.borrow().published.as_ref().map_or(0, |(_, size)| *size)
    }

    /// Why nothing is signed any more, if so. For the readiness page.
    pub fn contradiction(&self) -> Option<String> {
        self.0.view.borrow().contradiction.clone()
    }

    /// The index of an entry; none while it waits for one. [`Error::NotFound`] for an id that is no entry's.
    pub async fn index_of(&self, entry: &str) -> Result<Option<u64>, Error> {
        let found = store::entry(&mut self.0.db.read().await?, entry).await?;
        found.map(|entry| entry.index).ok_or_else(|| Error::NotFound(format!("there is no audit entry {entry:?}")))
    }

    /// Wait until an entry has its index and a published checkpoint covers it.
    pub async fn wait_sequenced(&self, entry: &str, timeout: Duration) -> Result<u64, Error> {
        let mut view = self.0.view.subscribe();
        let wait = async {
            loop {
                view.mark_unchanged();
                self.0.hurry.notify_one();
                match self.index_of(entry).await? {
                    Some(index) if index < self.size() => return Ok(index),
                    // The sender lives as long as `self`; whether it changed or the time ran out, look again.
                    _ => drop(tokio::time::timeout(POLL, view.changed()).await),
                }
            }
        };
        let late = || Err(Error::Unavailable(format!("entry {entry} has no index yet; it is stored and will get one")));
        tokio::time::timeout(timeout, wait).await.unwrap_or_else(|_| late())
    }

    /// The proof that the entry at this index is in the log. Checked before it is given away; whoever has the entry's body
    /// and the verifier's key checks it again without us.
    pub async fn receipt(&self, index: u64) -> Result<Receipt, Error> {
        for _ in 0..PROOF_ATTEMPTS {
            let published = self.0.view.borrow().published.clone();
            let Some((note, size)) = published.filter(|(_, size)| index < *size) else {
                return Err(Error::NotFound(format!("no checkpoint covers an entry {index} yet")));
            };
            if let Some(receipt) = self.prove(index, size, note).await? {
                let entry = store::entry_at(&mut self.0.db.read().await?, signed(index)).await?;
                let entry =
                    entry.ok_or_else(|| Error::Contradicted(format!("entry {index} is not in the database")))?;
                receipt.verify(entry.body.as_bytes(), &self.0.origin, std::slice::from_ref(self.verifier()))?;
                return Ok(receipt);
            }
        }
        Err(Error::Unavailable(format!("the tiles for a proof of entry {index} are missing")))
    }

    /// None when a tile is gone; a wider one may have replaced it since the size was read.
    async fn prove(&self, index: u64, size: u64, note: Note) -> Result<Option<Receipt>, Error> {
        let files = self.0.files.clone();
        blocking(move || {
            let mut tiles = TileSet::new();
            for tile in tlog::tiles_of(&tlog::inclusion_nodes(index, size)?, size)? {
                match files.read_tile(tile)? {
                    Some(bytes) => tiles.insert(tile, &bytes)?,
                    None => return Ok(None),
                }
            }
            let path = tlog::prove_inclusion(index, size, |node| tiles.node(node))?;
            Ok(Some(Receipt::new(index, path, note)?))
        })
        .await
    }

    /// Sign the empty log if there is none, and go on after the ordinals that are in the table.
    async fn begin(&self) -> Result<(), Error> {
        let mut tx = self.0.db.read().await?;
        let (head, last) = (store::head(&mut tx).await?, store::last_ordinal(&mut tx).await?);
        drop(tx);
        ordinal::raise(last.unwrap_or(0));
        if head.is_some() {
            return Ok(());
        }
        let ctx = self.ctx();
        let head = self.sign(Frontier::new())?.to_head();
        db::write!(self.0.db, &ctx, |tx| store::insert_head(tx, &head).await.map_err(Error::from))
    }

    /// The checkpoint of a log with this frontier. The caller commits it over the size it was made from, or drops it.
    pub(crate) fn sign(&self, frontier: Frontier) -> Result<Signed, Error> {
        let checkpoint = Checkpoint::new(&self.0.origin, frontier.size(), frontier.root())?;
        Ok(Signed { note: checkpoint.sign(&self.0.signer)?, frontier, checkpoint })
    }

    /// The row of the log, if it is what this log's key signed.
    pub(crate) async fn head(&self, tx: &mut Tx) -> Result<Signed, Error> {
        let missing = || Error::Contradicted("the row of audit_log is gone".to_owned());
        let head = store::head(tx).await?.ok_or_else(missing)?;
        let note: Note = head.checkpoint.parse()?;
        let checkpoint = Checkpoint::of_note(&note, &self.0.origin, std::slice::from_ref(self.verifier()))?;
        let frontier = Frontier::from_bytes(&head.frontier)?;
        let agree = signed(checkpoint.size()) == head.size
            && checkpoint.size() == frontier.size()
            && checkpoint.root() == frontier.root();
        match agree {
            true => Ok(Signed { frontier, note, checkpoint }),
            false => Err(Error::Contradicted("the columns of audit_log do not agree with its checkpoint".to_owned())),
        }
    }

    pub(crate) fn ctx(&self) -> Ctx {
        Ctx::system("audit", &self.0.clock, &self.0.entropy)
    }
}

impl Signed {
    pub fn to_head(&self) -> Head {
        Head {
            size: signed(self.frontier.size()),
            frontier: self.frontier.to_bytes(),
            checkpoint: self.note.to_string(),
        }
    }
}

/// A size or an index as the database has it.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
