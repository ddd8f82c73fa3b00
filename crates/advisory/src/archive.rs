//! What a snapshot or a delta travels in: a tar archive with the signed note about it.
//!
//! ```text
//!   snapshot          or `delta`; where there is no note, any name
//!   snapshot.note     a signed note (C2SP signed-note) over the claim of the snapshot, or of what the delta makes
//! ```
//!
//! A file that is no archive is a snapshot or a delta that nobody signed. Whether a signature is good is for the caller to say.

use std::ops::Range;

use base::limits::NOTE_BYTES;

use crate::{Delta, Error};

const SNAPSHOT: &str = "snapshot";
const DELTA: &str = "delta";
const NOTE: &str = "snapshot.note";

/// Where the name of the format stands in the header of a tar archive (POSIX.1-2017, pax, "ustar Interchange Format").
const USTAR: Range<usize> = 257..262;

/// The parts of one file; none of them was looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Archive<'a> {
    pub content: Content<'a>,
    /// The bytes of the signed note.
    pub note: Option<&'a [u8]>,
}

/// What the note is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content<'a> {
    Snapshot(&'a [u8]),
    Delta(&'a [u8]),
}

impl<'a> Archive<'a> {
    /// Take a file apart.
    pub fn parse(bytes: &'a [u8]) -> Result<Archive<'a>, Error> {
        if bytes.get(USTAR) != Some(b"ustar") {
            return Ok(Archive { content: Content::of(bytes), note: None });
        }
        let wrong = |reason: String| Error::File { reason };
        let unread = |error: std::io::Error| wrong(format!("the tar archive cannot be read: {error}"));
        let (mut content, mut note) = (None, None);
        for member in tar::Archive::new(bytes).entries().map_err(unread)? {
            let member = member.map_err(unread)?;
            match member.header().entry_type() {
                tar::EntryType::Directory => continue,
                tar::EntryType::Regular => {}
                _ => return Err(wrong("the tar archive holds something that is no plain file".to_owned())),
            }
            let place = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
            let begin = place(member.raw_file_position());
            let range = begin..begin.saturating_add(place(member.size()));
            let held = bytes.get(range).ok_or_else(|| wrong("the tar archive is truncated".to_owned()))?;
            let is_note = member.path_bytes().split(|byte| *byte == b'/').next_back() == Some(NOTE.as_bytes());
            let seat = if is_note { &mut note } else { &mut content };
            if seat.replace(held).is_some() {
                let what = "the tar archive holds several files, where one snapshot or delta, and its note, belong";
                return Err(wrong(what.to_owned()));
            }
        }
        if note.is_some_and(|note| note.len() > NOTE_BYTES) {
            return Err(Error::TooLarge { what: format!("the file {NOTE}"), limit: NOTE_BYTES });
        }
        let content = content.ok_or_else(|| wrong("the tar archive holds no snapshot and no delta".to_owned()))?;
        Ok(Archive { content: Content::of(content), note })
    }

    /// The archive as a file. The same parts make the same bytes.
    pub fn serialise(&self) -> Vec<u8> {
        let (name, content) = match self.content {
            Content::Snapshot(bytes) => (SNAPSHOT, bytes),
            Content::Delta(bytes) => (DELTA, bytes),
        };
        let mut archive = tar::Builder::new(Vec::with_capacity(content.len() + 8 * 1024));
        for (name, bytes) in [(name, Some(content)), (NOTE, self.note)] {
            let Some(bytes) = bytes else { continue };
            let mut header = tar::Header::new_ustar();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            archive.append_data(&mut header, name, bytes).expect("memory always writes");
        }
        archive.into_inner().expect("memory always writes")
    }
}

impl<'a> Content<'a> {
    fn of(bytes: &'a [u8]) -> Content<'a> {
        if Delta::begins(bytes) { Content::Delta(bytes) } else { Content::Snapshot(bytes) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut archive = tar::Builder::new(Vec::new());
        for (path, content) in files {
            let mut header = tar::Header::new_ustar();
            header.set_size(content.len() as u64);
            archive.append_data(&mut header, path, *content).unwrap();
        }
        archive.into_inner().unwrap()
    }

    #[test]
    fn a_file_is_itself_and_an_archive_comes_back() {
        for bytes in [&b"\x89ASSADV\n..."[..], b""] {
            assert_eq!(Archive::parse(bytes).unwrap(), Archive { content: Content::Snapshot(bytes), note: None });
        }
        let delta = br#"{"format":"assay-advisories-delta/1"...}"#;
        assert_eq!(Archive::parse(delta).unwrap().content, Content::Delta(delta));
        for content in [Content::Snapshot(&[7; 2000]), Content::Delta(delta)] {
            for note in [None, Some(&b"a note"[..])] {
                let whole = Archive { content, note };
                assert_eq!(Archive::parse(&whole.serialise()).unwrap(), whole);
            }
        }
        // As other programs write them.
        let other = archive(&[("./snapshot.note", b"note"), ("./2026-11-30.advisories", b"content")]);
        let expected = Archive { content: Content::Snapshot(b"content"), note: Some(b"note") };
        assert_eq!(Archive::parse(&other).unwrap(), expected);
    }

    #[test]
    fn other_archives_are_refused() {
        let refused = |bytes: &[u8]| Archive::parse(bytes).unwrap_err().to_string();
        assert!(refused(&archive(&[("a", b"1"), ("b", b"2")])).contains("several files"));
        assert!(refused(&archive(&[("a/snapshot.note", b"1"), ("snapshot.note", b"2")])).contains("several files"));
        assert!(refused(&archive(&[("snapshot.note", b"1")])).contains("no snapshot"));
        assert!(refused(&archive(&[("a", &[7; 2000])])[..1024]).contains("truncated"));
        assert!(refused(&archive(&[("a", b"1"), ("snapshot.note", &vec![7; NOTE_BYTES + 1])])).contains("limit"));
        let mut link = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        link.append_link(&mut header, "a", "/etc/passwd").unwrap();
        assert!(refused(&link.into_inner().unwrap()).contains("no plain file"));
    }

    #[test]
    fn a_thousand_mutated_archives_end_nothing() {
        let whole = Archive { content: Content::Snapshot(&[9; 700]), note: Some(b"note") }.serialise();
        let mut state = 1_u64;
        for _ in 0..1_000 {
            let mut bytes = whole.clone();
            for _ in 0..3 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let at = (state >> 33) as usize % whole.len();
                bytes[at] = (state >> 20) as u8;
            }
            drop(Archive::parse(&bytes));
        }
    }
}
