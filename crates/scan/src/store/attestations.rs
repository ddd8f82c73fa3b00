//! The SQL of attestations: which are wanted, which were made.

use base::Timestamp;
use db::{Bulk, Error, Tx, Val, args};
use inventory::SCANNER_VERSION;
use oci::Digest;

/// What was scanned before attestations were made is attested once the program runs.
pub(super) const ATTESTATIONS_STEP: &str = "ALTER TABLE scan_settings ADD COLUMN attest BOOLEAN NOT NULL DEFAULT TRUE;
      CREATE TABLE attestations_wanted (image TEXT PRIMARY KEY, at BIGINT NOT NULL);
      INSERT INTO attestations_wanted (image, at) SELECT digest, 0 FROM scans WHERE state = 'done';
      CREATE TABLE attestations (
        image TEXT NOT NULL, kind TEXT NOT NULL, manifest TEXT NOT NULL, basis TEXT NOT NULL, PRIMARY KEY (image, kind))";

/// What the statements about an image follow from.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) inventory: String,
    /// The number of the set of findings.
    pub(crate) findings: String,
    /// What could not be judged.
    pub(crate) unjudged: String,
}

/// Of a completed scan. One of an older scanner is made again by itself, and attested then.
pub(crate) async fn known(tx: &mut Tx, image: &Digest) -> Result<Option<Known>, Error> {
    let sql = "SELECT inventory, fingerprint, unjudged FROM scans
         WHERE digest = $1 AND state = 'done' AND inventory IS NOT NULL AND scanner_version >= $2";
    let row = tx.opt(sql, &args![image.as_str(), SCANNER_VERSION]).await?;
    row.map(|row| {
        Ok(Known {
            inventory: row.text("inventory")?,
            findings: row.text("fingerprint")?,
            unjudged: row.text("unjudged")?,
        })
    })
    .transpose()
}

static WANT: Bulk<2> = Bulk::new(
    "INSERT INTO attestations_wanted (image, at) VALUES {rows} ON CONFLICT (image) DO UPDATE SET at = excluded.at",
    0,
);

/// Of these images, each named once.
pub(crate) async fn want_attestations(tx: &mut Tx, images: &[&Digest], now: Timestamp) -> Result<(), Error> {
    let rows: Vec<[Val; 2]> = images.iter().map(|image| args![image.as_str(), now]).collect();
    WANT.execute(tx, &[], &rows).await?;
    Ok(())
}

/// Of everything that was scanned.
pub(crate) async fn want_all_attestations(tx: &mut Tx, now: Timestamp) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO attestations_wanted (image, at) SELECT digest, $1 FROM scans WHERE state = 'done'
         ON CONFLICT (image) DO UPDATE SET at = excluded.at",
        &args![now],
    )
    .await?;
    Ok(())
}

/// Of what is attested with another form or key than what `basis` begins with; gives how many.
pub(crate) async fn want_other_attestations(tx: &mut Tx, basis: &str, now: Timestamp) -> Result<u64, Error> {
    let sql = "INSERT INTO attestations_wanted (image, at)
         SELECT DISTINCT a.image, CAST($1 AS BIGINT) FROM attestations a JOIN scans s ON s.digest = a.image AND s.state = 'done'
           WHERE a.basis NOT LIKE $2
         ON CONFLICT (image) DO UPDATE SET at = excluded.at";
    tx.execute(sql, &args![now, format!("{basis}%")]).await
}

/// Whether there is any such.
pub(crate) async fn has_other_attestations(tx: &mut Tx, basis: &str) -> Result<bool, Error> {
    let sql = "SELECT a.image FROM attestations a JOIN scans s ON s.digest = a.image AND s.state = 'done'
         WHERE a.basis NOT LIKE $1 LIMIT 1";
    Ok(tx.opt(sql, &args![format!("{basis}%")]).await?.is_some())
}

pub(crate) async fn forget_attestations(tx: &mut Tx, image: &Digest) -> Result<(), Error> {
    tx.execute("DELETE FROM attestations WHERE image = $1", &args![image.as_str()]).await?;
    Ok(())
}

/// Images to attest after `after`, by digest, and when that was noted.
pub(crate) async fn attestations_wanted(
    tx: &mut Tx,
    after: &str,
    limit: i64,
) -> Result<Vec<(Digest, Timestamp)>, Error> {
    let sql = "SELECT image, at FROM attestations_wanted WHERE image > $1 ORDER BY image LIMIT $2";
    let rows = tx.all(sql, &args![after, limit]).await?;
    rows.iter().map(|row| Ok((row.parse("image")?, row.time("at")?))).collect()
}

/// It was done as of then; what was wanted meanwhile is still wanted.
pub(crate) async fn attested(tx: &mut Tx, image: &Digest, wanted_at: Timestamp) -> Result<(), Error> {
    tx.execute("DELETE FROM attestations_wanted WHERE image = $1 AND at = $2", &args![image.as_str(), wanted_at])
        .await?;
    Ok(())
}

/// The manifest of the present attestation, and what it follows from.
pub(crate) async fn attestation(tx: &mut Tx, image: &Digest, kind: &str) -> Result<Option<(Digest, String)>, Error> {
    let sql = "SELECT manifest, basis FROM attestations WHERE image = $1 AND kind = $2";
    let row = tx.opt(sql, &args![image.as_str(), kind]).await?;
    row.map(|row| Ok((row.parse("manifest")?, row.text("basis")?))).transpose()
}

pub(crate) async fn set_attestation(
    tx: &mut Tx,
    image: &Digest,
    kind: &str,
    manifest: &Digest,
    basis: &str,
) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO attestations (image, kind, manifest, basis) VALUES ($1, $2, $3, $4)
         ON CONFLICT (image, kind) DO UPDATE SET manifest = excluded.manifest, basis = excluded.basis",
        &args![image.as_str(), kind, manifest.as_str(), basis],
    )
    .await?;
    Ok(())
}
