//! Which images are the lower part of another.

use db::{Error, Tx, args};
use oci::Digest;

/// Images whose uppermost layer is this one, in this place, and which are not the image itself; the oldest first.
pub(crate) async fn images_ending_with(
    tx: &mut Tx,
    image: &Digest,
    layer: &Digest,
    position: usize,
    limit: i64,
) -> Result<Vec<Digest>, Error> {
    let sql = "SELECT r.manifest FROM manifest_references r JOIN manifests m ON m.digest = r.manifest
         WHERE r.digest = $1 AND r.kind = 'layer' AND r.position = $2 AND r.manifest <> $3
           AND NOT EXISTS (SELECT 1 FROM manifest_references above
             WHERE above.manifest = r.manifest AND above.kind = 'layer' AND above.position = $4)
         ORDER BY m.created_at, r.manifest LIMIT $5";
    let position = i64::try_from(position).unwrap_or(i64::MAX);
    let rows = tx.all(sql, &args![layer.as_str(), position, image.as_str(), position + 1, limit]).await?;
    rows.iter().map(|row| row.parse("manifest")).collect()
}
