//! What reading one archive, with all archives inside it, may cost.

use base::limits::{ARCHIVE_INFLATED_BYTES, ARCHIVE_MEMBERS, ARCHIVE_RATIO, ARCHIVE_RATIO_FLOOR_BYTES, NAMED_PACKAGES};

use crate::Error;

/// Made once for the outermost archive and taken along into each inside.
#[derive(Debug)]
pub(crate) struct Budget {
    inflated_bytes: u64,
    most_inflated_bytes: u64,
    members: u64,
    packages: usize,
}

impl Budget {
    pub(crate) fn of(archive_bytes: u64) -> Budget {
        let by_ratio = archive_bytes.saturating_mul(ARCHIVE_RATIO).max(ARCHIVE_RATIO_FLOOR_BYTES);
        Budget { inflated_bytes: 0, most_inflated_bytes: by_ratio.min(ARCHIVE_INFLATED_BYTES), members: 0, packages: 0 }
    }

    /// Bytes that may still be unpacked.
    pub(crate) fn left_bytes(&self) -> u64 {
        self.most_inflated_bytes - self.inflated_bytes
    }

    pub(crate) fn inflated(&mut self, bytes: u64) -> Result<(), Error> {
        self.inflated_bytes = self.inflated_bytes.saturating_add(bytes);
        if self.inflated_bytes > self.most_inflated_bytes {
            self.inflated_bytes = self.most_inflated_bytes;
            return Err(Error::TooLarge { what: "unpacked bytes", limit: self.most_inflated_bytes });
        }
        Ok(())
    }

    pub(crate) fn member(&mut self) -> Result<(), Error> {
        self.members += 1;
        if self.members > ARCHIVE_MEMBERS {
            return Err(Error::TooLarge { what: "members", limit: ARCHIVE_MEMBERS });
        }
        Ok(())
    }

    pub(crate) fn package(&mut self) -> Result<(), Error> {
        self.packages += 1;
        if self.packages > NAMED_PACKAGES {
            return Err(Error::TooLarge { what: "packages", limit: NAMED_PACKAGES as u64 });
        }
        Ok(())
    }
}
