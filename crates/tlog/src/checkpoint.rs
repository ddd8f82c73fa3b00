//! Checkpoints: the size and root of a log at one moment, as a signed note (C2SP tlog-checkpoint).

use std::{fmt, str};

use base::limits;

use crate::{
    error::{Error, quoted},
    hash::{EMPTY_ROOT, Hash},
    key::{Signer, VerifierKey},
    note::Note,
};

/// Which log, how many entries, and the root over them. A value made here or parsed says only what was claimed; one that
/// [`Checkpoint::open`] returned is what a trusted key signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    size: u64,
    root: Hash,
    extensions: Vec<String>,
}

impl Checkpoint {
    /// `origin` is one line that is not empty; it should be the name of the log's key. [`Error::Malformed`] for another
    /// origin, and for a root other than [`EMPTY_ROOT`] at size 0.
    pub fn new(origin: &str, size: u64, root: Hash) -> Result<Checkpoint, Error> {
        check_line("origin", origin)?;
        if size > limits::AUDIT_LOG_LEAVES {
            return Err(Error::TooLarge { what: "log", given: size, limit: limits::AUDIT_LOG_LEAVES });
        }
        if size == 0 && root != EMPTY_ROOT {
            return Err(Error::malformed("checkpoint", "a log without entries cannot have this root"));
        }
        Ok(Checkpoint { origin: origin.to_owned(), size, root, extensions: Vec::new() })
    }

    /// Add an opaque line that is not empty. Monitors cannot check it, so C2SP advises against it.
    pub fn with_extension(mut self, line: &str) -> Result<Checkpoint, Error> {
        check_line("extension line", line)?;
        self.extensions.push(line.to_owned());
        Ok(self)
    }

    /// The signed note. The caller has made sure that this checkpoint contradicts none it signed before.
    pub fn sign(&self, signer: &Signer) -> Result<Note, Error> {
        Note::sign(self.to_string(), signer)
    }

    /// Read a signed checkpoint of the log `origin`, signed by at least one of the `trusted` keys of that log.
    pub fn open(note: &[u8], origin: &str, trusted: &[VerifierKey]) -> Result<Checkpoint, Error> {
        Checkpoint::of_note(&Note::parse(note)?, origin, trusted)
    }

    /// As [`Checkpoint::open`], for a note that was parsed already.
    pub fn of_note(note: &Note, origin: &str, trusted: &[VerifierKey]) -> Result<Checkpoint, Error> {
        note.verify(trusted)?;
        let checkpoint: Checkpoint = note.text().parse()?;
        if checkpoint.origin != origin {
            return Err(Error::WrongOrigin { expected: origin.to_owned(), found: checkpoint.origin });
        }
        Ok(checkpoint)
    }

    pub fn origin(&self) -> &str {
        &self.origin
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    pub fn root(&self) -> Hash {
        self.root
    }

    pub fn extensions(&self) -> &[String] {
        &self.extensions
    }
}

impl str::FromStr for Checkpoint {
    type Err = Error;

    /// The text of the note: three lines or more, each with its newline.
    fn from_str(text: &str) -> Result<Checkpoint, Error> {
        let refused = |detail: &str| Error::malformed("checkpoint", detail);
        let lines = text.strip_suffix('\n').ok_or_else(|| refused("its last line has no newline"))?;
        let mut lines = lines.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(refused("it needs three lines: origin, size and root"));
        };
        let checkpoint = Checkpoint::new(origin, read_decimal("checkpoint size", size)?, Hash::from_base64(root)?)?;
        lines.try_fold(checkpoint, Checkpoint::with_extension)
    }
}

impl fmt::Display for Checkpoint {
    /// The text of the note.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}\n{}\n{}\n", self.origin, self.size, self.root)?;
        self.extensions.iter().try_for_each(|line| writeln!(out, "{line}"))
    }
}

/// A decimal number in its one spelling: digits only, no leading zero.
pub(crate) fn read_decimal(what: &'static str, text: &str) -> Result<u64, Error> {
    let number = text.parse::<u64>().ok().filter(|number| number.to_string() == text);
    number.ok_or_else(|| Error::malformed(what, format!("{} is not a decimal number of 64 bits", quoted(text))))
}

fn check_line(what: &'static str, line: &str) -> Result<(), Error> {
    match line.is_empty() || line.bytes().any(|byte| byte < b' ') {
        true => Err(Error::malformed(what, format!("{} must be one line that is not empty", quoted(line)))),
        false => Ok(()),
    }
}
