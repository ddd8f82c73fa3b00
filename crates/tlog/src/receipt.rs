//! Receipts: one file that proves offline that an entry is in a log (C2SP tlog-proof, `.tlog-proof`).
//!
//! ```text
//!  c2sp.org/tlog-proof@v1
//!  extra base64            optional; not authenticated
//!  index 73894
//!  base64 …                the inclusion proof, sibling of the leaf first; may have no line
//!                          an empty line
//!  the signed checkpoint, as it is
//! ```

use std::{fmt, str};

use base::limits;

use crate::{
    checkpoint::{Checkpoint, read_decimal},
    error::{Error, at_most},
    hash::{Hash, decode_base64, encode_base64, leaf_hash},
    key::VerifierKey,
    note::Note,
    proof::verify_inclusion,
};

const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// Hashes of an inclusion proof in the deepest tree: one per bit of `limits::AUDIT_LOG_LEAVES`.
const PATH_HASHES: usize = limits::AUDIT_LOG_LEAVES.ilog2() as usize + 1;

/// An entry's index, its path to the root, and the checkpoint with that root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    extra: Option<Vec<u8>>,
    index: u64,
    path: Vec<Hash>,
    checkpoint: Note,
}

impl Receipt {
    /// `path` as [`crate::prove_inclusion`] gives it for the size of the checkpoint. Only the form is checked here: that
    /// the note says what a checkpoint says, and that the path is not longer than any tree is high.
    pub fn new(index: u64, path: Vec<Hash>, checkpoint: Note) -> Result<Receipt, Error> {
        at_most("inclusion proof", path.len(), PATH_HASHES)?;
        checkpoint.text().parse::<Checkpoint>()?;
        Ok(Receipt { extra: None, index, path, checkpoint })
    }

    /// Put opaque data beside the proof, at most `limits::RECEIPT_EXTRA_BYTES`. It is not authenticated.
    pub fn with_extra(mut self, extra: Vec<u8>) -> Result<Receipt, Error> {
        at_most("extra data", extra.len(), limits::RECEIPT_EXTRA_BYTES)?;
        self.extra = Some(extra);
        Ok(self)
    }

    /// Read a receipt from outside.
    pub fn parse(bytes: &[u8]) -> Result<Receipt, Error> {
        at_most("receipt", bytes.len(), limits::RECEIPT_BYTES)?;
        let text = str::from_utf8(bytes).map_err(|_| Error::malformed("receipt", "it is not UTF-8"))?;
        text.parse()
    }

    /// Check that `leaf` is the entry at this index of the log `origin`, by a checkpoint that one of the `trusted` keys
    /// signed; return that checkpoint. Needs nothing else: no log, no network.
    pub fn verify(&self, leaf: &[u8], origin: &str, trusted: &[VerifierKey]) -> Result<Checkpoint, Error> {
        let checkpoint = Checkpoint::of_note(&self.checkpoint, origin, trusted)?;
        verify_inclusion(leaf_hash(leaf), self.index, checkpoint.size(), checkpoint.root(), &self.path)?;
        Ok(checkpoint)
    }

    /// Opaque data that nobody signed.
    pub fn extra(&self) -> Option<&[u8]> {
        self.extra.as_deref()
    }

    /// The claimed index; true once [`Receipt::verify`] said so.
    pub fn index(&self) -> u64 {
        self.index
    }

    pub fn path(&self) -> &[Hash] {
        &self.path
    }

    /// The checkpoint with all its signatures, for a caller who counts witnesses.
    pub fn checkpoint(&self) -> &Note {
        &self.checkpoint
    }
}

impl str::FromStr for Receipt {
    type Err = Error;

    fn from_str(text: &str) -> Result<Receipt, Error> {
        at_most("receipt", text.len(), limits::RECEIPT_BYTES)?;
        let refused = |detail: &str| Error::malformed("receipt", detail);
        let (proof, checkpoint) =
            text.split_once("\n\n").ok_or_else(|| refused("no empty line parts the proof from the checkpoint"))?;
        let mut lines = proof.split('\n').peekable();
        if lines.next() != Some(HEADER) {
            return Err(refused("its first line is not c2sp.org/tlog-proof@v1"));
        }
        let extra = lines.next_if(|line| line.starts_with("extra ")).map(|line| {
            decode_base64(&line["extra ".len()..]).ok_or_else(|| refused("its extra data is not standard base64"))
        });
        let index = lines.next().and_then(|line| line.strip_prefix("index "));
        let index = read_decimal("receipt index", index.ok_or_else(|| refused("it has no line \"index NUMBER\""))?)?;
        at_most("inclusion proof", lines.clone().take(PATH_HASHES + 1).count(), PATH_HASHES)?;
        let path = lines.map(Hash::from_base64).collect::<Result<_, Error>>()?;
        let receipt = Receipt::new(index, path, checkpoint.parse()?)?;
        if let Some(extra) = extra.transpose()? { receipt.with_extra(extra) } else { Ok(receipt) }
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{HEADER}")?;
        if let Some(extra) = &self.extra {
            writeln!(out, "extra {}", encode_base64(extra))?;
        }
        writeln!(out, "index {}", self.index)?;
        self.path.iter().try_for_each(|hash| writeln!(out, "{hash}"))?;
        write!(out, "\n{}", self.checkpoint)
    }
}
