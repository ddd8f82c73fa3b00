//! The engine's multiplexed output: frames of standard output and standard error on one connection.
//!
//! ```text
//! ┌────────┬───────────┬──────────────────┬─────────────────┐
//! │ stream │ 0  0  0   │ length, 32 bit BE │ length bytes …  │
//! └────────┴───────────┴──────────────────┴─────────────────┘
//! ```

/// Where a frame belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    Output,
    Error,
    /// A sentence of the engine itself.
    System,
}

/// Not a multiplexed stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the engine's output stream holds a malformed frame header")]
pub(crate) struct Malformed;

/// Parts frames wherever their bytes are cut; keeps at most one header.
#[derive(Debug)]
pub(crate) struct Demux {
    header: [u8; 8],
    /// Bytes of the header that came so far.
    have: usize,
    stream: Stream,
    /// Bytes of the present frame still to come.
    left: usize,
}

impl Demux {
    pub(crate) fn new() -> Demux {
        Demux { header: [0; 8], have: 0, stream: Stream::Output, left: 0 }
    }

    /// Give each piece of a frame's content in `input` to `each`.
    pub(crate) fn feed(&mut self, mut input: &[u8], mut each: impl FnMut(Stream, &[u8])) -> Result<(), Malformed> {
        while !input.is_empty() {
            if self.left > 0 {
                let (content, rest) = input.split_at(self.left.min(input.len()));
                each(self.stream, content);
                self.left -= content.len();
                input = rest;
                continue;
            }
            let (part, rest) = input.split_at((8 - self.have).min(input.len()));
            self.header[self.have..self.have + part.len()].copy_from_slice(part);
            self.have += part.len();
            input = rest;
            if self.have == 8 {
                self.begin_frame()?;
            }
        }
        Ok(())
    }

    fn begin_frame(&mut self) -> Result<(), Malformed> {
        let [stream, 0, 0, 0, length @ ..] = self.header else { return Err(Malformed) };
        self.stream = match stream {
            // 0 is standard input: the engine echoes nothing there, but the format allows it.
            0 | 1 => Stream::Output,
            2 => Stream::Error,
            3 => Stream::System,
            _ => return Err(Malformed),
        };
        self.left = usize::try_from(u32::from_be_bytes(length)).map_err(|_| Malformed)?;
        self.have = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Demux, Malformed, Stream};

    fn frame(stream: u8, content: &[u8]) -> Vec<u8> {
        let mut out = vec![stream, 0, 0, 0];
        out.extend_from_slice(&u32::try_from(content.len()).unwrap().to_be_bytes());
        out.extend_from_slice(content);
        out
    }

    #[test]
    fn refuses_what_is_no_header() {
        for bad in [[4, 0, 0, 0, 0, 0, 0, 1], [1, 0, 1, 0, 0, 0, 0, 1], *b"plain te"] {
            assert_eq!(Demux::new().feed(&bad, |_, _| {}), Err(Malformed));
        }
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same_streams(
            frames in prop::collection::vec((1u8..=3, prop::collection::vec(any::<u8>(), 0..30)), 0..12),
            size in 1usize..20,
        ) {
            let wire: Vec<u8> = frames.iter().flat_map(|(stream, content)| frame(*stream, content)).collect();
            let mut got = [Vec::new(), Vec::new(), Vec::new()];
            let mut demux = Demux::new();
            for chunk in wire.chunks(size) {
                let taken = demux.feed(chunk, |stream, content| {
                    let index = match stream { Stream::Output => 0, Stream::Error => 1, Stream::System => 2 };
                    got[index].extend_from_slice(content);
                });
                prop_assert_eq!(taken, Ok(()));
            }
            for (index, stream) in (0..).zip(1u8..=3) {
                let sent = frames.iter().filter(|(of, _)| *of == stream);
                let expected: Vec<u8> = sent.flat_map(|(_, content)| content.clone()).collect();
                prop_assert_eq!(&got[index], &expected);
            }
        }

        #[test]
        fn never_panics(wire in prop::collection::vec(any::<u8>(), 0..200), size in 1usize..20) {
            let mut demux = Demux::new();
            for chunk in wire.chunks(size) {
                if demux.feed(chunk, |_, _| {}).is_err() {
                    break;
                }
            }
        }
    }
}
