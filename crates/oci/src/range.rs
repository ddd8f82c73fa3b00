//! Ranges of bytes: the chunk a client sends, and the part of a blob it asks for.

use std::{fmt, str};

use base::InvalidName;

/// `Content-Range: <first>-<last>` of an upload's chunk, both inclusive. Not the header of RFC 9110: there is no unit.
/// <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-a-blob-in-chunks>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentRange {
    first: u64,
    last: u64,
}

/// A `Range` header of a GET, of one range: RFC 9110 section 14.1.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteRange(Form);

/// What a range means for content of a known size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// Send these bytes, both inclusive, with 206.
    Satisfiable { first: u64, last: u64 },
    /// Answer 416.
    NotSatisfiable,
    /// Send everything: the header is malformed, of another unit, or asks for several ranges.
    Ignore,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Between(u64, u64),
    From(u64),
    Last(u64),
    Unusable,
}

impl ContentRange {
    pub fn first(self) -> u64 {
        self.first
    }

    pub fn last(self) -> u64 {
        self.last
    }

    /// Bytes in the chunk; at least 1.
    pub fn length(self) -> u64 {
        self.last - self.first + 1
    }
}

impl str::FromStr for ContentRange {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<ContentRange, InvalidName> {
        let refused = || InvalidName::new("Content-Range", text, "<first>-<last>, two byte positions such as 0-1023");
        let (first, last) = text.trim().split_once('-').ok_or_else(refused)?;
        match (position(first), position(last)) {
            // Up to 2^63 - 1, so that the length cannot overflow here or in a database.
            (Some(first), Some(last)) if first <= last && i64::try_from(last).is_ok() => {
                Ok(ContentRange { first, last })
            }
            _ => Err(refused()),
        }
    }
}

impl fmt::Display for ContentRange {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}-{}", self.first, self.last)
    }
}

impl ByteRange {
    /// Read the header; whatever it says, there is an answer.
    pub fn from_header(header: &str) -> ByteRange {
        ByteRange(Form::read(header).unwrap_or(Form::Unusable))
    }

    /// What the range means for `size` bytes. `500-0` is answered 416 rather than ignored, as the conformance suite wants.
    pub fn resolve(self, size: u64) -> Resolved {
        let (first, last) = match self.0 {
            Form::Unusable => return Resolved::Ignore,
            Form::Between(first, last) => (first, last.min(size.saturating_sub(1))),
            Form::From(first) => (first, size.saturating_sub(1)),
            Form::Last(0) => return Resolved::NotSatisfiable,
            Form::Last(count) => (size.saturating_sub(count), size.saturating_sub(1)),
        };
        if first <= last && first < size { Resolved::Satisfiable { first, last } } else { Resolved::NotSatisfiable }
    }
}

impl Form {
    fn read(header: &str) -> Option<Form> {
        let (unit, set) = header.split_once('=')?;
        if !unit.trim().eq_ignore_ascii_case("bytes") {
            return None;
        }
        let (first, last) = set.trim().split_once('-')?;
        match (first, last) {
            ("", count) => position(count).map(Form::Last),
            (first, "") => position(first).map(Form::From),
            (first, last) => Some(Form::Between(position(first)?, position(last)?)),
        }
    }
}

/// Decimal digits only; a number beyond 2^64 is the largest one.
fn position(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{ByteRange, ContentRange, Resolved};

    fn resolve(header: &str, size: u64) -> Resolved {
        ByteRange::from_header(header).resolve(size)
    }

    #[test]
    fn the_cases_of_the_conformance_suite() {
        let part = |first, last| Resolved::Satisfiable { first, last };
        assert_eq!(resolve("bytes=500-1499", 2048), part(500, 1499));
        assert_eq!(resolve("bytes=500-", 2048), part(500, 2047));
        assert_eq!(resolve("bytes=-500", 2048), part(1548, 2047));
        assert_eq!(resolve("bytes=2000-5000", 2048), part(2000, 2047));
        assert_eq!(resolve("bytes=500-0", 2048), Resolved::NotSatisfiable);
        assert_eq!(resolve("bytes=5000-10000", 2048), Resolved::NotSatisfiable);
    }

    #[test]
    fn edges() {
        let part = |first, last| Resolved::Satisfiable { first, last };
        assert_eq!(resolve("bytes=0-0", 1), part(0, 0));
        assert_eq!(resolve("bytes=-9999", 10), part(0, 9));
        assert_eq!(resolve("bytes=0-99999999999999999999999", 10), part(0, 9));
        assert_eq!(resolve("bytes=99999999999999999999999-", 10), Resolved::NotSatisfiable);
        for empty in ["bytes=0-", "bytes=-5", "bytes=0-0", "bytes=-0"] {
            assert_eq!(resolve(empty, 0), Resolved::NotSatisfiable, "{empty}");
        }
        for ignored in
            ["", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=0-1,3-4", "lines=0-1", "bytes=+1-2", "bytes=1 - 2"]
        {
            assert_eq!(resolve(ignored, 10), Resolved::Ignore, "{ignored}");
        }
    }

    #[test]
    fn chunks() {
        let chunk: ContentRange = "512-1023".parse().unwrap();
        assert_eq!((chunk.first(), chunk.last(), chunk.length()), (512, 1023, 512));
        for bad in [
            "",
            "-",
            "1-",
            "-1",
            "2-1",
            "a-b",
            "bytes 0-1/2",
            "0-99999999999999999999",
            "0--1",
            "0-18446744073709551615",
        ] {
            assert!(bad.parse::<ContentRange>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_sent_lies_within_the_content(header in "(bytes=[0-9]{0,21}-[0-9]{0,21}|.{0,30})", size in prop_oneof![0..50_u64, any::<u64>()]) {
            if let Resolved::Satisfiable { first, last } = resolve(&header, size) {
                prop_assert!(first <= last && last < size);
            }
            if let Ok(range) = header.parse::<ContentRange>() {
                prop_assert!(range.length() >= 1);
                prop_assert_eq!(range.to_string().parse::<ContentRange>(), Ok(range));
            }
        }
    }
}
