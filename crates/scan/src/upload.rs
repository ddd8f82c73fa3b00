//! The snapshot in a file that somebody uploads: the file itself, or a tar archive that holds nothing else.

use std::ops::Range;

use crate::Error;

/// Where the name of the format stands in the header of a tar archive (POSIX.1-2017, pax, "ustar Interchange Format").
const USTAR: Range<usize> = 257..262;

/// The bytes of the one snapshot. Whether they are one is for their reader to say.
pub(crate) fn snapshot_in(bytes: &[u8]) -> Result<&[u8], Error> {
    if bytes.get(USTAR) != Some(b"ustar") {
        return Ok(bytes);
    }
    let wrong = |error: std::io::Error| Error::Invalid(format!("the tar archive cannot be read: {error}"));
    let mut found: Option<Range<usize>> = None;
    let mut archive = tar::Archive::new(bytes);
    for member in archive.entries().map_err(wrong)? {
        let member = member.map_err(wrong)?;
        match member.header().entry_type() {
            tar::EntryType::Directory => continue,
            tar::EntryType::Regular => {}
            _ => return Err(Error::Invalid("the tar archive holds something that is no plain file".to_owned())),
        }
        let place = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let begin = place(member.raw_file_position());
        let range = begin..begin.saturating_add(place(member.size()));
        if range.end > bytes.len() {
            return Err(Error::Invalid("the tar archive is truncated".to_owned()));
        }
        if found.replace(range).is_some() {
            return Err(Error::Invalid("the tar archive holds several files, where one snapshot belongs".to_owned()));
        }
    }
    match found {
        Some(range) => Ok(&bytes[range]),
        None => Err(Error::Invalid("the tar archive holds no file".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::snapshot_in;

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
    fn a_file_is_itself_and_an_archive_of_one_is_that_one() {
        assert_eq!(snapshot_in(b"\x89ASSADV\n...").unwrap(), b"\x89ASSADV\n...");
        assert_eq!(snapshot_in(b"").unwrap(), b"");
        assert_eq!(snapshot_in(&archive(&[("snapshot", b"content")])).unwrap(), b"content");
    }

    #[test]
    fn other_archives_are_refused() {
        let two = archive(&[("a", b"1"), ("b", b"2")]);
        assert!(snapshot_in(&two).unwrap_err().to_string().contains("several files"));
        let whole = archive(&[("a", &[7; 2000])]);
        assert!(snapshot_in(&whole[..1024]).unwrap_err().to_string().contains("truncated"));
        let mut link = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Symlink);
        link.append_link(&mut header, "a", "/etc/passwd").unwrap();
        assert!(snapshot_in(&link.into_inner().unwrap()).is_err());
    }

    #[test]
    fn a_thousand_mutated_archives_end_nothing() {
        let whole = archive(&[("snapshot", &[9; 700])]);
        let mut state = 1_u64;
        for _ in 0..1_000 {
            let mut bytes = whole.clone();
            for _ in 0..3 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let at = (state >> 33) as usize % 1024;
                bytes[at] = (state >> 20) as u8;
            }
            drop(snapshot_in(&bytes));
        }
    }
}
