//! The SQL of the pieces of blobs that parts were asked of.

use base::limits;
use blob::Pieces;
use db::{Error, Tx, args};
use oci::Digest;

/// The digests of its pieces, for each blob in a bucket of which a part was read.
pub(super) const PIECES_STEP: &str = "CREATE TABLE blob_pieces (
        digest TEXT PRIMARY KEY, piece_bytes BIGINT NOT NULL, pieces TEXT NOT NULL)";

/// Those of another size are of an earlier program, and of no use.
fn piece_bytes() -> i64 {
    i64::try_from(limits::PIECE_BYTES).unwrap_or(i64::MAX)
}

pub(crate) async fn pieces(tx: &mut Tx, digest: &Digest) -> Result<Option<Pieces>, Error> {
    let sql = "SELECT pieces FROM blob_pieces WHERE digest = $1 AND piece_bytes = $2";
    let row = tx.opt(sql, &args![digest.as_str(), piece_bytes()]).await?;
    row.map(|row| row.parse("pieces")).transpose()
}

/// Not of bytes that are being removed: the row goes with theirs.
pub(crate) async fn set_pieces(tx: &mut Tx, digest: &Digest, pieces: &Pieces) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO blob_pieces (digest, piece_bytes, pieces)
         SELECT digest, $2, $3 FROM blobs WHERE digest = $1 AND NOT sweeping
         ON CONFLICT (digest) DO UPDATE SET piece_bytes = excluded.piece_bytes, pieces = excluded.pieces",
        &args![digest.as_str(), piece_bytes(), pieces.to_string()],
    )
    .await?;
    Ok(())
}

pub(crate) async fn delete_pieces(tx: &mut Tx, digest: &Digest) -> Result<(), Error> {
    tx.execute("DELETE FROM blob_pieces WHERE digest = $1", &args![digest.as_str()]).await?;
    Ok(())
}
