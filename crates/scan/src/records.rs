//! What the scanner keeps in files: named by the digest of what it says, stored packed.
//!
//! ```text
//!   inventory, listing ─ zstd ─► records/…/digest of the packed bytes       row of `records`: digest ─► packed, sizes
//!   snapshot ──────────────────► records/…/digest                           as it is: it is mapped, not read
//! ```
//!
//! A packer may give other bytes tomorrow, so nothing else knows the packed name. Records of before this table lie unpacked under their
//! own name, and are read from there.

use base::{Ctx, limits};
use oci::Digest;

use crate::{Error, Scan, layers::blocking, store};

/// What a listing of 13 MB packs to 4 MB in some 60 ms with; more takes longer than it saves.
const LEVEL: i32 = 3;

impl Scan {
    /// Keep bytes under the digest of what they say.
    pub(crate) async fn keep_record(&self, ctx: &Ctx, bytes: Vec<u8>) -> Result<(Digest, usize), Error> {
        let (digest, size) = (Digest::sha256_of(&bytes), bytes.len());
        // A row alone is not enough: the collector may have taken the file in this moment.
        if self.has_record(&digest).await? {
            return Ok((digest, size));
        }
        let packed = blocking(move || zstd::encode_all(&bytes[..], LEVEL)).await?;
        let packed = packed.map_err(|error| Error::Internal(format!("a record cannot be packed: {error}")))?;
        let row = store::Packed { digest: Digest::sha256_of(&packed), size: packed.len() as u64 };
        self.records.put(ctx, &row.digest, packed).await?;
        db::write!(self.db, ctx, |tx| store::insert_packed(tx, &digest, size as u64, &row).await)
            .map_err(|error: db::Error| Error::Database(error))?;
        Ok((digest, size))
    }

    /// Whether bytes are kept under this digest: its row, and the file of the size that the row says.
    pub(crate) async fn has_record(&self, digest: &Digest) -> Result<bool, Error> {
        match store::packed(&mut self.db.read().await?, digest).await? {
            Some((packed, _)) => Ok(self.records.stat(&packed.digest).await? == Some(packed.size)),
            None => Ok(false),
        }
    }

    /// The bytes that were kept under this digest, where they can be had; else they are made again.
    pub(crate) async fn record_if_there(&self, digest: &Digest) -> Option<Vec<u8>> {
        match self.record(digest).await {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                tracing::warn!(%error, "a record is made again");
                None
            }
        }
    }

    /// The bytes that were kept under this digest, checked.
    pub(crate) async fn record(&self, digest: &Digest) -> Result<Vec<u8>, Error> {
        let absent = || Error::Internal(format!("the record {digest} is not in the store"));
        let row = store::packed(&mut self.db.read().await?, digest).await?;
        let Some((packed, size)) = row else {
            let size = self.records.stat(digest).await?.ok_or_else(absent)?;
            return Ok(self.records.read(digest, size).await?);
        };
        let bytes = self.records.read(&packed.digest, packed.size).await?;
        let most = usize::try_from(size).unwrap_or(usize::MAX).min(limits::RECORD_BYTES);
        let bytes = blocking(move || zstd::bulk::decompress(&bytes, most)).await?;
        let bytes =
            bytes.map_err(|error| Error::Internal(format!("the record {digest} cannot be unpacked: {error}")))?;
        if Digest::sha256_of(&bytes) != *digest {
            return Err(Error::Internal(format!("the record {digest} does not say what it should")));
        }
        Ok(bytes)
    }

    /// Remove the file of a record, and its row.
    pub(crate) async fn drop_record(&self, ctx: &Ctx, digest: &Digest) -> Result<u64, Error> {
        let row = store::packed(&mut self.db.read().await?, digest).await?;
        let (name, size) = match row {
            Some((packed, _)) => (packed.digest, packed.size),
            None => (digest.clone(), self.records.stat(digest).await?.unwrap_or_default()),
        };
        // First the row: whoever reads meanwhile is told that the record is not there, and makes it again.
        db::write!(self.db, ctx, |tx| store::delete_packed(tx, digest).await)
            .map_err(|error: db::Error| Error::Database(error))?;
        Ok(if self.records.delete(&name).await? { size } else { 0 })
    }
}
