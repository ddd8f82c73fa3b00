//! Names in an archive turned into paths below the root of an image.

use base::limits::LAYER_PATH_BYTES;

/// A path without leading slash, `.` or `..`; the root itself is the empty path.
///
/// Leading slashes and `..` are resolved against the root, as containerd does, so that we look where any engine that
/// accepts the name would put the file. A byte that is not UTF-8 is written `\xNN`.
pub fn normalise(raw: &[u8]) -> Result<String, String> {
    let mut parts: Vec<&[u8]> = Vec::new();
    if raw.len() > LAYER_PATH_BYTES {
        return Err(format!("a path has {} bytes, more than the limit of {LAYER_PATH_BYTES}", raw.len()));
    }
    if raw.contains(&0) {
        return Err(format!("a NUL stands in the path {}", text(raw)));
    }
    for part in raw.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    Ok(text(&parts.join(&b'/')))
}

/// Text of any bytes, with those that are not UTF-8 written `\xNN`.
pub fn text(raw: &[u8]) -> String {
    let mut out = String::with_capacity(raw.len());
    for chunk in raw.utf8_chunks() {
        out.push_str(chunk.valid());
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{byte:02x}"));
        }
    }
    out
}

/// Directory and last name.
pub fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// A name inside a directory.
pub fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}

/// Where a symbolic link at `path` leads, if it were followed once.
pub fn follow(path: &str, target: &str) -> Option<String> {
    let from = if target.starts_with('/') { "" } else { split(path).0 };
    normalise(join(from, target).as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_lands_below_the_root() {
        for (raw, expected) in [
            (&b"./etc/passwd"[..], "etc/passwd"),
            (b"/etc//passwd/", "etc/passwd"),
            (b"../../etc/passwd", "etc/passwd"),
            (b"a/../b", "b"),
            (b"./", ""),
            (b"caf\xc3\xa9/\xff", "café/\\xff"),
        ] {
            assert_eq!(normalise(raw).unwrap(), expected);
        }
        assert!(normalise(b"a\0b").unwrap_err().contains("NUL"));
        assert!(normalise(&vec![b'a'; LAYER_PATH_BYTES + 1]).unwrap_err().contains("4096"));
    }

    #[test]
    fn links_are_followed_once() {
        assert_eq!(follow("etc/os-release", "../usr/lib/os-release").unwrap(), "usr/lib/os-release");
        assert_eq!(follow("etc/os-release", "/usr/lib/os-release").unwrap(), "usr/lib/os-release");
    }

    proptest::proptest! {
        #[test]
        fn no_path_climbs(raw in proptest::collection::vec(proptest::sample::select(&b"a./\0\xff"[..]), 0..40)) {
            if let Ok(path) = normalise(&raw) {
                proptest::prop_assert!(!path.starts_with('/'));
                proptest::prop_assert!(path.split('/').all(|part| part != ".." && part != "."));
                proptest::prop_assert_eq!(normalise(path.as_bytes()).unwrap(), path);
            }
        }
    }
}
