//! A file of the store as memory, for snapshots that are opened without reading them.
//!
//! This is the one place of the scanner with `unsafe` in it. A mapped file must not change while it is mapped: records are named by
//! their digest, are written under another name first, and are never written to again. Whoever changes them all the same, by hand,
//! can make findings wrong or end the program with SIGBUS, as with any file that a program maps.

use std::{fs::File, sync::Arc};

use advisory::Bytes;
use memmap2::Mmap;

/// Map a file of the store. An empty one is empty bytes: nothing can be mapped of it.
pub(crate) fn map(file: &File) -> std::io::Result<Bytes> {
    if file.metadata()?.len() == 0 {
        return Ok(Arc::new(Vec::new()));
    }
    #[expect(unsafe_code, reason = "files of the store are never changed once they have their name")]
    let mapped = unsafe { Mmap::map(file) }?;
    Ok(Arc::new(mapped))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::map;

    #[test]
    fn a_file_is_its_bytes() {
        let mut file = tempfile::tempfile().unwrap();
        assert_eq!((*map(&file).unwrap()).as_ref(), b"");
        file.write_all(b"abc").unwrap();
        assert_eq!((*map(&file).unwrap()).as_ref(), b"abc");
    }
}
