//! Whether a program that is too large to be held has records that would be read in a smaller one.

use memchr::memmem;

use super::bundle;

/// What stands in every program that has such a record: the name of a section or symbol with its end, or the signature before a bundle.
const MARKS: [(&[u8], &str); 4] = [
    (b".dep-v0\0", "of Rust crates"),
    (b".note.package\0", "of a distribution's package"),
    (b"sbom_length\0", "of a native image's artifacts"),
    (&bundle::SIGNATURE, "of a .NET bundle"),
];

/// The offset of a bundle's header stands before its signature, and is 0 in a host that has none.
const OFFSET_BYTES: usize = 8;

/// Fed with the bytes of a program, in order and however they are cut.
#[derive(Debug, Default)]
pub struct Marks {
    found: Option<&'static str>,
    /// The last bytes, in which a mark may begin.
    tail: Vec<u8>,
}

impl Marks {
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.found.is_some() {
            return;
        }
        self.tail.extend_from_slice(bytes);
        let holds = |(mark, _): &&(&[u8], &str)| {
            memmem::find_iter(&self.tail, mark).any(|at| {
                let before = at.checked_sub(OFFSET_BYTES).map(|from| &self.tail[from..at]);
                *mark != bundle::SIGNATURE || before.is_some_and(|offset| offset != [0; OFFSET_BYTES])
            })
        };
        self.found = MARKS.iter().find(holds).map(|(_, what)| *what);
        let longest = bundle::SIGNATURE.len() + OFFSET_BYTES - 1;
        self.tail.drain(..self.tail.len().saturating_sub(longest));
    }

    /// Of what there is a record.
    pub fn found(&self) -> Option<&'static str> {
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_found_however_the_bytes_are_cut() {
        let whole = [&[7; 100][..], b".dep-v0\0", &[7; 100]].concat();
        let bundle = [&[7; 100][..], &bundle::SIGNATURE].concat();
        let host = [&[0; 100][..], &bundle::SIGNATURE].concat();
        for (bytes, expected) in [
            (&whole, Some("of Rust crates")),
            (&bundle, Some("of a .NET bundle")),
            (&host, None),
            (&b"a text about .dep-v0 in a program".to_vec(), None),
        ] {
            for size in [1, 3, 50, 1_000] {
                let mut marks = Marks::default();
                bytes.chunks(size).for_each(|chunk| marks.feed(chunk));
                assert_eq!(marks.found(), expected, "{size}");
            }
        }
    }
}
