//! A gzip file of any number of members (RFC 1952, section 2.2), with zeros allowed after the last.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

/// Parallel compressors write many members, and tapes and block devices pad with zeros; both are one stream to us.
pub(crate) struct GzipMembers<B: BufRead> {
    /// None after the last member.
    member: Option<GzDecoder<B>>,
}

impl<B: BufRead> GzipMembers<B> {
    pub(crate) fn new(packed: B) -> GzipMembers<B> {
        GzipMembers { member: Some(GzDecoder::new(packed)) }
    }
}

impl<B: BufRead> Read for GzipMembers<B> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let count = member.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            let Some(ended) = self.member.take() else { break };
            let mut packed = ended.into_inner();
            if more_after_zeros(&mut packed)? {
                self.member = Some(GzDecoder::new(packed));
            }
        }
        Ok(0)
    }
}

/// Skip zeros; true when something else follows, which must then be another member.
fn more_after_zeros(packed: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let (zeros, seen) = {
            let ahead = packed.fill_buf()?;
            (ahead.iter().take_while(|byte| **byte == 0).count(), ahead.len())
        };
        packed.consume(zeros);
        if seen == 0 {
            return Ok(false);
        }
        if zeros < seen {
            return Ok(true);
        }
    }
}
