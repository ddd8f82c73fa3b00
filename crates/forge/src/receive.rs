//! What a push asks for: the commands before the pack, read, judged and, when refused, answered without git.
//!
//! `gitprotocol-pack(5)`, "Reference Update Request" and "Report Status".

use std::io;

use base::limits;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::{Error, Oid, RefName};

/// The longest packet line.
const LINE_BYTES: usize = 65_520;

/// What the head of a request may weigh: each command is two object names and a ref.
const HEAD_BYTES: usize = limits::GIT_PUSH_REFS * (limits::GIT_REF_BYTES + 100);

/// The head of a push: its commands, and its bytes as they came.
#[derive(Debug, Default)]
pub(crate) struct Head {
    pub(crate) raw: Vec<u8>,
    pub(crate) commands: Vec<Command>,
    capabilities: Vec<String>,
}

/// One ref that shall move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) old: Oid,
    pub(crate) new: Oid,
    /// As the client wrote it.
    pub(crate) name: String,
}

impl Head {
    /// Read up to the first flush packet.
    pub(crate) async fn read(input: &mut (impl AsyncRead + Unpin)) -> Result<Head, Error> {
        let mut head = Head::default();
        loop {
            let mut length = [0; 4];
            exactly(input, &mut length).await?;
            head.raw.extend_from_slice(&length);
            let length = length_of(length)?;
            if length == 0 {
                return Ok(head);
            }
            let mut line = vec![0; length - 4];
            exactly(input, &mut line).await?;
            head.raw.extend_from_slice(&line);
            if head.raw.len() > HEAD_BYTES || head.commands.len() >= limits::GIT_PUSH_REFS {
                let most = limits::GIT_PUSH_REFS;
                return Err(Error::TooLarge(format!("one push changes at most {most} refs; push them in parts")));
            }
            head.line(&line)?;
        }
    }

    fn line(&mut self, line: &[u8]) -> Result<(), Error> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let (line, capabilities) = match line.iter().position(|byte| *byte == 0) {
            Some(at) => (&line[..at], &line[at + 1..]),
            None => (line, &[][..]),
        };
        self.capabilities.extend(String::from_utf8_lossy(capabilities).split_whitespace().map(str::to_owned));
        let malformed = || Error::Invalid("the push has a command that git's protocol does not know".to_owned());
        let line = std::str::from_utf8(line)
            .map_err(|_| Error::Invalid("the push names a ref that is not UTF-8".to_owned()))?;
        if line.starts_with("shallow ") {
            return Ok(());
        }
        let mut parts = line.splitn(3, ' ');
        let (Some(old), Some(new), Some(name)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(malformed());
        };
        let command = Command {
            old: old.parse().map_err(|_| malformed())?,
            new: new.parse().map_err(|_| malformed())?,
            name: name.to_owned(),
        };
        self.commands.push(command);
        Ok(())
    }

    /// Why this push must not happen, per command.
    pub(crate) fn refusals(&self, default_ref: &str) -> Vec<(&Command, String)> {
        let judged = self.commands.iter().filter_map(|command| Some((command, command.refusal(default_ref)?)));
        judged.collect()
    }

    /// Whether the push touches a ref whose history must only grow.
    pub(crate) fn touches(&self, default_ref: &str) -> bool {
        self.commands.iter().any(|command| command.name == default_ref)
    }

    /// The report for a push of which nothing was done.
    pub(crate) fn refused(&self, refusals: &[(&Command, String)]) -> Vec<u8> {
        self.report("ok", |command| {
            let own = refusals.iter().find(|(refused, _)| *refused == command).map(|(_, why)| why.as_str());
            own.unwrap_or("nothing of this push was done, because another ref was refused")
        })
    }

    /// The report for a push that could not be taken. A client prints it, and of an HTTP error only the number.
    pub(crate) fn failed(&self, why: &str) -> Vec<u8> {
        self.report(why, |_| why)
    }

    /// Whether the client wants to hear what became of its refs: then an answer without a report is none.
    pub(crate) fn wants_report(&self) -> bool {
        !self.commands.is_empty() && self.capabilities.iter().any(|capability| capability.starts_with("report-status"))
    }

    fn report<'w>(&self, unpack: &str, why: impl Fn(&Command) -> &'w str) -> Vec<u8> {
        let mut report = packet(format!("unpack {unpack}\n").as_bytes());
        for command in &self.commands {
            report.extend(packet(format!("ng {} {}\n", command.name, why(command)).as_bytes()));
        }
        report.extend(b"0000");
        if !self.capabilities.iter().any(|capability| capability == "side-band-64k") {
            return report;
        }
        let mut banded = Vec::new();
        for piece in report.chunks(LINE_BYTES - 5) {
            banded.extend(packet(&[&[1], piece].concat()));
        }
        banded.extend(b"0000");
        banded
    }
}

impl Command {
    fn refusal(&self, default_ref: &str) -> Option<String> {
        if self.name.starts_with("refs/pipelines/") {
            return Some("refs/pipelines belongs to the server".to_owned());
        }
        if self.new.is_zero() && self.name == default_ref {
            return Some("the default branch is protected and cannot be deleted".to_owned());
        }
        // A ref with a name we would refuse may still be deleted, if it ever came in.
        match self.name.parse::<RefName>() {
            Err(_) if !self.new.is_zero() => Some(
                "this ref name is not allowed: letters, digits and . _ - + = @ , / in refs/heads or refs/tags".into(),
            ),
            _ => None,
        }
    }
}

/// The packet line of these bytes.
fn packet(bytes: &[u8]) -> Vec<u8> {
    let mut line = format!("{:04x}", bytes.len() + 4).into_bytes();
    line.extend_from_slice(bytes);
    line
}

/// The first bytes of an advertisement in protocol versions 0 and 1.
pub(crate) fn announcement(service: &str) -> Vec<u8> {
    let mut bytes = packet(format!("# service={service}\n").as_bytes());
    bytes.extend(b"0000");
    bytes
}

/// The length of a packet with its own four bytes; 0 for a flush.
fn length_of(digits: [u8; 4]) -> Result<usize, Error> {
    let text = std::str::from_utf8(&digits).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let length = text.and_then(|text| usize::from_str_radix(text, 16).ok());
    length
        .filter(|length| *length == 0 || (5..=LINE_BYTES).contains(length))
        .ok_or_else(|| Error::Invalid("the request is not what git's protocol asks for".to_owned()))
}

async fn exactly(input: &mut (impl AsyncRead + Unpin), bytes: &mut [u8]) -> Result<(), Error> {
    match input.read_exact(bytes).await {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Err(Error::Invalid("the request ended before its commands did".to_owned()))
        }
        Err(error) => Err(Error::Invalid(format!("the request could not be read: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Head, packet};

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const ZERO: &str = "0000000000000000000000000000000000000000";

    fn read(bytes: &[u8]) -> Result<Head, crate::Error> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(Head::read(&mut &*bytes))
    }

    fn request(lines: &[String]) -> Vec<u8> {
        let mut bytes: Vec<u8> = lines.iter().flat_map(|line| packet(line.as_bytes())).collect();
        bytes.extend(b"0000PACK");
        bytes
    }

    #[test]
    fn commands_are_judged() {
        let head = read(&request(&[
            format!("{ZERO} {A} refs/heads/main\0report-status side-band-64k agent=git/2"),
            format!("{A} {ZERO} refs/heads/main"),
            format!("{ZERO} {A} refs/heads/--exec=x\n"),
            format!("{ZERO} {A} refs/pipelines/1"),
            format!("{ZERO} {A} refs/heads/$(id)"),
        ]))
        .unwrap();
        let refusals = head.refusals("refs/heads/main");
        assert_eq!(refusals.len(), 4);
        let answer = String::from_utf8(head.refused(&refusals)).unwrap();
        assert!(answer.contains("ng refs/heads/main nothing of this push was done"), "{answer}");
        assert!(answer.contains("\u{1}000eunpack ok\n"), "{answer}");
        assert!(answer.ends_with("00000000"), "{answer}");
        let answer = String::from_utf8(head.failed("the disk is full")).unwrap();
        assert!(
            answer.contains("unpack the disk is full\n") && answer.contains("ng refs/pipelines/1 the disk is full\n")
        );
        assert!(head.wants_report() && !read(b"0000").unwrap().wants_report());
        assert!(read(b"0000").unwrap().commands.is_empty());
    }

    #[test]
    fn malformed_requests_are_refused() {
        for bad in [&b""[..], b"00", b"zzzz", b"0001", b"0003", b"ffff", b"0005", b"0009hello0000", b"+123"] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), lines in proptest::collection::vec(".{0,60}", 0..4)) {
            let _ = read(&bytes);
            if let Ok(head) = read(&request(&lines)) {
                head.refused(&head.refusals("refs/heads/main"));
            }
        }
    }
}
