//! From one store to another.

use base::Ctx;
use oci::Digest;

use crate::{Blobs, Chunk, Error};

/// What became of one blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copied {
    /// It is in the other store now, with the right digest.
    Now,
    /// It was there already.
    Before,
    /// It was deleted while the others were copied.
    Gone,
}

impl Blobs {
    /// Copy one blob. What is there with the same size is left alone, unless `check` asks to read it; what is damaged there is
    /// replaced. [`Error::Damaged`] means that this store has other bytes than the digest names; nothing was copied then.
    pub async fn copy_to(
        &self,
        ctx: &Ctx,
        other: &Blobs,
        digest: &Digest,
        size: u64,
        check: bool,
    ) -> Result<Copied, Error> {
        if other.stat(digest).await? == Some(size) {
            match if check { other.verify(digest, size).await } else { Ok(()) } {
                Ok(()) => return Ok(Copied::Before),
                Err(Error::Damaged { .. } | Error::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let reader = match self.open(digest, size).await {
            Ok(blob) => blob.stream(0, size).await,
            Err(error) => Err(error),
        };
        let reader = match reader {
            Ok(reader) => reader,
            Err(Error::NotFound(_)) => return Ok(Copied::Gone),
            Err(error) => return Err(error),
        };
        let chunk = Chunk { offset: None, length: Some(size) };
        match other.take(ctx, digest, chunk, reader).await {
            Ok(_) => Ok(Copied::Now),
            Err(Error::WrongDigest { .. } | Error::Length { .. }) => {
                Err(Error::damaged(digest, "other bytes than its digest names"))
            }
            Err(error) => Err(error),
        }
    }
}
