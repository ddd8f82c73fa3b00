//! Extended headers of POSIX tar (IEEE Std 1003.1, pax, "pax Extended Header"): `LENGTH KEY=VALUE\n`.

/// The records we act on; everything else (times, owners, attributes) is read over.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Records {
    pub(crate) path: Option<Vec<u8>>,
    pub(crate) link_path: Option<Vec<u8>>,
    pub(crate) size: Option<u64>,
    pub(crate) sparse: bool,
}

impl Records {
    /// True when nothing in it would change where or how long a member is.
    pub(crate) fn is_harmless(&self) -> bool {
        *self == Records::default()
    }
}

/// Records are cut by their length and not by line ends, since attribute values hold any byte.
pub(crate) fn parse(mut bytes: &[u8]) -> Result<Records, String> {
    let mut records = Records::default();
    while !bytes.is_empty() {
        let (record, rest) = cut(bytes).ok_or("a pax record does not have the length that it says")?;
        bytes = rest;
        let equals = record.iter().position(|byte| *byte == b'=').ok_or("a pax record has no equals sign")?;
        let (key, value) = (&record[..equals], &record[equals + 1..]);
        match key {
            b"path" => records.path = Some(value.to_vec()),
            b"linkpath" => records.link_path = Some(value.to_vec()),
            b"size" => records.size = Some(number(value).ok_or("a pax size is not a number from 0 up")?),
            _ if key.starts_with(b"GNU.sparse.") => records.sparse = true,
            _ => {}
        }
    }
    Ok(records)
}

/// The first record without its length and line end, and what follows it.
fn cut(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = bytes.iter().take(20).position(|byte| *byte == b' ')?;
    let length = usize::try_from(number(&bytes[..space])?).ok()?;
    if length <= space + 1 || length > bytes.len() || bytes[length - 1] != b'\n' {
        return None;
    }
    Some((&bytes[space + 1..length - 1], &bytes[length..]))
}

fn number(digits: &[u8]) -> Option<u64> {
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_cut_by_length() {
        let records = parse(b"12 path=a/b\n29 SCHILY.xattr.user.x=\n=\n1\xff\n13 size=1234\n").unwrap();
        assert_eq!(records.path.as_deref(), Some(&b"a/b"[..]));
        assert_eq!(records.size, Some(1234));
        for broken in [&b"9 path=a/b\n"[..], b"99 path=a\n", b"path=a\n", b"0 \n", b"10 size=-1\n", b"7 abcd\n"] {
            assert!(parse(broken).is_err(), "{broken:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _ = parse(&bytes);
        }
    }
}
